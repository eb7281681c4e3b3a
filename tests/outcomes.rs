//! How the runs of a name ended: what is counted, and what a restart, a kill and a broken disk do to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::interval;

use crate::harness::{Cloud, Daemon, PATIENCE, Scrape, Setup, wait_for};

/// The four counts of a name that can be wrong: failures since the last success, and ends by outcome.
fn counts(name: &str, failures: u32, completed: u32, failed: u32) -> [String; 3] {
    let runs =
        |outcome| format!("modelarts_job_runs_total{{job_name=\"{name}\",outcome=\"{outcome}\"}}");
    [
        format!("modelarts_job_consecutive_failures{{job_name=\"{name}\"}} == {failures}"),
        format!("{} == {completed}", runs("completed")),
        format!("{} == {failed}", runs("failed")),
    ]
}

/// The configuration for these jobs with a state file in that folder.
fn keeping(folder: &Path, jobs: impl IntoIterator<Item = u64>, cloud: &Cloud) -> String {
    let tables = format!("[state]\nfile = \"{}\"\n", folder.join("state").display());
    Setup { tables: &tables, ..Setup::of(jobs) }.file(cloud)
}

/// What a folder holds.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_failure_stands_until_the_next_version_succeeds() {
    let cloud = Cloud::empty().await;
    let first = cloud.add("train").await;
    let job = first.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    let scrape = daemon.shows(&counts("train", 0, 0, 0)).await;
    assert_eq!(scrape.unmet(&["modelarts_job_last_outcome absent"]), Vec::<String>::new());

    cloud.set_status(job, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{project=\"p\",job_name=\"train\",outcome=\"failed\"} == 1",
            "modelarts_job_last_outcome{outcome=\"completed\"} == 0",
            "modelarts_job_last_failed_timestamp_seconds{project=\"p\",job_name=\"train\"} > 0",
            "modelarts_job_last_run_info{version=\"V0001\",outcome=\"failed\"} == 1",
        ])
        .await;

    assert_eq!(cloud.add("train").await.job_id, job);
    cloud.set_status(job, "completed").await;
    daemon.shows(&counts("train", 0, 1, 1)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{outcome=\"completed\"} == 1",
            "modelarts_job_last_outcome{outcome=\"failed\"} == 0",
            "modelarts_job_last_failed_timestamp_seconds > 0",
            "modelarts_job_last_run_info{version=\"V0002\",outcome=\"completed\"} == 1",
            "modelarts_runs_total{project=\"p\",outcome=\"completed\"} == 1",
            "modelarts_runs_total{project=\"p\",outcome=\"failed\"} == 1",
        ])
        .await;
}

#[tokio::test]
async fn what_had_ended_at_first_sight_moves_the_gauges_alone() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("train", "\"status\": \"failed\"").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&counts("train", 1, 0, 0)).await;
    daemon
        .shows(&[
            "modelarts_job_last_outcome{outcome=\"failed\"} == 1",
            "modelarts_runs_total{outcome=\"failed\"} == 0",
        ])
        .await;
}

#[tokio::test]
async fn runs_of_several_jobs_are_runs_of_the_name_they_share() {
    let cloud = Cloud::empty().await;
    let one = cloud.add("train-20260101").await.job_id;
    let two = cloud.add("train-20260102").await.job_id;
    let rule = "outcome = { name_regex = '^(.*?)-\\d{8,}$' }";
    let setup = Setup { project: rule, ..Setup::of([one, two]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(one, "failed").await;
    daemon.shows(&counts("train", 1, 0, 1)).await;
    cloud.set_status(two, "completed").await;
    daemon.shows(&counts("train", 0, 1, 1)).await;
}

#[tokio::test]
async fn a_version_shows_the_scores_of_the_run_before_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("train", "\"quality\": {\"recall\": 0.5}").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "completed").await;
    cloud.add("train").await;
    let previous = "modelarts_model_previous_recall";
    let scrape = daemon.shows(&[format!("{previous}{{version=\"V0002\"}} == 0.5")]).await;
    assert_eq!(scrape.find(previous).len(), 1, "nothing completed before the first version");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "failed").await;
    let before = daemon.shows(&counts("train", 1, 0, 1)).await;
    let ended = daemon.stop().await;
    assert!(ended.status.success(), "{}", ended.stderr);

    // While nobody watches the next version comes and fails: it was not there before the stop.
    cloud.add("train").await;
    cloud.set_status(job, "failed").await;
    let daemon = Daemon::start(&config).await;
    let after = daemon.shows(&counts("train", 2, 0, 2)).await;
    let changed = "modelarts_job_status_changed_timestamp_seconds{version=\"V0001\"}";
    let first = before.get(changed).unwrap();
    assert!(after.get(changed).is_none_or(|at| (at - first).abs() < 0.001));
}

