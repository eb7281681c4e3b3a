//! The scene in which several processes share a project, and a real Prometheus scrapes them all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Scenario, Settings};
use tempfile::TempDir;
use tokio::time::Instant;

use super::account::{Account, COMPARED, OUTCOMES, SHARED_NAME, shown_names};
use super::prometheus::Prometheus;
use super::{Cloud, Daemon, Scrape, Setup, wait_for};

/// How large the scene is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) api: Api,
    /// Jobs that run, end and stay listed.
    pub(crate) jobs: usize,
    /// `shard.total`.
    pub(crate) shards: usize,
    /// `poll.requests_per_minute`, of all of them.
    pub(crate) requests_per_minute: u32,
    /// `poll.list_interval`.
    pub(crate) list_interval: Duration,
    /// Until everything that happened was seen, as the budget lets them.
    pub(crate) patience: Duration,
}

/// All jobs appear within half an hour of the cloud's clock …
const STEPS: usize = 6;

/// … and after each of these it stands still until all of it was seen: a run that went well is listed
/// for ten minutes before its deletion fails, and then nobody could tell how it had ended.
const STEP: Duration = Duration::from_mins(5);

/// Of these, a day has so many.
const STEPS_A_DAY: usize = 24 * 12;

/// A second for a step.
const SPEED: f64 = 300.0;

/// On a busy machine a scrape of thousands of jobs takes a while.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(5);

/// So large a part of a minute's requests a process may catch up with at a time.
const CATCH_UP: f64 = 0.01;

/// The scene.
struct Scene {
    size: Size,
    cloud: Cloud,
    /// Of the state files.
    folder: TempDir,
}

/// How the last run of each name ended.
type LastOutcomes = BTreeMap<String, String>;

/// Every job is on exactly one of the shards, the sums are those of the whole, and all together ask no
/// more than one would. A shard that is added takes its part of the names, and knows how they ended.
pub(crate) async fn divide(size: Size) {
    let settings = Settings {
        scenario: Scenario::Churn,
        jobs: Some(size.jobs * STEPS_A_DAY / STEPS),
        // Nothing vanishes while it is looked at.
        stay: Duration::from_hours(24 * 100),
        speed: 0.0,
        ..Settings::default()
    };
    let cloud = Cloud::start(settings).await;
    let scene = Scene { size, cloud, folder: TempDir::new().unwrap() };
    let beginning = scene.sent().await;
    let shards = scene.start(size.shards).await;
    let prometheus = Prometheus::start(TempDir::new().unwrap(), &scraping(&shards), &[]).await;
    let mut account = Account::of(&scene.cloud, size.api).await;
    for _ in 0..STEPS {
        account = scene.step().await;
        scene.every_job_is_on_one(&account, &shards).await;
    }
    assert!(account.listed >= size.jobs, "{} jobs", account.listed);
    scene.the_sums_are_whole(&account, &prometheus).await;
    scene.is_within_one_budget(beginning).await;
    scene.one_more_takes_its_part(&account, shards).await;
}

impl Scene {
    /// So many processes, each with the state file that one of its number left.
    async fn start(&self, total: usize) -> Vec<Daemon> {
        let mut shards = Vec::new();
        for index in 0..total {
            let state = self.folder.path().join(format!("state-{index}"));
            let shell = format!("exec \"$@\" --shard.index={index} --shard.total={total}");
            let config = self.configuration(&state);
            shards.push(Daemon::start_reading(Stdio::null(), &shell, &config).await);
        }
        for shard in &shards {
            shard.is_ready().await;
        }
        shards
    }

    fn configuration(&self, state: &Path) -> String {
        let Size { list_interval, requests_per_minute, .. } = self.size;
        let poll = format!(
            "interval = \"2m\"\npending_interval = \"2m\"\nlist_interval = \"{}ms\"\n\
             timeout = \"10s\"\nmax_staleness = \"10m\"\n\
             requests_per_minute = {requests_per_minute}",
            list_interval.as_millis()
        );
        let tables =
            format!("[limits]\nclasses_per_version = 1\n[state]\nfile = \"{}\"", state.display());
        let project = format!("{SHARED_NAME}\ndiscovery = {{ enabled = true }}");
        let setup = Setup { poll: &poll, tables: &tables, project: &project, ..Setup::new() };
        setup.with_api("p", self.size.api, []).file(&self.cloud)
    }

    /// Time goes by, and the clock stops.
    async fn step(&self) -> Account {
        let end = self.cloud.clock().await + STEP.as_secs_f64();
        self.cloud.set_speed(SPEED).await;
        wait_for(self.size.patience, "the cloud's clock", async || {
            match self.cloud.clock().await {
                now if now >= end => Ok(()),
                now => Err(format!("{:.0} s to go", end - now)),
            }
        })
        .await;
        self.cloud.set_speed(0.0).await;
        Account::of(&self.cloud, self.size.api).await
    }

    /// Together they show what one process would, and none of it twice: a status on two of them would
    /// add up to 2.
    async fn every_job_is_on_one(&self, account: &Account, shards: &[Daemon]) {
        wait_for(self.size.patience, "every job to be on one shard", async || {
            let whole = Scrape::sum_of(compared(shards).await);
            let mut wrong = account.misses(&whole, f64::INFINITY, f64::INFINITY);
            wrong.extend(account.miscounts(&whole));
            let (count, some) = (wrong.len(), wrong.iter().take(5).cloned().collect::<Vec<_>>());
            if count == 0 { Ok(()) } else { Err(format!("{count} wrong: {}", some.join("; "))) }
        })
        .await;
    }

