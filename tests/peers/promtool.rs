use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::harness::{Demo, Process, wait_for};
use crate::harness::{peer, repository};

/// promtool works on files and answers in well under a second; the rest is a busy machine.
const CHECK: Duration = Duration::from_mins(1);

/// Until the demo's first jobs are polled and published.
const POLLED: Duration = Duration::from_secs(30);

/// Runs promtool among the shipped rules; it has to succeed.
async fn succeeds(arguments: &[&str]) {
    promtool_succeeds(&repository("deploy/prometheus"), arguments).await;
}

/// Runs promtool in a folder; it has to succeed.
pub(super) async fn promtool_succeeds(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(peer("prometheus/usr/bin/promtool"));
    command.current_dir(folder).args(arguments);
    let checked = Process::run("promtool", &mut command, CHECK).await;
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
}

#[tokio::test]
async fn the_alerts_fire_stay_quiet_and_resolve() {
    succeeds(&["test", "rules", "alerts.test.yml"]).await;
}

#[tokio::test]
async fn the_shipped_prometheus_configuration_is_valid() {
    succeeds(&["check", "config", "prometheus.yml"]).await;
    succeeds(&["check", "rules", "--lint-fatal", "rules.yml", "alerts.yml"]).await;
}

#[tokio::test]
async fn promtool_finds_nothing_in_the_demos_metrics() {
    let demo = Demo::start().await;
    let metrics = wait_for(POLLED, "every kind of value", async || {
        let text = demo.get("/metrics").await.text;
        let wanted = ["modelarts_job_cpu_usage_ratio{", "modelarts_model_class_recall{"];
        match wanted.iter().find(|name| !text.contains(*name)) {
            None => Ok(text),
            Some(name) => Err(format!("no {name} among {} lines", text.lines().count())),
        }
    })
    .await;

    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), metrics).expect("the metrics can be written");
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" check metrics <"$1""#]);
    command.arg(peer("prometheus/usr/bin/promtool")).arg(file.path());
    let checked = Process::run("promtool check metrics", &mut command, CHECK).await;
    assert_eq!((checked.stdout.as_str(), checked.stderr.as_str()), ("", ""));
    assert!(checked.status.success(), "{}", checked.status);

    let stopped = demo.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}
