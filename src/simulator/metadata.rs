//! The metadata service that a server of the cloud reaches at its link-local address: session tokens, and
//! temporary keys of the agency that the server was given.

use std::{collections::HashMap, time::Duration};

use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::{
    answer::Answer,
    iam::{header, time},
    identity::Identity,
    keys::{Issued, Owner, after},
    random::letters,
    settings::{Metadata, Sessions},
};

/// How long a session token is to live, in seconds.
const SESSION_TTL: HeaderName = HeaderName::from_static("x-metadata-token-ttl-seconds");
/// A session token.
const SESSION: HeaderName = HeaderName::from_static("x-metadata-token");
/// The longest life of a session token: six hours.
const LONGEST_SESSION: u64 = 21_600;
/// Letters of a session token.
const SESSION_LETTERS: usize = 56;
/// How long a pair lives unless the settings say otherwise.
const PAIR_TTL: Duration = Duration::from_hours(1);
/// A new pair is shown after this part of the old one's life, in sixths: ten minutes of an hour are left.
const RENEWED_AFTER: u32 = 5;

/// What a server without an agency is told.
const NO_AGENCY: &str = "Please configure Cloud Service Agency first";

/// Sessions that are open, and the pair that is shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    sessions: HashMap<String, Session>,
    pair: Option<(Issued, Timestamp)>,
}

#[derive(Debug)]
struct Session {
    number: u64,
    ends: Instant,
}

impl Shown {
    /// The number of a request's session token, if there is such a session.
    pub(super) fn number(&self, headers: &HeaderMap) -> Option<u64> {
        self.sessions.get(header(headers, &SESSION)?).map(|session| session.number)
    }
}

/// `PUT /meta-data/latest/api/token`.
pub(super) fn open(identity: &mut Identity, settings: Metadata, headers: &HeaderMap) -> Answer {
    if let Sessions::Refused(status) = settings.sessions {
        return plain(status, "session tokens are not supported");
    }
    let ttl = header(headers, &SESSION_TTL).and_then(|text| text.parse().ok());
    let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST_SESSION).contains(ttl)) else {
        return plain(StatusCode::BAD_REQUEST, "x-metadata-token-ttl-seconds must be 1 to 21600");
    };
    let (number, seed) = identity.next();
    let text = letters(seed, SESSION_LETTERS);
    let now = Instant::now();
    let sessions = &mut identity.shown.sessions;
    sessions.retain(|_, session| session.ends > now);
    sessions.insert(text.clone(), Session { number, ends: now + Duration::from_secs(ttl) });
    plain(StatusCode::OK, text)
}

/// `GET /openstack/latest/securitykey`.
pub(super) fn security_key(
    identity: &mut Identity,
    settings: Metadata,
    headers: &HeaderMap,
    now: Timestamp,
) -> Answer {
    let session = header(headers, &SESSION);
    let open = session
        .and_then(|text| identity.shown.sessions.get(text))
        .is_some_and(|session| session.ends > Instant::now());
    let needed = match settings.sessions {
        Sessions::Offered => session.is_some(),
        Sessions::Required => true,
        // Who does not know of sessions does not look for one.
        Sessions::Refused(_) => false,
    };
    if needed && !open {
        return session_ended();
    }
    if !settings.agency {
        return no_agency();
    }
    let shown = identity.shown.pair.take().filter(|(_, renewed)| now < *renewed);
    let (pair, renewed) = shown.unwrap_or_else(|| {
        let ttl = identity.temporary_ttl.unwrap_or(PAIR_TTL);
        let (number, seed) = identity.next();
        let owner = Owner { number, assumed: false };
        let pair = identity.keys.issue(seed, owner, now, ttl);
        (pair, after(now, ttl / 6 * RENEWED_AFTER))
    });
    identity.shown.pair = Some((pair.clone(), renewed));
    credential(StatusCode::OK, &pair)
}

/// A pair as both services show it.
pub(super) fn credential(status: StatusCode, pair: &Issued) -> Answer {
    let document = json!({"credential": {
        "access": pair.access, "secret": pair.secret, "securitytoken": pair.security_token,
        "expires_at": time(pair.expires),
    }});
    Answer::json(status, &document)
}

/// What a request without a good session token is told.
pub(super) fn session_ended() -> Answer {
    plain(StatusCode::UNAUTHORIZED, "the metadata token is missing or has expired")
}

/// What a server without an agency is told.
pub(super) fn no_agency() -> Answer {
    plain(StatusCode::UNAUTHORIZED, NO_AGENCY)
}

fn plain(status: StatusCode, text: impl Into<bytes::Bytes>) -> Answer {
    Answer::raw(status, "text/plain; charset=utf-8", text)
}
