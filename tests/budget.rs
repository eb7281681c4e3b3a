//! What the exporter costs the cloud, as the simulator counts it. The minute of the contract is here a
//! hundredth of itself, and the budgets a hundred times as large; `make test-long` has 5,000 jobs.

use std::time::Duration;

use crate::harness::turns::{Size, hold};
use crate::harness::{Cloud, Daemon, PATIENCE, QUICK, Setup, wait_for};

const MINUTE: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_have_their_turn_within_a_small_budget() {
    hold(Size { jobs: 250, interval: MINUTE, requests_per_minute: 6000, rounds: 5 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_have_their_turn_on_the_interval_without_a_budget() {
    let interval = Duration::from_secs(4);
    hold(Size { jobs: 250, interval, requests_per_minute: 0, rounds: 4 }).await;
}

#[tokio::test]
async fn jobs_that_have_ended_are_left_to_the_list_until_it_says_something_new() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for name in ["one", "two", "three"] {
        jobs.push(cloud.add_as(name, r#""status": "completed", "minutes": 30"#).await.job_id);
    }
    let daemon = Daemon::start(&Setup::of(jobs.clone()).file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 3"]).await;
    let lists = async |least: u64| {
        wait_for(PATIENCE, "the list to be read", async || match cloud.requests("list").await {
            lists if lists >= least => Ok(lists),
            lists => Err(format!("{lists} times")),
        })
        .await
    };
    lists(15).await;
    assert_eq!(cloud.requests("versions").await, 3, "each was polled once");
    cloud.add_as("two", r#""minutes": 1"#).await;
    daemon
        .shows(&[
            "modelarts_job_status{job_name=\"two\",version=\"V0002\",status=\"running\"} == 1",
            "modelarts_job_status{status=\"completed\"} == 3",
        ])
        .await;
    cloud.remove(jobs[2]).await;
    daemon
        .shows(&[
            format!("modelarts_job_status{{job_id=\"{}\"}} absent", jobs[2]),
            format!("modelarts_job_poll_success{{job_id=\"{}\"}} == 0", jobs[2]),
            format!("modelarts_job_status{{job_id=\"{}\",status=\"completed\"}} == 1", jobs[0]),
        ])
        .await;
}

#[tokio::test]
async fn pages_that_never_end_or_repeat_end_and_are_said() {
    let cloud = Cloud::empty().await;
    let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    cloud.fault(r#""fault": "endless_pages", "on": "list""#).await;
    let daemon = Daemon::start(&Setup { poll: QUICK, ..Setup::of(jobs) }.file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_exporter_decode_errors_total{field=\"jobs\",reason=\"missing\"} > 3",
            "modelarts_job_poll_success == 2",
            "modelarts_up == 1",
        ])
        .await;
    assert_eq!(daemon.logged(&["a field of the answer was left out", "field=jobs"]), 1);
}
