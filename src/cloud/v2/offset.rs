//! Where the next page begins.

use std::collections::HashSet;

use crate::model::JobId;

/// What `offset` counts. The documents say pages; older ones say jobs, and so do other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Pages,
    Jobs,
}

/// The offset of the next page of one reading of the list, and what it turned out to count.
#[derive(Debug)]
pub(super) struct Offset {
    unit: Unit,
    next: usize,
    /// The jobs of the first page.
    first: Vec<JobId>,
}

impl Offset {
    /// The start. `counts_jobs`: as it turned out before.
    pub(super) fn start(counts_jobs: bool) -> Self {
        let unit = if counts_jobs { Unit::Jobs } else { Unit::Pages };
        Self { unit, next: 0, first: Vec::new() }
    }

    /// What to ask for.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// It counts jobs.
    pub(super) fn counts_jobs(&self) -> bool {
        self.unit == Unit::Jobs
    }

    /// Takes the page at this offset: its jobs, and how many elements it has.
    pub(super) fn take(&mut self, jobs: Vec<JobId>, listed: usize) {
        if self.unit == Unit::Pages && self.next == 1 && self.is_shifted(&jobs) {
            self.unit = Unit::Jobs;
        }
        if self.next == 0 {
            self.first = jobs;
        }
        self.next += match self.unit {
            Unit::Pages => 1,
            Unit::Jobs => listed,
        };
    }

    /// Most of the first page over again, and something else: one job further on. The first page as a
    /// whole is a gateway's repetition, and a few of its jobs were pushed on by new ones.
    fn is_shifted(&self, jobs: &[JobId]) -> bool {
        let first: HashSet<_> = self.first.iter().collect();
        let again = jobs.iter().filter(|job| first.contains(job)).count();
        again * 2 > first.len() && again < jobs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(ids: impl Iterator<Item = u64>) -> Vec<JobId> {
        ids.map(JobId::from).collect()
    }

    /// The offsets after these pages of at most fifty.
    fn after(pages: &[std::ops::Range<u64>]) -> (usize, bool) {
        let mut offset = Offset::start(false);
        for page in pages {
            let listed = jobs(page.clone());
            let count = listed.len();
            offset.take(listed, count);
        }
        (offset.next(), offset.counts_jobs())
    }

    #[test]
    fn a_second_page_that_is_the_first_moved_on_by_one_is_counted_in_jobs() {
        assert_eq!(after(&[0..50, 1..51]), (51, true));
        assert_eq!(after(&[0..50, 1..51, 51..101]), (101, true));
    }

    #[test]
    fn another_second_page_is_counted_in_pages() {
        assert_eq!(after(&[0..50, 50..100]), (2, false));
        assert_eq!(after(&[3..53, 50..100]), (2, false), "three are new meanwhile");
        assert_eq!(after(&[3..53, 50..54]), (2, false), "and the last page is short");
        assert_eq!(after(&[0..50, 0..50]), (2, false), "a gateway repeats itself");
        assert_eq!(after(&[0..50, 0..0]), (2, false));
    }

    #[test]
    fn what_is_known_saves_the_page_that_tells() {
        let mut offset = Offset::start(true);
        offset.take(jobs(0..50), 50);
        assert_eq!((offset.next(), offset.counts_jobs()), (50, true));
    }
}
