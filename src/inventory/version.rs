use std::time::Duration;

use tokio::time::Instant;

use crate::inventory::outcomes::Remembered;
use crate::inventory::sight::TaskSight;
use crate::inventory::view::TaskView;
use crate::inventory::{Moment, Settings};
use crate::model::{Api, Status, TaskUsage, Usage, Version};

/// The cloud may say of an end that it is so much later than we saw it: its clock may be ahead of ours, or be
/// set to another time of day. Nothing is ordered, or forgotten, by an end that is further off.
const CLOCK_AHEAD: Duration = Duration::from_hours(24 * 7);

/// What we know of one version: the newest value of each part, and when it was last confirmed.
#[derive(Debug)]
pub(super) struct VersionState {
    pub(super) version: Version,
    confirmed: Confirmed,
    /// The usage of its tasks, each as its last answer told it.
    tasks: Vec<TaskState>,
    /// Tasks whose usage was asked for after the end.
    asked_after_end: Vec<Box<str>>,
    /// The last answer that carried quality.
    pub(super) quality_seen: Moment,
    /// When the present status was first seen, Unix seconds.
    pub(super) status_changed: f64,
    /// `None` where it was remembered from before a restart.
    first_seen: Option<Moment>,
    /// When it was first seen as it is now: terminal, or lost.
    ended_seen: Option<Moment>,
    /// When it had ended before a restart, Unix seconds.
    ended_before: Option<f64>,
    /// Its own document, which carries what the list leaves out, has been read.
    pub(super) has_detail: bool,
}

/// What we know of the usage of one task. Each grows old alone: where the requests do not suffice for
/// all, tasks take turns.
#[derive(Debug)]
struct TaskState {
    usage: TaskUsage,
    /// The last answer that carried it.
    seen: Moment,
    /// When its arrays last grew.
    grown: Moment,
}

impl TaskState {
    fn update(&mut self, usage: TaskUsage, now: Moment) {
        let print = |usage: &TaskUsage| (usage.samples, usage.fingerprint);
        self.seen = now;
        if print(&usage) != print(&self.usage) {
            self.grown = now;
        }
        self.usage = usage;
    }
}

/// The calls that tell how a version is. Each grows old at the pace at which it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An answer about the job.
    Answer,
    /// The list of jobs.
    List,
}

/// When each call last said that the version is as it is shown.
#[derive(Clone, Copy, Debug, Default)]
struct Confirmed {
    by_answer: Option<Moment>,
    by_list: Option<Moment>,
}

impl Confirmed {
    fn by(source: Source, now: Moment) -> Self {
        let mut confirmed = Self::default();
        confirmed.again(source, now);
        confirmed
    }

    fn again(&mut self, source: Source, now: Moment) {
        match source {
            Source::Answer => self.by_answer = Some(now),
            Source::List => self.by_list = Some(now),
        }
    }
}

/// How old what we know may be, by the call it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Answers about the job. Usage and quality come from them alone.
    pub(super) answered: Duration,
    /// The list of jobs.
    pub(super) listed: Duration,
}

impl VersionState {
    /// A version that is new to this process, though it may be remembered.
    pub(super) fn new(
        mut version: Version,
        remembered: Option<Remembered>,
        source: Source,
        now: Moment,
    ) -> Self {
        let ended = version.state.terminal || version.state.lost;
        let is_as_before = |remembered: &Remembered| remembered.status == version.state.status;
        let status_changed = remembered.filter(is_as_before).map(|it| it.status_changed);
        let usage = version.usage.take();
        let mut new = Self {
            confirmed: Confirmed::by(source, now),
            tasks: Vec::new(),
            asked_after_end: Vec::new(),
            quality_seen: now,
            status_changed: status_changed.unwrap_or(now.unix),
            first_seen: remembered.is_none().then_some(now),
            ended_seen: ended.then_some(now),
            ended_before: remembered.and_then(|it| it.finished).filter(|_| ended),
            version,
            has_detail: false,
        };
        new.take_usage(usage, now);
        new
    }

    /// Takes what a call says now. What it does not carry stays, and ages.
    pub(super) fn update(&mut self, mut newer: Version, source: Source, now: Moment) {
        if newer.state == self.version.state {
            self.confirm(source, now);
        } else {
            // What the other call last said is not true any more, however lately it said so.
            self.confirmed = Confirmed::by(source, now);
        }
        self.take_usage(newer.usage.take(), now);
        if newer.quality.is_some() {
            self.quality_seen = now;
        } else {
            newer.quality = self.version.quality.take();
        }
        keep_facts(&self.version, &mut newer);
        // Tasks come and go where nodes do; v1 names none.
        let named = &newer.execution.tasks;
        self.tasks.retain(|task| named.is_empty() || named.contains(&task.usage.task));
        self.asked_after_end.retain(|asked| named.iter().any(|task| **task == **asked));
        if newer.state.status != self.version.state.status {
            self.status_changed = now.unix;
        }
        let (was, is) = (self.version.state, newer.state);
        if !(is.terminal || is.lost) {
            (self.ended_seen, self.ended_before) = (None, None);
            self.asked_after_end.clear();
        } else if self.ended_seen.is_none() || (was.lost && !is.lost) {
            self.ended_seen = Some(now);
        }
        self.version = newer;
    }

