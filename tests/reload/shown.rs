//! `/config`: what is in use, to whom it is shown, and no secret in it.

use std::fs;
use std::process::Stdio;

use super::{cloud_with, setup};
use crate::harness::{Daemon, Raw, Setup};

#[tokio::test]
async fn it_is_what_is_in_use_and_shows_no_secret() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let folder = tempfile::TempDir::new().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "S3CR3T-in-file\n").unwrap();
    let in_file = format!("password_file = \"{}\"\nproject_name = \"demo\"", password.display());
    let first = Setup {
        project: "proxy_url = \"http://S3CR3T-user:S3CR3T-pass@127.0.0.1:9/S3CR3T\"\npoll.interval = \"40m\"",
        auth: "password = \"S3CR3T-inline\"\nproject_name = \"demo\"",
        ..setup().with("p", [job], "[7, \"V0003\"]")
    };
    let second = Setup { auth: &in_file, ..first.clone() };
    let environment =
        "export MODELARTS_EXPORTER_METRICS__INFO_LABELS=workspace_id,user_name; exec \"$@\"";
    let daemon = Daemon::start_reading(Stdio::null(), environment, &first.file(&cloud)).await;
    let config = daemon.get("/config").await;
    assert_eq!((config.status, config.header("content-type")), (200, "text/plain; charset=utf-8"));
    let table: toml::Table = config.text.parse().unwrap();
    let get = |path: &[&str]| {
        let whole = toml::Value::from(table.clone());
        path.iter().fold(whole, |value, key| match key.parse::<usize>() {
            Ok(index) => value[index].clone(),
            Err(_) => value[*key].clone(),
        })
    };
    for (path, value) in [
        ("web.listen_addresses.0", "\"127.0.0.1:0\""),
        ("web.telemetry_path", "\"/metrics\""),
        ("web.max_requests", "40"),
        ("log.level", "\"info\""),
        ("poll.interval", "\"1h\""),
        ("limits.answer_bytes", "\"16MiB\""),
        ("limits.finished_retention", "\"1d\""),
        ("metrics.info_labels", "[\"user_name\", \"workspace_id\"]"),
        ("projects.0.name", "\"p\""),
        ("projects.0.api", "\"v1\""),
        ("projects.0.poll.interval", "\"40m\""),
        ("projects.0.proxy_url", "\"http://<secret>@127.0.0.1:9\""),
        ("projects.0.auth.method", "\"password\""),
        ("projects.0.auth.username", "\"demo\""),
        ("projects.0.auth.password", "\"<secret>\""),
        ("projects.0.jobs.0.versions", "[\"7\", \"V0003\"]"),
    ] {
        let keys: Vec<_> = path.split('.').collect();
        assert_eq!(get(&keys).to_string(), value, "{path}");
    }
    assert_eq!(get(&["projects", "0", "jobs", "0", "job_id"]).as_str(), Some(&*job.to_string()));

    let answer = daemon.takes_over(&second.file(&cloud)).await;
    let after = daemon.get("/config").await.text;
    let was = "password = \"<secret>\"\n";
    let is = format!("password_file = \"{}\"\n", password.display());
    assert_eq!(after, config.text.replace(was, &is));
    let log = daemon.stop().await.stderr;
    for text in [config.text, after, answer, log] {
        assert!(!text.contains("S3CR3T"), "{text}");
    }
}

#[tokio::test]
async fn it_is_shown_to_this_machine_unless_all_may_see_it() {
    let (cloud, [job]) = cloud_with(["one"]).await;
    let file = setup().with("p", [job], "\"latest\"").file(&cloud);
    for (flag, status) in [("", 403), ("--web.enable-config", 200)] {
        let daemon =
            Daemon::start_reading(Stdio::null(), &format!("exec \"$@\" {flag}"), &file).await;
        assert_eq!(daemon.get("/config").await.status, 200);
        assert_eq!(Raw::ask(&daemon, "HEAD", "/config", &[]).await.status, 200);
        assert_eq!(daemon.post("/config", "").await.status, 405);
        for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
            let answer = daemon.get_with("/config", &[(header, "127.0.0.1")]).await;
            assert_eq!(answer.status, status, "{header}");
            let says_why = answer.text.contains("--web.enable-config");
            assert_eq!(says_why, status == 403, "{}", answer.text);
        }
    }
}
