use serde::{Serialize, Serializer};

use super::super::{
    super::quality::Score,
    job::{Job, Task},
    oddity::Oddity,
    story::{Moment, leading, trailing},
    usage::{Gauge, MISSING, samples},
};

/// The answer about one task.
#[derive(Debug, Serialize)]
pub(in crate::simulator::v2) struct Metrics<'a> {
    metrics: Vec<Metric<'a>>,
}

#[derive(Debug, Serialize)]
struct Metric<'a> {
    metric: &'static str,
    value: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    /// Straight from the curve.
    Of(Gauge, &'a Job, &'a Task, &'a Moment),
    Unknown,
    Null,
}

impl<'a> Metrics<'a> {
    pub(in crate::simulator::v2) fn new(job: &'a Job, task: &'a Task, moment: &'a Moment) -> Self {
        let mut order = if job.seed.is_multiple_of(2) { Gauge::ALL } else { Gauge::NPU_FIRST };
        if job.oddity == Oddity::Shuffled {
            order.reverse();
            order.swap(0, 3);
        }
        let shown = order.into_iter().filter(|gauge| {
            job.oddity != Oddity::FewMetrics || !matches!(gauge, Gauge::Gpu | Gauge::NpuMemory)
        });
        let mut metrics: Vec<Metric<'a>> = shown
            .map(|gauge| Metric {
                metric: gauge.wire_name(),
                value: if job.oddity == Oddity::FewMetrics && gauge == Gauge::GpuMemory {
                    Values::Null
                } else {
                    Values::Of(gauge, job, task, moment)
                },
            })
            .collect();
        if job.oddity == Oddity::UnknownMetrics {
            metrics.insert(1, Metric { metric: "hbmTemperature", value: Values::Unknown });
            metrics.push(Metric { metric: "", value: Values::Unknown });
        }
        Self { metrics }
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Null => serializer.serialize_none(),
            Self::Unknown => serializer.collect_seq([61.5, 900.0, MISSING]),
            Self::Of(gauge, job, task, moment) => {
                let pad = |count| (0..count).map(|_| None);
                let behind = if moment.ended.is_some() { trailing(job.seed) } else { 0 };
                let all = pad(leading(job.seed))
                    .chain(samples(job, task, gauge, moment))
                    .chain(pad(behind));
                serializer.collect_seq(all.map(|sample| Score(sample.unwrap_or(MISSING))))
            }
        }
    }
}
