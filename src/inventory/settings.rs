use std::time::Duration;

/// How long knowledge lasts, for one project.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How long one request may take: an answer may come that much later than the interval says.
    pub timeout: Duration,
    /// Older values are withdrawn (or twice the effective interval of the call, where that is longer).
    pub max_staleness: Duration,
    /// A version that has been LOST this long counts as ended.
    pub lost_after: Duration,
    /// An ended version keeps its series this long.
    pub finished_retention: Duration,
    /// Versions of one job that `all` follows.
    pub versions_per_job: usize,
}
