//! Outcomes on their way to the disk, and from there to the exposition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::exposition::Store;
use crate::inventory::outcomes::{Changes, Runs, Saved};
use crate::inventory::state_file::{Loaded, StateError, StateFile, Unusable};
use crate::inventory::{Inventory, Moment};
use crate::model::{JobId, JobKey};
use crate::{metrics, own};

/// How often what is not shown is saved: who restarts us loses at most so much of it.
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// How long after a failure it is tried again: soon enough for who has just made room, and seldom
/// enough for a disk in trouble.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Names whose lines are held twice at most.
const PUT_AT_ONCE: usize = 64;

/// Comes first in the key under which the lines of a name stand, which is no id of any job: the
/// project's own lines come before, those of its jobs after.
const NAME_MARK: char = '\0';

/// What is shown of outcomes, and where they survive a restart. Whoever holds it is the only one to
/// write the file.
pub(super) struct Keeping {
    own: own::Metrics,
    file: Option<StateFile>,
    /// What was read from it, of projects that were not taken up yet.
    pub(super) saved: Saved,
    shown: BTreeMap<Arc<str>, Shown>,
    tried: Option<Instant>,
    is_failing: bool,
}

/// What is shown of one project.
#[derive(Default)]
struct Shown {
    /// `None` before the project is watched.
    runs: Option<Runs>,
    /// With the series of each.
    names: BTreeMap<Arc<str>, usize>,
    /// Of all names.
    series: usize,
    /// Names that found no room, as last told.
    refused: usize,
}

/// What is to be shown, and what has to be on disk before.
pub(super) struct Due {
    pub(super) changes: Vec<Changes>,
    content: Option<Vec<u8>>,
}

impl Keeping {
    /// Nothing is shown, and nothing survives.
    pub(super) fn new(own: own::Metrics) -> Self {
        Self {
            own,
            file: None,
            saved: Saved::default(),
            shown: BTreeMap::new(),
            tried: None,
            is_failing: false,
        }
    }

    /// Goes on from what the file holds, and keeps it from now on. Fails where it cannot be read: to
    /// begin anew would destroy it.
    pub(super) fn open(&mut self, file: StateFile, now: Moment) -> anyhow::Result<()> {
        let mut unusable = None;
        match file.read(now.unix) {
            Ok(Loaded::Missing) => info!("there is no state file yet"),
            Ok(Loaded::State(saved)) => self.saved = saved,
            Ok(Loaded::SetAside { reason, to }) => {
                unusable = Some(reason);
                let reason = reason.as_str();
                error!(reason, to = %to.display(), "state file set aside; outcomes begin anew");
            }
            Err(error @ StateError::SetAside { reason, .. }) => {
                unusable = Some(reason);
                error!(error = %format!("{:#}", anyhow::Error::from(error)), "outcomes begin anew");
            }
            Err(error) => return Err(error).context("outcomes would begin anew"),
        }
        for reason in Unusable::ALL {
            self.own.state_set_aside(reason.as_str(), unusable == Some(reason));
        }
        self.file = Some(file);
        Ok(())
    }

    /// What there is to do now. With `everything`, also what could wait.
    pub(super) fn due(&self, inventory: &mut Inventory, everything: bool) -> Option<Due> {
        let outcomes = &mut inventory.outcomes;
        let is_due = |pause| everything || self.tried.is_none_or(|at| at.elapsed() >= pause);
        if self.file.is_none() {
            let changes = outcomes.take();
            return (!changes.is_empty()).then_some(Due { changes, content: None });
        }
        let is_wanted = outcomes.is_changed() || (outcomes.is_stale() && is_due(SAVE_EVERY));
        if !is_wanted || (self.is_failing && !is_due(TRY_AGAIN_AFTER)) {
            return None;
        }
        Some(Due { changes: outcomes.take(), content: Some(outcomes.saved()) })
    }

    /// Writes what has to be on disk, which may take a while. Returns whether the rest may be shown; if
    /// not, it is to be put back.
    pub(super) fn write(&mut self, due: &Due) -> bool {
        let (Some(file), Some(content)) = (&self.file, &due.content) else { return true };
        let written = file.write(content);
        self.tried = Some(Instant::now());
        let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
        match written {
            Ok(()) if was_failing => info!("the state file is written again"),
            Ok(()) => {}
            Err(error) => {
                self.own.state_write_failed();
                if !was_failing {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    warn!(error, "outcomes are not shown until they are on disk");
                }
            }
        }
        !self.is_failing
    }

    /// Shows what is on disk. Returns the jobs that may show other scores of the run before now.
    pub(super) fn show(&mut self, changes: Vec<Changes>, store: &Store) -> Vec<JobKey> {
        let mut rescored = Vec::new();
        for Changes { project, runs, names, jobs } in changes {
            let shown = self.shown.entry(Arc::clone(&project)).or_default();
            shown.runs = Some(runs);
            for (place, (name, view)) in names.into_iter().enumerate() {
                let key = of_name(&project, &name);
                let before = if let Some(view) = view {
                    let mut text = store.text();
                    metrics::of_name(&project, &name, &view, &mut text);
                    let series = text.series();
                    store.put(key, text);
                    shown.series += series;
                    shown.names.insert(name, series)
                } else {
                    store.remove(key);
                    shown.names.remove(&name)
                };
                shown.series -= before.unwrap_or_default();
                if place % PUT_AT_ONCE == PUT_AT_ONCE - 1 {
                    store.settle();
                }
            }
            let key = |job_id| JobKey { project: Arc::clone(&project), job_id };
            rescored.extend(jobs.into_iter().map(key));
        }
        rescored
    }

    /// The counted ends of a project, as far as they may be shown.
    pub(super) fn runs(&self, project: &str) -> Option<Runs> {
        self.shown.get(project)?.runs
    }

    /// Series of names that are shown.
    pub(super) fn series(&self) -> usize {
        self.shown.values().map(|shown| shown.series).sum()
    }

    /// Tells how many names of each project found no room.
    pub(super) fn tell_refused(&mut self, inventory: &Inventory) {
        for (project, refused) in inventory.outcomes.refused_names() {
            let before = self.shown.get(project).map_or(0, |shown| shown.refused);
            if refused == before {
                continue;
            }
            self.shown.entry(Arc::clone(project)).or_default().refused = refused;
            if let Some(own) = self.own.known_project(project) {
                own.series_dropped("outcome_names", refused as f64);
            }
        }
    }

    /// Shows nothing more of a project.
    pub(super) fn forget(&mut self, project: &str, store: &Store) {
        for name in self.shown.remove(project).into_iter().flat_map(|shown| shown.names.into_keys())
        {
            store.remove(of_name(project, &name));
        }
    }
}

/// Where the lines of a name stand.
fn of_name(project: &str, name: &str) -> JobKey {
    JobKey { project: project.into(), job_id: JobId::from(format!("{NAME_MARK}{name}")) }
}
