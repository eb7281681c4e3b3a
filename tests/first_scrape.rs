//! What is shown from the first moment on, while little is known.

use std::collections::BTreeMap;

use serde::Deserialize;
use tempfile::TempDir;

use crate::harness::{Cloud, Daemon, ONE_POLL, PATIENCE, QUICK, Scrape, Setup, in_both, wait_for};
use crate::parser::Sample;
use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Scenario, Settings};

/// What is so, by job and version.
#[derive(Deserialize)]
struct Truth {
    jobs: Vec<TrueJob>,
    v2_jobs: Vec<TrueRun>,
}

#[derive(Deserialize)]
struct TrueJob {
    job_id: u64,
    name: String,
    versions: Vec<TrueVersion>,
}

#[derive(Deserialize)]
struct TrueVersion {
    version_id: u64,
    version_name: Option<String>,
    status_code: f64,
    #[serde(flatten)]
    times: Times,
    usage: Option<TrueUsage>,
}

/// A job of v2, which has no versions.
#[derive(Deserialize)]
struct TrueRun {
    job_id: String,
    name: String,
    nodes: f64,
    restarts: f64,
    #[serde(flatten)]
    times: Times,
    tasks: Vec<TrueTask>,
}

#[derive(Deserialize)]
struct TrueTask {
    task: String,
    usage: Option<TrueUsage>,
}

#[derive(Deserialize)]
struct Times {
    created: f64,
    running: bool,
    terminal: bool,
    duration: f64,
}

#[derive(Deserialize)]
struct TrueUsage {
    samples: f64,
}

/// A version or a job of v2, as it is so.
#[derive(Clone, Copy)]
enum Known<'a> {
    Version(&'a TrueVersion),
    Run(&'a TrueRun),
}

impl Known<'_> {
    /// Whether it has this value; of most families we are told nothing to compare with.
    fn has(self, sample: &Sample) -> bool {
        let is = |truth: f64| (truth - sample.value).abs() < 1e-3;
        let times = match self {
            Self::Version(version) => &version.times,
            Self::Run(run) => &run.times,
        };
        match (&*sample.name, self) {
            ("modelarts_job_status_code", Self::Version(version)) => is(version.status_code),
            ("modelarts_job_nodes", Self::Run(run)) => is(run.nodes),
            ("modelarts_job_restarts", Self::Run(run)) => is(run.restarts),
            ("modelarts_job_created_timestamp_seconds", _) => is(times.created),
            ("modelarts_job_duration_seconds", _) => is(times.duration),
            ("modelarts_job_finished_timestamp_seconds", _) => times.terminal,
            ("modelarts_job_usage_samples", _) => {
                let samples = self.usage(sample.label("task")).map(|usage| usage.samples);
                // Before the first one there is none.
                times.running && is(samples.unwrap_or_default())
            }
            (name, Self::Run(_)) => {
                !name.starts_with("modelarts_model_") && name != "modelarts_job_status_code"
            }
            _ => true,
        }
    }

    fn usage(&self, task: &str) -> Option<&TrueUsage> {
        match self {
            Self::Version(version) => version.usage.as_ref().filter(|_| task.is_empty()),
            Self::Run(run) => run.tasks.iter().find(|known| known.task == task)?.usage.as_ref(),
        }
    }
}

impl Truth {
    async fn of(cloud: &Cloud) -> Self {
        let text = cloud.get("/-/simulator/jobs?samples=false").await.text;
        serde_json::from_str(&text).unwrap()
    }

