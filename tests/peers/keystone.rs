use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::configuration::follow;
use crate::harness::{Answer, Authority, Daemon, Process, Simulator, Site, wait_for};
use crate::harness::{peer, repository};

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
    /// The same over TLS, with a certificate of a private authority.
    secure_url: String,
    authority: Authority,
    directory: TempDir,
}

impl Keystone {
    async fn start(life: Duration) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let authority = Authority::new("private");
        let (certificate, key) = authority.issue_server().write(directory.path(), "server");
        let mut command = Command::new(peer("keystone/bin/python"));
        command
            .env("PYTHONWARNINGS", "ignore")
            .arg("-B")
            .arg(repository("tests/peers/serve_keystone.py"));
        command.arg(directory.path()).args([USER, PASSWORD, PROJECT]);
        command.arg(certificate).arg(key).arg(life.as_secs().to_string());
        let mut process = Process::start("Keystone", &mut command);
        let (url, secure_url) = process
            .wait_until(START, "its URLs", |p| {
                let stdout = p.stdout();
                let (plain, secure) = stdout.strip_suffix('\n')?.split_once(' ')?;
                Some((plain.to_owned(), secure.to_owned()))
            })
            .await;
        let site = Site::new(&url);
        Self { _process: process, site, secure_url, authority, directory }
    }

    /// A simulated cloud that has its tokens checked here, and one of its jobs.
    async fn cloud(&self, project_id: &str) -> (Simulator, Option<u64>) {
        let simulator = Simulator::start(&[
            "--speed=0",
            &format!("--iam={}", self.site.url()),
            &format!("--project={PROJECT}:{project_id}"),
        ])
        .await;
        let truth: Truth = serde_json::from_str(&simulator.get("/-/simulator/jobs").await.text)
            .expect("the truth");
        // One job will do: Keystone takes a second to check the token of each request.
        let job = truth.jobs.first().map(|job| job.job_id);
        (simulator, job)
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

/// Waits until the only job of a daemon is polled, or is not.
async fn polled(daemon: &Daemon, within: Duration, success: bool) {
    wait_for(within, "the outcome of a poll", async || {
        let expected = [
            format!("modelarts_job_poll_success == {}", u8::from(success)),
            format!("modelarts_up == {}", u8::from(success)),
            "modelarts_exporter_api_requests_total > 0".to_owned(),
        ];
        let unmet = daemon.scrape().await.unmet(&expected);
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ") + &daemon.log()) }
    })
    .await;
}

fn login(iam: &str, password: &str, project: &str) -> String {
    format!(
        r#"
        [projects.auth]
        method = "password"
        iam_endpoint = "{iam}"
        domain = "Default"
        username = "{USER}"
        password = '{password}'
        project_name = "{project}"
        "#
    )
}

#[tokio::test]
async fn a_real_keystone_issues_the_tokens() {
    let keystone = Keystone::start(Duration::from_hours(1)).await;
    let (token, project_id) = keystone.token().await;
    let (simulator, job) = keystone.cloud(&project_id).await;
    // The exporter logs in at Keystone and shows what the simulator gives for that token.
    let login_here = login(keystone.site.url(), PASSWORD, PROJECT);
    let daemon = Daemon::start(&follow(PROJECT, &simulator, &login_here, job)).await;
    polled(&daemon, POLLED, true).await;

    // A wrong password and a wrong scope are shown once, and said with the keys to look at.
    for (password, project) in [("wrong", PROJECT), (PASSWORD, "nowhere")] {
        let wrong = login(keystone.site.url(), password, project);
        let daemon = Daemon::start(&follow(PROJECT, &simulator, &wrong, job)).await;
        polled(&daemon, POLLED, false).await;
        let requests =
            "modelarts_exporter_api_requests_total{operation=\"token\",code=\"401\"} == 1";
        wait_for(POLLED, "one refusal", async || {
            let polls = "modelarts_exporter_polls_total{result=\"failed\"} > 3";
            let unmet = daemon.scrape().await.unmet(&[requests, polls]);
            if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
        })
        .await;
        let words = ["cannot be polled", "HTTP 401", "username, domain, password, project_name"];
        assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
    }

    // The token alone is enough, until it is revoked.
    let alone = format!(
        "project_id = \"{project_id}\"\n[projects.auth]\nmethod = \"token\"\ntoken = \"{token}\""
    );
    let bearer = Daemon::start(&follow(PROJECT, &simulator, &alone, job)).await;
    polled(&bearer, POLLED, true).await;

    // The same door takes no other token: it is Keystone that decides.
    assert_eq!(list(&simulator, &project_id, &token).await.status, 200);
    let forged = token.chars().rev().collect::<String>();
    assert_eq!(list(&simulator, &project_id, &forged).await.status, 401);
    keystone.revoke(&token).await;
    assert_eq!(list(&simulator, &project_id, &token).await.status, 401);
    polled(&bearer, POLLED, false).await;
    assert_eq!(bearer.logged(&["cannot be polled", "token, which lives for a day"]), 1);
    assert!(!bearer.log().contains(&token[..20]), "the log shows the token");

    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
    assert!(!stopped.stderr.contains("battery"), "the log shows the password");
}

#[tokio::test]
async fn tokens_of_a_real_keystone_come_over_tls_and_end() {
    const LIFE: Duration = Duration::from_secs(40);
    let keystone = Keystone::start(LIFE).await;
    let (_, project_id) = keystone.token().await;
    let (simulator, job) = keystone.cloud(&project_id).await;
    let authority = keystone.directory.path().join("ca.pem");
    std::fs::write(&authority, keystone.authority.pem()).expect("can be written");

    // Nobody trusts a private authority unasked.
    let secure = login(&keystone.secure_url, PASSWORD, PROJECT);
    let stranger = Daemon::start(&follow(PROJECT, &simulator, &secure, job)).await;
    polled(&stranger, POLLED, false).await;
    let words = ["cannot be polled", "no trusted TLS connection", "`ca_file`"];
    assert_eq!(stranger.logged(&words), 1, "{}", stranger.log());

    let trusting = format!("ca_file = \"{}\"\n{secure}", authority.display());
    let daemon = Daemon::start(&follow(PROJECT, &simulator, &trusting, job)).await;
    polled(&daemon, POLLED, true).await;

    // A token that nobody renews ends; one that is renewed goes on.
    let (token, _) = keystone.token().await;
    let alone = format!(
        "project_id = \"{project_id}\"\n[projects.auth]\nmethod = \"token\"\ntoken = \"{token}\""
    );
    let bearer = Daemon::start(&follow(PROJECT, &simulator, &alone, job)).await;
    polled(&bearer, POLLED, true).await;
    polled(&bearer, LIFE + POLLED, false).await;
    polled(&daemon, POLLED, true).await;
    let tokens = "modelarts_exporter_api_requests_total{operation=\"token\",code=\"201\"} > 1";
    assert_eq!(daemon.scrape().await.unmet(&[tokens]), Vec::<String>::new());
}
