use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::promtool::promtool_succeeds;
use super::{peer, repository};
use crate::harness::Process;

/// Helm's engine renders a chart within a second; the rest is a busy machine.
const RENDER: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_chart_renders_what_kubernetes_and_prometheus_take() {
    let folder = TempDir::new().expect("a temporary folder");
    let rules = folder.path().join("rules.yml");
    let mut command = Command::new(peer("chart/bin/python"));
    command.arg("-B").arg(repository("tests/peers/chart.py"));
    command.arg(repository("deploy/helm/modelarts-exporter")).arg(&rules);
    let rendered = Process::run("chart.py", &mut command, RENDER).await;
    assert!(rendered.status.success(), "{}\n{}", rendered.stdout, rendered.stderr);
    promtool_succeeds(folder.path(), &["check", "rules", "--lint-fatal", "rules.yml"]).await;
}
