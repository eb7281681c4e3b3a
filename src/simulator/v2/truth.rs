//! What is really so with a v2 job, in plain units.
//!
//! Percent stays percent; times are Unix seconds; requested resources are those of the whole job, all
//! its nodes together, with memory in bytes (a gigabyte of the wire is 2³⁰).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    super::{
        api::Api,
        job_id::Uuid,
        truth::{Curve, GIB, Requested, seconds},
    },
    flavor::Accelerator,
    job::{Job, Task},
    oddity::Oddity,
    story::Moment,
    usage::{Gauge, samples},
    wire::ENGINE,
};

/// A job of v2.
#[derive(Debug, Serialize)]
pub(in crate::simulator) struct TrueJob<'a> {
    api: Api,
    project: &'a str,
    project_id: &'a str,
    job_id: Uuid,
    name: &'a str,
    description: &'a str,
    user_name: &'a str,
    workspace_id: &'a str,
    kind: &'static str,
    /// A raw document is an answer for this job, so that the rest says nothing about it.
    replaced: bool,
    phase: String,
    secondary_phase: String,
    running: bool,
    terminal: bool,
    created: f64,
    started: Option<f64>,
    /// Only once it is terminal, and only if it had started.
    finished: Option<f64>,
    duration: f64,
    engine_name: Option<&'static str>,
    engine_version: Option<&'static str>,
    /// None for a heterogeneous job, whose roles have each their own.
    flavor: Option<&'static str>,
    gpu_type: &'static str,
    npu_type: &'static str,
    pool_id: Option<&'static str>,
    pool_name: Option<&'static str>,
    requested: Requested,
    /// Nodes that run now.
    nodes: u64,
    /// How often it came back.
    restarts: u64,
    /// What it failed of.
    failure: Option<Failure<'a>>,
    tasks: Vec<TrueTask>,
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    task: &'a str,
    exit_code: i64,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct TrueTask {
    task: String,
    flavor: &'static str,
    /// None while there is no sample.
    usage: Option<TaskUsage>,
}

#[derive(Debug, Serialize)]
struct TaskUsage {
    /// Minutes with a valid sample of anything.
    samples: usize,
    /// Those that the hardware has and that the answers carry; none without a valid sample.
    metrics: BTreeMap<&'static str, Curve>,
}

impl<'a> TrueJob<'a> {
    pub(in crate::simulator) fn new(
        project: (&'a str, &'a str),
        job: &'a Job,
        now: i64,
        replaced: bool,
        with_samples: bool,
    ) -> Self {
        let moment = job.at(now);
        let engine = job.oddity != Oddity::CustomImage;
        let flavor = job.flavor();
        let pool = flavor.and_then(|flavor| flavor.pool);
        let card = |kind| job.with_cards(kind).map_or("", |flavor| flavor.product);
        let total = |each: fn(super::flavor::Flavor) -> u64| job.total(now, each);
        let requested = Requested {
            workers: total(|_| 1),
            gpus: total(|flavor| flavor.cards_of(Accelerator::Gpu)),
            npus: total(|flavor| flavor.cards_of(Accelerator::Npu)),
            cpu_cores: total(|flavor| flavor.cores),
            memory_bytes: total(|flavor| flavor.memory_gb * GIB),
        };
        Self {
            api: Api::V2,
            project: project.0,
            project_id: project.1,
            job_id: job.id,
            name: &job.name,
            description: if job.oddity == Oddity::NullTexts { "" } else { &job.description },
            user_name: if job.oddity == Oddity::NullTexts { "" } else { job.user },
            workspace_id: job.workspace,
            kind: job.kind(),
            replaced,
            phase: moment.phase.first.to_string(),
            secondary_phase: moment.phase.second.to_string(),
            running: moment.phase.is_running(),
            terminal: moment.ended.is_some(),
            created: seconds(job.created),
            started: moment.started.map(seconds),
            finished: moment.started.and(moment.ended).map(seconds),
            duration: seconds(moment.duration),
            engine_name: engine.then_some(ENGINE.0),
            engine_version: engine.then_some(ENGINE.1),
            flavor: flavor.map(|flavor| flavor.id),
            gpu_type: card(Accelerator::Gpu),
            npu_type: card(Accelerator::Npu),
            pool_id: pool.map(|(id, _)| id),
            pool_name: pool.map(|(_, name)| name),
            requested,
            nodes: if moment.ended.is_some() { 0 } else { job.nodes_running(now) },
            restarts: (job.runs(now).len() as u64).saturating_sub(1),
            failure: job.failure(now).map(|setback| Failure {
                task: &setback.task,
                exit_code: setback.exit_code,
                message: setback.message,
            }),
            tasks: job
                .tasks(now)
                .into_iter()
                .map(|task| TrueTask {
                    usage: TaskUsage::new(job, &task, &moment, with_samples),
                    flavor: task.flavor.id,
                    task: task.name,
                })
                .collect(),
        }
    }
}

impl TaskUsage {
    fn new(job: &Job, task: &Task, moment: &Moment, with_samples: bool) -> Option<Self> {
        let hidden = |gauge| {
            job.oddity == Oddity::FewMetrics && matches!(gauge, Gauge::Gpu | Gauge::NpuMemory)
        };
        let valid = Gauge::ALL.into_iter().filter(|gauge| !hidden(*gauge)).map(|gauge| {
            (gauge, samples(job, task, gauge, moment).flatten().collect::<Vec<f64>>())
        });
        let valid: Vec<_> = valid.filter(|(_, samples)| !samples.is_empty()).collect();
        let samples = valid.iter().map(|(_, samples)| samples.len()).max()?;
        let metrics = valid
            .into_iter()
            .map(|(gauge, sent)| (gauge.truth_key(), Curve::new(sent, true, with_samples)))
            .collect();
        Some(Self { samples, metrics })
    }
}
