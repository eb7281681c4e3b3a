use serde::{Deserialize, Serialize};

use super::run::Run;

/// Failures kept one by one: an answer that brings a success after so many later failures is later than
/// any budget makes it.
const KEPT: usize = 64;

/// The failures since the last success.
///
/// Answers come in any order, and a success that is heard of late clears only the failures before it.
/// So the newest failures are kept with their times; older ones are a number, and a success clears all
/// of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Streak {
    /// Oldest first.
    newest: Vec<Run>,
    older: u64,
}

impl Streak {
    pub(super) fn len(&self) -> u64 {
        self.older + self.newest.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn failed(&mut self, run: Run) {
        let at = self.newest.partition_point(|before| *before < run);
        self.newest.insert(at, run);
        if self.newest.len() > KEPT {
            self.newest.remove(0);
            self.older += 1;
        }
    }

    pub(super) fn completed(&mut self, run: &Run) {
        self.newest.retain(|failed| failed > run);
        self.older = 0;
    }

    /// Takes a version out that ended once more.
    pub(super) fn forget(&mut self, run: &Run) {
        self.newest.retain(|failed| !failed.is_of_same_version(run));
    }
}
