//! Jobs that appear, run, end and vanish all day long. When, and what becomes of them, follows from the
//! seed and a job's number alone, so that nothing is kept of those that are gone.

use std::collections::BTreeSet;

use super::{
    clock::MINUTE,
    job::minutes,
    random::mix,
    settings::{Scenario, Settings},
};

/// Jobs that appear in a simulated day unless told otherwise: with the usual stay 1,700 are listed at a
/// time, of the 20,000 a project may have.
const USUAL_JOBS: usize = 100_000;

const DAY: i64 = 24 * 60 * MINUTE;

/// Jobs share this many names at a time, beside the number that each has of its own: few enough that
/// none is without jobs for long …
const NAMES: u64 = 50;

/// … and after so many jobs one name is given up, and a new one comes.
const JOBS_BEFORE_A_NEW_NAME: u64 = 200;

/// One job in so many stays listed for much longer than the others.
const STAYS_LONG: u64 = 64;

/// For how long it does, minutes.
const LONG_STAY: u64 = 180;

/// When jobs appear in a project, and when they vanish.
#[derive(Debug)]
pub(super) struct Churn<I> {
    seed: u64,
    /// When the first job appeared.
    start: i64,
    jobs_a_day: u64,
    /// A job stays listed at least so long after its last end, milliseconds.
    stay: i64,
    /// Jobs that made their appearance.
    appeared: u64,
    /// When which job vanishes.
    vanishing: BTreeSet<(i64, I)>,
}

/// Jobs that appear in a project in a day of the stories' clock; `None` where they do not come and go.
pub(super) fn jobs_a_day(settings: &Settings) -> Option<u64> {
    let churns = settings.scenario == Scenario::Churn;
    churns.then(|| settings.jobs.unwrap_or(USUAL_JOBS) as u64)
}

/// The appearance of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) created: i64,
    /// Which of the names that jobs share it has.
    family: u64,
}

impl Arrival {
    /// The name of the job that gets this number in its project.
    pub(super) fn name(self, number: u64) -> String {
        format!("retrain-{:04}-{number:08}", self.family)
    }
}

impl<I: Copy + Ord> Churn<I> {
    /// From `start` on, where jobs come and go.
    pub(super) fn new(settings: &Settings, start: i64) -> Option<Self> {
        let jobs_a_day = jobs_a_day(settings)?;
        let stay = i64::try_from(settings.stay.as_millis()).unwrap_or(i64::MAX);
        let (seed, vanishing) = (settings.seed, BTreeSet::new());
        Some(Self { seed, start, jobs_a_day, stay, appeared: 0, vanishing })
    }

    /// The next job that has appeared by now.
    pub(super) fn arrival(&mut self, now: i64) -> Option<Arrival> {
        let since = i64::try_from(self.appeared).ok()?.checked_mul(DAY)?;
        let created = self.start + since.checked_div(i64::try_from(self.jobs_a_day).ok()?)?;
        if created > now {
            return None;
        }
        let family = self.appeared / JOBS_BEFORE_A_NEW_NAME + mix(self.seed, self.appeared) % NAMES;
        self.appeared += 1;
        Some(Arrival { created, family })
    }

    /// The job with this number in its project ends for the last time at `end`, and leaves some time later.
    pub(super) fn leaves(&mut self, id: I, number: u64, end: i64) {
        let seed = mix(self.seed, number);
        let more = match mix(seed, 60) % STAYS_LONG {
            0 => minutes(seed, 61, LONG_STAY, LONG_STAY),
            _ => minutes(seed, 61, 0, 4),
        };
        self.vanishing.insert((end + self.stay + more, id));
    }

    /// The next job that has vanished by now.
    pub(super) fn vanished(&mut self, now: i64) -> Option<I> {
        let (at, _) = self.vanishing.first()?;
        if *at > now {
            return None;
        }
        self.vanishing.pop_first().map(|(_, id)| id)
    }
}
