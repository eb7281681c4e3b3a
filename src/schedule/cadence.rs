use std::time::Duration;

use tokio::time::Instant;

/// A tick less than this part of an interval away comes shortly.
const SHORTLY: u32 = 5;

/// The ticks of one job: its own phase within the interval, and from there one tick an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cadence {
    /// The tick that is due, or the last one that was served.
    tick: Instant,
}

impl Cadence {
    /// The first tick comes after this share of the interval that follows `start`.
    pub(super) fn new(start: Instant, interval: Duration, share: f64) -> Self {
        Self { tick: start + interval.mul_f64(share) }
    }

    /// A tick that comes shortly after `now` is left out: its job has just had its turn, and others wait
    /// for theirs.
    pub(super) fn leave_out_next(&mut self, now: Instant, interval: Duration) {
        if self.tick > now && self.tick < now + interval / SHORTLY {
            self.tick += interval;
        }
    }

    /// The ticks before `until` are left out, because its job is not to be asked until then: nobody missed
    /// them. The ticks after it stay where they are, so that jobs which are put off together come apart
    /// again.
    pub(super) fn leave_out_until(&mut self, until: Instant, interval: Duration) {
        let ahead = until.saturating_duration_since(self.tick).as_nanos();
        let ticks = ahead.div_ceil(interval.as_nanos().max(1));
        self.tick += interval * u32::try_from(ticks).unwrap_or(u32::MAX);
    }

    /// The tick that is due comes earlier.
    pub(super) fn bring_forward(&mut self, tick: Instant) {
        self.tick = self.tick.min(tick);
    }

    /// The next tick after `now`, and how many passed unserved since the last one.
    ///
    /// Who is a whole interval late or more takes the tick from now on: with its old one it could fall
    /// due again before those that are as late have had their turn.
    pub(super) fn next(&mut self, now: Instant, interval: Duration) -> (Instant, u64) {
        if self.tick > now {
            return (self.tick, 0);
        }
        let behind = now - self.tick;
        let passed = behind.as_nanos() / interval.as_nanos().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tick = if passed == 0 { self.tick } else { now } + interval;
        (self.tick, u64::from(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn jobs_are_spread_and_missed_ticks_are_counted() {
        let start = Instant::now();
        let mut third = Cadence::new(start, MINUTE, 0.75);
        assert_eq!(third.next(start, MINUTE), (start + Duration::from_secs(45), 0));
        let at = start + Duration::from_secs(46);
        assert_eq!(third.next(at, MINUTE), (start + Duration::from_secs(105), 0));
        let late = start + Duration::from_secs(105 + 125);
        assert_eq!(third.next(late, MINUTE), (late + MINUTE, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_interval_moves_the_ticks_apart() {
        let start = Instant::now();
        let mut only = Cadence::new(start, MINUTE, 1.0);
        let (first, _) = only.next(start, MINUTE);
        assert_eq!(only.next(first, MINUTE * 3), (first + MINUTE * 3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_shortly_after_a_turn_can_be_left_out() {
        let start = Instant::now();
        let mut job = Cadence::new(start, MINUTE, 0.25);
        job.leave_out_next(start, MINUTE);
        assert_eq!(job.next(start, MINUTE).0, start + MINUTE / 4);
        job.leave_out_next(start + Duration::from_secs(4), MINUTE);
        assert_eq!(job.next(start, MINUTE).0, start + MINUTE * 5 / 4);
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_that_are_left_out_are_not_missed_and_move_no_other() {
        let start = Instant::now();
        let mut job = Cadence::new(start, MINUTE, 0.25);
        job.leave_out_until(start + MINUTE * 10, MINUTE);
        assert_eq!(job.next(start + MINUTE * 10, MINUTE), (start + MINUTE * 41 / 4, 0));
        job.leave_out_until(start + MINUTE * 10, MINUTE);
        assert_eq!(job.next(start + MINUTE * 12, MINUTE), (start + MINUTE * 13, 1));
    }
}
