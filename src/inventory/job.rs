mod listed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::inventory::answered::Answered;
use crate::inventory::contradictions;
use crate::inventory::follow;
use crate::inventory::outcomes::{Answer, Seen};
use crate::inventory::roster::Reason;
use crate::inventory::sight::Trouble;
use crate::inventory::version::{Limits, Source, VersionState};
use crate::inventory::view::{JobView, VersionView};
use crate::inventory::{Moment, Settings};
use crate::model::{
    Activity, Detail, JobId, Outlook, Polled, State, TaskUsage, Version, VersionId,
    VersionSelection,
};
use crate::own::Contradiction;

/// What we know of one job.
#[derive(Debug)]
pub(super) struct JobState {
    selection: VersionSelection,
    pub(super) reason: Reason,
    /// The followed versions. Boxed, because a map makes room for eleven at once and most jobs have
    /// one.
    pub(super) versions: BTreeMap<VersionId, Box<VersionState>>,
    /// Every version the last answer listed, newest first, with the label it goes by.
    pub(super) order: Vec<(VersionId, String)>,
    /// A version that is not followed has not ended yet.
    others_open: bool,
    /// The list of jobs alone told us of the job: no answer about it came yet.
    only_listed: bool,
    /// The cloud does not know the job; what the list may still say of it is no news.
    pub(super) gone: bool,
    /// Its newest version before it was gone.
    pub(super) former: Option<Box<VersionState>>,
    /// Between two polls.
    pub(super) interval: Duration,
    /// The last answer about this job that could be read, of either call.
    last_answer: Option<Moment>,
    /// The last one about the usage of a task.
    last_usage: Option<Moment>,
    /// When the list last told all that the job's own document would.
    told: Option<Moment>,
    /// Whether the last poll brought everything; `None` before the first one.
    pub(super) success: Option<bool>,
    /// Unix seconds.
    pub(super) last_success: Option<f64>,
    /// What went wrong with the last poll.
    pub(super) trouble: Option<Trouble>,
    /// What could be shown when it was last looked at, in short.
    shown: Vec<Shown>,
}

/// Which parts of a version could be shown.
#[derive(Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each may change alone")]
struct Shown {
    /// It itself.
    is_fresh: bool,
    /// The newest sample of so many tasks.
    sampled: usize,
    /// Mean and maximum of so many tasks.
    whole_runs: usize,
    quality: bool,
    has_ended: bool,
    is_kept: bool,
}

impl JobState {
    pub(super) fn new(selection: VersionSelection, reason: Reason, interval: Duration) -> Self {
        Self {
            selection,
            reason,
            others_open: false,
            only_listed: true,
            gone: false,
            former: None,
            interval,
            last_answer: None,
            last_usage: None,
            told: None,
            versions: BTreeMap::new(),
            order: Vec::new(),
            success: None,
            last_success: None,
            trouble: None,
            shown: Vec::new(),
        }
    }

    /// The next answer is read by this selection, and may come as late as this interval says: until then
    /// what is known stays.
    pub(super) fn change(
        &mut self,
        selection: VersionSelection,
        reason: Reason,
        interval: Duration,
    ) {
        (self.selection, self.reason) = (selection, reason);
        self.interval = self.interval.max(interval);
    }

    pub(super) fn was_polled(&self) -> bool {
        self.success.is_some()
    }

    /// Takes a complete list of versions: what is not in it is gone.
    pub(super) fn versions(
        &mut self,
        listed: Vec<Version>,
        answered: &mut Answered<'_>,
    ) -> Outlook {
        self.last_answer = Some(answered.now);
        let others = self.take(listed, Source::Answer, answered);
        (self.only_listed, self.gone) = (false, false);
        self.note_all(&others, answered);
        self.outlook()
    }

    fn outlook(&self) -> Outlook {
        let mut outlook = Outlook { activity: self.activity(), ..Outlook::default() };
        for (id, state) in &self.versions {
            outlook.tasks.extend_from_slice(state.running_tasks());
            outlook.details.extend(state.ended_tasks().cloned().map(Detail::Usage));
            if state.wants_detail() {
                outlook.details.push(Detail::Version(id.clone()));
            }
        }
        outlook
    }

    /// Takes the usage of one task, which v2 tells of a job that has no versions.
    pub(super) fn usage(
        &mut self,
        task: &str,
        usage: Option<TaskUsage>,
        asked: Instant,
        now: Moment,
    ) {
        if usage.is_some() {
            self.last_usage = Some(now);
        }
        if let Some(state) = self.versions.values_mut().next() {
            state.usage(task, usage, asked, now);
        }
    }

