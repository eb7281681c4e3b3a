use std::fmt;

use secrecy::ExposeSecret as _;

use super::ProjectConfig;
use crate::cloud::Secret;

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
    /// Where no id names the project, IAM finds it by its name and the account's.
    pub fn is_same_place_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.cloud, &other.cloud);
        one.name == two.name
            && one.api == two.api
            && one.endpoint == two.endpoint
            && one.project_id == two.project_id
            && (one.project_id.is_some() || one.auth.scope() == two.auth.scope())
    }
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
