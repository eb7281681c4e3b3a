use std::time::Duration;

use crate::model::{JobId, VersionSelection};

/// When one project is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Between two polls of one job.
    pub interval: Duration,
    /// Between two polls of a job that waits for resources.
    pub pending_interval: Duration,
    /// Between two readings of the list of jobs.
    pub list_interval: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// Requests in flight.
    pub concurrency: usize,
    /// Requests a minute; 0 is unlimited.
    pub requests_per_minute: u32,
}

/// A job the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// Its id.
    pub job_id: JobId,
    /// Which of its versions are followed.
    pub versions: VersionSelection,
}
