//! AK/SK signatures, checked as the gateway checks them.
//!
//! Written from the documents alone (Huawei Cloud, "API Request Signing Guide"; the older scheme as
//! Open Telekom Cloud's Go client signs) and shared with nobody who signs.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION, request::Parts};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use ring::{digest, hmac};

use super::iam::header;

const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// When the request was signed, `YYYYMMDDTHHMMSSZ`.
const DATE: HeaderName = HeaderName::from_static("x-sdk-date");
/// What stands in the signature for the body.
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-sdk-content-sha256");
/// The body is not part of the signature.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// Without these a signature could be put under another request.
const NEEDED: [&str; 2] = ["host", "x-sdk-date"];

/// What `Authorization` says.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    /// The access key.
    pub(super) key: &'a str,
    /// `YYYYMMDD/region/service/sdk_request` in the older scheme.
    scope: Option<&'a str>,
    signed_headers: &'a str,
    /// Lower-case hexadecimal digits.
    value: &'a str,
}

/// The request says that it is signed.
pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    header(headers, &AUTHORIZATION).is_some_and(|text| text.starts_with(ALGORITHM))
}

/// When the request says it was signed.
pub(super) fn signed_at(headers: &HeaderMap) -> Option<Timestamp> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", header(headers, &DATE)?).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

impl<'a> Signature<'a> {
    /// `SDK-HMAC-SHA256 Access=KEY, SignedHeaders=a;b, Signature=HEX`, or with `Credential=KEY/SCOPE`.
    pub(super) fn read(headers: &'a HeaderMap) -> Option<Self> {
        let text = header(headers, &AUTHORIZATION)?.strip_prefix(ALGORITHM)?;
        let (mut key, mut scope, mut signed_headers, mut value) = (None, None, None, None);
        for part in text.split(',') {
            match part.trim().split_once('=')? {
                ("Access", text) => key = Some(text),
                ("Credential", text) => {
                    let (name, rest) = text.split_once('/')?;
                    (key, scope) = (Some(name), Some(rest));
                }
                ("SignedHeaders", text) => signed_headers = Some(text),
                ("Signature", text) => value = Some(text),
                _ => return None,
            }
        }
        Some(Self { key: key?, scope, signed_headers: signed_headers?, value: value? })
    }

    /// This secret key signed this request.
    pub(super) fn is_of(&self, secret: &str, request: &Parts, body: &[u8]) -> bool {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        if !NEEDED.iter().all(|needed| names.contains(needed)) {
            return false;
        }
        let (Some(headers), Some(date), Some(key)) = (
            canonical_headers(&request.headers, &names),
            header(&request.headers, &DATE),
            self.signing_key(secret, &request.headers),
        ) else {
            return false;
        };
        let start = format!(
            "{}\n{}\n{}\n",
            request.method,
            canonical_path(request.uri.path()),
            canonical_query(request.uri.query().unwrap_or_default(), self.scope.is_some()),
        );
        let scope = self.scope.map(|scope| format!("{scope}\n")).unwrap_or_default();
        payloads(&request.headers, body).iter().any(|payload| {
            let end = format!("\n{}\n{payload}", self.signed_headers);
            let canonical = [start.as_bytes(), &headers, end.as_bytes()].concat();
            let to_sign = format!("{ALGORITHM}\n{date}\n{scope}{}", sha256(&canonical));
            hex(hmac::sign(&key, to_sign.as_bytes()).as_ref()) == self.value
        })
    }

    /// The secret itself, or in the older scheme what day, region and service make of it.
    fn signing_key(&self, secret: &str, headers: &HeaderMap) -> Option<hmac::Key> {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let Some(scope) = self.scope else { return Some(key(secret.as_bytes())) };
        let mut parts = scope.split('/');
        let day = parts.next()?;
        if !header(headers, &DATE)?.starts_with(day) || parts.clone().nth(2) != Some("sdk_request")
        {
            return None;
        }
        let first = key(format!("SDK{secret}").as_bytes());
        Some(
            [day]
                .into_iter()
                .chain(parts)
                .fold(first, |derived, part| key(hmac::sign(&derived, part.as_bytes()).as_ref())),
        )
    }
}

/// A line for each; `None` if the request lacks one.
fn canonical_headers(headers: &HeaderMap, names: &[&str]) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    for name in names {
        let value = headers.get(*name)?.as_bytes().trim_ascii();
        lines.extend([name.as_bytes(), b":", value, b"\n"].concat());
    }
    Some(lines)
}

