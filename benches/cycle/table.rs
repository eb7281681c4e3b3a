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

    /// One line: a name, a value of each fleet, and the target.
    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        target: &str,
        value: impl Fn(&Measured) -> String,
    ) -> fmt::Result {
        write!(f, "| {name:<34} |")?;
        for fleet in &self.fleets {
            write!(f, " {:>11} |", value(fleet))?;
        }
        writeln!(f, " {target:<26} |")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row(f, "", "target", |fleet| format!("{} jobs", fleet.jobs))?;
        let dashes = "---:|".repeat(self.fleets.len());
        writeln!(f, "|---|{dashes}---|")?;
        self.row(f, "polls, exporter", "", |fleet| fleet.exporter.polls.to_string())?;
        self.row(f, "polls, bare loop", "", |fleet| fleet.bare.polls.to_string())?;
        self.row(f, "CPU a poll, exporter, µs", "", |fleet| {
            format!("{:.1}", cost(&fleet.exporter))
        })?;
        self.row(f, "CPU a poll, bare loop, µs", "", |fleet| format!("{:.1}", cost(&fleet.bare)))?;
        let target = format!("at most {MOST_TIMES_BARE:.1}");
        self.row(f, "exporter ÷ bare loop", &target, |fleet| {
            format!("{:.2}", cost(&fleet.exporter) / cost(&fleet.bare))
        })?;
        if let Some(first) = self.fleets.first() {
            let target = format!("at most {MOST_GROWTH:.1}");
            self.row(f, "CPU a poll ÷ that of the first", &target, |fleet| {
                format!("{:.2}", cost(&fleet.exporter) / cost(&first.exporter))
            })?;
        }
        self.row(f, "exposition, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.scraped.identity))
        })?;
        self.row(f, "exposition in gzip, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.scraped.gzip))
        })?;
        self.row(f, "peak RSS while scraped, MB", "", |fleet| {
            format!("{:.1}", megabytes(fleet.peak_rss))
        })?;
        let target = format!("at most 1: {BASE_MB} MB + {MOST_TIMES_IDENTITY} × it");
        self.row(f, "peak RSS ÷ what it may be", &target, |fleet| {
            let may_be = BASE_MB + MOST_TIMES_IDENTITY * megabytes(fleet.scraped.identity);
            format!("{:.2}", megabytes(fleet.peak_rss) / may_be)
        })
    }
}

/// Microseconds of CPU a poll.
fn cost(side: &Side) -> f64 {
    side.cpu.as_secs_f64() * 1e6 / side.polls as f64
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
