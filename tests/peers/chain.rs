//! From a job that fails to the message somebody gets, through a real Prometheus and a real Alertmanager.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::harness::prometheus::{FIRST_SCRAPE, Prometheus, Sample};
use crate::harness::{Cloud, Daemon, Process, Setup, Webhook, peer, repository, wait_for};

/// Poll, scrape, rule and message take about a second each; Prometheus looks for new targets and tells
/// Alertmanager now and then; the rest is a busy machine.
const TOLD: Duration = Duration::from_mins(1);

/// Until it listens, on a busy machine.
const START: Duration = Duration::from_mins(1);

/// Evaluations of all rules that pass before it is believed that nothing more is said.
const QUIET: f64 = 8.0;

/// A real Alertmanager that tells each alert alone, at once, and once.
struct Alertmanager {
    _process: Process,
    address: String,
    _folder: TempDir,
}

impl Alertmanager {
    async fn telling(webhook: &Webhook) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = format!(
            "route: {{ receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
             receivers:\n  - name: test\n    webhook_configs: [{{ url: '{}', send_resolved: true }}]\n",
            webhook.url()
        );
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).expect("can be written");
        let mut command = Command::new(peer("alertmanager/usr/bin/prometheus-alertmanager"));
        // Its templates are below this folder.
        command.current_dir(peer("alertmanager")).args([
            &format!("--config.file={}", file.display()),
            &format!("--storage.path={}", folder.path().join("storage").display()),
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ]);
        let mut process = Process::start("Alertmanager", &mut command);
        let address =
            process.wait_until(START, "its address", |p| p.logged_address("Listening on")).await;
        Self { _process: process, address: address.to_string(), _folder: folder }
    }
}

