//! `system_metric_list`: one array a metric, one element a minute, no timestamps.

use std::hash::{DefaultHasher, Hasher};
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess};

use crate::cloud::Fault;
use crate::cloud::wire::{Reader, Scalar, Tolerant, document};
use crate::model::{Curves, MeanMax, Measure, Point, Summary, TaskUsage, Usage, UsageSample};

document! {
    /// The keys of `system_metric_list` (OTC: "Obtaining Training Job Versions", sample request; the
    /// table there names three). `interval`, always 1 minute, is not needed.
    #[derive(Clone, PartialEq)]
    pub(super) struct SystemMetricList {
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

/// Room that an array gets at first: two hours, to which ten arrays a version would else grow in six
/// steps each.
const USUAL_MINUTES: usize = 128;

/// A longer array is no answer about a training run: nineteen weeks. It bounds what the two bytes of
/// an element may become in memory.
const MOST_MINUTES: usize = 200_000;

/// What a share can be.
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;

/// The minutes of one metric, as sent; NaN where an element holds no number.
#[derive(Clone, Debug, Default, PartialEq)]
struct Series {
    values: Vec<f64>,
    /// What was wrong with the elements (or with the value itself), with how many.
    faults: Vec<(Fault, usize)>,
}

impl Series {
    fn fault(&mut self, fault: Fault) {
        match self.faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, count)) => *count += 1,
            None => self.faults.push((fault, 1)),
        }
    }

    fn at(&self, index: usize) -> Option<f64> {
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

/// Reduces the arrays to the newest sample and the whole run.
pub(super) fn read(document: &SystemMetricList, reader: &mut Reader) -> Usage {
    count_faults(document, reader);
    let Some((first, last)) = sampled_range(document) else {
        return Usage { tasks: vec![TaskUsage::default()] };
    };
    let mut share = |field, series: &Series| Share::over(field, series, first, last, reader);
    let cpu = share("cpuUsage", &document.cpu);
    let memory = share("memUsage", &document.memory);
    let gpu = share("gpuUtil", &document.gpu);
    let gpu_memory = share("gpuMemUsage", &document.gpu_memory);
    let npu = share("npuUtil", &document.npu);
    let npu_memory = share("npuMemUsage", &document.npu_memory);
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
        network_receive: rate("recvBytesRate", &document.network_receive),
        network_transmit: rate("sendBytesRate", &document.network_transmit),
        disk_read: rate("diskReadRate", &document.disk_read),
        disk_write: rate("diskWriteRate", &document.disk_write),
    };
    let whole_run = Summary {
        cpu: cpu.whole_run,
        memory: memory.whole_run,
        gpu: gpu.whole_run,
        gpu_memory: gpu_memory.whole_run,
        npu: npu.whole_run,
        npu_memory: npu_memory.whole_run,
    };
    let all = document.all();
    let samples =
        (first..=last).filter(|&at| all.iter().any(|(_, series)| series.at(at).is_some()));
    let task = TaskUsage {
        task: String::new(),
        samples: samples.count() as u64,
        fingerprint: fingerprint(&all, first, last),
        newest,
        whole_run,
        curves: document.curves(first, last, reader.limits.curve_points),
    };
    Usage { tasks: vec![task] }
}

impl SystemMetricList {
    /// Whether it holds any array at all.
    pub(super) fn is_given(&self) -> bool {
        self.all().iter().any(|(_, series)| **series != Series::default())
    }

    /// How each measure went from the first sample to the last. What is out of range was counted with
    /// the share it is of.
    fn curves(&self, first: usize, last: usize, most: usize) -> Curves {
        let value = move |series: &Series, is_share: bool, at: usize| -> Point {
            let value = series.at(at)?;
            if is_share {
                PERCENT.contains(&value).then_some(value / 100.0)
            } else {
                (value >= 0.0).then_some(value)
            }
        };
        Curves::new(last + 1 - first, most, |measure| {
            let series = self.of(measure);
            (first..=last).map(move |at| value(series, measure.is_share(), at))
        })
    }

