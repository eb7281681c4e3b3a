use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::cloud::Error;
use crate::model::Polled;
use crate::schedule::Settings;
use crate::schedule::budget::PollPace;
use crate::schedule::lanes::{Index, Slots, Standing};
use crate::schedule::poll::Report;

/// While well jobs wait for a slot, a poll may last, for each request that it sent, so many times what
/// a request usually lasts …
const PATIENCE_TIMES_USUAL: u32 = 4;

/// … but at least this part of a request's timeout.
const PATIENCE_PART_OF_TIMEOUT: u32 = 10;

/// The weight of the newest poll in what is usual: about the last twenty count.
const USUAL_WEIGHT: f64 = 0.1;

/// The polls that are under way.
pub(super) struct Flights {
    running: JoinSet<Report>,
    by_task: HashMap<Id, Flight>,
    /// What a request of a poll that brings something usually lasts; unknown before the first one.
    usual: Option<Duration>,
}

struct Flight {
    job: Index,
    standing: Standing,
    started: Instant,
    pace: Arc<PollPace>,
    handle: AbortHandle,
    /// Its slot was given to another job after so long.
    cut: Option<Duration>,
}

/// A poll that is over.
pub(super) struct Landed {
    pub(super) job: Index,
    pub(super) report: Report,
    pub(super) lasted: Duration,
    pub(super) started: Instant,
    /// What it sent. To be kept until a silence that it was told to keep holds the others: a probe
    /// that ends lets them ask.
    pub(super) pace: Arc<PollPace>,
    /// It did not come to its end by itself.
    pub(super) was_lost: bool,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self { running: JoinSet::new(), by_task: HashMap::new(), usual: None }
    }

    pub(super) fn slots(&self, settings: &Settings) -> Slots {
        let failing = self.by_task.values().filter(|f| f.standing == Standing::Failing).count();
        Slots { all: settings.concurrency, used: self.by_task.len(), used_by_failing: failing }
    }

    pub(super) fn start(
        &mut self,
        job: Index,
        standing: Standing,
        pace: Arc<PollPace>,
        poll: impl Future<Output = Report> + Send + 'static,
    ) {
        let handle = self.running.spawn(poll);
        let flight = Flight { job, standing, started: Instant::now(), pace, handle, cut: None };
        self.by_task.insert(flight.handle.id(), flight);
    }

    /// Ends the poll of a job, if there is one.
    pub(super) fn abort(&self, job: Index) {
        for flight in self.by_task.values().filter(|flight| flight.job == job) {
            flight.handle.abort();
        }
    }

    /// Ends every poll; they have ended when this returns.
    pub(super) async fn shut_down(&mut self) {
        self.running.shutdown().await;
    }

    /// Takes the slot of every poll that has lasted too long while well jobs wait; returns when the
    /// next one will have.
    pub(super) fn cut_what_lasts(
        &mut self,
        settings: &Settings,
        slots: Slots,
        now: Instant,
    ) -> Option<Instant> {
        if slots.used < slots.all {
            return None;
        }
        let timeout = settings.timeout;
        let least = timeout / PATIENCE_PART_OF_TIMEOUT;
        let patience = (self.usual? * PATIENCE_TIMES_USUAL).clamp(least, timeout);
        // They keep to their part, and have their whole timeout there, unless that part is everything.
        let spare_failing = slots.used_by_failing < slots.used;
        let mut next = None;
        for flight in self.by_task.values_mut() {
            if flight.cut.is_some() || (spare_failing && flight.standing == Standing::Failing) {
                continue;
            }
            // A poll of many requests lasts as much longer, which is not a sign of hanging.
            let patience = patience * requests(&flight.pace);
            // Waiting for the budget is not the cloud's doing, and whoever got the slot would wait too.
            let end = flight.started + flight.pace.waited(now) + patience;
            if end <= now {
                flight.cut = Some(patience);
                flight.handle.abort();
            } else {
                next = Some(next.map_or(end, |next: Instant| next.min(end)));
            }
        }
        next
    }

    /// The next poll that is over; never, while none is under way.
    pub(super) async fn next(&mut self) -> Landed {
        loop {
            let Some(done) = self.running.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            if let Some(landed) = self.land(done) {
                return landed;
            }
        }
    }

    fn land(&mut self, done: Result<(Id, Report), JoinError>) -> Option<Landed> {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let flight = self.by_task.remove(&id)?;
        let was_lost = done.is_err();
        let report = done.map_or_else(|error| lost(flight.cut, &error), |(_, report)| report);
        let now = Instant::now();
        let lasted = now - flight.started;
        if report.brought() {
            let asked = lasted.saturating_sub(flight.pace.waited(now)) / requests(&flight.pace);
            let usual = self.usual.unwrap_or(asked).mul_f64(1.0 - USUAL_WEIGHT);
            self.usual = Some(usual + asked.mul_f64(USUAL_WEIGHT));
        }
        let Flight { job, started, pace, .. } = flight;
        Some(Landed { job, report, lasted, started, pace, was_lost })
    }
}

/// What a poll has sent so far; before that it waits for a token as long as for an answer.
fn requests(pace: &PollPace) -> u32 {
    u32::try_from(pace.sent().max(1)).unwrap_or(u32::MAX)
}

/// What is known of a poll that did not come to its end.
fn lost(cut: Option<Duration>, error: &JoinError) -> Report {
    let error = match cut {
        Some(patience) => Error::Timeout(patience),
        None => Error::Internal(format!("the poll ended early: {error}")),
    };
    Report::failed(Polled::Failed, error)
}
