use jiff::Timestamp;
use tokio::time::Instant;

/// Milliseconds in a minute: the cloud makes one sample a minute.
pub(super) const MINUTE: i64 = 60_000;

/// The time the stories follow: real time from the start on, faster, slower or not at all.
#[derive(Debug)]
pub(super) struct Clock {
    epoch: i64,
    started: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that shows `epoch` now and runs `speed` times as fast as real time.
    pub(super) fn new(epoch: Timestamp, speed: f64) -> Self {
        Self { epoch: epoch.as_millisecond(), started: Instant::now(), speed }
    }

    /// What it showed at the start, in milliseconds since 1970.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How many simulated seconds go by in a real one.
    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// What it shows now, in milliseconds since 1970.
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate, which is far enough")]
    pub(super) fn now(&self) -> i64 {
        let elapsed = self.started.elapsed().as_secs_f64() * 1000.0 * self.speed;
        self.epoch.saturating_add(elapsed as i64)
    }
}
