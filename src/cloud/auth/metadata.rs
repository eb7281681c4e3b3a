//! The metadata service: the machine's own temporary access key.
//!
//! OTC: Elastic Cloud Server user manual, "Metadata"; the machine needs an agency for the account
//! `op_svc_ecs`.

use std::time::Duration;

use reqwest::Request;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cloud::auth::credential::Credential;
use crate::cloud::auth::temporary;
use crate::cloud::transport::{Transport, internal};
use crate::cloud::{EcsMetadata, Error, Refusal, join};
use crate::own::Operation;

/// How long a session of ours may last; the service's own clients ask for as long.
const SESSION: Duration = Duration::from_hours(6);

/// A session is renewed when this much of it is left.
const SESSION_LEFT: Duration = Duration::from_mins(10);

/// A service without sessions is asked again after this: it may have been updated.
const WITHOUT_SESSION: Duration = Duration::from_hours(24);

/// What the service says where no agency is configured; another session would not help.
const NO_AGENCY: &str = "configure Cloud Service Agency";

/// The way to the metadata service.
pub(super) struct Metadata {
    settings: EcsMetadata,
    transport: Transport,
    session: Mutex<Option<Session>>,
}

/// What was agreed with the service, and until when.
#[derive(Clone)]
struct Session {
    /// `None`: it knows no sessions.
    token: Option<SecretString>,
    until: Instant,
}

impl Metadata {
    pub(super) fn new(settings: EcsMetadata, transport: Transport) -> Self {
        Self { settings, transport, session: Mutex::default() }
    }

    /// The machine's present key.
    pub(super) async fn key(&self) -> Result<Credential, Error> {
        let mut session = self.session.lock().await;
        let known = session.clone().filter(|known| known.until > Instant::now());
        let is_fresh = known.is_none();
        let current = match known {
            Some(known) => known,
            None => self.open().await?,
        };
        *session = Some(current.clone());
        let answer = match self.ask_key(&current).await {
            Err(Error::Unauthorized(refusal)) if !is_fresh && is_about_session(&refusal) => {
                let renewed = self.open().await?;
                self.transport.own().api_retry(Operation::Metadata);
                *session = Some(renewed.clone());
                self.ask_key(&renewed).await
            }
            answer => answer,
        };
        if answer.is_err() {
            // Whatever it was, the next attempt begins from the beginning.
            *session = None;
        }
        answer
    }

    async fn open(&self) -> Result<Session, Error> {
        let url = join(&self.settings.endpoint, &["meta-data", "latest", "api", "token"])?;
        let seconds = SESSION.as_secs().to_string();
        let request = self.transport.client().put(url);
        let request = request.header("x-metadata-token-ttl-seconds", seconds);
        let request = request.build().map_err(internal)?;
        let now = Instant::now();
        match self.transport.ask(Operation::Metadata, request, &[]).await {
            Ok(answer) => {
                let token = String::from_utf8_lossy(&answer.body).trim().to_owned();
                let until = now + SESSION.saturating_sub(SESSION_LEFT);
                Ok(Session { token: Some(token.into()), until })
            }
            Err(error)
                if error.status().is_some_and(|status| [404, 405, 503].contains(&status)) =>
            {
                Ok(Session { token: None, until: now + WITHOUT_SESSION })
            }
            Err(error) => {
                self.transport.own().api_error(Operation::Metadata, error.reason());
                Err(error)
            }
        }
    }

    async fn ask_key(&self, session: &Session) -> Result<Credential, Error> {
        let url = join(&self.settings.endpoint, &["openstack", "latest", "securitykey"])?;
        let mut request = self.transport.client().get(url).build().map_err(internal)?;
        let token = session.token.as_ref().map(ExposeSecret::expose_secret);
        if let Some(token) = token {
            put_token(&mut request, token)?;
        }
        let secrets: Vec<&str> = token.into_iter().collect();
        let answer = self.transport.send(Operation::Metadata, request, &secrets).await?;
        temporary::read(&answer.body, self.settings.scheme.clone()).inspect_err(|error| {
            self.transport.own().api_error(Operation::Metadata, error.reason());
        })
    }
}

fn put_token(request: &mut Request, token: &str) -> Result<(), Error> {
    let mut value = http::HeaderValue::from_str(token)
        .map_err(|_| Error::Malformed("the metadata service's token is no header value".into()))?;
    value.set_sensitive(true);
    request.headers_mut().insert("x-metadata-token", value);
    Ok(())
}

fn is_about_session(refusal: &Refusal) -> bool {
    !refusal.message.contains(NO_AGENCY)
}
