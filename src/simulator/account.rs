//! How many runs ended how: what a counter comes to that missed none and counted none twice.

use std::collections::BTreeMap;

use serde::Serialize;

use super::jobs::Live;

/// Digits of the number that jobs get behind the name they share.
const NUMBER_DIGITS: usize = 8;

/// Runs that ended, of one name.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Ends {
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) terminated: u64,
}

/// Runs that ended, by the names that jobs share.
#[derive(Clone, Debug, Default)]
pub(super) struct Account(BTreeMap<String, Ends>);

impl Account {
    /// Takes up the runs of a job that have ended by now. A name is there also before its first end.
    pub(super) fn add(&mut self, job: &impl Live, now: i64) {
        let name = shared_name(job.name());
        let ends = match self.0.get_mut(name) {
            Some(ends) => ends,
            None => self.0.entry(name.to_owned()).or_default(),
        };
        for outcome in job.outcomes(now) {
            match outcome {
                Outcome::Completed => ends.completed += 1,
                Outcome::Failed => ends.failed += 1,
                Outcome::Terminated => ends.terminated += 1,
            }
        }
    }

    /// By name.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&str, Ends)> {
        self.0.iter().map(|(name, ends)| (name.as_str(), *ends))
    }
}

/// The name without the number behind it: `nightly` of `nightly-20260101`.
fn shared_name(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((shared, number))
            if number.len() >= NUMBER_DIGITS && number.bytes().all(|it| it.is_ascii_digit()) =>
        {
            shared
        }
        _ => name,
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed,
    Terminated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_part_of_the_name() {
        for (name, shared) in [
            ("nightly-20260101", "nightly"),
            ("nightly-2026-00000001", "nightly-2026"),
            ("resnet50-flowers-00001", "resnet50-flowers-00001"),
            ("nightly-2026010x", "nightly-2026010x"),
            ("plain", "plain"),
        ] {
            assert_eq!(shared_name(name), shared);
        }
    }
}
