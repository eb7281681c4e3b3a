use bytes::Bytes;

use crate::own::{self, Reading, Value};

use super::dialect::{Dialect, write_family};
use super::line::{write_bound, write_series, write_value};

/// The exporter's own families in each dialect, with what ends an answer.
pub(super) fn render(own: &own::Metrics) -> [Bytes; Dialect::ALL.len()] {
    let mut texts = Dialect::ALL.map(|_| Vec::new());
    for reading in own.read() {
        let lines = lines(&reading);
        for dialect in Dialect::ALL {
            write_family(&mut texts[dialect as usize], dialect, reading.family, &lines);
        }
    }
    for dialect in Dialect::ALL {
        texts[dialect as usize].extend_from_slice(dialect.end());
    }
    texts.map(Bytes::from)
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
