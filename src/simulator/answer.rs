use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// An answer before faults and transport have had their say.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// The gateway's error document, and v2's.
#[derive(Serialize)]
struct CommonError<'a> {
    error_msg: &'a str,
    error_code: &'a str,
    /// The gateway names each request; the service behind it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// v1's error document.
#[derive(Serialize)]
struct ServiceError<'a> {
    is_success: bool,
    error_message: &'a str,
    error_code: &'a str,
}

/// Keystone's error document.
#[derive(Serialize)]
struct KeystoneError<'a> {
    error: KeystoneReason<'a>,
}

#[derive(Serialize)]
struct KeystoneReason<'a> {
    code: u16,
    message: &'a str,
    title: &'a str,
    /// Where the cloud adds its own code to Keystone's document.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
}

/// The real service names each request; ours are all the same one.
const REQUEST_ID: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

impl Answer {
    /// A JSON document.
    pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Self {
        // Serialising our own types into memory cannot fail; an empty body would show at once.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self::raw(status, "application/json", body)
    }

    /// A body of some type.
    pub(super) fn raw(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        Self { status, headers: vec![(header::CONTENT_TYPE, content_type)], body: body.into() }
    }

    /// No body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header; left out if the value is none a header can have.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// What the gateway says before the service is reached.
    pub(super) fn gateway_error(status: StatusCode, code: &str, message: &str) -> Self {
        let request_id = Some(REQUEST_ID);
        Self::json(status, &CommonError { error_msg: message, error_code: code, request_id })
    }

    /// What v2 says.
    pub(super) fn common_error(status: StatusCode, code: &str, message: &str) -> Self {
        let error = CommonError { error_msg: message, error_code: code, request_id: None };
        Self::json(status, &error)
    }

    /// What v1 says.
    pub(super) fn service_error(status: StatusCode, code: &str, message: &str) -> Self {
        let error = ServiceError { is_success: false, error_message: message, error_code: code };
        Self::json(status, &error)
    }

    /// What IAM says.
    pub(super) fn keystone_error(status: StatusCode, message: &str) -> Self {
        Self::identity_error(status, message, None)
    }

    /// What IAM says to every password for a while after too many wrong ones.
    pub(super) fn account_locked() -> Self {
        Self::identity_error(StatusCode::UNAUTHORIZED, "Account locked.", Some("IAM.0061"))
    }

    fn identity_error(status: StatusCode, message: &str, error_code: Option<&str>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let error = KeystoneReason { code: status.as_u16(), message, title, error_code };
        Self::json(status, &KeystoneError { error })
    }

    /// A path nobody knows, or no longer.
    pub(super) fn unpublished() -> Self {
        Self::gateway_error(
            StatusCode::NOT_FOUND,
            "APIGW.0101",
            "The API does not exist or has not been published in the environment",
        )
    }

    /// A token or a signature that does not open anything.
    pub(super) fn bad_credentials(reason: &str) -> Self {
        Self::gateway_error(
            StatusCode::UNAUTHORIZED,
            "APIGW.0301",
            &format!("Incorrect IAM authentication information: {reason}"),
        )
    }

    /// A job or version that is not there.
    ///
    /// No document gives v1's answer. 404 with v1's error document says what it is, and stays apart from
    /// the gateway's 404 for an API that was switched off and from a rejection under 200.
    pub(super) fn unknown_job() -> Self {
        Self::service_error(
            StatusCode::NOT_FOUND,
            "ModelArts.0105",
            "The training job does not exist.",
        )
    }

    /// A parameter out of its range.
    pub(super) fn bad_parameter(name: &str) -> Self {
        Self::service_error(
            StatusCode::BAD_REQUEST,
            "ModelArts.0104",
            &format!("Parameter error: {name}."),
        )
    }
}
