//! The identity service: tokens, projects, the catalogue and version discovery, as Keystone's v3 API has
//! them and as its clients read them.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    answer::Answer,
    identity::{DOMAIN, PASSWORD, Scope, Token, Tokens, USER},
    v1::Query,
    world::Project,
};

/// The token a request comes with.
pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// The token a request is about, and the one an answer hands out.
pub(super) const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

#[derive(Deserialize)]
struct TokenRequest {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    identity: Identity,
    #[serde(default)]
    scope: ScopeSpec,
}

#[derive(Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Option<PasswordMethod>,
    token: Option<TokenMethod>,
}

#[derive(Deserialize)]
struct PasswordMethod {
    user: UserSpec,
}

#[derive(Deserialize)]
struct UserSpec {
    #[serde(flatten)]
    named: Named,
    password: String,
    domain: Option<Named>,
}

#[derive(Deserialize)]
struct TokenMethod {
    id: String,
}

#[derive(Default, Deserialize)]
struct ScopeSpec {
    project: Option<ProjectScope>,
}

#[derive(Deserialize)]
struct ProjectScope {
    #[serde(flatten)]
    named: Named,
    domain: Option<Named>,
}

/// By name or by id.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
    id: Option<String>,
}

impl Named {
    fn is(&self, (name, id): (&str, &str)) -> bool {
        match (&self.id, &self.name) {
            (Some(given), _) => given == id,
            (None, Some(given)) => given == name,
            (None, None) => false,
        }
    }
}

fn unauthorized() -> Answer {
    Answer::keystone_error(
        StatusCode::UNAUTHORIZED,
        "The request you have made requires authentication.",
    )
}

/// `POST /v3/auth/tokens`.
pub(super) fn issue(
    tokens: &mut Tokens,
    projects: &[Project],
    query: &Query<'_>,
    base: &str,
    body: &[u8],
) -> Result<Answer, Answer> {
    let request: TokenRequest = serde_json::from_slice(body).map_err(|_| {
        Answer::keystone_error(
            StatusCode::BAD_REQUEST,
            "The request body is not what it should be.",
        )
    })?;
    let identity = request.auth.identity;
    let offers = |method: &str| identity.methods.iter().any(|given| given == method);
    let (methods, until) = match (identity.password, identity.token) {
        (Some(method), _) if offers("password") => {
            let user = method.user;
            // An id names a user by itself, a name only together with its domain.
            let domain = user.domain.as_ref();
            let domain_fits = domain.map_or(user.named.id.is_some(), |domain| domain.is(DOMAIN));
            if !user.named.is(USER) || !domain_fits || user.password != PASSWORD {
                return Err(unauthorized());
            }
            (vec!["password"], None)
        }
        (_, Some(method)) if offers("token") => {
            let old = tokens.get(&method.id).ok_or_else(unauthorized)?;
            (vec!["token"], Some(old.expires))
        }
        _ => return Err(unauthorized()),
    };
    let scope = match request.auth.scope.project {
        None => Scope::Domain,
        Some(scope) => {
            // A name without a domain is accepted, as Open Telekom Cloud does.
            if scope.domain.as_ref().is_some_and(|domain| !domain.is(DOMAIN)) {
                return Err(unauthorized());
            }
            let project = projects
                .iter()
                .find(|project| scope.named.is((&project.name, &project.id)))
                .ok_or_else(unauthorized)?;
            Scope::Project(project.id.clone())
        }
    };
    let (text, token) = tokens.issue(scope, methods, until);
    let catalog = query.get("nocatalog").is_none();
    let body = describe(&token, projects, base, catalog);
    Ok(Answer::json(StatusCode::CREATED, &body).with(SUBJECT_TOKEN, &text))
}

/// The header's text, if it can be read.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token of whoever asks, or a refusal.
fn caller<'a>(tokens: &'a Tokens, headers: &HeaderMap) -> Result<&'a Token, Answer> {
    header(headers, &AUTH_TOKEN).and_then(|text| tokens.get(text)).ok_or_else(unauthorized)
}

fn unknown_token() -> Answer {
    Answer::keystone_error(StatusCode::NOT_FOUND, "Could not find token.")
}

/// `GET` and `HEAD /v3/auth/tokens`.
pub(super) fn validate(
    tokens: &Tokens,
    projects: &[Project],
    query: &Query<'_>,
    base: &str,
    headers: &HeaderMap,
) -> Result<Answer, Answer> {
    caller(tokens, headers)?;
    let text = header(headers, &SUBJECT_TOKEN).unwrap_or_default();
    let token = tokens.get(text).ok_or_else(unknown_token)?;
    let body = describe(token, projects, base, query.get("nocatalog").is_none());
    Ok(Answer::json(StatusCode::OK, &body).with(SUBJECT_TOKEN, text))
}

/// `DELETE /v3/auth/tokens`.
pub(super) fn revoke(tokens: &mut Tokens, headers: &HeaderMap) -> Result<Answer, Answer> {
    caller(tokens, headers)?;
    let text = header(headers, &SUBJECT_TOKEN).unwrap_or_default();
    if tokens.revoke(text) {
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    } else {
        Err(unknown_token())
    }
}