    /// Everything that a scrape says of a job or a version and that is not so. A version may go by
    /// its id as long as nobody has told its name.
    fn denies(&self, scrape: &Scrape) -> Vec<String> {
        let mut so = BTreeMap::new();
        for job in &self.jobs {
            for version in &job.versions {
                let (id, known) = (job.job_id.to_string(), (&job.name, Known::Version(version)));
                so.insert((id.clone(), version.version_id.to_string()), known);
                if let Some(name) = &version.version_name {
                    so.insert((id, name.clone()), known);
                }
            }
        }
        for run in &self.v2_jobs {
            so.insert((run.job_id.clone(), String::new()), (&run.name, Known::Run(run)));
        }
        let mut lies = Vec::new();
        for sample in scrape.samples() {
            let label = |name: &str| {
                let found = sample.labels.iter().find(|(label, _)| label == name);
                found.map(|(_, value)| value.clone())
            };
            let (Some(job), Some(version)) = (label("job_id"), label("version")) else { continue };
            let Some((job, known)) = so.get(&(job, version)) else {
                lies.push(format!("{sample:?}: there is no such version"));
                continue;
            };
            let is_named = label("job_name").is_none_or(|name| name == **job);
            if !is_named || !known.has(sample) {
                lies.push(format!("{sample:?}"));
            }
        }
        lies
    }
}

/// Jobs of every kind and age, whose clocks stand still.
async fn cloud() -> Cloud {
    let settings = Settings { speed: 0.0, scenario: Scenario::Mixed, ..Settings::default() };
    Cloud::start(settings).await
}

const OF_OUTCOMES: [&str; 7] = [
    "modelarts_job_last_outcome",
    "modelarts_job_last_completed_timestamp_seconds",
    "modelarts_job_last_failed_timestamp_seconds",
    "modelarts_job_consecutive_failures",
    "modelarts_job_runs_total",
    "modelarts_runs_total",
    "modelarts_job_last_run_info",
];

/// Names of families about jobs, models and runs.
fn families(scrape: &Scrape) -> Vec<&str> {
    let told = ["modelarts_job_", "modelarts_model_", "modelarts_runs_"];
    let names = scrape.samples().iter().map(|sample| &*sample.name);
    let mut names: Vec<_> =
        names.filter(|name| told.iter().any(|told| name.starts_with(told))).collect();
    names.dedup();
    names
}

/// Scrapes without a pause until the daemon is ready and shows its jobs, which may come a second later: an
/// answer is shared for so long.
async fn scrapes(daemon: &Daemon) -> Vec<Scrape> {
    let mut scrapes = Vec::new();
    wait_for(PATIENCE, "the daemon to show its jobs", async || {
        for _ in 0..10 {
            let is_ready = daemon.get("/-/ready").await.status == 200;
            let scrape = daemon.scrape().await;
            let shows_jobs = !scrape.find("modelarts_job_info").is_empty();
            scrapes.push(scrape);
            if is_ready && shows_jobs {
                return Ok(());
            }
        }
        Err(format!("{} scrapes", scrapes.len()))
    })
    .await;
    scrapes
}

#[tokio::test]
async fn nothing_is_shown_before_it_is_known_and_nothing_but_the_truth_after() {
    in_both(async |api| {
        let cloud = cloud().await;
        let truth = Truth::of(&cloud).await;
        let jobs = cloud.jobs_in(api);
        cloud.fault("\"fault\": \"latency\", \"on\": \"any\", \"value\": 150").await;
        let poll = ONE_POLL.replace("20s", "3s");
        let runs = truth.v2_jobs.iter().find(|run| run.times.running).unwrap();
        // One that waits costs no request there.
        let hangs = if api == Api::V1 { &jobs[0] } else { &runs.job_id };
        let hang = "\"fault\": \"hang\", \"on\": \"any\"";
        cloud.fault(&format!("{hang}, \"job_id\": \"{hangs}\"")).await;
        let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", api, jobs);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        let scrapes = scrapes(&daemon).await;
        // Each call takes its time: there was much to see before the first round was over.
        assert!(scrapes.len() > 10, "{}", scrapes.len());
        assert_eq!(scrapes[0].unmet(&["modelarts_up == 0"]), [""; 0]);
        let (last, before) = scrapes.split_last().unwrap();
        for scrape in before.iter().filter(|scrape| scrape.find("modelarts_job_info").is_empty()) {
            assert_eq!(families(scrape), [""; 0]);
            assert_eq!(scrape.find("modelarts_up").len(), 1);
        }
        for scrape in &scrapes {
            assert_eq!(truth.denies(scrape), [""; 0]);
            let runs = scrape.find("modelarts_runs_total");
            let none_ended = runs.iter().all(|runs| runs.value <= 0.0);
            assert!(none_ended, "nothing ended under watch: {runs:?}");
        }
        assert_eq!(last.unmet(&["modelarts_up == 1", "modelarts_job_version_rank == 0"]), [""; 0]);
        assert_eq!(last.find("modelarts_job_info").len(), jobs.len(), "one by the list alone");
    })
    .await;
}

