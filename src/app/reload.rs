use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::app::ledger::now;
use crate::app::log::Level;
use crate::app::notify::Notify;
use crate::app::projects::{Plan, Projects};
use crate::config::{self, Config, ConfigError, Effective, LogSettings, Mistake, Source, Warning};
use crate::own;
use crate::server::ReloadRequest;

/// Reads the configuration again when it is told to, one time after the other.
pub(super) struct Reload {
    /// Where it was read from at the start.
    pub(super) source: Arc<Source>,
    pub(super) own: own::Metrics,
    pub(super) notify: Arc<Notify>,
    pub(super) level: Level,
    pub(super) projects: Projects,
    /// What is in use.
    pub(super) effective: Effective,
    /// The same as text.
    pub(super) shown: watch::Sender<Arc<str>>,
}

/// What is wrong with a configuration that could not be taken into use.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Mistakes(#[from] ConfigError),
    #[error("{0:#}")]
    Unusable(anyhow::Error),
}

impl Reload {
    /// Obeys SIGHUP and the requests until `stop`. Fails when a part of the exporter has ended early.
    pub(super) async fn run(
        mut self,
        mut hangup: Signal,
        mut requests: mpsc::Receiver<ReloadRequest>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                error = self.projects.ended_early() => return Err(error),
                Some(()) = hangup.recv() => None,
                Some(request) = requests.recv() => Some(request),
            };
            info!(
                by = if request.is_some() { "HTTP" } else { "SIGHUP" },
                "reading the configuration"
            );
            self.notify.reloading().await;
            let Some(outcome) = stop.run_until_cancelled(self.reload()).await else {
                return Ok(());
            };
            let outcome = outcome?;
            self.notify.reloaded(outcome.is_ok()).await;
            if let Some(request) = request {
                // Whoever asked may have gone; the log has it.
                let _ = request.send(outcome);
            }
        }
    }

    /// Everything or nothing; says what became of it.
    async fn reload(&mut self) -> anyhow::Result<Result<String, String>> {
        let source = Arc::clone(&self.source);
        // A network file system may take its time; that must not hold a worker.
        let loaded = spawn_blocking(move || config::load(&source)).await;
        let loaded = loaded.context("cannot read the configuration").map_err(Refused::Unusable);
        let loaded = loaded.and_then(|loaded| Ok(loaded?));
        let planned = loaded.and_then(|(config, warnings)| {
            let Config { projects, metrics, log, effective, .. } = config;
            let plan = self.projects.plan(projects, metrics).map_err(Refused::Unusable)?;
            Ok(Next { plan, log, effective, warnings })
        });
        match planned {
            Ok(next) => self.take_into_use(next).await.map(Ok),
            Err(refused) => {
                self.own.config_refused();
                refused.log();
                Ok(Err(format!("{refused}\n")))
            }
        }
    }

    async fn take_into_use(&mut self, next: Next) -> anyhow::Result<String> {
        let Next { plan, log, mut effective, warnings } = next;
        self.level.set(&log);
        let needing_restart = effective.following(&self.effective);
        let concerned = self.projects.carry_out(plan).await?;
        self.shown.send_replace(effective.to_string().into());
        self.effective = effective;
        self.own.config_loaded(now().unix);
        info!(projects = %concerned, "configuration reloaded");
        let mut answer = format!("configuration reloaded; projects: {concerned}\n");
        for key in needing_restart {
            warn!(key, "changed, which needs a restart; its old value stays in use");
            let _ = writeln!(
                answer,
                "{key} has changed, which needs a restart; its old value stays in use"
            );
        }
        for warning in &warnings {
            warn!("{warning}");
            let _ = writeln!(answer, "warning: {warning}");
        }
        Ok(answer)
    }
}

/// A configuration that can be taken into use.
struct Next {
    plan: Plan,
    log: LogSettings,
    effective: Effective,
    warnings: Vec<Warning>,
}

impl Refused {
    fn log(&self) {
        const KEPT: &str = "configuration kept as it was";
        match self {
            Self::Mistakes(error) => {
                for Mistake { place, key, reason, remedy } in &error.mistakes {
                    error!(place, key, reason, remedy, "{KEPT}");
                }
            }
            Self::Unusable(error) => error!(error = %format!("{error:#}"), "{KEPT}"),
        }
    }
}
