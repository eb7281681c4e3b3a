use crate::own::{Reading, Value};

use super::dialect::{Dialect, write_header};
use super::line::{write_bound, write_series, write_value};
use super::protobuf;

/// The exporter's own families in one dialect, with what ends an answer.
pub(super) fn render(readings: &[Reading], dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    for reading in readings {
        match dialect {
            Dialect::Text | Dialect::OpenMetrics => {
                write_header(&mut out, dialect, reading.family);
                out.extend_from_slice(&lines(reading));
            }
            Dialect::Protobuf => protobuf::write_reading(&mut out, reading),
        }
    }
    out.extend_from_slice(dialect.end());
    out
}

fn lines(reading: &Reading) -> Vec<u8> {
    let mut out = Vec::new();
    for series in &reading.series {
        let mut line = |suffix, bound: Option<&str>, value| {
            let labels = series.labels.iter().map(|(name, value)| (*name, value.as_str()));
            let bound = bound.map(|bound| ("le", bound));
            write_series(&mut out, reading.family.name, suffix, labels.chain(bound));
            write_value(&mut out, value);
        };
        match &series.value {
            Value::Number(number) => line("", None, *number),
            Value::Histogram { buckets, sum, count } => {
                for (bound, cumulative) in buckets {
                    line("_bucket", Some(&write_bound(*bound)), *cumulative as f64);
                }
                line("_bucket", Some("+Inf"), *count as f64);
                line("_sum", None, *sum);
                line("_count", None, *count as f64);
            }
        }
    }
    out
}
