//! Who we are: credentials that are fetched once, shared by all calls of a project, renewed in time,
//! and not shown again and again where they are refused.

mod credential;
mod metadata;
mod source;
mod temporary;
mod token;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use reqwest::Request;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

pub(crate) use credential::Credential;

use crate::cloud::error::Chain;
use crate::cloud::memory::AnswerMemory;
use crate::cloud::transport::{Answer, Transport};
use crate::cloud::{Error, Grant, Pace, Project};
use crate::own::{self, Operation};
use source::Source;

/// Wrong credentials are not shown again for this long: IAM locks an account, and the gateway an
/// access key, after a few.
const REFUSED_HOLD: Duration = Duration::from_mins(5);

/// Other failures of IAM are repeated after this, and after twice as long each time …
const FIRST_HOLD: Duration = Duration::from_secs(1);

/// … up to this.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// A call that refuses credentials that worked before gets new ones, but not more often than this:
/// one job whose calls are always refused must not make a token a poll.
const BETWEEN_RENEWALS: Duration = Duration::from_mins(1);

/// So many calls in a row must refuse credentials that worked before, and renewal must not have
/// cured it, before the project is held.
const REFUSALS_TO_HOLD: u32 = 3;

/// The credentials of one project. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Inner>);

struct Inner {
    source: Source,
    project_id: Option<String>,
    /// Locked while credentials are fetched, so that it happens once at a time.
    fetching: Arc<Mutex<Fetching>>,
    /// Held by the one call that tries credentials nobody has accepted yet.
    alone: Arc<Mutex<()>>,
    /// What calls are made with; never locked across a wait.
    in_use: RwLock<InUse>,
}

#[derive(Default)]
struct Fetching {
    failures: u32,
    /// When credentials were last renewed because a call refused them.
    renewed: Option<Instant>,
}

#[derive(Default)]
struct InUse {
    credential: Option<Arc<Credential>>,
    hold: Option<Hold>,
    /// Calls in a row that refused the credentials, with none that took them.
    refusals: u32,
    /// The next call is a trial: it goes alone, and when it is refused the project is held at once.
    trial: bool,
}

struct Hold {
    until: Instant,
    cause: Arc<Error>,
}

/// The right to make a call, alone where the credentials have to be tried first.
struct Turn {
    credential: Arc<Credential>,
    _alone: Option<OwnedMutexGuard<()>>,
}

impl Credentials {
    /// Nothing is asked yet. Fails where there is no way to the metadata service.
    pub(crate) fn new(
        project: &Project,
        transport: Arc<Transport>,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let source = Source::new(project, transport, memory, own)?;
        let in_use = InUse { trial: source.signs(), ..InUse::default() };
        Ok(Self(Arc::new(Inner {
            source,
            project_id: project.project_id.clone(),
            fetching: Arc::default(),
            alone: Arc::default(),
            in_use: RwLock::new(in_use),
        })))
    }

    /// Sends what is to be asked of the project with this id, with newer credentials where the old
    /// ones are refused.
    pub(crate) async fn send(
        &self,
        operation: Operation,
        request: impl Fn(&str) -> Result<Request, Error>,
        pace: &dyn Pace,
    ) -> Result<(Answer, Arc<Credential>), Error> {
        // Who has nothing to call with need not wait for the pace.
        self.current().await?;
        let turn = self.paced(pace).await?;
        let outcome = self.send_with(&turn.credential, operation, &request).await;
        let refusal = match outcome {
            Err(refusal) if refusal.refuses_credentials() => refusal,
            outcome => return outcome.map(|answer| (answer, turn.credential)),
        };
        self.renew(&turn.credential, &refusal).await?;
        drop(turn);
        let Turn { credential, _alone } = self.paced(pace).await?;
        self.0.source.transport.own().api_retry(operation);
        match self.send_with(&credential, operation, &request).await {
            Err(refusal) if refusal.refuses_credentials() => {
                Err(self.0.refused(&credential, refusal))
            }
            outcome => outcome.map(|answer| (answer, credential)),
        }
    }

    /// What they are good for.
    pub(crate) async fn grant(&self) -> Result<Grant, Error> {
        let credential = self.current().await?;
        let (project_id, expires_unix) = (credential.project_id.clone(), credential.expires_unix());
        Ok(Grant { project_id, expires_unix })
    }

