//! However many jobs there are, no more series are shown than `limits.series`.

use std::collections::BTreeSet;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;

use crate::harness::{Cloud, Daemon, Scrape, Setup};

/// The least that may be configured.
const LIMIT: usize = 1000;

const LIMITED: &str = "[limits]\nseries = 1000\n[metrics]\nextra_model_metrics = true\n";
const UNLIMITED: &str = "[limits]\nseries = 100000\n[metrics]\nextra_model_metrics = true\n";

/// An extra metric, the four scores, and classes of four scores each.
const SCORES: &str =
    r#""minutes": 30, "quality": {"recall": 0.5, "f1_score": 0.5, "loss": 0.1}, "classes": 6"#;

fn file(cloud: &Cloud, jobs: &[u64], tables: &str) -> String {
    Setup { tables, ..Setup::of(jobs.iter().copied()) }.file(cloud)
}

async fn reload(daemon: &Daemon, config: &str, limit: usize) -> Scrape {
    daemon.configure(config);
    daemon.signal("HUP");
    daemon.shows(&[format!("modelarts_exporter_series_limit == {limit}")]).await
}

/// The series of jobs and projects, which are those that count.
fn shown(scrape: &Scrape) -> BTreeSet<String> {
    let is_own =
        |name: &str| name.starts_with("modelarts_exporter_") || name.starts_with("process_");
    let samples = scrape.samples().iter().filter(|sample| !is_own(&sample.name));
    samples.map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect()
}

fn dropped_for(reason: &str) -> String {
    format!("modelarts_exporter_series_dropped{{project=\"p\",reason=\"{reason}\"}}")
}

/// Of each version that shows when it ended, that time.
fn ends(scrape: &Scrape) -> Vec<f64> {
    let found = scrape.find("modelarts_job_finished_timestamp_seconds");
    found.iter().map(|sample| sample.value).collect()
}

/// What is shown once every job was polled and every end was counted.
fn polled(ended: usize, running: usize) -> [String; 2] {
    let jobs = ended + running;
    [
        format!("modelarts_job_poll_success == {jobs}"),
        format!("modelarts_job_last_run_info == {ended}"),
    ]
}

/// Checks that what is shown and what was counted as left out is everything.
fn is_whole(limited: &Scrape, everything: &BTreeSet<String>) {
    let shown = shown(limited);
    assert!(shown.is_subset(everything), "{:?}", shown.difference(everything));
    assert!(shown.len() <= LIMIT, "{} series", shown.len());
    let left_out = everything.len() - shown.len();
    let unmet = limited.unmet(&[format!("modelarts_exporter_series_dropped == {left_out}")]);
    assert!(unmet.is_empty(), "{unmet:?}");
}

/// Jobs with scores: some that have ended, in the order of their ends, and some that run.
async fn jobs(cloud: &Cloud, ended: usize, running: usize) -> Vec<u64> {
    let mut jobs = Vec::new();
    for at in 0..ended + running {
        let status = if at < ended { "\"status\": \"completed\", " } else { "" };
        jobs.push(cloud.add_as(&format!("job-{at}"), &format!("{status}{SCORES}")).await.job_id);
    }
    jobs
}

const SNAPSHOT: &str = "modelarts_exporter_snapshot_timestamp_seconds";
const LEFT_OUT: &str = "some are left out";
const NEVER: &str = "those left never give way";
const AGAIN: &str = "there is room for all series again";

#[tokio::test]
async fn what_matters_least_gives_way_first() {
    // With a clock that goes no two jobs end at once.
    let cloud = Cloud::start(Settings { speed: 1.0, ..Cloud::no_jobs() }).await;
    let jobs = jobs(&cloud, 80, 3).await;
    let some = &jobs[60..];
    let daemon = Daemon::start(&file(&cloud, some, UNLIMITED)).await;
    let whole = daemon.shows(&polled(20, 3)).await;
    let everything = shown(&whole);
    assert!(everything.len() > LIMIT, "{}", everything.len());
    assert_eq!(daemon.logged(&[LEFT_OUT]), 0, "{}", daemon.log());

    // The classes of 23 jobs, and the extra metrics of those that have ended.
    let limited = reload(&daemon, &file(&cloud, some, LIMITED), LIMIT).await;
    is_whole(&limited, &everything);
    assert_eq!(limited.get(&dropped_for("budget_classes")), Some(23.0 * 6.0 * 4.0));
    assert_eq!(limited.get(&dropped_for("budget_extra_metrics")), Some(20.0));
    assert_eq!(limited.find("modelarts_model_metric").len(), 3);
    assert_eq!(limited.find("modelarts_job_info").len(), 23);
    let begins = [LEFT_OUT, "limit=1000", "dropped=572", "remedy=\"raise limits.series"];
    assert_eq!(daemon.logged(&begins), 1, "{}", daemon.log());

    daemon.configure(&file(&cloud, &jobs, UNLIMITED));
    daemon.signal("HUP");
    let whole = daemon.shows(&polled(80, 3)).await;
    let everything = shown(&whole);
    let limited = reload(&daemon, &file(&cloud, &jobs, LIMITED), LIMIT).await;
    is_whole(&limited, &everything);
    let (all, left) = (ends(&whole), ends(&limited));
    assert!(!left.is_empty() && left.len() < all.len(), "{left:?}");
    assert_eq!(left, all[all.len() - left.len()..], "those that ended last");
    assert!(limited.find("modelarts_job_gpu_utilization_mean_ratio").len() == 3, "of what runs");
    assert_eq!(limited.get(&dropped_for("budget_unfinished")), Some(0.0));
    assert_eq!(limited.find("modelarts_job_last_run_info").len(), 80, "outcomes stay");
    assert_eq!(daemon.logged(&[LEFT_OUT, "reason=budget_finished"]), 1, "{}", daemon.log());

    reload(&daemon, &file(&cloud, &jobs, UNLIMITED), 100_000).await;
    let again = daemon.shows(&["modelarts_exporter_series_dropped == 0"]).await;
    assert_eq!(shown(&again), everything);
    assert_eq!(daemon.logged(&[AGAIN]), 2, "{}", daemon.log());
}

