//! Tokens of another identity service, checked there.

use http::StatusCode;
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

use super::iam::{AUTH_TOKEN, SUBJECT_TOKEN};

/// A service that takes longer to look at a token of its own is broken.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A Keystone that knows the tokens.
#[derive(Debug)]
pub(super) struct RemoteIam {
    tokens: String,
    client: OnceCell<reqwest::Client>,
}

#[derive(Deserialize)]
struct Validated {
    token: ValidatedToken,
}

#[derive(Deserialize)]
struct ValidatedToken {
    project: Option<ValidatedProject>,
}

#[derive(Deserialize)]
struct ValidatedProject {
    id: String,
}

impl RemoteIam {
    /// Below this address, with or without `/v3`.
    pub(super) fn new(url: &Url) -> Self {
        let root = url.as_str().trim_end_matches('/');
        let root = root.strip_suffix("/v3").unwrap_or(root);
        Self { tokens: format!("{root}/v3/auth/tokens"), client: OnceCell::new() }
    }

    /// The token is good and of this project. Asked anew each time, so that a revocation shows at once.
    pub(super) async fn accepts(&self, token: &str, project: &str) -> bool {
        match self.project_of(token).await {
            Ok(id) => id.as_deref() == Some(project),
            Err(error) => {
                tracing::warn!(error = %error, "the identity service did not check a token");
                false
            }
        }
    }

    async fn project_of(&self, token: &str) -> Result<Option<String>, reqwest::Error> {
        let client = self.client.get_or_try_init(|| async { build() }).await?;
        let answer = client
            .get(&self.tokens)
            .header(AUTH_TOKEN, token)
            .header(SUBJECT_TOKEN, token)
            .send()
            .await?;
        if answer.status() != StatusCode::OK {
            return Ok(None);
        }
        let body = answer.bytes().await?;
        let validated: Option<Validated> = serde_json::from_slice(&body).ok();
        Ok(validated.and_then(|validated| validated.token.project).map(|project| project.id))
    }
}

fn build() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        // Plain HTTP on loopback; the system's roots are of no use here.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
}
