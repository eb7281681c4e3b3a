//! A configuration that cannot be used, and requests that may not ask.

use super::{LIFECYCLE, cloud_with, setup};
use crate::harness::{Daemon, Raw, run};

const FAILED: &str = "modelarts_exporter_config_last_reload_successful == 0";
const WENT_WELL: &str = "modelarts_exporter_config_last_reload_successful == 1";
const WHEN: &str = "modelarts_exporter_config_last_reload_success_timestamp_seconds";

#[tokio::test]
async fn a_bad_file_is_refused_with_every_reason_and_changes_nothing() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let good = setup().with("p", [job], "\"latest\"").file(&cloud);
    let daemon = Daemon::start(&good).await;
    let running = format!("modelarts_job_status{{job_id=\"{job}\",status=\"running\"}} == 1");
    let before = daemon.shows(&[running.as_str(), WENT_WELL]).await;
    let config = daemon.get("/config").await.text;

    let bad = good
        .replace("interval = \"1h\"\npending", "interval = \"S3CR3T\"\npending")
        .replace("[projects.auth]", "jubs = 1\n[projects.auth]")
        .replace("password = \"demo\"", "password_file = \"nowhere\"");
    daemon.configure(&bad);
    let answer = daemon.shows_throughout(&[&running], daemon.reload()).await;
    assert_eq!(answer.status, 500);
    let file = format!("--config.file={}", daemon.file().display());
    let check = run(&["check", &file]).await;
    assert_eq!(format!("modelarts-exporter: {}", answer.text), check.stderr);
    assert!(answer.text.starts_with("the configuration has 3 mistakes\n"), "{}", answer.text);
    for key in ["poll.interval", "projects[0].jubs", "projects[0].auth.password_file"] {
        assert!(answer.text.contains(key), "{key} in {}", answer.text);
        daemon.has_logged(&["level=error", "configuration kept as it was", key], 1).await;
    }
    let after = daemon.shows(&[running.as_str(), FAILED]).await;
    assert_eq!(after.get(WHEN), before.get(WHEN), "the last success stays where it was");
    assert_eq!(daemon.get("/config").await.text, config);

    daemon.signal("HUP");
    daemon.has_logged(&["configuration kept as it was", "projects[0].jubs"], 2).await;
    daemon.configure(&good);
    daemon.signal("HUP");
    daemon.has_logged(&["configuration reloaded", "1 unchanged"], 1).await;
    let mended = daemon.shows(&[running.as_str(), WENT_WELL]).await;
    assert!(mended.get(WHEN) > before.get(WHEN));

    std::fs::remove_file(daemon.file()).unwrap();
    let answer = daemon.reload().await;
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("does not exist"), "{}", answer.text);
    assert_eq!(daemon.scrape().await.unmet(&[&running]), [""; 0]);
    assert!(!daemon.stop().await.stderr.contains("S3CR3T"));
}

#[tokio::test]
async fn only_who_may_can_ask_and_only_by_post_and_put() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let open = setup().with("p", [job], "\"latest\"").file(&cloud);
    let closed = open.replace(LIFECYCLE, "");
    let daemon = Daemon::start(&closed).await;
    for method in ["POST", "PUT"] {
        let refused = Raw::ask(&daemon, method, "/-/reload", &[]).await;
        let reason = String::from_utf8(refused.body).unwrap();
        assert_eq!(refused.status, 403);
        assert!(reason.contains("--web.enable-lifecycle"), "{reason}");
    }
    for method in ["GET", "HEAD", "DELETE"] {
        let refused = Raw::ask(&daemon, method, "/-/reload", &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST, PUT")));
    }
    // A file cannot let anybody in who was not let in at the start.
    daemon.configure(&open);
    daemon.signal("HUP");
    daemon.has_logged(&["needs a restart", "key=web.enable_lifecycle"], 1).await;
    assert_eq!(daemon.reload().await.status, 403);
    daemon.stop().await;

    let flags = "exec \"$@\" --web.enable-lifecycle";
    let daemon = Daemon::start_reading(std::process::Stdio::null(), flags, &closed).await;
    for (method, status) in [("POST", 200), ("PUT", 200), ("GET", 405), ("HEAD", 405)] {
        assert_eq!(Raw::ask(&daemon, method, "/-/reload", &[]).await.status, status, "{method}");
    }
    daemon
        .shows(&["modelarts_exporter_http_requests_total{handler=\"/-/reload\",code=\"200\"} == 2"])
        .await;
}
