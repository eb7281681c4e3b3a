//! What an operator has of it beside the projects: the log's level, the keys that need a restart, several
//! who ask at once, and users of the web configuration file.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;

use super::{LIFECYCLE, cloud_with, setup};
use crate::harness::{Daemon, Raw, Setup};
use crate::web_config::{RIGHT, RIGHT_HASH};

#[tokio::test]
async fn the_level_of_the_log_changes() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let plain = setup().with("p", [job], "\"latest\"").file(&cloud);
    let at = |level| format!("log.level = \"{level}\"\n{plain}");
    let daemon = Daemon::start(&at("info")).await;
    daemon.takes_over(&at("error")).await;
    assert_eq!(daemon.logged(&["configuration reloaded"]), 0, "it holds from the reload on");
    daemon.takes_over(&at("error")).await;
    daemon.takes_over(&at("info")).await;
    daemon.has_logged(&["configuration reloaded"], 1).await;
    let log = daemon.log();
    assert_eq!(log.matches("reading the configuration").count(), 1, "{log}");
    assert!(!log.contains("level=debug"), "{log}");
    // It asks the cloud anew, and the client of its own says so.
    daemon.takes_over(&at("debug").replace("1h", "59m")).await;
    daemon.has_logged(&["level=debug"], 1).await;
}

#[tokio::test]
async fn keys_that_need_a_restart_are_named_and_keep_their_value() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let file = setup().with("p", [job], "\"latest\"").file(&cloud);
    let daemon = Daemon::start(&file).await;
    daemon.shows(&["modelarts_up == 1"]).await;
    let before = daemon.get("/config").await.text;
    let tables = "[web]\ntelemetry_path = \"/m\"\nmax_requests = 3\nroute_prefix = \"/x\"\nsystemd_socket = true\n[log]\nformat = \"json\"\nlevel = \"warn\"";
    let answer = daemon.takes_over(&file.replace(LIFECYCLE, tables)).await;
    for key in [
        "web.enable_lifecycle",
        "web.max_requests",
        "web.route_prefix",
        "web.systemd_socket",
        "web.telemetry_path",
        "log.format",
    ] {
        assert!(answer.contains(&format!("{key} has changed, which needs a restart")), "{answer}");
        daemon.has_logged(&["level=warn", "needs a restart", &format!("key={key}")], 1).await;
    }
    assert_eq!(answer.matches("needs a restart").count(), 6, "{answer}");
    assert_eq!(daemon.get("/metrics").await.status, 200);
    assert_eq!(daemon.get("/config").await.text, before.replace("\"info\"", "\"warn\""));
    let answer = daemon.takes_over(&file).await;
    assert!(!answer.contains("restart"), "{answer}");
}

#[tokio::test]
async fn twenty_who_ask_at_once_are_all_served() {
    let (cloud, [one, two]) = cloud_with(["one", "two"]).await;
    let with = |jobs: &[u64]| setup().with("p", jobs.to_vec(), "\"latest\"").file(&cloud);
    let daemon = Daemon::start(&with(&[one])).await;
    let running = format!("modelarts_job_status{{job_id=\"{one}\",status=\"running\"}} == 1");
    daemon.shows(&[&running]).await;
    daemon.configure(&with(&[one, two]));
    let asking = join_all((0..20).map(|_| daemon.reload()));
    let answers = daemon.shows_throughout(&[&running], asking).await;
    let with = |words| answers.iter().filter(|answer| answer.text.contains(words)).count();
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!((with("1 changed"), with("1 unchanged")), (1, 19), "each is done, after the other");
    daemon.has_logged(&["configuration reloaded"], 20).await;
    // The first poll of one, and one of both after the change.
    daemon
        .shows(&[format!("modelarts_job_status{{job_id=\"{two}\",status=\"running\"}} == 1")])
        .await;
    assert_eq!(cloud.requests("versions").await, 3);
}

#[tokio::test]
async fn users_are_asked_who_they_are() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let folder = tempfile::TempDir::new().unwrap();
    let web = folder.path().join("web.yml");
    fs::write(&web, format!("basic_auth_users:\n  alice: {RIGHT_HASH}\n")).unwrap();
    let tables = format!("{LIFECYCLE}\nenable_config = true\nconfig_file = \"{}\"", web.display());
    let setup = Setup { tables: &tables, ..setup().with("p", [job], "\"latest\"") };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let user = |password: &str| format!("Basic {}", STANDARD.encode(format!("alice:{password}")));
    let (right, wrong) = (user(RIGHT), user("S3CR3T-wrong"));
    for (method, path) in [("POST", "/-/reload"), ("GET", "/config")] {
        assert_eq!(Raw::ask(&daemon, method, path, &[]).await.status, 401);
        let refused = Raw::ask(&daemon, method, path, &[("Authorization", &wrong)]).await;
        assert_eq!(refused.status, 401);
        let answer = Raw::ask(&daemon, method, path, &[("Authorization", &right)]).await;
        assert_eq!(answer.status, 200, "{method} {path}");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("S3CR3T") && !text.contains("$2b$"), "{text}");
    }
    daemon.has_logged(&["configuration reloaded"], 1).await;

    fs::write(&web, "basic_auth_users:\n  alice: S3CR3T\n").unwrap();
    let refused = Raw::ask(&daemon, "POST", "/-/reload", &[("Authorization", &right)]).await;
    let reasons = String::from_utf8(refused.body).unwrap();
    assert_eq!(refused.status, 500);
    assert!(reasons.contains("basic_auth_users.alice"), "{reasons}");
    assert!(!reasons.contains("S3CR3T"), "{reasons}");
    assert!(!daemon.stop().await.stderr.contains("S3CR3T"));
}
