//! Who is followed for a list of jobs, and who is not any more.
//!
//! A job that the list shows is followed where discovery admits it, and from then on to its end,
//! whatever the filters would say later; after `finished_retention` it is let go, though it is still
//! listed. One that is not listed any more is gone, unless the operator named it: the list shows one
//! workspace, and may be refused. Where several processes share the jobs, the list also says which of
//! them are ours.

use std::collections::HashSet;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::inventory::Moment;
use crate::inventory::answered::Answered;
use crate::inventory::job::JobState;
use crate::inventory::outcomes::{Answer, Outcomes, Remembered, Seen};
use crate::inventory::passed_over::PassedOver;
use crate::inventory::project::{ListState, ProjectState};
use crate::inventory::roster::Reason;
use crate::inventory::version::is_past_retention;
use crate::model::{Discovery, JobId, JobKey, JobList, ListedJob, Turnover};

/// A part of one reading of the list of jobs.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) jobs: &'a [ListedJob],
    pub(super) asked: Instant,
    /// Until the next one.
    pub(super) interval: Duration,
}

impl ProjectState {
    /// Returns the jobs of which something else is to be shown.
    pub(super) fn listed(
        &mut self,
        name: &Arc<str>,
        list: List<'_>,
        turnover: &mut Turnover,
        outcomes: &mut Outcomes,
        now: Moment,
    ) -> Vec<JobKey> {
        self.list = Some(ListState { answered: now, interval: list.interval });
        let (settings, mut contradictions) = (self.settings, take(&mut self.contradictions));
        let mut touched = Vec::new();
        for listed in list.jobs {
            let key = JobKey { project: Arc::clone(name), job_id: listed.job_id.clone() };
            let (settings, contradictions) = (&settings, &mut contradictions);
            let mut answered = Answered { key: &key, settings, outcomes, contradictions, now };
            if !self.judge(listed, turnover, &mut answered) {
                continue;
            }
            let Some(job) = self.jobs.get_mut(&listed.job_id) else { continue };
            let is_news = job.listed(listed, list.asked, &mut answered);
            if job.is_nothing_left(settings, now) && is_over(listed, &answered) {
                self.jobs.remove(&listed.job_id);
                turnover.left.push(key.job_id);
            } else if is_news {
                job.look(settings, list.interval, now);
                touched.push(key);
            }
        }
        self.contradictions = contradictions;
        touched
    }

    /// Whether a job that is listed is followed.
    fn judge(
        &mut self,
        listed: &ListedJob,
        turnover: &mut Turnover,
        answered: &mut Answered<'_>,
    ) -> bool {
        let is_shared = self.shared.has(&listed.job_id);
        if self.discovery.is_none() && !is_shared {
            return self.jobs.contains_key(&listed.job_id);
        }
        if listed.job_name.is_empty() && !self.shard.is_all() {
            // Whose it is cannot be told.
            return self.jobs.contains_key(&listed.job_id);
        }
        let outcome_name = self.name_rule.apply(&listed.job_name);
        let is_ours = self.shard.has(&answered.key.project, outcome_name);
        if is_shared {
            self.place(answered.key, is_ours, turnover, answered.outcomes, answered.now);
            return is_ours;
        }
        let known = self.jobs.get_mut(&listed.job_id);
        let Some(discovery) = &self.discovery else { return false };
        if !is_ours {
            // It may have been ours under another name, whose outcomes stay.
            if self.jobs.remove(&listed.job_id).is_some() {
                answered.outcomes.gone(answered.key, answered.now);
                turnover.left.push(listed.job_id.clone());
            }
            return false;
        }
        let is_admitted = || discovery.admits(listed, answered.now.unix);
        if let Some(known) = known {
            if known.reason == Reason::Unjudged && !is_admitted() {
                self.jobs.remove(&listed.job_id);
                turnover.left.push(listed.job_id.clone());
                return false;
            }
            if matches!(known.reason, Reason::Untold | Reason::Unjudged) {
                known.reason = Reason::Found;
                turnover.found.push(listed.job_id.clone());
            }
            return true;
        }
        if !is_admitted() && !self.was_followed(listed, answered) {
            return false;
        }
        if self.was_there_before(discovery, listed, answered) {
            answered.outcomes.await_job(answered.key);
        }
        if is_over(listed, answered) {
            note_end(listed, answered);
            return false;
        }
        let job = JobState::new(discovery.versions.clone(), Reason::Found, self.interval);
        self.jobs.insert(listed.job_id.clone(), job);
        turnover.found.push(listed.job_id.clone());
        true
    }

