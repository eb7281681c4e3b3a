use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cloud::{Chain, Error, Misread, TrainingApi};
use crate::model::Polled;
use crate::own::{self, Operation, PollResult};
use crate::schedule::budget::{Budget, PollPace};
use crate::schedule::cadence::Cadence;
use crate::schedule::lanes::{Index, Lanes, Slots, Standing};
use crate::schedule::poll::{Report, poll};
use crate::schedule::{JobSpec, Ledger, Settings};

/// While well jobs wait for a slot, a poll may last so many times what polls usually last …
const PATIENCE_TIMES_USUAL: u32 = 4;

/// … but at least this part of a request's timeout.
const PATIENCE_PART_OF_TIMEOUT: u32 = 10;

/// The weight of the newest poll in what is usual: about the last twenty count.
const USUAL_WEIGHT: f64 = 0.1;

/// How long to be silent when the cloud throttles without saying for how long.
const THROTTLED_HOLD: Duration = Duration::from_mins(1);

/// A longer `Retry-After` is not believed: somebody would have to restart us.
const LONGEST_HOLD: Duration = Duration::from_mins(15);

/// Polls the jobs of one project until it is told to stop.
///
/// Two things keep a job that hangs from delaying the others. Jobs whose last poll failed share a
/// part of the slots among themselves. And a poll that takes much longer than polls usually do gives
/// its slot to a well job that waits for one: it has failed, and gets its whole timeout next time, in
/// the failing jobs' part.
pub struct Poller<A, L> {
    name: Arc<str>,
    api: Arc<A>,
    ledger: Arc<L>,
    own: own::Project,
    settings: Settings,
    budget: Arc<Budget>,
    jobs: Vec<Job>,
    /// How many of them are failing.
    failing: usize,
    lanes: Lanes,
    running: JoinSet<Report>,
    flights: HashMap<Id, Flight>,
    /// What a poll that brings something usually lasts; unknown before the first one.
    usual: Option<Duration>,
    /// How far the budget stretches every interval, 1 or more.
    stretch: f64,
    /// Why the project as a whole cannot be asked, as last logged.
    trouble: Option<Trouble>,
}

struct Job {
    spec: JobSpec,
    cadence: Cadence,
    standing: Standing,
    polled: bool,
    waits: bool,
    /// Why its last poll did not bring everything.
    trouble: Option<Trouble>,
    misreads: Vec<Misread>,
}

/// Why a poll did not bring everything, as far as the log tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trouble {
    reason: &'static str,
    /// Said once for all jobs of the project.
    is_of_project: bool,
}

impl Trouble {
    fn of(error: &Error) -> Self {
        Self { reason: error.reason(), is_of_project: error.concerns_project() }
    }
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

impl<A: TrainingApi, L: Ledger> Poller<A, L> {
    /// Polls `jobs` of the project `name` through `api`, and tells `ledger`.
    pub fn new(
        name: Arc<str>,
        api: Arc<A>,
        ledger: Arc<L>,
        own: own::Project,
        settings: Settings,
        jobs: Vec<JobSpec>,
    ) -> Self {
        let start = Instant::now();
        let mut poller = Self {
            name,
            api,
            ledger,
            own,
            settings,
            budget: Arc::new(Budget::new(settings.requests_per_minute)),
            jobs: Vec::new(),
            failing: 0,
            lanes: Lanes::default(),
            running: JoinSet::new(),
            flights: HashMap::new(),
            usual: None,
            stretch: 1.0,
            trouble: None,
        };
        let count = jobs.len();
        poller.jobs = jobs
            .into_iter()
            .enumerate()
            .map(|(index, spec)| {
                // The first poll comes as soon as slots and budget allow, the second on the job's
                // own tick: nobody waits an interval for the first values.
                poller.lanes.wait_until(start, index);
                let cadence = Cadence::new(start, settings.interval, index, count);
                Job {
                    spec,
                    cadence,
                    standing: Standing::Good,
                    polled: false,
                    waits: false,
                    trouble: None,
                    misreads: Vec::new(),
                }
            })
            .collect();
        poller.fit_budget();
        poller
    }

    /// Between two polls of a job that runs, as stretched by the budget.
    pub fn interval(&self) -> Duration {
        self.settings.interval.mul_f64(self.stretch)
    }

