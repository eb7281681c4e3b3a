use std::process::ExitCode;
use std::time::Duration;

use bytes::Buf as _;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::app::daemon::{self, Parts};
use crate::app::signals;
use crate::config::Config;
use crate::exposition::View;

/// How often we look whether every job was polled.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Polls everything once and prints the exposition.
pub(super) async fn run(mut config: Config) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    // There is nothing to read again in so short a time.
    let _hangup = signals::listen(stop.clone())?;
    for project in &mut config.projects {
        project.schedule.reads_all = true;
    }
    let Parts { book, reader, mut projects, plan, .. } = daemon::build(config, &stop)?;
    projects.carry_out(plan).await?;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !(book.publish() && book.is_polled()) {
        if stop.run_until_cancelled(looks.tick()).await.is_none() {
            anyhow::bail!("stopped before every job was polled");
        }
    }
    for (project, jobs) in book.unpolled() {
        warn!(project, jobs, "no more answers came before every job was polled: some are missing");
    }
    let mut answer = reader.answer("", "", &View::default()).await?;
    let text = answer.body.copy_to_bytes(answer.body.remaining());
    super::print(&String::from_utf8_lossy(&text))?;
    let down = book.projects_down();
    for project in &down {
        error!(project, "no call of the project was answered");
    }
    Ok(if down.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
