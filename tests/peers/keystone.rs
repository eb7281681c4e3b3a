use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::configuration::follow;
use super::{peer, repository};
use crate::harness::{Answer, Daemon, Process, Simulator, Site, wait_for};

/// It makes a database, two sets of keys and its first user; 10 s on an idle machine.
const START: Duration = Duration::from_mins(3);

/// Until the first poll is published, a login at Keystone included.
const POLLED: Duration = Duration::from_mins(1);

const USER: &str = "exporter";
const PASSWORD: &str = "correct horse, \"battery\" staple";
const PROJECT: &str = "demo";

/// A real Keystone with one user and one project.
struct Keystone {
    _process: Process,
    site: Site,
    _directory: TempDir,
}

impl Keystone {
    async fn start() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut command = Command::new(peer("keystone/bin/python"));
        command
            .env("PYTHONWARNINGS", "ignore")
            .arg("-B")
            .arg(repository("tests/peers/serve_keystone.py"));
        command.arg(directory.path()).args([USER, PASSWORD, PROJECT]);
        let mut process = Process::start("Keystone", &mut command);
        let url = process
            .wait_until(START, "its URL", |p| {
                p.stdout().strip_suffix('\n').map(|url| url.trim().to_owned())
            })
            .await;
        Self { _process: process, site: Site::new(&url), _directory: directory }
    }

    /// A token of the project, as (token, project id).
    async fn token(&self) -> (String, String) {
        let password = PASSWORD.replace('"', "\\\"");
        let login = format!(
            r#"{{"auth": {{
                "identity": {{"methods": ["password"], "password": {{"user": {{
                    "name": "{USER}", "password": "{password}", "domain": {{"name": "Default"}}}}}}}},
                "scope": {{"project": {{"name": "{PROJECT}", "domain": {{"name": "Default"}}}}}}}}}}"#
        );
        let answer = self.site.post("/v3/auth/tokens", &login).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let issued: Issued = serde_json::from_str(&answer.text).expect("a token's description");
        (answer.header("X-Subject-Token").to_owned(), issued.token.project.id)
    }

    /// A token can end itself.
    async fn revoke(&self, token: &str) {
        let headers = [("X-Auth-Token", token), ("X-Subject-Token", token)];
        let answer = self.site.delete_with("/v3/auth/tokens", &headers).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
}

#[derive(Deserialize)]
struct Issued {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    project: Project,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

#[derive(Deserialize)]
struct Truth {
    jobs: Vec<TrueJob>,
}

#[derive(Deserialize)]
struct TrueJob {
    job_id: u64,
}

async fn list(simulator: &Site, project_id: &str, token: &str) -> Answer {
    let path = format!("/v1/{project_id}/training-jobs");
    simulator.get_with(&path, &[("X-Auth-Token", token)]).await
}

#[tokio::test]
async fn a_real_keystone_issues_the_tokens() {
    let keystone = Keystone::start().await;
    let (token, project_id) = keystone.token().await;
    let simulator = Simulator::start(&[
        "--speed=0",
        &format!("--iam={}", keystone.site.url()),
        &format!("--project={PROJECT}:{project_id}"),
    ])
    .await;
    let truth: Truth =
        serde_json::from_str(&simulator.get("/-/simulator/jobs").await.text).expect("the truth");

    // The exporter logs in at Keystone and shows what the simulator gives for that token.
    let login = format!(
        r#"
        [projects.auth]
        method = "password"
        iam_endpoint = "{}"
        domain = "Default"
        username = "{USER}"
        password = '{PASSWORD}'
        project_name = "{PROJECT}"
        "#,
        keystone.site.url()
    );
    // One job will do: Keystone takes a second to check the token of each request.
    let job = truth.jobs.first().map(|job| job.job_id);
    let daemon = Daemon::start(&follow(PROJECT, &simulator, &login, job)).await;
    wait_for(POLLED, "a successful poll", async || {
        let text = daemon.get("/metrics").await.text;
        let polled = text
            .lines()
            .any(|line| line.starts_with("modelarts_job_poll_success{") && line.ends_with(" 1"));
        if polled {
            return Ok(());
        }
        Err(format!("{text}\n{}", daemon.log()))
    })
    .await;

    // The same door takes no other token: it is Keystone that decides.
    assert_eq!(list(&simulator, &project_id, &token).await.status, 200);
    let forged = token.chars().rev().collect::<String>();
    assert_eq!(list(&simulator, &project_id, &forged).await.status, 401);
    keystone.revoke(&token).await;
    assert_eq!(list(&simulator, &project_id, &token).await.status, 401);

    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
    assert!(!stopped.stderr.contains("battery"), "the log shows the password");
}