    /// Runs until `stop`; polls in flight are then dropped, and have ended when this returns.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let wake = self.start_what_can_start();
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.running.shutdown().await,
                Some(done) = self.running.join_next_with_id() => self.finish(done),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Starts polls until slots, budget or jobs run out; returns when to look again.
    fn start_what_can_start(&mut self) -> Instant {
        let now = Instant::now();
        let jobs = &self.jobs;
        self.lanes.sort_in(now, |job| jobs[job].standing);
        let mut wake = self.lanes.next_due().unwrap_or_else(|| now + self.settings.interval);
        let all_fail = self.failing == self.jobs.len();
        loop {
            let slots = self.slots();
            if !self.lanes.any_is_ready() || slots.used >= slots.all {
                break;
            }
            let Some((due, job)) = self.lanes.next(slots, all_fail) else { break };
            if let Err(at) = self.budget.take(now) {
                self.lanes.put_back(due, job, self.jobs[job].standing);
                // Not at once, or rounding could make this spin.
                wake = wake.min(at.max(now + Duration::from_millis(1)));
                break;
            }
            self.start(job, now);
        }
        if self.lanes.good_is_waiting()
            && let Some(at) = self.cut_what_lasts(now)
        {
            wake = wake.min(at);
        }
        wake
    }

    fn slots(&self) -> Slots {
        let failing = self.flights.values().filter(|f| f.standing == Standing::Failing).count();
        Slots { all: self.settings.concurrency, used: self.flights.len(), used_by_failing: failing }
    }

    fn start(&mut self, index: Index, now: Instant) {
        let (api, ledger) = (Arc::clone(&self.api), Arc::clone(&self.ledger));
        let job = &self.jobs[index];
        let (job_id, standing) = (job.spec.job_id.clone(), job.standing);
        let pace = Arc::new(PollPace::first_paid(&self.budget));
        let its_pace = Arc::clone(&pace);
        let handle =
            self.running.spawn(async move { poll(&*api, &*ledger, &job_id, &*its_pace).await });
        let flight = Flight { job: index, standing, started: now, pace, handle, cut: None };
        self.flights.insert(flight.handle.id(), flight);
    }

