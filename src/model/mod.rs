//! What is true: the values of the cloud after every quirk of its wire forms has been dealt with.
//!
//! Units are those of Prometheus: seconds, bytes, ratios. A value the cloud did not give is `None`,
//! never zero.

mod curve;
mod discovery;
mod execution;
mod failure;
mod identity;
mod listed;
mod outcome;
mod outlook;
mod pattern;
mod polled;
mod quality;
mod quota;
mod selection;
mod shard;
mod status;
mod usage;
mod version;

pub use curve::{Curves, Measure, Point, reduced};
pub use discovery::{Discovery, Filter};
pub use execution::Execution;
pub use failure::Failure;
pub use identity::{JobId, JobKey, VersionId};
pub use listed::{JobList, LISTS_TO_TRUST, ListedJob, Turnover};
pub use outcome::{NameRule, NameRuleError, Outcome};
pub use outlook::{Activity, Detail, Outlook};
pub use pattern::{NamePattern, PatternError};
pub use polled::Polled;
pub use quality::{ClassQuality, Quality, Scores};
pub use quota::Quota;
pub use selection::{JobSpec, VersionSelection};
pub use shard::Shard;
pub use status::{State, Status};
pub use usage::{MeanMax, Summary, TaskUsage, Usage, UsageSample};
pub use version::{Api, Facts, Resources, Version};
