//! How the runs of each name ended, over versions and job ids, each end counted once.
//!
//! **What counts.** An end counts where it happened under watch: the version was known before as not
//! ended, or it appeared after the project's first complete list. A version appeared if its job did, or if
//! it is newer than every version its job's first answer showed. What had ended before moves the gauges
//! alone. A version counts once; one that runs again and ends again moves the gauges.
//!
//! **What has to be remembered for that.** Which versions ended, for as long as the cloud lists them:
//! that is bounded by what the cloud lists. A page that was skipped makes a version vanish and come back,
//! so what is not listed any more is remembered for [`Rules::memory`], and of jobs at most as many as
//! there may be names. What is forgotten then leaves a mark behind: a job's oldest age that can be new,
//! or the time up to which runs of the project were forgotten; a run that is no newer does not count.
//!
//! **What may be shown.** Only what [`Outcomes::take`] hands out, and with a state file only after it
//! holds what [`Outcomes::saved`] gave at the same moment, so that no counter ever falls.
//!
//! Times are whole Unix milliseconds: the steady clock ends with the process, and this does not. A clock
//! that is set back only makes things be remembered for longer.

mod job;
mod name;
mod names;
mod project;
mod run;
mod shared_map;
mod streak;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::inventory::Moment;
use crate::model::{JobId, JobKey, NameRule, Shard, Version, VersionId};
use project::{Kept, Project};
use run::millis;

pub use run::Runs;
pub use view::{Changes, LastRun, NameView, PreviousScores, Remembered};

/// How outcomes are kept, for one project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Which project of which cloud this is. What was saved of another one is not taken up.
    pub place: Arc<str>,
    /// Which jobs are watched, in words that change with it: what comes into sight by such a change was
    /// there before.
    pub scope: String,
    /// What of a job's name they are kept under.
    pub name: NameRule,
    /// Which names are ours: others are another process' to count.
    pub shard: Shard,
    /// Jobs that may be ours by their ids, under whatever name, until it is known to be another's.
    pub named: BTreeSet<JobId>,
    /// At most so many names. A new one takes the place of the one that has been gone for longest.
    pub names: usize,
    /// How long a name is kept after its last job left the cloud.
    pub retention: Duration,
    /// How long a job or version that is not listed any more is recognised should it come back.
    pub memory: Duration,
}

/// What an answer said about one version.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The version.
    pub version: &'a Version,
    /// The label `version`.
    pub label: &'a str,
    /// When it ended, Unix seconds, estimated; `None` where it has not, or may yet come back.
    pub finished: Option<f64>,
}

/// What an answer was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All versions of the job: others are not there any more.
    Whole,
    /// Some of them.
    Part,
}

/// The outcomes of all projects.
#[derive(Debug, Default)]
pub struct Outcomes {
    projects: BTreeMap<Arc<str>, Project>,
}

/// What the state file holds. A project that is not taken up is not written again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Saved {
    projects: BTreeMap<Arc<str>, Kept>,
}

impl Outcomes {
    /// Takes a project up, with what was saved of the same [place](Rules::place); or gives it other
    /// rules.
    pub fn add_project(&mut self, name: &Arc<str>, rules: Rules, saved: &mut Saved, now: Moment) {
        if let Some(project) = self.projects.get_mut(name) {
            project.set_rules(rules);
            return;
        }
        let kept = saved.projects.remove(name).filter(|kept| kept.place == rules.place);
        let mut kept = kept.unwrap_or_default();
        kept.leave_to_others(
            |outcome_name| rules.shard.has(name, outcome_name),
            |job_id| rules.named.contains(job_id) && rules.shard.has(name, job_id.as_str()),
        );
        let project = Project::new(rules, kept, millis(now.unix));
        self.projects.insert(Arc::clone(name), project);
    }

    /// Forgets a project that left the configuration.
    pub fn remove_project(&mut self, name: &str) {
        self.projects.remove(name);
    }

