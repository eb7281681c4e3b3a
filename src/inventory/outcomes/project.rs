use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::job::{Ended, Job};
use super::names::{Known, Names};
use super::run::{Millis, Run, Runs, millis, seconds};
use super::shared_map::SharedMap;
use super::view::{Changes, NameView, PreviousScores, Remembered};
use super::{Answer, Rules, Seen};
use crate::model::{JobId, VersionId};

/// Every version is looked at so many times within the time a missing one is remembered.
const MEMORY_STEPS: Millis = 32;

/// … but no more often than that, however short the time: all versions of all jobs take a while.
const SHORTEST_MEMORY_STEP: Millis = 1000;

/// The outcomes of one project.
#[derive(Debug, Default)]
pub(super) struct Project {
    rules: Rules,
    /// Its first complete list, of the jobs that [`Rules::scope`] is about, is over.
    watched: bool,
    /// What ended by then may have been counted and forgotten.
    forgotten: Option<Millis>,
    runs: Runs,
    names: Names,
    jobs: SharedMap<JobId, Job>,
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
    /// Something is newer than what was last saved.
    pub(super) is_stale: bool,
}

/// What the state file keeps of a project.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Whose outcomes these are; see [`Rules::place`].
    pub(super) place: Arc<str>,
    watched: bool,
    /// Which jobs that watch is about; see [`Rules::scope`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    forgotten: Option<Millis>,
    runs: Runs,
    names: Known,
    jobs: SharedMap<JobId, Job>,
}

impl Kept {
    /// Names that are not ours any more are another process' to show, which rebuilds them from what the
    /// cloud lists. What was counted of them for the project stays here: the sum over all processes is
    /// what it was. A job that is ours by its id keeps its name here.
    pub(super) fn leave_to_others(
        &mut self,
        is_ours: impl Fn(&str) -> bool,
        is_ours_by_id: impl Fn(&JobId) -> bool,
    ) {
        let by_id = self.jobs.iter().filter(|(id, job)| job.gone.is_none() && is_ours_by_id(id));
        let kept: BTreeSet<_> = by_id.map(|(_, job)| Arc::clone(&job.name)).collect();
        let is_kept = |name: &str| is_ours(name) || kept.contains(name);
        self.names.retain(|name, _| is_kept(name));
        self.jobs.retain(|_, job| job.name.is_empty() || is_kept(&job.name));
    }
}

impl Project {
    /// Goes on from what was kept, which is on disk and to be shown at once.
    pub(super) fn new(rules: Rules, kept: Kept, now: Millis) -> Self {
        let Kept { place: _, watched, scope, forgotten, runs, names, jobs } = kept;
        let watched = watched && scope == rules.scope;
        let there = jobs.iter().filter(|(_, job)| job.gone.is_none() && !job.name.is_empty());
        let names = Names::take_up(names, there.map(|(id, job)| (id, &job.name)), now);
        let gone_jobs = jobs
            .iter()
            .filter_map(|(id, job)| Some((job.gone?, job.last_finished(), id.clone())))
            .collect();
        let changed = names.all().cloned().collect();
        let changed_runs = watched;
        Self {
            rules,
            watched,
            forgotten,
            runs,
            names,
            jobs,
            gone_jobs,
            changed,
            changed_runs,
            ..Self::default()
        }
    }

    pub(super) fn set_rules(&mut self, rules: Rules) {
        if self.rules.scope != rules.scope {
            self.watched = false;
            self.is_stale = true;
        }
        self.rules = rules;
    }

    /// What is to be saved, as it is from now on. Takes no time: see [`SharedMap`].
    pub(super) fn save(&mut self) -> Kept {
        self.is_stale = false;
        Kept {
            place: Arc::clone(&self.rules.place),
            watched: self.watched,
            scope: self.rules.scope.clone(),
            forgotten: self.forgotten,
            runs: self.runs,
            names: self.names.known().clone(),
            jobs: self.jobs.clone(),
        }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(super) fn await_job(&mut self, id: &JobId) {
        self.jobs.entry(id, || {
            self.is_stale = true;
            Job::new(false)
        });
    }

    pub(super) fn listed(&mut self, is_listed: impl Fn(&JobId) -> bool, now: Millis) {
        let jobs = self.jobs.iter().filter(|(id, job)| job.gone.is_none() && !is_listed(id));
        for id in jobs.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.gone(&id, now);
        }
        if !self.watched {
            self.watched = true;
            self.changed_runs = true;
            self.is_stale = true;
        }
    }

