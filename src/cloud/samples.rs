//! Samples of the use of machines: one array a metric, one element a minute, no timestamps.

use std::hash::{DefaultHasher, Hasher};
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess};

use crate::cloud::Fault;
use crate::cloud::wire::{Reader, Scalar, Tolerant, document};
use crate::model::{MeanMax, Summary, TaskUsage, UsageSample};

/// Room that an array gets at first: two hours, to which ten arrays a version would else grow in six
/// steps each.
const USUAL_MINUTES: usize = 128;

/// A longer array is no answer about a training run: nineteen weeks. It bounds what the two bytes of
/// an element may become in memory.
pub(super) const MOST_MINUTES: usize = 200_000;

document! {
    /// The arrays by their names on the wire, which are the same in both APIs (v1, OTC: "Obtaining
    /// Training Job Versions", sample request; the table there names three. v2 knows the first six,
    /// OTC: "Querying the Running Metrics of a Specified Task in a Training Job").
    #[derive(Clone, PartialEq)]
    pub(super) struct Samples {
        cpu: Series = "cpuUsage",
        memory: Series = "memUsage",
        gpu: Series = "gpuUtil",
        gpu_memory: Series = "gpuMemUsage",
        npu: Series = "npuUtil",
        npu_memory: Series = "npuMemUsage",
        disk_read: Series = "diskReadRate",
        disk_write: Series = "diskWriteRate",
        network_receive: Series = "recvBytesRate",
        network_transmit: Series = "sendBytesRate",
    }
}

impl Samples {
    /// Whether there is any array at all.
    pub(super) fn is_given(&self) -> bool {
        self.all().iter().any(|(_, series)| **series != Series::default())
    }

    /// The use of memory, which no living container is without.
    pub(super) fn memory(&self) -> &Series {
        &self.memory
    }

    /// The place of an array that v2 has too.
    pub(super) fn share_mut(&mut self, name: &str) -> Option<&mut Series> {
        Some(match name {
            "cpuUsage" => &mut self.cpu,
            "memUsage" => &mut self.memory,
            "gpuUtil" => &mut self.gpu,
            "gpuMemUsage" => &mut self.gpu_memory,
            "npuUtil" => &mut self.npu,
            "npuMemUsage" => &mut self.npu_memory,
            _ => return None,
        })
    }

    /// From the first to the last index that is no padding.
    pub(super) fn range(
        &self,
        is_padding: impl Fn(usize) -> bool,
    ) -> Option<RangeInclusive<usize>> {
        let length = self.all().iter().map(|(_, series)| series.values.len()).max()?;
        let first = (0..length).find(|&at| !is_padding(at))?;
        let last = (0..length).rev().find(|&at| !is_padding(at))?;
        Some(first..=last)
    }

    /// Whether no array has a number at this index.
    pub(super) fn is_blank(&self, at: usize) -> bool {
        self.all().iter().all(|(_, series)| series.at(at).is_none())
    }

    /// Whether no array has another number than 0 at this index.
    pub(super) fn is_zero(&self, at: usize) -> bool {
        self.all().iter().all(|(_, series)| series.at(at).is_none_or(|value| value == 0.0))
    }

    /// Reduces the arrays to the newest sample and the whole run; what could not be read is counted.
    /// `None` for the range: there is no sample.
    pub(super) fn read(
        &self,
        task: String,
        range: Option<RangeInclusive<usize>>,
        reader: &mut Reader,
    ) -> TaskUsage {
        self.count_faults(reader);
        let Some(range) = range else { return TaskUsage { task, ..TaskUsage::default() } };
        let (first, last) = (*range.start(), *range.end());
        let mut share = |field, series: &Series| Share::over(field, series, first, last, reader);
        let cpu = share("cpuUsage", &self.cpu);
        let memory = share("memUsage", &self.memory);
        let gpu = share("gpuUtil", &self.gpu);
        let gpu_memory = share("gpuMemUsage", &self.gpu_memory);
        let npu = share("npuUtil", &self.npu);
        let npu_memory = share("npuMemUsage", &self.npu_memory);
        let mut rate = |field, series: &Series| {
            let value = series.at(last)?;
            if value < 0.0 {
                reader.misread(field, Fault::OutOfRange);
                return None;
            }
            Some(value)
        };
        let newest = UsageSample {
            cpu: cpu.newest,
            memory: memory.newest,
            gpu: gpu.newest,
            gpu_memory: gpu_memory.newest,
            npu: npu.newest,
            npu_memory: npu_memory.newest,
            network_receive: rate("recvBytesRate", &self.network_receive),
            network_transmit: rate("sendBytesRate", &self.network_transmit),
            disk_read: rate("diskReadRate", &self.disk_read),
            disk_write: rate("diskWriteRate", &self.disk_write),
        };
        let whole_run = Summary {
            cpu: cpu.whole_run,
            memory: memory.whole_run,
            gpu: gpu.whole_run,
            gpu_memory: gpu_memory.whole_run,
            npu: npu.whole_run,
            npu_memory: npu_memory.whole_run,
        };
        let all = self.all();
        let samples = range.filter(|&at| all.iter().any(|(_, series)| series.at(at).is_some()));
        TaskUsage {
            task,
            samples: samples.count() as u64,
            fingerprint: fingerprint(&all, first, last),
            newest,
            whole_run,
        }
    }

