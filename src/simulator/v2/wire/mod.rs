//! The JSON of the v2 API: `ModelArts` API reference, "Training Management", what captured answers add to
//! it, and the types of the vendor's SDK.

mod algorithm;
mod job;
mod metrics;
mod resource;
mod tasks;

use serde::Serialize;

pub(super) use self::{
    algorithm::ENGINE,
    job::{Form, JobDocument},
    metrics::Metrics,
    tasks::places,
};

/// The answer to a search.
#[derive(Debug, Serialize)]
pub(super) struct JobList<'a> {
    /// All jobs, whatever the filters.
    pub(super) total: usize,
    /// Those that the filters admit, on all pages.
    pub(super) count: usize,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) sort_by: &'a str,
    pub(super) order: &'a str,
    pub(super) group_by: &'a str,
    pub(super) workspace_id: &'a str,
    pub(super) ai_project: &'a str,
    /// Comes last; the jobs are written into it.
    pub(super) items: [(); 0],
}

/// The answer about quotas.
#[derive(Debug, Serialize)]
pub(super) struct Quotas {
    quotas: Vec<Share>,
}

/// How much of a resource is taken.
#[derive(Debug, Serialize)]
struct Share {
    resource: &'static str,
    quota: u64,
    used: u64,
}

/// The only resource that has a quota.
const JOB_NUM: &str = "job-num";

impl Quotas {
    /// Those of a resource; of all where none is named.
    pub(super) fn new(resource: &str, quota: u64, used: u64) -> Self {
        let asked = resource.is_empty() || resource == JOB_NUM;
        Self {
            quotas: asked.then_some(Share { resource: JOB_NUM, quota, used }).into_iter().collect(),
        }
    }
}
