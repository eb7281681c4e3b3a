use std::fmt::Write as _;

use super::facts::Facts;
use super::jobs::plural;
use super::report::{Checks, Part};
use crate::model::Api;
use crate::schedule::{self, Load, Settings};

/// The list is read where it costs less than it spares: v1's rarely has more pages.
const LIST_PAGES: usize = 1;

/// The list may come so many times later than configured before it is worth a word.
const LIST_MAY_WAIT: u32 = 2;

/// What there is to ask, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToPoll {
    jobs: usize,
    /// What polls of v2's jobs take together: a request a task.
    requests: Option<usize>,
    list_pages: usize,
}

impl ToPoll {
    /// So many jobs of the file, of which nothing else is known: each has a task at least.
    pub(super) fn named(jobs: usize, api: Api) -> Self {
        Self { jobs, requests: (api == Api::V2).then_some(jobs), list_pages: LIST_PAGES }
    }

    /// One more that was found by the list; `tasks` of v2.
    pub(super) fn found(&mut self, tasks: usize) {
        self.jobs += 1;
        self.has_tasks(tasks);
        if let Some(requests) = &mut self.requests {
            *requests += 1;
        }
    }

    /// One of those of the file has so many tasks. One that does not run yet will.
    pub(super) fn has_tasks(&mut self, tasks: usize) {
        if let Some(requests) = &mut self.requests {
            *requests += tasks.max(1) - 1;
        }
    }

    /// The list takes so many requests. Where that is more than it spares, polls of v2's jobs ask for the
    /// job, too.
    pub(super) fn list_of(&mut self, pages: usize, finds: bool) {
        let Some(requests) = &mut self.requests else { return };
        if finds || schedule::is_worth_reading(pages, self.jobs) {
            self.list_pages = pages;
        } else {
            *requests += self.jobs;
            self.list_pages = 0;
        }
    }
}

/// Whether the budget holds the interval if every job runs, and what becomes of it otherwise.
pub(super) fn check(checks: &mut Checks, settings: &Settings, to_poll: &ToPoll) {
    let ToPoll { jobs, requests, list_pages } = *to_poll;
    let load = Load { running_requests: requests, ..Load::running(jobs, list_pages) };
    let cost = schedule::cost(settings, &load);
    let (interval, stretched, needed) =
        (settings.interval, cost.interval, cost.requests_per_minute());
    let allowed = settings.requests_per_minute;
    let facts = Facts::Budget {
        jobs,
        requests_per_round: requests.unwrap_or(jobs),
        requests_per_minute_needed: needed,
        requests_per_minute_allowed: (allowed > 0).then_some(allowed),
        interval_seconds: stretched.as_secs_f64(),
        list_interval_seconds: cost.list_interval.as_secs_f64(),
    };
    let of = if allowed == 0 { "without a limit".to_owned() } else { format!("of {allowed}") };
    let mut detail = format!("{jobs} job{}", plural(jobs));
    if let Some(requests) = requests {
        let _ = write!(detail, ", which take {requests} request{},", plural(requests));
    }
    let _ = write!(detail, " every {interval:?}");
    match list_pages {
        0 => {}
        1 => detail.push_str(", and the list"),
        pages => {
            let _ = write!(detail, ", and the list of {pages} pages");
        }
    }
    let _ = write!(detail, ": {needed:.0} requests a minute {of}");
    let mut follows = Vec::new();
    let mut next = format!("raise `poll.requests_per_minute` to {:.0}", needed.ceil());
    if stretched > interval {
        let seconds = stretched.as_secs_f64();
        follows.push(format!("each is polled every {seconds:.0} s"));
        let _ = write!(next, ", or `poll.interval` to {:.0}s", seconds.ceil());
    }
    if cost.list_interval >= settings.list_interval * LIST_MAY_WAIT {
        let seconds = cost.list_interval.as_secs_f64();
        follows.push(format!("the list is read every {seconds:.0} s"));
    }
    if follows.is_empty() {
        checks.ok(Part::Budget, "requests", detail, facts);
    } else {
        let detail = format!("{detail}, so that {}", follows.join(" and "));
        checks.warn(Part::Budget, "requests", detail, next, facts);
    }
}
