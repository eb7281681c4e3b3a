//! What a person may want to see of a job: also what has grown too old to be a metric, and what went
//! wrong with the last poll.

use std::sync::Arc;
use std::time::Duration;

use crate::inventory::job::JobState;
use crate::inventory::outcomes::PreviousScores;
use crate::inventory::project::ProjectState;
use crate::inventory::{Inventory, Moment, Settings};
use crate::model::{JobId, JobKey, Quality, TaskUsage, Version};
use crate::own::Reason;

/// All that is known of a job.
#[derive(Clone, Debug)]
pub struct JobSight<'a> {
    /// As last seen; empty where no answer ever said.
    pub name: &'a str,
    /// Those that are followed, newest first.
    pub versions: Vec<VersionSight<'a>>,
    /// How many the cloud listed last.
    pub listed_versions: usize,
    /// Whether the last poll brought everything; `None` before the first one.
    pub poll_success: Option<bool>,
    /// When a poll last did, Unix seconds.
    pub last_success: Option<f64>,
    /// What went wrong with the last poll.
    pub trouble: Option<Trouble>,
    /// Between two polls.
    pub interval: Duration,
    /// The cloud does not know it.
    pub gone: bool,
}

/// All that is known of a version.
#[derive(Clone, Debug)]
pub struct VersionSight<'a> {
    /// The label `version`.
    pub label: &'a str,
    /// Everything as it was last said.
    pub version: &'a Version,
    /// 0 is the newest of its job.
    pub rank: usize,
    /// When a call last said that it is as it is shown, Unix seconds.
    pub confirmed: f64,
    /// That is lately enough for it to be shown in metrics.
    pub is_fresh: bool,
    /// When the present status was first seen, Unix seconds.
    pub status_changed: f64,
    /// When it ended, Unix seconds, estimated.
    pub finished: Option<f64>,
    /// What was sampled of each task.
    pub tasks: Vec<TaskSight<'a>>,
    /// The scores.
    pub quality: Option<QualitySight<'a>>,
    /// What its scores are compared with.
    pub previous: Option<PreviousScores<'a>>,
}

/// All that is known of the use that one task makes of its machine.
#[derive(Clone, Copy, Debug)]
pub struct TaskSight<'a> {
    /// What an answer last told.
    pub usage: &'a TaskUsage,
    /// When its newest sample arrived here, Unix seconds.
    pub grown: f64,
    /// Its whole run is told lately enough for it to be shown in metrics.
    pub is_fresh: bool,
    /// The newest sample is of now: it runs, and samples keep coming.
    pub is_sampled: bool,
}

/// The scores of a version, which grow old alone.
#[derive(Clone, Copy, Debug)]
pub struct QualitySight<'a> {
    /// What an answer last carried.
    pub value: &'a Quality,
    /// When that was, Unix seconds.
    pub seen: f64,
    /// That is lately enough for it to be shown in metrics.
    pub is_fresh: bool,
}

/// Why a call did not bring everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trouble {
    /// Of what kind it was.
    pub reason: Reason,
    /// When the first of the calls that failed so, one after the other, ended; Unix seconds.
    pub since: f64,
}

impl Trouble {
    /// What the next call brought, after one that brought this.
    pub(super) fn after(before: Option<Self>, reason: Option<Reason>, now: Moment) -> Option<Self> {
        let reason = reason?;
        let since = before.filter(|before| before.reason == reason).map(|before| before.since);
        Some(Self { reason, since: since.unwrap_or(now.unix) })
    }
}

/// All that is known of a project beside its jobs.
#[derive(Clone, Copy, Debug)]
pub struct ProjectSight<'a> {
    /// The label `project`.
    pub name: &'a Arc<str>,
    /// Some call gave a valid answer within the last interval.
    pub up: bool,
    /// The first round is over: metrics show its jobs.
    pub is_complete: bool,
    /// Its list of jobs says whom to follow.
    pub discovers: bool,
    /// How many jobs are followed.
    pub jobs: usize,
    /// When the list of jobs was last read, Unix seconds.
    pub listed: Option<f64>,
    /// What went wrong with the list since.
    pub list_trouble: Option<Trouble>,
    /// Older values are withdrawn.
    pub max_staleness: Duration,
}