#[derive(Deserialize)]
struct Message {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Labels {
    alertname: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    job_name: String,
}

#[derive(Deserialize)]
struct Annotations {
    description: String,
}

fn alerts(webhook: &Webhook) -> Vec<Alert> {
    let read = |body: &String| serde_json::from_str::<Message>(body).expect("Alertmanager's JSON");
    webhook.bodies().iter().map(read).flat_map(|message| message.alerts).collect()
}

/// Every message so far, in short: `firing ModelArtsJobFailed`.
fn told(webhook: &Webhook) -> Vec<String> {
    alerts(webhook).iter().map(|it| format!("{} {}", it.status, it.labels.alertname)).collect()
}

/// Waits until exactly this has been said.
async fn is_told(webhook: &Webhook, expected: &[&str]) {
    wait_for(TOLD, &format!("{expected:?}"), async || {
        let told = told(webhook);
        assert!(told.len() <= expected.len(), "more than {expected:?} was said: {told:?}");
        if told == expected { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

/// Waits until every rule has been evaluated some more times, in which nothing is said.
async fn stays_quiet(webhook: &Webhook, prometheus: &Prometheus, expected: &[&str]) {
    // A rule that always has a value counts them.
    let count = "count_over_time(modelarts:threshold{of=\"idle_ratio\"}[1h])";
    let iterations = async || -> Result<f64, String> {
        let samples = prometheus.query(count).await?;
        samples.first().map(Sample::value).ok_or("no rules yet".to_owned())
    };
    let before = wait_for(TOLD, "rules that are evaluated", iterations).await;
    wait_for(TOLD, "more evaluations", async || match iterations().await? {
        now if now >= before + QUIET => Ok(()),
        now => Err(format!("{now} after {before}")),
    })
    .await;
    assert_eq!(told(webhook), expected);
}

/// A minute of the shipped rules, in seconds: Prometheus scrapes a new target only after five or six, which
/// must not be the five minutes after which an exporter counts as absent.
const MINUTE: u32 = 2;

/// The shipped rules in a hurry: `for:` and ranges, and nothing else.
fn hurried(rules: &str) -> String {
    let mut out = String::new();
    for line in rules.lines() {
        let mut line = line.to_owned();
        if let Some((before, minutes)) = line.split_once("for: ")
            && let Some(minutes) = minutes.strip_suffix('m')
        {
            let minutes: u32 = minutes.parse().expect("a number of minutes");
            line = format!("{before}for: {}s", minutes * MINUTE);
        }
        for (unit, minutes) in [("m]", 1), ("h]", 60), ("d]", 24 * 60)] {
            while let Some(end) = line.find(unit) {
                let start = line[..end].rfind('[').expect("a range begins");
                let number: u32 = line[start + 1..end].parse().expect("a range has a number");
                line.replace_range(start..end + 2, &format!("[{}s]", number * minutes * MINUTE));
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    assert_ne!(out, rules);
    out
}

/// Prometheus' folder with its rules, for these two.
fn prometheus_folder(exporter: &str, alertmanager: &str) -> (TempDir, String) {
    let folder = TempDir::new().expect("a temporary folder");
    for file in ["rules.yml", "alerts.yml"] {
        let shipped = repository("deploy/prometheus").join(file);
        let rules = std::fs::read_to_string(shipped).expect("the shipped rules");
        std::fs::write(folder.path().join(file), hurried(&rules)).expect("can be written");
    }
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: [rules.yml, alerts.yml]\n\
         alerting:\n  alertmanagers: [{{ static_configs: [{{ targets: ['{alertmanager}'] }}] }}]\n\
         scrape_configs:\n  - {{ job_name: modelarts, static_configs: [{{ targets: ['{exporter}'] }}] }}\n"
    );
    (folder, config)
}

/// The exporter at a port that stays the same, with a state file that stays too.
async fn exporter(port: u16, config: &str) -> Daemon {
    let shell = format!("exec \"$@\" --web.listen-address=127.0.0.1:{port}");
    Daemon::start_reading(Stdio::null(), &shell, config).await
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

fn configuration(folder: &Path, job: u64, cloud: &Cloud) -> String {
    let tables = format!("[state]\nfile = \"{}\"\n", folder.join("state").display());
    Setup { tables: &tables, ..Setup::of([job]) }.file(cloud)
}

#[tokio::test]
async fn a_failed_job_is_one_page_until_its_next_success_whatever_breaks_in_between() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let state = TempDir::new().expect("a temporary folder");
    let config = configuration(state.path(), job, &cloud);
    let port = free_port();
    let daemon = exporter(port, &config).await;
    let webhook = Webhook::start().await;
    let alertmanager = Alertmanager::telling(&webhook).await;
    let (folder, rules) = prometheus_folder(&format!("127.0.0.1:{port}"), &alertmanager.address);
    let prometheus = Prometheus::start(folder, &rules, &[]).await;
    prometheus.answers("modelarts:job_consecutive_failures:latest == 0", FIRST_SCRAPE).await;

    cloud.set_status(job, "failed").await;
    let mut so_far = vec!["firing ModelArtsJobFailed"];
    is_told(&webhook, &so_far).await;
    let page = &alerts(&webhook)[0];
    assert_eq!((&*page.labels.project, &*page.labels.job_name), ("p", "train"));
    let run = format!("version V0001 of job {job}, failed");
    assert!(page.annotations.description.contains(&run), "{}", page.annotations.description);

    // The exporter dies, and comes back.
    daemon.signal("KILL");
    daemon.ended().await;
    so_far.push("firing ModelArtsExporterDown");
    is_told(&webhook, &so_far).await;
    stays_quiet(&webhook, &prometheus, &so_far).await;
    let daemon = exporter(port, &config).await;
    so_far.push("resolved ModelArtsExporterDown");
    is_told(&webhook, &so_far).await;

    // The cloud is cut off, and comes back.
    cloud.fault("\"fault\": \"reset\", \"on\": \"any\"").await;
    so_far.push("firing ModelArtsProjectUnreachable");
    is_told(&webhook, &so_far).await;
    stays_quiet(&webhook, &prometheus, &so_far).await;
    cloud.heal().await;
    so_far.push("resolved ModelArtsProjectUnreachable");
    is_told(&webhook, &so_far).await;

    // Prometheus is restarted.
    let prometheus = prometheus.restarted(&rules).await;
    prometheus.answers("ALERTS{alertname=\"ModelArtsJobFailed\"}", TOLD).await;
    stays_quiet(&webhook, &prometheus, &so_far).await;

    assert_eq!(cloud.add("train").await.job_id, job);
    cloud.set_status(job, "completed").await;
    so_far.push("resolved ModelArtsJobFailed");
    is_told(&webhook, &so_far).await;
    stays_quiet(&webhook, &prometheus, &so_far).await;
    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}
