use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{HeaderMap, HeaderValue};

/// Headers that the operator adds to every answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraHeaders(HeaderMap);

/// Why a header cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMistake {
    /// Only a few headers are the operator's to set; the others are ours.
    #[error("is not a header that can be added")]
    NotOurs,
    /// This header knows a few values only; here they are.
    #[error("is not a value of this header")]
    NotAValue(&'static [&'static str]),
    /// Control characters and the like cannot be sent.
    #[error("has characters that a header cannot carry")]
    NotSendable,
}

/// The headers and, where they are a closed set, their values; spelled as exporter-toolkit does.
const KNOWN: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
    ("X-Content-Type-Options", X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
];

impl ExtraHeaders {
    /// The names that [`Self::add`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.into_iter().map(|(name, ..)| name)
    }

    /// Adds a header; an empty value leaves it out.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), HeaderMistake> {
        let (_, header, values) =
            KNOWN.into_iter().find(|(known, ..)| *known == name).ok_or(HeaderMistake::NotOurs)?;
        if value.is_empty() {
            return Ok(());
        }
        if !values.is_empty() && !values.contains(&value) {
            return Err(HeaderMistake::NotAValue(values));
        }
        let value = HeaderValue::from_str(value).map_err(|_| HeaderMistake::NotSendable)?;
        self.0.insert(header, value);
        Ok(())
    }

    /// Puts them on an answer. What the operator wants beats what we would say.
    pub(in crate::server) fn put_on(&self, answer: &mut HeaderMap) {
        for (name, value) in &self.0 {
            answer.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_headers_and_their_values_are_taken() {
        let cases = [
            ("X-Frame-Options", "deny", Ok(())),
            ("X-Frame-Options", "", Ok(())),
            ("X-XSS-Protection", "1", Ok(())),
            ("Content-Security-Policy", "default-src 'self'", Ok(())),
            ("X-Frame-Options", "foo", Err(HeaderMistake::NotAValue(&["deny", "sameorigin"]))),
            ("X-Content-Type-Options", "sniff", Err(HeaderMistake::NotAValue(&["nosniff"]))),
            ("Content-Type", "foo", Err(HeaderMistake::NotOurs)),
            ("x-frame-options", "deny", Err(HeaderMistake::NotOurs)),
            ("X-XSS-Protection", "1\r\nSet-Cookie: a", Err(HeaderMistake::NotSendable)),
        ];
        for (name, value, expected) in cases {
            assert_eq!(ExtraHeaders::default().add(name, value), expected, "{name}: {value:?}");
        }
    }
}
