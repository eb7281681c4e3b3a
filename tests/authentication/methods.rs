//! Every way in: it works, it is renewed, and nobody sees its secrets.

use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use modelarts_exporter::simulator::{Metadata, Sessions, Settings};
use tempfile::TempDir;

use super::{PATIENCE, jobs};
use crate::harness::{Cloud, Daemon, Setup, wait_for};

const PROJECT: &str = "project_id = \"0123456789abcdef0123456789abcdef\"";
const KEY: &str =
    "method = \"aksk\"\naccess_key = \"DEMOACCESSKEY\"\nsecret_key = \"demosecretkey\"\n";
const SCOPED: &str = "signature = \"scoped\"\nregion = \"eu-de\"\nservice = \"modelarts\"\n";
const MACHINE: &str = "method = \"ecs_metadata\"\nmetadata_endpoint = \"{cloud}\"\n";
const PASSWORD: &str = "method = \"password\"\niam_endpoint = \"{cloud}\"\ndomain = \"demo\"\nusername = \"demo\"\npassword = \"demo\"\n";
const AGENCY: &str = "agency_name = \"demo-agency\"\nagency_domain = \"demo-owner\"\n";
const IAM: &str = "iam_endpoint = \"{cloud}\"\n";

/// A token of the simulated cloud's IAM.
async fn token(cloud: &Cloud) -> String {
    let login = r#"{"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "demo", "password": "demo", "domain": {"name": "demo"}}}},
        "scope": {"project": {"name": "demo"}}}}"#;
    let answer = cloud.post("/v3/auth/tokens", login).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.header("X-Subject-Token").to_owned()
}

/// Follows jobs with these credentials until all are polled, several times over.
async fn is_let_in(cloud: &Cloud, project: &str, auth: &str) -> Daemon {
    let jobs = jobs(cloud, 4).await;
    let daemon = Daemon::start(&Setup { project, auth, ..Setup::of(jobs) }.file(cloud)).await;
    daemon
        .shows(&[
            "modelarts_job_poll_success == 4",
            "modelarts_up == 1",
            "modelarts_exporter_polls_total{result=\"success\"} > 12",
            "modelarts_exporter_api_errors_total absent",
        ])
        .await;
    daemon
}

