//! The account, its users and its tokens: what the identity service knows.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    keys::{AccessKeys, after},
    lock::Lock,
    metadata::Shown,
    random::{letters, mix},
    settings::Settings,
};

/// The account's only domain.
pub(super) const DOMAIN: (&str, &str) = ("demo", "d0d0cafed0d0cafed0d0cafed0d0cafe");
/// The account's only user.
pub(super) const USER: (&str, &str) = ("demo", "5e125e125e125e125e125e125e125e12");
/// The user's password.
pub(super) const PASSWORD: &str = "demo";

/// The domain of another account, which lets ours act in its projects.
pub(super) const AGENCY_DOMAIN: (&str, &str) = ("demo-owner", "0c0de0c0de0c0de0c0de0c0de0c0de00");
/// Under this name. The projects are the same ones: a simulated account needs no second set of jobs.
pub(super) const AGENCY: &str = "demo-agency";

/// Wrong passwords in a row that lock the user, and for how long, by the real clock: what Open Telekom
/// Cloud sets for a new account.
const WRONG_PASSWORDS: u32 = 5;
const LOCKED: Duration = Duration::from_mins(15);

/// Tokens that are remembered; the oldest go first. A test that asks for more measures something else.
const MOST_TOKENS: usize = 10_000;

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A project, by its id.
    Project(String),
    /// The whole account, which opens no training job.
    Domain,
}

/// A token, as far as the service remembers it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) scope: Scope,
    pub(super) methods: Vec<&'static str>,
    /// It stands for an agency, not for the account's user.
    pub(super) assumed: bool,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    /// Tokens are numbered in the order of issue.
    pub(super) number: u64,
}

/// Everybody who may come, and what they come with.
#[derive(Debug)]
pub(super) struct Identity {
    seed: u64,
    issued: u64,
    pub(super) tokens: Tokens,
    pub(super) keys: AccessKeys,
    pub(super) passwords: Passwords,
    /// What the metadata service shows.
    pub(super) shown: Shown,
    /// How long temporary keys live, whatever is asked for.
    pub(super) temporary_ttl: Option<Duration>,
}

impl Identity {
    /// The account as the settings begin it.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            seed: settings.seed,
            issued: 0,
            tokens: Tokens::new(settings.token_ttl, settings.token_bytes),
            keys: AccessKeys::new(),
            passwords: Passwords::new(),
            shown: Shown::default(),
            temporary_ttl: settings.temporary_ttl,
        }
    }

    /// What was refused since the counts began, and what is locked now.
    pub(super) fn refusals(&self) -> Refusals {
        let user = self.passwords.lock.is_closed().then_some(USER.0);
        Refusals {
            wrong_passwords: self.passwords.wrong,
            bad_signatures: self.keys.bad_signatures,
            while_locked: self.passwords.while_locked + self.keys.while_locked,
            locked: user.into_iter().chain(self.keys.locked()).map(str::to_owned).collect(),
        }
    }

    /// Begins to count refusals anew; what is locked stays so.
    pub(super) fn forget_refusals(&mut self) {
        (self.passwords.wrong, self.passwords.while_locked) = (0, 0);
        (self.keys.bad_signatures, self.keys.while_locked) = (0, 0);
    }

    /// How many tokens and keys were issued so far.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    /// The number of the next token or key, and a seed for its letters that no other one has.
    pub(super) fn next(&mut self) -> (u64, u64) {
        self.issued += 1;
        let started = Timestamp::now().as_microsecond().unsigned_abs();
        (self.issued, mix(self.seed, self.issued) ^ started)
    }
}

/// Refused credentials, as `GET /-/simulator/requests` tells them.
#[derive(Debug, Serialize)]
pub(super) struct Refusals {
    wrong_passwords: u64,
    bad_signatures: u64,
    /// Requests that a lock refused, whatever they came with.
    while_locked: u64,
    /// The user and the access keys that are locked.
    locked: Vec<String>,
}

/// The user's password and what was tried instead.
#[derive(Debug)]
pub(super) struct Passwords {
    lock: Lock,
    wrong: u64,
    while_locked: u64,
}

/// What a password is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Right,
    Wrong,
    Locked,
}

impl Passwords {
    fn new() -> Self {
        Self { lock: Lock::new(WRONG_PASSWORDS, LOCKED), wrong: 0, while_locked: 0 }
    }

    /// Tries one.
    pub(super) fn check(&mut self, password: &str) -> Login {
        if self.lock.is_closed() {
            self.while_locked += 1;
            return Login::Locked;
        }
        if password != PASSWORD {
            self.wrong += 1;
            self.lock.wrong();
            return Login::Wrong;
        }
        self.lock.right();
        Login::Right
    }
}

/// The tokens in circulation.
#[derive(Debug)]
pub(super) struct Tokens {
    ttl: Duration,
    bytes: usize,
    known: HashMap<String, Token>,
    order: VecDeque<String>,
}

impl Tokens {
    /// No token yet.
    fn new(ttl: Duration, bytes: usize) -> Self {
        Self { ttl, bytes, known: HashMap::new(), order: VecDeque::new() }
    }

    /// When a token ends that is issued now.
    pub(super) fn end(&self, now: Timestamp) -> Timestamp {
        after(now, self.ttl)
    }

    /// Puts a token into circulation and says how it is written.
    pub(super) fn issue(&mut self, seed: u64, token: Token) -> String {
        let text = format!("MIIE{}", letters(seed, self.bytes.saturating_sub(4)));
        if self.order.len() == MOST_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(text.clone());
        self.known.insert(text.clone(), token);
        text
    }

    /// What is known of a token that is still good.
    pub(super) fn get(&self, text: &str, now: Timestamp) -> Option<&Token> {
        self.known.get(text).filter(|token| token.expires > now)
    }

    /// Forgets a token; false if it was not good any more.
    pub(super) fn revoke(&mut self, text: &str, now: Timestamp) -> bool {
        let good = self.get(text, now).is_some();
        self.known.remove(text);
        good
    }
}
