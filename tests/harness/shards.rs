//! The scene in which several processes share a project, and a real Prometheus scrapes them all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use modelarts_exporter::simulator::{Scenario, Settings};
use tempfile::TempDir;
use tokio::time::Instant;

use super::account::{Account, COMPARED, OUTCOMES, SHARED_NAME};
use super::prometheus::Prometheus;
use super::{Cloud, Daemon, Scrape, Setup, wait_for};

/// How large the scene is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Jobs that run, end and stay listed.
    pub(crate) jobs: usize,
    /// `shard.total`.
    pub(crate) shards: usize,
    /// `poll.requests_per_minute`, of all of them.
    pub(crate) requests_per_minute: u64,
    /// All jobs appear within this time.
    pub(crate) appear_in: Duration,
    /// Until each was asked about, as the budget lets them.
    pub(crate) patience: Duration,
}

/// The cloud's clock shows so much when the last job has appeared.
const DAY: Duration = Duration::from_hours(24);

/// Between two scrapes, a scrape may take so long, and a busy machine needs a few.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(5);

/// Of how many names how the last run ended.
type LastOutcomes = BTreeMap<String, String>;

/// Every job is on exactly one of the shards, the sums are those of the whole, and all together ask no
/// more than one would. A shard that is added takes its part of the names, and knows how they ended.
pub(crate) async fn divide(size: Size) {
    let settings = Settings {
        scenario: Scenario::Churn,
        jobs: Some(size.jobs),
        // Nothing vanishes while it is looked at.
        stay: DAY * 100,
        speed: 0.0,
        ..Settings::default()
    };
    let cloud = Cloud::start(settings).await;
    let mut shards = Vec::new();
    for index in 0..size.shards {
        shards.push(Daemon::start(&configuration(&size, index, size.shards, &cloud)).await);
    }
    for shard in &shards {
        shard.is_ready().await;
    }
    let prometheus = Prometheus::start(TempDir::new().unwrap(), &scraping(&shards), &[]).await;
    let began = Instant::now();
    let account = everything_happens(&size, &cloud).await;
    every_job_is_on_one(&size, &account, &shards).await;
    the_sums_are_whole(&account, &prometheus, &size).await;
    let most = cloud.most_in_a_minute().await;
    report(&size, began.elapsed(), most);
    assert!(most <= size.requests_per_minute, "{most} requests in a minute");
    a_new_shard_knows_its_names(&size, &cloud, &account, &shards).await;
}

#[expect(clippy::print_stdout, reason = "the figures are for whoever asks with --nocapture")]
fn report(size: &Size, took: Duration, most: u64) {
    let Size { jobs, shards, requests_per_minute, .. } = size;
    println!(
        "{jobs} jobs on {shards} shards in {took:.0?}: {most} requests in the fullest minute of {requests_per_minute}"
    );
}

fn configuration(size: &Size, index: usize, total: usize, cloud: &Cloud) -> String {
    let poll = format!(
        "interval = \"2m\"\npending_interval = \"2m\"\nlist_interval = \"5s\"\ntimeout = \"10s\"\n\
         max_staleness = \"10m\"\nrequests_per_minute = {}",
        size.requests_per_minute
    );
    let tables =
        format!("[limits]\nclasses_per_version = 1\n[shard]\nindex = {index}\ntotal = {total}");
    let project = format!("{SHARED_NAME}\ndiscovery = {{ enabled = true }}");
    let setup = Setup { poll: &poll, tables: &tables, project: &project, ..Setup::of([]) };
    setup.file(cloud)
}

/// Prometheus' configuration for all shards; of each job its status is enough.
fn scraping(shards: &[Daemon]) -> String {
    let interval = SCRAPE_INTERVAL.as_secs();
    let mut text = format!(
        "global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}\n\
         scrape_configs:\n- job_name: modelarts\n  params:\n    'name[]':\n"
    );
    for name in ["modelarts_up", "modelarts_job_status", "modelarts_runs_total"] {
        let _ = writeln!(text, "    - {name}");
    }
    text.push_str("  static_configs:\n  - targets:\n");
    for shard in shards {
        let _ = writeln!(text, "    - {}", shard.url().trim_start_matches("http://"));
    }
    text
}

