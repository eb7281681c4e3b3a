use std::time::Duration;

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
    /// The list says which jobs there are: it is read to its end, however many they are.
    pub discovers: bool,
    /// What the cloud grants the project is asked for, too.
    pub asks_quotas: bool,
    /// A poll reads all that there is to read of its job, however much that is: there will be no other.
    pub reads_all: bool,
}
