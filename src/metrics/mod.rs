//! What it means in Prometheus: the catalogue of families, and the pure functions from what the
//! inventory knows to samples.
//!
//! A new metric is one row in a table of the catalogue, one function and one test of its text; the
//! documents and the exposition follow from the row.

mod catalogue;
mod document;
mod family;
mod job;
#[cfg(test)]
mod lines;
mod outcome;
mod quality;
mod quota;
mod settings;
mod usage;

use std::ops::{Add, Sub};

use crate::inventory::outcomes::{NameView, Runs};
use crate::inventory::{JobView, ProjectView};
use crate::model::Outcome;
use outcome::Named;

pub use catalogue::{FAMILIES, UP};
pub use document::document;
pub use family::{Family, FamilyIndex, Kind, Sink};
pub use quota::of_quotas;
pub use settings::{InfoLabel, Settings};

pub use crate::model::JobKey;

/// Everything there is to show of a job, family by family in the order of the catalogue.
pub fn of_job(job: &JobView<'_>, settings: &Settings, sink: &mut dyn Sink) {
    for (index, row) in catalogue::ROWS.iter().enumerate() {
        (row.samples)(job, settings, &mut catalogue::Out { sink, family: index });
    }
}

/// Series that the limits kept from being shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// By `limits.classes_per_version`.
    pub classes: usize,
    /// By `limits.extra_metrics_per_version`.
    pub extra_metrics: usize,
}

impl Add for Dropped {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            classes: self.classes + other.classes,
            extra_metrics: self.extra_metrics + other.extra_metrics,
        }
    }
}

impl Sub for Dropped {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            classes: self.classes - other.classes,
            extra_metrics: self.extra_metrics - other.extra_metrics,
        }
    }
}

/// What the limits kept back of a job.
pub fn dropped(job: &JobView<'_>) -> Dropped {
    let mut dropped = Dropped::default();
    for quality in job.versions.iter().filter_map(|version| version.quality) {
        dropped.classes += quality.dropped_class_series;
        let classes = quality.classes.iter().map(|class| &class.scores);
        let scores = classes.chain([&quality.overall]);
        dropped.extra_metrics += scores.map(|scores| scores.dropped_extra).sum::<usize>();
    }
    dropped
}

/// Everything there is to show of a project beside its jobs.
pub fn of_project(project: &ProjectView<'_>, sink: &mut dyn Sink) {
    let value = f64::from(u8::from(project.up));
    sink.sample(UP, &[("project", project.name)], value);
}

/// The counted ends of a project, after [`of_project`].
pub fn of_runs(project: &str, runs: Runs, sink: &mut dyn Sink) {
    for outcome in Outcome::ALL {
        let labels = [("project", project), ("outcome", outcome.as_str())];
        sink.sample(catalogue::RUNS, &labels, runs.of(outcome) as f64);
    }
}

/// Everything there is to show of one name that outcomes are kept under, family by family in the order
/// of the catalogue.
pub fn of_name(project: &str, job_name: &str, view: &NameView, sink: &mut dyn Sink) {
    let name = Named { project, job_name, view };
    for (family, row) in catalogue::ROWS.iter().enumerate() {
        (row.name_samples)(&name, &mut catalogue::Out { sink, family });
    }
}
