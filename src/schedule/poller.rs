use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::cloud::{Error, TrainingApi};
use crate::model::Polled;
use crate::own::{self, Operation, PollResult};
use crate::schedule::budget::{Budget, PollPace};
use crate::schedule::cadence::Cadence;
use crate::schedule::flights::{Flights, Landed};
use crate::schedule::lanes::{Index, Lanes, Standing};
use crate::schedule::poll::poll;
use crate::schedule::trouble::{Told, TroubleLog};
use crate::schedule::{JobSpec, Ledger, Settings};

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
    flights: Flights,
    /// How far the budget stretches every interval, 1 or more.
    stretch: f64,
    log: TroubleLog,
}

struct Job {
    spec: JobSpec,
    cadence: Cadence,
    standing: Standing,
    polled: bool,
    waits: bool,
    told: Told,
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
            log: TroubleLog::new(Arc::clone(&name)),
            name,
            api,
            ledger,
            own,
            settings,
            budget: Arc::new(Budget::new(settings.requests_per_minute)),
            jobs: Vec::new(),
            failing: 0,
            lanes: Lanes::default(),
            flights: Flights::new(),
            stretch: 1.0,
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
                    told: Told::default(),
                }
            })
            .collect();
        poller.fit_budget();
        poller
    }

    /// Runs until `stop`; polls in flight are then dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let wake = self.start_what_can_start();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                landed = self.flights.next() => self.finish(&landed),
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
            let slots = self.flights.slots(&self.settings);
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
            self.start(job);
        }
        if self.lanes.good_is_waiting()
            && let Some(at) = self.flights.cut_what_lasts(&self.settings, now)
        {
            wake = wake.min(at);
        }
        wake
    }

    fn start(&mut self, index: Index) {
        let (api, ledger) = (Arc::clone(&self.api), Arc::clone(&self.ledger));
        let job = &self.jobs[index];
        let job_id = job.spec.job_id.clone();
        let pace = Arc::new(PollPace::first_paid(&self.budget));
        let its_pace = Arc::clone(&pace);
        let poll = async move { poll(&*api, &*ledger, &job_id, &*its_pace).await };
        self.flights.start(index, job.standing, pace, poll);
    }

    fn finish(&mut self, landed: &Landed) {
        let (index, report) = (landed.job, &landed.report);
        let now = Instant::now();
        self.count(landed);
        let job = &mut self.jobs[index];
        self.log.polled(&job.spec.job_id, &mut job.told, report);
        if let Some(Error::Throttled { retry_after, .. }) = &report.error {
            let wait = retry_after.unwrap_or(THROTTLED_HOLD).min(LONGEST_HOLD);
            self.budget.hold_until(now + wait);
        }
        let brought = matches!(report.outcome, Polled::Success | Polled::Partial);
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
        let interval = self.interval_of(index);
        let job = &mut self.jobs[index];
        let (due, missed) = job.cadence.next(now, interval);
        // A tick that passed before the first poll could start was nobody's to serve.
        if std::mem::replace(&mut job.polled, true) {
            self.own.polls_missed(missed);
        }
        self.ledger.polled(&job.spec.job_id, report.outcome, interval);
        self.lanes.wait_until(due, index);
    }

    fn count(&self, landed: &Landed) {
        let report = &landed.report;
        let result = match report.outcome {
            Polled::Success => PollResult::Success,
            Polled::Partial => PollResult::Partial,
            Polled::Failed | Polled::Gone => PollResult::Failed,
        };
        self.own.polled(result, landed.lasted.as_secs_f64());
        // Whoever was asking is gone and could not count it.
        if let (true, Some(error)) = (landed.was_lost, &report.error) {
            self.own.api_error(Operation::Versions, error.reason());
        }
        for misread in &report.misreads {
            self.own.decode_error(misread.field, misread.fault.as_str());
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
