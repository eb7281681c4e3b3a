//! What it means in Prometheus: the catalogue of families, and the pure functions from what the
//! inventory knows to samples.
//!
//! A new metric is one row in a catalogue table, one function and one test of its text; the
//! documents and the exposition follow from the row.

mod family;
mod settings;

pub use family::{Family, FamilyIndex, Kind, Sink};
pub use settings::{InfoLabel, Settings};

pub use crate::model::JobKey;
