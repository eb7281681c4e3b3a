use http::StatusCode;
use serde::Serialize;

use super::answer::Answer;

/// One of the two training APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Api {
    /// Jobs with numbers and versions.
    V1,
    /// Jobs with UUIDs and tasks.
    V2,
}

impl Api {
    /// What the service says where it refuses, in the form of this API.
    pub(super) fn error(self, status: StatusCode, code: &str, message: &str) -> Answer {
        match self {
            Self::V1 => Answer::service_error(status, code, message),
            Self::V2 => Answer::common_error(status, code, message),
        }
    }
}
