use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::configuration::follow;
use crate::harness::{Daemon, Finished, Process, Simulator, wait_for};
use crate::harness::{peer, repository};

/// Python starts, imports its many packages and asks for each job; on a busy machine.
const SCRIPT: Duration = Duration::from_mins(2);

/// Until every job is polled and published.
const POLLED: Duration = Duration::from_mins(1);

const DEMO_LOGIN: &str = r#"
    [projects.auth]
    method = "password"
    iam_endpoint = "{simulator}"
    domain = "demo"
    username = "demo"
    password = "demo"
    project_name = "demo"
"#;

#[derive(Deserialize)]
struct Truth {
    jobs: Vec<TrueJob>,
}

#[derive(Deserialize)]
struct TrueJob {
    job_id: u64,
}

async fn python(script: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new(peer("clients/bin/python"));
    command.env("PYTHONWARNINGS", "ignore").arg("-B").arg(repository("tests/peers").join(script));
    Process::run(script, command.args(arguments), SCRIPT).await
}

/// Follows every job of a scenario whose clock stands still, and has each series compared.
async fn every_series_is_true(scenario: &str) {
    let not_before =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let simulator = Simulator::start(&["--speed=0", &format!("--scenario={scenario}")]).await;
    let truth: Truth =
        serde_json::from_str(&simulator.get("/-/simulator/jobs").await.text).expect("the truth");
    assert!(!truth.jobs.is_empty(), "the scenario {scenario} has no jobs");
    let login = DEMO_LOGIN.replace("{simulator}", simulator.url());
    let jobs = truth.jobs.iter().map(|job| job.job_id);
    let daemon = Daemon::start(&follow("demo", &simulator, &login, jobs)).await;

    let arguments = [
        format!("{}/metrics", daemon.url()),
        format!("{}/-/simulator/jobs", simulator.url()),
        not_before.to_string(),
    ];
    wait_for(POLLED, "series equal to the simulator's truth", async || {
        let compared = python("compare.py", &arguments.each_ref().map(String::as_str)).await;
        if compared.status.success() {
            return Ok(());
        }
        Err(format!("{}{}\n{}", compared.stdout, compared.stderr, daemon.log()))
    })
    .await;
}

#[tokio::test]
async fn every_series_of_an_ordinary_fleet_is_true() {
    every_series_is_true("mixed").await;
}

#[tokio::test]
async fn every_series_of_oddly_written_answers_is_true() {
    every_series_is_true("quirks").await;
}

#[tokio::test]
async fn every_series_of_hostile_names_is_true() {
    every_series_is_true("hostile").await;
}

#[tokio::test]
async fn the_clouds_own_client_reads_the_simulator() {
    let simulator = Simulator::start(&["--speed=0"]).await;
    let read = python("otc_client.py", &[simulator.url()]).await;
    assert!(read.status.success(), "{}\n{}", read.stdout, read.stderr);
}

#[tokio::test]
async fn the_vendors_client_signs_what_the_simulator_accepts() {
    let simulator = Simulator::start(&["--speed=0"]).await;
    let read = python("huawei_client.py", &[simulator.url()]).await;
    assert!(read.status.success(), "{}\n{}", read.stdout, read.stderr);
}

/// Has the vendor's SDK read every v2 job of a scenario whose clock stands still.
async fn the_vendors_sdk_reads(scenario: &str) {
    let simulator = Simulator::start(&["--speed=0", &format!("--scenario={scenario}")]).await;
    let read = python("huawei_sdk.py", &[simulator.url()]).await;
    assert!(read.status.success(), "{}\n{}", read.stdout, read.stderr);
}

#[tokio::test]
async fn the_vendors_sdk_reads_an_ordinary_fleet_of_v2_jobs() {
    the_vendors_sdk_reads("mixed").await;
}

#[tokio::test]
async fn the_vendors_sdk_reads_oddly_written_v2_jobs() {
    the_vendors_sdk_reads("quirks").await;
}

#[tokio::test]
async fn the_vendors_sdk_reads_v2_jobs_with_hostile_names() {
    the_vendors_sdk_reads("hostile").await;
}
