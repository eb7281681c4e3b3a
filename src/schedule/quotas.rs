use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::info;

use crate::cloud::{Error, Reading, TrainingApi};
use crate::model::Quota;
use crate::schedule::budget::PollPace;
use crate::schedule::stretch::{SELDOM, per_minute};

/// Between two questions for the quotas. Limits change when somebody asks for it, and how much is in use
/// is told sooner by the list of jobs.
pub(super) const INTERVAL: Duration = Duration::from_mins(5);

/// The questions for what the cloud grants the project, one after another. Many regions do not offer
/// them, or not to everybody: that is no trouble of the project, and is looked at now and then.
pub(super) struct Quotas {
    /// `None`: nobody asks, or ever will.
    due: Option<Instant>,
    /// Between the last question and the next.
    interval: Duration,
    running: JoinSet<QuotaReport>,
    /// Why there was no answer the last time.
    refused: Option<&'static str>,
}

/// `Ok(None)`: the project's API has no such call.
pub(super) type Outcome = Result<Option<Reading<Vec<Quota>>>, Error>;

/// What one question brought.
pub(super) struct QuotaReport {
    pub(super) outcome: Outcome,
    /// To be kept until a silence that it was told to keep holds the others: a probe that ends lets
    /// them ask. `None` where the question ended early.
    pub(super) pace: Option<PollPace>,
}

impl Quotas {
    pub(super) fn new(start: Instant, is_wanted: bool) -> Self {
        let due = is_wanted.then_some(start);
        Self { due, interval: INTERVAL, running: JoinSet::new(), refused: None }
    }

    /// Requests a minute.
    pub(super) fn demand(&self) -> f64 {
        if self.due.is_some() { per_minute(self.interval) } else { 0.0 }
    }

    /// When they are to be asked for next; `None` while they are, and where nobody asks.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.running.is_empty())
    }

    /// Slots in use.
    pub(super) fn slots(&self) -> usize {
        self.running.len()
    }

    pub(super) fn start<A: TrainingApi>(&mut self, api: Arc<A>, pace: PollPace) {
        self.running.spawn(async move {
            let outcome = api.quotas(&pace).await;
            QuotaReport { outcome, pace: Some(pace) }
        });
    }

    /// Ends the question that is under way; it has ended when this returns.
    pub(super) async fn shut_down(&mut self) {
        self.running.shutdown().await;
    }

    /// The next answer; never, while no question is under way.
    pub(super) async fn next(&mut self) -> QuotaReport {
        let Some(done) = self.running.join_next().await else {
            return std::future::pending().await;
        };
        done.unwrap_or_else(|error| {
            let error = Error::Internal(format!("the question for quotas ended early: {error}"));
            QuotaReport { outcome: Err(error), pace: None }
        })
    }

    /// Plans the next question by what this one brought, and says what is new. Returns what is between
    /// the two.
    pub(super) fn take(&mut self, project: &str, outcome: &Outcome) -> Duration {
        let refused = outcome.as_ref().err().map(Error::reason);
        self.interval = match outcome {
            // A call that is throttled makes the whole project silent.
            Err(error) if error.is_refusal() || matches!(error, Error::Throttled { .. }) => {
                INTERVAL * SELDOM
            }
            _ => INTERVAL,
        };
        let is_offered = !matches!(outcome, Ok(None));
        self.due = is_offered.then(|| Instant::now() + self.interval);
        if self.refused != refused
            && let Some(reason) = refused
        {
            info!(project, reason, "the quotas are not told");
        }
        self.refused = refused;
        self.interval
    }
}
