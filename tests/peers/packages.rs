use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::promtool::promtool_succeeds;
use crate::harness::{Process, peer, repository};

/// Helm's engine renders a chart within a second, and the operator's models take ten to load; the rest is a
/// busy machine.
const CHECK: Duration = Duration::from_mins(2);

/// Runs a program among the shipped files; it has to succeed.
async fn succeeds(program: &Path, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.current_dir(repository("deploy")).args(arguments);
    let checked = Process::run(&program.display().to_string(), &mut command, CHECK).await;
    assert!(checked.status.success(), "{}\n{}", checked.stdout, checked.stderr);
}

#[tokio::test]
async fn the_chart_renders_what_kubernetes_and_prometheus_take() {
    let folder = TempDir::new().expect("a temporary folder");
    let script = repository("tests/peers/chart.py");
    let [script, rules] =
        [&script, folder.path()].map(|path| path.to_str().expect("a path of text"));
    let arguments = ["-B", script, "helm/modelarts-exporter", rules];
    succeeds(&peer("packages/bin/python"), &arguments).await;
    // Those of each set of values.
    let files = std::fs::read_dir(folder.path())
        .expect("can be read")
        .map(|file| file.expect("can be read").file_name().into_string().expect("a name of text"));
    let files: Vec<_> = files.collect();
    let check = ["check", "rules", "--lint-fatal"].into_iter();
    let arguments: Vec<_> = check.chain(files.iter().map(String::as_str)).collect();
    promtool_succeeds(folder.path(), &arguments).await;
}

#[tokio::test]
async fn what_compose_starts_is_configured_well() {
    let schema = ["--builtin-schema", "vendor.compose-spec", "compose/compose.yml"];
    succeeds(&peer("packages/bin/check-jsonschema"), &schema).await;
    let amtool = peer("alertmanager/usr/bin/amtool");
    succeeds(&amtool, &["check-config", "compose/alertmanager.yml"]).await;
    let folder = TempDir::new().expect("a temporary folder");
    let demo = std::fs::read_to_string(repository("deploy/compose/demo.toml")).expect("a text");
    let secret = "\"/run/secrets/password\"";
    assert!(demo.contains(secret), "the secret that compose mounts is not used");
    let here = repository("deploy/compose/demo-password");
    let demo = demo.replace(secret, &format!("\"{}\"", here.display()));
    let file = folder.path().join("demo.toml");
    std::fs::write(&file, demo).expect("can be written");
    let exporter = Path::new(env!("CARGO_BIN_EXE_modelarts-exporter"));
    succeeds(exporter, &["check", &format!("--config.file={}", file.display())]).await;
    // The rules are mounted beside the configuration.
    for file in ["compose/prometheus.yml", "prometheus/rules.yml", "prometheus/alerts.yml"] {
        let file = repository("deploy").join(file);
        let name = file.file_name().expect("a file");
        std::fs::copy(&file, folder.path().join(name)).expect("the file can be copied");
    }
    promtool_succeeds(folder.path(), &["check", "config", "prometheus.yml"]).await;
    // The alerts link to the instance, which somebody opens in a browser beside the containers.
    let read = |file| std::fs::read_to_string(repository(file)).expect("a text");
    let instance = "127.0.0.1:10977";
    assert!(
        read("deploy/compose/prometheus.yml").contains(&format!("instance: \"{instance}\""))
            && read("deploy/compose/compose.yml").contains(&format!("[\"{instance}:10977\"]")),
        "the instance is not what compose publishes",
    );
}
