use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::hmac::{self, Tag};
use ring::rand::SystemRandom;
use secrecy::zeroize::Zeroizing;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Denial;
use super::memory::Memory;

/// Passwords are computed one at a time: each takes a core for a good while, and the other one serves.
const COMPUTED_AT_ONCE: usize = 1;

/// Requests whose password waits or is being computed. At the usual cost, about 70 ms each, the last
/// one waits a second; more would only wait longer than a scraper does.
const MOST_WAITING: usize = 16;

/// How long a request waits for its password; Prometheus gives up a scrape after ten seconds.
const CHECK_DEADLINE: Duration = Duration::from_secs(10);

/// Who may ask: names with the bcrypt hashes of their passwords.
pub struct Users {
    hashes: BTreeMap<String, PasswordHash>,
    /// Made at start and never shown: what memory holds is worth nothing without it.
    key: hmac::Key,
    memory: Mutex<Memory>,
    computing: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A bcrypt hash that can be checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a text is no bcrypt hash that can be checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashMistake {
    /// Perhaps the password itself: the text is never repeated.
    #[error("is not a bcrypt hash")]
    NotBcrypt,
    /// bcrypt is defined between these costs only.
    #[error("has a cost that is not between 4 and 31")]
    Cost,
}

impl PasswordHash {
    /// The cost of a check: each step doubles it.
    pub fn cost(&self) -> u32 {
        self.0.parse().map_or(0, |parts: bcrypt::HashParts| parts.get_cost())
    }

    fn admits(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }
}

impl std::str::FromStr for PasswordHash {
    type Err = HashMistake;

