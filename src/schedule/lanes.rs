use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

/// A job's number in the poller; none is given twice.
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

/// The jobs that wait: for their time, and then for a slot in one of two lanes. A third one, before
/// both, is for those of which something new was heard.
///
/// A job may stand here more than once; the poller knows which of its places is the present one.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: BinaryHeap<Reverse<(Instant, Index)>>,
    changed: VecDeque<(Instant, Index)>,
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

    /// The next job whose time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Index)> {
        let &Reverse((due, job)) = self.waiting.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.waiting.pop();
        Some((due, job))
    }

    /// A job waits for a slot.
    pub(super) fn line_up(&mut self, due: Instant, job: Index, standing: Standing) {
        match standing {
            Standing::Good => self.good.push_back((due, job)),
            Standing::Failing => self.failing.push_back((due, job)),
        }
    }

    /// A job is to be asked before all others.
    pub(super) fn put_first(&mut self, due: Instant, job: Index) {
        self.changed.push_back((due, job));
    }

    /// The lane at whose front stands the job that has been due longest and may have a slot.
    pub(super) fn ready(
        &mut self,
        slots: Slots,
        all_fail: bool,
    ) -> Option<&mut VecDeque<(Instant, Index)>> {
        if slots.used >= slots.all {
            return None;
        }
        if !self.changed.is_empty() {
            return Some(&mut self.changed);
        }
        let may_fail = all_fail || slots.used_by_failing < slots.for_failing();
        let good = self.good.front().map(|&(due, _)| due);
        let failing = self.failing.front().map(|&(due, _)| due).filter(|_| may_fail);
        match (good, failing) {
            (None, None) => None,
            (Some(good), Some(failing)) if failing < good => Some(&mut self.failing),
            (Some(_), _) => Some(&mut self.good),
            (None, Some(_)) => Some(&mut self.failing),
        }
    }

    /// The job at the front of that lane leaves it.
    pub(super) fn leave(&mut self, slots: Slots, all_fail: bool) {
        self.ready(slots, all_fail).and_then(VecDeque::pop_front);
    }

    /// When the next job becomes due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.peek().map(|&Reverse((due, _))| due)
    }

    /// A job that is well has no slot.
    pub(super) fn good_is_waiting(&self) -> bool {
        !self.good.is_empty() || !self.changed.is_empty()
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
        let standing = |job: Index| if job < 4 { Standing::Failing } else { Standing::Good };
        while let Some((due, job)) = lanes.pop_due(start + Duration::from_secs(6)) {
            lanes.line_up(due, job, standing(job));
        }
        let mut slots = Slots { all: 8, used: 0, used_by_failing: 0 };
        let mut started = Vec::new();
        while let Some((_, job)) = lanes.ready(slots, false).and_then(VecDeque::pop_front) {
            started.push(job);
            slots.used += 1;
            slots.used_by_failing += usize::from(job < 4);
        }
        assert_eq!(started, [0, 1, 4, 5, 6], "two of eight slots; 7 is not due");
        let next = lanes.ready(slots, true).and_then(VecDeque::pop_front);
        assert_eq!(next.map(|(_, job)| job), Some(2), "where nobody is well, all slots");
        assert_eq!(lanes.next_due(), Some(start + Duration::from_secs(7)));
        assert!(!lanes.good_is_waiting());
        lanes.put_first(start, 9);
        assert!(lanes.good_is_waiting());
        slots.used = 0;
        assert_eq!(lanes.ready(slots, true).map(|lane| lane[0].1), Some(9));
    }
}
