//! What the tasks of a job use, minute by minute.

use super::{
    super::{
        random::{between, mix},
        usage::{Metric, sample},
    },
    flavor::Accelerator,
    job::{Job, Task},
    oddity::Oddity,
    story::Moment,
};

/// One of the arrays of a task's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gauge {
    Cpu,
    Memory,
    Gpu,
    GpuMemory,
    Npu,
    NpuMemory,
}
use Gauge::{Cpu, Gpu, GpuMemory, Memory, Npu, NpuMemory};

impl Gauge {
    /// In the order of one document.
    pub(super) const ALL: [Self; 6] = [Cpu, Memory, Gpu, GpuMemory, Npu, NpuMemory];
    /// In the order of a captured answer.
    pub(super) const NPU_FIRST: [Self; 6] = [Cpu, Memory, Npu, NpuMemory, Gpu, GpuMemory];

    /// Its name on the wire.
    pub(super) fn wire_name(self) -> &'static str {
        match self {
            Cpu => "cpuUsage",
            Memory => "memUsage",
            Gpu => "gpuUtil",
            GpuMemory => "gpuMemUsage",
            Npu => "npuUtil",
            NpuMemory => "npuMemUsage",
        }
    }

    /// Its key in the truth.
    pub(super) fn truth_key(self) -> &'static str {
        match self {
            Cpu => "cpu",
            Memory => "memory",
            Gpu => "gpu",
            GpuMemory => "gpu_memory",
            Npu => "npu",
            NpuMemory => "npu_memory",
        }
    }

    /// The curve it follows on hardware of this kind, if that has it.
    fn curve_of(self, accelerator: Accelerator) -> Option<Metric> {
        match (self, accelerator) {
            (Cpu, _) => Some(Metric::Cpu),
            (Memory, _) => Some(Metric::Memory),
            (Gpu, Accelerator::Gpu) | (Npu, Accelerator::Npu) => Some(Metric::Gpu),
            (GpuMemory, Accelerator::Gpu) | (NpuMemory, Accelerator::Npu) => {
                Some(Metric::GpuMemory)
            }
            _ => None,
        }
    }
}

/// What stands in an array for a minute without a valid sample.
pub(super) const MISSING: f64 = -1.0;

/// The samples of one array in percent, without padding at its ends; `None` where there is no valid one.
pub(super) fn samples(
    job: &Job,
    task: &Task,
    gauge: Gauge,
    moment: &Moment,
) -> impl Iterator<Item = Option<f64>> {
    let (first, last) = moment.minutes;
    let seed = mix(job.seed, 301 + task.place);
    // Not every task of a job comes up in its first minute.
    let late = if task.place == 0 { 0 } else { between(seed, 302, 0, 1) };
    let missing = match job.oddity {
        Oddity::AllMissing => last,
        _ => late,
    };
    let end = match job.oddity {
        Oddity::Uneven if gauge == Memory => last.saturating_sub(2).max(first),
        _ => last,
    };
    let curve = gauge.curve_of(task.flavor.accelerator);
    (first..end).map(move |minute| {
        let metric = curve.filter(|_| minute >= missing && !job.is_down(minute))?;
        if job.oddity == Oddity::TooMuch && gauge == Cpu && minute + 1 == last {
            return Some(105.5);
        }
        let curve =
            if job.idle { super::super::usage::Curve::IdleGpu } else { task.flavor.curve() };
        Some(sample(seed, curve, metric, minute) as f64 / 100.0)
    })
}
