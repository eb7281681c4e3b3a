//! The identity service: tokens, projects, the catalogue and version discovery, as Keystone's v3 API has
//! them and as its clients read them.

pub(super) mod login;
mod request;
pub(super) mod temporary;

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde_json::json;

use self::request::{AuthRequest, Method};
use super::{
    access::{Caller, caller},
    answer::Answer,
    identity::{AGENCY, AGENCY_DOMAIN, DOMAIN, Identity, PASSWORD, Scope, Token, Tokens, USER},
    keys::{ACCESS_KEY, SECRET_KEY},
    v1::Query,
    world::Project,
};

/// The token a request comes with.
pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// The token a request is about, and the one an answer hands out.
pub(super) const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

fn unauthorized() -> Answer {
    Answer::keystone_error(
        StatusCode::UNAUTHORIZED,
        "The request you have made requires authentication.",
    )
}

fn bad_request(message: &str) -> Answer {
    Answer::keystone_error(StatusCode::BAD_REQUEST, message)
}

/// The token that the body of a login names.
pub(super) fn named_token(body: &[u8]) -> Option<String> {
    match AuthRequest::read(body).ok()?.auth.identity.first()? {
        Method::Token(method) => method.id,
        Method::Password(_) | Method::Agency(_) => None,
    }
}

/// The header's text, if it can be read.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whoever asks, or a refusal.
fn need_caller(
    identity: &mut Identity,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Caller, Answer> {
    caller(identity, head, body, now)?.ok_or_else(unauthorized)
}

/// The token of whoever asks, or a refusal.
fn need_token<'a>(
    tokens: &'a Tokens,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<&'a Token, Answer> {
    header(headers, &AUTH_TOKEN).and_then(|text| tokens.get(text, now)).ok_or_else(unauthorized)
}

fn unknown_token() -> Answer {
    Answer::keystone_error(StatusCode::NOT_FOUND, "Could not find token.")
}

/// `GET` and `HEAD /v3/auth/tokens`.
pub(super) fn validate(
    tokens: &Tokens,
    projects: &[Project],
    base: &str,
    head: &Parts,
    now: Timestamp,
) -> Result<Answer, Answer> {
    need_token(tokens, &head.headers, now)?;
    let text = header(&head.headers, &SUBJECT_TOKEN).unwrap_or_default();
    let token = tokens.get(text, now).ok_or_else(unknown_token)?;
    let catalog = Query::new(head.uri.query().unwrap_or_default()).get("nocatalog").is_none();
    let body = describe(token, projects, base, catalog);
    Ok(Answer::json(StatusCode::OK, &body).with(SUBJECT_TOKEN, text))
}

/// `DELETE /v3/auth/tokens`.
pub(super) fn revoke(
    tokens: &mut Tokens,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Answer, Answer> {
    need_token(tokens, headers, now)?;
    let text = header(headers, &SUBJECT_TOKEN).unwrap_or_default();
    if tokens.revoke(text, now) {
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    } else {
        Err(unknown_token())
    }
}

/// `GET /v3/auth/projects`, and `GET /v3/projects?name=`, for a token or signed.
pub(super) fn projects(
    identity: &mut Identity,
    projects: &[Project],
    base: &str,
    head: &Parts,
    now: Timestamp,
) -> Result<Answer, Answer> {
    let assumed = need_caller(identity, head, &[], now)?.is_assumed();
    let domain = if assumed { AGENCY_DOMAIN } else { DOMAIN };
    let query = Query::new(head.uri.query().unwrap_or_default());
    let shown: Vec<_> = projects
        .iter()
        .filter(|project| query.get("name").is_none_or(|name| name == project.name))
        .map(|project| {
            json!({
                "id": project.id, "name": project.name, "domain_id": domain.1, "parent_id": domain.1,
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
    now: Timestamp,
) -> Result<Answer, Answer> {
    let token = need_token(tokens, headers, now)?;
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
pub(super) fn time(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

#[expect(
    clippy::disallowed_types,
    reason = "a document for keystone clients, off any polling path"
)]
fn describe(token: &Token, projects: &[Project], base: &str, catalog: bool) -> serde_json::Value {
    let in_domain = |(name, id): (&str, &str)| json!({"id": id, "name": name});
    let user = json!({
        "domain": in_domain(DOMAIN), "id": USER.1, "name": USER.0, "password_expires_at": "",
    });
    let domain = in_domain(if token.assumed { AGENCY_DOMAIN } else { DOMAIN });
    let mut about = json!({
        "methods": token.methods,
        "expires_at": time(token.expires),
        "issued_at": time(token.issued),
        "roles": [{"id": "0", "name": "op_gated_modelarts"}, {"id": "1", "name": "te_admin"}],
    });
    if token.assumed {
        let name = format!("{}/{AGENCY}", AGENCY_DOMAIN.0);
        about["user"] = json!({"domain": domain, "id": format!("{:0>32}", "a9e"), "name": name});
        about["assumed_by"] = json!({"user": user});
    } else {
        about["user"] = user;
    }
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
        "A simulated cloud: identity service and ModelArts training jobs (v1 and v2).\n\n\
         POST {base}/v3/auth/tokens   domain {}, user {}, password {PASSWORD}\n\
         POST {base}/v3.0/OS-CREDENTIAL/securitytokens   temporary access keys\n\
         AK/SK                    access key {ACCESS_KEY}, secret key {SECRET_KEY}\n\
         Agency                   {AGENCY} of the domain {}\n\
         GET  {base}/openstack/latest/securitykey   as a server of the cloud sees it\n\n",
        DOMAIN.0, USER.0, AGENCY_DOMAIN.0,
    );
    for project in projects {
        // Writing into a string cannot fail.
        _ = write!(
            page,
            "GET  {base}/v1/{}/training-jobs   project {}\n\
             GET  {base}/v1/{}/training-jobs/{{job_id}}/versions[/{{version_id}}]\n\
             POST {base}/v2/{}/training-job-searches\n\
             GET  {base}/v2/{}/training-jobs/{{job_id}}[/metrics/{{task}}]\n",
            project.id, project.name, project.id, project.id, project.id,
        );
    }
    _ = write!(
        page,
        "\nGET  {base}/-/simulator/jobs       what is really so\n\
         POST {base}/-/simulator/jobs       adds a job or a version\n\
         POST {base}/-/simulator/faults     breaks something; GET shows, DELETE clears\n\
         PUT  {base}/-/simulator/offsets    what the offset of a v2 list counts: pages or items\n\
         GET  {base}/-/simulator/requests   what was asked\n",
    );
    Answer::raw(StatusCode::OK, "text/plain; charset=utf-8", page)
        .with(header::CACHE_CONTROL, "no-store")
}
