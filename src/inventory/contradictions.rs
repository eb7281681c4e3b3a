//! What an answer says that cannot be true beside what was known.

use crate::inventory::outcomes::Remembered;
use crate::model::{Status, Version};
use crate::own::Contradiction;

/// The calls count running time each in its own way, at most a minute apart: the cloud's own step.
const SHORTER_BY: f64 = 60.0;

/// How often each kind was seen.
#[derive(Debug, Default)]
pub(super) struct Contradictions([u64; Contradiction::ALL.len()]);

impl Contradictions {
    pub(super) fn saw(&mut self, kind: Contradiction) {
        self.0[kind as usize] += 1;
    }

    /// Each kind that was seen since the last call, and how often.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Contradiction, u64)> + use<> {
        let seen = std::mem::take(&mut self.0);
        Contradiction::ALL.into_iter().zip(seen).filter(|(_, times)| *times > 0)
    }
}

/// Whether a version that had ended, as last seen or before a restart, has not any more.
pub(super) fn is_restarted(
    known: Option<&Version>,
    remembered: Option<Remembered>,
    newer: &Version,
) -> bool {
    let had_ended = known.is_some_and(|known| known.state.terminal)
        || remembered.is_some_and(|remembered| remembered.finished.is_some());
    let is = newer.state;
    // A status that cannot be read says nothing.
    had_ended && !is.terminal && !is.lost && is.status != Status::Unknown
}

/// Whether the running time of one run went backwards.
pub(super) fn is_shrunk(known: &Version, newer: &Version) -> bool {
    let by = known.duration.zip(newer.duration).map(|(before, now)| before - now);
    // Another start, or none any more, is another run.
    known.started == newer.started && !newer.state.waits() && by.is_some_and(|by| by > SHORTER_BY)
}

/// How many versions, newest first, were created before one with a smaller id, given which of them are
/// new to us: the others were counted when they were.
pub(super) fn out_of_order(versions: &[Version], is_new: impl Fn(&Version) -> bool) -> usize {
    let is_wrong = |pair: &&[Version]| {
        let [newer, older] = pair else { return false };
        newer.version_id.number() < older.version_id.number() && (is_new(newer) || is_new(older))
    };
    versions.windows(2).filter(is_wrong).count()
}