    fn from_str(text: &str) -> Result<Self, HashMistake> {
        let parts: bcrypt::HashParts = text.parse().map_err(|_| HashMistake::NotBcrypt)?;
        if !(4..=31).contains(&parts.get_cost()) {
            return Err(HashMistake::Cost);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a request says about who sends it.
struct Credentials {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl Credentials {
    /// What `Authorization: Basic …` says. `None`: nothing of the kind.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        Some(Self { name, password: Zeroizing::new(decoded[colon + 1..].to_vec()) })
    }

    /// Name and password as one message that no other pair makes: a name holds no colon.
    fn message(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.name.as_bytes(), b":", &self.password].concat())
    }
}

impl Users {
    /// `None`: nobody is named, so everybody may ask.
    ///
    /// # Panics
    ///
    /// When the system has no randomness to give, without which no TLS works either.
    pub fn new(hashes: BTreeMap<String, PasswordHash>) -> Option<Self> {
        if hashes.is_empty() {
            return None;
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Some(Self {
            hashes,
            key: key.expect("the system gives random bytes"),
            memory: Mutex::default(),
            computing: Arc::new(Semaphore::new(COMPUTED_AT_ONCE)),
            waiting: Semaphore::new(MOST_WAITING),
        })
    }

    /// Whether the request comes from one of them.
    pub(super) async fn admit(self: &Arc<Self>, headers: &HeaderMap) -> Result<(), Denial> {
        let credentials = Credentials::of(headers).ok_or(Denial::NoUser)?;
        let message = credentials.message();
        let tag = hmac::sign(&self.key, &message);
        let is_right = if let Some(known) = self.verdict(&credentials, &message, &tag) {
            known
        } else {
            let _place = self.waiting.try_acquire().map_err(|_| Denial::Busy)?;
            let computed = timeout(CHECK_DEADLINE, self.compute(credentials, &message, tag));
            computed.await.ok().flatten().ok_or(Denial::Busy)?
        };
        if is_right { Ok(()) } else { Err(Denial::NoUser) }
    }

    fn verdict(&self, credentials: &Credentials, message: &[u8], tag: &Tag) -> Option<bool> {
        self.memory().verdict(&self.key, &credentials.name, message, tag)
    }

    /// Computes when it is its turn. `None`: the process ends.
    async fn compute(
        self: &Arc<Self>,
        credentials: Credentials,
        message: &[u8],
        tag: Tag,
    ) -> Option<bool> {
        let turn = Arc::clone(&self.computing).acquire_owned().await.ok()?;
        // Several scrapers that start together send the same password: one of them had its turn.
        if let Some(known) = self.verdict(&credentials, message, &tag) {
            return Some(known);
        }
        let users = Arc::clone(self);
        let computed = spawn_blocking(move || {
            let is_right = users.matches(&credentials);
            // Remembered here, so that a client that has left meanwhile did not cost it for nothing.
            if is_right {
                users.memory().remember_right(&credentials.name, tag);
            } else {
                users.memory().remember_wrong(tag);
            }
            drop(turn);
            is_right
        });
        computed.await.ok()
    }

    /// Whether name and password belong together. An unknown name costs what a known one costs: it is
    /// checked against the hash of some user, always the same one for a name, and fails in any case.
    fn matches(&self, Credentials { name, password }: &Credentials) -> bool {
        if let Some(hash) = self.hashes.get(name) {
            return hash.admits(password);
        }
        let of_name = hmac::sign(&self.key, name.as_bytes());
        let some = usize::from(of_name.as_ref()[0]) % self.hashes.len();
        if let Some(hash) = self.hashes.values().nth(some) {
            let _ = hash.admits(password);
        }
        false
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same users with the same passwords, whatever is remembered of them.
impl PartialEq for Users {
    fn eq(&self, other: &Self) -> bool {
        self.hashes == other.hashes
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.hashes.keys()).finish()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(<secret>)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// bcrypt of `right`.
    fn users() -> Arc<Users> {
        let hash = bcrypt::hash("right", 4).unwrap().parse().unwrap();
        Arc::new(Users::new(BTreeMap::from([("alice".to_owned(), hash)])).unwrap())
    }

    fn asking(name: &str, password: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let salted = "X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";
        let parse = |text: &str| text.parse::<PasswordHash>().map(|hash| hash.cost());
        for version in ["2a", "2b", "2y"] {
            assert_eq!(parse(&format!("${version}$10${salted}")), Ok(10));
        }
        for cost in ["00", "03", "32", "99"] {
            assert_eq!(parse(&format!("$2b${cost}${salted}")), Err(HashMistake::Cost), "{cost}");
        }
        let short = format!("$2b$10${}", &salted[1..]);
        for text in ["", "doe", "$1$abc", &short, "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="] {
            assert_eq!(parse(text), Err(HashMistake::NotBcrypt), "{text}");
        }
    }

    #[tokio::test]
    async fn a_verdict_is_remembered_and_an_unknown_name_is_computed_like_a_known_one() {
        let users = users();
        for (name, password, expected) in [
            ("alice", "right", Ok(())),
            ("alice", "wrong", Err(Denial::NoUser)),
            ("mallory", "right", Err(Denial::NoUser)),
        ] {
            let asking = asking(name, password);
            assert_eq!(users.admit(&asking).await, expected, "{name}");
            // With nobody to compute, only what is remembered is answered.
            let _held = users.computing.acquire().await.unwrap();
            let again = timeout(Duration::from_millis(1), users.admit(&asking)).await;
            assert_eq!(again, Ok(expected), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_is_refused_at_once_and_nobody_waits_for_ever() {
        let users = users();
        let held = users.computing.acquire().await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..=MOST_WAITING {
            let users = Arc::clone(&users);
            waiting.spawn(async move { users.admit(&asking("alice", &number.to_string())).await });
        }
        let began = tokio::time::Instant::now();
        assert_eq!(waiting.join_next().await.unwrap().unwrap(), Err(Denial::Busy));
        assert_eq!(began.elapsed(), Duration::ZERO);
        let rest = waiting.join_all().await;
        assert_eq!(rest, vec![Err(Denial::Busy); MOST_WAITING]);
        assert_eq!(began.elapsed(), CHECK_DEADLINE);
        drop(held);
        assert_eq!(users.admit(&asking("alice", "right")).await, Ok(()));
    }
}
