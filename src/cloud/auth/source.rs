//! Where credentials come from: what we hold ourselves, and the agency assumed with it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cloud::auth::credential::{AccessKey, Credential};
use crate::cloud::auth::metadata::Metadata;
use crate::cloud::auth::{temporary, token};
use crate::cloud::memory::AnswerMemory;
use crate::cloud::transport::Transport;
use crate::cloud::{Auth, Error, Method, Project, Secret, settings};
use crate::own;

pub(super) struct Source {
    auth: Auth,
    project_id: Option<String>,
    pub(super) transport: Arc<Transport>,
    metadata: Option<Metadata>,
    /// Know whether a secret changed since it was last used. Never locked across a wait.
    secrets: Mutex<Vec<Secret>>,
}

impl Source {
    pub(super) fn new(
        project: &Project,
        transport: Arc<Transport>,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let auth = project.auth.clone();
        let secrets = match &auth.method {
            Method::Password(user) => vec![user.password.clone()],
            Method::AccessKey(key) => [Some(&key.access_key), Some(&key.secret_key)]
                .into_iter()
                .chain([key.security_token.as_ref()])
                .flatten()
                .cloned()
                .collect(),
            Method::Token(token) => vec![token.clone()],
            Method::EcsMetadata(_) => Vec::new(),
        };
        let metadata = match &auth.method {
            Method::EcsMetadata(settings) => {
                let way = Transport::to_metadata(&settings.endpoint, project, memory, own)?;
                Some(Metadata::new(settings.clone(), way))
            }
            _ => None,
        };
        let project_id = project.project_id.clone();
        Ok(Self { auth, project_id, transport, metadata, secrets: Mutex::new(secrets) })
    }

    /// New credentials.
    pub(super) async fn fetch(&self) -> Result<Credential, Error> {
        let project_id = self.project_id.as_deref();
        let Some(agency) = &self.auth.agency else {
            return match &self.auth.method {
                Method::Password(user) => {
                    token::for_password(user, project_id, &self.transport).await
                }
                _ => self.own_key().await,
            };
        };
        match &self.auth.method {
            Method::Password(user) => {
                let base = token::for_account(user, &self.transport).await?;
                token::for_agency(agency, &base, project_id, &self.transport).await
            }
            Method::Token(_) => {
                let base = self.own_key().await?;
                token::for_agency(agency, &base, project_id, &self.transport).await
            }
            Method::AccessKey(_) | Method::EcsMetadata(_) => {
                let base = self.own_key().await?;
                temporary::for_agency(agency, &base, &self.transport).await
            }
        }
    }

    /// What we hold without asking IAM.
    async fn own_key(&self) -> Result<Credential, Error> {
        match (&self.auth.method, &self.metadata) {
            (Method::Token(token), _) => Ok(Credential::token(token.borrow().clone())),
            (Method::AccessKey(key), _) => Ok(Credential::key(read(key))),
            (_, Some(metadata)) => metadata.key().await,
            (Method::Password(_) | Method::EcsMetadata(_), None) => {
                Err(Error::Internal("a password is no key".to_owned()))
            }
        }
    }

    /// Nobody is asked for the credentials: they are used as long as they stand in the configuration.
    pub(super) fn is_at_hand(&self) -> bool {
        self.auth.is_at_hand()
    }

    /// An agency has to be there: the one that is assumed, or the machine's own.
    pub(super) fn relies_on_agency(&self) -> bool {
        self.auth.agency.is_some() || matches!(self.auth.method, Method::EcsMetadata(_))
    }

    /// Requests will be signed. The cloud locks an access key after a few wrong signatures.
    pub(super) fn signs(&self) -> bool {
        matches!(self.auth.method, Method::AccessKey(_) | Method::EcsMetadata(_))
    }

    /// Whether a secret changed since [`Self::note_secrets`].
    pub(super) fn has_new_secrets(&self) -> bool {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().any(|secret| secret.has_changed().unwrap_or(false))
    }

    /// Takes note of the secrets as they are.
    pub(super) fn note_secrets(&self) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter_mut().for_each(Secret::mark_unchanged);
    }

    /// Where to look when they are refused.
    pub(super) fn remedy(&self) -> &'static str {
        match (&self.auth.method, &self.auth.agency) {
            (_, Some(_)) => {
                "check `auth` and `project_id` of the project: iam_endpoint, agency_name, agency_domain, and whether its own user or key may assume the agency"
            }
            (Method::Password(_), None) => {
                "check `auth` and `project_id` of the project: iam_endpoint, username, domain, password, project_name"
            }
            (Method::AccessKey(key), None) if key.security_token.is_some() => {
                "check `auth` and `project_id` of the project: access_key, secret_key, signature, and security_token, which lives for hours only"
            }
            (Method::AccessKey(_), None) => {
                "check `auth` and `project_id` of the project: access_key, secret_key, signature"
            }
            (Method::Token(_), None) => {
                "check `auth` and `project_id` of the project: token, which lives for a day and is for one project"
            }
            (Method::EcsMetadata(_), None) => {
                "check `auth` and `project_id` of the project, and whether the machine has an agency for the account op_svc_ecs"
            }
        }
    }
}

fn read(key: &settings::AccessKey) -> AccessKey {
    AccessKey {
        access: key.access_key.borrow().clone(),
        secret: key.secret_key.borrow().clone(),
        security_token: key.security_token.as_ref().map(|token| token.borrow().clone()),
        scheme: key.scheme.clone(),
    }
}