/// `GET /v3/auth/projects`, and `GET /v3/projects?name=`.
pub(super) fn projects(
    tokens: &Tokens,
    projects: &[Project],
    query: &Query<'_>,
    base: &str,
    headers: &HeaderMap,
) -> Result<Answer, Answer> {
    caller(tokens, headers)?;
    let shown: Vec<_> = projects
        .iter()
        .filter(|project| query.get("name").is_none_or(|name| name == project.name))
        .map(|project| {
            json!({
                "id": project.id, "name": project.name, "domain_id": DOMAIN.1, "parent_id": DOMAIN.1,
                "is_domain": false, "enabled": true, "description": "",
                "links": {"self": format!("{base}/v3/projects/{}", project.id)},
            })
        })
        .collect();
    let links = json!({"self": format!("{base}/v3/projects"), "previous": null, "next": null});
    Ok(Answer::json(StatusCode::OK, &json!({"links": links, "projects": shown})))
}

/// `GET /v3/auth/catalog`.
pub(super) fn catalogue(
    tokens: &Tokens,
    base: &str,
    headers: &HeaderMap,
) -> Result<Answer, Answer> {
    let token = caller(tokens, headers)?;
    let links = json!({"self": format!("{base}/v3/auth/catalog"), "previous": null, "next": null});
    let catalogue = json!({"catalog": services(&token.scope, base), "links": links});
    Ok(Answer::json(StatusCode::OK, &catalogue))
}

/// `GET /v3`, and with `all` `GET /` for a client that reads JSON.
pub(super) fn discovery(base: &str, all: bool) -> Answer {
    let version = json!({
        "id": "v3.6", "status": "stable", "updated": "2016-04-04T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{base}/v3/")}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
        ],
    });
    if all {
        let versions = json!({"versions": {"values": [version]}});
        // As Keystone: several could be meant.
        Answer::json(StatusCode::MULTIPLE_CHOICES, &versions)
    } else {
        Answer::json(StatusCode::OK, &json!({"version": version}))
    }
}

/// Times as Keystone writes them: microseconds, UTC.
fn time(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

#[expect(
    clippy::disallowed_types,
    reason = "a document for keystone clients, off any polling path"
)]
fn describe(token: &Token, projects: &[Project], base: &str, catalog: bool) -> serde_json::Value {
    let domain = json!({"id": DOMAIN.1, "name": DOMAIN.0});
    let mut about = json!({
        "methods": token.methods,
        "expires_at": time(token.expires),
        "issued_at": time(token.issued),
        "user": {"domain": domain, "id": USER.1, "name": USER.0, "password_expires_at": ""},
        "roles": [{"id": "0", "name": "op_gated_modelarts"}, {"id": "1", "name": "te_admin"}],
    });
    match &token.scope {
        Scope::Domain => about["domain"] = domain,
        Scope::Project(id) => {
            let name = projects.iter().find(|project| project.id == *id).map(|it| &it.name);
            about["project"] = json!({"domain": domain, "id": id, "name": name});
        }
    }
    if catalog {
        about["catalog"] = services(&token.scope, base);
    }
    json!({"token": about})
}

/// What there is to call, with the service types that `OpenStack`'s and Open Telekom Cloud's clients look for.
#[expect(
    clippy::disallowed_types,
    reason = "a document for keystone clients, off any polling path"
)]
fn services(scope: &Scope, base: &str) -> serde_json::Value {
    let entry = |name: &str, kind: &str, url: String| {
        json!({
            "id": format!("{kind:0>32}"), "name": name, "type": kind,
            "endpoints": [{
                "id": format!("{kind:1>32}"), "url": url, "interface": "public",
                "region": "eu-de", "region_id": "eu-de",
            }],
        })
    };
    let mut services = vec![entry("iam", "identity", format!("{base}/v3"))];
    if let Scope::Project(id) = scope {
        services.extend([
            entry("modelarts", "modelarts", format!("{base}/v1/{id}")),
            entry("modelarts", "modelartsv1", format!("{base}/v1/{id}")),
            entry("modelarts", "modelartsv2", format!("{base}/v2/{id}")),
        ]);
    }
    services.into()
}

/// The landing page.
pub(super) fn landing(base: &str, projects: &[Project]) -> Answer {
    let mut page = format!(
        "A simulated cloud: identity service and ModelArts training jobs (v1).\n\n\
         POST {base}/v3/auth/tokens   domain {}, user {}, password {PASSWORD}\n",
        DOMAIN.0, USER.0,
    );
    for project in projects {
        // Writing into a string cannot fail.
        _ = write!(
            page,
            "GET  {base}/v1/{}/training-jobs   project {}\n\
             GET  {base}/v1/{}/training-jobs/{{job_id}}/versions[/{{version_id}}]\n",
            project.id, project.name, project.id,
        );
    }
    _ = write!(
        page,
        "\nGET  {base}/-/simulator/jobs       what is really so\n\
         POST {base}/-/simulator/jobs       adds a job or a version\n\
         POST {base}/-/simulator/faults     breaks something; GET shows, DELETE clears\n\
         GET  {base}/-/simulator/requests   what was asked\n",
    );
    Answer::raw(StatusCode::OK, "text/plain; charset=utf-8", page)
        .with(header::CACHE_CONTROL, "no-store")
}
