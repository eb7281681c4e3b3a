//! Signatures of requests with an access key, in both schemes the clouds have had. Pure functions.
//!
//! The present scheme is that of Huawei Cloud's SDKs, "Signing requests"; the older one binds the
//! signature to a day, a region and a service, as Open Telekom Cloud's API usage guide has it.

use std::fmt::Write;

use ring::{digest, hmac};

/// What both schemes call themselves.
const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The header with the time of the signature. It is always signed.
pub(crate) const DATE: &str = "x-sdk-date";
/// The header that stands for the hash of the body where there is one.
const CONTENT_HASH: &str = "x-sdk-content-sha256";
/// What ends the scope of the older scheme.
const SCOPE_END: &str = "sdk_request";

/// How a request with an access key is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `Access=…`: the present one.
    #[default]
    Access,
    /// `Credential=…/sdk_request`: the older one, with a key made for a day, a region and a service.
    Scoped {
        /// Such as `eu-de`; may be empty.
        region: String,
        /// Such as `modelarts`; may be empty.
        service: String,
    },
}

/// An access key. Deliberately without `Debug`.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// Its public half, which names it.
    pub access: &'a str,
    /// Its secret half.
    pub secret: &'a str,
}

/// What of a request is signed. Deliberately without `Debug`: headers and body hold secrets.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET`.
    pub method: &'a str,
    /// The path as it is sent, percent-encoded.
    pub path: &'a str,
    /// The query as it is sent, without the question mark; may be empty. A `+` is a plus, no space.
    pub query: &'a str,
    /// Names and values. All are signed but those with `_` in their name, which gateways drop.
    pub headers: &'a [(&'a str, &'a str)],
    /// May be empty.
    pub body: &'a [u8],
    /// The time of the signature as [`DATE`](self) carries it: `20191115T033655Z`.
    pub date: &'a str,
}

/// The value of the header `Authorization`. The header `X-Sdk-Date` has to be sent with it.
pub fn authorization(scheme: &Scheme, key: Key<'_>, request: &Request<'_>) -> String {
    let (canonical, signed) = canonical_request(request);
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let date = request.date;
    let (holder, signature) = match scheme {
        Scheme::Access => {
            let text = format!("{ALGORITHM}\n{date}\n{hash}");
            (format!("Access={}", key.access), authenticate(key.secret.as_bytes(), &text))
        }
        Scheme::Scoped { region, service } => {
            let day = date.get(..8).unwrap_or(date);
            let scope = format!("{day}/{region}/{service}/{SCOPE_END}");
            let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
            let mut made = authenticate(format!("SDK{}", key.secret).as_bytes(), day);
            for part in [region, service, SCOPE_END] {
                made = authenticate(made.as_ref(), part);
            }
            (format!("Credential={}/{scope}", key.access), authenticate(made.as_ref(), &text))
        }
    };
    let signature = hex(signature.as_ref());
    format!("{ALGORITHM} {holder}, SignedHeaders={signed}, Signature={signature}")
}

fn authenticate(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// The request in the one form that both sides agree on, and the names of the headers in it.
fn canonical_request(request: &Request<'_>) -> (String, String) {
    let mut headers: Vec<(String, &str)> = request
        .headers
        .iter()
        .copied()
        .chain([(DATE, request.date)])
        .filter(|(name, _)| !name.contains('_'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    headers.sort_unstable();
    headers.dedup_by(|one, other| one.0 == other.0);
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed = names.join(";");
    let given = headers.iter().find(|(name, _)| name == CONTENT_HASH).map(|(_, value)| *value);
    let body = match given {
        // An empty body is hashed whatever a header says of it.
        Some(hash) if !request.body.is_empty() => hash.to_owned(),
        _ => hex(digest::digest(&digest::SHA256, request.body).as_ref()),
    };
    let mut text = format!(
        "{}\n{}\n{}\n",
        request.method.to_ascii_uppercase(),
        canonical_path(request.path),
        canonical_query(request.query)
    );
    for (name, value) in &headers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{signed}\n{body}");
    (text, signed)
}

/// Each segment encoded anew, with a slash at the end that the request itself need not have.
fn canonical_path(path: &str) -> String {
    let decoded = decode(path);
    let segments: Vec<String> = decoded.split('/').map(encode).collect();
    let mut path = segments.join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Pairs sorted by name, then by value, before they are encoded anew.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// Letters, digits and `-_.~` stand for themselves.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = &after[2..];
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the cloud's signing guide.
    const PUBLISHED: Request<'_> = Request {
        method: "GET",
        path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
        query: "limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
        headers: &[("Content-Type", "application/json"), ("Host", "service.region.example.com")],
        body: b"",
        date: "20191115T033655Z",
    };
    const KEY: Key<'_> =
        Key { access: "QTWAOYTTINDUT2QVKYUC", secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc" };
    const SIGNED: &str = "SignedHeaders=content-type;host;x-sdk-date";

    #[test]
    fn the_published_request_has_the_published_signature() {
        let hash = digest::digest(&digest::SHA256, canonical_request(&PUBLISHED).0.as_bytes());
        assert_eq!(
            hex(hash.as_ref()),
            "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"
        );
        let signature = "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe";
        assert_eq!(
            authorization(&Scheme::Access, KEY, &PUBLISHED),
            format!("{ALGORITHM} Access={}, {SIGNED}, Signature={signature}", KEY.access)
        );
    }

    /// Computed by the algorithm of Open Telekom Cloud's Go client; nothing is published.
    #[test]
    fn the_older_scheme_signs_for_a_day_a_region_and_a_service() {
        let cases = [
            ("", "", "a0f03b56828e2195f3f9f980a128ed757130504ee958dc210add06e9df89f227"),
            (
                "eu-de",
                "modelarts",
                "1cb628f80c88d85babe4d47e0b93eb507f58e523091b11ef1583cd23308c9195",
            ),
        ];
        for (region, service, signature) in cases {
            let scheme = Scheme::Scoped { region: region.to_owned(), service: service.to_owned() };
            let credential = format!("{}/20191115/{region}/{service}/sdk_request", KEY.access);
            assert_eq!(
                authorization(&scheme, KEY, &PUBLISHED),
                format!("{ALGORITHM} Credential={credential}, {SIGNED}, Signature={signature}")
            );
        }
    }

    #[test]
    fn a_path_and_a_query_are_written_in_one_way() {
        assert_eq!(canonical_path("/a%2fb/c d/%C3%A9~"), "/a/b/c%20d/%C3%A9~/");
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_query("b=2&a=%7e&a=&c&a=%2B+%zz"), "a=&a=%2B%2B%25zz&a=~&b=2&c=");
        assert_eq!(canonical_query(""), "");
    }
}
