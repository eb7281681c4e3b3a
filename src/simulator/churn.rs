//! Jobs that appear, run, end and vanish all day long. When, and what becomes of them, follows from the
//! seed and a job's number alone, so that nothing is kept of those that are gone.

use std::collections::BTreeSet;

use super::{
    clock::MINUTE,
    job::{Job, minutes},
    random::{mix, pick},
    story::Fate,
};

/// Jobs that appear in a simulated day unless told otherwise: with the usual stay 1,700 are listed at a
/// time, of the 20,000 a project may have.
pub(super) const USUAL_JOBS: usize = 100_000;

const DAY: i64 = 24 * 60 * MINUTE;

/// Jobs share this many names at a time, beside the number that each has of its own: few enough that
/// none is without jobs for long …
const NAMES: u64 = 50;

/// … and after so many jobs one name is given up, and a new one comes.
const JOBS_BEFORE_A_NEW_NAME: u64 = 200;

/// One job in so many runs twice.
const RUNS_TWICE: u64 = 16;

/// One job in so many stays listed for much longer than the others.
const STAYS_LONG: u64 = 64;

/// For how long it does, minutes.
const LONG_STAY: u64 = 180;

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

/// Who makes the jobs of a project and takes them away.
#[derive(Debug)]
pub(super) struct Churn {
    seed: u64,
    /// When the first job appeared.
    start: i64,
    jobs_a_day: u64,
    /// A job stays listed at least so long after its last end, milliseconds.
    stay: i64,
    /// Jobs that made their appearance.
    appeared: u64,
    /// When which job vanishes.
    vanishing: BTreeSet<(i64, u64)>,
}

impl Churn {
    /// With so many jobs a day from `start` on.
    pub(super) fn new(seed: u64, jobs_a_day: usize, stay: i64, start: i64) -> Self {
        let jobs_a_day = jobs_a_day as u64;
        Self { seed, start, jobs_a_day, stay, appeared: 0, vanishing: BTreeSet::new() }
    }

    /// The next job that has appeared by now; `number` is the one it gets in its project.
    pub(super) fn appeared(&mut self, number: u64, now: i64) -> Option<Job> {
        let since = i64::try_from(self.appeared).ok()?.checked_mul(DAY)?;
        let created = self.start + since.checked_div(i64::try_from(self.jobs_a_day).ok()?)?;
        if created > now {
            return None;
        }
        let family = self.appeared / JOBS_BEFORE_A_NEW_NAME + mix(self.seed, self.appeared) % NAMES;
        let mut job = Job::new(number, format!("retrain-{family:04}-{number:08}"), self.seed);
        self.appeared += 1;
        let seed = job.seed;
        let runs = if mix(seed, 41).is_multiple_of(RUNS_TWICE) { 2 } else { 1 };
        let mut last = created;
        for run in 0..runs {
            let place = |place: u64| 42 + run * 8 + place;
            let pause = if run == 0 { 0 } else { minutes(seed, place(0), 1, 4) };
            let fate = pick(seed, place(1), &FATES);
            let (queue, length) = (minutes(seed, place(2), 1, 4), minutes(seed, place(3), 2, 10));
            let version = job.add(fate, last + pause, queue, length);
            last = version.steps.last().map_or(last, |step| step.at);
        }
        let more = match mix(seed, 60) % STAYS_LONG {
            0 => minutes(seed, 61, LONG_STAY, LONG_STAY),
            _ => minutes(seed, 61, 0, 4),
        };
        self.vanishing.insert((last + self.stay + more, job.id));
        Some(job)
    }

    /// The next job that has vanished by now.
    pub(super) fn vanished(&mut self, now: i64) -> Option<u64> {
        let (at, _) = self.vanishing.first()?;
        if *at > now {
            return None;
        }
        self.vanishing.pop_first().map(|(_, id)| id)
    }
}
