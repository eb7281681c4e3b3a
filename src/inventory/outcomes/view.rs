use std::sync::Arc;

use super::run::Runs;
use crate::model::{JobId, Outcome, Scores, Status};

/// What there is to show of the outcomes of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct NameView {
    /// Ends that were counted.
    pub runs: Runs,
    /// The run that ended last; `None` before any ended.
    pub last: Option<LastRun>,
    /// When a run last completed, Unix seconds.
    pub last_completed: Option<f64>,
    /// When a run last failed, Unix seconds.
    pub last_failed: Option<f64>,
    /// Failures since a run last completed.
    pub consecutive_failures: u64,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// Its job.
    pub job_id: JobId,
    /// The label `version`.
    pub version: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// The scores of the completed run of the same name before a version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreviousScores<'a> {
    /// Over all classes.
    pub overall: &'a Scores,
    /// Of each score the lowest that any class had.
    pub worst_class: &'a Scores,
}

/// What is to be shown anew of one project.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The label `project`.
    pub project: Arc<str>,
    /// Counted ends of the whole project.
    pub runs: Runs,
    /// Names without a view are no longer remembered.
    pub names: Vec<(Arc<str>, Option<NameView>)>,
    /// Jobs whose versions may now have other previous scores.
    pub jobs: Vec<JobId>,
}

/// What is remembered of a version beside its outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    /// The last status we saw.
    pub status: Status,
    /// When we first saw it, Unix seconds.
    pub status_changed: f64,
    /// When it ended, Unix seconds, if it has.
    pub finished: Option<f64>,
}
