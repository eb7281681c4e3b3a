use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::job::{Ended, Job};
use super::names::Names;
use super::run::{Millis, Run, Runs, millis, seconds};
use super::view::{Changes, Remembered};
use super::{Answer, Rules, Seen};
use crate::model::{JobId, Scores, VersionId};

/// Every version is looked at so many times within the time a missing one is remembered.
const MEMORY_STEPS: Millis = 32;

/// The outcomes of one project.
#[derive(Debug, Default)]
pub(super) struct Project {
    rules: Rules,
    kept: Kept,
    /// Jobs the cloud does not know any more: the longest gone first, and of those that went together
    /// the one whose runs ended first.
    gone_jobs: BTreeSet<(Millis, Option<Millis>, JobId)>,
    /// Names to be shown anew.
    changed: BTreeSet<Arc<str>>,
    /// Names whose last scores changed.
    rescored: BTreeSet<Arc<str>>,
    /// The counts of the whole project, or that it is watched, are to be shown.
    changed_runs: bool,
    /// When every version was last looked at for whether it has been missing for long.
    looked: Millis,
    /// Something beside outcomes is newer than the state file.
    pub(super) is_stale: bool,
}

/// What the state file keeps of a project.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its first complete list is over.
    watched: bool,
    /// Which jobs that list was about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    /// What ended by then may have been counted and forgotten.
    forgotten: Option<Millis>,
    runs: Runs,
    names: Names,
    jobs: BTreeMap<JobId, Job>,
}

impl Project {
    pub(super) fn new(rules: Rules, kept: Kept, now: Millis) -> Self {
        let mut project = Self { kept, ..Self::default() };
        project.set_rules(rules);
        let Kept { names, jobs, .. } = &mut project.kept;
        for (id, job) in jobs {
            match job.gone {
                None if !job.name.is_empty() => names.enter(&job.name),
                None => {}
                Some(since) => {
                    project.gone_jobs.insert((since, job.last_finished(), id.clone()));
                }
            }
        }
        names.settle(now);
        project.changed.extend(names.all().cloned());
        project.changed_runs = project.kept.watched;
        project
    }

    pub(super) fn set_rules(&mut self, rules: Rules) {
        if self.kept.scope != rules.scope {
            self.kept.scope.clone_from(&rules.scope);
            self.kept.watched = false;
            self.is_stale = true;
        }
        self.rules = rules;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.kept.watched
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn await_job(&mut self, id: &JobId) {
        self.kept.jobs.entry(id.clone()).or_insert_with(|| {
            self.is_stale = true;
            Job::new(false)
        });
    }

    pub(super) fn listed(&mut self, is_listed: impl Fn(&JobId) -> bool, now: Millis) {
        let jobs = self.kept.jobs.iter().filter(|(id, job)| job.gone.is_none() && !is_listed(id));
        for id in jobs.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.gone(&id, now);
        }
        if !self.kept.watched {
            self.kept.watched = true;
            self.changed_runs = true;
        }
    }