    /// Takes the slot of every poll that has lasted too long while well jobs wait; returns when the
    /// next one will have.
    fn cut_what_lasts(&mut self, now: Instant) -> Option<Instant> {
        if self.flights.len() < self.settings.concurrency {
            return None;
        }
        let timeout = self.settings.timeout;
        let least = timeout / PATIENCE_PART_OF_TIMEOUT;
        let patience = (self.usual? * PATIENCE_TIMES_USUAL).clamp(least, timeout);
        // They keep to their part, and have their whole timeout there, unless that part is everything.
        let spare_failing = self.slots().used_by_failing < self.settings.concurrency;
        let mut next = None;
        for flight in self.flights.values_mut() {
            if flight.cut.is_some() || (spare_failing && flight.standing == Standing::Failing) {
                continue;
            }
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

    fn finish(&mut self, done: Result<(Id, Report), JoinError>) {
        let (id, report) = match done {
            Ok((id, report)) => (id, report),
            Err(error) => {
                let cut = self.flights.get(&error.id()).and_then(|flight| flight.cut);
                (error.id(), self.report_of_lost(cut, &error))
            }
        };
        let Some(flight) = self.flights.remove(&id) else { return };
        let now = Instant::now();
        let lasted = now - flight.started;
        self.count(&report, lasted);
        self.log(flight.job, &report);
        if let Some(Error::Throttled { retry_after, .. }) = &report.error {
            let wait = retry_after.unwrap_or(THROTTLED_HOLD).min(LONGEST_HOLD);
            self.budget.hold_until(now + wait);
        }
        let brought = matches!(report.outcome, Polled::Success | Polled::Partial);
        if brought {
            let asked = lasted.saturating_sub(flight.pace.waited(now));
            let usual = self.usual.unwrap_or(asked).mul_f64(1.0 - USUAL_WEIGHT);
            self.usual = Some(usual + asked.mul_f64(USUAL_WEIGHT));
        }
        let job = &mut self.jobs[flight.job];
        let standing = if brought { Standing::Good } else { Standing::Failing };
        let before = std::mem::replace(&mut job.standing, standing);
        self.failing += usize::from(standing == Standing::Failing);
        self.failing -= usize::from(before == Standing::Failing);
        // A poll that brought nothing says nothing about it: a shorter interval would withdraw at once
        // what a longer one keeps fresh.
        let waited = job.waits;
        if brought {
            job.waits = report.waits;
        }
        if waited != job.waits {
            self.fit_budget();
        }
        let interval = self.interval_of(flight.job);
        let job = &mut self.jobs[flight.job];
        let (due, missed) = job.cadence.next(now, interval);
        // A tick that passed before the first poll could start was nobody's to serve.
        if std::mem::replace(&mut job.polled, true) {
            self.own.polls_missed(missed);
        }
        self.ledger.polled(&job.spec.job_id, report.outcome, interval);
        self.lanes.wait_until(due, flight.job);
    }

    /// What is known of a poll that did not come to its end.
    fn report_of_lost(&self, cut: Option<Duration>, error: &JoinError) -> Report {
        let error = match cut {
            Some(patience) => Error::Timeout(patience),
            None => Error::Internal(format!("the poll ended early: {error}")),
        };
        self.own.api_error(Operation::Versions, error.reason());
        Report { outcome: Polled::Failed, error: Some(error), misreads: Vec::new(), waits: false }
    }

    fn count(&self, report: &Report, lasted: Duration) {
        let result = match report.outcome {
            Polled::Success => PollResult::Success,
            Polled::Partial => PollResult::Partial,
            Polled::Failed | Polled::Gone => PollResult::Failed,
        };
        self.own.polled(result, lasted.as_secs_f64());
        for misread in &report.misreads {
            self.own.decode_error(misread.field, misread.fault.as_str());
        }
    }

    /// Says what changed, once: for the project where it is hit as a whole, else for the job.
    fn log(&mut self, index: Index, report: &Report) {
        let project = &*self.name;
        let job = &mut self.jobs[index];
        let job_id = job.spec.job_id.as_str();
        let trouble = report.error.as_ref().map(Trouble::of);
        // Each job remembers its own trouble: where one job alone is refused, the answers about the
        // others between its polls do not end that trouble, nor does its next poll begin it anew.
        let before = std::mem::replace(&mut job.trouble, trouble);
        if let (Some(error), Some(trouble)) = (&report.error, trouble)
            && before != Some(trouble)
        {
            let known = trouble.is_of_project && self.trouble == Some(trouble);
            let (error, remedy) = (Chain(error), error.remedy());
            if trouble.is_of_project && !known {
                warn!(project, job_id, %error, remedy, "the project cannot be polled");
            } else if !known {
                warn!(project, job_id, %error, remedy, "the job cannot be polled");
            }
            // Only what is new to the job: a poll that was under way when the others recovered must
            // not begin the project's trouble anew.
            if trouble.is_of_project {
                self.trouble = Some(trouble);
            }
        }
        if before.is_some() && before == self.trouble && trouble != before {
            self.trouble = None;
            if trouble.is_none() {
                info!(project, "the project is polled again");
            }
        } else if before.is_some_and(|before| !before.is_of_project) && trouble.is_none() {
            info!(project, job_id, "the job is polled again");
        }
        if matches!(report.outcome, Polled::Success | Polled::Partial) {
            let mut misreads = report.misreads.clone();
            misreads.sort_unstable();
            misreads.dedup();
            if misreads != job.misreads {
                for misread in &misreads {
                    let (field, reason) = (misread.field, misread.fault.as_str());
                    warn!(project, job_id, field, reason, "a field of the answer was left out");
                }
                if misreads.is_empty() {
                    info!(project, job_id, "every field of the answer is read again");
                }
                job.misreads = misreads;
            }
        }
    }

    fn interval_of(&self, index: Index) -> Duration {
        let base = if self.jobs[index].waits {
            self.settings.pending_interval.max(self.settings.interval)
        } else {
            self.settings.interval
        };
        base.mul_f64(self.stretch)
    }

    /// Stretches every interval evenly where the budget cannot hold it.
    fn fit_budget(&mut self) {
        let waiting = self.jobs.iter().filter(|job| job.waits).count();
        let per_minute =
            |jobs: usize, interval: Duration| jobs as f64 * 60.0 / interval.as_secs_f64();
        let waiting_interval = self.settings.pending_interval.max(self.settings.interval);
        let needed = per_minute(self.jobs.len() - waiting, self.settings.interval)
            + per_minute(waiting, waiting_interval);
        let budget = self.settings.requests_per_minute;
        let stretch = if budget == 0 { 1.0 } else { (needed / f64::from(budget)).max(1.0) };
        let interval = self.settings.interval.mul_f64(stretch);
        if stretch > 1.0 && self.stretch <= 1.0 {
            warn!(
                project = &*self.name,
                jobs = self.jobs.len(),
                requests_per_minute = budget,
                interval = ?interval,
                "the request budget is too small for the interval, which is stretched; raise poll.requests_per_minute or poll.interval"
            );
        }
        self.stretch = stretch;
        self.own.poll_interval(interval.as_secs_f64());
    }
}
