use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::answered::Answered;
use crate::inventory::contradictions::Contradictions;
use crate::inventory::job::JobState;
use crate::inventory::outcomes::Outcomes;
use crate::inventory::passed_over::PassedOver;
use crate::inventory::quotas::Quotas;
use crate::inventory::roster::Reason;
use crate::inventory::shared::Shared;
use crate::inventory::sight::Trouble;
use crate::inventory::view::{JobView, ProjectView};
use crate::inventory::{Moment, Roster, Settings};
use crate::model::{
    Discovery, JobId, JobKey, JobSpec, LISTS_TO_TRUST, NameRule, Outlook, Polled, Shard, Version,
};
use crate::own::Contradiction;

/// The first round of a project may take so many intervals; then it is shown as far as it is known.
const INTERVALS_TO_COMPLETE: u32 = 2;

/// An age limit is kept to this part of itself: ten thousand jobs looked at twice a second cost an
/// eighth of all CPU time.
const AGE_STEPS: u32 = 32;

/// … but at least this often, which also bounds how late the end of a retention is noticed.
const LONGEST_AGE_STEP: Duration = Duration::from_secs(5);

/// Clocks are put right by less all the time, and in the seconds between two looks no two of them drift
/// as far apart.
const CLOCK_SET_BACK_BY: f64 = 1.0;

/// What we know of one project.
#[derive(Debug)]
pub(super) struct ProjectState {
    pub(super) settings: Settings,
    /// Between two polls of a job that has just been found.
    pub(super) interval: Duration,
    pub(super) discovery: Option<Discovery>,
    pub(super) shard: Shard,
    pub(super) name_rule: NameRule,
    pub(super) shared: Shared,
    pub(super) jobs: BTreeMap<JobId, JobState>,
    /// `None` before the first complete list.
    pub(super) passed_over: Option<PassedOver>,
    /// There was a first complete list, or where no list says which jobs there are each had its first
    /// answer or failure; or that took too long.
    pub(super) complete: bool,
    complete_by: Moment,
    /// When a job was last polled for the first time.
    first_polled: Option<Moment>,
    /// The outcomes know which jobs there are.
    watched: bool,
    pub(super) list: Option<ListState>,
    /// What went wrong with the last reading of it.
    pub(super) list_trouble: Option<Trouble>,
    pub(super) quotas: Quotas,
    /// When every job was looked at for what grew old.
    looked: Option<Moment>,
    pub(super) contradictions: Contradictions,
}

/// What we know of the list of jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListState {
    pub(super) answered: Moment,
    /// Between two readings.
    pub(super) interval: Duration,
}

impl ProjectState {
    pub(super) fn new(settings: Settings, roster: Roster, interval: Duration, now: Moment) -> Self {
        let Roster { named, discovery, shard, name_rule } = roster;
        let (named, shared) = if shard.is_all() {
            (named, Shared::default())
        } else {
            (Vec::new(), Shared::new(named))
        };
        let new =
            |spec: JobSpec| (spec.job_id, JobState::new(spec.versions, Reason::Named, interval));
        let jobs: BTreeMap<_, _> = named.into_iter().map(new).collect();
        Self {
            settings,
            interval,
            complete: jobs.is_empty() && discovery.is_none() && shared.is_empty(),
            discovery,
            shard,
            name_rule,
            shared,
            jobs,
            passed_over: None,
            complete_by: now.after(interval * INTERVALS_TO_COMPLETE),
            first_polled: None,
            watched: false,
            list: None,
            list_trouble: None,
            quotas: Quotas::default(),
            looked: None,
            contradictions: Contradictions::default(),
        }
    }

