//! What is really so, in plain units, for whoever wants to check a reader of the wire forms.
//!
//! Percent stays percent; times are Unix seconds; requested resources are those of the whole job, all
//! its nodes together, with memory in bytes (a gigabyte of the wire is 2³⁰).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    account::Ends,
    api::Api,
    job::Job,
    oddity::Oddity,
    quality::{self, Scores},
    story::{Moment, Version, code_name},
    usage::Metric,
    v2,
    wire::{ENGINE, carries, samples},
};

pub(super) const GIB: u64 = 1 << 30;

/// The answer of `GET /-/simulator/jobs`.
#[derive(Debug, Serialize)]
pub(super) struct Truth<'a> {
    /// What the stories' clock shows.
    pub(super) now: f64,
    pub(super) speed: f64,
    /// Those of v1.
    pub(super) jobs: Vec<TrueJob<'a>>,
    pub(super) v2_jobs: Vec<v2::TrueJob<'a>>,
    /// How all runs ended that ever did, also those of jobs that are gone.
    pub(super) ends: Vec<TrueEnds<'a>>,
}

/// Runs by how they ended.
#[derive(Debug, Serialize)]
pub(super) struct TrueEnds<'a> {
    pub(super) api: Api,
    pub(super) project: &'a str,
    /// The name of the jobs without the number behind it, if it has eight digits or more.
    pub(super) name: &'a str,
    #[serde(flatten)]
    pub(super) ends: Ends,
}

#[derive(Debug, Serialize)]
pub(super) struct TrueJob<'a> {
    api: Api,
    project: &'a str,
    project_id: &'a str,
    job_id: u64,
    name: &'a str,
    description: &'a str,
    user_name: &'a str,
    workspace_id: &'a str,
    /// A raw document is the answer for this job, so that the rest says nothing about it.
    replaced: bool,
    /// Newest first.
    versions: Vec<TrueVersion>,
}

