//! What the request budget can hold, and how far the intervals stretch where it cannot hold them.

use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

use crate::schedule::budget::minute_rate;
use crate::schedule::{Settings, quotas};

/// A job the cloud does not know, and a list that costs more than it spares, are asked for so many
/// times less often.
pub(super) const SELDOM: u32 = 10;

/// Where the budget is too small, the list may have this part of it, and own documents of versions as
/// much: together with what the limiter keeps back, polls are at most a sixth slower for it.
const SIDE_PART: f64 = 20.0;

/// A budget of which no more than this part is asked for suffices, and will with a few jobs more.
const AMPLE_PART: f64 = 0.8;

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demand {
    pub(super) classes: [Jobs; 4],
    /// What is read once and was left for later.
    pub(super) postponed: Postponed,
    /// Requests that a reading of the list takes; 0 where it is not read.
    pub(super) list_pages: usize,
    /// Requests a minute for quotas, which nothing stretches.
    pub(super) quotas: f64,
}

/// The jobs of a class. What a poll of one takes is counted, not guessed from what polls took of late:
/// of v2's jobs one may take 32 times as many requests as the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Jobs {
    count: usize,
    /// Those of which it is known how many requests a poll takes …
    known: usize,
    /// … and how many those are, together. Details apart.
    requests: f64,
}

/// What is read once and was left for later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Postponed {
    pub(super) details: usize,
    /// What they take, together.
    pub(super) requests: usize,
}

/// So large a part of what is left over is for details: the closer to all of it, the longer polls wait
/// for those that are under way.
const DETAILS_PART: f64 = 0.5;

/// Before one was postponed, a detail is thought to take a poll and a request of its own.
const REQUESTS_PER_DETAIL: f64 = 2.0;

impl Postponed {
    /// So many requests each takes.
    fn each(self) -> f64 {
        match self.details {
            0 => REQUESTS_PER_DETAIL,
            details => self.requests as f64 / details as f64,
        }
    }
}

impl AddAssign for Postponed {
    fn add_assign(&mut self, other: Self) {
        self.details += other.details;
        self.requests += other.requests;
    }
}

impl SubAssign for Postponed {
    fn sub_assign(&mut self, other: Self) {
        self.details -= other.details;
        self.requests -= other.requests;
    }
}

impl Demand {
    /// One more job, a poll of which takes so many requests; `None`: that is not known yet.
    pub(super) fn add(&mut self, class: Class, requests: Option<usize>) {
        let jobs = &mut self.classes[class as usize];
        jobs.count += 1;
        jobs.known += usize::from(requests.is_some());
        jobs.requests += requests.unwrap_or_default() as f64;
    }

    /// The reverse of [`add`](Self::add).
    pub(super) fn remove(&mut self, class: Class, requests: Option<usize>) {
        let jobs = &mut self.classes[class as usize];
        jobs.count -= 1;
        jobs.known -= usize::from(requests.is_some());
        jobs.requests -= requests.unwrap_or_default() as f64;
    }

    /// Requests a minute for polls, if nothing stretches. Jobs not yet known are like the others, or take one.
    fn polls(&self, settings: &Settings) -> f64 {
        let [runs, slow, _, gone] = self.classes;
        let classes = [(runs, Class::Runs), (slow, Class::Slow), (gone, Class::Gone)];
        let known: usize = classes.iter().map(|(jobs, _)| jobs.known).sum();
        let requests: f64 = classes.iter().map(|(jobs, _)| jobs.requests).sum();
        let usual = if known > 0 { requests / known as f64 } else { 1.0 };
        let polls = classes.map(|(jobs, class)| {
            let requests = jobs.requests + (jobs.count - jobs.known) as f64 * usual;
            requests * per_minute(class_interval(settings, class))
        });
        polls.iter().sum()
    }

    /// Requests a minute for the list, if nothing stretches.
    fn list(&self, settings: &Settings) -> f64 {
        self.list_pages as f64 * per_minute(settings.list_interval)
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

pub(super) fn per_minute(interval: Duration) -> f64 {
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
        let rate = rate - demand.quotas;
        let polls = demand.polls(settings);
        let list = demand.list(settings);
        let side = rate / SIDE_PART;
        let spare = rate - polls - list;
        let slow = class_interval(settings, Class::Slow);
        let details = demand.postponed.requests as f64 * per_minute(slow);
        if details <= spare {
            return unstretched;
        }
        let leftover = (spare * DETAILS_PART).max(side);
        let between_details =
            Some(Duration::from_secs_f64(60.0 * demand.postponed.each() / leftover));
        if spare >= 0.0 {
            return Self { between_details, ..unstretched };
        }
        let details_share = if demand.postponed.details > 0 { side } else { 0.0 };
        // What polls and details leave: the list is not stretched any less at their cost.
        let list_share = list.min((rate - polls - details_share).max(side));
        let list_stretch = if list_share > 0.0 { list / list_share } else { 1.0 };
        Self {
            stretch: (polls / (rate - list_share - details_share)).max(1.0),
            list_interval: settings.list_interval.mul_f64(list_stretch),
            between_details,
        }
    }

    /// Whether the budget is larger than it has to be for every interval.
    pub(super) fn is_ample(settings: &Settings, demand: &Demand) -> bool {
        let Some(rate) = minute_rate(settings.requests_per_minute) else { return true };
        demand.polls(settings) + demand.list(settings) + demand.quotas <= rate * AMPLE_PART
    }
}

/// What there is to ask once every job is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Jobs that run, or may.
    pub running: usize,
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs that have ended, and are polled because the list does not show them. What it shows costs
    /// nothing.
    pub ended: usize,
    /// Jobs the cloud does not know.
    pub gone: usize,
    /// Requests that a poll takes on average.
    pub requests_per_poll: f64,
    /// Requests that polls of all jobs that run take together, where each asks for all its tasks.
    pub running_requests: Option<usize>,
    /// Requests that a reading of the list takes; 0 where it is not read.
    pub list_pages: usize,
}

