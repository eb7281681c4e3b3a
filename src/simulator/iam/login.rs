//! `POST /v3/auth/tokens`: a token for a password, for another token, or in the name of an agency.

use std::time::Duration;

use http::{StatusCode, request::Parts};
use jiff::Timestamp;

use super::{
    AUTH_TOKEN, SUBJECT_TOKEN, describe, header, need_caller,
    request::{AuthRequest, Method, PasswordMethod, ScopeSpec, Seconds},
    unauthorized,
};
use crate::simulator::{
    answer::Answer,
    identity::{AGENCY_DOMAIN, DOMAIN, Identity, Login, Scope, Token, USER},
    keys::after,
    v1::Query,
    world::Project,
};

/// Who a token is for, and until when at most.
struct Proof {
    method: &'static str,
    assumed: bool,
    until: Option<Timestamp>,
}

/// Issues a token.
pub(in crate::simulator) fn issue(
    identity: &mut Identity,
    projects: &[Project],
    base: &str,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Answer, Answer> {
    let request = AuthRequest::read(body)?.auth;
    let proof = match request.identity.first().ok_or_else(unauthorized)? {
        Method::Password(method) => {
            log_in(identity, &method)?;
            Proof { method: "password", assumed: false, until: None }
        }
        Method::Token(method) => {
            let text = method.id.as_deref().or_else(|| header(&head.headers, &AUTH_TOKEN));
            let old = text.and_then(|text| identity.tokens.get(text, now));
            let old = old.ok_or_else(unauthorized)?;
            // A token made from another ends with that one.
            Proof { method: "token", assumed: old.assumed, until: Some(old.expires) }
        }
        Method::Agency(method) => {
            method.check(&need_caller(identity, head, body, now)?)?;
            let seconds = method.duration_seconds.as_ref().map(Seconds::granted).transpose()?;
            let until = seconds.map(|seconds| after(now, Duration::from_secs(seconds)));
            Proof { method: "assume_role", assumed: true, until }
        }
    };
    let scope = scope(&request.scope, projects, proof.assumed)?;
    let (number, seed) = identity.next();
    let end = identity.tokens.end(now);
    let token = Token {
        scope,
        methods: vec![proof.method],
        assumed: proof.assumed,
        issued: now,
        expires: proof.until.map_or(end, |until| until.min(end)),
        number,
    };
    let text = identity.tokens.issue(seed, token.clone());
    let catalog = Query::new(head.uri.query().unwrap_or_default()).get("nocatalog").is_none();
    let body = describe(&token, projects, base, catalog);
    Ok(Answer::json(StatusCode::CREATED, &body).with(SUBJECT_TOKEN, &text))
}

fn log_in(identity: &mut Identity, method: &PasswordMethod) -> Result<(), Answer> {
    let user = &method.user;
    // An id names a user by itself, a name only together with its domain.
    let domain = user.domain.as_ref();
    let domain_fits = domain.map_or(user.named.id.is_some(), |domain| domain.is(DOMAIN));
    if !user.named.is(USER) || !domain_fits {
        return Err(unauthorized());
    }
    match identity.passwords.check(&user.password) {
        Login::Right => Ok(()),
        Login::Wrong => Err(unauthorized()),
        Login::Locked => Err(Answer::account_locked()),
    }
}

/// What the token is to open, in the account's own domain or in that of the agency.
fn scope(asked: &ScopeSpec, projects: &[Project], assumed: bool) -> Result<Scope, Answer> {
    let home = if assumed { AGENCY_DOMAIN } else { DOMAIN };
    let Some(project) = &asked.project else {
        let elsewhere = asked.domain.as_ref().is_some_and(|domain| !domain.is(home));
        return if elsewhere { Err(unauthorized()) } else { Ok(Scope::Domain) };
    };
    // A name without a domain is accepted, as Open Telekom Cloud does.
    if project.domain.as_ref().is_some_and(|domain| !domain.is(home)) {
        return Err(unauthorized());
    }
    projects
        .iter()
        .find(|known| project.named.is((&known.name, &known.id)))
        .map(|known| Scope::Project(known.id.clone()))
        .ok_or_else(unauthorized)
}
