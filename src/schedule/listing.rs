use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cloud::{Error, Fault, Misread, Reading, TrainingApi};
use crate::model::{JobId, Turnover};
use crate::schedule::Ledger;
use crate::schedule::budget::PollPace;
use crate::schedule::poll::Newest;
use crate::schedule::stretch::SELDOM;

/// Until one was read, a list is thought to take so many requests.
const PAGES_BEFORE_THE_FIRST: usize = 1;

/// Whether a list of so many pages spares more than it costs, where so many jobs are polled.
pub fn is_worth_reading(pages: usize, jobs: usize) -> bool {
    pages <= jobs
}

/// The readings of the list of jobs, one after another.
///
/// The list is read where it has no more pages than there are jobs to poll. Where it has more, polling
/// costs less, and the list is looked at only now and then, at the cost of its first page. Where it is
/// what says which jobs there are, it is read whatever it costs.
pub(super) struct Listing {
    discovers: bool,
    /// A list with more pages is not read, however many jobs it could spare.
    most_pages: usize,
    due: Instant,
    running: JoinSet<ListReport>,
    /// Requests that the whole list takes.
    pages: usize,
    too_long: bool,
    /// How long the last reading took …
    took: Duration,
    /// … and when the newest one began.
    began: Instant,
}

/// What one reading of the list brought.
pub(super) struct ListReport {
    pub(super) asked: Instant,
    pub(super) outcome: Result<Listed, Error>,
    pub(super) misreads: Vec<Misread>,
    pub(super) turnover: Turnover,
    /// To be kept until a silence that it was told to keep holds the others: a probe that ends lets
    /// them ask. `None` where the reading ended early.
    pub(super) pace: Option<PollPace>,
}

/// What the list says, as far as the next polls are concerned.
pub(super) struct Listed {
    pub(super) jobs: HashMap<JobId, Newest>,
    /// A job that is not among them is not listed.
    pub(super) complete: bool,
    pages: usize,
    too_long: bool,
}

impl ListReport {
    fn failed(asked: Instant, error: Error, turnover: Turnover, pace: Option<PollPace>) -> Self {
        Self { asked, outcome: Err(error), misreads: Vec::new(), turnover, pace }
    }
}

impl Listing {
    pub(super) fn new(start: Instant, discovers: bool, most_pages: usize) -> Self {
        let (running, pages) = (JoinSet::new(), PAGES_BEFORE_THE_FIRST);
        let (took, began, due) = (Duration::ZERO, start, start);
        Self { discovers, most_pages, due, running, pages, too_long: false, took, began }
    }

    /// When it is to be read next; `None` while it is being read.
    pub(super) fn due(&self) -> Option<Instant> {
        self.running.is_empty().then_some(self.due)
    }

    /// It is not read before then.
    pub(super) fn put_off(&mut self, until: Instant) {
        self.due = self.due.max(until);
    }

    /// What is between two lists that are asked for in this interval: at least as much as it takes to
    /// read one, which is long where many pages have their turn beside polls.
    pub(super) fn effective(&self, interval: Duration, now: Instant) -> Duration {
        let so_far = if self.running.is_empty() { Duration::ZERO } else { now - self.began };
        interval.max(self.took).max(so_far)
    }

    /// Slots in use.
    pub(super) fn slots(&self) -> usize {
        self.running.len()
    }

    /// Requests that a reading takes; 0 where it is not read.
    pub(super) fn pages(&self) -> usize {
        if self.too_long { 0 } else { self.pages }
    }

    /// Reads it for so many `jobs`.
    pub(super) fn start<A: TrainingApi, L: Ledger>(
        &mut self,
        api: Arc<A>,
        ledger: Arc<L>,
        jobs: usize,
        interval: Duration,
        pace: PollPace,
    ) {
        self.began = Instant::now();
        let Self { discovers, most_pages, .. } = *self;
        let most_pages = if discovers { most_pages } else { most_pages.min(jobs) };
        self.running.spawn(async move {
            read(&*api, &*ledger, most_pages, discovers, interval, pace).await
        });
    }

    /// Ends the reading that is under way; it has ended when this returns.
    pub(super) async fn shut_down(&mut self) {
        self.running.shutdown().await;
    }

    /// The next reading that is over; never, while there is none under way. The one after it is due
    /// in `interval`.
    pub(super) async fn next(&mut self, interval: Duration) -> ListReport {
        let Some(done) = self.running.join_next().await else {
            return std::future::pending().await;
        };
        let now = Instant::now();
        let report = done.unwrap_or_else(|error| {
            let error = Error::Internal(format!("the reading of the list ended early: {error}"));
            ListReport::failed(now, error, Turnover::default(), None)
        });
        if let Ok(listed) = &report.outcome {
            self.took = now - report.asked;
            self.too_long = listed.too_long && !self.discovers;
            self.pages = listed.pages.min(self.most_pages);
        }
        let interval = if self.too_long { interval * SELDOM } else { interval };
        self.due = (report.asked + interval).max(now);
        report
    }
}

async fn read<A: TrainingApi, L: Ledger>(
    api: &A,
    ledger: &L,
    most_pages: usize,
    discovers: bool,
    interval: Duration,
    pace: PollPace,
) -> ListReport {
    let asked = Instant::now();
    let reading = api.list(most_pages, &pace).await;
    let pace = Some(pace);
    match reading {
        Ok(Reading { content: list, mut misreads }) => {
            let too_long = list.pages > most_pages;
            // Of a list without end, what came is there all the same.
            let turnover = if discovers || !too_long {
                ledger.listed(&list, asked, interval)
            } else {
                Turnover::default()
            };
            if discovers && too_long {
                misreads.push(Misread { field: "jobs", fault: Fault::TooLong });
            }
            let jobs = list.jobs.iter().map(|job| (job.job_id.clone(), Newest::listed(job)));
            let listed = Listed {
                jobs: jobs.collect(),
                complete: list.complete,
                pages: list.pages,
                too_long,
            };
            ListReport { asked, outcome: Ok(listed), misreads, turnover, pace }
        }
        Err(error) => {
            let refused = error.is_refusal().then(|| ledger.list_refused());
            ListReport::failed(asked, error, refused.unwrap_or_default(), pace)
        }
    }
}