    pub(super) fn see(&mut self, id: &JobId, seen: &[Seen<'_>], answer: Answer, now: Millis) {
        let Kept { watched, forgotten, jobs, .. } = &mut self.kept;
        let (watched, forgotten) = (*watched, *forgotten);
        let job = jobs.entry(id.clone()).or_insert_with(|| Job::new(watched));
        job.asked(seen.iter().map(|seen| seen.version), answer, now);
        self.enter(id, seen, now);
        for seen in seen {
            let Some(job) = self.kept.jobs.get_mut(id) else { return };
            let finished = seen.finished.map(millis);
            let is_late = finished.is_some_and(|at| forgotten.is_some_and(|by| at <= by));
            let step = job.seen(seen.version, finished, watched && !is_late, now);
            self.is_stale |= step.is_news;
            let name = Arc::clone(&job.name);
            self.note(id, &name, seen, step.ended);
        }
        if answer == Answer::Whole
            && let Some(job) = self.kept.jobs.get_mut(id)
        {
            let there = seen.iter().map(|seen| &seen.version.version_id).collect();
            self.is_stale |= job.miss(&there, now);
        }
    }

    /// The job is there, under the name this answer gives it.
    fn enter(&mut self, id: &JobId, seen: &[Seen<'_>], now: Millis) {
        let Kept { names, jobs, .. } = &mut self.kept;
        let Some(job) = jobs.get_mut(id) else { return };
        let mut named = seen.iter().map(|seen| self.rules.name.apply(&seen.version.job_name));
        let name = named.find(|name| !name.is_empty());
        let name = name.filter(|name| **name != *job.name).map(Arc::from);
        let before = Arc::clone(&job.name);
        let was_there = match job.gone.take() {
            Some(since) => {
                self.gone_jobs.remove(&(since, job.last_finished(), id.clone()));
                false
            }
            None => !before.is_empty(),
        };
        if let Some(name) = &name {
            job.name = Arc::clone(name);
        }
        let now_there = Arc::clone(&job.name);
        if now_there.is_empty() {
            return;
        }
        self.changed.extend(names.admit(&now_there, self.rules.names));
        if !was_there || name.is_some() {
            names.enter(&now_there);
            self.is_stale = true;
        }
        if was_there && name.is_some() {
            names.leave(&before, now);
        }
    }

    fn note(&mut self, id: &JobId, name: &Arc<str>, seen: &Seen<'_>, ended: Option<Ended>) {
        let Kept { names, jobs, runs, .. } = &mut self.kept;
        let version_id = &seen.version.version_id;
        let mut known = names.get_mut(name);
        if let Some(Ended { outcome, finished, counts }) = ended {
            let run = Run { finished, job_id: id.clone(), version_id: version_id.clone() };
            if let Some(known) = &mut known {
                known.ended(&run, seen.label, outcome);
                if counts {
                    known.count(outcome);
                }
                self.changed.insert(Arc::clone(name));
                self.rescored.insert(Arc::clone(name));
            }
            if counts {
                runs.count(outcome);
                self.changed_runs = true;
            }
        }
        let (Some(known), Some(quality)) = (known, &seen.version.quality) else { return };
        let mark = jobs.get(id).and_then(|job| job.versions.get(version_id));
        if let Some(finished) = mark.filter(|mark| mark.has_ended()).and_then(|mark| mark.finished)
        {
            let run = Run { finished, job_id: id.clone(), version_id: version_id.clone() };
            if known.scored(&run, &quality.overall) {
                self.rescored.insert(Arc::clone(name));
                self.is_stale = true;
            }
        }
    }

    pub(super) fn gone(&mut self, id: &JobId, now: Millis) {
        let Kept { names, jobs, .. } = &mut self.kept;
        let Some(job) = jobs.get_mut(id).filter(|job| job.gone.is_none()) else { return };
        job.gone = Some(now);
        self.gone_jobs.insert((now, job.last_finished(), id.clone()));
        if !job.name.is_empty() {
            names.leave(&job.name, now);
        }
        self.is_stale = true;
    }

    pub(super) fn tick(&mut self, now: Millis) {
        let before = |length: std::time::Duration| now - millis(length.as_secs_f64());
        let expired = self.kept.names.expire(before(self.rules.retention));
        self.changed.extend(expired);
        let missing_by = before(self.rules.memory);
        while let Some((since, last_finished, _)) = self.gone_jobs.first() {
            if *since > missing_by && self.gone_jobs.len() <= self.rules.names {
                break;
            }
            self.kept.forgotten = self.kept.forgotten.max(*last_finished);
            if let Some((_, _, id)) = self.gone_jobs.pop_first() {
                self.kept.jobs.remove(&id);
            }
            self.is_stale = true;
        }
        // A clock that was set back must not put this off.
        if (now - self.looked).abs() >= millis(self.rules.memory.as_secs_f64()) / MEMORY_STEPS {
            self.looked = now;
            for job in self.kept.jobs.values_mut().filter(|job| job.gone.is_none()) {
                self.is_stale |= job.forget(missing_by);
            }
        }
    }

    pub(super) fn previous(&self, id: &JobId, version_id: &VersionId) -> Option<&Scores> {
        let job = self.kept.jobs.get(id)?;
        let mark = job.versions.get(version_id)?;
        let ended = mark.finished.filter(|_| mark.has_ended());
        let run = ended.map(|finished| Run {
            finished,
            job_id: id.clone(),
            version_id: version_id.clone(),
        });
        self.kept.names.get(&job.name)?.previous(run.as_ref())
    }

    pub(super) fn remembered(&self, id: &JobId, version_id: &VersionId) -> Option<Remembered> {
        let mark = self.kept.jobs.get(id)?.versions.get(version_id)?;
        Some(Remembered {
            status: mark.status,
            status_changed: seconds(mark.status_changed),
            finished: mark.finished.filter(|_| mark.has_ended()).map(seconds),
        })
    }

    pub(super) fn refused_names(&self) -> usize {
        self.kept.names.refused()
    }

    pub(super) fn is_changed(&self) -> bool {
        self.kept.watched
            && (self.changed_runs || !self.changed.is_empty() || !self.rescored.is_empty())
    }

    /// What is to be shown anew; `None` where there is nothing, or before the project is watched.
    pub(super) fn take(&mut self, project: &Arc<str>) -> Option<Changes> {
        if !self.is_changed() {
            return None;
        }
        self.changed_runs = false;
        let rescored = std::mem::take(&mut self.rescored);
        let jobs = self.kept.jobs.iter().filter(|(_, job)| rescored.contains(&job.name));
        let jobs = jobs.map(|(id, _)| id.clone()).collect();
        let view = |name: Arc<str>| {
            let view = self.kept.names.get(&name).map(super::name::Name::view);
            (name, view)
        };
        let names = std::mem::take(&mut self.changed).into_iter().map(view).collect();
        Some(Changes { project: Arc::clone(project), runs: self.kept.runs, names, jobs })
    }

    pub(super) fn put_back(&mut self, changes: Changes) {
        self.changed_runs = true;
        self.changed.extend(changes.names.into_iter().map(|(name, _)| name));
        let name = |id: &JobId| self.kept.jobs.get(id).map(|job| Arc::clone(&job.name));
        self.rescored.extend(changes.jobs.iter().filter_map(name));
    }
}
