use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::cloud::Pace;
use crate::schedule::spent::Spent;

/// A minute's requests are spread over a little more than a minute: what the network delays must not
/// make the cloud count one too many, and a token may come on top.
const SPREAD: Duration = Duration::from_millis(61_200);

/// A request goes out at most this long after it was paid for: a minute's requests are then those of
/// the [spread](SPREAD) minute that they were paid in.
const LATEST_USE: Duration = SPREAD.saturating_sub(Duration::from_mins(1));

/// So large a part of a minute's requests may catch up with a timer that was late.
const CATCH_UP_PART: u32 = 100;

/// A wait for the budget is at least this long, or rounding could make it spin.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// What a budget comes to in requests a minute; `None` is unlimited.
pub(super) fn minute_rate(requests_per_minute: u32) -> Option<f64> {
    let spread = SPREAD.as_secs_f64() / 60.0;
    (requests_per_minute > 0).then(|| f64::from(requests_per_minute) / spread)
}

/// The requests a project may send: evenly spaced, so that no minute ever holds more than the
/// configured number; none at all while the cloud has asked us to wait, and one alone after that.
#[derive(Debug)]
pub struct Budget {
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Duration>>>,
    clock: Steady,
    /// How long what was taken is good for, so that those who had to wait with it, for a token perhaps,
    /// do not go out all at once.
    good_for: Duration,
    requests_per_minute: u32,
    spent: Spent,
    gate: watch::Sender<Gate>,
}

/// What a project makes of its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// What there is; 0 is unlimited.
    pub requests_per_minute: u32,
    /// Requests that went out within the last minute.
    pub last_minute: u32,
    /// The cloud asked for silence, which will last for so long.
    pub held_for: Option<Duration>,
}

/// Whether the cloud lets us ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// It asked for silence.
    HeldUntil(Instant),
    /// The silence is over, and one request is under way to see whether the cloud is content.
    Probing,
}

/// A request that may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Plain,
    /// The first one after a silence: nobody else may ask before it is known what became of it.
    Probe,
}

/// What a request has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Until(Instant),
    ForTheProbe,
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
    pub fn new(requests_per_minute: u32) -> Self {
        let clock = Steady { start: Instant::now() };
        let catch_up = NonZeroU32::new(requests_per_minute / CATCH_UP_PART);
        let spacing = NonZeroU32::new(requests_per_minute).map(|number| SPREAD / number.get());
        let limiter = spacing
            .and_then(Quota::with_period)
            .map(|quota| quota.allow_burst(catch_up.unwrap_or(NonZeroU32::MIN)))
            .map(|quota| RateLimiter::direct_with_clock(quota, clock));
        let good_for = spacing.map_or(Duration::MAX, |spacing| spacing.min(LATEST_USE));
        let gate = watch::Sender::new(Gate::Open);
        Self { limiter, clock, good_for, requests_per_minute, spent: Spent::new(), gate }
    }

    /// What is made of it at present.
    pub fn spending(&self) -> Spending {
        let held_until = match *self.gate.borrow() {
            Gate::HeldUntil(until) => Some(until),
            Gate::Open | Gate::Probing => None,
        };
        Spending {
            requests_per_minute: self.requests_per_minute,
            last_minute: self.spent.in_last_minute(),
            held_for: held_until.and_then(|until| until.checked_duration_since(Instant::now())),
        }
    }

    /// Whether a request for which `pass` was taken at `taken` may still go out.
    fn is_good(&self, pass: Pass, taken: Instant) -> bool {
        let gate = *self.gate.borrow();
        match pass {
            Pass::Plain => gate == Gate::Open && taken.elapsed() <= self.good_for,
            // Nobody else has sent anything since: it does not matter how long ago that was.
            Pass::Probe => gate == Gate::Probing,
        }
    }

    /// Takes one request from the budget, or says what to wait for.
    pub(super) fn take(&self, now: Instant) -> Result<Pass, Wait> {
        match *self.gate.borrow() {
            Gate::HeldUntil(until) if until > now => return Err(Wait::Until(until)),
            Gate::Probing => return Err(Wait::ForTheProbe),
            Gate::HeldUntil(_) | Gate::Open => {}
        }
        if let Some(limiter) = &self.limiter {
            limiter.check().map_err(|refusal| {
                let wait = refusal.earliest_possible().duration_since(self.clock.now());
                Wait::Until(now + Duration::from(wait).max(LEAST_WAIT))
            })?;
        }
        self.pass(now)
    }

    /// Goes through the gate, where nobody else was quicker to ask or was told to be silent.
    fn pass(&self, now: Instant) -> Result<Pass, Wait> {
        let mut taken = Ok(Pass::Plain);
        self.gate.send_if_modified(|gate| {
            match *gate {
                Gate::Open => {}
                Gate::HeldUntil(until) if until > now => taken = Err(Wait::Until(until)),
                Gate::HeldUntil(_) => (*gate, taken) = (Gate::Probing, Ok(Pass::Probe)),
                Gate::Probing => taken = Err(Wait::ForTheProbe),
            }
            false
        });
        taken
    }

    /// Waits until a request may go out, and pays for it: for whoever asks where nothing polls.
    pub async fn pace(self: &Arc<Self>) -> PollPace {
        PollPace::paid(self, self.wait().await)
    }

    /// Waits until a request may go out.
    async fn wait(&self) -> Pass {
        let mut gate = self.gate();
        loop {
            gate.mark_unchanged();
            match self.take(Instant::now()) {
                Ok(pass) => return pass,
                Err(Wait::Until(at)) => sleep_until(at).await,
                // The sender is ours: it does not go away.
                Err(Wait::ForTheProbe) => drop(gate.changed().await),
            }
        }
    }

    /// The cloud asks for silence.
    pub(super) fn hold_until(&self, until: Instant) {
        self.gate.send_if_modified(|gate| {
            *gate = match *gate {
                Gate::HeldUntil(before) => Gate::HeldUntil(before.max(until)),
                Gate::Open | Gate::Probing => Gate::HeldUntil(until),
            };
            true
        });
    }

    /// What the first request after a silence brought was no further refusal.
    fn open(&self) {
        self.gate.send_if_modified(|gate| {
            let probing = *gate == Gate::Probing;
            if probing {
                *gate = Gate::Open;
            }
            probing
        });
    }

    /// Changes when there may be something to do for those who wait for a probe.
    pub(super) fn gate(&self) -> watch::Receiver<Gate> {
        self.gate.subscribe()
    }
}

