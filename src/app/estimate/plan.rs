use std::sync::Arc;

use crate::config::ProjectConfig;
use crate::inventory::outcomes::Rules;
use crate::inventory::{Inventory, Moment, Roster};
use crate::model::{Api, Discovery, JobId, JobList, JobSpec, Shard, Turnover};
use crate::{inventory, metrics, schedule};

/// All that a project's cost depends on: its configuration, or another one to compare it with.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) project: Arc<str>,
    pub(super) api: Api,
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
    /// Of this part of the project.
    pub(super) fn new(config: ProjectConfig, shard: Shard, metrics: metrics::Settings) -> Self {
        let requests_per_minute = shard.part_of(config.schedule.requests_per_minute);
        let asks_quotas = config.schedule.asks_quotas && shard.index == 0;
        Self {
            project: config.cloud.name,
            api: config.cloud.api,
            jobs: config.jobs,
            discovery: config.discovery,
            schedule: schedule::Settings { requests_per_minute, asks_quotas, ..config.schedule },
            inventory: config.inventory,
            outcomes: Rules { shard, ..config.outcomes },
            metrics,
            classes: config.cloud.classes_per_version,
        }
    }

    /// Which jobs are followed of an account that has a list, or none that may be read.
    pub(super) fn roster(&self, list: Option<&JobList>) -> Roster {
        let discovery = self.discovery.clone().filter(|_| list.is_some());
        let Rules { name, shard, .. } = &self.outcomes;
        let (name_rule, shard) = (name.clone(), *shard);
        Roster { named: self.jobs.clone(), discovery, name_rule, shard }
    }

    /// The jobs that are polled, of an account with this list: first those that the file names.
    pub(super) fn followed(&self, list: Option<&JobList>, at: Moment) -> Vec<JobId> {
        let (mut inventory, mut turnover) = (Inventory::new(), Turnover::default());
        let (project, interval) = (&self.project, self.schedule.list_interval);
        inventory.add_project(project, self.inventory, self.roster(list), interval, at);
        if let Some(list) = list {
            inventory.listed(project, &list.jobs, at.steady, interval, &mut turnover, at);
            inventory.list_ended(project, list, interval, &mut turnover, at);
        } else {
            inventory.list_refused(project, &mut turnover, at);
        }
        self.named().chain(turnover.found).collect()
    }

    /// The jobs the file names, where they are not shared with other processes: then the list says which of
    /// them are ours.
    pub(super) fn named(&self) -> impl Iterator<Item = JobId> {
        let is_all = self.outcomes.shard.is_all();
        self.jobs.iter().filter(move |_| is_all).map(|job| job.job_id.clone())
    }
}
