//! What is asked of the identity service.

use http::StatusCode;
use serde::Deserialize;

use super::bad_request;
use crate::simulator::{
    access::Caller,
    answer::Answer,
    identity::{AGENCY, AGENCY_DOMAIN},
};

/// The body of a request for a token or for temporary keys.
#[derive(Deserialize)]
pub(super) struct AuthRequest {
    pub(super) auth: Auth,
}

#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) identity: Methods,
    #[serde(default)]
    pub(super) scope: ScopeSpec,
}

/// How somebody proves who it is.
#[derive(Deserialize)]
pub(super) struct Methods {
    #[serde(rename = "methods")]
    named: Vec<String>,
    password: Option<PasswordMethod>,
    token: Option<TokenMethod>,
    assume_role: Option<AgencyMethod>,
}

/// The method that is named and there.
pub(super) enum Method {
    Password(PasswordMethod),
    Token(TokenMethod),
    Agency(AgencyMethod),
}

#[derive(Deserialize)]
pub(super) struct PasswordMethod {
    pub(super) user: UserSpec,
}

#[derive(Deserialize)]
pub(super) struct UserSpec {
    #[serde(flatten)]
    pub(super) named: Named,
    pub(super) password: String,
    pub(super) domain: Option<Named>,
}

#[derive(Default, Deserialize)]
pub(super) struct TokenMethod {
    pub(super) id: Option<String>,
    pub(super) duration_seconds: Option<Seconds>,
}

#[derive(Deserialize)]
pub(super) struct AgencyMethod {
    domain_name: Option<String>,
    domain_id: Option<String>,
    #[serde(alias = "xrole_name")]
    agency_name: String,
    pub(super) duration_seconds: Option<Seconds>,
}

/// A number, or digits in a text, as the documents' examples have both.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
pub(super) struct ScopeSpec {
    pub(super) project: Option<ProjectScope>,
    pub(super) domain: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct ProjectScope {
    #[serde(flatten)]
    pub(super) named: Named,
    pub(super) domain: Option<Named>,
}

/// By name or by id.
#[derive(Deserialize)]
pub(super) struct Named {
    name: Option<String>,
    pub(super) id: Option<String>,
}

/// The lives that temporary credentials can have, in seconds.
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=86_400;

impl AuthRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, Answer> {
        serde_json::from_slice(body)
            .map_err(|_| bad_request("The request body is not what it should be."))
    }
}

impl Methods {
    /// The first that is both named and there; a token may come in the header alone.
    pub(super) fn first(self) -> Option<Method> {
        let offers = |method: &str| self.named.iter().any(|given| given == method);
        let named = (offers("password"), offers("token"), offers("assume_role"));
        match (self.password, self.token, self.assume_role) {
            (Some(method), _, _) if named.0 => Some(Method::Password(method)),
            (_, method, _) if named.1 => Some(Method::Token(method.unwrap_or_default())),
            (_, _, Some(method)) if named.2 => Some(Method::Agency(method)),
            _ => None,
        }
    }
}

impl Named {
    pub(super) fn is(&self, (name, id): (&str, &str)) -> bool {
        match (&self.id, &self.name) {
            (Some(given), _) => given == id,
            (None, Some(given)) => given == name,
            (None, None) => false,
        }
    }
}

impl AgencyMethod {
    /// There is such an agency, and the caller may act in its name.
    pub(super) fn check(&self, caller: &Caller) -> Result<(), Answer> {
        let domain = Named { name: self.domain_name.clone(), id: self.domain_id.clone() };
        if !domain.is(AGENCY_DOMAIN) {
            return Err(Answer::keystone_error(StatusCode::NOT_FOUND, "Could not find domain."));
        }
        if self.agency_name != AGENCY {
            return Err(Answer::keystone_error(StatusCode::NOT_FOUND, "Could not find agency."));
        }
        if caller.is_assumed() {
            // An agency hands nothing on.
            return Err(Answer::keystone_error(
                StatusCode::FORBIDDEN,
                "You are not authorized to perform the requested action.",
            ));
        }
        Ok(())
    }
}

impl Seconds {
    /// A life that the service grants.
    pub(super) fn granted(&self) -> Result<u64, Answer> {
        let seconds = match self {
            Self::Number(seconds) => Some(*seconds),
            Self::Text(text) => text.parse().ok(),
        };
        seconds
            .filter(|seconds| DURATIONS.contains(seconds))
            .ok_or_else(|| bad_request("duration_seconds must be 900 to 86400."))
    }
}
