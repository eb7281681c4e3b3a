mod landing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::cloud::TrainingApi;
use crate::model::{JobId, LISTS_TO_TRUST, Turnover};
use crate::own;
use crate::schedule::budget::{Budget, Gate, PollPace, Wait};
use crate::schedule::cadence::Cadence;
use crate::schedule::flights::Flights;
use crate::schedule::job::Job;
use crate::schedule::lanes::{Index, Lanes, Slots, Standing};
use crate::schedule::listing::Listing;
use crate::schedule::poll::{DETAILS_PER_POLL, Poll, Report};
use crate::schedule::quotas::Quotas;
use crate::schedule::shortage::Shortage;
use crate::schedule::stretch::{Class, Demand, Fit, class_interval};
use crate::schedule::trouble::{Told, TroubleLog};
use crate::schedule::{Ledger, Settings};

/// So many jobs that cost no request are taken between two looks at what else there is to do.
const TOLD_AT_ONCE: usize = 64;

/// Where jobs that come one by one fall within an interval: multiples of this share leave no large gap,
/// however many there are.
const GOLDEN_SHARE: f64 = 0.618_033_988_749_895;

/// Polls the jobs of one project until it is told to stop, and reads the list of jobs.
///
/// Jobs that run are polled on the interval, those that wait less often; those that have ended are
/// left to the list, and polled again when it says something new about them. Where the list does not
/// come or does not show them, they are polled at the pace of those that wait. A list whose items are
/// whole jobs leaves a poll nothing to ask but usage.
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
    gate: watch::Receiver<Gate>,
    jobs: BTreeMap<Index, Job>,
    by_id: HashMap<JobId, Index>,
    /// The number of the next job.
    next_index: Index,
    /// How many of the jobs are failing.
    failing: usize,
    lanes: Lanes,
    flights: Flights,
    listing: Listing,
    quotas: Quotas,
    demand: Demand,
    fit: Fit,
    /// Own documents may be read again from then on, where the budget is small.
    details_from: Instant,
    /// The stretch by which the ledger knows the intervals, and the interval of the list that it knows.
    told_stretch: f64,
    told_list_interval: Duration,
    shortage: Shortage,
    /// The interval stands in its metric.
    interval_is_shown: bool,
    log: TroubleLog,
    list_told: Told,
}

impl<A: TrainingApi, L: Ledger> Poller<A, L> {
    /// Polls `jobs` of the project `name` through `api`, and tells `ledger`.
    pub fn new(
        name: Arc<str>,
        api: Arc<A>,
        ledger: Arc<L>,
        own: own::Project,
        settings: Settings,
        jobs: Vec<JobId>,
    ) -> Self {
        let start = Instant::now();
        let budget = Arc::new(Budget::new(settings.requests_per_minute));
        let listing = Listing::new(start, settings.discovers, api.most_list_pages());
        let quotas = Quotas::new(start, settings.asks_quotas);
        let (list_pages, asked) = (listing.pages(), quotas.demand());
        let demand = Demand { list_pages, quotas: asked, ..Demand::default() };
        let mut poller = Self {
            log: TroubleLog::new(Arc::clone(&name)),
            list_told: Told::default(),
            name,
            api,
            ledger,
            own,
            gate: budget.gate(),
            budget,
            jobs: BTreeMap::new(),
            by_id: HashMap::new(),
            next_index: 0,
            failing: 0,
            lanes: Lanes::default(),
            flights: Flights::new(),
            listing,
            quotas,
            fit: Fit::new(&settings, &demand),
            demand,
            settings,
            details_from: start,
            told_stretch: 1.0,
            told_list_interval: Duration::ZERO,
            shortage: Shortage::default(),
            interval_is_shown: false,
        };
        let count = jobs.len();
        for (place, job) in jobs.into_iter().enumerate() {
            poller.add_at(job, (place + 1) as f64 / count as f64);
        }
        poller.fit_budget();
        poller
    }

    /// Between two polls of a job that runs, as stretched by the budget.
    pub fn interval(&self) -> Duration {
        self.settings.interval.mul_f64(self.fit.stretch)
    }

