//! A version of a job and what becomes of it: its steps are laid down when it is created, and the clock
//! says how far it has come.

use std::collections::BTreeMap;

use super::{
    clock::MINUTE,
    oddity::Oddity,
    quality::Classes,
    random::{between, mix},
    usage::Curve,
};

/// Being initialised.
pub(super) const INIT: i64 = 1;
/// The image is being made.
pub(super) const IMAGE_CREATING: i64 = 2;
/// Queuing.
pub(super) const WAITING: i64 = 7;
/// Training.
pub(super) const RUNNING: i64 = 8;
/// Being cancelled.
pub(super) const KILLING: i64 = 9;
/// Done.
pub(super) const COMPLETED: i64 = 10;
/// The training failed.
pub(super) const FAILED: i64 = 11;
/// Cancelled.
pub(super) const KILLED: i64 = 12;
/// Cancelled before it ran.
pub(super) const CANCELED: i64 = 13;
/// Out of sight.
pub(super) const LOST: i64 = 14;
/// Nodes come or go.
pub(super) const SCALING: i64 = 15;
/// It ended, and then its deletion failed.
pub(super) const DELETE_FAILED: i64 = 6;

/// Samples the cloud keeps: its console shows the last three days.
pub(super) const KEPT_SAMPLES: u64 = 3 * 24 * 60;

/// From a moment on, a status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) code: i64,
}

/// What a version asked for, per node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) workers: u64,
    pub(super) cores: u64,
    pub(super) memory_gb: u64,
    pub(super) gpus: u64,
    pub(super) gpu_type: &'static str,
    pub(super) flavor: &'static str,
    pub(super) pool: &'static str,
}

/// One version of a job.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) seed: u64,
    pub(super) created: i64,
    /// By time; the first is at the creation.
    pub(super) steps: Vec<Step>,
    pub(super) machine: Machine,
    pub(super) curve: Curve,
    pub(super) classes: Classes,
    /// The scores over all classes, where somebody chose them.
    pub(super) overall: Option<BTreeMap<String, f64>>,
    /// The newest samples that are kept.
    pub(super) kept: u64,
    pub(super) oddity: Oddity,
}

/// A version at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) code: i64,
    /// Milliseconds since 1970; none before the start.
    pub(super) started: Option<i64>,
    /// Milliseconds of running.
    pub(super) duration: i64,
    pub(super) ended: bool,
    /// The minutes there are samples of.
    pub(super) minutes: (u64, u64),
}

impl Moment {
    /// How many samples there are.
    pub(super) fn samples(self) -> u64 {
        self.minutes.1 - self.minutes.0
    }
}

impl Version {
    /// V0001, V0002, …
    pub(super) fn name(&self) -> String {
        format!("V{:04}", self.number)
    }

    /// How far it has come.
    pub(super) fn at(&self, now: i64) -> Moment {
        let past = &self.steps[..self.steps.partition_point(|step| step.at <= now)];
        let code = past.last().map_or(INIT, |step| step.code);
        // The end is where the last run of terminal statuses began: a failed deletion does not move it.
        let end = past.iter().rev().take_while(|step| is_terminal(step.code)).last();
        let started = past.iter().find(|step| step.code == RUNNING).map(|step| step.at);
        let until = end.map_or(now, |step| step.at);
        let duration = started.map_or(0, |start| (until - start).max(0));
        let minutes = u64::try_from(duration / MINUTE).unwrap_or(0);
        Moment {
            code,
            started,
            duration,
            ended: end.is_some(),
            minutes: (minutes.saturating_sub(self.kept), minutes),
        }
    }

    /// When it ends by itself; none if it never does.
    pub(super) fn end(&self) -> Option<i64> {
        self.steps.iter().rev().take_while(|step| is_terminal(step.code)).last().map(|step| step.at)
    }

    /// Leaves its story: from now on it has this status.
    pub(super) fn force(&mut self, now: i64, code: i64) {
        self.steps.retain(|step| step.at <= now);
        self.steps.push(Step { at: now, code });
    }

    /// Zeros in front of the first sample.
    pub(super) fn leading(&self) -> u64 {
        between(self.seed, 101, 1, 2)
    }

    /// Zeros behind the last sample, once it has ended.
    pub(super) fn trailing(&self) -> u64 {
        between(self.seed, 102, 1, 4)
    }
}

/// Nothing follows by itself.
pub(super) fn is_terminal(code: i64) -> bool {
    matches!(code, 3 | 5 | 6 | 10 | 11 | 12 | 13 | 16 | 17 | 21 | 22)
}

/// The documents' name of a status code.
pub(super) fn code_name(code: i64) -> &'static str {
    usize::try_from(code).ok().and_then(|code| CODES.get(code)).copied().unwrap_or("undocumented")
}

