//! The v2 training API: jobs that are uuids, without versions; phases; the usage of each task by a call
//! of its own; nothing about the model.
//!
//! Open Telekom Cloud's API reference, "Training Management", and Huawei Cloud's SDK, whose documents
//! name more fields; what they leave open or contradict is noted at each wire type.

mod answer;
mod job;
mod list;
mod metrics;
mod offset;
mod quota;
mod resource;
mod status;
#[cfg(test)]
mod tests;
mod training;

pub(super) use training::Training;