    /// What its requests are paid from.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Polls those that were found from now on, and those that left no more.
    fn turn_over(&mut self, turnover: &Turnover, why: &str) {
        let Turnover { found, left } = turnover;
        let name = Arc::clone(&self.name);
        let project = &*name;
        // Those that are found together have their later polls in the order of their first ones: where
        // the budget is small, who was first and became last would wait for two rounds.
        let first = self.next_index as f64 * GOLDEN_SHARE;
        for (place, job_id) in found.iter().enumerate() {
            debug!(project, %job_id, "the job was found");
            let share = first + place as f64 / found.len() as f64;
            self.add_at(job_id.clone(), share.fract());
        }
        // One list may find a job and let it go, because it ended long ago; never the other way round.
        for job_id in left {
            debug!(project, %job_id, "the job is not followed any more");
            self.remove(job_id);
        }
        if !(found.is_empty() && left.is_empty()) {
            let (found, left, followed) = (found.len(), left.len(), self.jobs.len());
            info!(project, found, left, followed, "{why}");
        }
        self.fit_budget();
        // The ledger knows the intervals of those it knew when they were told last.
        if self.told_stretch > 1.0 {
            let interval = class_interval(&self.settings, Class::Runs).mul_f64(self.told_stretch);
            for job_id in found {
                self.ledger.interval(job_id, interval);
            }
        }
    }

    fn remove(&mut self, job_id: &JobId) {
        let index = self.by_id.remove(job_id);
        let Some((index, job)) = index.and_then(|index| Some((index, self.jobs.remove(&index)?)))
        else {
            return;
        };
        self.failing -= usize::from(job.standing == Standing::Failing);
        self.demand.postponed -= job.postponed();
        self.demand.remove(job.class, job.requests);
        self.flights.abort(index);
    }

    /// The first poll comes as soon as slots and budget allow, the second on the job's own tick after
    /// this share of the interval: nobody waits an interval for the first values.
    fn add_at(&mut self, job_id: JobId, share: f64) {
        let (now, index) = (Instant::now(), self.next_index);
        if self.by_id.contains_key(&job_id) {
            return;
        }
        self.next_index += 1;
        self.by_id.insert(job_id.clone(), index);
        let mut job = Job::new(job_id, Cadence::new(now, self.settings.interval, share), now);
        if let Some(outlook) = self.ledger.told(&job.id) {
            job.expect(&outlook);
            job.class = job.class(self.patience(), now);
        }
        self.demand.add(job.class, job.requests);
        self.demand.postponed += job.postponed();
        self.lanes.wait_until(now, index);
        self.jobs.insert(index, job);
    }

