//! The table at the end.

use std::fmt;

use crate::fleet::{Measured, Side};

/// The exporter does all the loop does, and keeps, renders and publishes the answer besides.
const MOST_TIMES_BARE: f64 = 2.0;

/// What a job may cost in the largest fleet, in terms of the smallest: nothing may grow faster than
/// the fleet.
const MOST_GROWTH: f64 = 1.1;

/// Memory beside what grows with the exposition, in MB.
const BASE_MB: f64 = 30.0;

/// Memory in terms of the uncompressed exposition.
const MOST_TIMES_IDENTITY: f64 = 2.5;

/// All fleets, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Table {
    fleets: Vec<Measured>,
}

impl Table {
    pub(crate) fn add(&mut self, fleet: Measured) {
        self.fleets.push(fleet);
    }
}

/// One line: a name, a value of each fleet, and the target.
pub(crate) fn row<T>(
    f: &mut fmt::Formatter<'_>,
    fleets: &[T],
    name: &str,
    target: &str,
    value: impl Fn(&T) -> String,
) -> fmt::Result {
    write!(f, "| {name:<34} |")?;
    for fleet in fleets {
        write!(f, " {:>12} |", value(fleet))?;
    }
    writeln!(f, " {target:<26} |")
}

/// The line below the first.
pub(crate) fn rule(f: &mut fmt::Formatter<'_>, fleets: usize) -> fmt::Result {
    writeln!(f, "|---|{}---|", "---:|".repeat(fleets))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fleets = &self.fleets[..];
        row(f, fleets, "", "target", |fleet| format!("{} of {}", fleet.jobs, fleet.api.as_str()))?;
        rule(f, fleets.len())?;
        row(f, fleets, "polls, exporter", "", |fleet| fleet.exporter.polls.to_string())?;
        row(f, fleets, "polls, bare loop", "", |fleet| fleet.bare.polls.to_string())?;
        row(f, fleets, "pages of the list, exporter", "", |fleet| {
            fleet.exporter.lists.to_string()
        })?;
        row(f, fleets, "CPU a poll, exporter, µs", "", |fleet| {
            format!("{:.1}", cost(&fleet.exporter))
        })?;
        row(f, fleets, "CPU a poll, bare loop, µs", "", |fleet| {
            format!("{:.1}", cost(&fleet.bare))
        })?;
        let target = format!("at most {MOST_TIMES_BARE:.1}");
        row(f, fleets, "exporter ÷ bare loop", &target, |fleet| {
            format!("{:.2}", cost(&fleet.exporter) / cost(&fleet.bare))
        })?;
        let target = format!("at most {MOST_GROWTH:.1}");
        row(f, fleets, "CPU a poll ÷ that of the first", &target, |fleet| {
            let first = fleets.iter().find(|first| first.api == fleet.api).unwrap_or(fleet);
            format!("{:.2}", cost(&fleet.exporter) / cost(&first.exporter))
        })?;
        row(f, fleets, "exposition, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.scraped.identity))
        })?;
        row(f, fleets, "exposition in gzip, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.scraped.gzip))
        })?;
        row(f, fleets, "peak RSS while scraped, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.peak_rss))
        })?;
        let target = format!("at most 1: {BASE_MB} MB + {MOST_TIMES_IDENTITY} × it");
        row(f, fleets, "peak RSS ÷ what it may be", &target, |fleet| {
            let may_be = BASE_MB + MOST_TIMES_IDENTITY * megabytes(fleet.scraped.identity);
            format!("{:.2}", megabytes(fleet.peak_rss) / may_be)
        })
    }
}

/// Microseconds of CPU a poll.
fn cost(side: &Side) -> f64 {
    side.cpu.as_secs_f64() * 1e6 / side.polls as f64
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
