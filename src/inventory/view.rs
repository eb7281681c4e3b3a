use super::outcomes::PreviousScores;
use crate::model::{Quality, Quota, TaskUsage, Version};

/// What there is to show of a project.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectView<'a> {
    /// The label `project`.
    pub name: &'a str,
    /// Some call gave a valid answer within the last interval.
    pub up: bool,
    /// What the cloud grants it.
    pub quotas: &'a [Quota],
}

/// What there is to show of a job: only what is fresh and kept.
#[derive(Clone, Debug)]
pub struct JobView<'a> {
    /// The label `project`.
    pub project: &'a str,
    /// The label `job_id`.
    pub job_id: &'a str,
    /// Newest first.
    pub versions: Vec<VersionView<'a>>,
    /// Whether the last poll brought everything.
    pub poll_success: Option<bool>,
    /// When a poll last did, Unix seconds.
    pub last_success: Option<f64>,
}

/// What there is to show of a version.
#[derive(Clone, Debug)]
pub struct VersionView<'a> {
    /// The label `version`.
    pub label: &'a str,
    /// Status, times, facts and resources are fresh; usage and quality may not be: take them from
    /// the fields below.
    pub version: &'a Version,
    /// 0 is the newest of its job.
    pub rank: usize,
    /// When the present status was first seen, Unix seconds.
    pub status_changed: f64,
    /// When it ended, Unix seconds, estimated.
    pub finished: Option<f64>,
    /// What is known of the usage of its tasks.
    pub tasks: Vec<TaskView<'a>>,
    /// The scores.
    pub quality: Option<&'a Quality>,
    /// What its scores are compared with.
    pub previous: Option<PreviousScores<'a>>,
}

/// What there is to show of the usage of one task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskView<'a> {
    /// The samples, reduced.
    pub usage: &'a TaskUsage,
    /// When the newest sample arrived here, Unix seconds, while the version is running and samples keep
    /// coming; the newest sample is not to be shown otherwise.
    pub sampled: Option<f64>,
    /// Mean and maximum over the run may be shown.
    pub has_whole_run: bool,
}