    /// Runs until `stop`; what is in flight is then dropped, and has ended when this returns.
    pub async fn run(&mut self, stop: CancellationToken) {
        loop {
            let wake = self.start_what_can_start();
            let list_interval = self.fit.list_interval;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.flights.shut_down().await;
                    self.quotas.shut_down().await;
                    return self.listing.shut_down().await;
                }
                landed = self.flights.next() => self.finish(&landed),
                report = self.listing.next(list_interval) => self.finish_list(report),
                report = self.quotas.next() => self.finish_quotas(report),
                // The budget is ours: it does not go away.
                Ok(()) = self.gate.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Starts what slots and budget allow; returns when to look again.
    fn start_what_can_start(&mut self) -> Instant {
        let now = Instant::now();
        self.tell_list_interval();
        self.line_up(now);
        let mut wake = self.lanes.next_due().unwrap_or_else(|| now + self.settings.interval);
        let started = self.start_list(now).and_then(|()| self.start_quotas(now));
        if let Err(Wait::Until(at)) = started.and_then(|()| self.start_polls(now)) {
            wake = wake.min(at);
        }
        for due in [self.list_due(), self.quotas.due()].into_iter().flatten() {
            if due > now {
                wake = wake.min(due);
            }
        }
        if self.lanes.good_is_waiting() {
            let slots = self.slots();
            if let Some(at) = self.flights.cut_what_lasts(&self.settings, slots, now) {
                wake = wake.min(at);
            }
        }
        wake
    }

    /// Sends jobs whose time has come to their lanes, and back to rest those that may.
    fn line_up(&mut self, now: Instant) {
        let patience = self.patience();
        while let Some((due, index)) = self.lanes.pop_due(now) {
            let Some(job) = self.jobs.get_mut(&index).filter(|job| job.due == Some(due)) else {
                continue;
            };
            match job.rests_until(patience).filter(|&until| until > now) {
                Some(until) if !job.is_postponed() => {
                    let interval = class_interval(&self.settings, job.class);
                    job.put_off(until, interval.mul_f64(self.fit.stretch));
                    self.lanes.wait_until(until, index);
                }
                // Only its own document is still to be read, which has time.
                Some(_) if self.fit.between_details.is_some() && self.details_from > now => {
                    let slow = class_interval(&self.settings, Class::Slow);
                    let interval = slow.mul_f64(self.fit.stretch);
                    // Not all of them at once again: one alone could go on then.
                    let spread = 0.5 + (index as f64 * GOLDEN_SHARE).fract();
                    let later = now + interval.mul_f64(spread);
                    job.put_off(later, interval);
                    self.lanes.wait_until(later, index);
                }
                rests => {
                    if let (Some(_), Some(between)) = (rests, self.fit.between_details) {
                        job.details_granted = true;
                        self.details_from = now + between;
                    }
                    self.lanes.line_up(due, index, job.standing);
                }
            }
            self.classify(index, now);
        }
    }

    fn start_list(&mut self, now: Instant) -> Result<(), Wait> {
        let is_due = self.list_due().is_some_and(|due| due <= now);
        let slots = self.slots();
        if is_due && slots.used < slots.all {
            let pace = PollPace::paid(&self.budget, self.budget.take(now)?);
            let (api, ledger) = (Arc::clone(&self.api), Arc::clone(&self.ledger));
            let interval = self.list_interval();
            self.listing.start(api, ledger, self.jobs.len(), interval, pace);
        }
        Ok(())
    }

    fn start_quotas(&mut self, now: Instant) -> Result<(), Wait> {
        let is_due = self.quotas.due().is_some_and(|due| due <= now);
        let slots = self.slots();
        if is_due && slots.used < slots.all {
            let pace = PollPace::paid(&self.budget, self.budget.take(now)?);
            self.quotas.start(Arc::clone(&self.api), pace);
        }
        Ok(())
    }

    /// When the list is to be read next; `None` while it is being read, and where it serves nobody.
    fn list_due(&self) -> Option<Instant> {
        let is_wanted = self.settings.discovers || !self.jobs.is_empty();
        self.listing.due().filter(|_| is_wanted)
    }

    fn start_polls(&mut self, now: Instant) -> Result<(), Wait> {
        let all_fail = self.failing == self.jobs.len();
        let mut told = 0;
        loop {
            let slots = self.slots();
            let ready = |lanes: &mut Lanes| lanes.ready(slots, all_fail)?.front().copied();
            let Some((due, index)) = ready(&mut self.lanes) else { return Ok(()) };
            let Some(job) = self.jobs.get(&index).filter(|job| job.due == Some(due)) else {
                self.lanes.leave(slots, all_fail);
                continue;
            };
            if let Some(report) = self.told(job, now) {
                self.lanes.leave(slots, all_fail);
                self.take(index, &report, now);
                told += 1;
                if told == TOLD_AT_ONCE {
                    return Err(Wait::Until(now));
                }
                continue;
            }
            let pass = self.budget.take(now)?;
            self.lanes.leave(slots, all_fail);
            self.start(index, PollPace::paid(&self.budget, pass), now);
        }
    }

    /// What a poll of the job would bring, where the list has told all that would be asked now.
    fn told(&self, job: &Job, now: Instant) -> Option<Report> {
        let outlook = self.ledger.told(&job.id)?;
        let asks = !outlook.tasks.is_empty()
            || (!outlook.details.is_empty() && self.details_for(job, now) > 0);
        (!asks).then(|| Report::told(job.newest_listed(), &outlook))
    }

    fn start(&mut self, index: Index, pace: PollPace, now: Instant) {
        let Some(job) = self.jobs.get(&index) else { return };
        let details = self.details_for(job, now);
        let Some(job) = self.jobs.get_mut(&index) else { return };
        job.due = None;
        if !std::mem::take(&mut job.details_granted)
            && let Some(between) = self.fit.between_details.filter(|_| details > 0)
        {
            self.details_from = now + between;
        }
        let (api, ledger) = (Arc::clone(&self.api), Arc::clone(&self.ledger));
        let (job_id, pace) = (job.id.clone(), Arc::new(pace));
        let told = self.ledger.told(&job_id).map(|outlook| (job.newest_listed(), outlook));
        let (its_pace, ask_last) = (Arc::clone(&pace), job.ask_last.clone());
        let poll = async move {
            let (api, ledger, job) = (&*api, &*ledger, &job_id);
            let (ask_last, pace) = (&*ask_last, &*its_pace);
            Poll { api, ledger, job, details, ask_last, pace }.run(told).await
        };
        self.flights.start(index, job.standing, pace, poll);
    }

    /// How many details a poll of the job that starts now may read.
    fn details_for(&self, job: &Job, now: Instant) -> usize {
        match self.fit.between_details {
            _ if self.settings.reads_all => usize::MAX,
            None => DETAILS_PER_POLL,
            Some(_) if job.details_granted => 1,
            Some(_) => usize::from(job.wants_details() && self.details_from <= now),
        }
    }

    fn slots(&self) -> Slots {
        let Slots { all, used, used_by_failing } = self.flights.slots(&self.settings);
        let used = used + self.listing.slots() + self.quotas.slots();
        Slots { all, used, used_by_failing }
    }

    /// How old a list may be whose word is taken.
    fn patience(&self) -> Duration {
        self.list_interval() * LISTS_TO_TRUST + self.settings.timeout
    }

    /// Between two lists, as they come.
    fn list_interval(&self) -> Duration {
        self.listing.effective(self.fit.list_interval, Instant::now())
    }
}
