//! What we know and for how long: the last answer about each job, how fresh each part of it is, which
//! versions are followed, and when an ended one is forgotten.
//!
//! Nothing here asks the time: every call is told what time it is, so that tests need no clock.

mod answered;
mod contradictions;
mod follow;
mod job;
pub mod outcomes;
mod passed_over;
mod project;
mod quotas;
mod roster;
mod settings;
mod shared;
mod sight;
pub mod state_file;
#[cfg(test)]
mod tests;
mod turnover;
mod version;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use roster::Roster;
pub use settings::Settings;
pub use sight::{JobSight, ProjectSight, QualitySight, TaskSight, Trouble, VersionSight};
pub use view::{JobView, ProjectView, TaskView, VersionView};

use crate::model::{
    JobId, JobKey, JobList, ListedJob, Outlook, Polled, Quota, TaskUsage, Turnover, Version,
};
use crate::own::Contradiction;
use outcomes::Outcomes;
use project::ProjectState;
use turnover::List;

/// One point in time, on both clocks: ages are measured on the steady one, moments are shown on the
/// one people read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The steady clock; tests can pause it.
    pub steady: Instant,
    /// Unix seconds.
    pub unix: f64,
}

impl Moment {
    /// The moment a while after this one.
    #[must_use]
    pub fn after(self, length: Duration) -> Self {
        Self { steady: self.steady + length, unix: self.unix + length.as_secs_f64() }
    }

    fn age(self, now: Self) -> Duration {
        now.steady.saturating_duration_since(self.steady)
    }
}

/// Everything we know.
#[derive(Debug, Default)]
pub struct Inventory {
    projects: BTreeMap<Arc<str>, ProjectState>,
    /// How the runs of each name ended. Keeps nothing of a project that was not added to it.
    pub outcomes: Outcomes,
}

impl Inventory {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A project, each of its jobs polled in this interval.
    pub fn add_project(
        &mut self,
        name: &Arc<str>,
        settings: Settings,
        roster: Roster,
        interval: Duration,
        now: Moment,
    ) {
        let project = ProjectState::new(settings, roster, interval, now);
        self.projects.insert(Arc::clone(name), project);
    }

    /// A project that is there already gets other settings or jobs: what is known of the jobs that stay
    /// is kept for at least as long as `interval` asks for. Returns those that left.
    pub fn change_project(
        &mut self,
        name: &Arc<str>,
        settings: Settings,
        roster: Roster,
        interval: Duration,
    ) -> Vec<JobKey> {
        let known = self.projects.get_mut(name);
        let left = known.map(|known| known.change(settings, roster, interval));
        let key = |job_id| JobKey { project: Arc::clone(name), job_id };
        left.into_iter().flatten().map(key).collect()
    }

    /// Forgets a project; returns the jobs it had.
    pub fn remove_project(&mut self, name: &Arc<str>) -> Vec<JobKey> {
        let jobs = self.projects.remove(name).into_iter().flat_map(|known| known.jobs.into_keys());
        jobs.map(|job_id| JobKey { project: Arc::clone(name), job_id }).collect()
    }

    /// Whether there is a project of that name.
    pub fn has_project(&self, name: &Arc<str>) -> bool {
        self.projects.contains_key(name)
    }

    /// A part of the list of jobs, which was asked for at `asked` and is due again in `interval`: others
    /// may want to have a turn before the rest of 20,000. Adds to `turnover` who came and left, and
    /// returns the jobs of which something else is to be shown.
    pub fn listed(
        &mut self,
        project: &Arc<str>,
        jobs: &[ListedJob],
        asked: Instant,
        interval: Duration,
        turnover: &mut Turnover,
        now: Moment,
    ) -> Vec<JobKey> {
        let Some(state) = self.projects.get_mut(project) else { return Vec::new() };
        state.listed(project, List { jobs, asked, interval }, turnover, &mut self.outcomes, now)
    }

    /// Every part of the list was taken: those it should have and does not have leave.
    pub fn list_ended(
        &mut self,
        project: &Arc<str>,
        list: &JobList,
        interval: Duration,
        turnover: &mut Turnover,
        now: Moment,
    ) {
        if let Some(state) = self.projects.get_mut(project) {
            state.list_ended(project, list, interval, turnover, &mut self.outcomes, now);
        }
    }

    /// The list may not be read, and that will not change by asking again: what it would have said is
    /// decided without it. Adds to `turnover` who came and left.
    pub fn list_refused(&mut self, project: &Arc<str>, turnover: &mut Turnover, now: Moment) {
        if let Some(state) = self.projects.get_mut(project) {
            state.list_refused(project, turnover, &mut self.outcomes, now);
        }
    }

    /// An answer listed all versions of a job. Returns what is still to be asked about it; `None`
    /// where nobody knows the job any more.
    pub fn versions(
        &mut self,
        key: &JobKey,
        versions: Vec<Version>,
        now: Moment,
    ) -> Option<Outlook> {
        let project = self.projects.get_mut(&key.project)?;
        project.versions(key, versions, &mut self.outcomes, now)
    }

