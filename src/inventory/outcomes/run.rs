use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::model::{JobId, Outcome, VersionId};

/// Unix milliseconds, in which the cloud counts. Whole numbers are the same after a restart, so that an
/// end is recognised by its time.
pub(super) type Millis = i64;

/// The nearest millisecond to so many Unix seconds.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and no clock gets there")]
pub(super) fn millis(unix: f64) -> Millis {
    (unix * 1000.0).round() as Millis
}

/// Unix seconds.
pub(super) fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1000.0
}

/// Which version ended, and when. Sorts by finish time, then by version id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Run {
    pub(super) finished: Millis,
    pub(super) job_id: JobId,
    pub(super) version_id: VersionId,
}

/// The fields of a [`Run`], in their order: short, since the state file has many.
type Row = (Millis, JobId, VersionId);

impl From<Row> for Run {
    fn from((finished, job_id, version_id): Row) -> Self {
        Self { finished, job_id, version_id }
    }
}

impl From<Run> for Row {
    fn from(run: Run) -> Self {
        (run.finished, run.job_id, run.version_id)
    }
}

impl Run {
    /// Whether both are of one version, which may have run again.
    pub(super) fn is_of_same_version(&self, other: &Self) -> bool {
        self.job_id == other.job_id && self.version_id == other.version_id
    }

    fn key(&self) -> (Millis, Option<u64>, &VersionId, &JobId) {
        (self.finished, self.version_id.number(), &self.version_id, &self.job_id)
    }
}

impl Ord for Run {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Ends that were counted, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs([u64; Outcome::ALL.len()]);

impl Runs {
    /// How many ended so.
    pub fn of(self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    pub(super) fn count(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }
}