#[tokio::test]
async fn every_method_opens_the_project_and_shows_no_secret() {
    let agency = |base: &str| format!("{base}{AGENCY}{IAM}");
    let without_iam = |base: &str| format!("{base}{AGENCY}");
    let methods = [
        (PROJECT, KEY.to_owned()),
        (PROJECT, format!("{KEY}{SCOPED}")),
        (PROJECT, MACHINE.to_owned()),
        (PROJECT, format!("{MACHINE}{SCOPED}")),
        (PROJECT, agency(KEY)),
        (PROJECT, agency(MACHINE)),
        (PROJECT, without_iam(PASSWORD)),
        ("", format!("{PASSWORD}{AGENCY}project_name = \"demo\"")),
        (PROJECT, PASSWORD.to_owned()),
    ];
    for (project, auth) in methods {
        let cloud = Cloud::empty().await;
        let daemon = is_let_in(&cloud, project, &auth).await;
        let refusals = cloud.refusals().await;
        assert_eq!((refusals.bad_signatures, refusals.wrong_passwords), (0, 0), "{auth}");
        let shown = daemon.log() + &daemon.get("/metrics").await.text;
        for secret in ["DEMOACCESSKEY", "demosecretkey"] {
            assert!(!shown.contains(secret), "{auth}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_token_made_elsewhere_opens_the_project_and_an_agency() {
    let cloud = Cloud::empty().await;
    let own = format!("method = \"token\"\ntoken = \"{}\"\n", token(&cloud).await);
    let daemon = is_let_in(&cloud, PROJECT, &own).await;
    assert!(!daemon.log().contains(&token(&cloud).await[..20]));
    drop(daemon);
    let cloud = Cloud::empty().await;
    let own = format!("method = \"token\"\ntoken = \"{}\"\n", token(&cloud).await);
    is_let_in(&cloud, "", &format!("{own}{AGENCY}{IAM}project_name = \"demo\"")).await;
}

#[tokio::test]
async fn the_metadata_service_may_have_sessions_or_want_them_or_not_know_them() {
    let refused = Sessions::Refused(StatusCode::NOT_FOUND);
    for sessions in [Sessions::Offered, Sessions::Required, refused] {
        let metadata = Metadata { sessions, agency: true };
        let cloud = Cloud::start(Settings { metadata, ..Cloud::no_jobs() }).await;
        let daemon = is_let_in(&cloud, PROJECT, MACHINE).await;
        let requests = "modelarts_exporter_api_requests_total{operation=\"metadata\"} == 2";
        assert_eq!(daemon.scrape().await.unmet(&[requests]), [""; 0], "{sessions:?}");
    }
}

#[tokio::test]
async fn a_machine_without_an_agency_is_told_so() {
    let metadata = Metadata { agency: false, ..Metadata::default() };
    let cloud = Cloud::start(Settings { metadata, ..Cloud::no_jobs() }).await;
    let jobs = jobs(&cloud, 4).await;
    let setup = Setup { project: PROJECT, auth: MACHINE, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_up == 0",
            "modelarts_exporter_polls_total{result=\"failed\"} > 20",
            "modelarts_exporter_api_errors_total{operation=\"metadata\",reason=\"unauthorized\"} == 1",
        ])
        .await;
    let words = ["cannot be polled", "configure Cloud Service Agency", "op_svc_ecs"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
}

#[tokio::test]
async fn temporary_keys_are_renewed_while_the_calls_go_on() {
    let agency = format!("{KEY}{AGENCY}{IAM}");
    for (auth, operation, renewals) in [(MACHINE, "metadata", 3), (&*agency, "token", 2)] {
        let life = Some(Duration::from_secs(20));
        let cloud = Cloud::start(Settings { temporary_ttl: life, ..Cloud::no_jobs() }).await;
        let daemon = is_let_in(&cloud, PROJECT, auth).await;
        let expiry = "modelarts_exporter_token_expiry_timestamp_seconds";
        let first = daemon.scrape().await.get(expiry).unwrap();
        wait_for(PATIENCE, "a second key", async || {
            let unmet = daemon.scrape().await.unmet(&[
                format!("{expiry} > {}", first + 25.0),
                format!(
                    "modelarts_exporter_api_requests_total{{operation=\"{operation}\"}} > {renewals}"
                ),
                "modelarts_exporter_api_errors_total absent".to_owned(),
                "modelarts_exporter_polls_total{result=\"failed\"} == 0".to_owned(),
                "modelarts_job_poll_success == 4".to_owned(),
            ]);
            if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
        })
        .await;
    }
}

/// Waits until the daemon polls again.
async fn recovers(daemon: &Daemon) {
    wait_for(PATIENCE, "the new secret to be used", async || {
        let unmet = daemon.scrape().await.unmet(&["modelarts_up == 1"]);
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_secret_key_is_shown_once_until_its_file_changes() {
    let cloud = Cloud::empty().await;
    // More than may be in flight at once, and far more than lock a key.
    let jobs = jobs(&cloud, 40).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "wrong-S3CR3T\n").unwrap();
    let auth = format!(
        "method = \"aksk\"\naccess_key = \"DEMOACCESSKEY\"\nsecret_key_file = \"{}\"",
        file.display()
    );
    let setup = Setup { project: PROJECT, auth: &auth, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_up == 0",
            "modelarts_exporter_polls_total{result=\"failed\"} > 120",
            "modelarts_exporter_api_requests_total{code=\"401\"} == 1",
        ])
        .await;
    assert_eq!(cloud.refusals().await.bad_signatures, 1);
    let words = ["cannot be polled", "verify aksk signature fail", "secret_key, signature"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
    std::fs::write(&file, "demosecretkey\n").unwrap();
    recovers(&daemon).await;
    let refusals = cloud.refusals().await;
    assert_eq!((refusals.bad_signatures, refusals.while_locked), (1, 0));
    assert!(!daemon.log().contains("S3CR3T"), "{}", daemon.log());
}

#[tokio::test]
async fn a_token_that_was_revoked_is_held_until_a_new_one_is_put_in_its_place() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 4).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    let old = token(&cloud).await;
    std::fs::write(&file, &old).unwrap();
    let auth = format!("method = \"token\"\ntoken_file = \"{}\"", file.display());
    let setup = Setup { project: PROJECT, auth: &auth, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 4"]).await;
    let headers = [("X-Auth-Token", old.as_str()), ("X-Subject-Token", old.as_str())];
    assert_eq!(cloud.delete_with("/v3/auth/tokens", &headers).await.status, 204);
    daemon.shows(&["modelarts_up == 0", "modelarts_job_poll_success == 0"]).await;
    let asked = daemon.scrape().await.sum("modelarts_exporter_api_requests_total{code=\"401\"}");
    // Three in a row, and what was in flight beside them.
    assert!((3.0..=6.0).contains(&asked), "{asked}");
    assert_eq!(daemon.logged(&["cannot be polled", "token, which lives for a day"]), 1);
    std::fs::write(&file, token(&cloud).await).unwrap();
    recovers(&daemon).await;
}

#[tokio::test]
async fn a_wrong_agency_is_said_with_its_keys() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 2).await;
    let auth = format!("{KEY}{IAM}agency_name = \"nobody\"\nagency_domain = \"demo-owner\"");
    let setup = Setup { project: PROJECT, auth: &auth, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_up == 0", "modelarts_job_poll_success == 0"]).await;
    let words = ["cannot be polled", "Could not find agency", "agency_name"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
}

#[tokio::test]
async fn a_wrong_clock_is_named_instead_of_the_key() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 2).await;
    cloud.fault(r#""fault": "skewed_clock", "on": "any", "value": 3600"#).await;
    let setup = Setup { project: PROJECT, auth: KEY, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon
        .shows(&["modelarts_up == 0", "modelarts_exporter_polls_total{result=\"failed\"} > 6"])
        .await;
    let words = ["cannot be polled", "signature expired", "our clock is", "set this machine"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
    let asked = "modelarts_exporter_api_requests_total{code=\"401\"} == 1";
    assert_eq!(daemon.scrape().await.unmet(&[asked]), [""; 0]);
}

#[tokio::test]
async fn no_proxy_stands_before_the_metadata_service() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 2).await;
    let by_file = format!("{PROJECT}\nproxy_url = \"http://127.0.0.1:1\"");
    let by_environment = "http_proxy=http://127.0.0.1:1 no_proxy= exec \"$@\"";
    for (project, shell) in [(&*by_file, "exec \"$@\""), (PROJECT, by_environment)] {
        let setup = Setup { project, auth: MACHINE, ..Setup::of(jobs.clone()) };
        let daemon = Daemon::start_reading(Stdio::null(), shell, &setup.file(&cloud)).await;
        daemon
            .shows(&[
                "modelarts_exporter_api_requests_total{operation=\"metadata\",code=\"200\"} == 2",
                "modelarts_exporter_api_errors_total{operation=\"metadata\"} absent",
                "modelarts_exporter_api_errors_total{operation=\"versions\",reason=\"unreachable\"} > 1",
            ])
            .await;
    }
}
