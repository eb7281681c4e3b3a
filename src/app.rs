//! The composition root: configuration becomes parts, parts become tasks, tasks run until stopped.
//!
//! The only place that starts long-lived tasks, and the only one that reads the environment.

mod advice;
mod behind;
mod daemon;
mod demo;
mod doctor;
mod estimate;
mod healthcheck;
mod ledger;
mod log;
mod notify;
mod once;
mod open_files;
mod outcomes;
mod projects;
mod reload;
mod series;
mod sight;
mod signals;
mod simulate;
mod sockets;
mod terminal;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

pub use behind::spawn_behind;

use crate::cli::{Command, DaemonArgs, Document};
use crate::config::{self, Config, Source, Warning};
use crate::metrics;

/// The exporter waits for the network almost all the time; what little it computes should leave a
/// small machine's other cores alone.
const WORKERS: usize = 2;

/// Does what was typed. An error is the caller's to print.
pub fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    // Fails only where another provider was installed before, which nobody does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    open_files::allow_many();
    match command {
        Command::Run(args) => {
            let source = source(&args);
            let (config, warnings) = config::load(&source)?;
            let level = log::start(&config.log);
            log_warnings(&warnings);
            // Before there are threads: what was taken is removed from the environment.
            let sockets = sockets::handed_over(&config)?;
            block_on(daemon::run(config, source, level, sockets))
        }
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Simulate(args) => block_on(simulate::run(args)),
        Command::Check(args) => {
            let (config, warnings) = config::load(&source(&args))?;
            print_check(&config, &warnings)
        }
        Command::Once(args) => {
            let (config, warnings) = config::load(&source(&args))?;
            log::start(&config.log);
            log_warnings(&warnings);
            block_on(once::run(config))
        }
        Command::Doctor(args) => {
            block_on(doctor::run(config::load(&source(&args.daemon)), args.format))
        }
        Command::Estimate(args) => {
            let (config, warnings) = config::load(&source(&args.daemon))?;
            log::start(&config.log);
            log_warnings(&warnings);
            block_on(estimate::run(config, args.format))
        }
        Command::Healthcheck(args) => block_on(healthcheck::run(args.url)),
        Command::Generate { document } => {
            print(&match document {
                Document::Config => config::example_file(),
                Document::ConfigurationDoc => config::reference(),
                Document::MetricsDoc => metrics::document(),
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn source(args: &DaemonArgs) -> Source {
    Source {
        file: args.config_file.clone(),
        // A name or value that is no text cannot be one of ours.
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        flags: args.flags(),
    }
}

fn log_warnings(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

fn print_check(config: &Config, warnings: &[Warning]) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let projects = counted(config.projects.len(), "project");
    let jobs = counted(config.projects.iter().map(|project| project.jobs.len()).sum(), "job");
    let _ = writeln!(text, "no mistakes: {projects}, {jobs}");
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// One of something, or several: `1 job`, `2 jobs`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Writes to stdout; a reader that closed the pipe has seen enough.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

fn block_on(task: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(task);
    // The system's resolver and a dead network file system block a thread for as long as they like;
    // dropping the runtime would wait for them, and the stop has five seconds.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_does_not_wait_for_a_thread_that_is_stuck() {
        let (release, stuck) = std::sync::mpsc::channel::<()>();
        let (ended, has_ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let outcome = block_on(async move {
                tokio::task::spawn_blocking(move || stuck.recv());
                Ok(ExitCode::SUCCESS)
            });
            ended.send(outcome.is_ok())
        });
        let outcome = has_ended.recv_timeout(std::time::Duration::from_secs(10));
        drop(release);
        assert_eq!(outcome, Ok(true));
    }
}
