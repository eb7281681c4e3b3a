//! Several projects, regions and accounts in one process: what befalls one is not felt by another.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Cloud, Daemon, PATIENCE, Setup, wait_for};

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
