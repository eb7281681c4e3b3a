use std::collections::HashMap;

use prometheus::proto::{Metric, MetricFamily};

use super::{FAMILIES, Family, Kind};

/// One family as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its row in the table.
    pub family: &'static Family,
    /// At least one.
    pub series: Vec<Series>,
}

/// One label set and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In the row's order.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// A value as its kind has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a gauge, a counter or an info.
    Number(f64),
    /// Of a histogram.
    Histogram {
        /// Upper bound and cumulative count of each bucket, without the one at infinity.
        buckets: Vec<(f64, u64)>,
        /// Of all observations.
        sum: f64,
        /// Of all observations.
        count: u64,
    },
}

/// Brings what several registries gathered into the table's order, one reading a family.
pub(super) fn in_order(families: &[MetricFamily]) -> Vec<Reading> {
    let mut metrics: HashMap<&str, Vec<&Metric>> = HashMap::new();
    for family in families {
        metrics.entry(family.name()).or_default().extend(family.get_metric());
    }
    FAMILIES
        .iter()
        .filter_map(|family| {
            let series = metrics.get(family.name)?.iter().map(|metric| series(family, metric));
            Some(Reading { family, series: series.collect() })
        })
        .collect()
}

fn series(family: &'static Family, metric: &Metric) -> Series {
    let label = |name: &&'static str| {
        let pair = metric.get_label().iter().find(|pair| pair.name() == *name);
        (*name, pair.map(|pair| pair.value().to_owned()).unwrap_or_default())
    };
    let value = match family.kind {
        Kind::Gauge | Kind::Info => Value::Number(metric.get_gauge().get_value()),
        Kind::Counter => Value::Number(metric.get_counter().get_value()),
        Kind::Histogram => {
            let histogram = metric.get_histogram();
            let buckets = histogram.get_bucket().iter();
            Value::Histogram {
                buckets: buckets.map(|b| (b.upper_bound(), b.cumulative_count())).collect(),
                sum: histogram.get_sample_sum(),
                count: histogram.get_sample_count(),
            }
        }
    };
    Series { labels: family.labels.iter().map(label).collect(), value }
}
