use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

/// Milliseconds in a minute: the cloud makes one sample a minute.
pub(super) const MINUTE: i64 = 60_000;

/// The time the stories follow: real time from the start on, faster, slower or not at all.
#[derive(Debug)]
pub(super) struct Clock(Mutex<Pace>);

/// Whether a clock can run this many times as fast as real time.
pub(super) fn is_speed(speed: f64) -> bool {
    speed.is_finite() && speed >= 0.0
}

/// How the clock has gone since somebody last set its speed.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// What it showed then.
    from: i64,
    set: Instant,
    speed: f64,
}

impl Pace {
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate, which is far enough")]
    fn now(self) -> i64 {
        let elapsed = self.set.elapsed().as_secs_f64() * 1000.0 * self.speed;
        self.from.saturating_add(elapsed as i64)
    }
}

impl Clock {
    /// A clock that shows `epoch` now and runs `speed` times as fast as real time.
    pub(super) fn new(epoch: Timestamp, speed: f64) -> Self {
        Self(Mutex::new(Pace { from: epoch.as_millisecond(), set: Instant::now(), speed }))
    }

    fn pace(&self) -> Pace {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many simulated seconds go by in a real one.
    pub(super) fn speed(&self) -> f64 {
        self.pace().speed
    }

    /// Goes on from what it shows, at another speed.
    pub(super) fn set_speed(&self, speed: f64) {
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *pace = Pace { from: pace.now(), set: Instant::now(), speed };
    }

    /// What it shows now, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.pace().now()
    }
}
