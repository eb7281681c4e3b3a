//! Who we are: a token that is fetched once, shared by all calls of a project, and renewed in time.

mod password;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

use crate::cloud::error::Chain;
use crate::cloud::transport::Transport;
use crate::cloud::{Auth, Error, Secret};

/// Renew when this share of the life is left, so that a broken IAM has time to come back: of the
/// usual 24 hours, about three to four and a half.
const RENEW_BEFORE: (f64, f64) = (0.12, 0.18);

/// Wrong credentials are not shown again for this long: IAM locks an account after a few.
const REFUSED_HOLD: Duration = Duration::from_mins(5);

/// Other failures of IAM are repeated after this, and after twice as long each time …
const FIRST_HOLD: Duration = Duration::from_secs(1);

/// … up to this.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// A call that refuses a token that worked before gets a new one, but not more often than this: one
/// job whose calls are always refused must not make a token a poll.
const BETWEEN_RENEWALS: Duration = Duration::from_mins(1);

/// So many calls in a row must refuse a token that was just renewed before the project is held.
const REFUSALS_TO_HOLD: u32 = 3;

/// A token and what it is good for.
pub(crate) struct Token {
    /// Goes into `X-Auth-Token`.
    pub(crate) value: SecretString,
    /// The project it is scoped to, as the cloud names it.
    pub(crate) project_id: Option<String>,
    renew_at: Instant,
    expires: Instant,
    /// When it ends, Unix seconds.
    pub(crate) expires_unix: f64,
}

/// The tokens of one project. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Inner>);

struct Inner {
    auth: Auth,
    project_id: Option<String>,
    transport: Arc<Transport>,
    /// Locked while a token is fetched, so that one is fetched at a time.
    fetching: Arc<Mutex<Fetching>>,
    /// What calls are made with; never locked across a wait.
    in_use: RwLock<InUse>,
}

struct Fetching {
    /// Knows whether the password changed since it was last shown to IAM.
    password: Secret,
    failures: u32,
    /// When a token was last renewed because a call refused it.
    renewed: Option<Instant>,
}

#[derive(Default)]
struct InUse {
    token: Option<Arc<Token>>,
    hold: Option<Hold>,
    /// Calls in a row that refused the token, with none that took it.
    refusals: u32,
}

struct Hold {
    until: Instant,
    cause: Arc<Error>,
}

impl Tokens {
    pub(crate) fn new(auth: Auth, project_id: Option<String>, transport: Arc<Transport>) -> Self {
        let Auth::Password(password) = &auth;
        let fetching = Fetching { password: password.password.clone(), failures: 0, renewed: None };
        Self(Arc::new(Inner {
            auth,
            project_id,
            transport,
            fetching: Arc::new(Mutex::new(fetching)),
            in_use: RwLock::default(),
        }))
    }

    /// A token to call with. Where there is none, all who ask wait for the same one; where it is due
    /// for renewal, that happens beside the calls, which go on with the old one.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.0.good_token() {
            if token.renew_at <= Instant::now()
                && let Ok(turn) = Arc::clone(&self.0.fetching).try_lock_owned()
                && self.0.may_fetch(&turn).is_ok()
            {
                self.fetch(turn);
            }
            return Ok(token);
        }
        let turn = Arc::clone(&self.0.fetching).lock_owned().await;
        match self.0.good_token() {
            Some(token) => Ok(token),
            None => self.fetch_with(turn).await,
        }
    }

    /// A token in the place of `refused`: the one that came meanwhile, or a new one.
    pub(crate) async fn renew(
        &self,
        refused: &Arc<Token>,
        cause: &Error,
    ) -> Result<Arc<Token>, Error> {
        let mut turn = Arc::clone(&self.0.fetching).lock_owned().await;
        if let Some(token) = self.0.good_token().filter(|token| !Arc::ptr_eq(token, refused)) {
            return Ok(token);
        }
        let now = Instant::now();
        if turn.renewed.is_some_and(|at| now - at < BETWEEN_RENEWALS) {
            self.0.count_refusal(cause);
            return Err(cause.clone());
        }
        turn.renewed = Some(now);
        self.fetch_with(turn).await
    }

    /// Credentials that were refused may be shown again.
    pub(crate) fn end_hold(&self) {
        self.0.in_use.write().unwrap_or_else(PoisonError::into_inner).hold = None;
    }

    /// A call took the token: it is good.
    pub(crate) fn accepted(&self, token: &Arc<Token>) {
        let is_refused = |in_use: &InUse| {
            in_use.refusals > 0
                && in_use.token.as_ref().is_some_and(|current| Arc::ptr_eq(current, token))
        };
        // Almost always nothing was refused, and nobody has to wait.
        let refused = is_refused(&self.0.in_use.read().unwrap_or_else(PoisonError::into_inner));
        if refused {
            self.0.in_use.write().unwrap_or_else(PoisonError::into_inner).refusals = 0;
        }
    }

    async fn fetch_with(&self, turn: OwnedMutexGuard<Fetching>) -> Result<Arc<Token>, Error> {
        self.0.may_fetch(&turn)?;
        let task = self.fetch(turn).await;
        task.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
    }

    /// Fetches in a task of its own: who waits for it may be cut off, the others shall have it.
    fn fetch(&self, mut turn: OwnedMutexGuard<Fetching>) -> JoinHandle<Result<Arc<Token>, Error>> {
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move { inner.fetch(&mut turn).await })
    }
}

