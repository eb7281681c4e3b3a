//! What is told of series that gave way to `limits.series`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{info, warn};

use crate::metrics::{Budget, Step};
use crate::own;

/// What an operator can do about too many series.
const REMEDY: &str = "raise limits.series, or follow fewer jobs";

/// What the log knows; the metrics are told every time.
pub(super) struct Told {
    own: own::Metrics,
    /// The last step of which it was told, since anything gives way.
    step: Option<Step>,
    is_over: bool,
}

impl Told {
    /// There is room for everything.
    pub(super) fn new(own: own::Metrics) -> Self {
        Self { own, step: None, is_over: false }
    }

    /// Tells what is left out of the snapshot that was just published. `beside` are shown beside
    /// the series of jobs.
    pub(super) fn tell(
        &mut self,
        budget: &Budget,
        beside: usize,
        projects: &BTreeMap<Arc<str>, own::Project>,
    ) {
        let (limit, over) = (budget.limit(), budget.over(beside));
        self.own.series_limit(limit, over);
        for (name, own) in projects {
            for (reason, series) in budget.left_out(name) {
                own.series_dropped(reason, series as f64);
            }
        }
        let step = Step::ALL.into_iter().rev().find(|step| budget.given(*step) > 0);
        if step > self.step {
            let dropped: usize = Step::ALL.into_iter().map(|step| budget.given(step)).sum();
            let reason = step.map_or("", Step::reason);
            warn!(
                limit,
                dropped,
                reason,
                remedy = REMEDY,
                "more series than limits.series: some are left out"
            );
            self.step = step;
        } else if step.is_none() && self.step.take().is_some() {
            info!(limit, "there is room for all series again");
        }
        if (over > 0) != self.is_over {
            self.is_over = over > 0;
            if self.is_over {
                warn!(
                    limit,
                    over,
                    remedy = REMEDY,
                    "more series than limits.series: those left never give way"
                );
            } else {
                info!(limit, "the series are within limits.series again");
            }
        }
    }
}
