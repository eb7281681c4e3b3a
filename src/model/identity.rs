use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The cloud's id of a training job: v1's integer in decimal digits, v2's uuid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(Arc<str>);

/// The cloud's id of one version of a job: v1's integer in decimal digits; v2 has none, the text is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionId(Arc<str>);

/// A job of a project: the key under which everything about it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKey {
    /// The project's configured name, which is the label `project`.
    pub project: Arc<str>,
    /// The job's id in that project.
    pub job_id: JobId,
}

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text, as it stands in labels and URLs.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as a number where it is one, so that 9 sorts before 10.
            pub fn number(&self) -> Option<u64> {
                self.0.parse().ok()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number.to_string().into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(JobId);
text_id!(VersionId);

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.job_id)
    }
}
