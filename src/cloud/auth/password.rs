//! IAM v3: a user's name and password against a project-scoped token.
//!
//! OTC: Identity and Access Management API reference, "Obtaining a User Token Through Password
//! Authentication".

use std::time::Duration;

use http::header;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::cloud::auth::Token;
use crate::cloud::transport::{self, Transport};
use crate::cloud::wire::{Answer, Lenient, Limits, OwnedScalar, Reader, document};
use crate::cloud::{Error, Password, join};
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
struct Identity<'a> {
    methods: [&'static str; 1],
    password: PasswordMethod<'a>,
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
struct Scope<'a> {
    project: ProjectScope<'a>,
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
const LIMITS: Limits = Limits { label_length: 128, classes: 0, extra_metrics: 0 };

pub(super) async fn fetch(
    settings: &Password,
    project_id: Option<&str>,
    transport: &Transport,
) -> Result<Token, Error> {
    // The newest content of the file; taking note of it ends a hold only once.
    let password = settings.password.borrow().clone();
    let domain = || Named { name: &settings.domain };
    let project = match (project_id, &settings.project_name) {
        (Some(id), _) => ProjectScope::Id { id },
        (None, Some(name)) => ProjectScope::Name { name, domain: domain() },
        (None, None) => return Err(Error::Internal("no project to scope a token to".to_owned())),
    };
    let user =
        User { name: &settings.username, password: password.expose_secret(), domain: domain() };
    let request = Request {
        auth: RequestAuth {
            identity: Identity { methods: ["password"], password: PasswordMethod { user } },
            scope: Scope { project },
        },
    };
    let body = serde_json::to_vec(&request).map_err(|error| Error::Internal(error.to_string()))?;
    // The catalogue may be hundreds of kilobytes, and we know our endpoints.
    let mut url = join(&settings.iam_endpoint, &["v3", "auth", "tokens"])?;
    url.set_query(Some("nocatalog=true"));
    let request = transport
        .client()
        .post(url)
        .header(header::CONTENT_TYPE, "application/json;charset=utf8")
        .body(body);
    let answer = transport.send(Operation::Token, request, &[password.expose_secret()]).await?;
    read(&answer).inspect_err(|error| transport.own().api_error(Operation::Token, error.reason()))
}

/// The token in IAM's answer.
fn read(answer: &transport::Answer) -> Result<Token, Error> {
    let value = answer
        .headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| malformed("IAM's answer has no X-Subject-Token"))?;
    let Answer(TokenAnswer { token }) = serde_json::from_slice(&answer.body)
        .map_err(|error| Error::Malformed(error.to_string()))?;
    let Lenient::Taken(document) = token else {
        return Err(malformed("IAM's answer has no token object"));
    };
    let mut reader = Reader::new(LIMITS);
    let expires: Timestamp = reader
        .label("expires_at", &document.expires_at.0)
        .parse()
        .map_err(|_| malformed("the token's expires_at is no time"))?;
    let life = Duration::try_from(expires.duration_since(Timestamp::now()))
        .map_err(|_| malformed("the token expired before it came: is a clock wrong?"))?;
    let project = reader.object("project", document.project).unwrap_or_default();
    let project_id = reader.label("project.id", &project.id.0);
    Ok(Token::new(
        SecretString::from(value),
        (!project_id.is_empty()).then_some(project_id),
        expires.as_millisecond() as f64 / 1000.0,
        life,
    ))
}

fn malformed(text: &str) -> Error {
    Error::Malformed(text.to_owned())
}
