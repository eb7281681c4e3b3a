//! The life of a v1 job among the others: how it appears, what follows, how it ends.

use std::collections::BTreeMap;

use super::{
    account::Outcome,
    churn::Arrival,
    job::{Job, minutes},
    jobs::Live,
    random::{mix, pick},
    story::{CANCELED, COMPLETED, DELETE_FAILED, Fate, KILLED, Version, is_terminal},
};

/// One job in so many runs twice.
const RUNS_TWICE: u64 = 16;

/// How the runs go; most go well.
const FATES: [Fate; 16] = [
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Fails,
    Fate::Fails,
    Fate::Fails,
    Fate::Killed,
    Fate::Killed,
    Fate::NeverStarts,
    Fate::LostAndFound,
    Fate::CannotBeDeleted,
];

impl Live for Job {
    type Id = u64;

    fn arriving(arrival: Arrival, number: u64, seed: u64) -> (Self, i64) {
        let mut job = Self::new(number, arrival.name(number), seed);
        let seed = job.seed;
        let runs = if mix(seed, 41).is_multiple_of(RUNS_TWICE) { 2 } else { 1 };
        let mut last = arrival.created;
        for run in 0..runs {
            let place = |place: u64| 42 + run * 8 + place;
            let pause = if run == 0 { 0 } else { minutes(seed, place(0), 1, 4) };
            let fate = pick(seed, place(1), &FATES);
            let (queue, length) = (minutes(seed, place(2), 1, 4), minutes(seed, place(3), 2, 10));
            let version = job.add(fate, last + pause, queue, length);
            last = version.steps.last().map_or(last, |step| step.at);
        }
        (job, last)
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn outcomes(&self, now: i64) -> impl Iterator<Item = Outcome> {
        self.versions.iter().filter_map(move |version| outcome(version, now))
    }

    fn catch_up(jobs: &mut BTreeMap<u64, Self>, now: i64) {
        for job in jobs.values_mut() {
            job.catch_up(now);
        }
    }
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