/// A day goes by, and the clock stops.
async fn everything_happens(size: &Size, cloud: &Cloud) -> Account {
    let end = cloud.clock().await + DAY.as_secs_f64();
    cloud.set_speed(DAY.as_secs_f64() / size.appear_in.as_secs_f64()).await;
    wait_for(size.appear_in * 2, "the day to end", async || match cloud.clock().await {
        now if now >= end => Ok(()),
        now => Err(format!("{:.0} s to go", end - now)),
    })
    .await;
    cloud.set_speed(0.0).await;
    let account = Account::of(cloud).await;
    assert!(account.listed() >= size.jobs, "{} jobs", account.listed());
    account
}

async fn every_job_is_on_one(size: &Size, account: &Account, shards: &[Daemon]) {
    wait_for(size.patience, "every job to be on one shard", async || {
        let mut scrapes = Vec::new();
        for shard in shards {
            scrapes.push(Scrape::read(&shard.get(COMPARED).await.text));
        }
        let least = size.jobs / size.shards / 2;
        let jobs = scrapes.iter().map(|scrape| scrape.find("modelarts_job_status").len() / 9);
        let jobs: Vec<usize> = jobs.collect();
        let whole = Scrape::sum_of(scrapes);
        let mut wrong = account.misses(&whole, f64::INFINITY, f64::INFINITY);
        wrong.extend(account.miscounts(&whole));
        wrong.extend(jobs.iter().filter(|it| **it < least).map(|it| format!("{it} on a shard")));
        let (count, some) = (wrong.len(), wrong.iter().take(5).cloned().collect::<Vec<_>>());
        if count == 0 { Ok(()) } else { Err(format!("{count} wrong: {}", some.join("; "))) }
    })
    .await;
}

/// What Prometheus makes of the shards is what the cloud says.
async fn the_sums_are_whole(account: &Account, prometheus: &Prometheus, size: &Size) {
    let jobs = account.listed() as f64;
    let mut expected = vec![
        ("sum(modelarts_up)".to_owned(), size.shards as f64),
        ("count(count by (job_id) (modelarts_job_status == 1))".to_owned(), jobs),
        (
            "max(count by (job_id, version) (modelarts_job_status{status=\"completed\"}))"
                .to_owned(),
            1.0,
        ),
    ];
    for (outcome, runs) in OUTCOMES.iter().zip(account.runs()) {
        expected.push((format!("sum(modelarts_runs_total{{outcome=\"{outcome}\"}})"), runs as f64));
    }
    for (query, value) in expected {
        prometheus.answers(&format!("{query} == {value}"), SCRAPE_INTERVAL * 12).await;
    }
}

/// With one process more, that one has its part of the names, each as the cloud says it ended, and no
/// process of the larger number has a name that another one has.
async fn a_new_shard_knows_its_names(
    size: &Size,
    cloud: &Cloud,
    account: &Account,
    shards: &[Daemon],
) {
    let mut before = Vec::new();
    for shard in shards {
        before.push(last_outcomes(&shard.scrape().await));
    }
    let names: usize = before.iter().map(BTreeMap::len).sum();
    let total = size.shards + 1;
    let mut after = Vec::new();
    for index in [size.shards, 0] {
        let shard = Daemon::start(&configuration(size, index, total, cloud)).await;
        shard.is_ready().await;
        after.push(shard);
    }
    let expected = account.last_outcomes();
    let has_moved = wait_for(size.patience, "the new shard to know its names", async || {
        let shown = last_outcomes(&after[0].scrape().await);
        let wrong = shown.iter().filter(|(name, outcome)| expected.get(*name) != Some(outcome));
        let wrong: Vec<_> = wrong.take(5).collect();
        let part = shown.len() as f64 / names as f64 * total as f64;
        if wrong.is_empty() && (0.5..1.5).contains(&part) {
            Ok(shown)
        } else {
            Err(format!("{} of {names} names, wrong: {wrong:?}", shown.len()))
        }
    })
    .await;
    wait_for(size.patience, "the first shard to keep the others", async || {
        let shown = last_outcomes(&after[1].scrape().await);
        let mut kept = before[0].clone();
        kept.retain(|name, _| !has_moved.contains_key(name));
        if shown.keys().eq(kept.keys()) {
            Ok(())
        } else {
            Err(format!("{} of {} names", shown.len(), kept.len()))
        }
    })
    .await;
}

fn last_outcomes(scrape: &Scrape) -> LastOutcomes {
    let samples = scrape.find("modelarts_job_last_outcome").into_iter();
    let is_so = samples.filter(|sample| sample.is_one());
    is_so.map(|it| (it.label("job_name").to_owned(), it.label("outcome").to_owned())).collect()
}