/// The budget as one poll, or one reading of the list, sees it: its first request was paid for when
/// it was started, and is paid for again where it could not go out in time.
#[derive(Debug)]
pub struct PollPace {
    budget: Arc<Budget>,
    /// What was taken for the first request, and when.
    paid: (Pass, Instant),
    purse: Mutex<Purse>,
}

#[derive(Debug, Default)]
struct Purse {
    /// Requests that went out.
    sent: usize,
    /// The newest request is the first one after a silence.
    probes: bool,
    /// How long the poll has waited for the budget, and since when it does so again.
    waited: Duration,
    waits_since: Option<Instant>,
}

impl PollPace {
    /// With what was taken for the first request.
    pub(super) fn paid(budget: &Arc<Budget>, pass: Pass) -> Self {
        let purse = Purse { probes: pass == Pass::Probe, ..Purse::default() };
        let paid = (pass, Instant::now());
        Self { budget: Arc::clone(budget), paid, purse: Mutex::new(purse) }
    }

    /// How much of the poll was our own waiting, which says nothing about the cloud.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        let purse = self.purse();
        purse.waited + purse.waits_since.map_or(Duration::ZERO, |since| now - since)
    }

    /// Requests that went out so far.
    pub fn sent(&self) -> usize {
        self.purse().sent
    }

    fn purse(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever asks again, or no more, was not told to be silent: that would have ended the poll, and
    /// a pace is kept until the gate is held for what its poll was told.
    fn end_probe(&self) {
        if std::mem::take(&mut self.purse().probes) {
            self.budget.open();
        }
    }
}

impl Pace for PollPace {
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let (pass, taken) = self.paid;
            if self.sent() > 0 {
                self.end_probe();
            } else if self.budget.is_good(pass, taken) {
                self.purse().sent = 1;
                self.budget.spent.count();
                return;
            } else {
                // Of a probe too: the cloud has asked for silence once more.
                self.purse().probes = false;
            }
            let began = Instant::now();
            self.purse().waits_since = Some(began);
            let pass = self.budget.wait().await;
            let mut purse = self.purse();
            purse.waits_since = None;
            purse.waited += began.elapsed();
            purse.sent += 1;
            self.budget.spent.count();
            purse.probes = pass == Pass::Probe;
        })
    }
}

