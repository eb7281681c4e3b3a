use crate::model::{Quality, Scores, Usage, Version};

/// What there is to show of a project.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectView<'a> {
    /// The label `project`.
    pub name: &'a str,
    /// Some call gave a valid answer within the last interval.
    pub up: bool,
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
#[derive(Clone, Copy, Debug)]
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
    /// The newest samples, while it is running and they keep coming.
    pub usage_now: Option<UsageNow<'a>>,
    /// Mean and maximum over the run.
    pub whole_run: Option<&'a Usage>,
    /// The scores.
    pub quality: Option<&'a Quality>,
    /// The overall scores of the completed run before it, of the same name.
    pub previous: Option<&'a Scores>,
}

/// Samples that are still true.
#[derive(Clone, Copy, Debug)]
pub struct UsageNow<'a> {
    /// The samples.
    pub usage: &'a Usage,
    /// When the newest one arrived here, Unix seconds.
    pub last_sample: f64,
}
