//! How soon a value is shown, and for how long.

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;

use crate::harness::freshness::arrives_within;
use crate::harness::{Cloud, Daemon, PATIENCE, Setup, in_both, wait_for};

/// Other tests share the machine: seconds, where `make test-long` holds it to one.
#[tokio::test]
async fn a_value_is_in_a_compressed_scrape_soon_after_its_poll() {
    arrives_within(10.0).await;
}

/// Five polls a second, and nothing is kept for longer than three seconds.
const SHORT: &str = "interval = \"200ms\"\npending_interval = \"200ms\"\nlist_interval = \"200ms\"\ntimeout = \"1s\"\nmax_staleness = \"3s\"\nrequests_per_minute = 0";

/// Families by the source they age with.
const KNOWN: [&str; 4] = [
    "modelarts_job_info",
    "modelarts_job_status",
    "modelarts_job_created_timestamp_seconds",
    "modelarts_job_duration_seconds",
];
const NOW: [&str; 2] = ["modelarts_job_usage_samples", "modelarts_job_cpu_usage_ratio"];
/// v2 has no quality.
const CARRIED: [&str; 2] = ["modelarts_job_cpu_usage_mean_ratio", "modelarts_model_recall"];

/// What is expected of a job: all that the list knows too, its newest minute, what answers alone carry.
fn expected(api: Api, job: &str, [known, now, carried]: [bool; 3]) -> Vec<String> {
    let mut expected = Vec::new();
    let of_answers = if api == Api::V1 { &CARRIED[..] } else { &CARRIED[..1] };
    for (families, is_shown) in [(&KNOWN[..], known), (&NOW, now), (of_answers, carried)] {
        let sign = if is_shown { "> 0" } else { "absent" };
        let series = families.iter().map(|family| format!("{family}{{job_id=\"{job}\"}} {sign}"));
        expected.extend(series);
    }
    expected
}

/// Hangs one call for much longer than anything is kept, and looks at a job that runs, one that has
/// completed, and one that is lost.
async fn without(api: Api, call: &str, shown: [[bool; 3]; 3]) {
    // Each poll finds a minute more of usage.
    let settings = Settings { speed: 300.0, ..Cloud::no_jobs() };
    let cloud = Cloud::start(settings).await;
    let quality = if api == Api::V1 { "\"quality\": {\"recall\": 0.5}" } else { "" };
    let mut jobs = Vec::new();
    for status in ["running", "completed", LOST[api as usize]] {
        let job = cloud.add_in(api, status, quality).await;
        cloud.set_status(&job, status).await;
        jobs.push(job);
    }
    let setup = Setup { poll: SHORT, ..Setup::new() }.with_api("p", api, &jobs);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let well = [[true; 3], [true, false, true], [true, false, true]];
    let all = |shown: [[bool; 3]; 3]| {
        let of_jobs = jobs.iter().zip(shown);
        of_jobs.flat_map(|(job, shown)| expected(api, job, shown)).collect::<Vec<_>>()
    };
    daemon.shows(&all(well)).await;
    cloud.fault(&format!("\"fault\": \"hang\", \"on\": \"{call}\"")).await;
    // Each failure takes a second, and each job that is asked about has one of its own.
    let errors = if api == Api::V1 { 20 } else { 7 };
    let errors = format!("modelarts_exporter_api_errors_total{{operation=\"{call}\"}} > {errors}");
    daemon.shows(&[errors]).await;
    daemon.shows(&all(shown)).await;
}

/// What the cloud says of a job that it has lost sight of: v1's may come back.
const LOST: [&str; 2] = ["lost", "abnormal"];

#[tokio::test]
async fn without_the_list_answers_keep_everything_fresh() {
    in_both(async |api| {
        without(api, "list", [[true; 3], [true, false, true], [true, false, true]]).await;
    })
    .await;
}

#[tokio::test]
async fn without_answers_the_list_keeps_what_it_knows_and_what_has_ended() {
    let ended = [true, false, true];
    let known = [true, false, false];
    in_both(async |api| match api {
        Api::V1 => without(api, "versions", [known, ended, known]).await,
        Api::V2 => without(api, "metrics", [known, ended, ended]).await,
    })
    .await;
}

#[tokio::test]
async fn a_budget_that_is_too_small_withdraws_nothing_between_two_polls() {
    const JOBS: usize = 20;
    let settings = Settings { speed: 60.0, ..Cloud::no_jobs() };
    let cloud = Cloud::start(settings).await;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    // Ten requests a second for twenty jobs: each waits for two seconds, and more than the age limit.
    let poll = "interval = \"200ms\"\npending_interval = \"200ms\"\nlist_interval = \"1h\"\ntimeout = \"500ms\"\nmax_staleness = \"900ms\"\nrequests_per_minute = 600";
    let daemon = Daemon::start(&Setup { poll, ..Setup::of(jobs) }.file(&cloud)).await;
    daemon.shows(&["modelarts_job_usage_samples > 0", "modelarts_job_info == 20"]).await;
    daemon.shows(&["modelarts_exporter_poll_interval_seconds > 1.8"]).await;
    let polls = "modelarts_exporter_polls_total{result=\"success\"}";
    let enough = daemon.scrape().await.sum(polls) + 3.0 * JOBS as f64;
    wait_for(PATIENCE, "three more rounds", async || {
        let scrape = daemon.scrape().await;
        for family in ["modelarts_job_info", "modelarts_job_usage_samples"] {
            assert_eq!(scrape.find(family).len(), JOBS, "{family}");
        }
        match scrape.sum(polls) {
            polls if polls >= enough => Ok(()),
            polls => Err(format!("{polls} polls of {enough}")),
        }
    })
    .await;
}
