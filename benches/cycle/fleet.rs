//! One fleet, polled by the exporter and by the bare loop at the same time, so that whatever else the
//! machine does slows both down.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use crate::cloud::{Api, Cloud, Job, PROJECT_ID, Requests};
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
    pub(crate) api: Api,
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
    pub(crate) lists: u64,
    pub(crate) cpu: Duration,
}

/// A client process and the cloud it has for itself.
pub(crate) struct Pair {
    api: Api,
    /// Requests an interval that bring samples.
    pub(crate) polls: usize,
    /// Requests that brought samples of all jobs, once.
    first_round: usize,
    pub(crate) client: Process,
    cloud: Cloud,
    _simulator: Process,
}

/// Measures one fleet size.
pub(crate) async fn measure(api: Api, jobs: usize) -> anyhow::Result<Measured> {
    eprintln!("{jobs} jobs of {}: starting", api.as_str());
    // In v1 the loop reads no list.
    let list = match api {
        Api::V1 => "list_interval = \"24h\"",
        Api::V2 => "",
    };
    let (exporter, address) = Pair::with_exporter(api, "steady", jobs, list).await?;
    let (simulator, url) = start_simulator("steady", jobs)?;
    let cloud = Cloud::log_in(&url).await?;
    let (client, ()) = Process::start(
        Command::new(std::env::current_exe()?).arg(bare::COMMAND).arg(api.as_str()).arg(&url),
        |line| line.starts_with("polling").then_some(()),
    )?;
    let Pair { polls, first_round, .. } = exporter;
    let bare = Pair { api, polls, first_round, client, cloud, _simulator: simulator };

    exporter.warm_up(jobs, WARM_UP).await?;
    eprintln!("{jobs} jobs: measuring CPU for {} s", WINDOW.as_secs());
    let before = (exporter.side().await?, bare.side().await?);
    sleep(WINDOW).await;
    let after = (exporter.side().await?, bare.side().await?);
    let exporter_side = exporter.between(&before.0, &after.0)?;
    let bare_side = bare.between(&before.1, &after.1)?;
    // Only the exporter is scraped: the loop has nothing to show.
    drop(bare);
    eprintln!("{jobs} jobs: measuring memory for {} s", WINDOW.as_secs());
    let scraped = scrape::run(&format!("http://{address}")).await?;
    let peak_rss = process::memory(exporter.client.id(), "VmHWM")?;
    Ok(Measured { api, jobs, exporter: exporter_side, bare: bare_side, scraped, peak_rss })
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

fn configuration(api: Api, url: &str, jobs: &[Job], poll: &str) -> anyhow::Result<String> {
    let (interval, api) = (INTERVAL.as_secs(), api.as_str());
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
api = "{api}"
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
        write!(text, "\n[[projects.jobs]]\njob_id = \"{}\"\n", job.id)?;
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
        api: Api,
        scenario: &str,
        jobs: usize,
        poll: &str,
    ) -> anyhow::Result<(Self, String)> {
        let (simulator, url) = start_simulator(scenario, jobs)?;
        let cloud = Cloud::log_in(&url).await?;
        let known = cloud.jobs(api).await?;
        anyhow::ensure!(known.len() == jobs, "the simulator has {} jobs", known.len());
        let polls = known.iter().filter(|job| job.runs).map(|job| job.polls(api)).sum();
        let first_round = known.iter().map(|job| job.polls(api)).sum();
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("bench.toml");
        std::fs::write(&file, configuration(api, &url, &known, poll)?)?;
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
        Ok((Self { api, polls, first_round, client, cloud, _simulator: simulator }, address))
    }

    pub(crate) async fn side(&self) -> anyhow::Result<Standing> {
        Ok(Standing { requests: self.cloud.requests().await?, cpu: cpu(self.client.id())? })
    }

    /// Waits until everything was read for the first time: in v1 each job and its own document, in v2 the
    /// usage of each task.
    pub(crate) async fn warm_up(&self, jobs: usize, longest: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + longest;
        let wanted = match self.api {
            Api::V1 => [("versions", self.first_round), ("detail", jobs)],
            Api::V2 => [("list", 1), ("metrics", self.first_round)],
        };
        loop {
            let requests = self.cloud.requests().await?;
            if wanted.iter().all(|&(kind, least)| requests.of(kind) >= least as u64) {
                break;
            }
            let seen = requests.of(self.api.poll());
            anyhow::ensure!(Instant::now() < deadline, "{seen} of {wanted:?} in {longest:?}");
            sleep(Duration::from_secs(1)).await;
        }
        sleep(SETTLE).await;
        Ok(())
    }

    /// What was done from here to there: what brings samples, in v2 the list, and nothing else.
    fn between(&self, before: &Standing, after: &Standing) -> anyhow::Result<Side> {
        let during = |kind| after.requests.of(kind) - before.requests.of(kind);
        let polls = during(self.api.poll());
        let lists = if self.api == Api::V2 { during("list") } else { 0 };
        let wanted = self.polls as f64 * WINDOW.as_secs_f64() / INTERVAL.as_secs_f64();
        anyhow::ensure!(
            (polls as f64 / wanted - 1.0).abs() <= TOLERANCE,
            "{polls} polls instead of {wanted}: is the machine too busy?"
        );
        let others = during("all") - polls - lists;
        anyhow::ensure!(others == 0, "{others} requests beside the polls");
        let cpu = after.cpu.checked_sub(before.cpu).context("CPU time went backwards")?;
        Ok(Side { polls, lists, cpu })
    }
}
