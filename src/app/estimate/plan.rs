use std::collections::HashSet;
use std::sync::Arc;

use crate::config::ProjectConfig;
use crate::inventory::outcomes::Rules;
use crate::model::{Discovery, JobList, ListedJob};
use crate::schedule::JobSpec;
use crate::{inventory, metrics, schedule};

/// All that a project's cost depends on: its configuration, or another one to compare it with.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) project: Arc<str>,
    /// The jobs the file names.
    pub(super) jobs: Vec<JobSpec>,
    pub(super) discovery: Option<Discovery>,
    pub(super) schedule: schedule::Settings,
    pub(super) inventory: inventory::Settings,
    pub(super) outcomes: Rules,
    pub(super) metrics: metrics::Settings,
    /// `limits.classes_per_version`.
    pub(super) classes: usize,
}

impl Plan {
    pub(super) fn new(config: ProjectConfig, metrics: metrics::Settings) -> Self {
        Self {
            project: config.cloud.name,
            jobs: config.jobs,
            discovery: config.discovery,
            schedule: config.schedule,
            inventory: config.inventory,
            outcomes: config.outcomes,
            metrics,
            classes: config.cloud.classes_per_version,
        }
    }

    /// The jobs that are polled, of an account with this list: first those that the file names.
    pub(super) fn followed(&self, list: Option<&JobList>, now: f64) -> Vec<JobSpec> {
        let mut followed = self.jobs.clone();
        let (Some(discovery), Some(list)) = (&self.discovery, list) else { return followed };
        let named: HashSet<_> = self.jobs.iter().map(|job| &job.job_id).collect();
        let found = list.jobs.iter().filter(|job| {
            !named.contains(&job.job_id)
                && discovery.admits(job, now)
                && !self.is_past_retention(job, now)
        });
        followed.extend(found.map(|job| JobSpec {
            job_id: job.job_id.clone(),
            versions: discovery.versions.clone(),
        }));
        followed
    }

    /// Whether the job is found only after its series would have been given up.
    fn is_past_retention(&self, job: &ListedJob, now: f64) -> bool {
        let ended = job.created.filter(|_| job.state.terminal);
        ended.is_some_and(|created| {
            let ended = created + job.duration.unwrap_or_default();
            now - ended > self.inventory.finished_retention.as_secs_f64()
        })
    }
}
