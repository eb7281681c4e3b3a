use std::fmt;
use std::path::Path;

use super::layers::Origin;

/// Everything that is wrong with the configuration, found in one go.
///
/// Shows file names, names of environment variables and flags, key paths and reasons; never a value
/// and never a line of the file, since either may be a secret.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// At least one, sorted by place and key.
    pub mistakes: Vec<Mistake>,
}

/// One thing the operator has to correct.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file, the environment variable or the flag.
    pub place: String,
    /// The key path, such as `projects[1].auth.method`; `line 3, column 7` for broken syntax.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

/// Something that works, but that the operator should know about. Logged at start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The environment variable or the key path.
    pub subject: String,
    /// What about it.
    pub reason: String,
}

/// Why a value was refused, before it is known where it stood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// Collects what is found on the way, so that the operator corrects everything in one pass.
#[derive(Debug)]
pub(super) struct Report {
    /// Where a missing key belongs.
    file: Option<String>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
}

impl Report {
    pub(super) fn new(file: Option<&Path>) -> Self {
        let file = file.map(|path| path.display().to_string());
        Self { file, mistakes: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// A mistake in a value that was given.
    pub(super) fn refuse(&mut self, origin: &Origin, key: &str, refusal: Refusal) {
        self.push(origin.place.clone(), key, refusal);
    }

    /// A mistake in what was not given, or not given anywhere in particular.
    pub(super) fn missing(&mut self, key: &str, refusal: Refusal) {
        let place = self.file.clone().unwrap_or_else(|| "--config.file".to_owned());
        self.push(place, key, refusal);
    }

    pub(super) fn warn(&mut self, subject: impl Into<String>, reason: impl Into<String>) {
        self.warnings.push(Warning { subject: subject.into(), reason: reason.into() });
    }

    pub(super) fn is_clean(&self) -> bool {
        self.mistakes.is_empty()
    }

    pub(super) fn into_error(mut self) -> ConfigError {
        self.mistakes.sort();
        self.mistakes.dedup();
        ConfigError { mistakes: self.mistakes }
    }

    pub(super) fn into_warnings(mut self) -> Vec<Warning> {
        self.warnings.sort();
        self.warnings.dedup();
        self.warnings
    }

    fn push(&mut self, place: String, key: &str, Refusal { reason, remedy }: Refusal) {
        self.mistakes.push(Mistake { place, key: key.to_owned(), reason, remedy });
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => f.write_str("the configuration has one mistake")?,
            count => write!(f, "the configuration has {count} mistakes")?,
        }
        let column = |cell: fn(&Mistake) -> &String| {
            self.mistakes.iter().map(|mistake| cell(mistake).chars().count()).max().unwrap_or(0)
        };
        let (places, keys) = (column(|mistake| &mistake.place), column(|mistake| &mistake.key));
        for Mistake { place, key, reason, remedy } in &self.mistakes {
            write!(f, "\n  {place:places$}  {key:keys$}  {reason}")?;
            if !remedy.is_empty() {
                write!(f, "; {remedy}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}
