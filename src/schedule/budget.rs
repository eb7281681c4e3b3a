use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use crate::cloud::Pace;

/// The requests a project may send: evenly spaced, so that no minute ever holds more than the
/// configured number, and none at all while the cloud has asked us to wait.
#[derive(Debug)]
pub(super) struct Budget {
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Duration>>>,
    clock: Steady,
    held_until: Mutex<Option<Instant>>,
}

/// The clock of the scheduler, which tests can pause.
#[derive(Clone, Copy, Debug)]
struct Steady {
    start: Instant,
}

impl Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Budget {
    /// `requests_per_minute`: 0 is unlimited.
    pub(super) fn new(requests_per_minute: u32) -> Self {
        let clock = Steady { start: Instant::now() };
        let limiter = NonZeroU32::new(requests_per_minute)
            .and_then(|number| Quota::with_period(Duration::from_mins(1) / number.get()))
            .map(|quota| RateLimiter::direct_with_clock(quota, clock));
        Self { limiter, clock, held_until: Mutex::new(None) }
    }

    /// Takes one request from the budget, or says when to come back.
    pub(super) fn take(&self, now: Instant) -> Result<(), Instant> {
        let held = *self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = held.filter(|&until| until > now) {
            return Err(until);
        }
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check().map_err(|refusal| {
            let wait = refusal.earliest_possible().duration_since(self.clock.now());
            now + Duration::from(wait)
        })
    }

    /// The cloud asks for silence.
    pub(super) fn hold_until(&self, until: Instant) {
        let mut held = self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (*held).max(Some(until));
    }
}

/// The budget as one poll sees it: its first request was paid for when it was started.
#[derive(Debug)]
pub(super) struct PollPace {
    budget: Arc<Budget>,
    purse: Mutex<Purse>,
}

#[derive(Debug, Default)]
struct Purse {
    paid: bool,
    /// How long the poll has waited for the budget, and since when it does so again.
    waited: Duration,
    waits_since: Option<Instant>,
}

impl PollPace {
    pub(super) fn first_paid(budget: &Arc<Budget>) -> Self {
        let purse = Purse { paid: true, ..Purse::default() };
        Self { budget: Arc::clone(budget), purse: Mutex::new(purse) }
    }

    /// How much of the poll was our own waiting, which says nothing about the cloud.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        let purse = self.purse();
        purse.waited + purse.waits_since.map_or(Duration::ZERO, |since| now - since)
    }

    fn purse(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace for PollPace {
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if std::mem::take(&mut self.purse().paid) {
                return;
            }
            let began = Instant::now();
            self.purse().waits_since = Some(began);
            while let Err(at) = self.budget.take(Instant::now()) {
                // At least a tick of the timer, or rounding could make this spin.
                sleep_until(at.max(Instant::now() + Duration::from_millis(1))).await;
            }
            let mut purse = self.purse();
            purse.waits_since = None;
            purse.waited += began.elapsed();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_holds_more_than_the_budget() {
        let budget = Arc::new(Budget::new(30));
        let mut sent = Vec::new();
        for _ in 0..100 {
            let pace = PollPace { budget: Arc::clone(&budget), purse: Mutex::default() };
            pace.ready().await;
            sent.push(Instant::now());
        }
        let most = sent
            .iter()
            .map(|&first| {
                let within = |at: &&Instant| **at >= first && **at < first + Duration::from_mins(1);
                sent.iter().filter(within).count()
            })
            .max();
        assert_eq!(most, Some(30));
        assert!(sent[99] - sent[0] < Duration::from_secs(200), "and the budget is used up");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_the_cloud_asked_for_is_kept() {
        let budget = Budget::new(0);
        let now = Instant::now();
        assert_eq!(budget.take(now), Ok(()));
        budget.hold_until(now + Duration::from_secs(9));
        budget.hold_until(now + Duration::from_secs(5));
        assert_eq!(budget.take(now), Err(now + Duration::from_secs(9)));
        assert_eq!(budget.take(now + Duration::from_secs(9)), Ok(()));
    }
}
