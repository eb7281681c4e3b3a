//! Who we are: a token that is fetched once, shared by all calls of a project, and renewed in time.

mod password;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::cloud::error::Chain;
use crate::cloud::transport::Transport;
use crate::cloud::{Auth, Error, Pace, Secret};

/// Renew when this share of the life is left, so that a broken IAM has time to come back: of the
/// usual 24 hours, about three to four and a half.
const RENEW_BEFORE: (f64, f64) = (0.12, 0.18);

/// Wrong credentials are not shown again for this long: IAM locks an account after a few.
const REFUSED_HOLD: Duration = Duration::from_secs(5 * 60);

/// Other failures of IAM are repeated after this, and after twice as long each time …
const FIRST_HOLD: Duration = Duration::from_secs(1);

/// … up to this.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// So many calls in a row must refuse a fresh token before the project is held: one job whose calls
/// are always refused must not stop the others.
const REFUSALS_TO_HOLD: u32 = 3;

/// A token younger than this is not renewed because a call refused it: renewing it does not help.
const FRESH: Duration = Duration::from_secs(60);

/// A token and what it is good for.
pub(crate) struct Token {
    /// Goes into `X-Auth-Token`.
    pub(crate) value: SecretString,
    /// The project it is scoped to, as the cloud names it.
    pub(crate) project_id: Option<String>,
    /// When it was fetched.
    fetched: Instant,
    renew_at: Instant,
    expires: Instant,
    expires_unix: f64,
}

/// The tokens of one project.
pub(crate) struct Tokens {
    auth: Auth,
    project_id: Option<String>,
    state: Mutex<State>,
}

struct State {
    /// Knows whether the password changed since it was last shown to IAM.
    password: Secret,
    current: Option<Arc<Token>>,
    hold: Option<Hold>,
    failures: u32,
    /// Calls in a row that refused the current token, with none that took it.
    refusals: u32,
}

struct Hold {
    until: Instant,
    cause: Arc<Error>,
}

impl Tokens {
    pub(crate) fn new(auth: Auth, project_id: Option<String>) -> Self {
        let Auth::Password(password) = &auth;
        let state = State::new(password.password.clone());
        Self { auth, project_id, state: Mutex::new(state) }
    }

    /// A token to call with. Fetches or renews it where that is due; all who ask meanwhile wait for
    /// the same one.
    pub(crate) async fn token(
        &self,
        transport: &Transport,
        pace: &dyn Pace,
    ) -> Result<Arc<Token>, Error> {
        let mut state = self.state.lock().await;
        if state.password.has_changed().unwrap_or(false) {
            state.hold = None;
        }
        let now = Instant::now();
        if let Some(hold) = state.hold.as_ref().filter(|hold| hold.until > now) {
            match &state.current {
                Some(token) if token.expires > now && state.refusals < REFUSALS_TO_HOLD => {
                    return Ok(Arc::clone(token));
                }
                _ => return Err(hold.error(now)),
            }
        }
        match &state.current {
            Some(token) if now < token.renew_at && state.refusals < REFUSALS_TO_HOLD => {
                Ok(Arc::clone(token))
            }
            _ => self.fetch(&mut state, transport, pace).await,
        }
    }

    /// A token in the place of `refused`: the one that came meanwhile, or a new one.
    pub(crate) async fn renew(
        &self,
        refused: &Arc<Token>,
        cause: &Error,
        transport: &Transport,
        pace: &dyn Pace,
    ) -> Result<Arc<Token>, Error> {
        let mut state = self.state.lock().await;
        let current = state.current.clone();
        if let Some(token) = current.filter(|token| !Arc::ptr_eq(token, refused)) {
            return Ok(token);
        }
        if refused.fetched.elapsed() < FRESH {
            state.refusals += 1;
            if state.refusals >= REFUSALS_TO_HOLD {
                state.hold(REFUSED_HOLD, cause.clone());
            }
            return Err(cause.clone());
        }
        self.fetch(&mut state, transport, pace).await
    }

    /// A call took the current token: it is good.
    pub(crate) async fn accepted(&self, token: &Arc<Token>) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            state.refusals = 0;
        }
    }

    async fn fetch(
        &self,
        state: &mut State,
        transport: &Transport,
        pace: &dyn Pace,
    ) -> Result<Arc<Token>, Error> {
        pace.ready().await;
        state.password.mark_unchanged();
        let Auth::Password(password) = &self.auth;
        match password::fetch(password, self.project_id.as_deref(), transport).await {
            Ok(token) => {
                transport.own().token_expiry(token.expires_unix);
                let token = Arc::new(token);
                *state = State::new(state.password.clone());
                state.current = Some(Arc::clone(&token));
                info!(expires = token.expires_unix, "token fetched");
                Ok(token)
            }
            Err(error) => {
                let hold = if matches!(error, Error::Unauthorized(_) | Error::Forbidden(_)) {
                    REFUSED_HOLD
                } else {
                    FIRST_HOLD.saturating_mul(1 << state.failures.min(10)).min(LONGEST_HOLD)
                };
                state.failures += 1;
                state.hold(hold, error.clone());
                // The old one stays in use while it is good.
                let now = Instant::now();
                match &state.current {
                    Some(token) if token.expires > now && state.refusals < REFUSALS_TO_HOLD => {
                        warn!(error = %Chain(&error), "token not renewed, the old one is still good");
                        Ok(Arc::clone(token))
                    }
                    _ => Err(error),
                }
            }
        }
    }
}

impl State {
    fn new(password: Secret) -> Self {
        Self { password, current: None, hold: None, failures: 0, refusals: 0 }
    }

    fn hold(&mut self, length: Duration, cause: Error) {
        self.hold = Some(Hold { until: Instant::now() + length, cause: Arc::new(cause) });
    }
}

impl Hold {
    fn error(&self, now: Instant) -> Error {
        // Whole seconds: the remaining time is for people.
        let remaining = Duration::from_secs((self.until - now).as_secs());
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
            fetched,
            renew_at: fetched + life.saturating_sub(left),
            expires: fetched + life,
            expires_unix,
        }
    }
}
