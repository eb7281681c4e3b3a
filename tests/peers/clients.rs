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

const KEYS_OF_V2: &str = r#"
    api = "v2"
    project_id = "0123456789abcdef0123456789abcdef"

    [projects.auth]
    method = "aksk"
    access_key = "DEMOACCESSKEY"
    secret_key = "demosecretkey"
"#;

#[derive(Deserialize)]
struct Truth {
    jobs: Vec<TrueJob<u64>>,
    v2_jobs: Vec<TrueJob<String>>,
}

#[derive(Deserialize)]
struct TrueJob<T> {
    job_id: T,
}

impl Truth {
    async fn of(simulator: &Simulator) -> Self {
        let text = simulator.get("/-/simulator/jobs?samples=false").await.text;
        serde_json::from_str(&text).expect("the truth")
    }
}

/// Unix time.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// Runs a script that compares, until everything is polled and all is equal.
async fn finds_no_difference(script: &str, arguments: &[String], daemon: &Daemon) {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let said = wait_for(POLLED, "series as they should be", async || {
        let compared = python(script, &arguments).await;
        if compared.status.success() {
            return Ok(compared.stdout);
        }
        Err(format!("{}{}\n{}", compared.stdout, compared.stderr, daemon.log()))
    })
    .await;
    print(&said);
}

#[expect(
    clippy::print_stdout,
    reason = "how much was compared is for whoever asks with --nocapture"
)]
fn print(said: &str) {
    print!("{said}");
}

async fn python(script: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new(peer("clients/bin/python"));
    command.env("PYTHONWARNINGS", "ignore").arg("-B").arg(repository("tests/peers").join(script));
    Process::run(script, command.args(arguments), SCRIPT).await
}

/// Follows every job of a scenario whose clock stands still, and has each series compared.
async fn every_series_is_true(scenario: &str) {
    let not_before = now();
    let simulator = Simulator::start(&["--speed=0", &format!("--scenario={scenario}")]).await;
    let truth = Truth::of(&simulator).await;
    assert!(!truth.jobs.is_empty(), "the scenario {scenario} has no jobs");
    let login = DEMO_LOGIN.replace("{simulator}", simulator.url());
    let jobs = truth.jobs.iter().map(|job| job.job_id);
    let daemon = Daemon::start(&follow("demo", &simulator, &login, jobs)).await;
    let arguments = [
        format!("{}/metrics", daemon.url()),
        format!("{}/-/simulator/jobs", simulator.url()),
        not_before.to_string(),
    ];
    finds_no_difference("compare.py", &arguments, &daemon).await;
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

/// Has the vendor's SDK read every v2 job of a scenario whose clock stands still, and its objects compared
/// with the cloud's truth and with every series of an exporter that follows the same jobs.
async fn the_vendors_objects_agree(scenario: &str) {
    let not_before = now();
    let simulator = Simulator::start(&["--speed=0", &format!("--scenario={scenario}")]).await;
    let truth = Truth::of(&simulator).await;
    assert!(!truth.v2_jobs.is_empty(), "the scenario {scenario} has no jobs of v2");
    let jobs = truth.v2_jobs.iter().map(|job| format!("\"{}\"", job.job_id));
    let daemon = Daemon::start(&follow("demo", &simulator, KEYS_OF_V2, jobs)).await;
    let arguments = [
        simulator.url().to_owned(),
        format!("{}/metrics", daemon.url()),
        "demo".to_owned(),
        not_before.to_string(),
    ];
    finds_no_difference("huawei_sdk.py", &arguments, &daemon).await;
}

#[tokio::test]
async fn the_vendors_sdk_and_the_exporter_agree_on_an_ordinary_fleet() {
    the_vendors_objects_agree("mixed").await;
}

#[tokio::test]
async fn the_vendors_sdk_and_the_exporter_agree_on_oddly_written_jobs() {
    the_vendors_objects_agree("quirks").await;
}

#[tokio::test]
async fn the_vendors_sdk_and_the_exporter_agree_on_hostile_names() {
    the_vendors_objects_agree("hostile").await;
}

#[tokio::test]
async fn the_vendors_sdk_and_the_exporter_agree_on_the_demo() {
    the_vendors_objects_agree("demo").await;
}