    /// Takes other settings and another roster over; returns the jobs that left.
    pub(super) fn change(
        &mut self,
        settings: Settings,
        roster: Roster,
        interval: Duration,
    ) -> Vec<JobId> {
        (self.settings, self.interval) = (settings, interval);
        // Other limits of age: every job is looked at anew.
        self.looked = None;
        self.watched = false;
        let mut before = std::mem::take(&mut self.jobs);
        let is_shared = !roster.shard.is_all();
        for JobSpec { job_id, versions } in roster.named.clone() {
            let job = match before.remove(&job_id) {
                Some(mut job) => {
                    job.change(versions, Reason::Named, interval);
                    job
                }
                // The next list says whose it is.
                None if is_shared => continue,
                None => JobState::new(versions, Reason::Named, interval),
            };
            self.jobs.insert(job_id, job);
        }
        if is_shared {
            let known = std::mem::replace(&mut self.shared, Shared::new(roster.named));
            self.shared.follows(&known, self.jobs.keys().cloned());
        }
        let scope = |discovery: &Option<Discovery>| discovery.as_ref().map(Discovery::scope);
        let admits_as_before = scope(&self.discovery) == scope(&roster.discovery);
        self.discovery = roster.discovery;
        (self.shard, self.name_rule) = (roster.shard, roster.name_rule);
        if let Some(discovery) = &self.discovery {
            for (job_id, mut job) in std::mem::take(&mut before) {
                let was_admitted = matches!(job.reason, Reason::Found | Reason::Untold);
                let reason = if admits_as_before && was_admitted {
                    Reason::Untold
                } else {
                    Reason::Unjudged
                };
                job.change(discovery.versions.clone(), reason, interval);
                self.jobs.insert(job_id, job);
            }
        }
        before.into_keys().collect()
    }

    pub(super) fn versions(
        &mut self,
        key: &JobKey,
        versions: Vec<Version>,
        outcomes: &mut Outcomes,
        now: Moment,
    ) -> Option<Outlook> {
        let Self { settings, contradictions, .. } = self;
        let mut answered = Answered { key, settings, outcomes, contradictions, now };
        Some(self.jobs.get_mut(&key.job_id)?.versions(versions, &mut answered))
    }

    pub(super) fn told(&self, job: &JobId, now: Moment) -> Option<Outlook> {
        let (list, timeout) = (self.list.as_ref()?, self.settings.timeout);
        let job = self.jobs.get(job)?;
        // A list is overdue: where the next poll would come too late for what it told, this one asks.
        let patience = if job.outlives_list(&self.settings, list.interval, now) {
            list.interval * LISTS_TO_TRUST
        } else {
            list.interval
        };
        job.told(patience + timeout, now)
    }

    pub(super) fn interval(&mut self, job: &JobId, interval: Duration) {
        if let Some(job) = self.jobs.get_mut(job) {
            job.interval = job.interval.max(interval);
        }
    }

    /// Between two readings of the list, where it is read at all.
    pub(super) fn list_interval(&self) -> Duration {
        self.list.map_or(Duration::ZERO, |list| list.interval)
    }

    pub(super) fn version(
        &mut self,
        key: &JobKey,
        version: Version,
        outcomes: &mut Outcomes,
        now: Moment,
    ) {
        if let Some(job) = self.jobs.get_mut(&key.job_id) {
            let Self { settings, contradictions, .. } = self;
            let mut answered = Answered { key, settings, outcomes, contradictions, now };
            job.version(version, &mut answered);
        }
    }

    /// Where no list says which jobs there are, whose outcomes are kept is settled once every job was
    /// asked about: no other job is there.
    pub(super) fn watch(&mut self, name: &str, outcomes: &mut Outcomes, now: Moment) {
        if self.waits_for_list() {
            return;
        }
        if !self.watched && self.jobs.values().all(JobState::was_polled) {
            self.watched = true;
            outcomes.listed(name, |job_id| self.jobs.contains_key(job_id), now);
        }
    }

    pub(super) fn polled(&mut self, job: &JobId, polled: Polled, interval: Duration, now: Moment) {
        let list_interval = self.list_interval();
        if let Some(job) = self.jobs.get_mut(job) {
            if !job.was_polled() {
                self.first_polled = Some(now);
            }
            job.polled(polled, interval, now);
            job.look(&self.settings, list_interval, now);
        }
    }

    /// The list says which jobs there are.
    fn waits_for_list(&self) -> bool {
        self.discovery.is_some() || self.shared.waits_for_list()
    }

    fn check_complete(&mut self, now: Moment) -> bool {
        if self.complete {
            return false;
        }
        let is_first_round_over = if self.waits_for_list() {
            self.passed_over.is_some()
        } else {
            self.jobs.values().all(JobState::was_polled)
        };
        self.complete = is_first_round_over || now.steady >= self.complete_by.steady;
        self.complete
    }

