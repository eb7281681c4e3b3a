//! Tokens: fetched once, renewed in time, and never asked for in vain.

mod holds;
mod methods;

use std::time::Duration;

use modelarts_exporter::simulator::{ProjectSpec, Settings};

use crate::harness::{Accident, Cloud, Daemon, Kind, Relay, Setup, secrets, wait_for};

/// Longer than anything here takes on a busy machine; secret files are looked at every 30 s.
const PATIENCE: Duration = Duration::from_secs(90);

async fn jobs(cloud: &Cloud, count: usize) -> Vec<u64> {
    let mut jobs = Vec::new();
    for number in 0..count {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    jobs
}

#[tokio::test]
async fn all_jobs_of_a_project_share_one_token() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 40).await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_job_poll_success == 40",
            "modelarts_exporter_polls_total{result=\"success\"} > 120",
            "modelarts_exporter_api_requests_total{operation=\"token\",code=\"201\"} == 1",
            "modelarts_exporter_api_requests_total{operation=\"token\"} == 1",
        ])
        .await;
    assert_eq!(cloud.requests("token").await, 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_while_the_calls_go_on() {
    // Renewed when 12 to 18 % of its life is left, which at ten seconds is more than one second.
    let life = Settings { token_ttl: Duration::from_secs(10), ..Cloud::no_jobs() };
    let cloud = Cloud::start(life).await;
    let jobs = jobs(&cloud, 4).await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    let expiry = "modelarts_exporter_token_expiry_timestamp_seconds";
    let first = daemon.shows(&[format!("{expiry} > 0")]).await.get(expiry).unwrap();
    // The fetch of the new token takes a while: nobody waits for it.
    cloud.fault(r#""fault": "latency", "on": "token", "value": 500, "count": 1"#).await;
    daemon
        .shows(&[
            format!("{expiry} > {}", first + 5.0),
            "modelarts_exporter_api_requests_total{operation=\"token\",code=\"201\"} == 2"
                .to_owned(),
            "modelarts_exporter_api_errors_total absent".to_owned(),
            "modelarts_exporter_polls_total{result=\"failed\"} == 0".to_owned(),
            "modelarts_exporter_polls_missed_total == 0".to_owned(),
            "modelarts_job_poll_success == 4".to_owned(),
        ])
        .await;
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_all_jobs() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 8).await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 8"]).await;
    cloud.fault(r#""fault": "expired_token", "on": "versions""#).await;
    let since = daemon.scrape().await.sum("modelarts_exporter_polls_total{result=\"success\"}");
    daemon
        .shows(&[
            format!("modelarts_exporter_polls_total{{result=\"success\"}} > {}", since + 40.0),
            "modelarts_exporter_polls_total{result=\"failed\"} == 0".to_owned(),
            "modelarts_exporter_api_retries_total{operation=\"versions\"} > 0".to_owned(),
            "modelarts_exporter_api_errors_total{operation=\"versions\",reason=\"unauthorized\"} > 0".to_owned(),
            "modelarts_job_poll_success == 8".to_owned(),
            "modelarts_up == 1".to_owned(),
        ])
        .await;
    assert_eq!(cloud.requests("token").await, 2);
    assert_eq!(daemon.logged(&["cannot be polled"]), 0, "{}", daemon.log());
}

#[tokio::test]
async fn a_wrong_password_is_shown_once_until_its_file_changes() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 4).await;
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wrong\n").unwrap();
    let auth = format!("password_file = \"{}\"\nproject_name = \"demo\"", file.display());
    let setup = Setup { auth: &auth, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_exporter_polls_total{result=\"failed\"} > 40",
            "modelarts_exporter_api_requests_total{operation=\"token\",code=\"401\"} == 1",
            "modelarts_up == 0",
            "modelarts_job_poll_success == 0",
        ])
        .await;
    assert_eq!(cloud.requests("token").await, 1);
    assert_eq!(daemon.logged(&["cannot be polled"]), 1, "{}", daemon.log());
    assert_eq!(daemon.logged(&["check `auth` and `project_id`"]), 1, "{}", daemon.log());

    std::fs::write(&file, format!("{}\n", secrets::PASSWORD)).unwrap();
    wait_for(PATIENCE, "the new password to be used", async || {
        let unmet =
            daemon.scrape().await.unmet(&["modelarts_up == 1", "modelarts_job_poll_success == 4"]);
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
    })
    .await;
    assert_eq!(cloud.requests("token").await, 2);
    assert_eq!(daemon.logged(&["secret file changed"]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn a_job_that_is_always_refused_neither_stops_the_others_nor_makes_tokens() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 4).await;
    let refused = jobs[0];
    cloud
        .fault(&format!(r#""fault": "unauthorized", "on": "versions", "job_id": {refused}"#))
        .await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon
        .shows(&[
            format!("modelarts_job_poll_success{{job_id=\"{refused}\"}} == 0"),
            "modelarts_job_poll_success == 3".to_owned(),
            "modelarts_exporter_polls_total{result=\"failed\"} > 10".to_owned(),
            "modelarts_exporter_polls_total{result=\"success\"} > 30".to_owned(),
            "modelarts_up == 1".to_owned(),
        ])
        .await;
    // The first one, and one more because the first was refused.
    assert_eq!(cloud.requests("token").await, 2);
    assert_eq!(daemon.logged(&["cannot be polled"]), 1, "{}", daemon.log());
    assert_eq!(daemon.logged(&["polled again"]), 0, "{}", daemon.log());
}

#[tokio::test]
async fn the_project_comes_from_the_token_or_from_the_file() {
    const OTHER: &str = "feedfacefeedfacefeedfacefeedface";
    let spec = |name: &str, id: &str| ProjectSpec { name: name.to_owned(), id: id.to_owned() };
    let projects = vec![ProjectSpec::default(), spec("second", OTHER)];
    let cloud = Cloud::start(Settings { projects, ..Cloud::no_jobs() }).await;
    let job = cloud.add_as("one", r#""project": "second""#).await.job_id;
    let by_id = format!("project_id = \"{OTHER}\"");
    let wrong = "project_id = \"0123456789abcdef0123456789abcdee\"";
    let cases = [
        ("", "project_name = \"second\"", true),
        (by_id.as_str(), "project_name = \"second\"", true),
        (by_id.as_str(), "", true),
        (wrong, "", false),
    ];
    for (project, name, found) in cases {
        let auth = format!("password = \"{}\"\n{name}", secrets::PASSWORD);
        let setup = Setup { project, auth: &auth, ..Setup::of([job]) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        if found {
            daemon.shows(&["modelarts_job_poll_success == 1", "modelarts_up == 1"]).await;
        } else {
            daemon.shows(&["modelarts_job_poll_success == 0", "modelarts_up == 0"]).await;
            let words = ["cannot be polled", "HTTP 401", "check `auth` and `project_id`"];
            assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_iam_is_named_and_not_the_credentials() {
    let cloud = Cloud::empty().await;
    let setup = Setup::of(jobs(&cloud, 2).await);
    let iam = Relay::to(&cloud);
    let page = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>404</html>";
    iam.suffer(Some(Accident { kind: Kind::Say(page), on: String::new() }));
    let daemon = Daemon::start(&(setup.head() + &setup.projects_at(&cloud, &iam))).await;
    daemon.shows(&["modelarts_up == 0", "modelarts_job_poll_success == 0"]).await;
    let words = ["cannot be polled", "HTTP 404", "check `auth.iam_endpoint` of the project: IAM"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
    assert_eq!(daemon.logged(&["the credentials are not accepted"]), 0, "{}", daemon.log());
}

#[tokio::test]
async fn a_missing_permission_is_said_with_its_remedy() {
    let cloud = Cloud::empty().await;
    let jobs = jobs(&cloud, 2).await;
    cloud.fault(r#""fault": "forbidden", "on": "versions""#).await;
    cloud.fault(r#""fault": "forbidden", "on": "list""#).await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon
        .shows(&[
            "modelarts_up == 0",
            "modelarts_exporter_api_errors_total{operation=\"versions\",reason=\"forbidden\"} > 6",
        ])
        .await;
    let words = ["cannot be polled", "HTTP 403", "modelarts:trainJobVersion:list"];
    assert_eq!(daemon.logged(&words), 2, "once for each job\n{}", daemon.log());
    let words = ["the list of jobs cannot be read", "HTTP 403", "modelarts:trainJob:list"];
    assert_eq!(daemon.logged(&words), 1, "{}", daemon.log());
    assert_eq!(cloud.requests("token").await, 1, "another token has no other permissions");
}
