//! Fleets that were watched for a while: of twenty jobs one runs and is polled, all others have ended, are
//! still shown, and are left to the list.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Client;
use tokio::time::sleep;

use crate::cloud::Api;
use crate::fleet::{Pair, TOLERANCE};
use crate::table::{megabytes, row, rule};
use crate::{INTERVAL, WINDOW, process};

/// The first round reads every job twice; two hundred thousand requests take minutes.
const WARM_UP: Duration = Duration::from_mins(30);

/// What a poll may cost, and a series may take, in terms of the smaller fleets.
const MOST_GROWTH: f64 = 1.15;

/// What came out.
pub(crate) struct Measured {
    api: Api,
    jobs: usize,
    polls: u64,
    lists: u64,
    cpu: Duration,
    series: f64,
    /// Bytes.
    rss: u64,
    /// Bytes.
    peak_rss: u64,
}

/// Measures one fleet size.
pub(crate) async fn measure(api: Api, jobs: usize) -> anyhow::Result<Measured> {
    eprintln!("{jobs} known jobs of {}: starting", api.as_str());
    let (exporter, address) = Pair::with_exporter(api, "history", jobs, "").await?;
    exporter.warm_up(jobs, WARM_UP).await?;
    // Until what only the first round needed is given back.
    sleep(INTERVAL).await;
    eprintln!("{jobs} known jobs: measuring for {} s", WINDOW.as_secs());
    let before = exporter.side().await?;
    sleep(WINDOW).await;
    let after = exporter.side().await?;
    let during = |kind| after.requests.of(kind) - before.requests.of(kind);
    let polls = during(api.poll());
    let wanted = exporter.polls as f64 * WINDOW.as_secs_f64() / INTERVAL.as_secs_f64();
    anyhow::ensure!(
        (polls as f64 / wanted - 1.0).abs() <= TOLERANCE,
        "{polls} polls instead of {wanted}: is the machine too busy?"
    );
    let lists = during("list");
    anyhow::ensure!(lists > 0, "the list was not read");
    anyhow::ensure!(during("all") == polls + lists, "other requests beside polls and lists");
    Ok(Measured {
        api,
        jobs,
        polls,
        lists,
        cpu: after.cpu.checked_sub(before.cpu).context("CPU time went backwards")?,
        rss: process::memory(exporter.client.id(), "VmRSS")?,
        peak_rss: process::memory(exporter.client.id(), "VmHWM")?,
        series: series(&address).await?,
    })
}

/// Series of the whole fleet, without asking for them all.
async fn series(address: &str) -> anyhow::Result<f64> {
    const NAME: &str = "modelarts_exporter_series";
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let url = format!("http://{address}/metrics?name[]={NAME}");
    let text = client.get(url).send().await?.error_for_status()?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(NAME)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no {NAME} in {text:?}"))?.parse()?)
}

/// All fleets, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Table {
    fleets: Vec<Measured>,
}

impl Table {
    pub(crate) fn add(&mut self, fleet: Measured) {
        self.fleets.push(fleet);
    }

    /// A value of each fleet in terms of the least of all smaller ones.
    fn growth(&self, value: fn(&Measured) -> f64) -> impl Fn(&Measured) -> String {
        move |fleet| {
            let smaller = self
                .fleets
                .iter()
                .filter(|other| other.api == fleet.api && other.jobs < fleet.jobs)
                .map(value);
            let least = smaller.fold(f64::INFINITY, f64::min);
            if least.is_finite() { format!("{:.2}", value(fleet) / least) } else { String::new() }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fleets = &self.fleets[..];
        let target = format!("at most {MOST_GROWTH}");
        row(f, fleets, "", "target", |fleet| format!("{} of {}", fleet.jobs, fleet.api.as_str()))?;
        rule(f, fleets.len())?;
        row(f, fleets, "polls", "", |fleet| fleet.polls.to_string())?;
        row(f, fleets, "pages of the list", "", |fleet| fleet.lists.to_string())?;
        row(f, fleets, "series", "", |fleet| format!("{:.0}", fleet.series))?;
        row(f, fleets, "CPU a poll, µs", "", |fleet| format!("{:.1}", cost(fleet)))?;
        row(f, fleets, "CPU a poll ÷ least of the smaller", &target, self.growth(cost))?;
        row(f, fleets, "RSS, MB", "", |fleet| format!("{:.1}", megabytes(fleet.rss)))?;
        row(f, fleets, "peak RSS, MB", "", |fleet| format!("{:.1}", megabytes(fleet.peak_rss)))?;
        row(f, fleets, "RSS a series, bytes", "", |fleet| format!("{:.1}", bytes(fleet)))?;
        row(f, fleets, "RSS a series ÷ least of the smaller", &target, self.growth(bytes))
    }
}

/// Microseconds of CPU a poll, with its part of the lists and of what is done for jobs that have ended.
fn cost(fleet: &Measured) -> f64 {
    fleet.cpu.as_secs_f64() * 1e6 / fleet.polls as f64
}

/// Bytes of memory a series.
fn bytes(fleet: &Measured) -> f64 {
    fleet.rss as f64 / fleet.series
}
