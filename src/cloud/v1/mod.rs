//! The v1 training API: integer job ids, versions, metrics inside the job documents.
//!
//! Documented as "historical" by Open Telekom Cloud (API reference, "Training Management (Old
//! Version)"); what its documents leave open or contradict is noted at each wire type.

mod answer;
mod list;
mod quality;
mod training;
mod usage;
mod version;

pub(super) use training::Training;
