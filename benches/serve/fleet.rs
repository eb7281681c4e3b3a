//! Running jobs as polls describe them, of the size and shape of the simulator's: names of realistic
//! length, eight GPUs, eight classes, a new sample every minute.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modelarts_exporter::inventory::{self, Inventory, Moment, Roster};
use modelarts_exporter::metrics::{self, JobKey, Room, Sink};
use modelarts_exporter::model::{
    Api, ClassQuality, Execution, Facts, JobId, JobSpec, MeanMax, Polled, Quality, Resources,
    Scores, State, Summary, TaskUsage, Usage, UsageSample, Version, VersionId, VersionSelection,
};
use tokio::time::Instant;

/// The label `project`.
pub(crate) const PROJECT: &str = "vision";

/// What one of these jobs makes.
const SERIES_PER_JOB: usize = 76;

/// Of each job at the start: two hours.
const SAMPLES: u64 = 120;

/// Samples from one report of the model's quality to the next.
const REPORT_EVERY: u64 = 5;

/// The first job; training code of two years ago had ids like this one.
const FIRST_JOB: u64 = 182_626;

/// 2026-01-15, long before the clock of any machine that runs this.
const CREATED: f64 = 1_768_470_900.0;

const MODELS: [&str; 6] =
    ["resnet50", "bert-base", "unet", "yolo-v5", "efficientnet-b4", "wide-and-deep"];

const DATA: [&str; 5] = ["surface-defects", "scans", "claims-logs", "street-scenes", "orders"];

const CLASSES: [&str; 8] =
    ["roses", "tulips", "daisy", "dandelion", "sunflowers", "cracked", "scratched", "no-defect"];

/// The default of `poll.interval`.
const INTERVAL: Duration = Duration::from_mins(1);

/// The defaults of the configuration.
const SETTINGS: inventory::Settings = inventory::Settings {
    timeout: Duration::from_secs(10),
    max_staleness: Duration::from_mins(5),
    lost_after: Duration::from_mins(15),
    finished_retention: Duration::from_hours(24),
    versions_per_job: 3,
};

const SHOWN: metrics::Settings =
    metrics::Settings { extra_model_metrics: false, info_labels: Vec::new(), series: usize::MAX };

/// The inventory of one project, and how far each of its jobs has come.
pub(crate) struct Fleet {
    inventory: Inventory,
    jobs: Vec<(JobKey, u64)>,
}

impl Fleet {
    /// Jobs that make about so many series, each polled once.
    pub(crate) fn new(series: usize) -> Self {
        let project: Arc<str> = PROJECT.into();
        let key = |place| JobKey {
            project: Arc::clone(&project),
            job_id: JobId::from(FIRST_JOB + place as u64),
        };
        let count = series.div_ceil(SERIES_PER_JOB);
        let jobs: Vec<_> = (0..count).map(|place| (key(place), SAMPLES)).collect();
        let mut inventory = Inventory::new();
        let named = jobs.iter().map(|(key, _)| JobSpec {
            job_id: key.job_id.clone(),
            versions: VersionSelection::default(),
        });
        let roster = Roster { named: named.collect(), ..Roster::default() };
        inventory.add_project(&project, SETTINGS, roster, INTERVAL, now());
        let mut fleet = Self { inventory, jobs };
        for place in 0..count {
            fleet.answer(place);
        }
        fleet
    }

    /// Jobs in it.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// A poll of one job that brings a new sample.
    pub(crate) fn poll(&mut self, place: usize) -> &JobKey {
        self.jobs[place].1 += 1;
        self.answer(place);
        &self.jobs[place].0
    }

    fn answer(&mut self, place: usize) {
        let (key, samples) = &self.jobs[place];
        let (version, now) = (version(place as u64, *samples), now());
        let without_document = self.inventory.versions(key, vec![version.clone()], now);
        if without_document.is_some_and(|outlook| !outlook.details.is_empty()) {
            self.inventory.version(key, version, now);
        }
        self.inventory.polled(key, Polled::Success, INTERVAL, now);
    }

    /// Lets time pass; gives back the jobs that may show something else than before.
    pub(crate) fn tick(&mut self) -> Vec<JobKey> {
        self.inventory.tick(now())
    }