#[tokio::test]
async fn a_first_round_that_takes_too_long_shows_what_the_list_knows() {
    in_both(async |api| {
        let cloud = cloud().await;
        let truth = Truth::of(&cloud).await;
        let jobs = cloud.jobs_in(api);
        for job in jobs {
            let hang = "\"fault\": \"hang\", \"on\": \"any\"";
            cloud.fault(&format!("{hang}, \"job_id\": \"{job}\"")).await;
        }
        let poll = QUICK.replace("interval = \"200ms\"", "interval = \"1s\"").replace("3s", "30s");
        let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", api, jobs);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        let scrapes = scrapes(&daemon).await;
        for scrape in &scrapes {
            assert_eq!(truth.denies(scrape), [""; 0]);
            let shown = scrape.find("modelarts_job_info").len();
            assert!(shown == 0 || shown == jobs.len(), "{shown} of {}", jobs.len());
            for unknown in ["modelarts_job_usage_samples", "modelarts_model_recall"] {
                assert_eq!(scrape.find(unknown).len(), 0, "{unknown}");
            }
        }
        let last = scrapes.last().unwrap();
        assert_eq!(last.find("modelarts_job_info").len(), jobs.len());
        assert_eq!(last.unmet(&["modelarts_up == 1"]), [""; 0]);
        if api == Api::V1 {
            assert_eq!(last.unmet(&["modelarts_job_poll_success absent"]), [""; 0]);
        }
    })
    .await;
}

#[tokio::test]
async fn after_a_restart_outcomes_are_as_they_were_and_the_rest_is_not_there() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let (bad, good) = (cloud.add("bad").await.job_id, cloud.add("good").await.job_id);
    let tables = format!("[state]\nfile = \"{}\"\n", folder.path().join("state").display());
    let setup = Setup { tables: &tables, ..Setup::of([bad, good]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_status{status=\"running\"} == 2"]).await;
    cloud.set_status(bad, "failed").await;
    cloud.set_status(good, "completed").await;
    daemon
        .shows(&["modelarts_runs_total{outcome=\"failed\"} == 1", "modelarts_runs_total == 2"])
        .await;
    let before = daemon.scrape().await;
    daemon.stop().await;

    cloud.fault("\"fault\": \"latency\", \"on\": \"any\", \"value\": 300").await;
    let poll = ONE_POLL.replace("20s", "3s");
    let daemon = Daemon::start(&Setup { poll: &poll, ..setup }.file(&cloud)).await;
    let scrapes = scrapes(&daemon).await;
    for scrape in &scrapes {
        for sample in scrape.samples() {
            if OF_OUTCOMES.contains(&&*sample.name) {
                assert!(before.samples().contains(sample), "{sample:?} was not so before");
            }
        }
        if scrape.find("modelarts_job_info").is_empty() {
            let others = families(scrape).into_iter().filter(|it| !OF_OUTCOMES.contains(it));
            assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
        }
    }
    let last = scrapes.last().unwrap();
    assert_eq!(last.unmet(&["modelarts_runs_total == 2", "modelarts_job_info == 2"]), [""; 0]);
}
