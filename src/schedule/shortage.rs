use crate::schedule::Settings;
use crate::schedule::stretch::{Demand, Fit};

/// Whether the log knows that the request budget is too small.
///
/// A fleet whose demand is about as large as the budget stretches its intervals and does not, from one
/// poll to the next: that is said once, until the budget was [ample](Fit::is_ample) in between.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    is_said: bool,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Begins,
    Ends,
}

impl Shortage {
    /// Takes how the demand fits now.
    pub(super) fn take(&mut self, fit: &Fit, settings: &Settings, demand: &Demand) -> Option<Turn> {
        let turn = if fit.stretch > 1.0 {
            Turn::Begins
        } else if Fit::is_ample(settings, demand) {
            Turn::Ends
        } else {
            return None;
        };
        let begins = turn == Turn::Begins;
        let was_said = std::mem::replace(&mut self.is_said, begins);
        (was_said != begins).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::schedule::stretch::Class;

    #[test]
    fn a_shortage_is_said_again_only_after_the_budget_was_ample() {
        let minute = Duration::from_mins(1);
        let settings = Settings {
            interval: minute,
            pending_interval: minute,
            list_interval: minute,
            timeout: minute,
            concurrency: 16,
            requests_per_minute: 102,
            discovers: false,
            asks_quotas: false,
            reads_all: false,
        };
        let mut shortage = Shortage::default();
        // A hundred requests a minute are what the budget comes to.
        let told = [50, 101, 130, 99, 101, 81, 101, 79, 50, 99, 101].map(|jobs| {
            let mut demand = Demand::default();
            for _ in 0..jobs {
                demand.add(Class::Runs, Some(1));
            }
            shortage.take(&Fit::new(&settings, &demand), &settings, &demand)
        });
        let mut wanted = [None; 11];
        (wanted[1], wanted[7], wanted[10]) =
            (Some(Turn::Begins), Some(Turn::Ends), Some(Turn::Begins));
        assert_eq!(told, wanted);
        let unlimited = Settings { requests_per_minute: 0, ..settings };
        let demand = Demand::default();
        let fit = Fit::new(&unlimited, &demand);
        assert_eq!(shortage.take(&fit, &unlimited, &demand), Some(Turn::Ends));
    }
}
