//! `doctor`: one look at everything a project needs, in the order in which it depends on each other, with
//! the next step where something fails.

mod budget;
mod facts;
mod jobs;
mod project;
mod report;
mod table;
mod way;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::join_all;

use crate::app::terminal;
use crate::cli::ReportFormat;
use crate::cloud::AnswerMemory;
use crate::config::{Config, ConfigError, Warning};
use report::{Report, Wrong};

/// Looks at every project of the configuration, or says what is wrong with it.
pub(super) async fn run(
    loaded: Result<(Config, Vec<Warning>), ConfigError>,
    format: ReportFormat,
) -> anyhow::Result<ExitCode> {
    let report = match (loaded, format) {
        (Ok((config, warnings)), _) => examine(config, &warnings).await,
        (Err(error), ReportFormat::Table) => return Err(error.into()),
        (Err(error), ReportFormat::Json) => Report {
            ok: false,
            mistakes: error.mistakes.into_iter().map(Wrong::from).collect(),
            warnings: Vec::new(),
            projects: Vec::new(),
        },
    };
    let text = match format {
        ReportFormat::Table => table::write(&report, terminal::width()),
        ReportFormat::Json => {
            serde_json::to_string_pretty(&report).context("cannot write the report")? + "\n"
        }
    };
    super::print(&text)?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(config: Config, warnings: &[Warning]) -> Report {
    let largest = config.projects.iter().map(|project| project.cloud.answer_bytes).max();
    let memory = Arc::new(AnswerMemory::new(largest.unwrap_or_default()));
    // Beside each other: who waits for a dead address should not wait for one after the other.
    let examined =
        config.projects.into_iter().map(|one| project::examine(one, Arc::clone(&memory)));
    let projects = join_all(examined).await;
    Report {
        ok: projects.iter().all(|project| project.ok),
        mistakes: Vec::new(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        projects,
    }
}