    /// What Prometheus makes of the shards is what the cloud says.
    async fn the_sums_are_whole(&self, account: &Account, prometheus: &Prometheus) {
        let of_each = "count by (job_id, version) (modelarts_job_status{status=\"completed\"})";
        let mut expected = vec![
            ("sum(modelarts_up)".to_owned(), self.size.shards as f64),
            (
                "count(count by (job_id) (modelarts_job_status == 1))".to_owned(),
                account.listed as f64,
            ),
            (format!("max({of_each})"), 1.0),
        ];
        for (outcome, runs) in OUTCOMES.iter().zip(account.runs()) {
            let sum = format!("sum(modelarts_runs_total{{outcome=\"{outcome}\"}})");
            expected.push((sum, runs as f64));
        }
        for (query, value) in expected {
            prometheus.answers(&format!("{query} == {value}"), self.size.patience).await;
        }
    }

    /// How many requests the cloud has counted by now, those for tokens apart.
    async fn sent(&self) -> (u64, Instant) {
        let requests = self.cloud.requests("all").await - self.cloud.requests("token").await;
        (requests, Instant::now())
    }

    /// The cloud has counted no more than one process may send, since then and in its fullest minute.
    #[expect(clippy::print_stdout, reason = "the figures are for whoever asks with --nocapture")]
    async fn is_within_one_budget(&self, (before, since): (u64, Instant)) {
        let budget = self.size.requests_per_minute;
        let fullest = self.cloud.most_in_a_minute().await;
        let (now, at) = self.sent().await;
        let (sent, elapsed) = (now - before, at - since);
        let granted = f64::from(budget) * (elapsed.as_secs_f64() / 60.0 + CATCH_UP);
        println!(
            "{sent} requests in {elapsed:.0?}, where {granted:.0} are granted; \
             {fullest} of {budget} in the fullest minute"
        );
        assert!(sent as f64 <= granted, "{sent} requests in {elapsed:.0?}");
        assert!(fullest <= u64::from(budget), "{fullest} requests in a minute");
    }

    /// The processes end, and one more than before goes on from their state files. It has its part of
    /// the names, each as the cloud says it ended; the others know what they knew of the rest. All of
    /// them have every job to ask about at once, which a budget that is not divided would let through.
    async fn one_more_takes_its_part(&self, account: &Account, shards: Vec<Daemon>) {
        let mut before = Vec::new();
        for shard in shards {
            before.push(Names::of(&shard.scrape().await));
            let finished = shard.stop().await;
            assert!(finished.status.success(), "{}", finished.stderr);
        }
        let beginning = self.sent().await;
        let shards = self.start(self.size.shards + 1).await;
        self.every_job_is_on_one(account, &shards).await;
        let (kept, new) = shards.split_at(self.size.shards);
        let expected = account.last_outcomes();
        let moved = wait_for(self.size.patience, "the new shard to know its names", async || {
            let mut known = 0;
            for shard in kept {
                known += Names::of(&shard.scrape().await).all.len();
            }
            let shown = Names::of(&new[0].scrape().await);
            known += shown.all.len();
            let wrong = shown.wrong(&expected);
            let all = account.names().len();
            if wrong.is_empty() && known == all {
                Ok(shown)
            } else {
                Err(format!("wrong: {wrong:?}; {known} of {all} names are on a shard"))
            }
        })
        .await;
        self.is_within_one_budget(beginning).await;
        for (shard, mut names) in kept.iter().zip(before) {
            names.leave(&moved);
            let shown = Names::of(&shard.scrape().await);
            assert_eq!(shown, names, "on a shard that was there before");
        }
        let (moved, all) = (moved.all.len() as f64, account.names().len() as f64);
        let part = moved / all * (self.size.shards + 1) as f64;
        assert!((0.5..1.5).contains(&part), "{moved} of {all} names have moved");
    }
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

async fn compared(shards: &[Daemon]) -> Vec<Scrape> {
    let mut scrapes = Vec::new();
    for shard in shards {
        scrapes.push(Scrape::read(&shard.get(COMPARED).await.text));
    }
    scrapes
}

/// What a process says of the names it has.
#[derive(Debug, PartialEq)]
struct Names {
    all: Vec<String>,
    ended: LastOutcomes,
}

impl Names {
    fn of(scrape: &Scrape) -> Self {
        let samples = scrape.find("modelarts_job_last_outcome").into_iter();
        let is_so = samples.filter(|sample| sample.is_one());
        let label = |it: &crate::parser::Sample, name| it.label(name).to_owned();
        let ended = is_so.map(|it| (label(it, "job_name"), label(it, "outcome"))).collect();
        Self { all: shown_names(scrape).into_keys().collect(), ended }
    }

    /// Names whose last run did not end as expected.
    fn wrong(&self, expected: &LastOutcomes) -> Vec<&String> {
        let is_wrong = |name: &&String| self.ended.get(*name) != expected.get(*name);
        self.all.iter().filter(is_wrong).collect()
    }

    /// Without the names that others have.
    fn leave(&mut self, others: &Self) {
        self.all.retain(|name| !others.all.contains(name));
        self.ended.retain(|name, _| !others.all.contains(name));
    }
}