    /// Jobs that were not polled yet.
    pub(super) fn unpolled(&self) -> usize {
        self.jobs.values().filter(|job| !job.was_polled()).count()
    }

    /// Every job that is known was polled; or had two intervals for it, and in as long a time no answer
    /// brought the first polls any further.
    pub(super) fn is_polled(&self, now: Moment) -> bool {
        if !self.complete {
            return false;
        }
        if !self.quotas.awaited && self.unpolled() == 0 {
            return true;
        }
        let longest = self.jobs.values().map(|job| job.interval).max().unwrap_or_default();
        let stretched = longest.saturating_sub(self.interval) * INTERVALS_TO_COMPLETE;
        let waiting = self.jobs.values().filter(|job| !job.was_polled());
        let further = waiting.filter_map(JobState::last_heard).chain(self.first_polled);
        let is_stuck = |at: Moment| {
            at.age(now) >= self.interval.max(self.settings.timeout) * INTERVALS_TO_COMPLETE
        };
        now.steady >= self.complete_by.steady + stretched && further.into_iter().all(is_stuck)
    }

    pub(super) fn tick(&mut self, now: Moment) -> Vec<JobId> {
        let became_complete = self.check_complete(now);
        let step = (self.settings.max_staleness / AGE_STEPS).min(LONGEST_AGE_STEP);
        let looked_before = self.looked.is_some_and(|at| at.age(now) < step);
        if !self.complete || (looked_before && !became_complete) {
            return Vec::new();
        }
        let behind = |before: Moment| before.unix + before.age(now).as_secs_f64() - now.unix;
        if self.looked.is_some_and(|before| behind(before) > CLOCK_SET_BACK_BY) {
            self.contradictions.saw(Contradiction::ClockSetBack);
        }
        self.looked = Some(now);
        let (settings, list_interval) = (&self.settings, self.list_interval());
        let changed = |(id, job): (&JobId, &mut JobState)| {
            (job.look(settings, list_interval, now) || became_complete).then(|| id.clone())
        };
        self.jobs.iter_mut().filter_map(changed).collect()
    }

    pub(super) fn job<'a>(
        &'a self,
        project: &'a Arc<str>,
        id: &'a JobId,
        now: Moment,
    ) -> Option<JobView<'a>> {
        let list_interval = self.list_interval();
        let job = self.jobs.get(id).filter(|job| !job.is_nothing_left(&self.settings, now))?;
        Some(job.view(project, id, &self.settings, list_interval, now))
    }

    /// What there is to show of the project itself.
    pub(super) fn view<'a>(&'a self, name: &'a str, now: Moment) -> ProjectView<'a> {
        let quotas = self.quotas.fresh(self.settings.max_staleness, now);
        ProjectView { name, up: self.is_up(now), quotas }
    }

    /// Whether some call of the project gave a valid answer within the last interval, which is that of
    /// the job it was about: beside a job that fails every minute, one that waits and answers every
    /// other minute must not look like a cloud that comes and goes. A list counts as long as the polls
    /// beside it would; where every job has ended, until the next one is due. An answer may be late by
    /// the time a request may take. Quotas are asked for too seldom to say anything of now. Where a shard
    /// has nothing but the list to ask for, and that is refused, there is nothing of it that is away.
    pub(super) fn is_up(&self, now: Moment) -> bool {
        let late = self.settings.timeout;
        let list_counts = |list: &ListState| {
            let unfinished = self.jobs.values().filter(|job| !job.has_ended());
            let polled = unfinished.map(|job| job.interval).min();
            let interval = polled.map_or(list.interval, |polled| polled.min(list.interval));
            list.answered.age(now) <= interval + late
        };
        // In this order: of many jobs one has answered of late, and then nobody looks at all of them.
        self.jobs.values().any(|job| job.has_answered(late, now))
            || self.list.as_ref().is_some_and(list_counts)
            || self.has_nothing_to_ask()
    }

    /// All jobs that are named are other shards', and the last thing the cloud said of the list is no.
    fn has_nothing_to_ask(&self) -> bool {
        let is_refused = |trouble: Trouble| trouble.reason.is_refusal();
        self.jobs.is_empty()
            && self.discovery.is_none()
            && self.shared.is_list_refused
            && self.list_trouble.is_some_and(is_refused)
    }
}
