use std::time::Duration;

use crate::inventory::Moment;
use crate::model::Quota;

/// What the cloud grants a project, as it said last.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// They are asked for, and no answer or failure came yet.
    pub(super) awaited: bool,
    known: Vec<Quota>,
    answered: Option<Moment>,
    /// Between two questions.
    interval: Duration,
}

impl Quotas {
    /// Takes what the cloud says, or that it does not.
    pub(super) fn take(&mut self, quotas: Option<Vec<Quota>>, interval: Duration, now: Moment) {
        self.awaited = false;
        if let Some(quotas) = quotas {
            self.known = quotas;
            // Asked for seldom since, it would be believed for as long.
            self.interval = interval;
            self.answered = Some(now);
        }
    }

    /// What of it may be shown.
    pub(super) fn fresh(&self, max_staleness: Duration, now: Moment) -> &[Quota] {
        let limit = max_staleness.max(self.interval * 2);
        let is_fresh = self.answered.is_some_and(|answered| answered.age(now) <= limit);
        if is_fresh { &self.known } else { &[] }
    }
}
