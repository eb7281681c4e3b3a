//! What becomes of projects and jobs: those that did not change, those that did, and those that left.

use std::fs;
use std::os::unix::fs::symlink;

use super::{cloud_with, joined, setup};
use crate::harness::{Daemon, ONE_POLL, QUICK, Setup};

/// What no scrape may miss: the job is there with its values.
fn kept(project: &str, job: u64) -> [String; 3] {
    let labels = format!("project=\"{project}\",job_id=\"{job}\"");
    [
        format!("modelarts_up{{project=\"{project}\"}} == 1"),
        format!("modelarts_job_status{{{labels},status=\"running\"}} == 1"),
        format!("modelarts_job_usage_samples{{{labels}}} > 0"),
    ]
}

#[tokio::test]
async fn a_project_that_did_not_change_notices_nothing() {
    let (cloud, [job]) = cloud_with(["kept"]).await;
    let (other, jobs) = cloud_with(["one", "two", "three"]).await;
    let same = setup().with("same", [job], "\"latest\"").file(&cloud);
    let with = |jobs: &[u64], poll| {
        let setup = Setup { poll, ..Setup::of(jobs.to_vec()) };
        joined(&[same.clone(), setup.file(&other)])
    };
    let daemon = Daemon::start(&with(&jobs[..1], QUICK)).await;
    daemon.is_ready().await;
    let kept = kept("same", job);
    let kept = kept.each_ref().map(String::as_str);
    let asked = "modelarts_exporter_api_requests_total{project=\"same\"}";
    let before = daemon.shows(&kept).await.sum(asked);

    let changes = async {
        // A job more, another one, the project gone, and there again with other jobs.
        for jobs in [&jobs[..2], &jobs[1..2], &[], &jobs[1..3]] {
            let file = if jobs.is_empty() { same.clone() } else { with(jobs, QUICK) };
            daemon.takes_over(&file).await;
            let mut expected: Vec<_> = jobs.iter().flat_map(|job| self::kept("p", *job)).collect();
            if jobs.is_empty() {
                expected.push("modelarts_up{project=\"p\"} absent".to_owned());
            }
            daemon.shows(&expected).await;
        }
    };
    daemon.shows_throughout(&kept, changes).await;
    daemon.signal("HUP");
    daemon.has_logged(&["configuration reloaded", "2 unchanged"], 1).await;
    let after = daemon.shows(&kept).await;
    assert!((after.sum(asked) - before).abs() < 0.5, "it was asked again");
    assert_eq!((cloud.requests("versions").await, cloud.requests("token").await), (1, 1));
}

