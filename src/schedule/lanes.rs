use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

/// A job's place in the poller's list.
pub(super) type Index = usize;

/// What the last poll of a job says about the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not polled yet, or the last poll brought an answer: it gets the benefit of the doubt.
    #[default]
    Good,
    /// The last poll brought nothing.
    Failing,
}

/// Failing jobs may hold one slot in so many: each of them may cost a whole timeout.
const FAILING_PART: usize = 4;

/// The jobs that wait: for their time, and then for a slot in one of two lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: BinaryHeap<Reverse<(Instant, Index)>>,
    good: VecDeque<(Instant, Index)>,
    failing: VecDeque<(Instant, Index)>,
}

/// The slots in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) all: usize,
    pub(super) used: usize,
    pub(super) used_by_failing: usize,
}

impl Slots {
    /// What failing jobs may hold while others are well.
    pub(super) fn for_failing(&self) -> usize {
        (self.all / FAILING_PART).max(1)
    }
}

impl Lanes {
    pub(super) fn wait_until(&mut self, due: Instant, job: Index) {
        self.waiting.push(Reverse((due, job)));
    }

    /// Moves what is due into its lane.
    pub(super) fn sort_in(&mut self, now: Instant, standing: impl Fn(Index) -> Standing) {
        while let Some(&Reverse((due, job))) = self.waiting.peek()
            && due <= now
        {
            self.waiting.pop();
            match standing(job) {
                Standing::Good => self.good.push_back((due, job)),
                Standing::Failing => self.failing.push_back((due, job)),
            }
        }
    }

    /// The job that has been due longest and may have a slot.
    pub(super) fn next(&mut self, slots: Slots, all_fail: bool) -> Option<(Instant, Index)> {
        if slots.used >= slots.all {
            return None;
        }
        let may_fail = all_fail || slots.used_by_failing < slots.for_failing();
        let good = self.good.front().map(|&(due, _)| due);
        let failing = self.failing.front().map(|&(due, _)| due).filter(|_| may_fail);
        let lane = match (good, failing) {
            (None, None) => return None,
            (Some(good), Some(failing)) if failing < good => &mut self.failing,
            (Some(_), _) => &mut self.good,
            (None, Some(_)) => &mut self.failing,
        };
        lane.pop_front()
    }

    /// A job that was taken and could not be started is the next one again.
    pub(super) fn put_back(&mut self, due: Instant, job: Index, standing: Standing) {
        match standing {
            Standing::Good => self.good.push_front((due, job)),
            Standing::Failing => self.failing.push_front((due, job)),
        }
    }

    /// When the next job becomes due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.peek().map(|&Reverse((due, _))| due)
    }

    /// A job that is well has no slot.
    pub(super) fn good_is_waiting(&self) -> bool {
        !self.good.is_empty()
    }

    /// Some job is due.
    pub(super) fn any_is_ready(&self) -> bool {
        !self.good.is_empty() || !self.failing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failing_jobs_hold_a_part_of_the_slots() {
        let start = Instant::now();
        let mut lanes = Lanes::default();
        for job in 0..8 {
            lanes.wait_until(start + Duration::from_secs(job as u64), job);
        }
        let standing = |job| if job < 4 { Standing::Failing } else { Standing::Good };
        lanes.sort_in(start + Duration::from_secs(6), standing);
        let mut slots = Slots { all: 8, used: 0, used_by_failing: 0 };
        let mut started = Vec::new();
        while let Some((_, job)) = lanes.next(slots, false) {
            started.push(job);
            slots.used += 1;
            slots.used_by_failing += usize::from(job < 4);
        }
        assert_eq!(started, [0, 1, 4, 5, 6], "two of eight slots; 7 is not due");
        assert_eq!(
            lanes.next(slots, true).map(|(_, job)| job),
            Some(2),
            "where nobody is well, all slots"
        );
        assert_eq!(lanes.next_due(), Some(start + Duration::from_secs(7)));
        assert!(!lanes.good_is_waiting() && lanes.any_is_ready());
    }
}
