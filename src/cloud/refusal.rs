//! What an answer outside 2xx means.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use crate::cloud::wire::{Answer, Lenient, Limits, OwnedScalar, Reader, document};
use crate::cloud::{Error, Refusal};

/// Characters of the cloud's own words that are passed on.
const MESSAGE_LENGTH: usize = 200;

/// v2's `NotReadyToFetchMetric`: a task that does not run yet, or has no sample yet.
const TOO_EARLY: &str = "2777";

const LIMITS: Limits =
    Limits { label_length: MESSAGE_LENGTH, classes: 0, extra_metrics: 0, tasks: 0 };

document! {
    /// The shapes a refusal comes in: `error_code` with `error_msg` (v2, gateway) or
    /// `error_message` (v1), `code` with `message`, `errorCode` with `errorMsg`, and IAM's `error`
    /// around any of them.
    struct RefusalDocument {
        code: OwnedScalar = "error_code" | "code" | "errorCode",
        message: OwnedScalar = "error_msg" | "error_message" | "message" | "errorMsg",
        error: Lenient<InnerRefusal> = "error",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct InnerRefusal {
        code: OwnedScalar = "error_code" | "code",
        message: OwnedScalar = "error_msg" | "message",
    }
}

/// Sorts a refusal by its status and code.
///
/// Codes: OTC API reference, "Error Codes"; the gateway's come with the prefix `APIGW.` or `APIG.`.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[&str],
) -> Error {
    let refusal = describe(status, body, secrets);
    let retry_after = retry_after(headers);
    match (status.as_u16(), refusal.number()) {
        (429, _) => Error::Throttled { retry_after, refusal },
        // Too busy, and it says for how long.
        (503, _) if retry_after.is_some() => Error::Throttled { retry_after, refusal },
        (401, _) if refusal.message.contains("signature expired") => {
            Error::Clock { ahead_seconds: ahead_seconds(headers), refusal }
        }
        // The service's 403 with this code speaks of the access key, not of a permission.
        (401, _) | (403, "0206") => Error::Unauthorized(refusal),
        (403, _) => Error::Forbidden(refusal),
        // The gateway's own 404: nothing is published under this path.
        (404, "0101") if refusal.code.starts_with("APIG") => Error::ApiRetired(refusal),
        // A 404 without a code of the service is somebody else's, a proxy's perhaps, and says nothing
        // about the job. Nor do those of a wrong project, a wrong path and a pool that is gone.
        (404, "" | "2786" | "2836" | "2890") => Error::BadRequest(refusal),
        // The documents have it come with 204, which has no body to say so.
        (_, TOO_EARLY) => Error::TooEarly(refusal),
        // The service says 400 for a job it does not know; 404 is what one would expect.
        (404, _) | (400, "2775") => Error::NotFound(refusal),
        (500.., _) => Error::Server(refusal),
        _ => Error::BadRequest(refusal),
    }
}

/// `Retry-After`: seconds or an HTTP date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(Timestamp::now())).ok()
}

/// Our clock against `Date`.
fn ahead_seconds(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Timestamp::now().duration_since(theirs).as_secs())
}

fn describe(status: StatusCode, body: &[u8], secrets: &[&str]) -> Refusal {
    let mut reader = Reader::new(LIMITS);
    let (mut code, mut message) = (String::new(), String::new());
    if let Ok(Answer(document)) = serde_json::from_slice::<Answer<RefusalDocument>>(body) {
        let inner = reader.object("error", document.error).unwrap_or_default();
        for text in [&document.code, &inner.code] {
            if code.is_empty() {
                code = reader.label("error_code", &text.0);
            }
        }
        for text in [&document.message, &inner.message] {
            if message.is_empty() {
                message = reader.label("error_msg", &text.0);
            }
        }
    }
    if code.is_empty() && message.is_empty() {
        message = plain(body, &mut reader);
    }
    Refusal { status: status.as_u16(), code, message }.without(secrets)
}

/// The first line of a plain text, as the metadata service answers; a page of a proxy and broken JSON
/// say nothing that belongs in a log.
fn plain(body: &[u8], reader: &mut Reader) -> String {
    let line = std::str::from_utf8(body).ok().and_then(|text| text.trim().lines().next());
    let line = line.filter(|line| !line.starts_with(['<', '{', '[', '"']));
    reader.cut("error_msg", line.unwrap_or_default().into())
}

