//! Access keys: the account's own pair, and the temporary ones that are handed out.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, request::Parts};
use jiff::{SignedDuration, Timestamp};

use super::{
    answer::Answer,
    iam::header,
    lock::Lock,
    random::letters,
    signature::{Signature, signed_at},
};

/// The account's access key.
pub(super) const ACCESS_KEY: &str = "DEMOACCESSKEY";
/// Its secret key.
pub(super) const SECRET_KEY: &str = "demosecretkey";

/// Belongs to a temporary pair.
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// How far a client's clock may be off, to either side, as the gateway documents it.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(15);
/// "More than 5" bad signatures in a row lock a key.
const BAD_SIGNATURES: u32 = 6;
/// For so long, by the real clock.
const LOCKED: Duration = Duration::from_mins(5);

/// An access key with what belongs to it.
#[derive(Debug)]
struct Pair {
    secret: String,
    /// What makes it a temporary one.
    temporary: Option<Temporary>,
    owner: Owner,
    lock: Lock,
}

#[derive(Debug)]
struct Temporary {
    security_token: String,
    expires: Timestamp,
}

/// Whose a key is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner {
    /// Its place among all that was ever issued; 0 was there from the start.
    pub(super) number: u64,
    /// It stands for an agency, not for the account's user.
    pub(super) assumed: bool,
}

/// A temporary pair as its owner gets it.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) secret: String,
    pub(super) security_token: String,
    pub(super) expires: Timestamp,
}

/// The keys that are known.
#[derive(Debug)]
pub(super) struct AccessKeys {
    pairs: BTreeMap<String, Pair>,
    /// Signatures that were wrong.
    pub(super) bad_signatures: u64,
    /// Requests that a lock refused.
    pub(super) while_locked: u64,
}

impl AccessKeys {
    /// The account's own pair alone.
    pub(super) fn new() -> Self {
        let own = Pair {
            secret: SECRET_KEY.to_owned(),
            temporary: None,
            owner: Owner::default(),
            lock: Lock::new(BAD_SIGNATURES, LOCKED),
        };
        let pairs = BTreeMap::from([(ACCESS_KEY.to_owned(), own)]);
        Self { pairs, bad_signatures: 0, while_locked: 0 }
    }

    /// A new temporary pair; those that have ended are forgotten.
    pub(super) fn issue(
        &mut self,
        seed: u64,
        owner: Owner,
        now: Timestamp,
        ttl: Duration,
    ) -> Issued {
        // Long enough for an answer that says why a key is refused; the map must not grow for ever.
        // The true time: a fault may have set `now` ahead.
        let forgotten = Timestamp::now() - SignedDuration::from_hours(1);
        self.pairs.retain(|_, pair| {
            pair.temporary.as_ref().is_none_or(|temporary| temporary.expires > forgotten)
        });
        let issued = Issued {
            access: letters(seed, 20).to_uppercase().replace(['-', '_'], "X"),
            secret: letters(seed ^ 1, 40),
            security_token: letters(seed ^ 2, 400),
            expires: after(now, ttl),
        };
        let pair = Pair {
            secret: issued.secret.clone(),
            temporary: Some(Temporary {
                security_token: issued.security_token.clone(),
                expires: issued.expires,
            }),
            owner,
            lock: Lock::new(BAD_SIGNATURES, LOCKED),
        };
        self.pairs.insert(issued.access.clone(), pair);
        issued
    }

    /// Whose key a signed request names, whether the signature is good or not.
    pub(super) fn named(&self, head: &Parts) -> Option<Owner> {
        self.pairs.get(Signature::read(&head.headers)?.key).map(|pair| pair.owner)
    }

    /// Whose a signed request is, if it is in order.
    pub(super) fn check(
        &mut self,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Owner, Answer> {
        let expired = || Answer::bad_credentials("calc ak sk signature fail:signature expired");
        let wrong = || Answer::bad_credentials("verify aksk signature fail");
        let (Some(signature), Some(signed_at)) =
            (Signature::read(&head.headers), signed_at(&head.headers))
        else {
            return Err(Answer::bad_credentials("authorization or x-sdk-date is not readable"));
        };
        let Some(pair) = self.pairs.get_mut(signature.key) else {
            return Err(Answer::bad_credentials("verify aksk signature fail, ak not exist"));
        };
        if pair.lock.is_closed() {
            self.while_locked += 1;
            return Err(Answer::bad_credentials("verify aksk signature fail, ak is locked"));
        }
        if now.duration_since(signed_at).abs() > CLOCK_TOLERANCE {
            return Err(expired());
        }
        if let Some(temporary) = &pair.temporary {
            if temporary.expires <= now {
                return Err(expired());
            }
            if header(&head.headers, &SECURITY_TOKEN) != Some(&temporary.security_token) {
                return Err(Answer::bad_credentials("verify security token fail"));
            }
        }
        if !signature.is_of(&pair.secret, head, body) {
            self.bad_signatures += 1;
            pair.lock.wrong();
            return Err(wrong());
        }
        pair.lock.right();
        Ok(pair.owner)
    }

    /// The keys that are locked now.
    pub(super) fn locked(&self) -> impl Iterator<Item = &str> {
        let closed = self.pairs.iter().filter(|(_, pair)| pair.lock.is_closed());
        closed.map(|(access, _)| access.as_str())
    }
}

/// The time when something ends that begins now.
pub(super) fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
    now.checked_add(ttl).unwrap_or(Timestamp::MAX)
}
