use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use secrecy::ExposeSecret as _;

use super::ProjectConfig;
use crate::cloud::{Project, Secret};

/// What a project was made from, to tell whether a later configuration makes the same.
pub(super) struct Makings {
    /// Every key that counts for it, without secrets.
    pub(super) keys: String,
    /// Each as its file says by now.
    pub(super) secrets: Vec<Secret>,
}

impl ProjectConfig {
    /// Whether the other is made from the same keys, secrets and certificates as this one is by now.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let proxy =
            |of: &Self| of.cloud.proxy_url.as_ref().map(|url| url.expose_secret().to_owned());
        self.makings == other.makings
            && self.cloud.tls.ca_pem == other.cloud.tls.ca_pem
            && proxy(self) == proxy(other)
    }

    /// Whether the other asks for the same project of the same cloud, so that what is known stays true.
    pub fn is_same_place_as(&self, other: &Self) -> bool {
        self.cloud.name == other.cloud.name && self.outcomes.place == other.outcomes.place
    }
}

/// Which project of which cloud this is, to be compared. Where no id names the project, IAM finds it by
/// its name and the account's. A checksum, because an address can hold a password and the state file has
/// this.
pub(super) fn place(cloud: &Project) -> Arc<str> {
    let scope = if cloud.project_id.is_none() { cloud.auth.scope() } else { None };
    let words = format!("{:?}", (cloud.api, &cloud.endpoint, &cloud.project_id, scope));
    STANDARD.encode(digest::digest(&digest::SHA256, words.as_bytes())).into()
}

impl PartialEq for Makings {
    fn eq(&self, other: &Self) -> bool {
        let is_same = |(one, two): (&Secret, &Secret)| {
            one.borrow().expose_secret() == two.borrow().expose_secret()
        };
        self.keys == other.keys
            && self.secrets.len() == other.secrets.len()
            && self.secrets.iter().zip(&other.secrets).all(is_same)
    }
}

/// There is nothing to see: the keys are shown elsewhere, and the rest is secret.
impl fmt::Debug for Makings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Makings").finish_non_exhaustive()
    }
}
