//! What the README says to type works as it stands there.

use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Cloud, PATIENCE, Process, Site, repository, secrets};

/// The lines of the n-th block in this language, without their margin.
fn block(readme: &str, fence: &str, place: usize) -> Vec<String> {
    let block = readme.split(fence).nth(place).expect("a block").split("   ```").next().unwrap();
    block.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[tokio::test]
async fn the_path_to_the_first_alert_can_be_walked() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("password"), secrets::PASSWORD).unwrap();
    let mut file = block(&readme, "   ```toml\n", 1).join("\n") + "\n";
    // What is everybody's own.
    for (shown, ours) in [
        ("https://modelarts.eu-de.otc.t-systems.com", cloud.url()),
        ("https://iam.eu-de.otc.t-systems.com", cloud.url()),
        ("\"OTC-EU-DE-00000000001000000000\"", "\"demo\""),
        ("\"exporter\"", "\"demo\""),
        ("\"eu-de\"", "\"demo\""),
        ("182626", &job.to_string()),
    ] {
        assert!(file.contains(shown), "no {shown} in {file}");
        file = file.replace(shown, ours);
    }
    std::fs::write(folder.path().join("modelarts-exporter.toml"), file).unwrap();

    let commands = block(&readme, "   ```\n   make build\n", 1);
    let (daemon, others) = commands.split_last().expect("commands");
    let command = |line: &str| {
        let line = line.strip_prefix("target/release/modelarts-exporter").expect("our program");
        let mut command = Command::new(env!("CARGO_BIN_EXE_modelarts-exporter"));
        command.env_clear().current_dir(folder.path()).args(line.split_whitespace());
        command
    };
    let mut said = String::new();
    for line in others {
        let finished = Process::run(line, &mut command(line), PATIENCE).await;
        assert!(finished.status.success(), "{line}\n{}{}", finished.stdout, finished.stderr);
        said += &finished.stdout;
    }
    for word in ["no mistakes", "permissions", "modelarts_job_status{"] {
        assert!(said.contains(word), "no {word:?} in\n{said}");
    }
    let mut daemon = command(daemon);
    let mut daemon = Process::start("the daemon", daemon.arg("--web.listen-address=127.0.0.1:0"));
    let listening = |process: &Process| process.logged_address("listening");
    let address = daemon.wait_until(PATIENCE, "an address", listening).await;
    let site = Site::new(&format!("http://{address}"));
    // What the alert asks about.
    site.shows(&["modelarts_job_consecutive_failures{job_name=\"train\"} == 0"]).await;
}
