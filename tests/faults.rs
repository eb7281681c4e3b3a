//! What the exporter says while the cloud misbehaves, and that it is well again afterwards.

mod expected;
mod matrix;
mod scene;
mod stage;

use matrix::Call;

use crate::harness::{Cloud, Daemon, PATIENCE, Setup, Site, run_with_config, secrets, wait_for};

#[tokio::test]
async fn faults_of_the_token_stop_their_project_alone() {
    scene::play(Call::Token).await;
}

#[tokio::test]
async fn faults_of_the_list_cost_no_job() {
    scene::play(Call::List).await;
}

#[tokio::test]
async fn faults_of_the_versions_cost_their_job_alone() {
    scene::play(Call::Versions).await;
}

#[tokio::test]
async fn faults_of_the_detail_leave_what_the_versions_say() {
    scene::play(Call::Detail).await;
}

#[tokio::test]
async fn faults_of_the_list_of_v2_cost_no_job() {
    scene::play(Call::V2List).await;
}

#[tokio::test]
async fn faults_of_the_detail_of_v2_cost_their_job_alone() {
    scene::play(Call::V2Detail).await;
}

#[tokio::test]
async fn faults_of_the_metrics_of_v2_leave_what_the_list_says() {
    scene::play(Call::V2Metrics).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told_from_a_dead_host() {
    let (cloud, nowhere) = (Cloud::empty().await, Site::new("http://modelarts.invalid"));
    let job = cloud.add("one").await.job_id;
    let of_token = Setup::new().with("token", [job], "\"latest\"");
    let of_versions = Setup::new().with("versions", [job], "\"latest\"");
    let file = of_token.head()
        + &of_token.projects_at(&cloud, &nowhere)
        + &of_versions.projects_at(&nowhere, &cloud);
    let daemon = Daemon::start(&file).await;
    for operation in ["token", "versions"] {
        let errors = format!(
            "modelarts_exporter_api_errors_total{{project=\"{operation}\",operation=\"{operation}\""
        );
        daemon.shows(&[format!("{errors},reason=\"dns\"}} > 1")]).await;
        assert_eq!(daemon.scrape().await.find(&format!("{errors}}}")).len(), 1);
        let words = ["the project cannot be polled", "modelarts.invalid", "`endpoint`"];
        let project = format!("project={operation} ");
        assert_eq!(daemon.logged(&[&words[..], &[&project]].concat()), 1, "{}", daemon.log());
    }
}

#[tokio::test]
async fn hostile_names_neither_break_the_log_nor_the_exposition() {
    let cloud = Cloud::start(modelarts_exporter::simulator::Settings {
        scenario: modelarts_exporter::simulator::Scenario::Hostile,
        speed: 0.0,
        ..Cloud::no_jobs()
    })
    .await;
    let hostile = "evil\\n ts=1 level=error msg=\\\"forged\\\" \\u001b[31m";
    let job = cloud.add(hostile).await.job_id;
    let other = cloud.add("other").await.job_id;
    let words = "{\"is_success\":false,\"error_code\":\"X\\nlevel=error\",\"error_message\":\"two\\nlines \\u001b[31m \\u202e \\\" forged=1\"}";
    cloud.set_document(other, words).await;
    let daemon = Daemon::start(&Setup::of([job, other]).file(&cloud)).await;
    let ok = format!("modelarts_job_poll_success{{job_id=\"{job}\"}} == 1");
    daemon.shows(&[&*ok, "modelarts_exporter_api_errors_total{reason=\"rejected\"} > 1"]).await;
    let log = daemon.stop().await.stderr;
    for line in log.lines() {
        assert!(line.starts_with("ts=20"), "a line of its own: {line:?}\n{log}");
        assert!(!line.chars().any(char::is_control), "control characters: {line:?}");
    }
    assert_eq!(log.matches("cannot be polled").count(), 1, "{log}");
}

#[tokio::test]
async fn what_is_searched_for_is_what_there_is() {
    let cloud = Cloud::empty().await;
    let password = secrets::PASSWORD;
    assert!(password.starts_with(secrets::MARK));
    let login = format!(
        r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{{"name":"demo","password":"{password}","domain":{{"name":"demo"}}}}}}}},"scope":{{"project":{{"name":"demo"}}}}}}}}"#
    );
    for _ in 0..2 {
        let answer = cloud.post("/v3/auth/tokens", &login).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let token = answer.header("x-subject-token");
        assert!(token.contains(secrets::MARK), "{token}");
    }
}

#[test]
#[should_panic(expected = "a secret is out in a log")]
fn the_search_finds_what_stands_in_the_middle_of_a_line() {
    secrets::search("a log", &format!("ts=1 error=\"no {} here\"", secrets::PASSWORD));
}

#[tokio::test]
async fn secrets_are_nowhere() {
    let cloud = Cloud::empty().await;
    let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    // A gateway that repeats what it was sent.
    let words =
        format!(r#"{{"is_success":false,"error_message":"bad token MIIE{}"}}"#, secrets::MARK);
    cloud.set_document(jobs[1], words).await;
    // The proxy is the cloud itself, which answers whoever asks for it by its whole URL.
    let proxy = cloud.url().replace("http://", "http://user:S3CR3T-proxy@");
    let proxy = format!("proxy_url = \"{proxy}\"");
    let wrong = "password = \"S3CR3T-wrong\"\nproject_name = \"demo\"";
    for (auth, is_let_in) in [(Setup::new().auth, true), (wrong, false)] {
        let tables = "[log]\nlevel = \"trace\"";
        let setup = Setup { tables, auth, project: &proxy, ..Setup::of(jobs) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon.shows(&["modelarts_exporter_polls_total{result=\"failed\"} > 2"]).await;
        let job = format!("/jobs/p/{}", jobs[1]);
        for path in ["/", &job, "/metrics", "/-/healthy", "/-/ready", "/config", "/nowhere"] {
            daemon.get(path).await;
        }
        daemon.post("/-/reload", "").await;
        assert!(daemon.logged(&["level=trace"]) > 0, "the search has looked at everything");
        daemon.stop().await;
        let checked = run_with_config("check", &setup.file(&cloud)).await;
        assert!(checked.status.success(), "{checked:?}");
        let polled = run_with_config("once", &setup.file(&cloud)).await;
        assert_eq!(polled.status.success(), is_let_in, "{polled:?}");
    }
}

#[tokio::test]
async fn an_outage_of_everything_is_one_line_and_not_one_for_each_job() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    // Fewer than may be asked at once: none is cut off to make room for another.
    for number in 0..12 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 12"]).await;
    cloud.fault(r#""fault": "reset", "on": "any""#).await;
    daemon.shows(&["modelarts_job_poll_success == 0", "modelarts_up == 0"]).await;
    cloud.heal().await;
    daemon.shows(&["modelarts_job_poll_success == 12", "modelarts_up == 1"]).await;
    wait_for(PATIENCE, "the recovery in the log", async || {
        match daemon.logged(&["the project is polled again"]) {
            0 => Err(daemon.log()),
            count => Ok(count),
        }
    })
    .await;
    let log = daemon.stop().await.stderr;
    assert_eq!(log.matches("cannot be polled").count(), 1, "{log}");
    assert_eq!(log.matches("polled again").count(), 1, "{log}");
}
