//! How a project proves who we are: the keys of each method, and none of another.

use url::Url;

use super::mistake::Refusal;
use super::project::Builder;
use crate::cloud::sign::Scheme;
use crate::cloud::{AccessKey, Agency, Auth, EcsMetadata, Method, Password};

/// The methods, in the words of the file.
const PASSWORD: &str = "password";
const AKSK: &str = "aksk";
const TOKEN: &str = "token";
const ECS_METADATA: &str = "ecs_metadata";

/// Keys that not every method has, and the methods that have them.
const KEYS_OF: &[(&str, &[&str])] = &[
    ("domain", &[PASSWORD]),
    ("username", &[PASSWORD]),
    ("password", &[PASSWORD]),
    ("password_file", &[PASSWORD]),
    ("access_key", &[AKSK]),
    ("access_key_file", &[AKSK]),
    ("secret_key", &[AKSK]),
    ("secret_key_file", &[AKSK]),
    ("security_token", &[AKSK]),
    ("security_token_file", &[AKSK]),
    ("signature", &[AKSK, ECS_METADATA]),
    ("region", &[AKSK, ECS_METADATA]),
    ("service", &[AKSK, ECS_METADATA]),
    ("token", &[TOKEN]),
    ("token_file", &[TOKEN]),
    ("metadata_endpoint", &[ECS_METADATA]),
];

/// The metadata service's address on every machine of the cloud.
const METADATA_ENDPOINT: &str = "http://169.254.169.254";

impl Builder<'_> {
    pub(super) fn auth(&mut self) -> Option<Auth> {
        // Another method wants other keys; asking for these would mislead.
        let method_key = self.key("auth.method");
        if self.values.is_refused(&method_key) {
            return None;
        }
        let word = self.values.word(&method_key);
        let has_agency = ["auth.agency_name", "auth.agency_domain"].map(|name| self.has(name));
        let has_agency = has_agency.contains(&true);
        // A key signs for a project's id; only a token can be asked for by the project's name.
        let by_name = word == PASSWORD || word == TOKEN && has_agency;
        self.refuse_keys_of_others(&word, by_name);
        // Each is looked at, so that all that is missing is named at once.
        let method = match word.as_str() {
            AKSK => self.access_key().map(Method::AccessKey),
            TOKEN => self.secret("auth.token").map(Method::Token),
            ECS_METADATA => self.metadata().map(Method::EcsMetadata),
            _ => self.password().map(Method::Password),
        };
        let agency = if has_agency { self.agency().map(Some) } else { Some(None) };
        self.require_project(by_name);
        Some(Auth { method: method?, agency: agency? })
    }

    fn refuse_keys_of_others(&mut self, method: &str, by_name: bool) {
        let project_name: (&str, &[&str]) =
            ("project_name", if by_name { &[PASSWORD, TOKEN] } else { &[PASSWORD] });
        for (name, methods) in KEYS_OF.iter().copied().chain([project_name]) {
            let key = self.key(&format!("auth.{name}"));
            let Some(origin) = self.values.origin(&key) else { continue };
            if !methods.contains(&method) {
                let reason = format!("belongs to method \"{}\"", methods.join("\" or \""));
                let remedy = format!("remove it, for auth.method is \"{method}\"");
                self.report.refuse(origin, &key, Refusal::new(reason, remedy));
            }
        }
    }

    fn password(&mut self) -> Option<Password> {
        let iam_endpoint = self.required_url("auth.iam_endpoint");
        let domain = self.required_text("auth.domain");
        let username = self.required_text("auth.username");
        let password = self.secret("auth.password");
        Some(Password {
            iam_endpoint: iam_endpoint?,
            domain: domain?,
            username: username?,
            password: password?,
            project_name: self.text("auth.project_name"),
        })
    }

    fn access_key(&mut self) -> Option<AccessKey> {
        let access_key = self.secret("auth.access_key");
        let secret_key = self.secret("auth.secret_key");
        let is_temporary =
            ["auth.security_token", "auth.security_token_file"].map(|name| self.has(name));
        let security_token = if is_temporary.contains(&true) {
            self.secret("auth.security_token").map(Some)
        } else {
            Some(None)
        };
        let scheme = self.scheme();
        Some(AccessKey {
            access_key: access_key?,
            secret_key: secret_key?,
            security_token: security_token?,
            scheme: scheme?,
        })
    }

    fn metadata(&mut self) -> Option<EcsMetadata> {
        let key = self.key("auth.metadata_endpoint");
        let endpoint = match self.values.url(&key) {
            Some(url) => Some(url.clone()),
            None if self.values.is_set(&key) => None,
            None => Url::parse(METADATA_ENDPOINT).ok(),
        };
        let scheme = self.scheme();
        Some(EcsMetadata { endpoint: endpoint?, scheme: scheme? })
    }

    fn scheme(&mut self) -> Option<Scheme> {
        if self.values.text(&self.key("auth.signature")) == Some("scoped") {
            let region = self.required_text("auth.region");
            let service = self.required_text("auth.service");
            return Some(Scheme::Scoped { region: region?, service: service? });
        }
        for name in ["auth.region", "auth.service"] {
            let key = self.key(name);
            if let Some(origin) = self.values.origin(&key) {
                let reason = "belongs to auth.signature = \"scoped\"";
                self.report.refuse(origin, &key, Refusal::new(reason, "remove it, or set that"));
            }
        }
        Some(Scheme::Access)
    }

    fn agency(&mut self) -> Option<Agency> {
        let iam_endpoint = self.required_url("auth.iam_endpoint");
        let name = self.required_text("auth.agency_name");
        let domain = self.required_text("auth.agency_domain");
        Some(Agency {
            iam_endpoint: iam_endpoint?,
            name: name?,
            domain: domain?,
            project_name: self.text("auth.project_name"),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.values.is_set(&self.key(name))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values.text(&self.key(name)).map(str::to_owned)
    }

    fn require_project(&mut self, by_name: bool) {
        if self.has("project_id") || by_name && self.has("auth.project_name") {
            return;
        }
        let refusal = if by_name {
            Refusal::new(
                "is missing, and so is auth.project_name",
                "set one of them: the token is for one project",
            )
        } else {
            Refusal::new("is missing", "set it: with this method nothing else names the project")
        };
        let key = self.key("project_id");
        self.report.missing(&key, refusal);
    }
}
