use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use crate::cloud::sign::Scheme;
use crate::model::Api;

/// A secret that may change while we run: its file is re-read, and this always holds the newest.
pub type Secret = watch::Receiver<SecretString>;

/// How to reach one project of the cloud.
#[derive(Clone, Debug)]
pub struct Project {
    /// The configured name, the label `project`.
    pub name: Arc<str>,
    /// Which API it speaks.
    pub api: Api,
    /// `ModelArts`, scheme and host; a path is kept as a prefix.
    pub endpoint: Url,
    /// The cloud's id of the project; where it is missing, the token names it.
    pub project_id: Option<String>,
    /// Trust.
    pub tls: Tls,
    /// An HTTP proxy; its user part is a secret. `None`: `HTTPS_PROXY` and `NO_PROXY` decide.
    pub proxy_url: Option<Arc<SecretString>>,
    /// How long one request may take, from connecting to the last byte.
    pub timeout: Duration,
    /// The largest answer, unpacked, in bytes.
    pub answer_bytes: usize,
    /// Characters a label value may have; more are cut and counted.
    pub label_value_length: usize,
    /// Classes of one version that are kept; more are dropped and counted.
    pub classes_per_version: usize,
    /// Tasks of one version whose usage is asked for; more are counted.
    pub tasks_per_version: usize,
    /// Score keys of one version beyond the known four that are kept; 0 keeps none and counts none.
    pub extra_metrics: usize,
    /// The workspace whose jobs are listed. `None`: the cloud's default one.
    pub workspace_id: Option<String>,
    /// Who we are.
    pub auth: Auth,
}

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM certificates added to the usual roots.
    pub ca_pem: Option<Vec<u8>>,
    /// Trust everybody. Said loudly at start and in a metric.
    pub insecure_skip_verify: bool,
}

/// How we prove who we are.
#[derive(Clone, Debug)]
pub struct Auth {
    /// What we hold ourselves.
    pub method: Method,
    /// Whom we act for with it; `None`: for ourselves.
    pub agency: Option<Agency>,
}

/// What we prove who we are with.
#[derive(Clone, Debug)]
pub enum Method {
    /// IAM user and password against a token.
    Password(Password),
    /// An access key that signs every request.
    AccessKey(AccessKey),
    /// A token made elsewhere, which is ours to use and not to renew.
    Token(Secret),
    /// Temporary access keys that the cloud gives to the machine we run on.
    EcsMetadata(EcsMetadata),
}

/// An IAM user.
#[derive(Clone, Debug)]
pub struct Password {
    /// IAM, scheme and host; `/v3/auth/tokens` is appended.
    pub iam_endpoint: Url,
    /// The account's name.
    pub domain: String,
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// The project to scope the token to, by name. `None`: by the project's id.
    pub project_name: Option<String>,
}

/// An access key, permanent or temporary.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its public half.
    pub access_key: Secret,
    /// Its secret half.
    pub secret_key: Secret,
    /// What makes a temporary key valid.
    pub security_token: Option<Secret>,
    /// How it signs.
    pub scheme: Scheme,
}

/// The metadata service of the cloud's machines.
#[derive(Clone, Debug)]
pub struct EcsMetadata {
    /// Scheme and host.
    pub endpoint: Url,
    /// How its keys sign.
    pub scheme: Scheme,
}

/// An agency: another account's trust in ours.
#[derive(Clone, Debug)]
pub struct Agency {
    /// IAM, scheme and host.
    pub iam_endpoint: Url,
    /// The agency's name.
    pub name: String,
    /// The name of the account that made it.
    pub domain: String,
    /// The project to scope a token to, by name. `None`: by the project's id.
    pub project_name: Option<String>,
}

impl Auth {
    /// The method, in the configuration's word for it.
    pub fn word(&self) -> &'static str {
        match self.method {
            Method::Password(_) => "password",
            Method::AccessKey(_) => "aksk",
            Method::Token(_) => "token",
            Method::EcsMetadata(_) => "ecs_metadata",
        }
    }

    /// Nobody is asked for the credentials: they are used as they stand in the configuration.
    pub fn is_at_hand(&self) -> bool {
        self.agency.is_none() && matches!(self.method, Method::Token(_) | Method::AccessKey(_))
    }

    /// By what IAM finds the project of a token where no id names it: its own endpoint, the account
    /// and the name of the project. `None`: nobody is asked for a token.
    pub fn scope(&self) -> Option<(&Url, &str, Option<&str>)> {
        match (&self.agency, &self.method) {
            (Some(Agency { iam_endpoint, domain, project_name, .. }), _)
            | (None, Method::Password(Password { iam_endpoint, domain, project_name, .. })) => {
                Some((iam_endpoint, domain, project_name.as_deref()))
            }
            (None, _) => None,
        }
    }

    /// The endpoints of IAM that will be asked, if any.
    pub fn iam_endpoints(&self) -> impl Iterator<Item = &Url> {
        let own = match &self.method {
            Method::Password(password) => Some(&password.iam_endpoint),
            Method::AccessKey(_) | Method::Token(_) | Method::EcsMetadata(_) => None,
        };
        own.into_iter().chain(self.agency.as_ref().map(|agency| &agency.iam_endpoint))
    }
}
