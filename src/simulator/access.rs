//! Who asks: whoever holds a token, or whoever signed the request.

use http::{StatusCode, header::AUTHORIZATION, request::Parts};
use jiff::Timestamp;

use super::{
    answer::Answer,
    api::Api,
    cloud::Cloud,
    iam::{AUTH_TOKEN, header, named_token},
    identity::{Identity, Scope, Token},
    keys::Owner,
    signature::is_signed,
};

/// Somebody whose credentials are good.
#[derive(Debug)]
pub(super) enum Caller {
    /// With a token.
    Holder(Token),
    /// With a signature, which opens every project of the account.
    Signer(Owner),
}

impl Caller {
    /// An agency, not the account's user.
    pub(super) fn is_assumed(&self) -> bool {
        match self {
            Self::Holder(token) => token.assumed,
            Self::Signer(owner) => owner.assumed,
        }
    }
}

/// Whose a request is; `None` if it comes with nothing, or with a token that is not good.
pub(super) fn caller(
    identity: &mut Identity,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Caller>, Answer> {
    if let Some(text) = header(&head.headers, &AUTH_TOKEN) {
        return Ok(identity.tokens.get(text, now).cloned().map(Caller::Holder));
    }
    if head.headers.contains_key(AUTHORIZATION) {
        return identity.keys.check(head, body, now).map(Caller::Signer).map(Some);
    }
    Ok(None)
}

/// The number of the token or key that a request comes with or is about, if it is one of ours.
pub(super) fn number(
    identity: &Identity,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Option<u64> {
    let of_token = |text: &str| identity.tokens.get(text, now).map(|token| token.number);
    if let Some(text) = header(&head.headers, &AUTH_TOKEN) {
        return of_token(text);
    }
    if is_signed(&head.headers) {
        return identity.keys.named(head).map(|owner| owner.number);
    }
    let session = identity.shown.number(&head.headers);
    session.or_else(|| of_token(&named_token(body)?))
}

/// Lets whoever may into a project.
pub(super) async fn authorize(
    cloud: &Cloud,
    head: &Parts,
    body: &[u8],
    project: &str,
    api: Api,
    now: Timestamp,
) -> Result<(), Answer> {
    let token = header(&head.headers, &AUTH_TOKEN);
    if let (Some(remote), Some(text)) = (&cloud.remote, token) {
        return if remote.accepts(text, project).await {
            Ok(())
        } else {
            Err(Answer::bad_credentials("decrypt token fail"))
        };
    }
    match caller(&mut cloud.identity(), head, body, now)? {
        None if token.is_some() => Err(Answer::bad_credentials("decrypt token fail")),
        None => Err(Answer::bad_credentials("x-auth-token not found")),
        Some(Caller::Signer(_)) => Ok(()),
        Some(Caller::Holder(token)) => match token.scope {
            Scope::Domain => Err(api.error(
                StatusCode::BAD_REQUEST,
                "ModelArts.0204",
                "The token must contain the project ID.",
            )),
            Scope::Project(id) if id != project => Err(wrong_project(api)),
            Scope::Project(_) => Ok(()),
        },
    }
}

/// A project that is not there, or not the token's.
pub(super) fn wrong_project(api: Api) -> Answer {
    api.error(
        StatusCode::FORBIDDEN,
        "ModelArts.0210",
        "The project ID of the token does not match that of the request.",
    )
}
