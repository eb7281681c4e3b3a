//! What the list of jobs says of a job, which is all of it or its newest version as far as it goes.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::JobState;
use crate::inventory::answered::Answered;
use crate::inventory::version::Source;
use crate::inventory::{Moment, Settings};
use crate::model::{Activity, Detail, ListedJob, Outlook, State, Version};

/// A list moves the time of a job's last poll no more often; `modelarts:data_age:limit` counts on it.
const SELDOM: Duration = Duration::from_mins(10);

impl JobState {
    /// What is to be asked where a list that is at most `patience` old told all that the job's own
    /// document would.
    pub(in crate::inventory) fn told(&self, patience: Duration, now: Moment) -> Option<Outlook> {
        self.told.filter(|told| told.age(now) <= patience)?;
        let outlook = self.outlook();
        let is_told = |detail: &Detail| matches!(detail, Detail::Usage(_));
        outlook.details.iter().all(is_told).then_some(outlook)
    }

    /// A complete list does not show the job: what an older one told stands no more.
    pub(in crate::inventory) fn not_listed(&mut self) {
        self.told = None;
    }

    /// What the list told is still fresh at the poll after this one.
    pub(in crate::inventory) fn outlives_list(
        &self,
        settings: &Settings,
        list_interval: Duration,
        now: Moment,
    ) -> bool {
        let limit = self.limits(settings, list_interval).listed;
        self.told.is_some_and(|told| told.age(now) + self.interval <= limit)
    }

    /// Takes what the list of jobs, asked for at `asked`, says of this one. Returns whether something
    /// else is to be shown for it.
    pub(in crate::inventory) fn listed(
        &mut self,
        listed: &ListedJob,
        asked: Instant,
        answered: &mut Answered<'_>,
    ) -> bool {
        let now = answered.now;
        let Some(id) = &listed.version_id else { return false };
        if self.gone {
            return false;
        }
        if let Some(answer) = self.last_answer.filter(|answer| answer.steady > asked) {
            // Its own document told as much, and later.
            self.told = listed.whole.as_ref().map(|_| answer);
            return false;
        }
        // What is confirmed now is shown again.
        let was_withdrawn = self.shown.iter().any(|shown| !shown.is_fresh);
        if listed.whole.is_some() {
            self.told = Some(now);
        }
        if self.confirm_ended(listed, now) {
            return self.move_last_success(answered) || was_withdrawn;
        }
        if let Some(whole) = &listed.whole {
            let known = self.versions.get(id).map(|state| &state.version);
            let mut whole = Version::clone(whole);
            whole.state = known.map_or(whole.state, |known| said(whole.state, known.state));
            let is_new = known.is_none_or(|known| differs(known, &whole));
            let others = self.take(vec![whole], Source::List, answered);
            self.only_listed = false;
            self.note_all(&others, answered);
            return self.move_last_success(answered) || is_new || was_withdrawn;
        }
        if self.only_listed {
            // Better known by its id than not at all: the first round may take an hour.
            let version = listed.newest_version();
            let known = self.versions.get(id).map(|state| &state.version);
            let is_new = known.zip(version.as_deref()).is_none_or(|(a, b)| differs(a, b));
            let version = version.map(Cow::into_owned);
            self.take(version.into_iter().collect(), Source::List, answered);
            self.note(id, answered);
            return is_new || was_withdrawn;
        }
        let Some(newest) = self.versions.get_mut(id) else { return false };
        let applied = applied_to(&newest.version, listed);
        let mut changed = was_withdrawn || differs(&newest.version, &applied);
        answered.compare(Some(&newest.version), &applied);
        answered.compare_names(&newest.version, &applied);
        newest.update(applied, Source::List, now);
        self.note(id, answered);
        if self.is_whole(listed) {
            self.confirm_terminal(now);
            changed |= self.move_last_success(answered);
        }
        changed
    }

    /// The list shows a job that has ended as it is known: so it was confirmed, and that is all. The
    /// usual case, of which there may be thousands in each list.
    fn confirm_ended(&mut self, listed: &ListedJob, now: Moment) -> bool {
        if self.only_listed || !self.is_whole(listed) || self.activity() != Activity::Ended {
            return false;
        }
        let newest = listed.version_id.as_ref().and_then(|id| self.versions.get(id));
        if !newest.is_some_and(|newest| says(listed, &newest.version)) {
            return false;
        }
        self.confirm_terminal(now);
        true
    }

    /// The list shows the newest version alone; where their number is the same too, the others are still
    /// there, and an ended one is as it was.
    fn is_whole(&self, listed: &ListedJob) -> bool {
        self.order.first().map(|(newest, _)| newest) == listed.version_id.as_ref()
            && listed.version_count.is_some_and(|count| count == self.order.len() as u64)
    }

    fn confirm_terminal(&mut self, now: Moment) {
        for state in self.versions.values_mut().filter(|state| state.version.state.terminal) {
            state.confirm(Source::List, now);
        }
    }

    /// The list stands for the polls of a job of which nothing is asked, and moves the time of the last
    /// one: as seldom as a value may be old and a rule can know of, or each list would have all their lines
    /// made anew.
    fn move_last_success(&mut self, answered: &Answered<'_>) -> bool {
        let Answered { settings, now, .. } = *answered;
        let often = settings.max_staleness.min(SELDOM);
        let is_old = |at| now.unix - at >= often.as_secs_f64();
        let is_left_to_lists = self.activity() == Activity::Ended
            || (self.told.is_some()
                && self.versions.values().all(|state| state.running_tasks().is_empty()));
        let moves =
            is_left_to_lists && self.success == Some(true) && self.last_success.is_none_or(is_old);
        if moves {
            self.last_success = Some(now.unix);
        }
        moves
    }
}

/// Whether something that is shown of a version is not as it was; `now` is what `known` became by what
/// the list says.
fn differs(known: &Version, now: &Version) -> bool {
    known.state != now.state
        || known.duration != now.duration
        || known.created != now.created
        || known.job_name != now.job_name
        || known.started != now.started
        || known.execution != now.execution
        || known.facts != now.facts
        || known.resources != now.resources
}

/// Whether the list says nothing else of a version than what is known.
fn says(listed: &ListedJob, known: &Version) -> bool {
    listed.state == known.state
        && listed.duration.is_none_or(|duration| known.duration == Some(duration))
        && (listed.created.is_none() || known.created.is_some())
        && (listed.job_name.is_empty() || listed.job_name == known.job_name)
        && listed.whole.as_ref().is_none_or(|whole| {
            let (said, known) = (&whole.execution, &known.execution);
            (said.tasks.is_empty() || said.tasks == known.tasks)
                && (said.is_unexplained() || said.failure == known.failure)
        })
}

/// The version with what the list says of it; the rest of it is as it was. Carries neither usage nor
/// quality, which grow old alone.
fn applied_to(known: &Version, listed: &ListedJob) -> Version {
    let state = said(listed.state, known.state);
    let job_name = if listed.job_name.is_empty() { &known.job_name } else { &listed.job_name };
    Version {
        api: known.api,
        job_id: known.job_id.clone(),
        job_name: job_name.clone(),
        version_id: known.version_id.clone(),
        version_name: known.version_name.clone(),
        state,
        created: known.created.or(listed.created),
        started: known.started,
        duration: listed.duration.or(known.duration),
        facts: known.facts.clone(),
        resources: known.resources,
        execution: known.execution.clone(),
        usage: None,
        quality: None,
    }
}

/// A status that cannot be read is not another status.
fn said(listed: State, known: State) -> State {
    if listed == State::UNREADABLE { known } else { listed }
}