impl Refusal {
    /// The same in an answer of HTTP 200.
    pub(super) fn in_answer(self) -> Error {
        match self.number() {
            TOO_EARLY => Error::TooEarly(self),
            _ => Error::Rejected(self),
        }
    }

    /// The code without the service it comes from.
    fn number(&self) -> &str {
        self.code.rsplit('.').next().unwrap_or_default()
    }

    /// The same, fit for a log: a gateway that repeats what we sent, whole or cut short, must not make
    /// us write it down.
    #[must_use]
    pub(super) fn without(mut self, secrets: &[&str]) -> Self {
        for text in [&mut self.code, &mut self.message] {
            // First, or one in the middle of a secret would hide it.
            text.retain(|character| !character.is_control());
            if secrets.iter().any(|secret| text.contains(start_of(secret))) {
                text.clear();
            }
        }
        self
    }
}

/// The part of a secret that gives it away; an empty secret gives away nothing.
fn start_of(secret: &str) -> &str {
    const TELLING: usize = 8;
    match secret.char_indices().nth(TELLING) {
        Some((end, _)) => &secret[..end],
        None if secret.is_empty() => "\0",
        None => secret,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;

    fn refusal(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        read(status, &HeaderMap::new(), body.as_bytes(), &["t0ken"])
    }

    fn after(value: &[u8]) -> HeaderMap {
        let value = header::HeaderValue::from_bytes(value).unwrap();
        HeaderMap::from_iter([(header::RETRY_AFTER, value)])
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_refusal_makes_the_reader_panic(
            status in 100u16..1000, body in hostile::answers(&hostile::REFUSALS), secret in "[a-zA-Z.0-9]{0,12}",
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            let error = read(status, &HeaderMap::new(), &body, &[&secret]);
            let said = error.to_string();
            prop_assert!(!said.chars().any(char::is_control), "{:?}", said);
            let told = describe(status, &body, &[&secret]);
            for text in [told.code, told.message] {
                prop_assert!(text.chars().count() <= MESSAGE_LENGTH);
                prop_assert!(secret.is_empty() || !text.contains(&secret), "{} of {}", text, secret);
            }
        }

        #[test]
        fn no_header_makes_the_reader_panic(
            value in prop_oneof![
                "[\\x20-\\x7e]{0,40}",
                "-?[0-9]{0,30}(\\.[0-9])?",
                "(Sun|Mon|Xyz), [0-9]{1,2} (Feb|Nov) [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})",
            ],
        ) {
            let waits = retry_after(&after(value.as_bytes()));
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert!(!is_number || waits.is_some() || value.len() > 19, "{}", value);
        }

        #[test]
        fn no_header_bytes_make_the_reader_panic(value in proptest::collection::vec(0x80u8.., 0..40)) {
            prop_assert_eq!(retry_after(&after(&value)), None);
        }
    }

    #[test]
    fn large_refusals_are_read_in_time() {
        hostile::in_time(|body| drop(describe(StatusCode::OK, body, &["t0ken"])));
    }

    #[test]
    fn waiting_is_asked_for_in_seconds_or_by_a_time() {
        let in_an_hour = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let date = jiff::fmt::rfc2822::to_string(&in_an_hour.to_zoned(jiff::tz::TimeZone::UTC));
        let wait = retry_after(&after(date.unwrap().as_bytes())).unwrap();
        assert!((3595..=3600).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(retry_after(&after(b" 7 ")), Some(Duration::from_secs(7)));
        for (status, reason) in [(429, "throttled"), (503, "throttled"), (500, "server_error")] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(read(status, &after(b"7"), b"", &[]).reason(), reason);
        }
        assert_eq!(refusal(503, "").reason(), "server_error");
    }

    #[test]
    fn every_documented_shape_tells_code_and_message() {
        let table = [
            (
                401,
                r#"{"error_msg":"decrypt token fail","error_code":"APIGW.0301","request_id":"x"}"#,
                "unauthorized",
                "APIGW.0301",
                "decrypt token fail",
            ),
            (
                429,
                r#"{"error_msg":"throttled","error_code":"APIG.0308"}"#,
                "throttled",
                "APIG.0308",
                "throttled",
            ),
            (
                404,
                r#"{"error_msg":"not published","error_code":"APIGW.0101"}"#,
                "api_retired",
                "APIGW.0101",
                "not published",
            ),
            (
                404,
                r#"{"is_success":false,"error_message":"no such job","error_code":"ModelArts.0105"}"#,
                "not_found",
                "ModelArts.0105",
                "no such job",
            ),
            (
                400,
                r#"{"error_msg":"no such job","error_code":"ModelArts.2775"}"#,
                "not_found",
                "ModelArts.2775",
                "no such job",
            ),
            (
                401,
                r#"{"error":{"code":401,"message":"wrong","title":"Unauthorized"}}"#,
                "unauthorized",
                "401",
                "wrong",
            ),
            (
                400,
                r#"{"error":{"error_code":"IAM.0001","error_msg":"no"}}"#,
                "bad_request",
                "IAM.0001",
                "no",
            ),
            (
                403,
                r#"{"code":"ModelArts.0210","message":"project"}"#,
                "forbidden",
                "ModelArts.0210",
                "project",
            ),
            (
                403,
                r#"{"error_code":"ModelArts.0206","error_msg":"invalid AK/SK"}"#,
                "unauthorized",
                "ModelArts.0206",
                "invalid AK/SK",
            ),
            (
                500,
                r#"{"errorCode":"ModelArts.2950","errorMsg":"unknown"}"#,
                "server_error",
                "ModelArts.2950",
                "unknown",
            ),
            (502, "<html>bad gateway</html>", "server_error", "", ""),
            (404, "<html>not here</html>", "bad_request", "", ""),
            (401, "configure it first\nplease", "unauthorized", "", "configure it first"),
            (401, "bad token t0ken", "unauthorized", "", ""),
            (302, "", "bad_request", "", ""),
            (401, r#"{"message":"bad token t0ken"}"#, "unauthorized", "", ""),
            (401, r#"{"code":"t0ken","message":"bad\n"}"#, "unauthorized", "", "bad"),
        ];
        for (status, body, reason, code, message) in table {
            let error = refusal(status, body);
            assert_eq!(error.reason(), reason, "{body}");
            let (Error::Throttled { refusal, .. }
            | Error::Unauthorized(refusal)
            | Error::Forbidden(refusal)
            | Error::NotFound(refusal)
            | Error::ApiRetired(refusal)
            | Error::BadRequest(refusal)
            | Error::Server(refusal)) = error
            else {
                panic!("{body}")
            };
            assert_eq!((&*refusal.code, &*refusal.message), (code, message), "{body}");
        }
    }

    #[test]
    fn the_codes_of_v2_tell_a_job_that_is_gone_from_a_wrong_way_to_it() {
        let table = [
            (400, "ModelArts.2775", "not_found"),
            (404, "ModelArts.2786", "bad_request"),
            (404, "ModelArts.2836", "bad_request"),
            (404, "ModelArts.2890", "bad_request"),
            (400, "ModelArts.2789", "bad_request"),
            (400, "ModelArts.50004000", "bad_request"),
            (429, "ModelArts.2799", "throttled"),
            (500, "ModelArts.2955", "server_error"),
        ];
        for (status, code, reason) in table {
            let error = refusal(status, &format!(r#"{{"error_code":"{code}","error_msg":"x"}}"#));
            assert_eq!(error.reason(), reason, "{status} {code}");
        }
    }

    #[test]
    fn metrics_that_are_not_there_yet_are_no_failure() {
        let body = r#"{"error_msg":"NotReadyToFetchMetric","error_code":"ModelArts.2777"}"#;
        for status in [400, 404, 409] {
            assert!(refusal(status, body).is_answer(), "{status}");
        }
        assert_eq!(refusal(429, body).reason(), "throttled", "a silence is kept none the less");
        assert!(!refusal(404, "").is_answer());
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let body = br#"{"error_code":"APIGW.0301","error_msg":"signature expired"}"#;
        let told = |headers: &HeaderMap| read(StatusCode::UNAUTHORIZED, headers, body, &[]);
        let mut headers = HeaderMap::new();
        assert!(matches!(told(&headers), Error::Clock { ahead_seconds: None, .. }));
        let hour_ago = Timestamp::now() - jiff::SignedDuration::from_hours(1);
        let date = jiff::fmt::rfc2822::to_string(&hour_ago.to_zoned(jiff::tz::TimeZone::UTC));
        headers.insert(header::DATE, date.unwrap().parse().unwrap());
        let error = told(&headers);
        assert_eq!(error.reason(), "unauthorized");
        let text = error.to_string();
        assert!(text.contains("our clock is 360"), "{text}");
        assert!(text.contains(" s ahead of the cloud's"), "{text}");
    }
}
