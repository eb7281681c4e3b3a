//! What it means in Prometheus: the catalogue of families, and the pure functions from what the
//! inventory knows to samples.
//!
//! A new metric is one row in a table of the catalogue, one function and one test of its text; the
//! documents and the exposition follow from the row.

mod budget;
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

use crate::inventory::outcomes::{NameView, Runs};
use crate::inventory::{JobView, ProjectView};
use crate::model::Outcome;
use outcome::Named;

pub use budget::{Budget, Room, Step};
pub use catalogue::{FAMILIES, UP};
pub use document::document;
pub use family::{Family, FamilyIndex, Kind, Sink};
pub use quota::of_quotas;
pub use settings::{InfoLabel, Settings};

pub use crate::model::JobKey;

/// What there is room for of a job, family by family in the order of the catalogue.
pub fn of_job(job: &JobView<'_>, settings: &Settings, room: &Room, sink: &mut dyn Sink) {
    let parts = room.of(job);
    for (family, row) in catalogue::ROWS.iter().enumerate() {
        let job = parts.as_ref().map_or(job, |parts| &parts[row.part as usize]);
        (row.samples)(job, settings, &mut catalogue::Out { sink, family });
    }
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