    /// What was refused may be tried again at once.
    pub(crate) fn end_hold(&self) {
        let mut in_use = self.0.in_use_mut();
        in_use.hold = None;
        in_use.refusals = 0;
    }

    async fn send_with(
        &self,
        credential: &Arc<Credential>,
        operation: Operation,
        request: impl Fn(&str) -> Result<Request, Error>,
    ) -> Result<Answer, Error> {
        let project_id = self.0.project_id.as_deref().or(credential.project_id.as_deref());
        let project_id = project_id.ok_or_else(|| {
            Error::Malformed("the token names no project: set `project_id`".to_owned())
        })?;
        let mut request = request(project_id)?;
        credential.authorize(&mut request, Some(project_id))?;
        let transport = &self.0.source.transport;
        let outcome = transport.send(operation, request, &credential.secrets()).await;
        if is_acceptance(&outcome) {
            self.0.accepted(credential);
        }
        outcome
    }

    /// Waits for the pace, then for credentials and the right to use them. In this order: the pace may
    /// let another call go first, which needs that right; and what was found out about the credentials
    /// during the wait, which may be long, counts.
    async fn paced(&self, pace: &dyn Pace) -> Result<Turn, Error> {
        pace.ready().await;
        self.turn().await
    }

    /// Credentials, and the right to use them now. No call may wait for a pace while it has a turn.
    async fn turn(&self) -> Result<Turn, Error> {
        let credential = self.current().await?;
        if !self.0.goes_alone() {
            return Ok(Turn { credential, _alone: None });
        }
        let alone = Arc::clone(&self.0.alone).lock_owned().await;
        // Whoever went before us has found something out.
        let credential = self.current().await?;
        Ok(Turn { credential, _alone: self.0.goes_alone().then_some(alone) })
    }

    /// Credentials to call with. Where there are none, all who ask wait for the same; where they are
    /// due for renewal, that happens beside the calls, which go on with the old ones.
    async fn current(&self) -> Result<Arc<Credential>, Error> {
        if let Some(credential) = self.0.usable() {
            if credential.is_due_for_renewal()
                && let Ok(turn) = Arc::clone(&self.0.fetching).try_lock_owned()
                && self.0.may_fetch().is_ok()
            {
                self.fetch(turn);
            }
            return Ok(credential);
        }
        let turn = Arc::clone(&self.0.fetching).lock_owned().await;
        match self.0.usable() {
            Some(credential) => Ok(credential),
            None => self.fetch_with(turn).await,
        }
    }

    /// Sees to it that there are credentials in the place of `refused`: those that came meanwhile, or
    /// new ones.
    async fn renew(&self, refused: &Arc<Credential>, refusal: &Error) -> Result<(), Error> {
        let mut turn = Arc::clone(&self.0.fetching).lock_owned().await;
        if self.0.usable().is_some_and(|usable| !Arc::ptr_eq(&usable, refused)) {
            return Ok(());
        }
        let now = Instant::now();
        let renewed_just_now = turn.renewed.is_some_and(|at| now - at < BETWEEN_RENEWALS);
        if !self.0.source.has_new_secrets()
            && (self.0.source.is_at_hand() || renewed_just_now || self.0.in_use().trial)
        {
            return Err(self.0.refused(refused, refusal.clone()));
        }
        turn.renewed = Some(now);
        self.fetch_with(turn).await.map(drop)
    }

    async fn fetch_with(&self, turn: OwnedMutexGuard<Fetching>) -> Result<Arc<Credential>, Error> {
        self.0.may_fetch()?;
        let task = self.fetch(turn).await;
        task.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
    }

    /// Fetches in a task of its own: who waits for it may be cut off, the others shall have it.
    fn fetch(
        &self,
        mut turn: OwnedMutexGuard<Fetching>,
    ) -> JoinHandle<Result<Arc<Credential>, Error>> {
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move { inner.fetch(&mut turn).await })
    }
}

/// The answer shows that we were believed, whatever else it says.
fn is_acceptance(outcome: &Result<Answer, Error>) -> bool {
    matches!(
        outcome,
        Ok(_)
            | Err(Error::Forbidden(_)
                | Error::NotFound(_)
                | Error::TooEarly(_)
                | Error::TooLarge { .. })
    )
}

