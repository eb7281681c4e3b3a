//! A project that speaks v2: other calls, other actions, and a request a task.

use super::report::json;
use modelarts_exporter::model::Api;

use crate::harness::{Cloud, Setup};

const LIST: &str = "modelarts:trainJob:list";
const GET: &str = "modelarts:trainJob:get";
const QUOTAS: &str = "modelarts:trainJob:getQuotas";

/// Two that run, with three tasks in all, one that waits and one that has ended.
async fn cloud() -> Cloud {
    let cloud = Cloud::empty().await;
    for (name, fields) in [
        ("one", r#""workers": 1"#),
        ("two", r#""workers": 2"#),
        ("waits", r#""status": "pending""#),
        ("over", r#""status": "completed""#),
    ] {
        let order = format!("{{\"api\": \"v2\", \"name\": \"{name}\", {fields}}}");
        assert_eq!(cloud.post("/-/simulator/jobs", &order).await.status, 201);
    }
    cloud
}

fn file(cloud: &Cloud, poll: &str) -> String {
    let project = "discovery = { enabled = true }";
    Setup { poll, project, ..Setup::new().with_api("p", Api::V2, []) }.file(cloud)
}

#[tokio::test]
async fn every_call_of_v2_is_tried_and_tasks_are_counted() {
    let cloud = cloud().await;
    let report = json(&file(&cloud, "")).await;
    assert_eq!(report.with("failed"), [""; 0], "{report:?}");
    report.check("permissions", "list").is("ok", &[LIST, "4 jobs"]);
    report.check("permissions", "detail").is("ok", &[GET]);
    report.check("permissions", "quotas").is("ok", &[QUOTAS, "1 resource"]);
    report.check("jobs", "discovery").is("ok", &["4 of 4", "3 of those nobody named"]);
    let words =
        ["3 jobs, which take 4 requests, every 60s, and the list: 5 requests a minute of 60"];
    report.check("budget", "requests").is("ok", &words);

    let report = json(&file(&cloud, "requests_per_minute = 2")).await;
    let words = ["each is polled every", "the list is read every", "to 6, or `poll.interval` to"];
    let facts = report.check("budget", "requests").is("warning", &words).facts();
    // Four tasks at two a minute, beside quotas every five minutes and a list that has its small part.
    assert!((136.0..150.0).contains(&facts.interval_seconds), "{facts:?}");
}

#[tokio::test]
async fn each_missing_permission_of_v2_is_named_with_its_action() {
    let cloud = cloud().await;
    let config = file(&cloud, "");
    for (on, check, action) in
        [("list", "list", LIST), ("detail", "detail", GET), ("metrics", "metrics", GET)]
    {
        cloud.fault(&format!(r#""fault": "forbidden", "on": "{on}""#)).await;
        let report = json(&config).await;
        assert_eq!(report.with("failed"), [format!("permissions {check}")], "{report:?}");
        let said = report.check("permissions", check).is("failed", &["HTTP 403", "grant", action]);
        assert_eq!(said.facts().action, action);
        cloud.heal().await;
    }
    for fault in ["forbidden", "retired"] {
        cloud.fault(&format!(r#""fault": "{fault}", "on": "quota""#)).await;
        let report = json(&config).await;
        assert!(report.ok, "nothing needs them: {report:?}");
        report.check("permissions", "quotas").is("skipped", &["left out"]);
        cloud.heal().await;
    }
}
