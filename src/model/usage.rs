use crate::model::{Curves, Measure};

/// What the cloud sampled of a version's use of its machines, one entry a task (v1: one, for the whole job).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// In the order of the answer.
    pub tasks: Vec<TaskUsage>,
}

/// The samples of one task, reduced to what is shown: the newest, the whole run, and how it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskUsage {
    /// v1: empty; v2: `worker-0`, ….
    pub task: String,
    /// Valid samples in the answer, padding not counted.
    pub samples: u64,
    /// A fingerprint of the valid samples: another value means a sample arrived.
    pub fingerprint: u64,
    /// The newest valid sample.
    pub newest: UsageSample,
    /// The shares of the machine over the whole run.
    pub whole_run: Summary,
    /// All of it, minute by minute, as coarse as an eye needs it.
    pub curves: Curves,
}

/// One minute of use. Shares are ratios from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UsageSample {
    /// `cpuUsage`.
    pub cpu: Option<f64>,
    /// `memUsage`.
    pub memory: Option<f64>,
    /// `gpuUtil`.
    pub gpu: Option<f64>,
    /// `gpuMemUsage`.
    pub gpu_memory: Option<f64>,
    /// `npuUtil`.
    pub npu: Option<f64>,
    /// `npuMemUsage`.
    pub npu_memory: Option<f64>,
    /// `recvBytesRate`, bytes per second by its name; no document gives the unit.
    pub network_receive: Option<f64>,
    /// `sendBytesRate`, likewise.
    pub network_transmit: Option<f64>,
    /// `diskReadRate`, in a unit no document gives.
    pub disk_read: Option<f64>,
    /// `diskWriteRate`, likewise.
    pub disk_write: Option<f64>,
}

impl UsageSample {
    /// The value of a measure.
    pub fn of(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Cpu => self.cpu,
            Measure::Memory => self.memory,
            Measure::Gpu => self.gpu,
            Measure::GpuMemory => self.gpu_memory,
            Measure::Npu => self.npu,
            Measure::NpuMemory => self.npu_memory,
            Measure::NetworkReceive => self.network_receive,
            Measure::NetworkTransmit => self.network_transmit,
            Measure::DiskRead => self.disk_read,
            Measure::DiskWrite => self.disk_write,
        }
    }
}

/// Mean and maximum of each share over the valid samples of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// `cpuUsage`.
    pub cpu: Option<MeanMax>,
    /// `memUsage`.
    pub memory: Option<MeanMax>,
    /// `gpuUtil`.
    pub gpu: Option<MeanMax>,
    /// `gpuMemUsage`.
    pub gpu_memory: Option<MeanMax>,
    /// `npuUtil`.
    pub npu: Option<MeanMax>,
    /// `npuMemUsage`.
    pub npu_memory: Option<MeanMax>,
}

impl Summary {
    /// Of a share; `None` for a rate.
    pub fn of(&self, measure: Measure) -> Option<MeanMax> {
        match measure {
            Measure::Cpu => self.cpu,
            Measure::Memory => self.memory,
            Measure::Gpu => self.gpu,
            Measure::GpuMemory => self.gpu_memory,
            Measure::Npu => self.npu,
            Measure::NpuMemory => self.npu_memory,
            _ => None,
        }
    }
}

/// A mean and a maximum, as ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanMax {
    /// The arithmetic mean.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
}
