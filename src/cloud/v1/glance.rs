//! The list of jobs, of which only the count is wanted.

use crate::cloud::wire::{Answer, Limits, OwnedScalar, Reader, Scalar, document};
use crate::cloud::{Error, Refusal};

document! {
    struct ListDocument {
        is_success: OwnedScalar = "is_success",
        code: OwnedScalar = "error_code",
        message: OwnedScalar = "error_message" | "error_msg",
        total: OwnedScalar = "job_total_count",
    }
}

/// Codes and sentences are short.
const LIMITS: Limits = Limits { label_length: 200, classes: 0, extra_metrics: 0 };

/// The number of jobs in all pages. HTTP 200 may still carry a refusal, which may repeat the `secret`.
pub(super) fn job_count(body: &[u8], secret: &str) -> Result<u64, Error> {
    let Answer::<ListDocument>(document) =
        serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    if document.is_success.0 == Scalar::Bool(false) {
        let mut reader = Reader::new(LIMITS);
        let refusal = Refusal {
            status: 200,
            code: reader.label("error_code", &document.code.0),
            message: reader.label("error_message", &document.message.0),
        };
        return Err(Error::Rejected(refusal.without(&[secret])));
    }
    let total = document.total.0.integer().ok().flatten();
    total
        .and_then(|total| u64::try_from(total).ok())
        .ok_or_else(|| Error::Malformed("no list of jobs".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_told_from_everything_else() {
        let count = |body: &str| job_count(body.as_bytes(), "t0ken");
        assert_eq!(count(r#"{"is_success":true,"job_total_count":"12","jobs":[]}"#).unwrap(), 12);
        let rejected =
            count(r#"{"is_success":false,"error_code":"ModelArts.0105","error_msg":"t0ken"}"#);
        assert_eq!(
            rejected.unwrap_err().to_string(),
            "the cloud rejected the call: HTTP 200, ModelArts.0105"
        );
        for other in ["{}", "[]", "<html>", r#"{"job_total_count":-1}"#] {
            assert_eq!(count(other).unwrap_err().reason(), "malformed", "{other}");
        }
    }
}