impl Drop for PollPace {
    fn drop(&mut self) {
        self.end_probe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// One request after another, as fast as they may go.
    async fn spend(requests_per_minute: u32, count: usize) -> Vec<Instant> {
        let budget = Budget::new(requests_per_minute);
        let mut sent = Vec::new();
        for _ in 0..count {
            budget.wait().await;
            sent.push(Instant::now());
        }
        sent
    }

    fn most_in_a_minute(sent: &[Instant]) -> usize {
        let within = |&first: &Instant| {
            sent.iter().filter(|&&at| at >= first && at - first < MINUTE).count()
        };
        sent.iter().map(within).max().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_holds_more_than_the_budget_and_all_of_it_is_used() {
        for (budget, count) in [(1, 4), (30, 100), (60, 200), (600, 2000), (6000, 9000)] {
            let sent = spend(budget, count).await;
            let most = most_in_a_minute(&sent);
            assert!(most <= budget as usize, "{most} of {budget}");
            let rate = (count - 1) as f64 / (sent[count - 1] - sent[0]).as_secs_f64() * 60.0;
            assert!(rate >= f64::from(budget) * 0.97, "{rate} of {budget}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_the_cloud_asked_for_is_kept() {
        let budget = Budget::new(0);
        let now = Instant::now();
        assert_eq!(budget.take(now), Ok(Pass::Plain));
        budget.hold_until(now + Duration::from_secs(9));
        budget.hold_until(now + Duration::from_secs(5));
        assert_eq!(budget.take(now), Err(Wait::Until(now + Duration::from_secs(9))));
        assert_eq!(budget.spending().held_for, Some(Duration::from_secs(9)));
        // Another poll is told so after this one has looked at the gate, and before it goes through.
        assert_eq!(budget.pass(now), Err(Wait::Until(now + Duration::from_secs(9))));
        assert_eq!(budget.take(now + Duration::from_secs(9)), Ok(Pass::Probe));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_silence_one_asks_and_the_others_wait_for_what_becomes_of_it() {
        let budget = Arc::new(Budget::new(0));
        let now = Instant::now();
        budget.hold_until(now);
        let probe = PollPace::paid(&budget, budget.take(now).unwrap());
        probe.ready().await;
        let spending = Spending { requests_per_minute: 0, last_minute: 1, held_for: None };
        assert_eq!(budget.spending(), spending);
        assert_eq!(budget.take(now), Err(Wait::ForTheProbe));
        // Refused again: the next one is the probe.
        budget.hold_until(now + MINUTE);
        drop(probe);
        assert_eq!(budget.take(now), Err(Wait::Until(now + MINUTE)));
        let probe = PollPace::paid(&budget, budget.take(now + MINUTE).unwrap());
        probe.ready().await;
        let other = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.wait().await }
        });
        assert_eq!(budget.take(now + MINUTE), Err(Wait::ForTheProbe));
        // It asks again, so it was answered.
        probe.ready().await;
        assert_eq!(other.await.unwrap(), Pass::Plain);
    }

    /// When so many requests went out that were paid for at once, and then all waited for a token.
    async fn sent_after(budget: &Arc<Budget>, count: usize, token: Duration) -> Vec<Instant> {
        let token = Instant::now() + token;
        let mut late = Vec::new();
        for _ in 0..count {
            let pace = PollPace::paid(budget, budget.wait().await);
            late.push(tokio::spawn(async move {
                sleep_until(token).await;
                pace.ready().await;
                (Instant::now(), pace)
            }));
        }
        let mut sent = Vec::new();
        for late in late {
            let (at, pace) = late.await.unwrap();
            drop(pace);
            sent.push(at);
        }
        sent.sort_unstable();
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_were_paid_for_and_then_had_to_wait_do_not_burst() {
        for requests_per_minute in [1, 60, 600] {
            let budget = Arc::new(Budget::new(requests_per_minute));
            let count = requests_per_minute as usize;
            let mut sent = sent_after(&budget, count.min(40), Duration::from_secs(59)).await;
            // And what is paid for after that.
            for _ in 0..count * 2 {
                PollPace::paid(&budget, budget.wait().await).ready().await;
                sent.push(Instant::now());
            }
            let most = most_in_a_minute(&sent);
            assert!(most <= count, "{most} of {requests_per_minute}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_holds_what_was_paid_for_before_it_and_has_not_gone_out() {
        let budget = Arc::new(Budget::new(0));
        let start = Instant::now();
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { sent_after(&budget, 3, Duration::from_secs(5)).await }
        });
        sleep_until(start + Duration::from_secs(1)).await;
        budget.hold_until(start + MINUTE);
        let sent = waiting.await.unwrap();
        assert!(sent.iter().all(|&at| at >= start + MINUTE), "{sent:?} {start:?}");

        // A probe that has not gone out either.
        budget.hold_until(start + MINUTE);
        let probe = PollPace::paid(&budget, budget.take(Instant::now()).unwrap());
        budget.hold_until(start + MINUTE * 3);
        probe.ready().await;
        assert_eq!(start.elapsed(), MINUTE * 3);
        assert_eq!(budget.take(Instant::now()), Err(Wait::ForTheProbe));
    }
}