#[tokio::test]
async fn the_first_scrape_after_a_restart_has_what_was_counted_before() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let job = cloud.add("train").await.job_id;
    let config = keeping(folder.path(), [job], &cloud);
    let daemon = Daemon::start(&config).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    cloud.set_status(job, "failed").await;
    let changed = "modelarts_job_status_changed_timestamp_seconds";
    daemon.shows(&counts("train", 1, 0, 1)).await;
    let before = daemon.scrape().await.get(changed).unwrap();
    daemon.stop().await;

    cloud.fault("\"fault\": \"server_error\", \"on\": \"any\"").await;
    let daemon = Daemon::start(&config).await;
    assert_eq!(daemon.scrape().await.unmet(&counts("train", 1, 0, 1)), Vec::<String>::new());
    cloud.heal().await;
    let after = daemon.shows(&["modelarts_job_status{status=\"failed\"} == 1"]).await;
    let after = after.get(changed).unwrap();
    assert!((after - before).abs() < 0.001, "{before} became {after}");
    assert_eq!(daemon.scrape().await.unmet(&counts("train", 1, 0, 1)), Vec::<String>::new());
}

#[tokio::test]
async fn a_reload_takes_the_outcomes_of_what_leaves_along_and_keeps_the_others() {
    let cloud = Cloud::empty().await;
    let kept = cloud.add("kept").await.job_id;
    let leaving = cloud.add("leaving").await.job_id;
    let both = Setup::new().with("a", [kept], "\"latest\"").with("b", [leaving], "\"latest\"");
    let daemon = Daemon::start(&both.file(&cloud)).await;
    daemon.shows(&[counts("kept", 0, 0, 0), counts("leaving", 0, 0, 0)].concat()).await;
    cloud.set_status(kept, "failed").await;
    daemon.shows(&counts("kept", 1, 0, 1)).await;

    let coming = cloud.add_as("coming", "\"status\": \"failed\"").await.job_id;
    let one = Setup::new().with("a", [kept, coming], "\"latest\"");
    daemon.configure(&one.file(&cloud));
    daemon.signal("HUP");
    let gone = ["runs_total", "job_runs_total", "job_consecutive_failures"];
    let gone = gone.map(|name| format!("modelarts_{name}{{project=\"b\"}} absent"));
    // What comes had ended before anybody watched it.
    let expected = [counts("kept", 1, 0, 1), counts("coming", 1, 0, 0), gone].concat();
    daemon.shows(&expected).await;
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("state"), "modelarts-exporter state 1 =\n{}").unwrap();
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&keeping(folder.path(), [job], &cloud)).await;
    daemon.shows(&counts("train", 0, 0, 0)).await;
    daemon
        .shows(&[
            "modelarts_exporter_state_set_aside{reason=\"damaged\"} == 1",
            "modelarts_exporter_state_set_aside{reason=\"newer\"} == 0",
        ])
        .await;
    assert_eq!(daemon.logged(&["state file set aside", "reason=damaged"]), 1, "{}", daemon.log());
    let names = names(folder.path());
    assert!(names.iter().any(|name| name.starts_with("state.damaged-")), "{names:?}");
    assert!(names.iter().any(|name| name == "state"), "{names:?}");
}

#[tokio::test]
async fn polling_goes_on_where_nothing_can_be_written() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&keeping(&missing, [job], &cloud)).await;
    daemon
        .shows(&[
            "modelarts_exporter_state_write_failures_total > 0",
            "modelarts_job_status{status=\"running\"} == 1",
        ])
        .await;
    cloud.set_status(job, "completed").await;
    daemon
        .shows(&[
            "modelarts_job_status{status=\"completed\"} == 1",
            // What is not on disk could fall with the next start.
            "modelarts_job_runs_total absent",
            "modelarts_runs_total absent",
        ])
        .await;
    assert_eq!(daemon.logged(&["not shown until they are on disk"]), 1, "{}", daemon.log());
    std::fs::create_dir(&missing).unwrap();
    daemon.shows(&counts("train", 0, 1, 0)).await;
    assert_eq!(names(&missing), ["state"]);
}

