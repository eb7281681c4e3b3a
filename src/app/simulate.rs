use std::process::ExitCode;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::app::log::{self, Level};
use crate::app::{print, signals};
use crate::cli::{SimulateArgs, WorldArgs};
use crate::config::{LogFormat, LogSettings};
use crate::simulator::{self, Settings};

/// The simulator alone, until it is stopped.
pub(super) async fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    start_log();
    let mut settings = Settings {
        listen: args.address,
        allow_remote: args.allow_remote,
        iam: args.iam,
        faults: parse_all(&args.faults).context("--fault")?,
        ..world(&args.world, Settings::default())?
    };
    if !args.projects.is_empty() {
        settings.projects = parse_all(&args.projects).context("--project")?;
    }
    let simulator = simulator::bind(settings).await?;
    let stop = CancellationToken::new();
    // There is nothing to read again.
    let _hangup = signals::listen(stop.clone())?;
    print(&format!("http://{}\n", simulator.local_addr()))?;
    simulator.run(stop.cancelled_owned()).await;
    Ok(ExitCode::SUCCESS)
}

/// The simulated cloud that the flags describe, with `others` for what they leave open.
pub(super) fn world(args: &WorldArgs, others: Settings) -> anyhow::Result<Settings> {
    let scenario = match &args.scenario {
        Some(name) => name.parse().context("--scenario")?,
        None => others.scenario,
    };
    let speed = args.speed.unwrap_or(others.speed);
    anyhow::ensure!(
        speed.is_finite() && speed >= 0.0,
        "--speed: expected 0 (everything stands still) or more"
    );
    Ok(Settings { scenario, speed, seed: args.seed, jobs: args.jobs, ..others })
}

pub(super) fn start_log() -> Level {
    log::start(&LogSettings { level: "info".to_owned(), format: LogFormat::Logfmt })
}

fn parse_all<T>(words: &[String]) -> Result<Vec<T>, T::Err>
where
    T: std::str::FromStr,
{
    words.iter().map(|word| word.parse()).collect()
}
