//! What the request budget can hold, and how far the intervals stretch where it cannot hold them.

use std::time::Duration;

use crate::schedule::Settings;
use crate::schedule::budget::minute_rate;

/// A job the cloud does not know, and a list that costs more than it spares, are asked for so many
/// times less often.
pub(super) const SELDOM: u32 = 10;

/// Where the budget is too small, the list may have this part of it, and own documents of versions as
/// much: together with what the limiter keeps back, polls are at most a sixth slower for it.
const SIDE_PART: f64 = 20.0;

/// A version's own document costs a poll and a request of its own.
const REQUESTS_PER_DETAIL: f64 = 2.0;

/// How often a job is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Class {
    /// On the interval.
    #[default]
    Runs,
    /// On the slower pace of jobs that wait; also those that have ended, where the list does not
    /// show them.
    Slow,
    /// Not at all: it has ended, and the list shows it as it is.
    Rests,
    /// Seldom: the cloud does not know it.
    Gone,
}

/// What there is to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Demand {
    /// Jobs by class.
    pub(super) counts: [usize; 4],
    /// Jobs of which own documents are still to be read.
    pub(super) postponed: usize,
    /// Requests that a poll takes on average, own documents apart.
    pub(super) requests_per_poll: f64,
    /// Requests that a reading of the list takes; 0 where it is not read.
    pub(super) list_pages: usize,
}

impl Demand {
    /// Nothing to ask; a poll is thought to take one request.
    pub(super) fn none() -> Self {
        Self { counts: [0; 4], postponed: 0, requests_per_poll: 1.0, list_pages: 0 }
    }

    pub(super) fn of(&mut self, class: Class) -> &mut usize {
        &mut self.counts[class as usize]
    }

    /// Requests a minute for polls, if nothing stretches.
    fn polls(&self, settings: &Settings) -> f64 {
        let [runs, slow, _, gone] = self.counts;
        let classes = [(runs, Class::Runs), (slow, Class::Slow), (gone, Class::Gone)];
        let polls =
            classes.map(|(jobs, class)| jobs as f64 * per_minute(class_interval(settings, class)));
        polls.iter().sum::<f64>() * self.requests_per_poll
    }
}

/// Between two polls of a job, if nothing stretches.
pub(super) fn class_interval(settings: &Settings, class: Class) -> Duration {
    match class {
        Class::Runs => settings.interval,
        Class::Slow | Class::Rests => settings.pending_interval.max(settings.interval),
        Class::Gone => settings.interval * SELDOM,
    }
}

fn per_minute(interval: Duration) -> f64 {
    60.0 / interval.as_secs_f64()
}

/// How the demand fits into the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// How many times longer every interval of polls is, 1 or more.
    pub(super) stretch: f64,
    /// Between two readings of the list.
    pub(super) list_interval: Duration,
    /// Between two polls that may read own documents; `None`: all may.
    pub(super) between_details: Option<Duration>,
}

impl Fit {
    pub(super) fn new(settings: &Settings, demand: &Demand) -> Self {
        let unstretched =
            Self { stretch: 1.0, list_interval: settings.list_interval, between_details: None };
        let Some(rate) = minute_rate(settings.requests_per_minute) else { return unstretched };
        let polls = demand.polls(settings);
        let list = demand.list_pages as f64 * per_minute(settings.list_interval);
        let side = rate / SIDE_PART;
        let spare = rate - polls - list;
        let slow = class_interval(settings, Class::Slow);
        let details = demand.postponed as f64 * per_minute(slow) * REQUESTS_PER_DETAIL;
        if details <= spare {
            return unstretched;
        }
        let between_details =
            Some(Duration::from_secs_f64(60.0 * REQUESTS_PER_DETAIL / spare.max(side)));
        if spare >= 0.0 {
            return Self { between_details, ..unstretched };
        }
        let details_share = if demand.postponed > 0 { side } else { 0.0 };
        // What polls and details leave: the list is not stretched any less at their cost.
        let list_share = list.min((rate - polls - details_share).max(side));
        let list_stretch = if list_share > 0.0 { list / list_share } else { 1.0 };
        Self {
            stretch: (polls / (rate - list_share - details_share)).max(1.0),
            list_interval: settings.list_interval.mul_f64(list_stretch),
            between_details,
        }
    }
}

/// What it takes to ask about jobs that all run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Requests a minute, were the budget large enough.
    pub requests_per_minute: f64,
    /// Between two polls of a job, as the budget has it.
    pub interval: Duration,
}

