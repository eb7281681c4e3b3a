use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use crate::own::{self, Reading};

use super::dialect::Dialect;
use super::own_text;
use super::piece::Piece;
use super::protobuf;
use super::snapshot::Snapshot;
use super::view::View;

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
