//! A cloud that says what cannot be true beside what it said before.

use std::fmt::Write as _;

use crate::harness::{Cloud, Daemon, Setup};

fn counted(reason: &str, times: u32) -> String {
    format!("modelarts_exporter_contradictions_total{{reason=\"{reason}\"}} == {times}")
}

/// A list of running versions: id, create time in milliseconds, duration in milliseconds.
fn versions(name: &str, versions: &[(u32, u64, u64)]) -> String {
    let mut text = String::new();
    for (id, created, duration) in versions {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"version_id":{id},"version_name":"V{id:04}","status":8,"create_time":{created},"start_time":1600000000000,"duration":{duration},"flavor_code":"f"}}"#
        );
    }
    let count = versions.len();
    format!(
        r#"{{"is_success":true,"job_id":1,"job_name":"{name}","version_count":{count},"versions":[{text}]}}"#
    )
}

const CREATED: u64 = 1_600_000_000_000;

#[tokio::test]
async fn a_version_that_runs_again_counts_once_and_shows_its_new_run() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    let ends = |outcome: &str, times| {
        format!("modelarts_job_runs_total{{outcome=\"{outcome}\"}} == {times}")
    };
    let status = |status| format!("modelarts_job_status{{status=\"{status}\"}} == 1");
    let finished = "modelarts_job_finished_timestamp_seconds";
    daemon.shows(&[status("running"), counted("restarted", 0)]).await;
    cloud.set_status(job, "failed").await;
    daemon.shows(&[status("failed"), ends("failed", 1), format!("{finished} > 0")]).await;
    cloud.set_status(job, "running").await;
    daemon
        .shows(&[
            status("running"),
            counted("restarted", 1),
            format!("{finished} absent"),
            "modelarts_job_consecutive_failures == 1".to_owned(),
            "modelarts_job_usage_samples > 0".to_owned(),
        ])
        .await;
    cloud.set_status(job, "completed").await;
    daemon
        .shows(&[
            status("completed"),
            ends("failed", 1),
            ends("completed", 0),
            "modelarts_job_last_outcome{outcome=\"completed\"} == 1".to_owned(),
            "modelarts_job_consecutive_failures == 0".to_owned(),
            format!("{finished} > 0"),
            counted("restarted", 1),
        ])
        .await;
}

#[tokio::test]
async fn another_name_moves_the_series_and_the_outcomes_go_on_under_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&["modelarts_job_info{job_name=\"train\"} == 1"]).await;
    cloud.fault("\"fault\": \"renamed\", \"on\": \"any\"").await;
    daemon
        .shows(&[
            "modelarts_job_info{job_name=\"train-renamed\"} == 1".to_owned(),
            "modelarts_job_info == 1".to_owned(),
            counted("renamed", 1),
        ])
        .await;
    cloud.set_status(job, "failed").await;
    daemon
        .shows(&[
            "modelarts_job_runs_total{job_name=\"train-renamed\",outcome=\"failed\"} == 1",
            "modelarts_job_runs_total{job_name=\"train\",outcome=\"failed\"} == 0",
            "modelarts_runs_total{outcome=\"failed\"} == 1",
        ])
        .await;
    assert_eq!(daemon.scrape().await.unmet(&[counted("renamed", 1)]), [""; 0]);
}

#[tokio::test]
async fn a_name_that_comes_back_under_another_id_goes_on_counting() {
    let cloud = Cloud::empty().await;
    let first = cloud.add("train").await.job_id;
    let second = first + 1;
    let daemon = Daemon::start(&Setup::of([first, second]).file(&cloud)).await;
    daemon.shows(&[format!("modelarts_job_info{{job_id=\"{first}\"}} == 1")]).await;
    cloud.set_status(first, "failed").await;
    daemon.shows(&["modelarts_job_consecutive_failures == 1"]).await;
    cloud.remove(first).await;
    daemon.shows(&["modelarts_job_info absent"]).await;
    assert_eq!(cloud.add("train").await.job_id, second);
    daemon
        .shows(&[
            format!("modelarts_job_info{{job_id=\"{second}\",job_name=\"train\"}} == 1"),
            counted("name_reused", 1),
        ])
        .await;
    cloud.set_status(second, "failed").await;
    daemon
        .shows(&[
            "modelarts_job_consecutive_failures == 2",
            "modelarts_job_runs_total{outcome=\"failed\"} == 2",
        ])
        .await;
}

#[tokio::test]
async fn times_that_run_backwards_are_counted_and_shown_as_they_are() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    // The list has nothing to say: the answers alone contradict each other.
    cloud.fault("\"fault\": \"forbidden\", \"on\": \"list\"").await;
    let newest =
        |version: u32| format!("modelarts_job_version_rank{{version=\"V{version:04}\"}} == 0");
    let says = async |list: &[(u32, u64, u64)]| {
        cloud.set_document(job, versions("train", list)).await;
    };
    says(&[(1, CREATED, 900_000)]).await;
    let daemon = Daemon::start(&Setup::new().with("p", [job], "\"all\"").file(&cloud)).await;
    daemon.shows(&[newest(1), "modelarts_job_duration_seconds == 900".to_owned()]).await;
    says(&[(1, CREATED, 300_000)]).await;
    daemon.shows(&["modelarts_job_duration_seconds == 300".to_owned(), counted("shrunk", 1)]).await;
    says(&[(1, CREATED + 5000, 300_000)]).await;
    daemon.shows(&[counted("id_reused", 1), counted("shrunk", 1)]).await;
    // The clock of the cloud was set back before the second version was created.
    says(&[(1, CREATED + 5000, 300_000), (2, CREATED - 5000, 0)]).await;
    daemon.shows(&[newest(1), "modelarts_job_info == 2".to_owned()]).await;
    says(&[(3, CREATED + 9000, 0), (1, CREATED + 5000, 300_000), (2, CREATED - 5000, 0)]).await;
    let every = ["restarted", "renamed", "name_reused", "clock_set_back"].map(|it| counted(it, 0));
    let expected = [newest(3), counted("out_of_order", 1), counted("id_reused", 1)];
    daemon.shows(&[&expected[..], &every[..]].concat()).await;
}