    /// An answer described one version.
    pub fn version(&mut self, key: &JobKey, version: Version, now: Moment) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.version(key, version, &mut self.outcomes, now);
        }
    }

    /// An answer told the usage of one task of a job, which was asked for at `asked`; `None` where there
    /// was nothing to tell of it.
    pub fn usage(
        &mut self,
        key: &JobKey,
        task: &str,
        usage: Option<TaskUsage>,
        asked: Instant,
        now: Moment,
    ) {
        let project = self.projects.get_mut(&key.project);
        if let Some(job) = project.and_then(|project| project.jobs.get_mut(&key.job_id)) {
            job.usage(task, usage, asked, now);
        }
    }

    /// Whether there will be something to be said about quotas, for those who wait for the first answers.
    pub fn await_quotas(&mut self, project: &Arc<str>, are_asked_for: bool) {
        if let Some(project) = self.projects.get_mut(project) {
            project.quotas.awaited = are_asked_for;
        }
    }

    /// What the cloud grants the project, which it is asked again in `interval`. Where it does not say,
    /// what it said before grows old.
    pub fn quotas(
        &mut self,
        project: &Arc<str>,
        quotas: Option<Vec<Quota>>,
        interval: Duration,
        now: Moment,
    ) {
        if let Some(project) = self.projects.get_mut(project) {
            project.quotas.take(quotas, interval, now);
        }
    }

    /// What is to be asked about a job of which the newest list told all that its own document would;
    /// `None` where that is to be asked too.
    pub fn told(&self, key: &JobKey, now: Moment) -> Option<Outlook> {
        self.projects.get(&key.project)?.told(&key.job_id, now)
    }

    /// A poll of a job is over, and the next one is due in `interval`: what is polled less often
    /// stays fresh for longer.
    pub fn polled(&mut self, key: &JobKey, polled: Polled, interval: Duration, now: Moment) {
        if polled == Polled::Gone {
            self.outcomes.gone(key, now);
        }
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.polled(&key.job_id, polled, interval, now);
        }
    }

    /// The next poll of a job may come as late as this: until then what is known stays. A shorter
    /// interval counts once it has been [polled](Self::polled).
    pub fn interval(&mut self, key: &JobKey, interval: Duration) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.interval(&key.job_id, interval);
        }
    }

    /// The next reading of the list may come as late as this: until then what it said stays. A shorter
    /// interval counts once it was [read](Self::listed).
    pub fn list_interval(&mut self, project: &Arc<str>, interval: Duration) {
        let project = self.projects.get_mut(project);
        if let Some(list) = project.and_then(|project| project.list.as_mut()) {
            list.interval = list.interval.max(interval);
        }
    }

    /// Lets time pass: returns the jobs that may show something else than at the last call, because
    /// something grew old, was kept long enough, or the project's first round is over.
    pub fn tick(&mut self, now: Moment) -> Vec<JobKey> {
        let mut changed = Vec::new();
        self.outcomes.tick(now);
        for (name, project) in &mut self.projects {
            project.watch(name, &mut self.outcomes, now);
            let jobs = project.tick(now);
            changed.extend(
                jobs.into_iter().map(|job_id| JobKey { project: Arc::clone(name), job_id }),
            );
        }
        changed
    }

    /// What contradicted what was seen before, by project, since the last call: how often each.
    pub fn take_contradictions(&mut self) -> impl Iterator<Item = (&Arc<str>, Contradiction, u64)> {
        self.projects.iter_mut().flat_map(|(name, project)| {
            project.contradictions.take().map(move |(kind, times)| (name, kind, times))
        })
    }

    /// What there is to show of a job now; `None` before the project's first round is over, and where
    /// nothing of it is shown any more.
    pub fn job<'a>(&'a self, key: &'a JobKey, now: Moment) -> Option<JobView<'a>> {
        let project = self.projects.get(&key.project).filter(|project| project.complete)?;
        let mut view = project.job(&key.project, &key.job_id, now)?;
        for version in &mut view.versions {
            version.previous = self.outcomes.previous(key, &version.version.version_id);
        }
        Some(view)
    }

    /// What there is to show of each project now.
    pub fn projects(&self, now: Moment) -> impl Iterator<Item = ProjectView<'_>> {
        self.projects.iter().map(move |(name, project)| project.view(name, now))
    }

    /// The jobs of a project that are followed.
    pub fn jobs_of(&self, project: &Arc<str>) -> Vec<JobId> {
        let jobs = self.projects.get(project).into_iter().flat_map(|known| known.jobs.keys());
        jobs.cloned().collect()
    }

    /// How many jobs are followed.
    pub fn job_count(&self) -> usize {
        self.projects.values().map(|project| project.jobs.len()).sum()
    }

    /// Every job, in the order of the exposition.
    pub fn all_job_keys(&self) -> Vec<JobKey> {
        let jobs = self.projects.iter().flat_map(|(name, project)| {
            project
                .jobs
                .keys()
                .map(|job_id| JobKey { project: Arc::clone(name), job_id: job_id.clone() })
        });
        jobs.collect()
    }

    /// Whether the first round of every project is over.
    pub fn is_complete(&self) -> bool {
        self.projects.values().all(|project| project.complete)
    }

    /// How many jobs of each project were not polled yet, where there are any.
    pub fn unpolled(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        let unpolled = self.projects.iter().map(|(name, project)| (name, project.unpolled()));
        unpolled.filter(|(_, jobs)| *jobs > 0)
    }

    /// Whether every job that is known was polled, or had long enough for it.
    pub fn is_polled(&self, now: Moment) -> bool {
        self.projects.values().all(|project| project.is_polled(now))
    }
}
