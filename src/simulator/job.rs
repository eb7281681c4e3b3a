//! A job, its versions, and the machines they run on.

use std::sync::Arc;

use super::{
    clock::MINUTE,
    oddity::Oddity,
    quality::Classes,
    random::{between, mix, pick},
    story::{self, Fate, KEPT_SAMPLES, Machine, Version},
    usage::Curve,
};

/// Id of the first job; each further one is the next.
const FIRST_JOB: u64 = 182_626;

/// Ids of versions lie this far apart from job to job, so that they do not depend on who asked first.
const VERSIONS_APART: u64 = 1000;

/// Versions a job may have, so that a fast clock does not fill the memory.
pub(super) const MOST_VERSIONS: u64 = 50;

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) user: &'static str,
    pub(super) workspace: &'static str,
    /// Oldest first; one that is not yet created is none of ours yet.
    pub(super) versions: Vec<Version>,
    /// Once the last version has ended, so many milliseconds later there is a new one.
    pub(super) again_after: Option<i64>,
    pub(super) seed: u64,
}

impl Job {
    /// Id of its `number`th version.
    pub(super) fn version_id(&self, number: u64) -> u64 {
        278_813 + self.number * VERSIONS_APART + number
    }

    /// Creates the versions that are due. Cheap when none is.
    pub(super) fn catch_up(&mut self, now: i64) {
        while let (Some(pause), Some(last)) = (self.again_after, self.versions.last()) {
            let Some(end) = last.end() else { return };
            if end + pause > now || last.number >= MOST_VERSIONS {
                return;
            }
            let (created, number, machine) = (end + pause, last.number + 1, last.machine);
            let (classes, curve, oddity) = (last.classes.clone(), last.curve, last.oddity);
            let seed = mix(self.seed, number);
            let fate =
                pick(seed, 1, &[Fate::Completes, Fate::Completes, Fate::Fails, Fate::Completes]);
            let version = Version {
                id: self.version_id(number),
                number,
                seed,
                steps: story::steps(fate, seed, created, MINUTE, minutes(seed, 2, 12, 45)),
                machine,
                curve,
                classes,
                oddity,
                ..plain_version(seed, created)
            };
            self.versions.push(version);
        }
    }

    /// A job without versions.
    pub(super) fn new(number: u64, name: String, seed: u64) -> Self {
        Self {
            id: FIRST_JOB + number,
            number,
            name,
            description: String::new(),
            user: pick(seed, 11, &["userAbc", "train-bot", "m.meier"]),
            workspace: "0",
            versions: Vec::new(),
            again_after: None,
            seed: mix(seed, number),
        }
    }

    /// Adds a version with the fate given, on the job's usual machine.
    pub(super) fn add(&mut self, fate: Fate, created: i64, queue: i64, run: i64) -> &mut Version {
        let number = self.versions.len() as u64 + 1;
        let seed = mix(self.seed, number);
        let (machine, curve) = machine(self.seed);
        let version = Version {
            id: self.version_id(number),
            number,
            seed,
            steps: story::steps(fate, seed, created, queue, run),
            machine,
            curve,
            classes: classes(self.seed),
            oddity: Oddity::None,
            ..plain_version(seed, created)
        };
        self.versions.push(version);
        let last = self.versions.len() - 1;
        &mut self.versions[last]
    }
}

/// A version on a small machine that is never more than created.
pub(super) fn plain_version(seed: u64, created: i64) -> Version {
    Version {
        id: 0,
        number: 1,
        seed,
        created,
        steps: Vec::new(),
        machine: MACHINES[0].0,
        curve: Curve::Busy,
        classes: Classes::Silent,
        overall: None,
        kept: KEPT_SAMPLES,
        oddity: Oddity::None,
    }
}

/// Classes with these names.
pub(super) fn named<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Classes {
    Classes::Named(names.into_iter().map(Into::into).collect::<Arc<[String]>>())
}

/// So many minutes, in milliseconds.
pub(super) fn minutes(seed: u64, place: u64, low: u64, high: u64) -> i64 {
    i64::try_from(between(seed, place, low, high)).unwrap_or(0) * MINUTE
}

const fn machine_of(
    (workers, cores, memory_gb, gpus): (u64, u64, u64, u64),
    gpu_type: &'static str,
    flavor: &'static str,
    pool: &'static str,
) -> Machine {
    Machine { workers, cores, memory_gb, gpus, gpu_type, flavor, pool }
}

/// What jobs run on, and how they use it.
pub(super) const MACHINES: [(Machine, Curve); 6] = [
    (
        machine_of((1, 8, 64, 1), "nvidia-v100-pcie", "modelarts.vm.gpu.v100NV", "job-train-1v100"),
        Curve::Busy,
    ),
    (
        machine_of((1, 64, 512, 8), "nvidia-v100-nvlink", "modelarts.bm.gpu.8v100NV", "vision"),
        Curve::Busy,
    ),
    (
        machine_of((4, 72, 512, 8), "nvidia-a100-nvlink", "modelarts.bm.gpu.8a100", "vision"),
        Curve::Busy,
    ),
    (machine_of((1, 8, 32, 1), "Pnt1", "modelarts.vm.gpu.pnt1", "shared"), Curve::IdleGpu),
    (machine_of((1, 8, 32, 0), "", "modelarts.vm.cpu.8u", "hec-train-pub-cpu"), Curve::CpuOnly),
    (
        machine_of((2, 16, 128, 2), "nvidia-v100-pcie", "modelarts.vm.gpu.2v100", "language"),
        Curve::Busy,
    ),
];

fn machine(seed: u64) -> (Machine, Curve) {
    pick(seed, 21, &MACHINES)
}

fn classes(seed: u64) -> Classes {
    match mix(seed, 22) % 4 {
        0 => named(["roses", "tulips", "daisy", "dandelion", "sunflowers"]),
        1 => named(["background", "pedestrian", "cyclist"]),
        2 => named((0..10).map(|digit| digit.to_string())),
        _ => named(["negative", "positive"]),
    }
}
