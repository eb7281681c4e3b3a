//! What it means in Prometheus: the catalogue of families, and the pure functions from what the
//! inventory knows to samples.
//!
//! A new metric is one row in a table of the catalogue, one function and one test of its text; the
//! documents and the exposition follow from the row.

mod catalogue;
mod document;
mod family;
mod job;
mod quality;
mod settings;
mod usage;

use crate::inventory::{JobView, ProjectView};

pub use catalogue::{FAMILIES, UP};
pub use document::document;
pub use family::{Family, FamilyIndex, Kind, Sink};
pub use settings::{InfoLabel, Settings};

pub use crate::model::JobKey;

/// Everything there is to show of a job, family by family in the order of the catalogue.
pub fn of_job(job: &JobView<'_>, settings: &Settings, sink: &mut dyn Sink) {
    for (index, row) in catalogue::ROWS.iter().enumerate() {
        (row.samples)(job, settings, &mut catalogue::Out { sink, family: index });
    }
}

/// Everything there is to show of a project beside its jobs.
pub fn of_project(project: &ProjectView<'_>, sink: &mut dyn Sink) {
    let value = f64::from(u8::from(project.up));
    sink.sample(UP, &[("project", project.name)], value);
}
