//! IAM v3: a project's token, for a user's password or on the strength of an agency.
//!
//! OTC: Identity and Access Management API reference, "Obtaining a User Token Through Password
//! Authentication" and "Obtaining an Agency Token".

use http::header;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use crate::cloud::auth::credential::Credential;
use crate::cloud::transport::{self, Transport, internal};
use crate::cloud::wire::{Answer, Lenient, Limits, OwnedScalar, Reader, document};
use crate::cloud::{Agency, Error, Password, join};
use crate::own::Operation;

#[derive(Serialize)]
struct Request<'a> {
    auth: RequestAuth<'a>,
}

#[derive(Serialize)]
struct RequestAuth<'a> {
    identity: Identity<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Identity<'a> {
    Password { methods: [&'static str; 1], password: PasswordMethod<'a> },
    Agency { methods: [&'static str; 1], assume_role: AssumeRole<'a> },
}

#[derive(Serialize)]
struct PasswordMethod<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a str,
    password: &'a str,
    domain: Named<'a>,
}

#[derive(Serialize)]
struct AssumeRole<'a> {
    domain_name: &'a str,
    /// Both clouds take this old name; OTC documents no other.
    xrole_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Scope<'a> {
    Project(ProjectScope<'a>),
    Domain(Named<'a>),
}

/// By id, or by name within the domain: Keystone wants the domain, OTC takes it.
#[derive(Serialize)]
#[serde(untagged)]
enum ProjectScope<'a> {
    Id { id: &'a str },
    Name { name: &'a str, domain: Named<'a> },
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

document! {
    struct TokenAnswer {
        token: Lenient<TokenDocument> = "token",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct TokenDocument {
        expires_at: OwnedScalar = "expires_at",
        project: Lenient<ProjectDocument> = "project",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct ProjectDocument {
        id: OwnedScalar = "id",
    }
}

/// Ids and times are short.
const LIMITS: Limits = Limits { label_length: 128, classes: 0, extra_metrics: 0, tasks: 9 };

/// A user's token for the project.
pub(super) async fn for_password(
    settings: &Password,
    project_id: Option<&str>,
    transport: &Transport,
) -> Result<Credential, Error> {
    let scope = project_scope(project_id, settings.project_name.as_deref(), &settings.domain)?;
    log_in(settings, scope, transport).await
}

/// A user's token for the whole account, with which agencies are assumed.
pub(super) async fn for_account(
    settings: &Password,
    transport: &Transport,
) -> Result<Credential, Error> {
    log_in(settings, Scope::Domain(Named { name: &settings.domain }), transport).await
}

/// A token for a project of the account that trusts us.
pub(super) async fn for_agency(
    agency: &Agency,
    base: &Credential,
    project_id: Option<&str>,
    transport: &Transport,
) -> Result<Credential, Error> {
    let scope = project_scope(project_id, agency.project_name.as_deref(), &agency.domain)?;
    let assume_role = AssumeRole { domain_name: &agency.domain, xrole_name: &agency.name };
    let identity = Identity::Agency { methods: ["assume_role"], assume_role };
    let auth = RequestAuth { identity, scope };
    let mut request = request(&agency.iam_endpoint, auth, transport)?;
    base.authorize(&mut request, None)?;
    ask(request, &base.secrets(), transport).await
}

async fn log_in(
    settings: &Password,
    scope: Scope<'_>,
    transport: &Transport,
) -> Result<Credential, Error> {
    // The newest content of the file; taking note of it ends a hold only once.
    let password = settings.password.borrow().clone();
    let user = User {
        name: &settings.username,
        password: password.expose_secret(),
        domain: Named { name: &settings.domain },
    };
    let identity = Identity::Password { methods: ["password"], password: PasswordMethod { user } };
    let request = request(&settings.iam_endpoint, RequestAuth { identity, scope }, transport)?;
    ask(request, &[password.expose_secret()], transport).await
}

fn project_scope<'a>(
    id: Option<&'a str>,
    name: Option<&'a str>,
    domain: &'a str,
) -> Result<Scope<'a>, Error> {
    match (id, name) {
        (Some(id), _) => Ok(Scope::Project(ProjectScope::Id { id })),
        (None, Some(name)) => {
            Ok(Scope::Project(ProjectScope::Name { name, domain: Named { name: domain } }))
        }
        (None, None) => Err(Error::Internal("no project to scope a token to".to_owned())),
    }
}

fn request(
    iam_endpoint: &Url,
    auth: RequestAuth<'_>,
    transport: &Transport,
) -> Result<reqwest::Request, Error> {
    let body = serde_json::to_vec(&Request { auth })
        .map_err(|error| Error::Internal(error.to_string()))?;
    // The catalogue may be hundreds of kilobytes, and we know our endpoints.
    let mut url = join(iam_endpoint, &["v3", "auth", "tokens"])?;
    url.set_query(Some("nocatalog=true"));
    transport
        .client()
        .post(url)
        .header(header::CONTENT_TYPE, "application/json;charset=utf8")
        .body(body)
        .build()
        .map_err(internal)
}

async fn ask(
    request: reqwest::Request,
    secrets: &[&str],
    transport: &Transport,
) -> Result<Credential, Error> {
    let answer = transport.send(Operation::Token, request, secrets).await?;
    let transport::Answer { headers, body, .. } = &answer;
    headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| malformed("IAM's answer has no X-Subject-Token"))
        .and_then(|value| read(value, body))
        .inspect_err(|error| transport.own().api_error(Operation::Token, error.reason()))
}

/// The token, and what IAM's answer says of it.
fn read(value: &str, body: &[u8]) -> Result<Credential, Error> {
    let Answer(TokenAnswer { token }) =
        serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let Lenient::Taken(document) = token else {
        return Err(malformed("IAM's answer has no token object"));
    };
    let mut reader = Reader::new(LIMITS);
    let expires: Timestamp = reader
        .label("expires_at", &document.expires_at.0)
        .parse()
        .map_err(|_| malformed("the token's expires_at is no time"))?;
    let project = reader.object("project", document.project).unwrap_or_default();
    let project_id = reader.label("project.id", &project.id.0);
    let mut credential = Credential::token(SecretString::from(value)).until(expires)?;
    credential.project_id = (!project_id.is_empty()).then_some(project_id);
    Ok(credential)
}

fn malformed(text: &str) -> Error {
    Error::Malformed(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_the_reader_panic(body in any::<Vec<u8>>()) {
            prop_assert!(read("token", &body).is_err());
        }

        #[test]
        fn no_answer_makes_the_reader_panic(time in "\\PC{0,30}", project in "[\\[\\]{}\",:a-z0-9]{0,20}") {
            let time = serde_json::to_string(&time).unwrap();
            let _ = read("token", format!(r#"{{"token":{{"expires_at":{time},"project":{project}}}}}"#).as_bytes());
        }
    }
}