    /// Takes the usage that came with the version itself.
    fn take_usage(&mut self, usage: Option<Usage>, now: Moment) {
        let Some(Usage { tasks }) = usage else { return };
        self.tasks.retain(|known| tasks.iter().any(|task| task.task == known.usage.task));
        for task in tasks {
            self.take_task(task, now);
        }
    }

    fn take_task(&mut self, usage: TaskUsage, now: Moment) {
        if let Some(known) = self.tasks.iter_mut().find(|known| known.usage.task == usage.task) {
            known.update(usage, now);
        } else {
            self.tasks.push(TaskState { usage, seen: now, grown: now });
        }
    }

    /// Takes the usage of one task, asked for at `asked`. An answer without a sample takes none away.
    pub(super) fn usage(
        &mut self,
        task: &str,
        usage: Option<TaskUsage>,
        asked: Instant,
        now: Moment,
    ) {
        let is_last = self.version.state.terminal
            && self.ended_seen.is_some_and(|ended| asked >= ended.steady);
        if is_last && !self.was_asked_after_end(task) {
            self.asked_after_end.push(task.into());
        }
        let is_known = self.tasks.iter().any(|known| known.usage.task == task);
        if let Some(usage) = usage.filter(|usage| usage.samples > 0 || !is_known) {
            self.take_task(usage, now);
        }
    }

    /// Tasks whose usage is asked for by calls of their own: while it runs, with every poll.
    pub(super) fn running_tasks(&self) -> &[String] {
        if self.version.state.is_running() { &self.version.execution.tasks } else { &[] }
    }

    /// Tasks of which the last samples were not asked for yet.
    pub(super) fn ended_tasks(&self) -> impl Iterator<Item = &String> {
        let has_run = self.version.state.terminal && self.version.started.is_some();
        let tasks = self.version.execution.tasks.iter().filter(move |_| has_run);
        tasks.filter(|task| !self.was_asked_after_end(task))
    }

    fn was_asked_after_end(&self, task: &str) -> bool {
        self.asked_after_end.iter().any(|asked| **asked == *task)
    }

    /// The version is as it was.
    pub(super) fn confirm(&mut self, source: Source, now: Moment) {
        self.confirmed.again(source, now);
    }

    /// Something is known only from its own document, which has not been read yet. All of that but
    /// the flavour stands in the list of versions too; v2 says the same of a job wherever it stands.
    pub(super) fn wants_detail(&self) -> bool {
        let is_split = self.version.api == Api::V1;
        is_split && !self.has_detail && self.version.facts.flavor.is_empty()
    }

    /// No further change is expected: the state is terminal, or has been LOST for long enough.
    pub(super) fn has_ended(&self, settings: &Settings, now: Moment) -> bool {
        let state = self.version.state;
        let lost_for_good = || {
            self.ended_before.is_some()
                || self.ended_seen.is_some_and(|at| at.age(now) >= settings.lost_after)
        };
        state.terminal || (state.lost && lost_for_good())
    }

    /// When the version ended, Unix seconds, as well as the answers let us know.
    pub(super) fn finished(&self, settings: &Settings, now: Moment) -> Option<f64> {
        if !self.has_ended(settings, now) {
            return None;
        }
        let ended_seen = self.ended_seen?;
        let at_first_sight = self.first_seen == Some(ended_seen);
        let earliest = self.version.earliest_end().filter(|_| at_first_sight);
        let is_believed = |end: &f64| is_believed(*end, ended_seen.unix);
        let of_run = self.version.end_of_run().filter(is_believed);
        let known = of_run.or(self.ended_before).or(earliest.filter(is_believed));
        Some(known.unwrap_or(ended_seen.unix))
    }

    /// It ended longer ago than its series are kept.
    pub(super) fn is_past_retention(&self, settings: &Settings, now: Moment) -> bool {
        is_past_retention(self.finished(settings, now), self.status_changed, settings, now)
    }

    /// Status, info and times may be shown: a call that is not too old says so.
    pub(super) fn is_fresh(&self, limits: Limits, now: Moment) -> bool {
        let Confirmed { by_answer, by_list } = self.confirmed;
        by_answer.is_some_and(|at| at.age(now) <= limits.answered)
            || by_list.is_some_and(|at| at.age(now) <= limits.listed)
    }

    /// When a call last said that the version is as it is shown, Unix seconds.
    pub(super) fn confirmed_at(&self) -> f64 {
        let Confirmed { by_answer, by_list } = self.confirmed;
        by_answer.into_iter().chain(by_list).map(|at| at.unix).fold(f64::MIN, f64::max)
    }

    /// Values that came with an answer do not age once the version has ended and is still listed.
    fn carried(&self, seen: Moment, limits: Limits, now: Moment) -> bool {
        self.version.state.terminal || seen.age(now) <= limits.answered
    }