impl Inventory {
    /// What went wrong with a poll of a job that has just ended; `None`: nothing.
    pub fn job_trouble(&mut self, key: &JobKey, reason: Option<Reason>, now: Moment) {
        let project = self.projects.get_mut(&key.project);
        if let Some(job) = project.and_then(|project| project.jobs.get_mut(&key.job_id)) {
            job.trouble = Trouble::after(job.trouble, reason, now);
        }
    }

    /// What went wrong with a reading of the list of jobs; `None`: nothing.
    pub fn list_trouble(&mut self, project: &Arc<str>, reason: Option<Reason>, now: Moment) {
        if let Some(project) = self.projects.get_mut(project) {
            project.list_trouble = Trouble::after(project.list_trouble, reason, now);
        }
    }

    /// Every project.
    pub fn see_projects(&self, now: Moment) -> impl Iterator<Item = ProjectSight<'_>> {
        self.projects.iter().map(move |(name, project)| project.sight(name, now))
    }

    /// At most so many jobs that come after this one in the order of the exposition: whoever looks at all
    /// of them need not do so at once.
    pub fn see_jobs_after(&self, after: Option<&JobKey>, most: usize) -> Vec<JobKey> {
        let first = after.map(|after| &after.project);
        let keys = self.projects.iter().filter(|(name, _)| first.is_none_or(|it| *name >= it));
        let keys = keys.flat_map(|(name, project)| {
            let from = after.filter(|after| after.project == *name);
            project
                .job_ids_after(from.map(|after| &after.job_id))
                .map(|job_id| JobKey { project: Arc::clone(name), job_id: job_id.clone() })
        });
        keys.take(most).collect()
    }

    /// All that is known of a job; `None` where it is not followed.
    pub fn see_job<'a>(&'a self, key: &'a JobKey, now: Moment) -> Option<JobSight<'a>> {
        let mut sight = self.projects.get(&key.project)?.see_job(&key.job_id, now)?;
        for version in &mut sight.versions {
            version.previous = self.outcomes.previous(key, &version.version.version_id);
        }
        Some(sight)
    }
}

impl ProjectState {
    fn sight<'a>(&'a self, name: &'a Arc<str>, now: Moment) -> ProjectSight<'a> {
        ProjectSight {
            name,
            up: self.is_up(now),
            is_complete: self.complete,
            discovers: self.discovery.is_some(),
            jobs: self.jobs.len(),
            listed: self.list.map(|list| list.answered.unix),
            list_trouble: self.list_trouble,
            max_staleness: self.settings.max_staleness,
        }
    }

    fn job_ids_after<'a>(&'a self, after: Option<&JobId>) -> impl Iterator<Item = &'a JobId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.jobs.range((from, Unbounded)).map(|(job_id, _)| job_id)
    }

    fn see_job(&self, job_id: &JobId, now: Moment) -> Option<JobSight<'_>> {
        let job = self.jobs.get(job_id).filter(|job| !job.is_nothing_left(&self.settings, now))?;
        Some(job.sight(&self.settings, self.list_interval(), now))
    }
}

impl JobState {
    fn sight(&self, settings: &Settings, list_interval: Duration, now: Moment) -> JobSight<'_> {
        let limits = self.limits(settings, list_interval);
        let versions = self.order.iter().enumerate().filter_map(|(rank, (id, label))| {
            let state = self.versions.get(id)?;
            let version = &state.version;
            let is_fresh = state.is_fresh(limits, now);
            Some(VersionSight {
                label,
                version,
                rank,
                confirmed: state.confirmed_at(),
                is_fresh,
                status_changed: state.status_changed,
                finished: state.finished(settings, now),
                tasks: state.see_tasks(is_fresh, limits, now).collect(),
                quality: version.quality.as_ref().map(|value| QualitySight {
                    value,
                    seen: state.quality_seen.unix,
                    is_fresh: is_fresh && state.has_quality(limits, now),
                }),
                previous: None,
            })
        });
        let versions: Vec<_> = versions.collect();
        let known = versions.first().map(|version| version.version);
        let known = known.or(self.former.as_ref().map(|former| &former.version));
        JobSight {
            name: known.map_or("", |version| &version.job_name),
            versions,
            listed_versions: self.order.len(),
            poll_success: self.success,
            last_success: self.last_success,
            trouble: self.trouble,
            interval: self.interval,
            gone: self.gone,
        }
    }
}