/// Jobs whose versions end one after another while the daemon is killed.
const BUSY_JOBS: u64 = 4;

/// Between two ends: ten a second.
const END_EVERY: Duration = Duration::from_millis(100);

/// How often the daemon is killed.
const KILLS: u32 = 5;

/// Looks at the metrics between a start and the kill, at most: twice as long as it takes until what
/// ended is written and shown.
const MOST_LOOKS: u32 = 40;

/// Counted ends by all of their labels.
type Totals = BTreeMap<String, f64>;

/// Every `_total` of an outcome; none may be lower than it was, or missing.
fn none_falls(scrape: &Scrape, highest: &mut Totals) {
    let mut now = Totals::new();
    for name in ["modelarts_job_runs_total", "modelarts_runs_total"] {
        for sample in scrape.find(name) {
            now.insert(format!("{name}{:?}", sample.labels), sample.value);
        }
    }
    for (series, before) in &*highest {
        let value = now.get(series);
        assert!(value.is_some_and(|value| value >= before), "{series}: {before}, then {value:?}");
    }
    highest.extend(now);
}

#[derive(Deserialize)]
struct Account {
    jobs: Vec<JobAccount>,
}

#[derive(Deserialize)]
struct JobAccount {
    name: String,
    versions: Vec<VersionAccount>,
}

#[derive(Deserialize)]
struct VersionAccount {
    status_code: i64,
}

/// What the metrics have to come to, by the cloud's own account.
async fn account(cloud: &Cloud) -> Vec<String> {
    let text = cloud.get("/-/simulator/jobs").await.text;
    let account: Account = serde_json::from_str(&text).unwrap();
    let mut expected = Vec::new();
    let mut ends = 0;
    for (outcome, code) in [("completed", 10), ("failed", 11), ("terminated", 12)] {
        for job in &account.jobs {
            let is_it = |version: &&VersionAccount| version.status_code == code;
            let count = job.versions.iter().filter(is_it).count();
            ends += count;
            expected.push(format!(
                "modelarts_job_runs_total{{job_name=\"{}\",outcome=\"{outcome}\"}} == {count}",
                job.name
            ));
        }
    }
    expected.push(format!("modelarts_runs_total == {ends}"));
    assert!(ends > KILLS as usize, "too little happened: {ends} ends");
    expected
}

#[tokio::test]
async fn no_count_falls_or_is_lost_when_the_daemon_is_killed() {
    let cloud = Cloud::empty().await;
    let folder = TempDir::new().unwrap();
    let mut jobs = Vec::new();
    for place in 0..BUSY_JOBS {
        jobs.push(cloud.add(&format!("busy-{place}")).await.job_id);
    }
    let config = keeping(folder.path(), jobs.clone(), &cloud);
    let mut daemon = Daemon::start(&config).await;
    let watched = (0..BUSY_JOBS).flat_map(|place| counts(&format!("busy-{place}"), 0, 0, 0));
    daemon.shows(&watched.collect::<Vec<_>>()).await;

    let mut highest = Totals::new();
    let ending = async {
        let mut ticks = interval(END_EVERY);
        for turn in 0.. {
            ticks.tick().await;
            let place = turn % BUSY_JOBS;
            let outcome = ["completed", "failed", "terminated"][(turn % 3) as usize];
            cloud.set_status(jobs[place as usize], outcome).await;
            cloud.add(&format!("busy-{place}")).await;
        }
    };
    let killing = async {
        for _ in 0..KILLS {
            let mut left = fastrand::u32(1..=MOST_LOOKS);
            wait_for(PATIENCE, "the moment to kill", async || {
                none_falls(&daemon.scrape().await, &mut highest);
                left -= 1;
                if left == 0 { Ok(()) } else { Err(format!("{left} looks to go")) }
            })
            .await;
            daemon.signal("KILL");
            daemon.ended().await;
            daemon = Daemon::start(&config).await;
        }
        daemon
    };
    let daemon = tokio::select! {
        () = ending => unreachable!("it never ends"),
        daemon = killing => daemon,
    };
    let expected = account(&cloud).await;
    none_falls(&daemon.shows(&expected).await, &mut highest);
}