impl<'a> TrueJob<'a> {
    pub(super) fn new(
        project: (&'a str, &'a str),
        job: &'a Job,
        versions: &[&Version],
        now: i64,
        replaced: bool,
        with_samples: bool,
    ) -> Self {
        Self {
            api: Api::V1,
            project: project.0,
            project_id: project.1,
            job_id: job.id,
            name: &job.name,
            description: &job.description,
            user_name: job.user,
            workspace_id: job.workspace,
            replaced,
            versions: versions
                .iter()
                .enumerate()
                .map(|(rank, version)| TrueVersion::new(rank, version, now, with_samples))
                .collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct TrueVersion {
    version_id: u64,
    version_name: Option<String>,
    /// 0 is the newest.
    rank: usize,
    status_code: i64,
    status_name: &'static str,
    running: bool,
    terminal: bool,
    created: f64,
    started: Option<f64>,
    /// Only once it is terminal.
    finished: Option<f64>,
    duration: f64,
    engine_name: Option<&'static str>,
    engine_version: Option<&'static str>,
    flavor: &'static str,
    gpu_type: &'static str,
    pool_name: &'static str,
    requested: Requested,
    has_gpu: bool,
    usage: Option<Usage>,
    quality: Option<Quality>,
}

#[derive(Debug, Serialize)]
pub(super) struct Requested {
    pub(super) workers: u64,
    pub(super) gpus: u64,
    pub(super) npus: u64,
    pub(super) cpu_cores: u64,
    pub(super) memory_bytes: u64,
}

#[derive(Debug, Serialize)]
struct Usage {
    /// How many there are.
    samples: u64,
    metrics: BTreeMap<&'static str, Curve>,
}

#[derive(Debug, Serialize)]
pub(super) struct Curve {
    /// As sent, oldest first; rates in the wire's own unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<Vec<f64>>,
    /// The newest; null where it is beyond what its unit allows.
    last: Option<f64>,
    /// Over those that their unit allows.
    mean: Option<f64>,
    max: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Quality {
    overall: TrueScores,
    classes: Vec<TrueClass>,
}

#[derive(Debug, Serialize)]
struct TrueClass {
    id: String,
    name: String,
    #[serde(flatten)]
    scores: TrueScores,
}

/// The scores with a name of their own; `f1_score` stands for `f1` where that came alone.
#[derive(Debug, Default, Serialize)]
struct TrueScores {
    recall: Option<f64>,
    precision: Option<f64>,
    accuracy: Option<f64>,
    f1_score: Option<f64>,
    extra: BTreeMap<String, f64>,
}

impl TrueScores {
    fn new(scores: &Scores) -> Self {
        let mut known = Self::default();
        let mut f1 = None;
        for (key, score) in scores {
            match key.as_str() {
                "recall" => known.recall = Some(score.0),
                "precision" => known.precision = Some(score.0),
                "accuracy" => known.accuracy = Some(score.0),
                "f1_score" => known.f1_score = Some(score.0),
                "f1" => f1 = Some(score.0),
                _ => _ = known.extra.insert(key.clone(), score.0),
            }
        }
        known.f1_score = known.f1_score.or(f1);
        known
    }
}

pub(super) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

impl TrueVersion {
    fn new(rank: usize, version: &Version, now: i64, with_samples: bool) -> Self {
        let moment = version.at(now);
        let machine = version.machine;
        let engine = version.oddity != Oddity::CustomImage;
        Self {
            version_id: version.id,
            version_name: (version.oddity != Oddity::NoVersionName).then(|| version.name()),
            rank,
            status_code: moment.code,
            status_name: code_name(moment.code),
            running: matches!(moment.code, 8 | 15),
            terminal: moment.ended,
            created: seconds(version.created),
            started: moment.started.map(seconds),
            finished: moment
                .started
                .filter(|_| moment.ended)
                .map(|start| seconds(start + moment.duration)),
            duration: seconds(moment.duration),
            engine_name: engine.then_some(ENGINE.0),
            engine_version: engine.then_some(ENGINE.1),
            flavor: machine.flavor,
            gpu_type: machine.gpu_type,
            pool_name: machine.pool,
            requested: Requested {
                workers: machine.workers,
                gpus: machine.gpus * machine.workers,
                npus: 0,
                cpu_cores: machine.cores * machine.workers,
                memory_bytes: machine.memory_gb * machine.workers * GIB,
            },
            has_gpu: machine.gpus > 0,
            usage: Usage::new(version, moment, with_samples),
            quality: quality::report(version, moment).map(|report| Quality {
                overall: TrueScores::new(&report.overall),
                classes: report
                    .classes
                    .iter()
                    .map(|class| TrueClass {
                        id: class.id.to_string(),
                        name: if version.oddity == Oddity::Nameless {
                            String::new()
                        } else {
                            class.name.clone()
                        },
                        scores: TrueScores::new(&class.scores),
                    })
                    .collect(),
            }),
        }
    }
}

impl Usage {
    fn new(version: &Version, moment: Moment, with_samples: bool) -> Option<Self> {
        if version.oddity.hides_metrics() || moment.started.is_none() || moment.samples() == 0 {
            return None;
        }
        let metrics = Metric::ALL
            .into_iter()
            .filter(|metric| carries(version, *metric))
            .map(|metric| {
                let sent = samples(version, moment, metric);
                let sent = sent.map(|hundredths| hundredths as f64 / 100.0).collect();
                (metric.truth_key(), Curve::new(sent, metric.is_percent(), with_samples))
            })
            .collect();
        Some(Self { samples: moment.samples(), metrics })
    }
}

impl Curve {
    /// What there is to say of what was sent.
    pub(super) fn new(sent: Vec<f64>, is_percent: bool, with_samples: bool) -> Self {
        let allowed = |value: &f64| !is_percent || *value <= 100.0;
        let valid = || sent.iter().copied().filter(allowed);
        let count = valid().count();
        Self {
            last: sent.last().copied().filter(allowed),
            mean: (count > 0).then(|| valid().sum::<f64>() / count as f64),
            max: valid().reduce(f64::max),
            samples: with_samples.then_some(sent),
        }
    }
}