    /// A job that did not appear in the cloud is to be looked at from now on, because the operator listed
    /// it: what its first answer shows was there before.
    pub fn await_job(&mut self, key: &JobKey) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.await_job(&key.job_id);
        }
    }

    /// An answer about a job. The cloud knows the job, again or still.
    pub fn see(&mut self, key: &JobKey, seen: &[Seen<'_>], answer: Answer, now: Moment) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.see(&key.job_id, seen, answer, millis(now.unix));
        }
    }

    /// The cloud does not know a job any more.
    pub fn gone(&mut self, key: &JobKey, now: Moment) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.gone(&key.job_id, millis(now.unix));
        }
    }

    /// Another process follows a job from now on. What it does there is forgotten here; a name that is
    /// not ours goes with its last job.
    pub fn leave_to_others(&mut self, key: &JobKey, now: Moment) {
        if let Some(project) = self.projects.get_mut(&key.project) {
            project.leave_to_others(&key.project, &key.job_id, millis(now.unix));
        }
    }

    /// A list of the project is complete, or without discovery every listed job was asked about, and
    /// each of the answers has been [seen](Self::see): other jobs are gone. With the first one the watch
    /// begins.
    pub fn listed(&mut self, project: &str, is_listed: impl Fn(&JobId) -> bool, now: Moment) {
        if let Some(project) = self.projects.get_mut(project) {
            project.listed(is_listed, millis(now.unix));
        }
    }

    /// Whether the watch of a project has begun: what appears in it from then on has just appeared.
    pub fn is_watched(&self, project: &str) -> bool {
        self.projects.get(project).is_some_and(Project::is_watched)
    }

    /// Lets time pass: forgets what was kept for long enough.
    pub fn tick(&mut self, now: Moment) {
        for project in self.projects.values_mut() {
            project.tick(millis(now.unix));
        }
    }

    /// The scores of the completed run before this version, of the same name.
    pub fn previous(&self, key: &JobKey, version_id: &VersionId) -> Option<PreviousScores<'_>> {
        self.projects.get(&key.project)?.previous(&key.job_id, version_id)
    }

    /// The name under which the outcomes of a job are kept, and how its runs ended.
    pub fn of_job(&self, key: &JobKey) -> Option<(Arc<str>, NameView)> {
        self.projects.get(&key.project)?.of_job(&key.job_id)
    }

    /// What is remembered of a version, from before a restart too.
    pub fn remembered(&self, key: &JobKey, version_id: &VersionId) -> Option<Remembered> {
        self.projects.get(&key.project)?.remembered(&key.job_id, version_id)
    }

    /// Whether this whole name of a job that was not seen before is that of jobs that are gone.
    pub fn is_name_of_gone(&self, key: &JobKey, job_name: &str) -> bool {
        let project = self.projects.get(&key.project);
        project.is_some_and(|project| project.is_name_of_gone(&key.job_id, job_name))
    }

    /// How many names of each project found no room.
    pub fn refused_names(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.projects.iter().map(|(name, project)| (name, project.refused_names()))
    }

    /// Whether there is an outcome to be shown.
    pub fn is_changed(&self) -> bool {
        self.projects.values().any(Project::is_changed)
    }

    /// Whether anything is newer than what was last saved, or read.
    pub fn is_stale(&self) -> bool {
        self.projects.values().any(|project| project.is_stale)
    }

    /// What is to be shown anew, after it has been saved where there is a state file. What could not be
    /// is to be [put back](Self::put_back).
    #[must_use = "what is not shown has to be put back"]
    pub fn take(&mut self) -> Vec<Changes> {
        self.projects.iter_mut().filter_map(|(name, project)| project.take(name)).collect()
    }

    /// What the state file is to hold. Takes no time, however much that is: what is kept is shared
    /// until it changes.
    pub fn saved(&mut self) -> Saved {
        let save = |(name, project): (&Arc<str>, &mut Project)| (Arc::clone(name), project.save());
        Saved { projects: self.projects.iter_mut().map(save).collect() }
    }

    /// Writing what was [saved](Self::saved) failed: what was taken with it, which may be nothing, is not
    /// shown and will be taken again.
    pub fn put_back(&mut self, changes: Vec<Changes>) {
        for project in self.projects.values_mut() {
            project.is_stale = true;
        }
        for changes in changes {
            if let Some(project) = self.projects.get_mut(&changes.project) {
                project.put_back(changes);
            }
        }
    }
}