    /// Whether the process before this one followed the job, which had not ended: it is followed to its
    /// end.
    fn was_followed(&self, listed: &ListedJob, answered: &Answered<'_>) -> bool {
        let is_open = |id| answered.remembered(id).is_some_and(|it| it.finished.is_none());
        self.passed_over.is_none()
            && answered.outcomes.is_watched(&answered.key.project)
            && listed.version_id.as_ref().is_some_and(is_open)
    }

    /// Whether a job that nobody follows yet did not appear with this list. Before the first one of the
    /// process nobody knows whom the list before showed in a status that is not admitted.
    fn was_there_before(
        &self,
        discovery: &Discovery,
        listed: &ListedJob,
        answered: &Answered<'_>,
    ) -> bool {
        let was_passed_over = match &self.passed_over {
            Some(passed_over) => passed_over.has(&listed.job_id),
            None => !discovery.statuses.is_empty(),
        };
        was_passed_over || !answered.outcomes.is_watched(&answered.key.project)
    }

    /// Every part of the list was taken.
    pub(super) fn list_ended(
        &mut self,
        name: &Arc<str>,
        list: &JobList,
        interval: Duration,
        turnover: &mut Turnover,
        outcomes: &mut Outcomes,
        now: Moment,
    ) {
        self.list = Some(ListState { answered: now, interval });
        self.shared.is_list_refused = false;
        let listed: HashSet<&JobId> = list.jobs.iter().map(|job| &job.job_id).collect();
        if list.complete {
            let missing = self.jobs.iter_mut().filter(|(id, _)| !listed.contains(*id));
            missing.for_each(|(_, job)| job.not_listed());
        }
        if self.discovery.is_none() && self.shared.is_empty() {
            return;
        }
        let others = listed.iter().filter(|id| !self.jobs.contains_key(**id));
        let others = others.map(|id| JobId::clone(id));
        let is_named = |job: &JobState| job.reason == Reason::Named;
        if list.complete {
            self.passed_over = Some(PassedOver::by_complete_list(others));
            if list.settled {
                self.place_by_id(name, &listed, turnover, outcomes, now);
            }
            let is_there = |id: &JobId| {
                listed.contains(id) || !list.settled || self.jobs.get(id).is_some_and(is_named)
            };
            outcomes.listed(name, is_there, now);
        } else if let Some(passed_over) = &mut self.passed_over {
            passed_over.by_part_of_list(others);
        }
        let is_gone = |id: &JobId, job: &JobState| {
            !is_named(job) && !listed.contains(id) && (list.proves_absence() || job.gone)
        };
        let gone = self.jobs.iter().filter(|(id, job)| is_gone(id, job));
        for job_id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.jobs.remove(&job_id);
            turnover.left.push(job_id);
        }
    }

    /// The list may not be read: the jobs that the operator named are divided without it.
    pub(super) fn list_refused(
        &mut self,
        name: &Arc<str>,
        turnover: &mut Turnover,
        outcomes: &mut Outcomes,
        now: Moment,
    ) {
        self.shared.is_list_refused = true;
        self.place_by_id(name, &HashSet::new(), turnover, outcomes, now);
    }
}

/// Whether the newest version ended so long ago that nothing is shown of it: by what is remembered of
/// it, or by the list alone.
fn is_over(listed: &ListedJob, answered: &Answered<'_>) -> bool {
    let Some(version) = listed.newest_version() else { return false };
    let Answered { settings, now, .. } = *answered;
    let remembered = answered.remembered(&version.version_id);
    let has_changed = |it: Remembered| it.finished.is_none() && it.status != version.state.status;
    if remembered.is_some_and(has_changed) {
        // It was seen before its end, and only an answer about it tells when that was.
        return false;
    }
    let remembered = remembered.filter(|it| it.status == version.state.status);
    let end = match remembered.and_then(|it| it.finished) {
        None if version.state.terminal => version.end_of_run().or(version.earliest_end()),
        end => end,
    };
    is_past_retention(end, answered.seen_at(&version), settings, now)
}

/// An end that nobody will ask about: what the list says of it is all that will be known.
fn note_end(listed: &ListedJob, answered: &mut Answered<'_>) {
    let Some(version) = listed.newest_version() else { return };
    let is_noted = answered
        .remembered(&version.version_id)
        .is_some_and(|it| it.status == version.state.status && it.finished.is_some());
    if !is_noted {
        let seen = Seen {
            version: &version,
            label: version.version_id.as_str(),
            finished: version.end_of_run().or(version.earliest_end()),
        };
        answered.see(&[seen], Answer::Part);
    }
}
