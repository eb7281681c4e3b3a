//! `estimate`: what a configuration will cost, and what each filter saves.
//!
//! The cloud is asked for the list of jobs and for a sample of them. The rest is no arithmetic of its own:
//! the answers go the way they go in the daemon, through the inventory to the exposition (`rehearsal`), once
//! for the configuration as it is and once for each other that is compared with it (`filters`).

mod account;
mod filters;
mod plan;
mod rehearsal;
mod report;
mod sample;
mod survey;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::join_all;

use crate::app::{print, terminal};
use crate::cli::ReportFormat;
use crate::cloud::{AnswerMemory, Training};
use crate::config::{Config, ProjectConfig};
use crate::model::Shard;
use crate::{metrics, own};
use account::Account;
use plan::Plan;
use report::{Estimate, Estimated, Report};

/// Estimates every project of the configuration.
pub(super) async fn run(config: Config, format: ReportFormat) -> anyhow::Result<ExitCode> {
    let largest = config.projects.iter().map(|project| project.cloud.answer_bytes).max();
    let memory = Arc::new(AnswerMemory::new(largest.unwrap_or_default()));
    let (limit, shard) = (config.metrics.series, config.shard);
    // What there is, whether or not some of it would have to give way.
    let metrics = metrics::Settings { series: usize::MAX, ..config.metrics };
    // Beside each other: each has a budget of its own to wait for.
    let estimates = config.projects.into_iter().map(async |project| {
        let name = Arc::clone(&project.cloud.name);
        Estimated::new(&name, estimate(project, shard, Arc::clone(&memory), metrics.clone()).await)
    });
    let report = Report::new(join_all(estimates).await, limit);
    let text = match format {
        ReportFormat::Table => table::write(&report, terminal::width()),
        ReportFormat::Json => {
            serde_json::to_string_pretty(&report).context("cannot write the report")? + "\n"
        }
    };
    print(&text)?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn estimate(
    config: ProjectConfig,
    shard: Shard,
    memory: Arc<AnswerMemory>,
    metrics: metrics::Settings,
) -> anyhow::Result<Estimate> {
    let counters = own::Metrics::new().project(&config.cloud.name);
    let training = Training::new(config.cloud.clone(), memory, counters)?;
    let plan = Plan::new(config, shard, metrics);
    let survey = survey::make(&plan, &training).await?;
    let account = Account::new(survey);
    let as_it_is = rehearsal::rehearse(&plan, &account).await?;
    let mut savings = Vec::new();
    for filter in filters::of(&plan, &account) {
        let otherwise = rehearsal::rehearse(&filter.otherwise, &account).await?;
        savings.push(filter.saving(&as_it_is, &otherwise));
    }
    Ok(Estimate::new(&plan, &account, &as_it_is, savings))
}
