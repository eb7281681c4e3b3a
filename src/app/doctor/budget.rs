use super::facts::Facts;
use super::report::{Checks, Part};
use crate::schedule::{self, Load, Settings};

/// The list is read where it costs less than it spares: it rarely has more pages.
const LIST_PAGES: usize = 1;

/// Whether the budget holds the interval if every job runs, and what becomes of it otherwise.
pub(super) fn check(checks: &mut Checks, settings: &Settings, jobs: usize) {
    let cost = schedule::cost(settings, &Load::running(jobs, LIST_PAGES));
    let (interval, stretched, needed) =
        (settings.interval, cost.interval, cost.requests_per_minute());
    let allowed = settings.requests_per_minute;
    let facts = Facts::Budget {
        jobs,
        requests_per_minute_needed: needed,
        requests_per_minute_allowed: (allowed > 0).then_some(allowed),
        interval_seconds: stretched.as_secs_f64(),
    };
    let plural = if jobs == 1 { "" } else { "s" };
    let of = if allowed == 0 { "without a limit".to_owned() } else { format!("of {allowed}") };
    let detail = format!(
        "{jobs} job{plural} every {interval:?}, and the list: {needed:.0} requests a minute {of}"
    );
    if stretched > interval {
        let detail =
            format!("{detail}, so that each is polled every {:.0} s", stretched.as_secs_f64());
        let next = format!(
            "raise `poll.requests_per_minute` to {needed:.0}, or `poll.interval` to {:.0}s",
            stretched.as_secs_f64().ceil()
        );
        checks.warn(Part::Budget, "requests", detail, next, facts);
    } else {
        checks.ok(Part::Budget, "requests", detail, facts);
    }
}
