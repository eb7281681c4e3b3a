//! Lists of jobs, which come page by page.

use std::collections::HashSet;

use crate::cloud::{Fault, Misread, Reading};
use crate::model::{JobId, JobList, ListedJob};

/// The jobs in one answer.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) jobs: Reading<Vec<ListedJob>>,
    /// Elements of the page, also those that could not be read.
    pub(super) listed: usize,
    /// How many jobs there are in all.
    pub(super) total: Option<usize>,
}

/// The pages of one reading of the list.
///
/// Jobs come and go between two pages, and gateways repeat pages: each job is taken once, and the
/// count the cloud gives tells whether any is missing.
#[derive(Debug)]
pub(super) struct Pages {
    /// Jobs of a full one.
    size: usize,
    /// How many were read.
    pub(super) read: usize,
    jobs: Vec<ListedJob>,
    seen: HashSet<JobId>,
    misreads: Vec<Misread>,
    total: Option<usize>,
    /// What is listed changed while it was read, or cannot all be told.
    shifted: bool,
    /// Elements that cannot be read: they are there all the same.
    unreadable: usize,
}

impl Pages {
    /// None yet, of so many jobs each.
    pub(super) fn of(size: usize) -> Self {
        Self {
            size,
            read: 0,
            jobs: Vec::new(),
            seen: HashSet::new(),
            misreads: Vec::new(),
            total: None,
            shifted: false,
            unreadable: 0,
        }
    }

    /// Takes one page. Returns whether it is the last one.
    pub(super) fn take(&mut self, page: Page) -> bool {
        let known = self.seen.len();
        self.read += 1;
        self.misreads.extend(page.jobs.misreads);
        self.shifted |= self.read > 1 && self.total != page.total;
        self.total = page.total;
        let unreadable = page.listed - page.jobs.content.len();
        self.unreadable += unreadable;
        self.shifted |= unreadable > 0;
        for job in page.jobs.content {
            if self.seen.insert(job.job_id.clone()) {
                self.jobs.push(job);
            } else {
                self.shifted = true;
            }
        }
        // A page that brings nothing new is the last one repeated.
        page.listed < self.size || self.has_all() == Some(true) || self.seen.len() == known
    }

    /// Whether as many jobs came as there are, where the cloud says how many.
    fn has_all(&self) -> Option<bool> {
        self.total.map(|total| self.seen.len() + self.unreadable >= total)
    }

    /// Requests that the whole list takes, as far as is known.
    pub(super) fn all(&self) -> usize {
        self.total.map_or(self.read, |total| total.div_ceil(self.size)).max(1)
    }

    /// What came; `to_the_end`: no page was left out on purpose.
    pub(super) fn end(mut self, to_the_end: bool) -> Reading<JobList> {
        let complete = to_the_end && self.has_all() != Some(false);
        if to_the_end && !complete {
            self.misreads.push(Misread { field: "jobs", fault: Fault::Missing });
        }
        let pages = self.all().max(self.read);
        let content = JobList { jobs: self.jobs, complete, settled: !self.shifted, pages };
        Reading { content, misreads: self.misreads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    fn page(ids: impl Iterator<Item = u64>, total: Option<usize>) -> Page {
        let jobs: Vec<_> = ids.map(job).collect();
        Page { listed: jobs.len(), jobs: Reading { content: jobs, misreads: Vec::new() }, total }
    }

    fn job(id: u64) -> ListedJob {
        ListedJob {
            job_id: JobId::from(id),
            job_name: String::new(),
            version_id: None,
            state: State::from_v1(8),
            created: None,
            duration: None,
            version_count: None,
            whole: None,
        }
    }

    #[test]
    fn pages_end_and_every_job_is_taken_once() {
        let mut pages = Pages::of(4);
        assert!(!pages.take(page(0..4, Some(10))));
        assert!(!pages.take(page(3..7, Some(10))), "one slid to the next page");
        assert!(pages.take(page(7..10, Some(10))));
        let list = pages.end(true).content;
        assert_eq!((list.jobs.len(), list.complete, list.pages), (10, true, 3));
        assert!(!list.settled && !list.proves_absence());

        let mut exact = Pages::of(4);
        assert!(
            exact.take(page(0..4, Some(4))),
            "as many as there are: no empty page is asked for"
        );
        assert!(exact.end(true).content.proves_absence());
        let mut deleted = Pages::of(4);
        assert!(!deleted.take(page(0..4, Some(9))));
        // 2 was deleted, so that 4 slid to the page that was read before.
        assert!(deleted.take(page(5..9, Some(8))));
        let list = deleted.end(true).content;
        assert!(list.complete && !list.settled, "4 is there all the same");
        let mut uncounted = Pages::of(4);
        assert!(!uncounted.take(page(0..4, None)));
        assert!(uncounted.take(page(4..6, None)));
        assert!(uncounted.end(true).content.complete);
    }

    #[test]
    fn pages_that_repeat_or_are_missing_make_an_incomplete_list() {
        let mut endless = Pages::of(4);
        assert!(!endless.take(page(0..4, Some(8))));
        assert!(endless.take(page(0..4, Some(12))));
        let endless = endless.end(true);
        assert!(!endless.content.complete);
        assert_eq!(endless.misreads, [Misread { field: "jobs", fault: Fault::Missing }]);
        let mut skipped = Pages::of(4);
        assert!(!skipped.take(page(0..4, Some(10))));
        assert!(skipped.take(page(8..10, Some(10))));
        assert!(!skipped.end(true).content.complete);
        let mut long = Pages::of(4);
        assert!(!long.take(page(0..4, Some(40))));
        assert_eq!(long.all(), 10);
        let given_up = long.end(false);
        assert_eq!((given_up.content.complete, given_up.content.pages), (false, 10));
        assert_eq!(given_up.misreads, [], "it was not read on purpose");
    }
}