impl Inner {
    fn in_use(&self) -> RwLockReadGuard<'_, InUse> {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_use_mut(&self) -> RwLockWriteGuard<'_, InUse> {
        self.in_use.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Option<Arc<Credential>> {
        // What stands in the configuration is over when something else stands there.
        if self.source.is_at_hand() && self.source.has_new_secrets() {
            return None;
        }
        self.in_use().credential.as_ref().filter(|credential| !credential.is_over()).cloned()
    }

    /// A wrong key is locked after a few wrong signatures, and a round of calls is more than a few.
    fn goes_alone(&self) -> bool {
        let in_use = self.in_use();
        in_use.trial || in_use.refusals > 0 && self.source.signs()
    }

    /// A call took the credentials: they are good.
    fn accepted(&self, credential: &Arc<Credential>) {
        // Almost always nothing is new, and nobody has to wait.
        let is_news =
            |in_use: &InUse| (in_use.refusals > 0 || in_use.trial) && in_use.holds(credential);
        if is_news(&self.in_use()) {
            let mut in_use = self.in_use_mut();
            if is_news(&in_use) {
                (in_use.refusals, in_use.trial) = (0, false);
            }
        }
    }

    /// A call refused the credentials, and there are none newer.
    fn refused(&self, credential: &Arc<Credential>, refusal: Error) -> Error {
        let mut in_use = self.in_use_mut();
        if in_use.holds(credential) {
            in_use.refusals += 1;
            if in_use.trial || in_use.refusals >= REFUSALS_TO_HOLD {
                in_use.hold(REFUSED_HOLD, self.explained(refusal.clone()));
                (in_use.credential, in_use.refusals, in_use.trial) = (None, 0, true);
            }
        }
        drop(in_use);
        self.explained(refusal)
    }

    /// With the keys of the configuration to look at, where the fault may be theirs.
    fn explained(&self, error: Error) -> Error {
        let may_be_ours = match &error {
            Error::Forbidden(_) => true,
            // So IAM says that it knows no such agency; without one its endpoint is wrong.
            Error::NotFound(_) | Error::BadRequest(_) => self.source.relies_on_agency(),
            error => error.refuses_credentials(),
        };
        if may_be_ours {
            Error::Refused { remedy: self.source.remedy(), cause: Arc::new(error) }
        } else {
            error
        }
    }

    /// Fails while an earlier refusal holds the project; a secret that changed ends that.
    fn may_fetch(&self) -> Result<(), Error> {
        if self.source.has_new_secrets() {
            return Ok(());
        }
        match &self.in_use().hold {
            Some(hold) if hold.until > Instant::now() => Err(hold.error()),
            _ => Ok(()),
        }
    }

    async fn fetch(&self, turn: &mut Fetching) -> Result<Arc<Credential>, Error> {
        let has_new_secrets = self.source.has_new_secrets();
        self.source.note_secrets();
        match self.source.fetch().await {
            Ok(credential) => {
                if let Some(unix) = credential.expires_unix() {
                    self.source.transport.own().token_expiry(unix);
                }
                turn.failures = 0;
                let credential = Arc::new(credential);
                let mut in_use = self.in_use_mut();
                let trial = in_use.trial || has_new_secrets && self.source.signs();
                *in_use =
                    InUse { credential: Some(Arc::clone(&credential)), trial, ..InUse::default() };
                Ok(credential)
            }
            Err(error) => {
                let hold = match error {
                    Error::Forbidden(_) => REFUSED_HOLD,
                    _ if error.refuses_credentials() => REFUSED_HOLD,
                    Error::Throttled { retry_after: Some(wait), .. } => wait.min(REFUSED_HOLD),
                    _ => FIRST_HOLD.saturating_mul(1 << turn.failures.min(10)).min(LONGEST_HOLD),
                };
                turn.failures += 1;
                if self.usable().is_some() {
                    warn!(error = %Chain(&error), "credentials not renewed, the old ones are still good");
                }
                let error = self.explained(error);
                self.in_use_mut().hold(hold, error.clone());
                Err(Error::NoToken(Arc::new(error)))
            }
        }
    }
}

impl InUse {
    fn holds(&self, credential: &Arc<Credential>) -> bool {
        self.credential.as_ref().is_some_and(|current| Arc::ptr_eq(current, credential))
    }

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
