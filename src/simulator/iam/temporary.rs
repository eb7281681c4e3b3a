//! `POST /v3.0/OS-CREDENTIAL/securitytokens`: temporary keys for a token, or in the name of an agency.

use std::time::Duration;

use http::{StatusCode, request::Parts};
use jiff::Timestamp;

use super::{
    AUTH_TOKEN, header, need_caller,
    request::{AuthRequest, Method},
    unauthorized,
};
use crate::simulator::{answer::Answer, identity::Identity, keys::Owner, metadata::credential};

/// Seconds that keys live when nobody says.
const USUAL_SECONDS: u64 = 900;

/// Issues temporary keys.
pub(in crate::simulator) fn issue(
    identity: &mut Identity,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Answer, Answer> {
    let (assumed, seconds) = match AuthRequest::read(body)?.auth.identity.first() {
        Some(Method::Token(method)) => {
            let text = method.id.as_deref().or_else(|| header(&head.headers, &AUTH_TOKEN));
            let token = text.and_then(|text| identity.tokens.get(text, now));
            (token.ok_or_else(unauthorized)?.assumed, method.duration_seconds)
        }
        Some(Method::Agency(method)) => {
            method.check(&need_caller(identity, head, body, now)?)?;
            (true, method.duration_seconds)
        }
        Some(Method::Password(_)) | None => return Err(unauthorized()),
    };
    let seconds = seconds.map_or(Ok(USUAL_SECONDS), |seconds| seconds.granted())?;
    let ttl = identity.temporary_ttl.unwrap_or(Duration::from_secs(seconds));
    let (number, seed) = identity.next();
    let pair = identity.keys.issue(seed, Owner { number, assumed }, now, ttl);
    Ok(credential(StatusCode::CREATED, &pair))
}