#[tokio::test]
async fn what_gave_way_comes_back_when_jobs_are_gone() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 20, 3).await;
    let daemon = Daemon::start(&file(&cloud, &jobs, LIMITED)).await;
    let gave_way = format!("{} > 0", dropped_for("budget_classes"));
    daemon.shows(&["modelarts_job_poll_success == 23", &gave_way]).await;
    for job in &jobs[..12] {
        cloud.remove(*job).await;
    }
    let all = daemon
        .shows(&["modelarts_job_poll_success == 11", "modelarts_exporter_series_dropped == 0"])
        .await;
    assert_eq!(all.find("modelarts_model_class_recall").len(), 11 * 6);
    assert_eq!(daemon.logged(&[AGAIN]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn what_never_gives_way_stays_above_the_limit() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 0, 100).await;
    let daemon = Daemon::start(&file(&cloud, &jobs, LIMITED)).await;
    let scrape = daemon.shows(&["modelarts_job_poll_success == 100"]).await;
    // Nine of status, two of polls and four of outcomes, and four of the project.
    let exempt = 100 * (9 + 2 + 4) + 4;
    assert_eq!(shown(&scrape).len(), exempt);
    let over = exempt - LIMIT;
    daemon
        .shows(&[
            "modelarts_job_status{status=\"running\"} == 100".to_owned(),
            format!("modelarts_exporter_series_over_limit == {over}"),
        ])
        .await;
    assert_eq!(daemon.logged(&[NEVER, &format!("over={over}")]), 1, "{}", daemon.log());
    reload(&daemon, &file(&cloud, &jobs[..50], LIMITED), LIMIT).await;
    daemon.shows(&["modelarts_exporter_series_over_limit == 0"]).await;
    assert_eq!(daemon.logged(&["within limits.series again"]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn no_snapshot_is_above_the_limit_while_jobs_run_and_end() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 20, 20).await;
    let daemon = Daemon::start(&file(&cloud, &jobs, LIMITED)).await;
    daemon.is_ready().await;
    let mut seen = BTreeSet::new();
    let mut last = 0.0;
    for (round, job) in jobs.chunks(4).cycle().take(25).enumerate() {
        for job in job {
            cloud.set_status(*job, ["running", "completed", "failed"][round % 3]).await;
        }
        let next = format!("{SNAPSHOT} > {last}");
        let scrape = daemon.shows(&[next]).await;
        last = scrape.get(SNAPSHOT).unwrap();
        let series = shown(&scrape).len();
        assert!(series <= LIMIT, "{series} series after {round} changes");
        seen.insert(series);
    }
    assert!(seen.len() > 1, "something changed: {seen:?}");
}

#[tokio::test]
async fn tasks_beyond_their_limit_are_counted_as_left_out_and_are_no_mistake() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_in(Api::V2, "wide", "\"workers\": 5").await;
    let waiting = cloud.add_in(Api::V2, "later", "\"workers\": 5, \"status\": \"pending\"").await;
    let setup = Setup { tables: "[limits]\ntasks_per_version = 2", ..Setup::new() };
    let setup = setup.with_api("p", Api::V2, [&job, &waiting]);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let scrape = daemon
        .shows(&[
            format!("{} == 3", dropped_for("tasks")),
            "modelarts_job_poll_success == 2".to_owned(),
            "modelarts_exporter_decode_errors_total absent".to_owned(),
        ])
        .await;
    let tasks = scrape.find("modelarts_job_usage_samples");
    assert_eq!(
        tasks.iter().map(|task| task.label("task")).collect::<Vec<_>>(),
        ["worker-0", "worker-1"]
    );
    cloud.set_status(&job, "completed").await;
    cloud.remove(&job).await;
    daemon.shows(&[format!("{} == 0", dropped_for("tasks"))]).await;
}
