//! When to ask: a cadence for each job, spread over the interval; a bounded number of polls in flight,
//! of which those that failed last time may hold only a part; the list of jobs, which spares polls; and
//! the request budget that all of it shares.

mod budget;
mod cadence;
mod flights;
mod job;
mod lanes;
mod listing;
mod poll;
mod poller;
mod quotas;
mod settings;
mod shortage;
mod spent;
mod stretch;
#[cfg(test)]
pub(crate) mod tests;
mod trouble;

use std::time::Duration;

use tokio::time::Instant;

pub use budget::{Budget, PollPace, Spending};
pub use listing::is_worth_reading;
pub use poller::Poller;
pub use settings::Settings;
pub use stretch::{Cost, Load, cost};

use crate::model::{JobId, JobList, Outlook, Polled, Quota, TaskUsage, Turnover, Version};
use crate::own::Reason;

/// Where answers go. Called from the tasks that poll; must not wait.
pub trait Ledger: Send + Sync + 'static {
    /// The list of jobs, asked for at `asked`: what was learnt of a job after that is newer. It is due
    /// again in `interval`. Returns whom to follow for it, and whom no more.
    fn listed(&self, list: &JobList, asked: Instant, interval: Duration) -> Turnover;

    /// The list may not be read, whenever it is asked for. Returns as [`listed`](Self::listed).
    fn list_refused(&self) -> Turnover;

    /// A job's complete list of versions. Returns what is still to be asked about it, and how soon.
    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Outlook;

    /// One version's own document.
    fn version(&self, job: &JobId, version: Version);

    /// The usage of one task of a job, asked for at `asked`; `None` where the cloud has nothing to tell of
    /// it.
    fn usage(&self, job: &JobId, task: &str, usage: Option<TaskUsage>, asked: Instant);

    /// What the cloud grants the project, which is asked for again in `interval`; `None`: it does not say.
    fn quotas(&self, quotas: Option<Vec<Quota>>, interval: Duration);

    /// What is to be asked about a job of which the newest list told all that its own document would;
    /// `None` where that is to be asked too.
    fn told(&self, job: &JobId) -> Option<Outlook>;

    /// A poll is over; the next one is due in `interval`.
    fn polled(&self, job: &JobId, polled: Polled, interval: Duration);

    /// What went wrong with a poll of the job that has just ended, or without a job with a reading of the
    /// list; `None`: nothing.
    fn trouble(&self, job: Option<&JobId>, reason: Option<Reason>);

    /// The job is polled in another interval from its next poll on. A longer one is to be believed at
    /// once; what is known stays for as long as a longer one before asked for, until that poll is over.
    fn interval(&self, job: &JobId, interval: Duration);

    /// The list is read in another interval from its next reading on. As with [`interval`](Self::interval),
    /// what it said stays for as long as the longer one asks for.
    fn list_interval(&self, interval: Duration);
}
