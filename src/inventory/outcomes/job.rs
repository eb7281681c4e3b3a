use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Answer;
use super::run::{Millis, millis};
use crate::model::{Outcome, Status, Version, VersionId};

/// What is remembered of a job, so that each end counts once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// The name its outcomes are kept under; empty before the cloud said one.
    pub(super) name: Arc<str>,
    /// What was there before we watched.
    before: Before,
    /// Since when the cloud does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gone: Option<Millis>,
    pub(super) versions: BTreeMap<VersionId, Mark>,
}

/// Which versions of a job we have not known are older than our watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Before {
    /// The first answer tells.
    Unasked,
    /// Those created by then. The list showed the newest one, with a create time that may be that of the
    /// job: the first answer about the job will tell more.
    Listed(Millis),
    /// None: the job appeared while we watched.
    Nothing,
    /// This one, and every older one.
    UpTo(Age),
}

/// Sorts older versions before newer ones: by create time, then by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Age {
    created: Millis,
    version_id: VersionId,
}

impl Age {
    fn of(version: &Version) -> Self {
        let created = version.created.map(millis).unwrap_or_default();
        Self { created, version_id: version.version_id.clone() }
    }

    fn key(&self) -> (Millis, Option<u64>, &VersionId) {
        (self.created, self.version_id.number(), &self.version_id)
    }
}

/// What is remembered of one version. There may be a hundred thousand, so that the state file has no
/// names of fields for them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Mark {
    created: Millis,
    pub(super) status: Status,
    pub(super) status_changed: Millis,
    /// When it ended, if it ever has.
    pub(super) finished: Option<Millis>,
    end: End,
    /// Since when answers about the whole job do not have it.
    missing: Option<Millis>,
}

/// The fields of a [`Mark`], in their order.
type Row = (Millis, Status, Millis, Option<Millis>, End, Option<Millis>);

impl From<Row> for Mark {
    fn from((created, status, status_changed, finished, end, missing): Row) -> Self {
        Self { created, status, status_changed, finished, end, missing }
    }
}

impl From<Mark> for Row {
    fn from(mark: Mark) -> Self {
        let Mark { created, status, status_changed, finished, end, missing } = mark;
        (created, status, status_changed, finished, end, missing)
    }
}

/// How far a version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    /// It has not ended: its end will count.
    Open,
    /// Its end was taken note of, and nothing it does later counts. `None`: it had ended when we first
    /// saw it, nobody knows how.
    Noted(Option<Outcome>),
    /// The same, and it runs once more.
    Again(Option<Outcome>),
}

/// An end to take note of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) finished: Millis,
    /// It happened under watch, and for the first time.
    pub(super) counts: bool,
}

/// What an answer about one version changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) ended: Option<Ended>,
    /// Anything that the state file keeps.
    pub(super) is_news: bool,
}

impl Job {
    /// A job that was there before we watched, or that has just appeared.
    pub(super) fn new(has_appeared: bool) -> Self {
        Self {
            name: Arc::from(""),
            before: if has_appeared { Before::Nothing } else { Before::Unasked },
            gone: None,
            versions: BTreeMap::new(),
        }
    }

