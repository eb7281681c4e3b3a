use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::follow;
use crate::inventory::version::VersionState;
use crate::inventory::view::{JobView, UsageNow, VersionView};
use crate::inventory::{Moment, Settings};
use crate::model::{JobId, Polled, Version, VersionId, VersionSelection};

/// What we know of one job.
#[derive(Debug)]
pub(super) struct JobState {
    selection: VersionSelection,
    /// The followed versions. Boxed, because a map makes room for eleven at once and most jobs have
    /// one.
    versions: BTreeMap<VersionId, Box<VersionState>>,
    /// Every version the last answer listed, newest first, with the label it goes by.
    order: Vec<(VersionId, String)>,
    /// Between two polls.
    interval: Duration,
    /// The last one that could be read, of either call.
    last_answer: Option<Moment>,
    /// Whether the last poll brought everything; `None` before the first one.
    success: Option<bool>,
    /// Unix seconds.
    last_success: Option<f64>,
    /// What could be shown at the last tick, in short.
    shown: Vec<Shown>,
}

/// Which parts of a version could be shown: it itself, its newest usage, its whole run, its quality;
/// and whether it had ended and was still kept.
type Shown = [bool; 6];

impl JobState {
    pub(super) fn new(selection: VersionSelection, interval: Duration) -> Self {
        Self {
            selection,
            interval,
            last_answer: None,
            versions: BTreeMap::new(),
            order: Vec::new(),
            success: None,
            last_success: None,
            shown: Vec::new(),
        }
    }

    /// The next answer is read by this selection, and may come as late as this interval says: until then
    /// what is known stays.
    pub(super) fn change(&mut self, selection: VersionSelection, interval: Duration) {
        self.selection = selection;
        self.interval = self.interval.max(interval);
    }

    pub(super) fn was_polled(&self) -> bool {
        self.success.is_some()
    }

    /// Takes a complete list of versions: what is not in it is gone. Returns the followed versions
    /// whose own document has not been read yet.
    pub(super) fn versions(
        &mut self,
        mut listed: Vec<Version>,
        settings: &Settings,
        now: Moment,
    ) -> Vec<VersionId> {
        self.last_answer = Some(now);
        follow::sort_newest_first(&mut listed);
        self.order = labels(&listed);
        let chosen = follow::choose(&self.selection, &listed, &self.versions, settings, now);
        let mut before = std::mem::take(&mut self.versions);
        for version in listed {
            if !chosen.contains(&version.version_id) {
                continue;
            }
            let id = version.version_id.clone();
            let state = match before.remove(&id) {
                Some(mut state) => {
                    state.update(version, now);
                    state
                }
                None => Box::new(VersionState::new(version, now)),
            };
            self.versions.insert(id, state);
        }
        let wanted = self.versions.iter().filter(|(_, state)| !state.has_detail);
        wanted.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn version(&mut self, version: Version, now: Moment) {
        self.last_answer = Some(now);
        if let Some(state) = self.versions.get_mut(&version.version_id) {
            state.update(version, now);
            state.has_detail = true;
        }
    }

    /// Within the last interval, and what an answer may be late.
    pub(super) fn has_answered(&self, late: Duration, now: Moment) -> bool {
        self.last_answer.is_some_and(|at| at.age(now) <= self.interval + late)
    }

    /// Older values are withdrawn.
    fn age_limit(&self, settings: &Settings) -> Duration {
        settings.max_staleness.max(self.interval * 2)
    }

    pub(super) fn polled(&mut self, polled: Polled, interval: Duration, now: Moment) {
        self.interval = interval;
        self.success = Some(polled == Polled::Success);
        match polled {
            Polled::Success => self.last_success = Some(now.unix),
            Polled::Partial | Polled::Failed => {}
            Polled::Gone => {
                self.versions.clear();
                self.order.clear();
            }
        }
    }

    /// Whether something else may be shown than at the last tick.
    pub(super) fn tick(&mut self, settings: &Settings, now: Moment) -> bool {
        let limit = self.age_limit(settings);
        let mut shown = std::mem::take(&mut self.shown);
        let mut changed = shown.len() != self.versions.len();
        shown.resize(self.versions.len(), Shown::default());
        for (before, (id, state)) in shown.iter_mut().zip(&self.versions) {
            let is = [
                state.is_fresh(limit, now),
                state.has_usage_now(limit, now),
                state.has_whole_run(limit, now),
                state.has_quality(limit, now),
                state.has_ended(settings, now),
                self.is_kept(id, state, settings, now),
            ];
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
        !state.is_past_retention(settings, now) || self.rank(id) == Some(0)
    }

    fn rank(&self, id: &VersionId) -> Option<usize> {
        self.order.iter().position(|(listed, _)| listed == id)
    }

    pub(super) fn view<'a>(
        &'a self,
        project: &'a Arc<str>,
        job_id: &'a JobId,
        settings: &Settings,
        now: Moment,
    ) -> JobView<'a> {
        let limit = self.age_limit(settings);
        let versions = self.order.iter().enumerate().filter_map(|(rank, (id, label))| {
            let state = self.versions.get(id)?;
            if !state.is_fresh(limit, now) || !self.is_kept(id, state, settings, now) {
                return None;
            }
            let version = &state.version;
            let usage = version.usage.as_ref();
            Some(VersionView {
                label,
                version,
                rank,
                status_changed: state.status_changed,
                finished: state.finished(settings, now),
                usage_now: usage
                    .filter(|_| state.has_usage_now(limit, now))
                    .map(|usage| UsageNow { usage, last_sample: state.usage_grown.unix }),
                whole_run: usage.filter(|_| state.has_whole_run(limit, now)),
                quality: version.quality.as_ref().filter(|_| state.has_quality(limit, now)),
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
