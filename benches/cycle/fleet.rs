//! One fleet, polled by the exporter and by the bare loop at the same time, so that whatever else the
//! machine does slows both down.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, PROJECT_ID, Requests};
use crate::process::{self, Process};
use crate::scrape::{self, Scraped};
use crate::{CONNECTIONS, INTERVAL, WINDOW, bare};

/// The exporter reads each job twice at its first poll, as fast as it can; that takes seconds.
const WARM_UP: Duration = Duration::from_mins(2);

/// Until both sides have settled after the warm-up.
const SETTLE: Duration = Duration::from_secs(5);

/// Polls that may be missing or too many: the ends of the window.
pub(crate) const TOLERANCE: f64 = 0.05;

/// What came out.
pub(crate) struct Measured {
    pub(crate) jobs: usize,
    pub(crate) exporter: Side,
    pub(crate) bare: Side,
    pub(crate) scraped: Scraped,
    /// Bytes.
    pub(crate) peak_rss: u64,
}

/// What one side did in the window.
pub(crate) struct Side {
    pub(crate) polls: u64,
    pub(crate) cpu: Duration,
}

/// A client process and the cloud it has for itself.
pub(crate) struct Pair {
    pub(crate) client: Process,
    cloud: Cloud,
    _simulator: Process,
}

/// Measures one fleet size.
pub(crate) async fn measure(jobs: usize) -> anyhow::Result<Measured> {
    eprintln!("{jobs} jobs: starting");
    // The loop reads no list.
    let (exporter, address) =
        Pair::with_exporter("steady", jobs, "list_interval = \"24h\"").await?;
    let (simulator, url) = start_simulator("steady", jobs)?;
    let cloud = Cloud::log_in(&url).await?;
    let (client, ()) = Process::start(
        Command::new(std::env::current_exe()?).arg(bare::COMMAND).arg(&url),
        |line| line.starts_with("polling").then_some(()),
    )?;
    let bare = Pair { client, cloud, _simulator: simulator };

    exporter.warm_up(jobs as u64, WARM_UP).await?;
    eprintln!("{jobs} jobs: measuring CPU for {} s", WINDOW.as_secs());
    let before = (exporter.side().await?, bare.side().await?);
    sleep(WINDOW).await;
    let after = (exporter.side().await?, bare.side().await?);
    let exporter_side = before.0.until(&after.0, jobs)?;
    let bare_side = before.1.until(&after.1, jobs)?;
    // Only the exporter is scraped: the loop has nothing to show.
    drop(bare);
    eprintln!("{jobs} jobs: measuring memory for {} s", WINDOW.as_secs());
    let scraped = scrape::run(&format!("http://{address}")).await?;
    let peak_rss = process::memory(exporter.client.id(), "VmHWM")?;
    Ok(Measured { jobs, exporter: exporter_side, bare: bare_side, scraped, peak_rss })
}

/// Running jobs with a new sample every minute, and where they are.
fn start_simulator(scenario: &str, jobs: usize) -> anyhow::Result<(Process, String)> {
    Process::start(
        Command::new(env!("CARGO_BIN_EXE_modelarts-exporter"))
            .env_clear()
            .args(["simulate", "--listen=127.0.0.1:0", "--speed=1"])
            .args([format!("--scenario={scenario}"), format!("--jobs={jobs}")]),
        |line| line.starts_with("http://").then(|| line.to_owned()),
    )
}

fn configuration(url: &str, jobs: &[u64], poll: &str) -> anyhow::Result<String> {
    let interval = INTERVAL.as_secs();
    let mut text = format!(
        r#"
[poll]
interval = "{interval}s"
requests_per_minute = 0
concurrency = {CONNECTIONS}
{poll}

[limits]
series = 100_000_000
outcome_names = 10_000_000

[[projects]]
name = "bench"
endpoint = "{url}"
project_id = "{PROJECT_ID}"

[projects.auth]
method = "password"
iam_endpoint = "{url}"
domain = "demo"
username = "demo"
password = "demo"
"#
    );
    for job in jobs {
        write!(text, "\n[[projects.jobs]]\njob_id = {job}\n")?;
    }
    Ok(text)
}

/// The CPU time of all threads of a process so far.
///
/// Of `/proc/PID/task/*/schedstat`, which counts nanoseconds: the hundredths of a second in `stat` are
/// a tenth of what a thousand polls cost.
fn cpu(id: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = text.split_ascii_whitespace().next().context("an empty schedstat")?;
        nanoseconds += on_cpu.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Where a side stands.
pub(crate) struct Standing {
    pub(crate) requests: Requests,
    pub(crate) cpu: Duration,
}

impl Pair {
    /// The exporter with every job of a simulator in its file, and its address.
    pub(crate) async fn with_exporter(
        scenario: &str,
        jobs: usize,
        poll: &str,
    ) -> anyhow::Result<(Self, String)> {
        let (simulator, url) = start_simulator(scenario, jobs)?;
        let cloud = Cloud::log_in(&url).await?;
        let ids = cloud.jobs().await?;
        anyhow::ensure!(ids.len() == jobs, "the simulator has {} jobs", ids.len());
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("bench.toml");
        std::fs::write(&file, configuration(&url, &ids, poll)?)?;
        let (client, address) = Process::start(
            Command::new(env!("CARGO_BIN_EXE_modelarts-exporter"))
                .env_clear()
                .arg(format!("--config.file={}", file.display()))
                .arg("--web.listen-address=127.0.0.1:0"),
            |line| {
                let (_, rest) = line.split_once("address=")?;
                rest.split_ascii_whitespace().next().map(str::to_owned)
            },
        )?;
        Ok((Self { client, cloud, _simulator: simulator }, address))
    }

    pub(crate) async fn side(&self) -> anyhow::Result<Standing> {
        Ok(Standing { requests: self.cloud.requests().await?, cpu: cpu(self.client.id())? })
    }

    /// Waits until every job was read for the first time.
    pub(crate) async fn warm_up(&self, jobs: u64, longest: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + longest;
        loop {
            let requests = self.cloud.requests().await?;
            if requests.of("versions") >= jobs && requests.of("detail") >= jobs {
                break;
            }
            let seen = requests.of("versions");
            anyhow::ensure!(Instant::now() < deadline, "{seen} of {jobs} polls in {longest:?}");
            sleep(Duration::from_secs(1)).await;
        }
        sleep(SETTLE).await;
        Ok(())
    }
}

impl Standing {
    /// What was done from here to there: polls of the versions list, and nothing else.
    fn until(&self, after: &Self, jobs: usize) -> anyhow::Result<Side> {
        let during = |kind| after.requests.of(kind) - self.requests.of(kind);
        let (polls, others) = (during("versions"), during("all") - during("versions"));
        let wanted = jobs as f64 * WINDOW.as_secs_f64() / INTERVAL.as_secs_f64();
        anyhow::ensure!(
            (polls as f64 / wanted - 1.0).abs() <= TOLERANCE,
            "{polls} polls instead of {wanted}: is the machine too busy?"
        );
        anyhow::ensure!(others == 0, "{others} requests beside the polls");
        let cpu = after.cpu.checked_sub(self.cpu).context("CPU time went backwards")?;
        Ok(Side { polls, cpu })
    }
}
