//! What a request is made ours with: a token in a header, or a signature with an access key.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use reqwest::Request;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::cloud::Error;
use crate::cloud::sign::{self, Scheme};

/// A token is renewed when this share of its life is left, so that a broken IAM has time to come
/// back: of the usual 24 hours, about three to four and a half.
const RENEW_TOKEN: (f64, f64) = (0.12, 0.18);

/// A temporary key lives shorter: of an hour, 15 to 21 minutes. The metadata service changes its key
/// 10 minutes before the end; who comes earlier gets the same one with less life, and comes again.
const RENEW_KEY: (f64, f64) = (0.25, 0.35);

/// Something to call with, and what it is good for. Deliberately without `Debug`.
pub(crate) struct Credential {
    kind: Kind,
    /// The project it is for, as the cloud names it.
    pub(super) project_id: Option<String>,
    life: Option<Life>,
}

enum Kind {
    Token(SecretString),
    Key(AccessKey),
}

/// An access key with its secrets at hand.
pub(super) struct AccessKey {
    pub(super) access: SecretString,
    pub(super) secret: SecretString,
    /// Of a temporary key.
    pub(super) security_token: Option<SecretString>,
    pub(super) scheme: Scheme,
}

struct Life {
    renew_at: Instant,
    expires: Instant,
    expires_unix: f64,
}

impl Credential {
    /// Without an end we know of.
    pub(super) fn token(value: SecretString) -> Self {
        Self { kind: Kind::Token(value), project_id: None, life: None }
    }

    /// Without an end we know of.
    pub(super) fn key(key: AccessKey) -> Self {
        Self { kind: Kind::Key(key), project_id: None, life: None }
    }

    /// The same with an end. Fails where that is in the past.
    pub(super) fn until(self, expires: Timestamp) -> Result<Self, Error> {
        let life = Duration::try_from(expires.duration_since(Timestamp::now())).map_err(|_| {
            Error::Malformed("it expired before it came: is a clock wrong?".to_owned())
        })?;
        let (least, most) = match self.kind {
            Kind::Token(_) => RENEW_TOKEN,
            Kind::Key(_) => RENEW_KEY,
        };
        let now = Instant::now();
        let left = life.mul_f64(least + (most - least) * fastrand::f64());
        let life = Life {
            renew_at: now + life.saturating_sub(left),
            expires: now + life,
            expires_unix: expires.as_millisecond() as f64 / 1000.0,
        };
        Ok(Self { life: Some(life), ..self })
    }

    pub(super) fn is_over(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.expires <= Instant::now())
    }

    pub(super) fn is_due_for_renewal(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.renew_at <= Instant::now())
    }

    /// When it ends, for a metric.
    pub(super) fn expires_unix(&self) -> Option<f64> {
        self.life.as_ref().map(|life| life.expires_unix)
    }

    /// The scheme it signs with, if it signs.
    pub(super) fn scheme(&self) -> Option<&Scheme> {
        match &self.kind {
            Kind::Token(_) => None,
            Kind::Key(key) => Some(&key.scheme),
        }
    }

    /// What must not be passed on when an answer repeats it.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Token(token) => vec![token.expose_secret()],
            Kind::Key(key) => [Some(&key.access), Some(&key.secret), key.security_token.as_ref()]
                .into_iter()
                .flatten()
                .map(ExposeSecret::expose_secret)
                .collect(),
        }
    }

    /// Makes the request ours, as the last thing before it is sent: a signature covers all that the
    /// request has by then. `project_id`: for services that belong to one.
    pub(super) fn authorize(
        &self,
        request: &mut Request,
        project_id: Option<&str>,
    ) -> Result<(), Error> {
        match &self.kind {
            Kind::Token(token) => {
                put(request.headers_mut(), "x-auth-token", token.expose_secret(), "the token")
            }
            Kind::Key(key) => key.sign(request, project_id),
        }
    }
}

impl AccessKey {
    fn sign(&self, request: &mut Request, project_id: Option<&str>) -> Result<(), Error> {
        let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let headers = request.headers_mut();
        if let Some(id) = project_id {
            put(headers, "x-project-id", id, "the project's id")?;
        }
        if let Some(token) = &self.security_token {
            put(headers, "x-security-token", token.expose_secret(), "the security token")?;
        }
        // The client adds this one by the same rule: a port where it is not the scheme's own.
        let url = request.url();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        let mut signed = vec![("host", host.as_str())];
        for (name, value) in request.headers() {
            let text = value.to_str().map_err(|_| Error::Internal(format!("{name} is no text")))?;
            signed.push((name.as_str(), text));
        }
        let authorization = sign::authorization(
            &self.scheme,
            sign::Key { access: self.access.expose_secret(), secret: self.secret.expose_secret() },
            &sign::Request {
                method: request.method().as_str(),
                path: url.path(),
                query: url.query().unwrap_or_default(),
                headers: &signed,
                body: request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default(),
                date: &date,
            },
        );
        let headers = request.headers_mut();
        put(headers, sign::DATE, &date, "the time")?;
        put(headers, header::AUTHORIZATION.as_str(), &authorization, "the access key")
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str, what: &str) -> Result<(), Error> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Error::Internal(format!("{what} is no header value")))?;
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}
