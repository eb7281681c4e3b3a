//! Temporary access keys: how IAM and the metadata service write them down, and IAM's call that makes
//! one on the strength of an agency.
//!
//! Huawei Cloud: Identity and Access Management API reference, "Obtaining a Temporary Access Key and
//! Security Token Through an Agency". OTC's call under the same path takes a token alone.

use http::header;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use crate::cloud::auth::credential::{AccessKey, Credential};
use crate::cloud::sign::Scheme;
use crate::cloud::transport::{Transport, internal};
use crate::cloud::wire::{
    Answer, Lenient, Limits, OwnedScalar, Reader, Scalar, Tolerant, document,
};
use crate::cloud::{Agency, Error, join};
use crate::own::Operation;

/// How long a key is asked for: IAM gives 15 minutes to 24 hours, and a key that leaks should not
/// be of use for long.
const DURATION_SECONDS: u32 = 3_600;

#[derive(Serialize)]
struct Request<'a> {
    auth: RequestAuth<'a>,
}

#[derive(Serialize)]
struct RequestAuth<'a> {
    identity: Identity<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'static str; 1],
    assume_role: AssumeRole<'a>,
}

#[derive(Serialize)]
struct AssumeRole<'a> {
    domain_name: &'a str,
    agency_name: &'a str,
    duration_seconds: u32,
}

document! {
    struct KeyAnswer {
        credential: Lenient<KeyDocument> = "credential",
    }
}

document! {
    #[derive(Clone)]
    struct KeyDocument {
        access: Hidden = "access",
        secret: Hidden = "secret",
        security_token: Hidden = "securitytoken",
        expires_at: OwnedScalar = "expires_at",
    }
}

/// A text that `Debug` does not show; empty where there is none.
#[derive(Clone, Debug, Default)]
struct Hidden(SecretString);

impl<'de> Tolerant<'de> for Hidden {
    fn absent() -> Self {
        Self::default()
    }

    fn wrong() -> Self {
        Self::default()
    }

    fn scalar(value: Scalar<'de>) -> Self {
        match value {
            Scalar::Text(text) => Self(SecretString::from(text.as_ref())),
            _ => Self::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// A key of the account that trusts us, for one of ours.
pub(super) async fn for_agency(
    agency: &Agency,
    base: &Credential,
    transport: &Transport,
) -> Result<Credential, Error> {
    let assume_role = AssumeRole {
        domain_name: &agency.domain,
        agency_name: &agency.name,
        duration_seconds: DURATION_SECONDS,
    };
    let identity = Identity { methods: ["assume_role"], assume_role };
    let body = serde_json::to_vec(&Request { auth: RequestAuth { identity } })
        .map_err(|error| Error::Internal(error.to_string()))?;
    let url = join(&agency.iam_endpoint, &["v3.0", "OS-CREDENTIAL", "securitytokens"])?;
    let mut request = transport
        .client()
        .post(url)
        .header(header::CONTENT_TYPE, "application/json;charset=utf8")
        .body(body)
        .build()
        .map_err(internal)?;
    base.authorize(&mut request, None)?;
    let answer = transport.send(Operation::Token, request, &base.secrets()).await?;
    let scheme = base.scheme().cloned().unwrap_or_default();
    read(&answer.body, scheme)
        .inspect_err(|error| transport.own().api_error(Operation::Token, error.reason()))
}

/// The key in an answer of IAM or of the metadata service.
pub(super) fn read(body: &[u8], scheme: Scheme) -> Result<Credential, Error> {
    const LIMITS: Limits = Limits { label_length: 128, classes: 0, extra_metrics: 0, tasks: 9 };
    // The parser's message may repeat a part of the answer, and that may be the secret.
    let Answer(KeyAnswer { credential }) = serde_json::from_slice(body)
        .map_err(|_| malformed("the answer with the temporary key is not JSON"))?;
    let Lenient::Taken(key) = credential else {
        return Err(malformed("the answer has no credential object"));
    };
    let given = |text: Hidden| (!text.0.expose_secret().is_empty()).then_some(text.0);
    let (Some(access), Some(secret), Some(security_token)) =
        (given(key.access), given(key.secret), given(key.security_token))
    else {
        return Err(malformed("access, secret or securitytoken is missing in the temporary key"));
    };
    let expires: Timestamp = Reader::new(LIMITS)
        .label("expires_at", &key.expires_at.0)
        .parse()
        .map_err(|_| malformed("the temporary key's expires_at is no time"))?;
    let security_token = Some(security_token);
    Credential::key(AccessKey { access, secret, security_token, scheme }).until(expires)
}

fn malformed(text: &str) -> Error {
    Error::Malformed(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_whole_or_an_error_that_does_not_show_it() {
        let whole = r#"{"credential":{"access":"A","secret":"S3CR3T","securitytoken":"T","expires_at":"2999-01-01T00:00:00.000000Z"}}"#;
        let key = read(whole.as_bytes(), Scheme::Access).ok().unwrap();
        assert_eq!(key.secrets(), ["A", "S3CR3T", "T"]);
        for (part, by) in [
            ("\"A\"", "null"),
            ("\"S3CR3T\"", "{\"S3CR3T\":1}"),
            ("\"T\"", "\"\""),
            ("2999-", "S3CR3T"),
            ("2999", "1999"),
            ("}}", "}S3CR3T"),
            ("{\"credential\":", "[{\"S3CR3T\":"),
        ] {
            let error = read(whole.replace(part, by).as_bytes(), Scheme::Access).err().unwrap();
            assert_eq!(error.reason(), "malformed", "{error}");
            assert!(!error.to_string().contains("S3CR3T"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_the_reader_panic(body in any::<Vec<u8>>()) {
            prop_assert!(read(&body, Scheme::Access).is_err());
        }

        #[test]
        fn no_answer_makes_the_reader_panic(time in "\\PC{0,30}", key in "[\\[\\]{}\",:a-z0-9]{0,20}") {
            let time = serde_json::to_string(&time).unwrap();
            let _ = read(format!(r#"{{"credential":{{"access":{key},"secret":"s","securitytoken":"t","expires_at":{time}}}}}"#).as_bytes(), Scheme::Access);
        }
    }
}
