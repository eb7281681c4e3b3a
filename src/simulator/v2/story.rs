//! What becomes of a v2 job: its phases, and what breaks it on the way.

use super::{
    super::{
        clock::MINUTE,
        random::{between, mix, pick},
    },
    phase::{
        COMPLETED, CREATE_FAILED, CREATING, FAILED, LOST, PENDING, Phase, RUNNING, TERMINATED,
        TERMINATED_FAILED, TERMINATING,
    },
};

/// From a moment on, a phase.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) phase: Phase,
}

/// A task ends and takes the run with it.
#[derive(Clone, Debug)]
pub(super) struct Setback {
    pub(super) at: i64,
    pub(super) task: String,
    pub(super) exit_code: i64,
    pub(super) message: &'static str,
    /// None if that was the end.
    pub(super) recovery: Option<Recovery>,
}

/// The job comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovery {
    pub(super) at: i64,
    /// The policy that brought it back.
    pub(super) by: &'static str,
    /// The policy that was tried before.
    pub(super) instead_of: Option<&'static str>,
}

impl Recovery {
    /// How the run that follows starts.
    pub(super) fn start_type(self) -> &'static str {
        if self.by.ends_with("proc_restart") { "restarted" } else { FIRST_START }
    }
}

/// How a run starts that the scheduler placed.
pub(super) const FIRST_START: &str = "init_or_rescheduled";

/// A job at a moment.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) phase: Phase,
    /// Milliseconds since 1970; none before the start.
    pub(super) started: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub(super) ended: Option<i64>,
    /// Milliseconds from the start.
    pub(super) duration: i64,
    /// The minutes there are samples of.
    pub(super) minutes: (u64, u64),
}

/// A story, told up to a moment.
pub(super) fn moment(steps: &[Step], kept: u64, now: i64) -> Moment {
    let past = &steps[..steps.partition_point(|step| step.at <= now)];
    let phase = past.last().map_or(CREATING, |step| step.phase.clone());
    let started = past.iter().find(|step| step.phase.is_running()).map(|step| step.at);
    let end = past.iter().rev().take_while(|step| step.phase.is_terminal()).last();
    let ended = end.map(|step| step.at);
    let duration = started.map_or(0, |start| (ended.unwrap_or(now) - start).max(0));
    let minutes = u64::try_from(duration / MINUTE).unwrap_or(0);
    Moment { phase, started, ended, duration, minutes: (minutes.saturating_sub(kept), minutes) }
}

/// Exit codes that jobs end with, and what is said of them.
const EXITS: [(i64, &str); 6] = [
    (1, "RuntimeError: the loss is not finite"),
    (2, "train.py: error: unrecognized arguments: --batchsize"),
    (127, "bash: torchrun: command not found"),
    (134, "HCCL: Aborted (core dumped)"),
    (137, "Container was killed: out of memory"),
    (139, "Segmentation fault (core dumped)"),
];

/// How a job goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It ends well.
    Completes,
    /// A task exits with another code than 0, and that is the end.
    Fails,
    /// Tasks fail twice and the job comes back: once rescheduled, once restarted in its place.
    Restarts,
    /// A user stops it.
    Stopped,
    /// A user stops it, and that fails.
    CannotBeStopped,
    /// It waits in the queue for ever.
    Stuck,
    /// It is created for ever.
    NeverCreated,
    /// It cannot be created, and never starts.
    CannotStart,
    /// It runs and is then out of sight.
    Lost,
    /// It runs and runs.
    Endless,
}

/// The steps and setbacks of a job created at `created` that queues and runs for so many milliseconds.
pub(super) fn tell(
    fate: Fate,
    seed: u64,
    created: i64,
    queue: i64,
    run: i64,
) -> (Vec<Step>, Vec<Setback>) {
    let start = created + queue;
    let end = start + run;
    let step = |at, phase| Step { at, phase };
    let mut steps = vec![step(created, CREATING)];
    if fate == Fate::NeverCreated {
        return (steps, Vec::new());
    }
    if fate == Fate::CannotStart {
        steps.push(step(start, CREATE_FAILED));
        return (steps, Vec::new());
    }
    steps.push(step(created + queue / 4, PENDING));
    if fate == Fate::Stuck {
        return (steps, Vec::new());
    }
    steps.push(step(start, RUNNING));
    let setback = |place: u64, at, recovery| {
        let (exit_code, message) = pick(seed, 401 + place, &EXITS);
        Setback { at, task: "worker-0".to_owned(), exit_code, message, recovery }
    };
    let mut setbacks = Vec::new();
    match fate {
        Fate::Fails => {
            steps.push(step(end, FAILED));
            setbacks.push(setback(0, end, None));
        }
        Fate::Restarts => {
            let (first, second) = (start + run / 4, start + run / 2);
            let away = i64::try_from(between(seed, 403, 2, 4)).unwrap_or(2) * MINUTE;
            let rescheduled = Recovery {
                at: first + away,
                by: "job_reschedule",
                instead_of: Some("npu_proc_restart"),
            };
            let restarted = Recovery { at: second + MINUTE, by: "proc_restart", instead_of: None };
            steps.extend([step(first, PENDING), step(first + away, RUNNING), step(end, COMPLETED)]);
            setbacks.extend([
                setback(0, first, Some(rescheduled)),
                setback(1, second, Some(restarted)),
            ]);
        }
        Fate::Stopped => {
            steps.extend([step(end, TERMINATING), step(end + 20_000, TERMINATED)]);
        }
        Fate::CannotBeStopped => {
            steps.extend([step(end, TERMINATING), step(end + 20_000, TERMINATED_FAILED)]);
        }
        Fate::Lost => steps.push(step(end, LOST)),
        Fate::Completes => steps.push(step(end, COMPLETED)),
        _ => {}
    }
    (steps, setbacks)
}

/// -1 in front of the first sample.
pub(super) fn leading(seed: u64) -> u64 {
    between(seed, 101, 1, 2)
}

/// -1 behind the last sample, once the job has ended.
pub(super) fn trailing(seed: u64) -> u64 {
    mix(seed, 102) % 3
}
