use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::model::pattern::compile;
use crate::model::{PatternError, State, Status};

/// How a run ended, as far as it says something about the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it was meant to do.
    Completed,
    /// It broke, or was lost.
    Failed,
    /// A user stopped it.
    Terminated,
}

impl Outcome {
    /// Every outcome, in the order of the label values on `/metrics`.
    pub const ALL: [Self; 3] = [Self::Completed, Self::Failed, Self::Terminated];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }

    /// The outcome of a run that has ended in this state.
    ///
    /// `None` where the state says nothing about the run: v1's `DELETE_FAILED`, and states in which
    /// nothing ends. v1's LOST and v2's Abnormal are failures; whether a lost run has ended is for the
    /// caller to know.
    pub fn of(state: State) -> Option<Self> {
        match state.status {
            Status::Completed => Some(Self::Completed),
            Status::Failed => Some(Self::Failed),
            Status::Terminated => Some(Self::Terminated),
            // The only other abnormal state of v1, and terminal like v2's, is DELETE_FAILED.
            Status::Abnormal if state.lost || state.code.is_none() => Some(Self::Failed),
            _ => None,
        }
    }
}

/// Which part of a job's name outcomes are kept under, so that `train-20260101` and `train-20260102`
/// are two runs of `train`.
#[derive(Clone, Debug, Default)]
pub struct NameRule {
    /// Without one, the whole name.
    pattern: Option<Regex>,
}

/// Why a pattern is no rule for names. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRuleError {
    /// It is no pattern at all.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Nothing says which part of the name is meant.
    #[error("has no capture group")]
    NoCapture,
}

impl NameRule {
    /// A rule that takes the first capture of this pattern.
    pub fn new(pattern: &str) -> Result<Self, NameRuleError> {
        let regex = compile(pattern)?;
        if regex.captures_len() < 2 {
            return Err(NameRuleError::NoCapture);
        }
        Ok(Self { pattern: Some(regex) })
    }

    /// The pattern, where there is one.
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_ref().map(Regex::as_str)
    }

    /// The name under which the outcomes of a job are kept: capture 1, or the whole name where the
    /// pattern does not match or the capture is empty.
    pub fn apply<'a>(&self, job_name: &'a str) -> &'a str {
        let captures = self.pattern.as_ref().and_then(|pattern| pattern.captures(job_name));
        let part = captures.and_then(|captures| captures.get(1)).map(|part| part.as_str());
        part.filter(|part| !part.is_empty()).unwrap_or(job_name)
    }
}

/// Two rules are the same where their patterns are.
impl PartialEq for NameRule {
    fn eq(&self, other: &Self) -> bool {
        self.pattern() == other.pattern()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_v1_code_has_its_outcome() {
        for code in -1..30 {
            let want = match code {
                10 => Some(Outcome::Completed),
                3 | 5 | 11 | 14 | 16 | 17 | 21 | 22 => Some(Outcome::Failed),
                12 | 13 => Some(Outcome::Terminated),
                _ => None,
            };
            assert_eq!(Outcome::of(State::from_v1(code)), want, "code {code}");
        }
    }

    #[test]
    fn an_abnormal_end_without_a_code_is_a_failure() {
        let state = State::from_v2("Abnormal");
        assert_eq!(Outcome::of(state), Some(Outcome::Failed));
    }

    #[test]
    fn names_are_cut_by_the_first_capture() {
        let rule = NameRule::new(r"^(.*?)-\d{8,}$").unwrap();
        let table = [
            ("train-20260101", "train"),
            ("train-2026", "train-2026"),
            ("a-b-12345678", "a-b"),
            // An empty capture would throw all such jobs together.
            ("-12345678", "-12345678"),
            ("", ""),
            ("größe-123456789", "größe"),
        ];
        for (job, name) in table {
            assert_eq!(rule.apply(job), name, "{job}");
        }
        assert_eq!(NameRule::default().apply("train-20260101"), "train-20260101");
        let optional = NameRule::new("^a|(b)$").unwrap();
        assert_eq!((optional.apply("a1"), optional.apply("1b")), ("a1", "b"));
    }

    #[test]
    fn a_pattern_that_names_no_part_is_no_rule() {
        let table = [
            ("(", PatternError::Syntax.into()),
            ("a.*", NameRuleError::NoCapture),
            ("(?:a).*", NameRuleError::NoCapture),
            (r"(\w{1000}){1000}", PatternError::TooLarge.into()),
        ];
        for (pattern, error) in table {
            assert_eq!(NameRule::new(pattern).err(), Some(error), "{pattern}");
        }
    }
}
