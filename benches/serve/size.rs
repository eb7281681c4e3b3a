//! One number of series, served by all.

use std::fs;
use std::future::ready;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::sleep;

use crate::load::{Case, Encoding};
use crate::server::{Run, Server};
use crate::slow::{self, Slow};
use crate::{client, gauge_vec, ours, peers};

/// One Prometheus, and a few that come at once.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 4];

/// After a server was started or woken up: it has published, and renewed what it keeps prepared.
const SETTLE: Duration = Duration::from_secs(2);

/// The first family of our own counters: what stands before it is the cloud's.
const OWN: &str = "# HELP modelarts_exporter_";

/// How long.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) run: Duration,
}

/// What came out.
pub(crate) struct Measured {
    /// The size asked for.
    pub(crate) asked: usize,
    /// As our own counter says: whole jobs.
    pub(crate) series: usize,
    pub(crate) bytes: Bytes,
    /// Seconds of CPU a second that polls and publications take when nobody asks.
    pub(crate) idle: f64,
    pub(crate) pairs: Vec<Pair>,
    /// Bytes, with everything in use.
    pub(crate) ours_rss: u64,
    pub(crate) nginx_rss: u64,
    pub(crate) slow: Vec<Slow>,
}

/// An exposition's size.
pub(crate) struct Bytes {
    pub(crate) identity: u64,
    pub(crate) gzip: u64,
    /// What `gzip -6` makes of it.
    pub(crate) gzip_6: u64,
}

/// The two that send what is prepared, in the same case.
pub(crate) struct Pair {
    pub(crate) case: Case,
    pub(crate) ours: Run,
    pub(crate) nginx: Run,
}

/// Measures all of them.
pub(crate) async fn measure(series: usize, plan: &Plan) -> anyhow::Result<Measured> {
    eprintln!("{series} series: starting");
    let ours = Server::of_this_program(ours::COMMAND, series)?;
    sleep(SETTLE).await;
    let before = ours.cpu()?;
    sleep(plan.run).await;
    let idle = ours.cpu()?.saturating_sub(before).as_secs_f64() / plan.run.as_secs_f64();
    // Works beside the others what ours works all the time, and is never asked: an encoding that was
    // asked for once is kept ready for minutes.
    let neighbour = Server::of_this_program(ours::COMMAND, series)?;
    neighbour.pause()?;

    // nginx's workers are other users.
    let readable = fs::Permissions::from_mode(0o755);
    let directory = tempfile::Builder::new().permissions(readable).tempdir()?;
    let file = directory.path().join("metrics");
    let identity = client::fetch(&ours.url, Encoding::Identity).await?;
    fs::write(&file, &identity)?;
    let nginx = peers::nginx(directory.path())?;
    let mut pairs = alternate(&ours, &nginx, &neighbour, Encoding::Identity, plan).await?;
    let gzip = client::fetch(&ours.url, Encoding::Gzip).await?;
    fs::write(directory.path().join("metrics.gz"), &gzip)?;
    pairs.extend(alternate(&ours, &nginx, &neighbour, Encoding::Gzip, plan).await?);
    let nginx_rss = nginx.peak_rss()?;
    drop(nginx);

    eprintln!("{series} series: every format and encoding at once");
    client::ask_for_all(&ours.url, plan.run).await?;
    let ours_rss = ours.peak_rss()?;
    drop(ours);

    let bytes =
        Bytes { identity: identity.len() as u64, gzip: gzip.len() as u64, gzip_6: gzip_6(&file)? };
    let text = String::from_utf8(identity.into())?;
    neighbour.resume()?;
    let slow = those_that_render(series, &text, &file, plan.run).await?;
    Ok(Measured {
        asked: series,
        series: number_of_series(&text)?,
        bytes,
        idle,
        pairs,
        ours_rss,
        nginx_rss,
        slow,
    })
}

/// Ours and nginx, run by run, in one encoding. Leaves ours at work and the neighbour paused.
async fn alternate(
    ours: &Server,
    nginx: &Server,
    neighbour: &Server,
    encoding: Encoding,
    plan: &Plan,
) -> anyhow::Result<Vec<Pair>> {
    let mut runs = CONNECTIONS.map(|_| (Vec::new(), Vec::new()));
    for round in 1..=plan.rounds {
        for (connections, (of_ours, of_nginx)) in CONNECTIONS.into_iter().zip(&mut runs) {
            let case = Case { encoding, connections };
            of_ours.push(ours.run(case, plan.run).await.context("ours")?);
            ours.pause()?;
            neighbour.resume()?;
            sleep(SETTLE).await;
            of_nginx.push(nginx.run(case, plan.run).await.context("nginx")?);
            neighbour.pause()?;
            ours.resume()?;
            sleep(SETTLE).await;
            if let (Some(ours), Some(nginx)) = (of_ours.last(), of_nginx.last()) {
                let (ours, nginx) = (ours.load.rate, nginx.load.rate);
                eprintln!("round {round}: {case}: {ours:.1}/s, nginx {nginx:.1}/s");
            }
        }
    }
    let pair = |(connections, (ours, nginx)): (usize, (Vec<Run>, Vec<Run>))| {
        let case = Case { encoding, connections };
        Some(Pair { case, ours: Run::median(&ours)?, nginx: Run::median(&nginx)? })
    };
    Ok(CONNECTIONS.into_iter().zip(runs).filter_map(pair).collect())
}

/// One after the other, each with the memory for itself.
async fn those_that_render(
    series: usize,
    text: &str,
    file: &Path,
    run: Duration,
) -> anyhow::Result<Vec<Slow>> {
    let mut slow = Vec::new();
    eprintln!("{series} series: pushgateway");
    let server = peers::pushgateway()?;
    // It has its own `process_*`, and refuses ours.
    let cloud = text.split_once(OWN).map_or(text, |(cloud, _)| cloud).to_owned();
    let url = server.url.clone();
    slow.push(slow::measure("pushgateway (Go)", server, client::push(&url, cloud), run).await?);
    eprintln!("{series} series: prometheus_client");
    // These have their values from the start.
    let server = peers::python(file)?;
    slow.push(slow::measure("prometheus_client (Python)", server, ready(Ok(())), run).await?);
    eprintln!("{series} series: GaugeVec");
    let server = Server::of_this_program(gauge_vec::COMMAND, series)?;
    slow.push(slow::measure("GaugeVec (Rust)", server, ready(Ok(())), run).await?);
    Ok(slow)
}

fn number_of_series(text: &str) -> anyhow::Result<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("modelarts_exporter_series "));
    Ok(line.context("no modelarts_exporter_series")?.parse()?)
}

/// The size of what the program makes of a file.
fn gzip_6(file: &Path) -> anyhow::Result<u64> {
    let output = Command::new("gzip").args(["-6", "--stdout"]).arg(file).output()?;
    anyhow::ensure!(output.status.success(), "gzip: {}", output.status);
    Ok(output.stdout.len() as u64)
}