impl Load {
    /// So many jobs that all run, each with no more versions than fit one answer.
    pub fn running(jobs: usize, list_pages: usize) -> Self {
        let (waiting, ended, gone, requests_per_poll) = (0, 0, 0, 1.0);
        let running_requests = None;
        Self {
            running: jobs,
            waiting,
            ended,
            gone,
            requests_per_poll,
            running_requests,
            list_pages,
        }
    }
}

/// What a load takes: requests a minute, were the budget large enough, and what the budget makes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// For jobs that run.
    pub running: f64,
    /// For jobs that wait.
    pub waiting: f64,
    /// For jobs that have ended.
    pub ended: f64,
    /// For jobs the cloud does not know.
    pub gone: f64,
    /// For the list.
    pub list: f64,
    /// For quotas.
    pub quotas: f64,
    /// Between two polls of a job that runs, as the budget has it.
    pub interval: Duration,
    /// Between two readings of the list, as the budget has it.
    pub list_interval: Duration,
}

impl Cost {
    /// All requests a minute.
    pub fn requests_per_minute(&self) -> f64 {
        self.running + self.waiting + self.ended + self.gone + self.list + self.quotas
    }
}

/// What a load takes; own documents of versions, which are read once, apart.
pub fn cost(settings: &Settings, load: &Load) -> Cost {
    let Load { running, waiting, ended, gone, requests_per_poll, running_requests, list_pages } =
        *load;
    let requests = |jobs: usize| jobs as f64 * requests_per_poll;
    let of_running = running_requests.map_or(requests(running), |all| all as f64);
    let a_minute = |requests: f64, class| requests * per_minute(class_interval(settings, class));
    let polls = |jobs: usize, class| a_minute(requests(jobs), class);
    let jobs = |count, requests| Jobs { count, known: count, requests };
    let slow = waiting + ended;
    let classes = [
        jobs(running, of_running),
        jobs(slow, requests(slow)),
        Jobs::default(),
        jobs(gone, requests(gone)),
    ];
    let quotas = if settings.asks_quotas { per_minute(quotas::INTERVAL) } else { 0.0 };
    let demand = Demand { classes, list_pages, quotas, ..Demand::default() };
    let fit = Fit::new(settings, &demand);
    Cost {
        running: a_minute(of_running, Class::Runs),
        waiting: polls(waiting, Class::Slow),
        ended: polls(ended, Class::Slow),
        gone: polls(gone, Class::Gone),
        list: demand.list(settings),
        quotas,
        interval: settings.interval.mul_f64(fit.stretch),
        list_interval: fit.list_interval,
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
            asks_quotas: false,
            reads_all: false,
        }
    }

    fn demand(runs: usize, slow: usize, postponed: usize, list_pages: usize) -> Demand {
        demand_of([runs, slow, 0, 0], 1.0, postponed, list_pages)
    }

    /// Of jobs by class, whose polls take so many requests, and details that take two each.
    fn demand_of(
        counts: [usize; 4],
        requests_per_poll: f64,
        details: usize,
        list_pages: usize,
    ) -> Demand {
        let jobs = |count| Jobs { count, known: count, requests: count as f64 * requests_per_poll };
        let postponed = Postponed { details, requests: 2 * details };
        Demand { classes: counts.map(jobs), postponed, list_pages, quotas: 0.0 }
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
    fn jobs_of_which_nothing_is_known_yet_are_like_the_others() {
        let takes = |demand: &Demand, wanted: f64| {
            assert!((demand.polls(&settings(0)) - wanted).abs() < 1e-9, "{demand:?}");
        };
        let mut demand = Demand::default();
        demand.add(Class::Runs, None);
        takes(&demand, 1.0);
        demand.add(Class::Runs, Some(32));
        demand.add(Class::Slow, Some(2));
        takes(&demand, 32.0 + 17.0 + 1.0);
        demand.remove(Class::Runs, Some(32));
        demand.remove(Class::Slow, Some(2));
        takes(&demand, 1.0);
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

    #[test]
    fn what_quotas_take_is_not_there_for_polls() {
        let settings = settings(1);
        let without = Fit::new(&settings, &demand(10, 0, 0, 0));
        let quotas = per_minute(quotas::INTERVAL);
        let with = Fit::new(&settings, &Demand { quotas, ..demand(10, 0, 0, 0) });
        let rate = minute_rate(1).unwrap();
        let wanted = without.stretch * rate / (rate - 0.2);
        assert!((with.stretch - wanted).abs() < 1e-9, "{with:?} {without:?}");
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
            let demand = demand_of(counts, requests_per_poll, postponed, list_pages);
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
        assert!((between.as_secs_f64() - 120.0 / (53.8 * DETAILS_PART)).abs() < 0.1, "{between:?}");
        let fit = Fit::new(&settings(60), &demand(5000, 0, 1, 5));
        assert!(fit.between_details.unwrap() < Duration::from_secs(45), "{fit:?}");
    }
}
