//! When to ask: the cadence of each job and the request budget a project shares.

mod settings;

pub use settings::{JobSpec, Settings};