/// Each segment encoded anew, and a slash at the end, whether there is one or not.
fn canonical_path(path: &str) -> String {
    let mut canonical = String::new();
    for byte in unescaped(path) {
        if byte == b'/' { canonical.push('/') } else { escape(byte, &mut canonical) }
    }
    if !canonical.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// Sorted by name, then value; the older scheme takes capitals for small letters there.
fn canonical_query(query: &str, scoped: bool) -> String {
    let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    pairs.sort();
    if scoped {
        pairs.sort_by_key(|(name, _)| name.to_lowercase());
    }
    let mut canonical = String::new();
    for (name, value) in pairs {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        name.bytes().for_each(|byte| escape(byte, &mut canonical));
        canonical.push('=');
        value.bytes().for_each(|byte| escape(byte, &mut canonical));
    }
    canonical
}

/// What may stand for the body: its hash, or that it is not signed. The vendor's own client says that a
/// body is not signed and takes the hash all the same where there is no body.
fn payloads(headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let hash = sha256(body);
    match header(headers, &CONTENT_SHA256) {
        None => vec![hash],
        Some(UNSIGNED_PAYLOAD) if body.is_empty() => vec![UNSIGNED_PAYLOAD.to_owned(), hash],
        Some(UNSIGNED_PAYLOAD) => vec![UNSIGNED_PAYLOAD.to_owned()],
        Some(said) if said == hash => vec![hash],
        Some(_) => Vec::new(),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn escape(byte: u8, into: &mut String) {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        into.push(char::from(byte));
    } else {
        // Writing into a string cannot fail.
        _ = write!(into, "%{byte:02X}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const SECRET: &str = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";
    const PATH: &str = "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0";

    /// The published request with another `Authorization`, and whether the secret key signed it.
    fn accepts(path: &str, credential: &str, signature: &str) -> bool {
        let authorization = format!(
            "SDK-HMAC-SHA256 {credential}, SignedHeaders=content-type;host;x-sdk-date, Signature={signature}"
        );
        let (head, ()) = Request::get(path)
            .header("Content-Type", "application/json")
            .header("Host", "service.region.example.com")
            .header("X-Sdk-Date", "20191115T033655Z")
            .header("Authorization", authorization)
            .body(())
            .unwrap()
            .into_parts();
        let signature = Signature::read(&head.headers).unwrap();
        assert_eq!(signature.key, "QTWAOYTTINDUT2QVKYUC");
        signature.is_of(SECRET, &head, b"")
    }

    /// Huawei Cloud, "API Request Signing Guide", the worked example of the signing algorithm.
    const PUBLISHED: &str = "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe";

    #[test]
    fn the_published_signature_is_good_and_no_other() {
        let access = "Access=QTWAOYTTINDUT2QVKYUC";
        assert!(accepts(PATH, access, PUBLISHED));
        let swapped = PATH.replace("limit=2&", "") + "&limit=2";
        assert!(accepts(&swapped, access, PUBLISHED), "the order of parameters is not signed");
        assert!(!accepts(&PATH.replace("limit=2", "limit=3"), access, PUBLISHED));
        assert!(!accepts(PATH, access, &PUBLISHED.replace('7', "8")));
    }

    #[test]
    fn the_scoped_signature_depends_on_day_region_and_service() {
        // Made from the published request as Open Telekom Cloud's Go client would.
        let bare = "a0f03b56828e2195f3f9f980a128ed757130504ee958dc210add06e9df89f227";
        let full = "1cb628f80c88d85babe4d47e0b93eb507f58e523091b11ef1583cd23308c9195";
        for (scope, signature, good) in [
            ("20191115///sdk_request", bare, true),
            ("20191115/eu-de/modelarts/sdk_request", full, true),
            ("20191115/eu-de/modelarts/sdk_request", bare, false),
            ("20191115/eu-nl/modelarts/sdk_request", full, false),
            ("20191114///sdk_request", bare, false),
            ("20191115///aws4_request", bare, false),
            ("20191115///sdk_request", PUBLISHED, false),
        ] {
            let credential = format!("Credential=QTWAOYTTINDUT2QVKYUC/{scope}");
            assert_eq!(accepts(PATH, &credential, signature), good, "{scope} {signature}");
        }
    }

    #[test]
    fn paths_and_queries_are_written_anew() {
        assert_eq!(
            canonical_path("/a%20b/%e4%bd%a0~/c+d*/x%zz"),
            "/a%20b/%E4%BD%A0~/c%2Bd%2A/x%25zz/"
        );
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_query("b=2&a=+%26&B=1&a=&b=1&c", false), "B=1&a=&a=%20%26&b=1&b=2&c=");
        assert_eq!(canonical_query("b=2&a=1&B=1&C=", true), "a=1&B=1&b=2&C=");
    }

    #[test]
    fn what_stands_for_the_body_is_what_the_header_says() {
        let payloads = |said: &'static str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_SHA256, http::HeaderValue::from_static(said));
            payloads(&headers, body)
        };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(payloads(UNSIGNED_PAYLOAD, b"x"), [UNSIGNED_PAYLOAD]);
        assert_eq!(payloads(UNSIGNED_PAYLOAD, b""), [UNSIGNED_PAYLOAD, empty]);
        assert_eq!(payloads(empty, b""), [empty]);
        assert!(payloads(empty, b"x").is_empty(), "the hash of another body");
    }

    #[test]
    fn an_authorization_that_is_none_is_not_read() {
        for text in
            ["", "Basic eA==", "SDK-HMAC-SHA256", "SDK-HMAC-SHA256 Access=a", "SDK-HMAC-SHA256 x"]
        {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, http::HeaderValue::from_static(text));
            assert!(Signature::read(&headers).is_none(), "{text}");
        }
    }
}
