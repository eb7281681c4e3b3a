//! How a job is: `status`.

use std::collections::HashSet;

use serde::de::{Deserialize, Deserializer, SeqAccess};

use crate::cloud::Fault;
use crate::cloud::wire::{List, OwnedScalar, Reader, Scalar, Tolerant, document};
use crate::model::{Failure, State, Status};

/// Names of tasks that are read: as many as `limits.tasks_per_version` can ask for.
const MOST_TASKS: usize = 10_000;

/// What is told of tasks that failed, of which the first counts.
const MOST_TASK_STATUSES: usize = 100;

/// Starts of one job that are looked at; more are counted.
const MOST_RECORDS: usize = 1000;

document! {
    #[derive(Clone, PartialEq)]
    pub(super) struct StatusDocument {
        phase: OwnedScalar = "phase",
        secondary_phase: OwnedScalar = "secondary_phase",
        duration: OwnedScalar = "duration",
        start_time: OwnedScalar = "start_time",
        node_counts: NodeCounts = "node_count_metrics",
        tasks: Names = "tasks",
        task_statuses: List<TaskStatusDocument, MOST_TASK_STATUSES> = "task_statuses",
        running_records: List<RecordDocument, MOST_RECORDS> = "running_records",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct TaskStatusDocument {
        exit_code: OwnedScalar = "exit_code",
    }
}

document! {
    /// One start of the run. Its times are seconds, of which the documents' own sample has an end before
    /// its start; nothing is made of them.
    #[derive(Clone, PartialEq)]
    struct RecordDocument {
        end_reason: OwnedScalar = "end_reason",
    }
}

impl StatusDocument {
    /// What its lists become in memory at most, beside the bytes of their texts.
    #[cfg(test)]
    pub(super) const MOST_BYTES: usize = MOST_TASKS * size_of::<OwnedScalar>()
        + MOST_TASK_STATUSES * size_of::<TaskStatusDocument>()
        + MOST_RECORDS * size_of::<RecordDocument>();

    /// The status behind the phase; one that cannot be read is unknown.
    pub(super) fn state(&self, reader: &mut Reader) -> State {
        let state = match self.phase.0.text() {
            Ok(None) => return State::UNREADABLE,
            Ok(Some(phase)) => State::from_v2(&phase),
            Err(fault) => {
                reader.misread("phase", fault);
                return State::UNREADABLE;
            }
        };
        if state.status == Status::Unknown {
            reader.misread("phase", Fault::Unknown);
        }
        state
    }

    /// When it began to run, Unix seconds; 0 on the wire before that.
    pub(super) fn started(&self, reader: &mut Reader) -> Option<f64> {
        reader.seconds("start_time", &self.start_time.0).filter(|&at| at > 0.0)
    }

    /// How long it has been running, seconds.
    pub(super) fn duration(&self, reader: &mut Reader) -> Option<f64> {
        reader.seconds("duration", &self.duration.0)
    }

    /// The tasks, each once, by the names that ask for them.
    pub(super) fn tasks(&self, reader: &mut Reader) -> Vec<String> {
        if self.tasks.is_wrong {
            reader.misread("tasks", Fault::WrongType);
        }
        let mut seen = HashSet::new();
        let names = self.tasks.names.iter().filter_map(|name| reader.id("tasks", &name.0));
        names.filter(|name| seen.insert(name.clone())).collect()
    }

    /// Nodes at work when their number last changed.
    pub(super) fn nodes(&self, reader: &mut Reader) -> Option<f64> {
        for _ in 0..self.node_counts.wrong {
            reader.misread("node_count_metrics", Fault::WrongType);
        }
        let (_, nodes) = self.node_counts.newest?;
        reader.amount("node_count_metrics", &Scalar::Float(nodes))
    }

    /// Starts after the first.
    pub(super) fn restarts(&self) -> Option<u64> {
        let starts = self.running_records.items.as_ref()?.len() + self.running_records.beyond;
        Some(starts.saturating_sub(1) as u64)
    }

    /// Why it failed, by what says most: the phase behind the phase, the exit code of the first task
    /// that failed, the end of the last run.
    pub(super) fn failure(&self, reader: &mut Reader) -> Failure {
        let phase = reader.label("secondary_phase", &self.secondary_phase.0);
        if let Some(failure) = Failure::of_secondary_phase(&phase) {
            return failure;
        }
        for task in self.task_statuses.items.iter().flatten() {
            match task.exit_code.0.integer() {
                Ok(code) => {
                    if let Some(failure) = code.and_then(Failure::of_exit_code) {
                        return failure;
                    }
                }
                Err(fault) => reader.misread("exit_code", fault),
            }
        }
        let last = self.running_records.items.as_ref().and_then(|records| records.last());
        let reason = last.map(|last| reader.label("end_reason", &last.end_reason.0));
        let code = reason.as_deref().and_then(|reason| reason.strip_prefix("exit with "));
        let code = code.and_then(|code| code.trim().parse().ok());
        code.and_then(Failure::of_exit_code).unwrap_or(Failure::Unknown)
    }
}

/// The names of the tasks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    names: Vec<OwnedScalar>,
    is_wrong: bool,
}

impl<'de> Tolerant<'de> for Names {
    fn absent() -> Self {
        Self::default()
    }

    fn wrong() -> Self {
        Self { names: Vec::new(), is_wrong: true }
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = sequence.next_element::<Scalar<'_>>()? {
            if names.len() < MOST_TASKS {
                names.push(name.into());
            }
        }
        Ok(Self { names, is_wrong: false })
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// `[[milliseconds, nodes], …]`, one element a change, of which the newest counts.
#[derive(Clone, Debug, Default, PartialEq)]
struct NodeCounts {
    newest: Option<(f64, f64)>,
    wrong: usize,
}

impl<'de> Tolerant<'de> for NodeCounts {
    fn absent() -> Self {
        Self::default()
    }

    fn wrong() -> Self {
        Self { newest: None, wrong: 1 }
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut counts = Self::default();
        while let Some(Pair(pair)) = sequence.next_element()? {
            match pair {
                None => counts.wrong += 1,
                Some(pair) if counts.newest.is_none_or(|(at, _)| at <= pair.0) => {
                    counts.newest = Some(pair);
                }
                Some(_) => {}
            }
        }
        Ok(counts)
    }
}

impl<'de> Deserialize<'de> for NodeCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// Two numbers, or something else.
struct Pair(Option<(f64, f64)>);

impl<'de> Tolerant<'de> for Pair {
    fn absent() -> Self {
        Self(None)
    }

    fn wrong() -> Self {
        Self(None)
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut numbers = Vec::with_capacity(2);
        while let Some(number) = sequence.next_element::<Scalar<'_>>()? {
            if numbers.len() < 2 {
                numbers.push(number.number().ok().flatten());
            }
        }
        Ok(Self(match numbers[..] {
            [Some(at), Some(nodes)] => Some((at, nodes)),
            _ => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}
