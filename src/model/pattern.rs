use regex::{Regex, RegexBuilder};

/// The largest compiled pattern: a thousand times what a pattern for names takes.
const LARGEST_PATTERN: usize = 1 << 20;

/// Why a text is no pattern for names. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It cannot be read.
    #[error("is not a regular expression")]
    Syntax,
    /// Its compiled form would be too large.
    #[error("is too large a regular expression")]
    TooLarge,
}

/// A pattern that a whole name has to match, as in Prometheus.
#[derive(Clone, Debug)]
pub struct NamePattern {
    /// As the operator wrote it.
    text: String,
    anchored: Regex,
}

impl NamePattern {
    /// The pattern that is written so.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        // Alone first: `a)|(b` is none, though it would be one between our parentheses.
        compile(text)?;
        Ok(Self { text: text.to_owned(), anchored: compile(&format!(r"\A(?:{text})\z"))? })
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.anchored.is_match(name)
    }

    /// As the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Two patterns are the same where they are written so.
impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A regular expression of bounded size.
pub(super) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let regex = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        _ => PatternError::Syntax,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_has_to_match() {
        let table = [
            ("prod-.*", "prod-1", true),
            ("prod-.*", "preprod-1", false),
            ("prod", "prod-1", false),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            ("", "", true),
            ("", "a", false),
            ("größe", "größe", true),
            ("(?i)PROD", "prod", true),
        ];
        for (pattern, name, matches) in table {
            let found = NamePattern::new(pattern).unwrap().matches(name);
            assert_eq!(found, matches, "{pattern} on {name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_pattern() {
        let table = [
            ("(", PatternError::Syntax),
            ("a)|(b", PatternError::Syntax),
            ("(?x)a # swallows the end", PatternError::Syntax),
            (r"(\w{1000}){1000}", PatternError::TooLarge),
        ];
        for (pattern, error) in table {
            assert_eq!(NamePattern::new(pattern).err(), Some(error), "{pattern}");
        }
    }
}
