//! What the exporter costs the cloud, as the simulator counts it. The minute of the contract is here a
//! hundredth of itself, and the budgets a hundred times as large; `make test-long` has 5,000 jobs.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_v2_take_turns_within_a_small_budget() {
    const JOBS: usize = 40;
    const TASKS: usize = JOBS * 4;
    const BUDGET: f64 = 960.0;
    let cloud = Cloud::start(Settings { speed: 0.0, ..Cloud::no_jobs() }).await;
    for at in 0..JOBS {
        cloud.add_in(Api::V2, &format!("job-{at}"), "\"workers\": 4").await;
    }
    // Samples come once a second, and each answer has new ones.
    cloud.set_speed(60.0).await;
    // A round takes seconds: with more slots the polls under way would be half of it.
    let poll = format!(
        "interval = \"2s\"\nlist_interval = \"5s\"\ntimeout = \"3s\"\nconcurrency = 2\nrequests_per_minute = {BUDGET}"
    );
    let project = "discovery = { enabled = true }";
    let setup = Setup { poll: &poll, project, ..Setup::new() }.with_api("p", Api::V2, []);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let rounds = async |daemon: &Daemon, least: u64| {
        let oldest = Cell::new(0.0_f64);
        let tasks = Cell::new(0);
        wait_for(PATIENCE, "tasks to have their turns", async || {
            let scrape = daemon.scrape().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
            let seen = scrape.find("modelarts_job_usage_last_sample_timestamp_seconds");
            tasks.set(seen.len());
            let ages = seen.iter().map(|sample| now - sample.value);
            oldest.set(ages.fold(oldest.get(), f64::max));
            match cloud.requests("metrics").await {
                asked if asked >= least * TASKS as u64 => Ok(()),
                asked => Err(format!("{asked} times, of {} tasks", tasks.get())),
            }
        })
        .await;
        (tasks.get(), oldest.get())
    };
    rounds(&daemon, 2).await;
    let (tasks, oldest) = rounds(&daemon, 4).await;
    let alone = TASKS as f64 / BUDGET * 60.0;
    println!("the oldest usage is {oldest:.1} s old: {:.3} x tasks / budget", oldest / alone);
    assert_eq!(tasks, TASKS, "every task has had its turn");
    assert!(oldest <= alone * 1.5, "{oldest:.1} s");
    let most = cloud.most_in_a_minute().await;
    assert!(most as f64 <= BUDGET, "{most} requests");
    let unmet =
        daemon.scrape().await.unmet(&["modelarts_exporter_polls_total{result=\"success\"} > 80"]);
    assert_eq!(unmet, [""; 0]);
}