    /// The first answer about a job shows what was there before we watched.
    pub(super) fn asked<'a>(
        &mut self,
        versions: impl Iterator<Item = &'a Version>,
        answer: Answer,
        now: Millis,
    ) {
        let by = match (&self.before, answer) {
            (Before::Unasked, _) => Millis::MAX,
            (&Before::Listed(by), Answer::Whole) => by,
            (Before::Listed(_), Answer::Part) | (Before::Nothing | Before::UpTo(_), _) => return,
        };
        let ages = versions.map(Age::of).filter(|age| age.created <= by);
        let newest = ages.max_by(|a, b| a.key().cmp(&b.key()));
        self.before = match (newest, answer) {
            (newest, Answer::Part) => {
                Before::Listed(newest.map_or(now, |newest| newest.created.max(now)))
            }
            (Some(newest), Answer::Whole) => Before::UpTo(newest),
            (None, Answer::Whole) if by < Millis::MAX => Before::Listed(by),
            (None, Answer::Whole) => Before::Nothing,
        };
    }

    /// Takes an answer about one version. `watched`: had it appeared since the last answer, we would
    /// know that it did.
    pub(super) fn seen(
        &mut self,
        version: &Version,
        finished: Option<Millis>,
        watched: bool,
        now: Millis,
    ) -> Step {
        let outcome = Outcome::of(version.state);
        let is_ours = watched && self.has_appeared(version);
        let status = version.state.status;
        let is_new = !self.versions.contains_key(&version.version_id);
        let mark = self.versions.entry(version.version_id.clone()).or_insert_with(|| Mark {
            created: version.created.map(millis).unwrap_or_default(),
            status,
            status_changed: now,
            finished: None,
            // What appeared and ended between two answers was open in between.
            end: if finished.is_none() || is_ours { End::Open } else { End::Again(None) },
            missing: None,
        });
        let mut step = Step { ended: None, is_news: is_new || mark.missing.take().is_some() };
        if mark.status != status {
            mark.status = status;
            mark.status_changed = now;
            step.is_news = true;
        }
        step.ended = mark.step(outcome, finished);
        step.is_news |= step.ended.is_some();
        step
    }

    /// Whether a version we have not known appeared under watch.
    fn has_appeared(&self, version: &Version) -> bool {
        match &self.before {
            Before::Unasked => false,
            Before::Nothing => true,
            Before::Listed(by) => Age::of(version).created > *by,
            Before::UpTo(newest) => Age::of(version).key() > newest.key(),
        }
    }

    /// An answer had all versions of the job. Returns whether one was missed that had been there.
    pub(super) fn miss(&mut self, there: &BTreeSet<&VersionId>, now: Millis) -> bool {
        let mut is_news = false;
        for (id, mark) in &mut self.versions {
            if mark.missing.is_none() && !there.contains(id) {
                mark.missing = Some(now);
                is_news = true;
            }
        }
        is_news
    }

    /// Forgets versions that have been missing since then. Should one come back after all, it is no
    /// newer than what was there before. Returns whether there were any.
    pub(super) fn forget(&mut self, missing_by: Millis) -> bool {
        let count = self.versions.len();
        let before = &mut self.before;
        self.versions.retain(|id, mark| {
            let is_kept = mark.missing.is_none_or(|since| since > missing_by);
            if !is_kept {
                let age = Age { created: mark.created, version_id: id.clone() };
                let is_before = match &*before {
                    Before::UpTo(newest) => newest.key() >= age.key(),
                    Before::Listed(by) => *by >= age.created,
                    Before::Unasked | Before::Nothing => false,
                };
                if !is_before {
                    *before = Before::UpTo(age);
                }
            }
            is_kept
        });
        self.versions.len() != count
    }

    /// When the last of its versions ended.
    pub(super) fn last_finished(&self) -> Option<Millis> {
        self.versions.values().filter_map(|mark| mark.finished).max()
    }
}

impl Mark {
    /// Whether it ended, and stays so.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.end, End::Noted(_))
    }

    fn step(&mut self, outcome: Option<Outcome>, finished: Option<Millis>) -> Option<Ended> {
        let Some(finished) = finished else {
            if let End::Noted(outcome) = self.end {
                self.end = End::Again(outcome);
            }
            return None;
        };
        let Some(outcome) = outcome else {
            // What it was before stands: a deletion that failed ends nothing.
            if let End::Again(before) = self.end {
                self.end = End::Noted(before);
            }
            return None;
        };
        let counts = self.end == End::Open;
        if self.end == End::Noted(Some(outcome)) {
            return None;
        }
        self.end = End::Noted(Some(outcome));
        self.finished = Some(finished);
        Some(Ended { outcome, finished, counts })
    }
}