/// The code that a word means: a document's name of a status, or our word for a usual one.
pub(super) fn code_of(word: &str) -> Option<i64> {
    let usual = match word {
        "creating" => Some(INIT),
        "pending" => Some(WAITING),
        "running" => Some(RUNNING),
        "terminating" => Some(KILLING),
        "completed" => Some(COMPLETED),
        "failed" => Some(FAILED),
        "terminated" => Some(KILLED),
        "abnormal" | "lost" => Some(LOST),
        "unknown" => Some(0),
        _ => None,
    };
    usual.or_else(|| {
        CODES.iter().position(|name| *name == word).and_then(|code| i64::try_from(code).ok())
    })
}

/// By code. Open Telekom Cloud, `ModelArts` API reference, "Job Statuses"; the last is the SDK's.
const CODES: [&str; 23] = [
    "JOBSTAT_UNKNOWN",
    "JOBSTAT_INIT",
    "JOBSTAT_IMAGE_CREATING",
    "JOBSTAT_IMAGE_FAILED",
    "JOBSTAT_SUBMIT_TRYING",
    "JOBSTAT_SUBMIT_FAILED",
    "JOBSTAT_DELETE_FAILED",
    "JOBSTAT_WAITING",
    "JOBSTAT_RUNNING",
    "JOBSTAT_KILLING",
    "JOBSTAT_COMPLETED",
    "JOBSTAT_FAILED",
    "JOBSTAT_KILLED",
    "JOBSTAT_CANCELED",
    "JOBSTAT_LOST",
    "JOBSTAT_SCALING",
    "JOBSTAT_SUBMIT_MODEL_FAILED",
    "JOBSTAT_DEPLOY_SERVICE_FAILED",
    "JOBSTAT_CHECK_INIT",
    "JOBSTAT_CHECK_RUNNING",
    "JOBSTAT_CHECK_RUNNING_COMPLETED",
    "JOBSTAT_CHECK_FAILED",
    "MOUNT_FAILED",
];

/// How a version goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It ends well.
    Completes,
    /// It breaks.
    Fails,
    /// It never starts.
    NeverStarts,
    /// A user stops it.
    Killed,
    /// It is lost for a while, and then ends well.
    LostAndFound,
    /// It ends well, and deleting it fails.
    CannotBeDeleted,
    /// It runs and runs, and is scaled once.
    Endless,
    /// It waits in the queue for ever.
    Stuck,
}

/// The steps of a version created at `created` that queues and runs for so many milliseconds.
pub(super) fn steps(fate: Fate, seed: u64, created: i64, queue: i64, run: i64) -> Vec<Step> {
    let start = created + queue;
    let end = start + run;
    let step = |at, code| Step { at, code };
    let mut steps = vec![
        step(created, INIT),
        step(created + queue / 8, IMAGE_CREATING),
        step(created + queue / 4, WAITING),
    ];
    match fate {
        Fate::Stuck => {}
        Fate::NeverStarts => {
            // Image, submission, review, mount.
            let code = [3, 5, 21, 22][usize::try_from(mix(seed, 103) % 4).unwrap_or(0)];
            steps.push(step(start, code));
        }
        Fate::Completes => steps.extend([step(start, RUNNING), step(end, COMPLETED)]),
        Fate::Fails => steps.extend([step(start, RUNNING), step(end, FAILED)]),
        Fate::Killed => {
            steps.extend([step(start, RUNNING), step(end, KILLING), step(end + 20_000, KILLED)]);
        }
        Fate::LostAndFound => steps.extend([
            step(start, RUNNING),
            step(start + run / 4, LOST),
            step(start + run / 2, RUNNING),
            step(end, COMPLETED),
        ]),
        Fate::CannotBeDeleted => steps.extend([
            step(start, RUNNING),
            step(end, COMPLETED),
            step(end + 10 * MINUTE, DELETE_FAILED),
        ]),
        Fate::Endless => steps.extend([
            step(start, RUNNING),
            step(start + run / 2, SCALING),
            step(start + run / 2 + 3 * MINUTE, RUNNING),
        ]),
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_deletion_does_not_move_the_end() {
        let start = 1_000_000;
        let steps = steps(Fate::CannotBeDeleted, 1, start, MINUTE, 30 * MINUTE);
        let version = Version { steps, ..super::super::job::plain_version(1, start) };
        let late = version.at(start + 24 * 60 * MINUTE);
        assert_eq!((late.code, late.duration), (DELETE_FAILED, 30 * MINUTE));
        assert_eq!(late.samples(), 30);
        assert_eq!(late.started, Some(start + MINUTE));
        assert_eq!(version.at(start).code, INIT);
        assert_eq!(version.at(start).started, None);
    }

    #[test]
    fn words_and_codes_name_each_other() {
        for code in 0..23 {
            assert_eq!(code_of(code_name(code)), Some(code));
        }
        assert_eq!(code_of("failed"), Some(FAILED));
        assert_eq!(code_of("bogus"), None);
        assert_eq!(code_name(99), "undocumented");
    }
}
