//! The protobuf exposition: `MetricFamily` messages of Prometheus' `metrics.proto`, each behind its
//! length.
//!
//! Lines of text stay the only form in which samples are kept; they are transcoded when somebody asks
//! for protobuf, which few do. An info is a gauge here: the format has no other word for it. Labels stay
//! in the family's order: Prometheus sorts the pairs of each metric itself, as it has to with the
//! label `le`, which it adds.

mod lines;
mod wire;

use crate::metrics::{Family, Kind};
use crate::own::{Reading, Series, Value};

use super::dialect::Dialect;

use wire::{write_double, write_message, write_number, write_text, write_varint};

pub(super) use lines::write_lines;

/// The fields of `MetricFamily`.
mod family {
    pub(super) const NAME: u8 = 1;
    pub(super) const HELP: u8 = 2;
    pub(super) const TYPE: u8 = 3;
    pub(super) const METRIC: u8 = 4;
    pub(super) const UNIT: u8 = 5;
}

/// The fields of `Metric`.
mod metric {
    pub(super) const LABEL: u8 = 1;
    pub(super) const GAUGE: u8 = 2;
    pub(super) const COUNTER: u8 = 3;
    pub(super) const HISTOGRAM: u8 = 7;
}

/// The fields of `LabelPair`.
mod label {
    pub(super) const NAME: u8 = 1;
    pub(super) const VALUE: u8 = 2;
}

/// The only field of `Gauge` and the first of `Counter`.
const VALUE: u8 = 1;

/// The fields of `Histogram`.
mod histogram {
    pub(super) const COUNT: u8 = 1;
    pub(super) const SUM: u8 = 2;
    pub(super) const BUCKET: u8 = 3;
}

/// The fields of `Bucket`.
mod bucket {
    pub(super) const CUMULATIVE_COUNT: u8 = 1;
    pub(super) const UPPER_BOUND: u8 = 2;
}

/// Appends the length of a family's message and all of it but its metrics, which must follow and take
/// `metrics_len` bytes.
pub(super) fn write_family_start(out: &mut Vec<u8>, family: &Family, metrics_len: u64) {
    let mut start = Vec::with_capacity(family.name.len() + family.help.len() + 16);
    write_text(&mut start, family::NAME, family.name.as_bytes());
    write_text(&mut start, family::HELP, family.help.as_bytes());
    write_number(&mut start, family::TYPE, type_number(family.kind));
    if let Some(unit) = Dialect::Protobuf.unit(family) {
        write_text(&mut start, family::UNIT, unit.as_bytes());
    }
    write_varint(out, start.len() as u64 + metrics_len);
    out.extend_from_slice(&start);
}

/// Appends one of our own families, whole.
pub(super) fn write_reading(out: &mut Vec<u8>, reading: &Reading) {
    let (mut metrics, mut metric) = (Vec::new(), Vec::new());
    for series in &reading.series {
        metric.clear();
        write_series(&mut metric, reading.family.kind, series);
        write_text(&mut metrics, family::METRIC, &metric);
    }
    write_family_start(out, reading.family, metrics.len() as u64);
    out.extend_from_slice(&metrics);
}

fn write_series(out: &mut Vec<u8>, kind: Kind, series: &Series) {
    for (name, value) in &series.labels {
        write_message(out, metric::LABEL, |pair| {
            write_text(pair, label::NAME, name.as_bytes());
            write_text(pair, label::VALUE, value.as_bytes());
        });
    }
    match &series.value {
        Value::Number(number) => {
            write_message(out, value_field(kind), |value| write_double(value, VALUE, *number));
        }
        Value::Histogram { buckets, sum, count } => {
            write_message(out, metric::HISTOGRAM, |histogram| {
                write_number(histogram, histogram::COUNT, *count);
                write_double(histogram, histogram::SUM, *sum);
                // The last one may be left out, but not every reader adds it.
                for (bound, cumulative) in buckets.iter().chain([&(f64::INFINITY, *count)]) {
                    write_message(histogram, histogram::BUCKET, |bucket| {
                        write_number(bucket, bucket::CUMULATIVE_COUNT, *cumulative);
                        write_double(bucket, bucket::UPPER_BOUND, *bound);
                    });
                }
            });
        }
    }
}

/// `MetricType`.
fn type_number(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 0,
        Kind::Gauge | Kind::Info => 1,
        Kind::Histogram => 4,
    }
}

/// The field of `Metric` that holds a value of this kind.
fn value_field(kind: Kind) -> u8 {
    match kind {
        Kind::Gauge | Kind::Info => metric::GAUGE,
        Kind::Counter => metric::COUNTER,
        Kind::Histogram => metric::HISTOGRAM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte for byte as the encoding's specification has it.
    #[test]
    fn a_family_in_bytes() {
        let family = Family { name: "a_ratio", kind: Kind::Gauge, help: "A", labels: &["x"] };
        let mut metrics = Vec::new();
        write_lines(&mut metrics, family.kind, b"a_ratio{x=\"\\\"\\n\"} 1\n");
        let one = b"\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
        let pair = b"\x0a\x07\x0a\x01x\x12\x02\"\n";
        assert_eq!(metrics, [b"\x22\x14".as_slice(), pair, one].concat());

        let mut out = Vec::new();
        write_family_start(&mut out, &family, metrics.len() as u64);
        assert_eq!(out, b"\x2b\x0a\x07a_ratio\x12\x01A\x18\x01\x2a\x05ratio");
    }

    #[test]
    fn an_info_is_a_gauge_without_a_unit() {
        let mut out = Vec::new();
        let family = Family { name: "a_bytes_info", kind: Kind::Info, help: "A", labels: &[] };
        write_family_start(&mut out, &family, 0);
        assert_eq!(out, b"\x13\x0a\x0ca_bytes_info\x12\x01A\x18\x01");
    }
}
