use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

type Bucket = RateLimiter<
    NotKeyed,
    InMemoryState,
    MonotonicClock,
    NoOpMiddleware<<MonotonicClock as governor::clock::Clock>::Instant>,
>;

/// How often everybody together may ask: a bucket of tokens, one for each request.
#[derive(Debug)]
pub struct RateLimit {
    quota: Quota,
    bucket: Bucket,
}

impl RateLimit {
    /// One token each `interval`, at most `burst` of them at once. `None`: an interval of zero limits
    /// nothing.
    pub fn new(interval: Duration, burst: NonZeroU32) -> Option<Self> {
        let quota = Quota::with_period(interval)?.allow_burst(burst);
        Some(Self { quota, bucket: RateLimiter::direct_with_clock(quota, MonotonicClock) })
    }

    /// Takes a token, or says after how long there is one again.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.bucket.check().map_err(|refusal| refusal.wait_time_from(MonotonicClock.now()))
    }
}

/// The same limit, whatever is left of it.
impl PartialEq for RateLimit {
    fn eq(&self, other: &Self) -> bool {
        self.quota == other.quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_one_is_told_when_to_come_back() {
        let hour = Duration::from_hours(1);
        let limit = RateLimit::new(hour, NonZeroU32::new(2).unwrap()).unwrap();
        assert_eq!([limit.take(), limit.take()], [Ok(()), Ok(())]);
        let wait = limit.take().unwrap_err();
        assert!(wait > hour / 2 && wait <= hour, "{wait:?}");
    }

    #[test]
    fn no_interval_is_no_limit() {
        assert_eq!(RateLimit::new(Duration::ZERO, NonZeroU32::MIN), None);
    }
}