    pub(super) fn see(&mut self, id: &JobId, seen: &[Seen<'_>], answer: Answer, now: Millis) {
        let (watched, forgotten) = (self.watched, self.forgotten);
        let job = self.jobs.entry(id, || Job::new(watched));
        job.asked(seen.iter().map(|seen| seen.version), answer, now);
        self.enter(id, seen, now);
        for seen in seen {
            let Some(job) = self.jobs.get_mut(id) else { return };
            let finished = seen.finished.map(millis);
            let is_late = finished.is_some_and(|at| forgotten.is_some_and(|by| at <= by));
            let step = job.seen(seen.version, finished, watched && !is_late, now);
            self.is_stale |= step.is_news;
            let name = Arc::clone(&job.name);
            self.note(id, &name, seen, step.ended);
        }
        if answer == Answer::Whole
            && let Some(job) = self.jobs.get_mut(id)
        {
            let there = seen.iter().map(|seen| &seen.version.version_id).collect();
            self.is_stale |= job.miss(&there, now);
        }
    }

    /// The job is there, under the name this answer gives it.
    fn enter(&mut self, id: &JobId, seen: &[Seen<'_>], now: Millis) {
        let Self { names, jobs, .. } = self;
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
        let admitted = names.admit(&now_there, self.rules.names);
        self.is_stale |= !admitted.is_empty();
        self.changed.extend(admitted);
        if !was_there || name.is_some() {
            names.enter(&now_there, id);
            self.is_stale = true;
        }
        if was_there && name.is_some() {
            names.leave(&before, id, now);
        }
    }

    fn note(&mut self, id: &JobId, name: &Arc<str>, seen: &Seen<'_>, ended: Option<Ended>) {
        let Self { names, jobs, runs, .. } = self;
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
            if known.scored(&run, quality) {
                self.rescored.insert(Arc::clone(name));
                self.is_stale = true;
            }
        }
    }

    pub(super) fn gone(&mut self, id: &JobId, now: Millis) {
        let Self { names, jobs, .. } = self;
        let Some(job) = jobs.get_mut(id).filter(|job| job.gone.is_none()) else { return };
        job.gone = Some(now);
        self.gone_jobs.insert((now, job.last_finished(), id.clone()));
        if !job.name.is_empty() {
            names.leave(&job.name, id, now);
        }
        self.is_stale = true;
    }

    pub(super) fn leave_to_others(&mut self, project: &str, id: &JobId, now: Millis) {
        self.gone(id, now);
        let Some(job) = self.jobs.remove(id) else { return };
        self.is_stale = true;
        if let Some(since) = job.gone {
            self.gone_jobs.remove(&(since, job.last_finished(), id.clone()));
        }
        if !self.rules.shard.has(project, &job.name) && self.names.forget(&job.name) {
            self.changed.insert(job.name);
        }
    }

    pub(super) fn tick(&mut self, now: Millis) {
        let before = |length: std::time::Duration| now - millis(length.as_secs_f64());
        let expired = self.names.expire(before(self.rules.retention));
        self.is_stale |= !expired.is_empty();
        self.changed.extend(expired);
        let missing_by = before(self.rules.memory);
        while let Some((since, last_finished, _)) = self.gone_jobs.first() {
            if *since > missing_by && self.gone_jobs.len() <= self.rules.names {
                break;
            }
            self.forgotten = self.forgotten.max(*last_finished);
            if let Some((_, _, id)) = self.gone_jobs.pop_first() {
                self.jobs.remove(&id);
            }
            self.is_stale = true;
        }
        let step = millis(self.rules.memory.as_secs_f64()) / MEMORY_STEPS;
        // A clock that was set back must not put this off.
        if (now - self.looked).abs() >= step.max(SHORTEST_MEMORY_STEP) {
            self.looked = now;
            let due = self
                .jobs
                .iter()
                .filter(|(_, job)| job.gone.is_none() && job.has_missed(missing_by));
            for id in due.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.forget(missing_by);
                    self.is_stale = true;
                }
            }
        }
    }

    pub(super) fn previous(
        &self,
        id: &JobId,
        version_id: &VersionId,
    ) -> Option<PreviousScores<'_>> {
        let job = self.jobs.get(id)?;
        let mark = job.versions.get(version_id)?;
        let ended = mark.finished.filter(|_| mark.has_ended());
        let run = ended.map(|finished| Run {
            finished,
            job_id: id.clone(),
            version_id: version_id.clone(),
        });
        self.names.get(&job.name)?.previous(run.as_ref())
    }

    pub(super) fn of_job(&self, id: &JobId) -> Option<(Arc<str>, NameView)> {
        let name = &self.jobs.get(id)?.name;
        Some((Arc::clone(name), self.names.get(name)?.view()))
    }

    pub(super) fn remembered(&self, id: &JobId, version_id: &VersionId) -> Option<Remembered> {
        let mark = self.jobs.get(id)?.versions.get(version_id)?;
        Some(Remembered {
            status: mark.status,
            status_changed: seconds(mark.status_changed),
            finished: mark.finished.filter(|_| mark.has_ended()).map(seconds),
        })
    }

    pub(super) fn is_name_of_gone(&self, id: &JobId, job_name: &str) -> bool {
        let is_new = self.jobs.get(id).is_none_or(|job| job.name.is_empty());
        is_new && self.names.get(job_name).is_some_and(|known| known.gone.is_some())
    }

    pub(super) fn refused_names(&self) -> usize {
        self.names.refused()
    }

    pub(super) fn is_changed(&self) -> bool {
        self.watched && (self.changed_runs || !self.changed.is_empty() || !self.rescored.is_empty())
    }

    /// What is to be shown anew; `None` where there is nothing, or before the project is watched.
    pub(super) fn take(&mut self, project: &Arc<str>) -> Option<Changes> {
        if !self.is_changed() {
            return None;
        }
        self.changed_runs = false;
        let rescored = std::mem::take(&mut self.rescored);
        let jobs = rescored.iter().flat_map(|name| self.names.jobs_of(name)).cloned().collect();
        let view = |name: Arc<str>| {
            let view = self.names.get(&name).map(super::name::Name::view);
            (name, view)
        };
        let names = std::mem::take(&mut self.changed).into_iter().map(view).collect();
        Some(Changes { project: Arc::clone(project), runs: self.runs, names, jobs })
    }

    pub(super) fn put_back(&mut self, changes: Changes) {
        self.changed_runs = true;
        self.changed.extend(changes.names.into_iter().map(|(name, _)| name));
        let name = |id: &JobId| self.jobs.get(id).map(|job| Arc::clone(&job.name));
        self.rescored.extend(changes.jobs.iter().filter_map(name));
    }
}
