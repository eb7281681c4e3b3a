use std::collections::BTreeMap;

use super::{PATIENCE, Site, wait_for};
use crate::parser::{Sample, parse, sample};

/// Values that differ by less than this part of themselves are the same: sums may be added up in
/// another order.
const SAME: f64 = 1e-9;

/// What `/metrics` said, read by a strict reader of the text format.
#[derive(Debug)]
pub(crate) struct Scrape {
    samples: Vec<Sample>,
}

impl Site {
    /// What it shows now.
    pub(crate) async fn scrape(&self) -> Scrape {
        Scrape::read(&self.get("/metrics").await.text)
    }

    /// Waits until everything that is expected holds in one scrape; see [`Scrape::unmet`].
    pub(crate) async fn shows<T: AsRef<str>>(&self, expected: &[T]) -> Scrape {
        wait_for(PATIENCE, "the metrics to say so", async || {
            let scrape = self.scrape().await;
            let unmet = scrape.unmet(expected);
            if unmet.is_empty() { Ok(scrape) } else { Err(unmet.join("; ")) }
        })
        .await
    }
}

impl Scrape {
    /// Any irregularity fails the test.
    pub(crate) fn read(text: &str) -> Self {
        let families = parse(text, false).unwrap_or_else(|e| panic!("{e}"));
        Self { samples: families.into_iter().flat_map(|family| family.samples).collect() }
    }

    /// What several said, together. A series that two of them have is added up.
    pub(crate) fn sum_of(scrapes: Vec<Self>) -> Self {
        let mut series: BTreeMap<(String, Vec<(String, String)>), f64> = BTreeMap::new();
        for sample in scrapes.into_iter().flat_map(|scrape| scrape.samples) {
            *series.entry((sample.name, sample.labels)).or_default() += sample.value;
        }
        let sample = |((name, labels), value)| Sample { name, labels, value };
        Self { samples: series.into_iter().map(sample).collect() }
    }

    /// Every series of this name that has these labels, whatever others it has: `name{label="x"}`.
    pub(crate) fn find(&self, series: &str) -> Vec<&Sample> {
        let wanted = sample(&format!("{series} 0")).unwrap_or_else(|e| panic!("{e}"));
        let fits = |sample: &&Sample| {
            sample.name == wanted.name
                && wanted.labels.iter().all(|label| sample.labels.contains(label))
        };
        self.samples.iter().filter(fits).collect()
    }

    /// Every series.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The value of the one series that fits, or none; more than one is a mistake of the test.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        let found = self.find(series);
        assert!(found.len() < 2, "{series} is ambiguous: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// The sum over all series that fit.
    pub(crate) fn sum(&self, series: &str) -> f64 {
        self.find(series).iter().map(|sample| sample.value).sum()
    }

    /// Which of these does not hold: `SERIES == 1`, `SERIES > 1`, `SERIES absent`. Several series that
    /// fit are added up.
    pub(crate) fn unmet<T: AsRef<str>>(&self, expected: &[T]) -> Vec<String> {
        let holds = |line: &str| -> bool {
            if let Some(series) = line.strip_suffix(" absent") {
                return self.find(series).is_empty();
            }
            let mut words = line.rsplitn(3, ' ');
            let (Some(value), Some(sign), Some(series)) =
                (words.next(), words.next(), words.next())
            else {
                panic!("not an expectation: {line}");
            };
            let value: f64 = value.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
            let found = self.sum(series);
            match sign {
                "==" => {
                    !self.find(series).is_empty()
                        && (found - value).abs() <= SAME * value.abs().max(SAME)
                }
                ">" => found > value,
                _ => panic!("not an expectation: {line}"),
            }
        };
        let unmet = expected.iter().map(AsRef::as_ref).filter(|line| !holds(line));
        unmet.map(|line| format!("expected {line}, found {:?}", self.values(line))).collect()
    }

    fn values(&self, line: &str) -> Vec<f64> {
        let series = line.strip_suffix(" absent").or_else(|| line.rsplitn(3, ' ').last());
        self.find(series.unwrap_or_default()).iter().map(|sample| sample.value).collect()
    }
}