impl Inner {
    fn good_token(&self) -> Option<Arc<Token>> {
        let in_use = self.in_use.read().unwrap_or_else(PoisonError::into_inner);
        let token = in_use.token.as_ref().filter(|token| token.expires > Instant::now())?;
        (in_use.refusals < REFUSALS_TO_HOLD).then(|| Arc::clone(token))
    }

    /// A token that was just renewed is refused too.
    fn count_refusal(&self, cause: &Error) {
        let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        in_use.refusals += 1;
        if in_use.refusals >= REFUSALS_TO_HOLD {
            in_use.hold(REFUSED_HOLD, cause.clone());
        }
    }

    /// Fails while an earlier refusal holds the project; a password that changed ends that.
    fn may_fetch(&self, turn: &Fetching) -> Result<(), Error> {
        if turn.password.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let in_use = self.in_use.read().unwrap_or_else(PoisonError::into_inner);
        match &in_use.hold {
            Some(hold) if hold.until > Instant::now() => Err(hold.error()),
            _ => Ok(()),
        }
    }

    async fn fetch(&self, turn: &mut Fetching) -> Result<Arc<Token>, Error> {
        turn.password.mark_unchanged();
        let Auth::Password(password) = &self.auth;
        let fetched = password::fetch(password, self.project_id.as_deref(), &self.transport).await;
        match fetched {
            Ok(token) => {
                self.transport.own().token_expiry(token.expires_unix);
                turn.failures = 0;
                let token = Arc::new(token);
                let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
                *in_use = InUse { token: Some(Arc::clone(&token)), ..InUse::default() };
                Ok(token)
            }
            Err(error) => {
                let hold = match error {
                    Error::Unauthorized(_) | Error::Forbidden(_) => REFUSED_HOLD,
                    Error::Throttled { retry_after: Some(wait), .. } => wait.min(REFUSED_HOLD),
                    _ => FIRST_HOLD.saturating_mul(1 << turn.failures.min(10)).min(LONGEST_HOLD),
                };
                turn.failures += 1;
                if self.good_token().is_some() {
                    warn!(error = %Chain(&error), "token not renewed, the old one is still good");
                }
                let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
                in_use.hold(hold, error.clone());
                Err(Error::NoToken(Arc::new(error)))
            }
        }
    }
}

impl InUse {
    fn hold(&mut self, length: Duration, cause: Error) {
        self.hold = Some(Hold { until: Instant::now() + length, cause: Arc::new(cause) });
    }
}

impl Hold {
    fn error(&self) -> Error {
        // Whole seconds: the remaining time is for people.
        let remaining = self.until.saturating_duration_since(Instant::now());
        let remaining = Duration::from_secs(remaining.as_secs());
        Error::Held { remaining, cause: Arc::clone(&self.cause) }
    }
}

impl Token {
    fn new(
        value: SecretString,
        project_id: Option<String>,
        expires_unix: f64,
        life: Duration,
    ) -> Self {
        let (least, most) = RENEW_BEFORE;
        let fetched = Instant::now();
        let left = life.mul_f64(least + (most - least) * fastrand::f64());
        Self {
            value,
            project_id,
            renew_at: fetched + life.saturating_sub(left),
            expires: fetched + life,
            expires_unix,
        }
    }
}