    /// The arrays under their names on the wire.
    fn all(&self) -> [(&'static str, &Series); 10] {
        [
            ("cpuUsage", &self.cpu),
            ("memUsage", &self.memory),
            ("gpuUtil", &self.gpu),
            ("gpuMemUsage", &self.gpu_memory),
            ("npuUtil", &self.npu),
            ("npuMemUsage", &self.npu_memory),
            ("diskReadRate", &self.disk_read),
            ("diskWriteRate", &self.disk_write),
            ("recvBytesRate", &self.network_receive),
            ("sendBytesRate", &self.network_transmit),
        ]
    }

    /// Counts what could not be read.
    fn count_faults(&self, reader: &mut Reader) {
        for (field, series) in self.all() {
            for &(fault, count) in &series.faults {
                for _ in 0..count {
                    reader.misread(field, fault);
                }
            }
        }
    }
}

fn fingerprint(all: &[(&str, &Series)], first: usize, last: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (_, series) in all {
        let end = series.values.len().min(last + 1);
        let minutes = series.values.get(first..end).unwrap_or_default();
        // What is missing is always the same NaN.
        for value in minutes {
            hasher.write_u64(value.to_bits());
        }
        hasher.write_usize(minutes.len());
    }
    hasher.finish()
}

/// The minutes of one metric, as sent; NaN where an element holds no number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    values: Vec<f64>,
    /// What was wrong with the elements (or with the value itself), with how many.
    faults: Vec<(Fault, usize)>,
}

impl Series {
    /// Takes every element that is this number for one that is missing.
    pub(super) fn without(mut self, number: f64) -> Self {
        for value in self.values.iter_mut().filter(|value| value.total_cmp(&number).is_eq()) {
            *value = f64::NAN;
        }
        self
    }

    fn fault(&mut self, fault: Fault) {
        match self.faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, count)) => *count += 1,
            None => self.faults.push((fault, 1)),
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<f64> {
        self.values.get(index).copied().filter(|value| !value.is_nan())
    }
}

impl<'de> Tolerant<'de> for Series {
    fn absent() -> Self {
        Self::default()
    }

    fn wrong() -> Self {
        Self { values: Vec::new(), faults: vec![(Fault::WrongType, 1)] }
    }

    fn scalar(value: Scalar<'de>) -> Self {
        match value {
            Scalar::Text(text) if text.trim().is_empty() => Self::default(),
            _ => Self::wrong(),
        }
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut series = Self { values: Vec::with_capacity(USUAL_MINUTES), faults: Vec::new() };
        while let Some(element) = sequence.next_element::<Scalar<'_>>()? {
            let value = match element.number() {
                Ok(number) => number.unwrap_or(f64::NAN),
                Err(fault) => {
                    series.fault(fault);
                    f64::NAN
                }
            };
            series.values.push(value);
            if series.values.len() > MOST_MINUTES {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Self { values: Vec::new(), faults: vec![(Fault::TooLong, 1)] });
            }
        }
        Ok(series)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// One share of the machine, as ratios.
struct Share {
    newest: Option<f64>,
    whole_run: Option<MeanMax>,
}

impl Share {
    fn over(
        field: &'static str,
        series: &Series,
        first: usize,
        last: usize,
        reader: &mut Reader,
    ) -> Self {
        let (mut sum, mut max, mut count) = (0.0, f64::NEG_INFINITY, 0_u32);
        let mut newest = None;
        for at in first..=last {
            let Some(percent) = series.at(at) else { continue };
            if !(0.0..=100.0).contains(&percent) {
                reader.misread(field, Fault::OutOfRange);
                continue;
            }
            let ratio = percent / 100.0;
            sum += ratio;
            max = f64::max(max, ratio);
            count += 1;
            if at == last {
                newest = Some(ratio);
            }
        }
        let whole_run = (count > 0).then(|| MeanMax { mean: sum / f64::from(count), max });
        Self { newest, whole_run }
    }
}
