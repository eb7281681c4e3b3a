//! A server to be measured, in a process of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use crate::client;
use crate::figures;
use crate::load::{self, Case, Encoding, Load};
use crate::process::{Process, memory};

/// What answers `/metrics`.
pub(crate) struct Server {
    process: Process,
    pub(crate) url: String,
}

/// A run, with what it cost the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) load: Load,
    /// Of the whole run, which took `elapsed`.
    pub(crate) cpu: Duration,
    pub(crate) elapsed: Duration,
    /// Every scrape was timed by itself, because it takes too long for a run.
    pub(crate) one_by_one: bool,
}

impl Server {
    /// Starts a command and waits until a line of its output says where it listens.
    pub(crate) fn start(
        command: &mut Command,
        find: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let (process, url) = Process::start(command, find)?;
        Ok(Self { process, url })
    }

    /// Starts this program once more, as one of the servers it can be.
    pub(crate) fn of_this_program(command: &str, series: usize) -> anyhow::Result<Self> {
        Self::start(
            Command::new(std::env::current_exe()?).arg(command).arg(series.to_string()),
            |line| Some(line.strip_prefix("listening on ")?.to_owned()),
        )
    }

    /// Puts load on it for a while.
    pub(crate) async fn run(&self, case: Case, length: Duration) -> anyhow::Result<Run> {
        let (start, before) = (Instant::now(), self.cpu()?);
        let load = load::run(&self.url, case, length).await?;
        let (elapsed, cpu) = (start.elapsed(), self.cpu()?.saturating_sub(before));
        Ok(Run { load, cpu, elapsed, one_by_one: false })
    }

    /// Times single scrapes.
    pub(crate) async fn one_by_one(
        &self,
        encoding: Encoding,
        scrapes: usize,
    ) -> anyhow::Result<Run> {
        let (start, before) = (Instant::now(), self.cpu()?);
        let mut times = Vec::new();
        for _ in 0..scrapes {
            times.push(client::time(&self.url, encoding).await?);
        }
        let (elapsed, cpu) = (start.elapsed(), self.cpu()?.saturating_sub(before));
        times.sort_unstable();
        let p50 = *times.get(scrapes / 2).context("no scrape")?;
        let p99 = *times.last().context("no scrape")?;
        let load = Load { requests: scrapes as u64, rate: 1.0 / p50.as_secs_f64(), p50, p99 };
        Ok(Run { load, cpu, elapsed, one_by_one: true })
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        figures::cpu(self.process.id())
    }

    /// The most memory it ever held, in bytes.
    pub(crate) fn peak_rss(&self) -> anyhow::Result<u64> {
        figures::peak_rss(self.process.id())
    }

    /// The memory it holds, in bytes.
    pub(crate) fn rss(&self) -> anyhow::Result<u64> {
        memory(self.process.id(), "VmRSS")
    }

    /// Takes the CPU away from it.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// Gives the CPU back.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(name, &[self.process.id()])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Workers outlive a master that is killed. An error means that they have ended already.
        let _ = figures::family(self.process.id()).and_then(|family| signal("KILL", &family));
    }
}

fn signal(name: &str, processes: &[u32]) -> anyhow::Result<()> {
    // Every shell has a kill; not every machine has the program.
    let script =
        processes.iter().fold(format!("kill -{name}"), |script, id| format!("{script} {id}"));
    let status = Command::new("sh").arg("-c").arg(&script).status()?;
    anyhow::ensure!(status.success(), "{script}: {status}");
    Ok(())
}

impl Run {
    /// CPU time of one scrape.
    pub(crate) fn cpu_a_scrape(&self) -> Duration {
        self.cpu.div_f64(self.load.requests.max(1) as f64)
    }

    /// The same without what the server burns when nobody asks, `idle` seconds of CPU a second.
    pub(crate) fn cpu_a_scrape_beside(&self, idle: f64) -> Duration {
        let net = self.cpu.saturating_sub(self.elapsed.mul_f64(idle));
        net.div_f64(self.load.requests.max(1) as f64)
    }

    /// The run of which each figure is the median of these; `None` of none.
    pub(crate) fn median(runs: &[Self]) -> Option<Self> {
        let middle = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let time = |value| Some(Duration::from_secs_f64(middle(value)?));
        let first = runs.first()?;
        let requests = first.load.requests;
        let load = Load {
            requests,
            rate: middle(|run| run.load.rate)?,
            p50: time(|run| run.load.p50.as_secs_f64())?,
            p99: time(|run| run.load.p99.as_secs_f64())?,
        };
        // As much as the first run's scrapes would have cost at the median cost.
        let cpu = time(|run| run.cpu_a_scrape().as_secs_f64())?.mul_f64(requests as f64);
        Some(Self { load, cpu, ..*first })
    }
}
