//! When to ask: a cadence for each job, spread over the interval; a bounded number of polls in flight,
//! of which those that failed last time may hold only a part; and the request budget of a project.

mod budget;
mod cadence;
mod flights;
mod lanes;
mod poll;
mod poller;
mod settings;
#[cfg(test)]
mod tests;
mod trouble;

use std::time::Duration;

pub use poller::Poller;
pub use settings::{JobSpec, Settings};

use crate::model::{JobId, Polled, Version, VersionId};

/// Where answers go. Called from the tasks that poll; must not wait.
pub trait Ledger: Send + Sync + 'static {
    /// A job's complete list of versions. Returns those whose own document is still wanted.
    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Vec<VersionId>;

    /// One version's own document.
    fn version(&self, job: &JobId, version: Version);

    /// A poll is over; the next one is due in `interval`.
    fn polled(&self, job: &JobId, polled: Polled, interval: Duration);
}
