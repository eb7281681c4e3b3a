//! Several projects, regions and accounts in one process: what befalls one is not felt by another.

use std::time::{SystemTime, UNIX_EPOCH};

use modelarts_exporter::model::Api;

use crate::harness::{Cloud, Daemon, ONE_POLL, PATIENCE, Setup, run_with_config, wait_for};

/// A poll a second of each job: long beside what an answer takes on a busy machine.
const POLL: &str = "interval = \"1s\"\npending_interval = \"1s\"\nlist_interval = \"1s\"\ntimeout = \"2s\"\nmax_staleness = \"5m\"\nconcurrency = 4\nrequests_per_minute = 0";

/// How many jobs each project has: more than requests may be in flight.
const JOBS: u32 = 8;

/// No value of the project that is well may be older, seconds: three polls.
const OLDEST: f64 = 3.0;

#[tokio::test]
async fn a_project_is_polled_on_time_beside_one_that_hangs_and_one_that_refuses() {
    let (well, hangs, refuses) = (Cloud::empty().await, Cloud::empty().await, Cloud::empty().await);
    let mut text = Setup { poll: POLL, ..Setup::new() }.head();
    let mut first = 0;
    for (name, cloud) in [("hangs", &hangs), ("refuses", &refuses), ("well", &well)] {
        let mut jobs = Vec::new();
        for number in 0..JOBS {
            // The accounts know nothing of each other: each has the same ids.
            jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
        }
        first = jobs[0];
        text += &Setup::new().with(name, jobs, "\"latest\"").projects_at(cloud, cloud);
    }
    hangs.fault("\"fault\": \"hang\", \"on\": \"any\"").await;
    refuses.fault("\"fault\": \"unauthorized\", \"on\": \"any\"").await;
    let daemon = Daemon::start(&text).await;
    let last = "modelarts_job_poll_last_success_timestamp_seconds{project=\"well\"}";
    daemon.shows(&[format!("{last} > 0"), "modelarts_up{project=\"well\"} == 1".to_owned()]).await;
    well.set_status(first, "failed").await;

    // Until the one that hangs has failed again and again.
    let timeouts = "modelarts_exporter_polls_total{project=\"hangs\",result=\"failed\"}";
    let mut oldest = 0.0_f64;
    wait_for(PATIENCE, "polls to hang", async || {
        let scrape = daemon.scrape().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let polled = scrape.find(last);
        assert_eq!(polled.len(), usize::try_from(JOBS).unwrap());
        // One that has ended is left to the list, which says so only now and then.
        let ended = first.to_string();
        let running = polled.iter().filter(|sample| sample.label("job_id") != ended);
        let ages = running.map(|sample| now - sample.value);
        oldest = ages.fold(oldest, f64::max);
        assert_eq!(scrape.unmet(&["modelarts_up{project=\"well\"} == 1"]), [""; 0]);
        match scrape.sum(timeouts) {
            failed if failed >= 3.0 * f64::from(JOBS) => Ok(()),
            failed => Err(format!("{failed} failed")),
        }
    })
    .await;
    assert!(oldest <= OLDEST, "the project that is well was not polled for {oldest:.1} s");
    daemon
        .shows(&[
            "modelarts_up{project=\"hangs\"} == 0".to_owned(),
            "modelarts_up{project=\"refuses\"} == 0".to_owned(),
            format!("modelarts_job_info{{project=\"well\"}} == {JOBS}"),
            "modelarts_job_info{project=\"hangs\"} absent".to_owned(),
            "modelarts_job_info{project=\"refuses\"} absent".to_owned(),
            "modelarts_runs_total{project=\"well\",outcome=\"failed\"} == 1".to_owned(),
            "modelarts_exporter_api_errors_total{project=\"well\"} absent".to_owned(),
        ])
        .await;
}

#[tokio::test]
async fn projects_of_both_apis_stand_side_by_side_in_the_same_families() {
    let cloud = Cloud::empty().await;
    let old = cloud.add_in(Api::V1, "train", "\"quality\": {\"recall\": 0.5}").await;
    let new = cloud.add_in(Api::V2, "train", "").await;
    let setup = Setup::new().with_api("old", Api::V1, [&old]).with_api("new", Api::V2, [&new]);
    // Read by a parser to whom a family that comes twice is a mistake.
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let scrape = daemon
        .shows(&[
            "modelarts_job_info{project=\"old\",api=\"v1\",version=\"V0001\"} == 1",
            "modelarts_job_info{project=\"new\",api=\"v2\",version=\"\"} == 1",
            "modelarts_job_usage_samples{project=\"old\",task=\"\"} == 10",
            "modelarts_job_usage_samples{project=\"new\",task=\"worker-0\"} == 10",
            "modelarts_job_status_code{project=\"old\"} == 8",
            "modelarts_job_status_code{project=\"new\"} absent",
            "modelarts_job_restarts{project=\"old\"} absent",
            "modelarts_job_restarts{project=\"new\"} == 0",
            "modelarts_model_recall{project=\"old\"} == 0.5",
            "modelarts_job_consecutive_failures{job_name=\"train\"} == 0",
        ])
        .await;
    let of_models = scrape.samples().iter().filter(|it| it.name.starts_with("modelarts_model_"));
    assert!(of_models.clone().count() > 0);
    assert_eq!(of_models.filter(|it| it.label("project") != "old").count(), 0, "v2 has no quality");
    cloud.set_status(&new, "failed").await;
    daemon
        .shows(&[
            "modelarts_runs_total{project=\"new\",outcome=\"failed\"} == 1",
            "modelarts_runs_total{project=\"old\",outcome=\"failed\"} == 0",
            "modelarts_job_consecutive_failures{project=\"old\",job_name=\"train\"} == 0",
            "modelarts_job_consecutive_failures{project=\"new\",job_name=\"train\"} == 1",
            "modelarts_job_failure_info{project=\"new\",reason=\"error\"} == 1",
        ])
        .await;
    let once = run_with_config("once", &Setup { poll: ONE_POLL, ..setup }.file(&cloud)).await;
    assert!(once.status.success(), "{}", once.stderr);
    for part in ["modelarts_up{project=\"new\"} 1", "modelarts_up{project=\"old\"} 1"] {
        assert!(once.stdout.contains(part), "{part} in\n{}", once.stdout);
    }
}
