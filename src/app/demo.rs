use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::app::daemon::{self, Operator};
use crate::app::simulate::{start_log, world};
use crate::app::{print, signals};
use crate::cli::DemoArgs;
use crate::config::{self, Source};
use crate::server;
use crate::simulator::{self, ProjectSpec, Scenario};

/// The daemon against the embedded simulator, in one process.
pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let level = start_log();
    let demo = simulator::Settings {
        listen: args.simulator_address,
        scenario: Scenario::Demo,
        speed: simulator::DEMO_SPEED,
        ..simulator::Settings::default()
    };
    let simulator = simulator::bind(world(&args.world, demo)?).await?;
    let cloud = simulator.local_addr();
    let stop = CancellationToken::new();
    let hangup = signals::listen(stop.clone())?;
    let environment = environment(&args, cloud);
    let source = Source { environment, ..Source::default() };
    let (config, _) = config::load(&source)?;
    let parts = daemon::build(config, &stop)?;
    let simulating = tokio::spawn(simulator.run(stop.clone().cancelled_owned()));
    let listeners = server::bind(&parts.web).await?;
    let bound = |addresses: &[SocketAddr]| print(&welcome(addresses, cloud));
    let operator = Operator { source, level, hangup };
    let code = daemon::serve(parts, operator, listeners, stop, bound).await?;
    simulating.await.context("the simulator failed")?;
    Ok(code)
}

/// The demo's configuration, in the words of an operator: a project for each of the cloud's APIs, one with a
/// password and one with keys.
fn environment(args: &DemoArgs, cloud: SocketAddr) -> Vec<(String, String)> {
    let (endpoint, project) = (format!("http://{cloud}"), ProjectSpec::default());
    let fixed = [
        ("WEB__LISTEN_ADDRESSES", args.listen_address.as_str()),
        // Quick enough to watch: a minute of the simulated cloud is about a second.
        ("POLL__INTERVAL", "1s"),
        ("POLL__PENDING_INTERVAL", "1s"),
        ("POLL__LIST_INTERVAL", "1s"),
        ("POLL__TIMEOUT", "1s"),
        ("POLL__MAX_STALENESS", "10s"),
        ("POLL__REQUESTS_PER_MINUTE", "0"),
        ("PROJECTS__0__NAME", "demo-v1"),
        ("PROJECTS__0__ENDPOINT", &endpoint),
        ("PROJECTS__0__AUTH__METHOD", "password"),
        ("PROJECTS__0__AUTH__IAM_ENDPOINT", &endpoint),
        ("PROJECTS__0__AUTH__DOMAIN", "demo"),
        ("PROJECTS__0__AUTH__USERNAME", "demo"),
        ("PROJECTS__0__AUTH__PASSWORD", "demo"),
        ("PROJECTS__0__AUTH__PROJECT_NAME", "demo"),
        ("PROJECTS__0__DISCOVERY__ENABLED", "true"),
        ("PROJECTS__0__DISCOVERY__VERSIONS", "all"),
        ("PROJECTS__1__NAME", "demo-v2"),
        ("PROJECTS__1__API", "v2"),
        ("PROJECTS__1__ENDPOINT", &endpoint),
        ("PROJECTS__1__PROJECT_ID", &project.id),
        ("PROJECTS__1__AUTH__METHOD", "aksk"),
        ("PROJECTS__1__AUTH__ACCESS_KEY", "DEMOACCESSKEY"),
        ("PROJECTS__1__AUTH__SECRET_KEY", "demosecretkey"),
        ("PROJECTS__1__DISCOVERY__ENABLED", "true"),
        // What is trained again and again has its moment behind the name.
        ("PROJECTS__1__OUTCOME__NAME_REGEX", r"^(.*?)-\d{8,}$"),
    ];
    let named = fixed.map(|(key, value)| (format!("MODELARTS_EXPORTER_{key}"), value.to_owned()));
    named.into()
}

fn welcome(addresses: &[SocketAddr], cloud: SocketAddr) -> String {
    let mut text =
        String::from("\nThe exporter polls a simulated cloud, with a project of each API. Open:\n");
    for address in addresses {
        let _ = writeln!(text, "  http://{address}/          the status page");
        let _ = writeln!(text, "  http://{address}/metrics   what Prometheus scrapes");
    }
    let _ = writeln!(text, "  http://{cloud}/          the simulated cloud\nCtrl-C ends it.\n");
    text
}
