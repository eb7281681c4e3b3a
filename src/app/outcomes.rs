//! Outcomes on their way to the disk, and from there to the exposition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::app::behind::do_behind;
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

/// How long a start waits for whoever has the file: longer than a stop takes, which another exporter may
/// be at.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks at whether it is ours: short beside a start, and costs one call of the system.
const TURN_AGAIN: Duration = Duration::from_millis(100);

/// A disk that takes no longer than this delays nothing that is shown, and one that does nothing else.
pub(super) const QUICK: Duration = Duration::from_millis(100);

/// A disk that takes longer than this is spoken of: a healthy one has written a hundred megabytes by then.
const SLOW: Duration = Duration::from_secs(5);

/// So many bytes a second are written in the long run: a file of a hundred thousand versions, twenty
/// megabytes, every twenty seconds, which is less than the time between two polls. Without it, a few
/// ends a second would have a disk write a terabyte a day.
const BYTES_PER_SECOND: usize = 1 << 20;

/// Names whose lines are held twice at most.
const PUT_AT_ONCE: usize = 64;

/// Comes first in the key under which the lines of a name stand, which is no id of any job: the
/// project's own lines come before, those of its jobs after.
const NAME_MARK: char = '\0';

/// What is shown of outcomes, and where they survive a restart. Whoever holds it is the only one to
/// have the file written.
pub(super) struct Keeping {
    own: own::Metrics,
    file: Option<Arc<StateFile>>,
    /// What was read from it, of projects that were not taken up yet.
    pub(super) saved: Saved,
    shown: BTreeMap<Arc<str>, Shown>,
    writing: Option<Writing>,
    /// When the last write began.
    tried: Option<Instant>,
    /// Until when the disk is left alone after it.
    rests_until: Option<Instant>,
    /// The last write failed, or takes long, and the log says so.
    is_in_trouble: bool,
}

/// What is to be shown once it is on disk.
struct Writing {
    changes: Vec<Changes>,
    began: Instant,
    /// The length of the file; 0 where nothing had to be written.
    done: Receiver<Result<usize, StateError>>,
}

/// What became of changes.
pub(super) enum Settled {
    /// They are on disk.
    Saved(Vec<Changes>),
    /// They are not, and to be put back.
    Failed(Vec<Changes>),
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

/// Waits until the file is ours, for as long as another exporter may take to stop.
pub(super) async fn take_turn(file: &StateFile) -> anyhow::Result<()> {
    let until = Instant::now() + TURN_WITHIN;
    let mut is_told = false;
    loop {
        match file.lock() {
            Err(error @ StateError::Taken { .. }) if Instant::now() < until => {
                if !std::mem::replace(&mut is_told, true) {
                    info!("{error}; waiting for it");
                }
            }
            Err(error @ StateError::Taken { .. }) => return Err(error.into()),
            // Whoever cannot write a lock cannot write the file either, and is told so then.
            Ok(()) | Err(_) => return Ok(()),
        }
        sleep(TURN_AGAIN).await;
    }
}

impl Keeping {
    /// Nothing is shown, and nothing survives.
    pub(super) fn new(own: own::Metrics) -> Self {
        Self {
            own,
            file: None,
            saved: Saved::default(),
            shown: BTreeMap::new(),
            writing: None,
            tried: None,
            rests_until: None,
            is_in_trouble: false,
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
        self.file = Some(Arc::new(file));
        Ok(())
    }

    /// Has written what is to be shown, unless a write is in flight. With `everything`, also what could
    /// wait. What becomes of it is for [`settled`](Self::settled) to say.
    pub(super) fn begin(&mut self, inventory: &mut Inventory, everything: bool) {
        let outcomes = &mut inventory.outcomes;
        let now = Instant::now();
        let may_write = everything || self.rests_until.is_none_or(|until| now >= until);
        let may_save = everything || self.tried.is_none_or(|at| now - at >= SAVE_EVERY);
        let is_behind = self.file.is_some() && outcomes.is_stale();
        let is_wanted = outcomes.is_changed() || (is_behind && may_save);
        if self.writing.is_some() || !is_wanted {
            return;
        }
        let (told, done) = sync_channel(1);
        let tell = move |written| {
            // Whoever asked is gone only where the process is about to end.
            let _ = told.send(written);
        };
        match self.file.clone().filter(|_| is_behind) {
            // What was read from the disk is on it, and without a file nothing has to be.
            None => tell(Ok(0)),
            Some(_) if !may_write => return,
            Some(file) => {
                self.tried = Some(now);
                let content = outcomes.saved();
                let begun = do_behind(move || tell(file.write(&content)));
                if let Err(error) = begun {
                    // Nobody will tell, which is as much as a failure.
                    warn!(%error, "cannot start a thread");
                }
            }
        }
        self.writing = Some(Writing { changes: outcomes.take(), began: now, done });
    }

    /// What became of the changes whose writing [began](Self::begin); `None` where that is not over
    /// within `patience`.
    pub(super) fn settled(&mut self, patience: Duration) -> Option<Settled> {
        let writing = self.writing.as_ref()?;
        let written = match writing.done.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => {
                let seconds = writing.began.elapsed().as_secs();
                if seconds >= SLOW.as_secs() && !std::mem::replace(&mut self.is_in_trouble, true) {
                    warn!(seconds, "the state file is still being written; outcomes wait for it");
                }
                return None;
            }
            Err(RecvTimeoutError::Disconnected) => Err(anyhow::anyhow!("nobody writes it")),
            Ok(written) => written.map_err(anyhow::Error::from),
        };
        let Writing { changes, .. } = self.writing.take()?;
        let was_in_trouble = std::mem::replace(&mut self.is_in_trouble, written.is_err());
        match written {
            Ok(bytes) => {
                if was_in_trouble {
                    info!("the state file is written again");
                }
                let rest = Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND as f64);
                self.rests_until = Some(Instant::now() + rest);
                Some(Settled::Saved(changes))
            }
            Err(error) => {
                self.own.state_write_failed();
                if !was_in_trouble {
                    let error = format!("{error:#}");
                    warn!(error, "outcomes are not shown until they are on disk");
                }
                self.rests_until = Some(Instant::now() + TRY_AGAIN_AFTER);
                Some(Settled::Failed(changes))
            }
        }
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

    /// Shows nothing more of a project, nor what is being written of it.
    pub(super) fn forget(&mut self, project: &str, store: &Store) {
        if let Some(writing) = &mut self.writing {
            writing.changes.retain(|changes| *changes.project != *project);
        }
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
