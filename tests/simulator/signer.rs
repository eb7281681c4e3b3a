//! AK/SK signatures as a client makes them, for paths and parameters that need no escaping.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use reqwest::{Method, Response};
use ring::{digest, hmac};

use super::Cloud;

/// An access key, and how it signs.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) access: String,
    pub(super) secret: String,
    /// Of temporary keys.
    pub(super) security_token: Option<String>,
    /// `region/service` of the older scheme.
    pub(super) scope: Option<&'static str>,
    /// How far the client's clock is ahead.
    pub(super) ahead: SignedDuration,
}

impl Signer {
    /// The account's own keys.
    pub(super) fn demo() -> Self {
        Self {
            access: "DEMOACCESSKEY".to_owned(),
            secret: "demosecretkey".to_owned(),
            security_token: None,
            scope: None,
            ahead: SignedDuration::ZERO,
        }
    }

    /// Asks for the path of a project's jobs.
    pub(super) async fn get(&self, cloud: &Cloud, path: &str) -> Response {
        let path = format!("/v1/{}/training-jobs{path}", super::PROJECT);
        self.send(cloud, Method::GET, &path, "").await
    }

    /// Sends a signed request.
    pub(super) async fn send(
        &self,
        cloud: &Cloud,
        method: Method,
        path: &str,
        body: &str,
    ) -> Response {
        let headers = self.headers(cloud, &method, path, body);
        let mut request = cloud.client.request(method, format!("{}{path}", cloud.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(body.to_owned()).send().await.unwrap()
    }

    /// The headers that make a request a signed one.
    pub(super) fn headers(
        &self,
        cloud: &Cloud,
        method: &Method,
        path: &str,
        body: &str,
    ) -> Vec<(&'static str, String)> {
        let host = cloud.base.trim_start_matches("http://");
        let now = Timestamp::now() + self.ahead;
        let date = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let (uri, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parameters: Vec<&str> = query.split('&').filter(|it| !it.is_empty()).collect();
        parameters.sort_unstable();
        let canonical = format!(
            "{method}\n{uri}/\n{}\nhost:{host}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{}",
            parameters.join("&"),
            sha256(body)
        );
        let (credential, scope, key) = match self.scope {
            None => (format!("Access={}", self.access), String::new(), self.secret.clone().into()),
            Some(place) => {
                let day = &date[..8];
                let scope = format!("{day}/{place}/sdk_request");
                let start = format!("SDK{}", self.secret).into_bytes();
                let key = scope.split('/').fold(start, |key, part| sign(&key, part));
                (format!("Credential={}/{scope}", self.access), format!("{scope}\n"), key)
            }
        };
        let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{scope}{}", sha256(&canonical));
        let signature = hex(&sign(&key, &to_sign));
        let authorization = format!(
            "SDK-HMAC-SHA256 {credential}, SignedHeaders=host;x-sdk-date, Signature={signature}"
        );
        let token = self.security_token.clone().map(|token| ("x-security-token", token));
        [("x-sdk-date", date), ("authorization", authorization)].into_iter().chain(token).collect()
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