    /// Returns the versions that are not followed.
    fn take(
        &mut self,
        mut listed: Vec<Version>,
        source: Source,
        answered: &mut Answered<'_>,
    ) -> BTreeMap<VersionId, Version> {
        let now = answered.now;
        follow::sort_newest_first(&mut listed);
        self.judge(&listed, source, answered);
        self.order = labels(&listed);
        let keeps_newest = self.keeps_newest();
        let chosen =
            follow::choose(&self.selection, &listed, &self.versions, keeps_newest, answered);
        let mut before = std::mem::take(&mut self.versions);
        let mut others = BTreeMap::new();
        for version in listed {
            let id = version.version_id.clone();
            if !chosen.contains(&id) {
                others.insert(id, version);
                continue;
            }
            let state = if let Some(mut state) = before.remove(&id) {
                state.update(version, source, now);
                state
            } else {
                let remembered = answered.remembered(&id);
                Box::new(VersionState::new(version, remembered, source, now))
            };
            self.versions.insert(id, state);
        }
        others
    }

    /// Takes note of what cannot be true of these versions, newest first, beside what is known.
    fn judge(&mut self, listed: &[Version], source: Source, answered: &mut Answered<'_>) {
        // What the list says of a version is not all its own: its create time may be the job's.
        let is_first_answer = self.only_listed && source == Source::Answer;
        let known = |id| self.versions.get(id).filter(|_| !is_first_answer);
        for version in listed {
            answered.compare(known(&version.version_id).map(|known| &known.version), version);
        }
        let Some(newest) = listed.first() else { return };
        if let Some(former) = self.former.take().map(|former| former.version) {
            answered.compare_names(&former, newest);
            let is_it = |version: &Version| version.is_same_as(&former);
            if !listed.iter().any(is_it) {
                answered.contradictions.saw(Contradiction::IdReused);
            }
        } else if let Some(known) = self.versions.values().next().filter(|_| !is_first_answer) {
            answered.compare_names(&known.version, newest);
        }
        let is_new = |version: &Version| self.rank(&version.version_id).is_none();
        for _ in 0..contradictions::out_of_order(listed, is_new) {
            answered.contradictions.saw(Contradiction::OutOfOrder);
        }
    }

    /// An answer had all versions of the job, also those that are not followed: their ends count too.
    fn note_all(&mut self, others: &BTreeMap<VersionId, Version>, answered: &mut Answered<'_>) {
        let Answered { settings, now, .. } = *answered;
        let mut others_open = false;
        let seen = self.order.iter().filter_map(|(id, label)| {
            if let Some(state) = self.versions.get(id) {
                let finished = state.finished(settings, now);
                return Some(Seen { version: &state.version, label, finished });
            }
            let version = others.get(id)?;
            let finished = answered.end_of_unfollowed(version);
            others_open |= finished.is_none();
            Some(Seen { version, label, finished })
        });
        let seen: Vec<_> = seen.collect();
        answered.see(&seen, Answer::Whole);
        self.others_open = others_open;
    }

    /// An answer had this version alone.
    fn note(&self, id: &VersionId, answered: &mut Answered<'_>) {
        let Some(state) = self.versions.get(id) else { return };
        let finished = state.finished(answered.settings, answered.now);
        // Its label is known with the first answer about the job.
        if self.only_listed && finished.is_some() {
            return;
        }
        let found = self.order.iter().find(|(listed, _)| listed == id);
        let label = found.map_or(id.as_str(), |(_, label)| label);
        answered.see(&[Seen { version: &state.version, label, finished }], Answer::Part);
    }

    /// Nothing is to be expected of it.
    pub(super) fn has_ended(&self) -> bool {
        self.activity() == Activity::Ended
    }

    fn activity(&self) -> Activity {
        let all = |is: fn(State) -> bool| {
            !self.versions.is_empty() && self.versions.values().all(|state| is(state.version.state))
        };
        // Of a job that was found, what ended long ago is not followed, and there may be nothing else.
        let is_past = self.versions.is_empty() && !self.order.is_empty() && !self.keeps_newest();
        if (is_past || all(|state| state.terminal)) && !self.others_open {
            Activity::Ended
        } else if is_past || all(|state| state.terminal || state.waits()) {
            Activity::Waits
        } else {
            Activity::Runs
        }
    }

    pub(super) fn version(&mut self, version: Version, answered: &mut Answered<'_>) {
        self.last_answer = Some(answered.now);
        let id = version.version_id.clone();
        if let Some(state) = self.versions.get_mut(&id) {
            answered.compare(Some(&state.version), &version);
            answered.compare_names(&state.version, &version);
            state.update(version, Source::Answer, answered.now);
            state.has_detail = true;
            self.note(&id, answered);
        }
    }

    /// The last answer about it.
    pub(super) fn last_heard(&self) -> Option<Moment> {
        self.last_answer.into_iter().chain(self.last_usage).max_by_key(|at| at.steady)
    }