#[tokio::test]
async fn what_is_removed_is_gone_with_the_answer_and_readiness_stays() {
    let (cloud, [one, two, three]) = cloud_with(["one", "two", "three"]).await;
    let first = setup().with("a", [one, two], "\"latest\"").with("b", [three], "\"latest\"");
    let daemon = Daemon::start(&first.file(&cloud)).await;
    daemon.is_ready().await;
    daemon.shows(&[kept("a", one), kept("a", two), kept("b", three)].concat()).await;

    // It hangs: what is new is not known soon.
    cloud.fault(r#""fault": "hang", "on": "any""#).await;
    let second = setup().with("a", [one], "\"latest\"").with("c", [three], "\"latest\"");
    let answer = daemon.takes_over(&second.file(&cloud)).await;
    assert!(answer.contains("1 added, 1 changed, 1 removed, 0 unchanged"), "{answer}");
    let scrape = daemon.scrape_unpacked().await;
    let left = |sample: &&crate::parser::Sample| {
        sample.labels.iter().any(|(name, value)| {
            (name == "project" && value == "b") || (name == "job_id" && *value == two.to_string())
        })
    };
    let left: Vec<_> = scrape.samples().iter().filter(left).collect();
    assert!(left.is_empty(), "{left:?}");
    let new = ["modelarts_up{project=\"c\"} == 0", "modelarts_job_status{project=\"c\"} absent"];
    assert_eq!(scrape.unmet(&new), [""; 0]);
    assert_eq!(scrape.unmet(&kept("a", one)), [""; 0], "it was not asked again yet");
    assert_eq!(daemon.get("/-/ready").await.status, 200);

    // Polls in flight hold nobody up.
    let hanging = "modelarts_exporter_polls_total{project=\"c\"} == 0";
    daemon.shows(&[hanging]).await;
    let answer = daemon.takes_over(&setup().with("c", [two], "\"latest\"").file(&cloud)).await;
    assert!(answer.contains("0 added, 1 changed, 1 removed"), "{answer}");
    let gone = "modelarts_up{project=\"a\"} absent";
    assert_eq!(daemon.scrape_unpacked().await.unmet(&[gone, new[0]]), [""; 0]);
    assert_eq!(daemon.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn another_interval_blanks_nothing_and_another_place_everything() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let with = |poll| Setup { poll, ..setup().with("p", [job], "\"latest\"") }.file(&cloud);
    let daemon = Daemon::start(&with(ONE_POLL)).await;
    let expected = kept("p", job);
    let expected = expected.each_ref().map(String::as_str);
    let polls = "modelarts_exporter_polls_total{project=\"p\"}";
    let before = daemon.shows(&expected).await.sum(polls);
    assert_eq!(cloud.requests("versions").await, 1);

    // Its next answers are none: what is shown is what was known before.
    cloud.fault(r#""fault": "server_error", "on": "versions""#).await;
    let slower = ONE_POLL.replace("interval = \"1h\"", "interval = \"50m\"");
    let changed = async {
        let answer = daemon.takes_over(&with(&slower)).await;
        assert!(answer.contains("0 added, 1 changed, 0 removed"), "{answer}");
        let failed = "modelarts_exporter_polls_total{project=\"p\",result=\"failed\"} > 0";
        let interval = "modelarts_exporter_poll_interval_seconds{project=\"p\"} == 3000";
        daemon.shows(&[failed, interval]).await
    };
    let after = daemon.shows_throughout(&expected, changed).await;
    assert!(after.sum(polls) > before, "the counters go on");
    assert!(cloud.requests("versions").await > 1, "it was asked anew");

    let id = "project_id = \"0123456789abcdef0123456789abcdef\"\nendpoint = ";
    let moved = with(&slower).replacen("endpoint = ", id, 1);
    daemon.takes_over(&moved).await;
    let unknown = "modelarts_job_status{project=\"p\"} absent";
    assert_eq!(daemon.scrape_unpacked().await.unmet(&[unknown]), [""; 0]);
    daemon.shows(&["modelarts_exporter_polls_total{project=\"p\",result=\"failed\"} == 1"]).await;
    cloud.heal().await;
}

#[tokio::test]
async fn labels_that_are_shown_change_without_a_poll() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let plain = setup().with("p", [job], "\"latest\"").file(&cloud);
    let daemon = Daemon::start(&plain).await;
    daemon.shows(&kept("p", job)).await;
    let shows_user = async || {
        let scrape = daemon.scrape_unpacked().await;
        let [info] = scrape.find("modelarts_job_info")[..] else { panic!("one job") };
        info.labels.iter().any(|(name, _)| name == "user_name")
    };
    assert!(!shows_user().await);
    daemon.takes_over(&format!("metrics.info_labels = [\"user_name\"]\n{plain}")).await;
    assert!(shows_user().await);
    daemon.takes_over(&plain).await;
    assert!(!shows_user().await);
    assert_eq!(cloud.requests("versions").await, 1);
}

#[tokio::test]
async fn a_refused_password_is_shown_again_after_a_reload() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    cloud.fault(r#""fault": "unauthorized", "on": "token""#).await;
    let setup = Setup { poll: QUICK, ..setup().with("p", [job], "\"latest\"") };
    let file = setup.file(&cloud);
    let daemon = Daemon::start(&file).await;
    let polls = "modelarts_exporter_polls_total{result=\"failed\"}";
    daemon.shows(&[format!("{polls} > 5")]).await;
    assert_eq!(cloud.requests("token").await, 1, "the project is held");
    cloud.heal().await;
    let answer = daemon.takes_over(&file).await;
    assert!(answer.contains("1 unchanged"), "{answer}");
    daemon.shows(&kept("p", job)).await;
    assert_eq!(cloud.requests("token").await, 2);
}

#[tokio::test]
async fn a_password_that_came_since_is_used_at_once() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let folder = tempfile::TempDir::new().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "S3CR3T-wrong").unwrap();
    let auth = format!("password_file = \"{}\"\nproject_name = \"demo\"", password.display());
    let setup = Setup { poll: QUICK, auth: &auth, ..setup().with("p", [job], "\"latest\"") };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_exporter_polls_total{result=\"failed\"} > 0"]).await;
    fs::write(&password, "demo").unwrap();
    let answer = daemon.reload().await;
    assert!(answer.text.contains("1 changed"), "{}", answer.text);
    daemon.shows(&kept("p", job)).await;
    assert!(!daemon.stop().await.stderr.contains("S3CR3T"));
}

#[tokio::test]
async fn a_file_that_is_a_link_is_read_where_it_leads_to_now() {
    let (cloud, [one, two]) = cloud_with(["one", "two"]).await;
    let daemon = Daemon::start(&setup().with("a", [one], "\"latest\"").file(&cloud)).await;
    daemon.shows(&kept("a", one)).await;
    // The way a ConfigMap is mounted: the file is a link into a folder that is a link itself.
    let file = daemon.file();
    let folder = file.parent().unwrap();
    for (version, name) in [("v1", "a"), ("v2", "b")] {
        fs::create_dir(folder.join(version)).unwrap();
        let text = setup().with(name, [two], "\"latest\"").file(&cloud);
        fs::write(folder.join(version).join("file"), text).unwrap();
    }
    symlink("v1", folder.join("data")).unwrap();
    symlink("data/file", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), &file).unwrap();
    assert_eq!(daemon.reload().await.status, 200);
    daemon.shows(&kept("a", two)).await;
    symlink("v2", folder.join("next")).unwrap();
    fs::rename(folder.join("next"), folder.join("data")).unwrap();
    daemon.signal("HUP");
    daemon.shows(&kept("b", two)).await;
    assert_eq!(
        daemon.scrape_unpacked().await.unmet(&["modelarts_up{project=\"a\"} absent"]),
        [""; 0]
    );
}
