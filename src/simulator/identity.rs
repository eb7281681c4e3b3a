//! The account, its users and its tokens: what the identity service knows.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::random::mix;

/// The account's only domain.
pub(super) const DOMAIN: (&str, &str) = ("demo", "d0d0cafed0d0cafed0d0cafed0d0cafe");
/// The account's only user.
pub(super) const USER: (&str, &str) = ("demo", "5e125e125e125e125e125e125e125e12");
/// The user's password.
pub(super) const PASSWORD: &str = "demo";

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
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    /// Tokens are numbered in the order of issue.
    pub(super) number: u64,
}

/// The tokens in circulation.
#[derive(Debug)]
pub(super) struct Tokens {
    seed: u64,
    ttl: Duration,
    bytes: usize,
    issued: u64,
    known: HashMap<String, Token>,
    order: VecDeque<String>,
}

impl Tokens {
    /// No token yet.
    pub(super) fn new(seed: u64, ttl: Duration, bytes: usize) -> Self {
        Self { seed, ttl, bytes, issued: 0, known: HashMap::new(), order: VecDeque::new() }
    }

    /// A new token and what is known of it. A token made from another ends with that one.
    pub(super) fn issue(
        &mut self,
        scope: Scope,
        methods: Vec<&'static str>,
        until: Option<Timestamp>,
    ) -> (String, Token) {
        let issued = Timestamp::now();
        let ttl = SignedDuration::try_from(self.ttl).unwrap_or(SignedDuration::MAX);
        let expires = issued.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let expires = until.map_or(expires, |until| until.min(expires));
        self.issued += 1;
        let token = Token { scope, methods, issued, expires, number: self.issued };
        let text = self.text(self.issued, issued);
        if self.order.len() == MOST_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(text.clone());
        self.known.insert(text.clone(), token.clone());
        (text, token)
    }

    /// What is known of a token that is still good.
    pub(super) fn get(&self, text: &str) -> Option<&Token> {
        self.known.get(text).filter(|token| token.expires > Timestamp::now())
    }

    /// Forgets a token; false if it was not good any more.
    pub(super) fn revoke(&mut self, text: &str) -> bool {
        let good = self.get(text).is_some();
        self.known.remove(text);
        good
    }

    /// How many tokens were issued so far.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    /// Letters like those of a real token, and no two alike.
    fn text(&self, number: u64, issued: Timestamp) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let seed = mix(self.seed, number) ^ issued.as_microsecond().unsigned_abs();
        let mut text = String::from("MIIE");
        text.extend(
            (0..self.bytes.saturating_sub(4) as u64).map(|place| {
                char::from(LETTERS[usize::try_from(mix(seed, place) % 64).unwrap_or(0)])
            }),
        );
        text
    }
}