    fn of(&self, measure: Measure) -> &Series {
        match measure {
            Measure::Cpu => &self.cpu,
            Measure::Memory => &self.memory,
            Measure::Gpu => &self.gpu,
            Measure::GpuMemory => &self.gpu_memory,
            Measure::Npu => &self.npu,
            Measure::NpuMemory => &self.npu_memory,
            Measure::NetworkReceive => &self.network_receive,
            Measure::NetworkTransmit => &self.network_transmit,
            Measure::DiskRead => &self.disk_read,
            Measure::DiskWrite => &self.disk_write,
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
}

/// Counts what could not be read.
fn count_faults(document: &SystemMetricList, reader: &mut Reader) {
    for (field, series) in document.all() {
        for &(fault, count) in &series.faults {
            for _ in 0..count {
                reader.misread(field, fault);
            }
        }
    }
}

/// The first and the last index that is no padding.
///
/// v1 pads with "0" before the first and after the last sample. It is judged for the index, never
/// for one array: a living container never uses zero memory, while a GPU at zero beside memory in
/// use is the sample that matters. Where memory has no element, all arrays must be zero.
fn sampled_range(document: &SystemMetricList) -> Option<(usize, usize)> {
    let all = document.all();
    let length = all.iter().map(|(_, series)| series.values.len()).max()?;
    let is_padding = |at: &usize| match document.memory.at(*at) {
        Some(memory) => memory == 0.0,
        None => all.iter().all(|(_, series)| series.at(*at).is_none_or(|value| value == 0.0)),
    };
    let first = (0..length).find(|at| !is_padding(at))?;
    let last = (0..length).rev().find(|at| !is_padding(at))?;
    Some((first, last))
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
            if !PERCENT.contains(&percent) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Misread;
    use crate::cloud::wire::Limits;

    fn usage(json: &str) -> (TaskUsage, Vec<Misread>) {
        let mut reader = Reader::new(Limits {
            label_length: 128,
            classes: 9,
            extra_metrics: 9,
            curve_points: 240,
        });
        let document = match serde_json::from_str(json).unwrap() {
            crate::cloud::wire::Lenient::Taken(document) => document,
            other => panic!("{other:?}"),
        };
        let usage = read(&document, &mut reader);
        (usage.tasks.into_iter().next().unwrap(), reader.misreads)
    }

    /// The seven minutes of a finished job in a published tutorial's shape, with other values.
    const FINISHED: &str = r#"{"cpuUsage":["0","0","18.50","23.00","32.00","39.00","0"],
        "memUsage":["0","0","1.00","2.00","3.00","4.00","0"],"gpuUtil":["0","0","0.50","9.50","32.00","52.00","0"],
        "interval":1,"recvBytesRate":["0","0","10.25","0.00","7","5770405.50","0"]}"#;

    #[test]
    fn padding_is_cut_at_both_ends_and_the_newest_sample_is_the_last_real_one() {
        let (task, misreads) = usage(FINISHED);
        assert_eq!(task.samples, 4);
        assert_eq!(task.newest.gpu, Some(0.52));
        assert_eq!(task.newest.memory, Some(0.04));
        assert_eq!(task.newest.network_receive, Some(5_770_405.5));
        assert_eq!(task.newest.gpu_memory, None, "an absent array is no zero");
        assert_eq!(task.whole_run.memory, Some(MeanMax { mean: 0.025, max: 0.04 }));
        assert_eq!(misreads, []);
    }

    #[test]
    fn curves_go_from_the_first_sample_to_the_last_without_what_cannot_be() {
        let json = r#"{"memUsage":["0","5","5","5","0"],"gpuUtil":["0","100","101","x","0"],"recvBytesRate":[0,8,-1,4,0]}"#;
        let curves = usage(json).0.curves;
        assert_eq!(curves.minutes(), 3);
        assert_eq!(curves.of(Measure::Gpu).unwrap(), [Some(1.0), None, None]);
        let received = curves.of(Measure::NetworkReceive).unwrap();
        assert_eq!((received[0], received[1]), (Some(8.0), None));
        assert!(received[2].is_some_and(|rate| (rate - 4.0).abs() < 0.05), "{received:?}");
        assert_eq!(curves.of(Measure::Cpu), None, "an absent array is no zero");
    }

    #[test]
    fn an_idle_gpu_beside_memory_in_use_is_a_sample() {
        let json = r#"{"memUsage":["0","5.00","5.00"],"gpuUtil":["0","90.00","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.gpu), (2, Some(0.0)));
        assert_eq!(task.whole_run.gpu, Some(MeanMax { mean: 0.45, max: 0.9 }));
    }

    #[test]
    fn zero_memory_between_samples_is_no_padding() {
        let json = r#"{"memUsage":["0","5","0","5","0","0"],"cpuUsage":["0","1","2","3","9","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.cpu), (3, Some(0.03)));
    }

    #[test]
    fn without_memory_every_array_must_be_zero() {
        let json = r#"{"cpuUsage":["0","1","0","0"],"gpuUtil":["0","0","7","0"]}"#;
        let (task, _) = usage(json);
        assert_eq!((task.samples, task.newest.cpu, task.newest.gpu), (2, Some(0.0), Some(0.07)));
    }

    #[test]
    fn only_padding_is_no_sample() {
        let (task, misreads) = usage(r#"{"memUsage":["0","0"],"cpuUsage":["1.5","0"]}"#);
        assert_eq!(
            (task.samples, task.newest, task.whole_run),
            (0, UsageSample::default(), Summary::default())
        );
        assert_eq!(misreads, []);
    }

    #[test]
    fn one_bad_element_costs_that_element() {
        let json = r#"{"memUsage":[1,2,3,4,5,6],"cpuUsage":["x","NaN",{},null,101,50],"gpuUtil":{"a":1},"diskReadRate":[0,0,0,0,0,-1]}"#;
        let (task, mut misreads) = usage(json);
        misreads.sort();
        assert_eq!(task.samples, 6);
        assert_eq!(task.newest.cpu, Some(0.5));
        assert_eq!(task.newest.disk_read, None);
        assert_eq!(
            misreads.iter().map(|m| (m.field, m.fault)).collect::<Vec<_>>(),
            [
                ("cpuUsage", Fault::WrongType),
                ("cpuUsage", Fault::NotANumber),
                ("cpuUsage", Fault::NotFinite),
                ("cpuUsage", Fault::OutOfRange),
                ("diskReadRate", Fault::OutOfRange),
                ("gpuUtil", Fault::WrongType),
            ]
        );
    }

    #[test]
    fn an_array_of_more_minutes_than_any_run_has_is_left_out() {
        let minutes = vec!["5"; MOST_MINUTES].join(",");
        let json = format!(r#"{{"memUsage":[{minutes}],"cpuUsage":[{minutes},5]}}"#);
        let (task, misreads) = usage(&json);
        assert_eq!((task.samples, task.newest.cpu), (MOST_MINUTES as u64, None));
        assert_eq!(misreads, [Misread { field: "cpuUsage", fault: Fault::TooLong }]);
    }

    #[test]
    fn another_minute_changes_the_fingerprint_and_more_padding_does_not() {
        let print = |json| usage(json).0.fingerprint;
        let two = print(r#"{"memUsage":["0","5","6"]}"#);
        assert_eq!(two, print(r#"{"memUsage":["0","0","5","6","0"]}"#));
        assert_ne!(two, print(r#"{"memUsage":["0","5","6","6"]}"#));
        assert_ne!(two, print(r#"{"memUsage":["0","5","7"]}"#));
    }
}