/// What so many jobs take beside a list of so many pages. Jobs that wait or have ended take less, and
/// jobs with more versions than fit one answer take more.
pub fn cost(settings: &Settings, jobs: usize, list_pages: usize) -> Cost {
    let mut demand = Demand { list_pages, ..Demand::none() };
    *demand.of(Class::Runs) = jobs;
    let list = list_pages as f64 * per_minute(settings.list_interval);
    Cost {
        requests_per_minute: demand.polls(settings) + list,
        interval: settings.interval.mul_f64(Fit::new(settings, &demand).stretch),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn settings(requests_per_minute: u32) -> Settings {
        Settings {
            interval: MINUTE,
            pending_interval: MINUTE * 2,
            list_interval: MINUTE,
            timeout: Duration::from_secs(10),
            concurrency: 16,
            requests_per_minute,
            discovers: false,
        }
    }

    fn demand(runs: usize, slow: usize, postponed: usize, list_pages: usize) -> Demand {
        let counts = [runs, slow, 0, 0];
        Demand { counts, postponed, requests_per_poll: 1.0, list_pages }
    }

    #[test]
    fn what_the_budget_can_hold_is_not_stretched() {
        let unstretched = Fit { stretch: 1.0, list_interval: MINUTE, between_details: None };
        for (budget, demand) in [
            (0, demand(5000, 5000, 5000, 20)),
            (60, demand(50, 10, 0, 1)),
            (60, demand(10, 10, 10, 1)),
        ] {
            assert_eq!(Fit::new(&settings(budget), &demand), unstretched, "{budget} {demand:?}");
        }
    }

    #[test]
    fn a_small_budget_stretches_within_a_fifth_of_what_the_jobs_alone_would_need() {
        for (jobs, budget) in [(5000, 60), (5000, 600), (200, 60), (20_000, 60)] {
            let demand = demand(jobs, 0, jobs, jobs.div_ceil(1000));
            let fit = Fit::new(&settings(budget), &demand);
            let alone = jobs as f64 / f64::from(budget);
            assert!(fit.stretch > alone && fit.stretch < alone * 1.18, "{fit:?} {alone}");
        }
        // The list alone may be the one that has to give way.
        let fit = Fit::new(&settings(12), &demand(4, 0, 0, 40));
        assert!(fit.stretch <= 1.0 && fit.list_interval > MINUTE * 4, "{fit:?}");
        // Also beside details that were left for later, however few the polls are.
        for runs in [1, 2, 6] {
            let fit = Fit::new(&settings(12), &demand(runs, 0, runs, 40));
            assert!(fit.stretch < 1.2, "{runs}: {fit:?}");
        }
    }

    proptest! {
        #[test]
        fn a_fit_stretches_no_more_than_it_has_to(
            [interval, pending, list] in
                proptest::array::uniform3(prop_oneof![1..120u64, 1..86_400u64]),
            requests_per_minute in prop_oneof![1..100u32, 1..100_000u32],
            counts in proptest::array::uniform4(prop_oneof![0..4usize, 0..20_000usize]),
            postponed in 0..20_000usize,
            requests_per_poll in 1.0..40.0,
            list_pages in 0..=100usize,
        ) {
            let settings = Settings {
                interval: Duration::from_secs(interval),
                pending_interval: Duration::from_secs(pending),
                list_interval: Duration::from_secs(list),
                ..settings(requests_per_minute)
            };
            let demand = Demand { counts, postponed, requests_per_poll, list_pages };
            let fit = Fit::new(&settings, &demand);
            let polls = demand.polls(&settings);
            let rate = minute_rate(requests_per_minute).unwrap();
            let alone = (polls / rate).max(1.0);
            prop_assert!(fit.stretch >= 1.0 && fit.stretch <= alone * 1.12, "{fit:?} {alone}");
            // Everything but details, which take what is left over, fits.
            let list = list_pages as f64 * per_minute(fit.list_interval);
            prop_assert!(polls / fit.stretch + list <= rate * 1.0001, "{fit:?}");
        }
    }

    #[test]
    fn details_have_what_is_left_over_and_a_part_in_any_case() {
        let fit = Fit::new(&settings(60), &demand(0, 0, 5000, 5));
        assert!(fit.stretch <= 1.0);
        let between = fit.between_details.unwrap();
        assert!((between.as_secs_f64() - 120.0 / 53.8).abs() < 0.1, "{between:?}");
        let fit = Fit::new(&settings(60), &demand(5000, 0, 1, 5));
        assert!(fit.between_details.unwrap() < Duration::from_secs(45), "{fit:?}");
    }
}