    /// What there is to show of the usage of each task: its newest sample while the version runs and
    /// samples keep coming, mean and maximum of the run.
    pub(super) fn tasks(&self, limits: Limits, now: Moment) -> impl Iterator<Item = TaskView<'_>> {
        let runs = self.version.state.status == Status::Running;
        self.tasks.iter().map(move |TaskState { usage, seen, grown }| {
            let is_fresh = |at: &Moment| at.age(now) <= limits.answered;
            let keeps_coming = runs && is_fresh(seen) && is_fresh(grown);
            TaskView {
                usage,
                sampled: keeps_coming.then_some(grown.unix),
                has_whole_run: self.carried(*seen, limits, now),
            }
        })
    }

    /// The same as a person may want to see it: also what is too old. `is_fresh`: the version itself is
    /// not.
    pub(super) fn see_tasks(
        &self,
        is_fresh: bool,
        limits: Limits,
        now: Moment,
    ) -> impl Iterator<Item = TaskSight<'_>> {
        let views = self.tasks(limits, now);
        self.tasks.iter().zip(views).map(move |(state, view)| TaskSight {
            usage: view.usage,
            grown: state.grown.unix,
            is_fresh: is_fresh && view.has_whole_run,
            is_sampled: is_fresh && view.sampled.is_some(),
        })
    }

    pub(super) fn has_quality(&self, limits: Limits, now: Moment) -> bool {
        self.carried(self.quality_seen, limits, now)
    }
}

/// When a version that is not followed ended, Unix seconds; `None` if it has not. Since when it has been
/// lost is known from what is remembered.
pub(super) fn end_of_unfollowed(
    version: &Version,
    remembered: Option<Remembered>,
    settings: &Settings,
    now: Moment,
) -> Option<f64> {
    let state = version.state;
    let is_as_before = |remembered: &&Remembered| remembered.status == state.status;
    let since = remembered.as_ref().filter(is_as_before).map(|it| it.status_changed);
    let seen = since.unwrap_or(now.unix);
    let is_believed = |end: &f64| is_believed(*end, seen);
    let otherwise = match remembered {
        Some(remembered) => remembered.finished,
        None => version.earliest_end().filter(is_believed),
    };
    let is_lost_for_good = |remembered: &Remembered| {
        let since = remembered.status_changed;
        state.lost
            && remembered.status == state.status
            && (remembered.finished.is_some()
                || now.unix - since >= settings.lost_after.as_secs_f64())
    };
    let has_ended = state.terminal || remembered.as_ref().is_some_and(is_lost_for_good);
    let of_run = version.end_of_run().filter(is_believed);
    has_ended.then(|| of_run.or(otherwise).unwrap_or(now.unix))
}

/// An end may be as the cloud tells it.
fn is_believed(end: f64, seen: f64) -> bool {
    end - seen <= CLOCK_AHEAD.as_secs_f64()
}

/// Whether what ended then ended longer ago than series are kept. A cloud whose clock is ahead of ours
/// says so of a time to come, but it ended no later than we saw that it had.
pub(super) fn is_past_retention(
    end: Option<f64>,
    seen: f64,
    settings: &Settings,
    now: Moment,
) -> bool {
    end.is_some_and(|at| now.unix - at.min(seen) > settings.finished_retention.as_secs_f64())
}

/// The list and the detail of a version each leave something out that does not change over a run.
fn keep_facts(older: &Version, newer: &mut Version) {
    let (old, new) = (&older.facts, &mut newer.facts);
    for (old, new) in [
        (&old.kind, &mut new.kind),
        (&old.engine_name, &mut new.engine_name),
        (&old.engine_version, &mut new.engine_version),
        (&old.flavor, &mut new.flavor),
        (&old.gpu_type, &mut new.gpu_type),
        (&old.npu_type, &mut new.npu_type),
        (&old.pool_name, &mut new.pool_name),
        (&old.pool_id, &mut new.pool_id),
        (&old.user_name, &mut new.user_name),
        (&old.job_desc, &mut new.job_desc),
        (&old.workspace_id, &mut new.workspace_id),
    ] {
        if new.is_empty() && !old.is_empty() {
            new.clone_from(old);
        }
    }
    let (old, new) = (older.resources, &mut newer.resources);
    for (old, new) in [
        (old.workers, &mut new.workers),
        (old.gpus, &mut new.gpus),
        (old.npus, &mut new.npus),
        (old.cpu_cores, &mut new.cpu_cores),
        (old.memory_bytes, &mut new.memory_bytes),
    ] {
        *new = new.or(old);
    }
    if newer.job_name.is_empty() {
        newer.job_name.clone_from(&older.job_name);
    }
    if newer.version_name.is_none() {
        newer.version_name.clone_from(&older.version_name);
    }
    newer.created = newer.created.or(older.created);
    // The list may leave out what these are read from.
    let (old, new) = (&older.execution, &mut newer.execution);
    new.restarts = new.restarts.or(old.restarts);
    if new.tasks.is_empty() {
        new.tasks.clone_from(&old.tasks);
        new.dropped_tasks = old.dropped_tasks;
    }
    if newer.state == older.state && new.is_unexplained() {
        new.failure = old.failure.or(new.failure);
    }
}