    /// Within the last interval, and what an answer may be late.
    pub(super) fn has_answered(&self, late: Duration, now: Moment) -> bool {
        let mut answers = self.last_answer.into_iter().chain(self.last_usage);
        answers.any(|at| at.age(now) <= self.interval + late)
    }

    /// Older values are withdrawn.
    pub(super) fn limits(&self, settings: &Settings, list_interval: Duration) -> Limits {
        let limit = |interval: Duration| settings.max_staleness.max(interval * 2);
        Limits { answered: limit(self.interval), listed: limit(list_interval) }
    }

    pub(super) fn polled(&mut self, polled: Polled, interval: Duration, now: Moment) {
        self.interval = interval;
        self.success = Some(polled == Polled::Success);
        match polled {
            Polled::Success => self.last_success = Some(now.unix),
            Polled::Partial | Polled::Failed => {}
            Polled::Gone => {
                let newest = self.order.first().and_then(|(id, _)| self.versions.remove(id));
                self.former = newest.or(self.former.take());
                self.versions.clear();
                self.order.clear();
                self.gone = true;
                (self.last_answer, self.last_usage, self.told) = (None, None, None);
            }
        }
    }

    /// Whether something else may be shown than when this was last called; so it is whenever the job
    /// is to be shown anew.
    pub(super) fn look(
        &mut self,
        settings: &Settings,
        list_interval: Duration,
        now: Moment,
    ) -> bool {
        let limits = self.limits(settings, list_interval);
        let mut shown = std::mem::take(&mut self.shown);
        let mut changed = shown.len() != self.versions.len();
        shown.resize_with(self.versions.len(), Shown::default);
        for (before, (id, state)) in shown.iter_mut().zip(&self.versions) {
            let tasks = || state.tasks(limits, now);
            let is = Shown {
                is_fresh: state.is_fresh(limits, now),
                sampled: tasks().filter(|task| task.sampled.is_some()).count(),
                whole_runs: tasks().filter(|task| task.has_whole_run).count(),
                quality: state.has_quality(limits, now),
                has_ended: state.has_ended(settings, now),
                is_kept: self.is_kept(id, state, settings, now),
            };
            changed |= *before != is;
            *before = is;
        }
        self.shown = shown;
        changed
    }

    fn is_kept(
        &self,
        id: &VersionId,
        state: &VersionState,
        settings: &Settings,
        now: Moment,
    ) -> bool {
        !state.is_past_retention(settings, now) || (self.keeps_newest() && self.rank(id) == Some(0))
    }

    /// The newest version of a job that the operator named stays for as long as the cloud has it.
    fn keeps_newest(&self) -> bool {
        self.reason == Reason::Named
    }

    /// Of a job that was found nothing is shown any more: the cloud does not know it, or all that is
    /// followed of it ended long ago.
    pub(super) fn is_nothing_left(&self, settings: &Settings, now: Moment) -> bool {
        let is_past = || {
            let is_known = !self.order.is_empty();
            is_known && self.versions.values().all(|state| state.is_past_retention(settings, now))
        };
        !self.keeps_newest() && (self.gone || is_past())
    }

    fn rank(&self, id: &VersionId) -> Option<usize> {
        self.order.iter().position(|(listed, _)| listed == id)
    }

    pub(super) fn view<'a>(
        &'a self,
        project: &'a Arc<str>,
        job_id: &'a JobId,
        settings: &Settings,
        list_interval: Duration,
        now: Moment,
    ) -> JobView<'a> {
        let limits = self.limits(settings, list_interval);
        let versions = self.order.iter().enumerate().filter_map(|(rank, (id, label))| {
            let state = self.versions.get(id)?;
            if !state.is_fresh(limits, now) || !self.is_kept(id, state, settings, now) {
                return None;
            }
            let version = &state.version;
            Some(VersionView {
                label,
                version,
                rank,
                status_changed: state.status_changed,
                finished: state.finished(settings, now),
                tasks: state.tasks(limits, now).collect(),
                quality: version.quality.as_ref().filter(|_| state.has_quality(limits, now)),
                previous: None,
            })
        });
        JobView {
            project,
            job_id: job_id.as_str(),
            versions: versions.collect(),
            poll_success: self.success,
            last_success: self.last_success,
        }
    }
}

/// The label `version` of each: its name, or its id where it has none or shares it.
fn labels(versions: &[Version]) -> Vec<(VersionId, String)> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for name in versions.iter().filter_map(|version| version.version_name.as_deref()) {
        *named.entry(name).or_default() += 1;
    }
    let label = |version: &Version| match version.version_name.as_deref() {
        Some(name) if named.get(name) == Some(&1) => name.to_owned(),
        _ => version.version_id.to_string(),
    };
    versions.iter().map(|version| (version.version_id.clone(), label(version))).collect()
}
