//! How many runs ended how: what a counter comes to that missed none and counted none twice.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    job::Job,
    story::{CANCELED, COMPLETED, DELETE_FAILED, KILLED, Version, is_terminal},
};

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
    pub(super) fn add(&mut self, job: &Job, now: i64) {
        let name = shared_name(&job.name);
        let ends = match self.0.get_mut(name) {
            Some(ends) => ends,
            None => self.0.entry(name.to_owned()).or_default(),
        };
        for version in &job.versions {
            match outcome(version, now) {
                Some(Outcome::Completed) => ends.completed += 1,
                Some(Outcome::Failed) => ends.failed += 1,
                Some(Outcome::Terminated) => ends.terminated += 1,
                None => {}
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Completed,
    Failed,
    Terminated,
}

/// How a version ended first; a deletion that failed says nothing about the run.
fn outcome(version: &Version, now: i64) -> Option<Outcome> {
    let mut past = version.steps.iter().take_while(|step| step.at <= now);
    past.find_map(|step| match step.code {
        COMPLETED => Some(Outcome::Completed),
        KILLED | CANCELED => Some(Outcome::Terminated),
        DELETE_FAILED => None,
        code => is_terminal(code).then_some(Outcome::Failed),
    })
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
