use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::own::{self, Reading};

use super::dialect::Dialect;
use super::locked;
use super::own_text;
use super::piece::Piece;
use super::protobuf;
use super::snapshot::Snapshot;
use super::view::View;

/// How old our own counters may be in an answer. They change all the time; made anew for every
/// scrape, no two scrapers could share a compressed answer.
pub(super) const OWN_MAX_AGE: Duration = Duration::from_secs(1);

/// What everybody who asks at about the same time is answered from.
pub(super) struct State {
    made: Instant,
    snapshot: Arc<Snapshot>,
    readings: Vec<Reading>,
    /// The readings as written in each dialect, once asked for.
    own: [OnceLock<Arc<Piece>>; Dialect::ALL.len()],
}

impl State {
    /// This snapshot beside our own counters as they stand.
    pub(super) fn new(snapshot: Arc<Snapshot>, own: &own::Metrics) -> Self {
        Self { made: Instant::now(), snapshot, readings: own.read(), own: Default::default() }
    }

    /// When our own counters were read.
    pub(super) fn made(&self) -> Instant {
        self.made
    }

    fn is_young(&self) -> bool {
        self.made.elapsed() < OWN_MAX_AGE
    }

    /// The cloud's families.
    pub(super) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The answer in a dialect, in order. Protobuf takes its time when asked first: run it where
    /// waiting is allowed.
    pub(super) fn pieces(&self, dialect: Dialect, view: &View) -> Vec<Arc<Piece>> {
        let mut pieces = Vec::new();
        for (index, family) in self.snapshot.families().iter().enumerate() {
            if !view.shows(family.name) {
                continue;
            }
            let mut blocks = self.snapshot.blocks(index, view.project()).peekable();
            if blocks.peek().is_none() {
                continue;
            }
            if dialect == Dialect::Protobuf {
                let metrics: Vec<_> = blocks.map(|block| block.protobuf(family.kind)).collect();
                let mut start = Vec::new();
                let size = metrics.iter().map(|metrics| metrics.len()).sum();
                protobuf::write_family_start(&mut start, family, size);
                pieces.push(Arc::new(start.into()));
                pieces.extend(metrics);
            } else {
                pieces.push(Arc::clone(self.snapshot.header(dialect, index)));
                pieces.extend(blocks.map(|block| Arc::clone(block.text())));
            }
        }
        pieces.push(self.own(dialect, view));
        pieces
    }

    /// Our own families, and what ends an answer.
    fn own(&self, dialect: Dialect, view: &View) -> Arc<Piece> {
        let render = |readings: &[Reading]| Arc::new(own_text::render(readings, dialect).into());
        if view.is_whole() {
            return Arc::clone(self.own[dialect as usize].get_or_init(|| render(&self.readings)));
        }
        let shown: Vec<Reading> =
            self.readings.iter().filter_map(|reading| view.of_own(reading)).collect();
        render(&shown)
    }
}

/// Where states come from.
pub(super) struct States {
    own: own::Metrics,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    newest: Mutex<Option<Arc<State>>>,
}

impl States {
    pub(super) fn new(own: own::Metrics, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { own, snapshots, newest: Mutex::default() }
    }

    /// Our own counters.
    pub(super) fn own(&self) -> &own::Metrics {
        &self.own
    }

    /// What is published now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// What is published, again and again.
    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The state to answer from: made anew where the snapshot is a new one or our own counters are
    /// too old.
    pub(super) fn fresh(&self) -> Arc<State> {
        self.newest(|state, snapshot| {
            state.snapshot.number() == snapshot.number() && state.is_young()
        })
    }

    /// A state with our own counters as they are now.
    pub(super) fn renewed(&self) -> Arc<State> {
        self.newest(|_, _| false)
    }

    /// Lets go of a state that is too old to be answered from, and of the blocks that only it holds.
    pub(super) fn forget_old(&self) {
        locked(&self.newest).take_if(|state| !state.is_young());
    }

    fn newest(&self, is_good: impl Fn(&State, &Arc<Snapshot>) -> bool) -> Arc<State> {
        let mut newest = locked(&self.newest);
        let snapshot = self.snapshot();
        match newest.as_ref() {
            Some(state) if is_good(state, &snapshot) => Arc::clone(state),
            _ => Arc::clone(newest.insert(Arc::new(State::new(snapshot, &self.own)))),
        }
    }
}
