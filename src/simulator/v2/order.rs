//! Control calls about v2 jobs.

use serde::{Deserialize, Serialize};

use super::{
    super::{clock::MINUTE, job_id::Uuid},
    flavor::{CPU, EIGHT_GPUS, EIGHT_NPUS, Flavor},
    job::{Job, Role},
    phase::{CREATING, PENDING, Phase, RUNNING},
    story::{Recovery, Setback, Step},
};

/// A job to be added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct JobOrder {
    /// Said by whoever chose this kind of order.
    #[serde(rename = "api")]
    _api: String,
    /// By name or id; the first when nobody says.
    #[serde(default)]
    pub(in crate::simulator) project: Option<String>,
    name: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    secondary_phase: Option<String>,
    /// Minutes it has been running, or ran.
    #[serde(default)]
    minutes: Option<u32>,
    /// GPUs of each node.
    #[serde(default)]
    gpus: Option<u32>,
    /// NPUs of each node; eight where nothing is said of GPUs either.
    #[serde(default)]
    npus: Option<u32>,
    /// Nodes with these cards.
    #[serde(default)]
    workers: Option<u32>,
    /// Nodes of a second role, with CPUs alone.
    #[serde(default)]
    actors: Option<u32>,
    #[serde(default)]
    description: Option<String>,
    /// How often it came back so far.
    #[serde(default)]
    restarts: Option<u32>,
    /// What its first task ended with.
    #[serde(default)]
    exit_code: Option<i64>,
}

/// A job to be moved to another phase.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct PhaseOrder {
    status: String,
    #[serde(default)]
    secondary_phase: Option<String>,
    /// What its first task ended with.
    #[serde(default)]
    exit_code: Option<i64>,
}

/// What a job is after an order.
#[derive(Debug, Serialize)]
pub(in crate::simulator) struct Ordered<'a> {
    job_id: Uuid,
    name: &'a str,
    phase: String,
    secondary_phase: String,
    terminal: bool,
}

/// Samples a job has from the start when nobody says.
const USUAL_MINUTES: u32 = 10;

/// Nodes and cards at most, so that their sums stay small numbers.
const MOST: u32 = 10_000;

/// What an order cannot be.
type Wrong = &'static str;

fn phase(word: &str, second: Option<&String>) -> Result<Phase, Wrong> {
    let mut phase = Phase::named(word).ok_or(
        "a v2 job has a phase, or one of creating, pending, running, completed, failed, terminating, terminated, abnormal",
    )?;
    if let Some(second) = second {
        phase.second = second.clone().into();
    }
    Ok(phase)
}

/// Enough of a failure for a reader to tell.
fn failed(at: i64, exit_code: Option<i64>, phase: &Phase) -> Option<Setback> {
    let usual = (phase.first == "Failed").then_some(1);
    exit_code.or(usual).map(|exit_code| Setback {
        at,
        task: "worker-0".to_owned(),
        exit_code,
        message: "ordered",
        recovery: None,
    })
}

impl JobOrder {
    /// The job as it was ordered.
    pub(in crate::simulator) fn job(&self, seed: u64, number: u64, now: i64) -> Result<Job, Wrong> {
        let word = self.status.as_deref().unwrap_or("Running");
        let phase = phase(word, self.secondary_phase.as_ref())?;
        let ran = i64::from(self.minutes.unwrap_or(USUAL_MINUTES)) * MINUTE;
        let waits = phase.first == CREATING.first || phase.first == PENDING.first;
        let start = now - ran;
        let created = if waits { now - MINUTE } else { start - MINUTE };
        let mut job = Job::new(seed, number, self.name.clone(), created);
        job.roles = self.roles()?;
        job.description = self.description.clone().unwrap_or_default();
        let mut step = |at, phase| job.steps.push(Step { at, phase });
        step(created, CREATING);
        if phase.first != CREATING.first {
            step(created + MINUTE / 2, PENDING);
        }
        if !waits {
            step(start, RUNNING);
        }
        if phase != RUNNING {
            step(now, phase.clone());
        }
        let restarts = i64::from(self.restarts.unwrap_or(0).min(MOST));
        for place in 1..=restarts {
            let at = start + ran * place / (restarts + 1);
            let recovery = Recovery { at, by: "proc_restart", instead_of: None };
            job.setbacks.extend(
                failed(at, Some(1), &phase)
                    .map(|setback| Setback { recovery: Some(recovery), ..setback }),
            );
        }
        if phase.is_terminal() {
            job.setbacks.extend(failed(now, self.exit_code, &phase));
        }
        Ok(job)
    }

    fn roles(&self) -> Result<Vec<Role>, Wrong> {
        let cards = |flavor: Flavor, cards: u32| match cards {
            0 => CPU,
            cards => Flavor { cards: cards.into(), ..flavor },
        };
        let flavor = match (self.gpus, self.npus) {
            (Some(_), Some(_)) => return Err("a node has GPUs or NPUs"),
            (Some(count), None) => cards(EIGHT_GPUS, count),
            (None, Some(count)) => cards(EIGHT_NPUS, count),
            (None, None) => EIGHT_NPUS,
        };
        let counts = [self.gpus, self.npus, self.workers, self.actors];
        if counts.into_iter().flatten().any(|count| count > MOST) {
            return Err("too many");
        }
        let workers = Role { name: "worker", nodes: self.workers.unwrap_or(1).into(), flavor };
        let actors =
            self.actors.map(|nodes| Role { name: "actor", nodes: nodes.into(), flavor: CPU });
        Ok([workers].into_iter().chain(actors).collect())
    }
}

impl PhaseOrder {
    /// Moves a job from now on.
    pub(in crate::simulator) fn apply(&self, job: &mut Job, now: i64) -> Result<(), Wrong> {
        let phase = phase(&self.status, self.secondary_phase.as_ref())?;
        let failure = failed(now, self.exit_code, &phase).filter(|_| phase.is_terminal());
        job.force(now, phase);
        job.setbacks.extend(failure);
        Ok(())
    }
}

impl<'a> Ordered<'a> {
    /// A job as it is now.
    pub(in crate::simulator) fn new(job: &'a Job, now: i64) -> Self {
        let phase = job.at(now).phase;
        Self {
            job_id: job.id,
            name: &job.name,
            terminal: phase.is_terminal(),
            phase: phase.first.into_owned(),
            secondary_phase: phase.second.into_owned(),
        }
    }
}
