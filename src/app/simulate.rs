use std::process::ExitCode;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::app::{log, print, signals};
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
        ..world(&args.world)?
    };
    if !args.projects.is_empty() {
        settings.projects = parse_all(&args.projects).context("--project")?;
    }
    let simulator = simulator::bind(settings).await?;
    let stop = CancellationToken::new();
    signals::listen(stop.clone())?;
    print(&format!("http://{}\n", simulator.local_addr()))?;
    simulator.run(stop.cancelled_owned()).await;
    Ok(ExitCode::SUCCESS)
}

/// The simulated cloud that the flags describe.
pub(super) fn world(args: &WorldArgs) -> anyhow::Result<Settings> {
    anyhow::ensure!(
        args.speed.is_finite() && args.speed >= 0.0,
        "--speed: expected 0 (everything stands still) or more"
    );
    Ok(Settings {
        scenario: args.scenario.parse().context("--scenario")?,
        seed: args.seed,
        speed: args.speed,
        jobs: args.jobs,
        ..Settings::default()
    })
}

pub(super) fn start_log() {
    log::start(&LogSettings { level: "info".to_owned(), format: LogFormat::Logfmt });
}

fn parse_all<T>(words: &[String]) -> Result<Vec<T>, T::Err>
where
    T: std::str::FromStr,
{
    words.iter().map(|word| word.parse()).collect()
}