    /// Shows a job.
    pub(crate) fn show(&self, key: &JobKey, sink: &mut dyn Sink) {
        if let Some(job) = self.inventory.job(key, now()) {
            metrics::of_job(&job, &SHOWN, &Room::default(), sink);
        }
    }

    /// Shows the project beside its jobs.
    pub(crate) fn show_project(&self, sink: &mut dyn Sink) {
        for project in self.inventory.projects(now()) {
            metrics::of_project(&project, sink);
        }
    }
}

/// The time on both clocks.
pub(crate) fn now() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { steady: Instant::now(), unix: unix.as_millis() as f64 / 1000.0 }
}

/// A job's only version after so many samples: the same place and number give the same values.
fn version(place: u64, samples: u64) -> Version {
    let pick =
        |from: &[&str], by: u64| from[usize::try_from(by).unwrap_or(0) % from.len()].to_owned();
    let started = CREATED + 60.0 * (place % 1_000) as f64;
    Version {
        api: Api::V1,
        job_id: JobId::from(FIRST_JOB + place),
        job_name: format!("{}-{}-{place:05}", pick(&MODELS, place), pick(&DATA, place / 6)),
        version_id: VersionId::from(278_814 + place),
        version_name: Some(format!("V{:04}", place % 9 + 1)),
        state: State::from_v1(8),
        created: Some(started - 60.0),
        started: Some(started),
        duration: Some(60.0 * samples as f64),
        facts: Facts {
            engine_name: "TensorFlow".to_owned(),
            engine_version: "TF-1.8.0-python2.7".to_owned(),
            flavor: "modelarts.bm.gpu.8v100NV".to_owned(),
            gpu_type: "nvidia-v100-nvlink".to_owned(),
            pool_name: "vision".to_owned(),
            pool_id: "pool7e3577e3".to_owned(),
            ..Facts::default()
        },
        resources: Resources {
            workers: Some(1.0),
            gpus: Some(8.0),
            cpu_cores: Some(64.0),
            memory_bytes: Some(512.0 * f64::from(1 << 30)),
            ..Resources::default()
        },
        execution: Execution::default(),
        usage: Some(usage(place, samples)),
        quality: Some(quality(place, samples / REPORT_EVERY)),
    }
}

fn usage(place: u64, samples: u64) -> Usage {
    let mut random = fastrand::Rng::with_seed(place << 20 | samples);
    // Percent and rates come with two digits.
    let mut hundredths = |most: u32| Some(f64::from(random.u32(0..most)) / 100.0);
    let mut share = || hundredths(10_000).map(|percent| percent / 100.0);
    let newest = UsageSample {
        cpu: share(),
        memory: share(),
        gpu: share(),
        gpu_memory: share(),
        ..UsageSample::default()
    };
    let newest = UsageSample {
        network_receive: hundredths(600_000_000),
        network_transmit: hundredths(600_000_000),
        disk_read: hundredths(50_000),
        disk_write: hundredths(5_000),
        ..newest
    };
    // A mean has all the digits there are, and moves with every sample; a maximum rarely does.
    let level = 0.5 + (place % 10_000) as f64 / 3e4;
    let whole_run = |share: Option<f64>| {
        share.map(|share| MeanMax { mean: level + share / samples as f64, max: 0.9873 })
    };
    let task = TaskUsage {
        task: String::new(),
        samples,
        fingerprint: random.u64(..),
        newest,
        whole_run: Summary {
            cpu: whole_run(newest.cpu),
            memory: whole_run(newest.memory),
            gpu: whole_run(newest.gpu),
            gpu_memory: whole_run(newest.gpu_memory),
            ..Summary::default()
        },
    };
    Usage { tasks: vec![task] }
}

fn quality(place: u64, report: u64) -> Quality {
    let mut random = fastrand::Rng::with_seed(place << 20 | report);
    let mut scores = || {
        let mut score = || Some(f64::from(random.u32(700_000..1_000_000)) / 1e6);
        Scores {
            recall: score(),
            precision: score(),
            accuracy: score(),
            f1_score: score(),
            ..Scores::default()
        }
    };
    let overall = scores();
    let class = |(number, name): (usize, &&str)| ClassQuality {
        id: number.to_string(),
        name: (*name).to_owned(),
        scores: scores(),
    };
    let classes = CLASSES.iter().enumerate().map(class).collect();
    Quality { overall, classes, dropped_class_series: 0 }
}
