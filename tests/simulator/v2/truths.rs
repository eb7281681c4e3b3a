//! What the answers say is what is so.

use std::collections::BTreeSet;
use std::time::Duration;

use modelarts_exporter::simulator::{DEMO_SPEED, ProjectSpec, Scenario, Settings};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::{Cloud, body, login};
use super::{detail, get, ids, read, search, truth};

const GAUGES: [(&str, &str); 6] = [
    ("cpuUsage", "cpu"),
    ("memUsage", "memory"),
    ("gpuUtil", "gpu"),
    ("gpuMemUsage", "gpu_memory"),
    ("npuUtil", "npu"),
    ("npuMemUsage", "npu_memory"),
];

/// What a document says of a job, compared with the truth.
fn agrees(document: &Value, truth: &Value) {
    let (metadata, status) = (&document["metadata"], &document["status"]);
    assert_eq!((&metadata["id"], &metadata["name"]), (&truth["job_id"], &truth["name"]));
    assert_eq!(document["kind"], truth["kind"]);
    assert_eq!(status["phase"], truth["phase"]);
    assert_eq!(status["secondary_phase"], truth["secondary_phase"]);
    let seconds = |value: &Value| json!(value.as_f64().unwrap() / 1000.0);
    assert_eq!(seconds(&metadata["create_time"]), truth["created"]);
    assert_eq!(seconds(&status["duration"]), truth["duration"]);
    let started = if truth["started"].is_null() { json!(0.0) } else { truth["started"].clone() };
    assert_eq!(seconds(&status["start_time"]), started);
    let tasks: Vec<&Value> =
        truth["tasks"].as_array().unwrap().iter().map(|task| &task["task"]).collect();
    assert_eq!(status["tasks"].as_array().unwrap().iter().collect::<Vec<_>>(), tasks);
    assert_eq!(document["spec"]["resource"]["node_count"], truth["requested"]["workers"]);

    if let Some(counts) = status["node_count_metrics"].as_array() {
        let moments: Vec<i64> = counts.iter().map(|pair| pair[0].as_i64().unwrap()).collect();
        assert!(moments.is_sorted_by(|a, b| a < b), "{counts:?}");
        assert_eq!(counts.last().unwrap()[1], truth["nodes"], "{counts:?}");
    } else {
        assert_eq!(truth["phase"], "Creating");
    }
    let no_records = Vec::new();
    let records = status["running_records"].as_array().unwrap_or(&no_records);
    let restarts = truth["restarts"].as_u64().unwrap();
    assert_eq!(records.len() as u64, if truth["started"].is_null() { 0 } else { restarts + 1 });
    for record in records {
        // Seconds: later than 2001 and earlier than 5138, which milliseconds of now are not.
        assert!((1_000_000_000..99_999_999_999).contains(&record["start_at"].as_i64().unwrap()));
        assert!(
            record["end_at"].is_null() || record["end_at"].as_i64() >= record["start_at"].as_i64()
        );
    }
    let failure = &truth["failure"];
    match status.get("task_statuses") {
        None => assert!(failure.is_null()),
        Some(statuses) => {
            let said = &statuses[0];
            for field in ["task", "exit_code", "message"] {
                assert_eq!(said[field], failure[field]);
            }
            let end = &records.last().unwrap()["end_reason"];
            assert_eq!(*end, format!("exit with {}", failure["exit_code"]));
        }
    }
}

/// What the metrics of a task say, compared with the truth. Says how many -1 stand between samples.
fn metrics_agree(document: &Value, truth: &Value) -> usize {
    let metrics = document["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 6);
    let mut gaps = 0;
    for (wire, name) in GAUGES {
        let sent = metrics.iter().find(|it| it["metric"] == wire).unwrap()["value"].clone();
        let sent: Vec<f64> =
            sent.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        assert!(sent[0] < 0.0, "the container does not run at once");
        let valid: Vec<f64> = sent.iter().copied().filter(|it| *it >= 0.0).collect();
        let missing: Vec<f64> = sent.iter().copied().filter(|it| *it < 0.0).collect();
        assert_eq!(missing, vec![-1.0; missing.len()], "{wire}");
        let Some(curve) = truth["usage"]["metrics"].get(name) else {
            assert!(valid.is_empty(), "{wire} of hardware that is not there");
            continue;
        };
        let really: Vec<f64> =
            curve["samples"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        assert_eq!(valid, really, "{wire}");
        assert_eq!(truth["usage"]["samples"], valid.len());
        assert_eq!(curve["last"].as_f64(), valid.last().copied());
        let first = sent.iter().position(|it| *it >= 0.0).unwrap();
        let last = sent.iter().rposition(|it| *it >= 0.0).unwrap();
        gaps = gaps.max(last + 1 - first - valid.len());
    }
    gaps
}

#[tokio::test]
async fn list_detail_and_metrics_say_what_is_so() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut gaps = 0;
    for scenario in [Scenario::Mixed, Scenario::Demo, Scenario::Steady] {
        let cloud = Cloud::frozen(scenario).await;
        let truth = truth(&cloud).await;
        let list = search(&cloud, json!({})).await;
        assert_eq!(list["total"], truth.len());
        for job in truth.iter().take(30) {
            let id = job["job_id"].as_str().unwrap();
            if let Some(listed) =
                list["items"].as_array().unwrap().iter().find(|it| it["metadata"]["id"] == id)
            {
                agrees(listed, job);
            }
            agrees(&detail(&cloud, id).await, job);
            seen.insert(job["secondary_phase"].as_str().unwrap().to_owned());
            for task in job["tasks"].as_array().unwrap() {
                let path = format!("training-jobs/{id}/metrics/{}", task["task"].as_str().unwrap());
                if task["usage"].is_null() {
                    let answer = get(&cloud, &path).await;
                    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
                    assert!(answer.bytes().await.unwrap().is_empty());
                } else {
                    gaps += metrics_agree(&read(&cloud, &path).await, task);
                }
            }
        }
        cloud.stop().await;
    }
    let wanted = [
        "Completed",
        "CreateFailed",
        "Creating",
        "Failed",
        "Lost",
        "Queuing",
        "Running",
        "Terminated",
        "TerminatedFailed",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert!(gaps > 0, "no restart left a gap");
}

#[tokio::test]
async fn each_scenario_begins_with_readable_answers() {
    for scenario in Scenario::ALL {
        let cloud = Cloud::frozen(scenario).await;
        let jobs = truth(&cloud).await;
        let names: BTreeSet<&str> = jobs.iter().map(|job| job["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), jobs.len(), "{scenario:?}: names are unique");
        let mut listed = BTreeSet::new();
        for offset in 0..=jobs.len() / 50 {
            listed.extend(ids(&search(&cloud, json!({"offset": offset})).await));
        }
        assert_eq!(listed.len(), jobs.len(), "{scenario:?}");
        for job in &jobs {
            let id = job["job_id"].as_str().unwrap();
            assert!(listed.contains(id));
            assert_eq!(detail(&cloud, id).await["status"]["phase"], job["phase"]);
        }
        cloud.stop().await;
    }
}

#[tokio::test]
async fn frozen_clocks_change_nothing_and_equal_seeds_make_equal_fleets() {
    let epoch = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let settings = Settings { speed: 0.0, epoch, ..Settings::default() };
    let cloud = Cloud::start(settings.clone()).await;
    let twin = Cloud::start(settings.clone()).await;
    let other = Cloud::start(Settings { seed: 2, ..settings }).await;
    let jobs = truth(&cloud).await;
    assert_eq!(jobs, truth(&cloud).await);
    assert_eq!(jobs, truth(&twin).await);
    assert_ne!(jobs, truth(&other).await);
    for cloud in [cloud, twin, other] {
        cloud.stop().await;
    }
}

#[tokio::test]
async fn a_fast_demo_fails_completes_comes_back_and_begins_again() {
    // The minute at the demo's own speed, in three seconds.
    let speed = DEMO_SPEED * 20.0;
    let settings = Settings { scenario: Scenario::Demo, speed, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    let count = |jobs: &[Value], phase: &str| jobs.iter().filter(|it| it["phase"] == phase).count();
    let restarts =
        |jobs: &[Value]| -> u64 { jobs.iter().map(|job| job["restarts"].as_u64().unwrap()).sum() };
    let before = truth(&cloud).await;
    let began = Instant::now();
    loop {
        let now = truth(&cloud).await;
        let more = |phase| count(&now, phase) > count(&before, phase);
        let seen = [
            more("Failed"),
            more("Completed"),
            restarts(&now) > restarts(&before),
            now.len() > before.len(),
        ];
        if seen == [true; 4] {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "failed, completed, back, anew: {seen:?}"
        );
    }
    cloud.stop().await;
}

#[tokio::test]
async fn several_projects_have_jobs_of_their_own() {
    let projects: Vec<ProjectSpec> =
        ["one:1111", "two:2222"].iter().map(|spec| spec.parse().unwrap()).collect();
    let cloud = Cloud::start(Settings { projects, ..Settings::default() }).await;
    let mut jobs = BTreeSet::new();
    for (name, id) in [("one", "1111"), ("two", "2222")] {
        let answer = cloud.login(&login("demo", json!({"project": {"name": name}}))).await;
        let token = answer.headers()["x-subject-token"].clone();
        let url = format!("{}/v2/{id}/training-job-searches", cloud.base);
        let answer = cloud.client.post(url).header("x-auth-token", token).send().await.unwrap();
        jobs.extend(ids(&body(answer).await));
    }
    assert_eq!(jobs.len(), truth(&cloud).await.len());
    cloud.stop().await;
}

#[tokio::test]
async fn ten_thousand_jobs_are_there_at_once() {
    let began = Instant::now();
    let settings =
        Settings { jobs: Some(10_000), scenario: Scenario::Steady, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    let mut seen = BTreeSet::new();
    for offset in [0, 1, 199] {
        seen.extend(ids(&search(&cloud, json!({"offset": offset, "limit": 50})).await));
    }
    let took = began.elapsed();
    assert_eq!(seen.len(), 150);
    assert!(took < Duration::from_secs(30), "{took:?}");
    let job = seen.last().unwrap();
    assert_eq!(detail(&cloud, job).await["status"]["tasks"].as_array().unwrap().len(), 4);
    let usage = read(&cloud, &format!("training-jobs/{job}/metrics/worker-3")).await;
    for metric in usage["metrics"].as_array().unwrap() {
        let valid =
            metric["value"].as_array().unwrap().iter().filter(|it| it.as_f64() >= Some(0.0));
        let wanted = if metric["metric"].as_str().unwrap().starts_with("gpu") { 0 } else { 120 };
        assert_eq!(valid.count(), wanted, "{}", metric["metric"]);
    }
    cloud.stop().await;
}

#[tokio::test]
async fn tasks_events_and_quotas_are_told() {
    let cloud = Cloud::frozen(Scenario::Demo).await;
    let jobs = truth(&cloud).await;
    let back = jobs.iter().find(|job| job["restarts"] == 1).unwrap();
    let id = back["job_id"].as_str().unwrap();
    let tasks = read(&cloud, &format!("training-jobs/{id}/tasks")).await;
    assert_eq!(tasks[1]["task"], "worker-1");
    assert_eq!(tasks[1]["schedule_count"], 2);
    let first = read(&cloud, &format!("training-jobs/{id}/tasks?schedule_count=1")).await;
    assert_eq!(first[0]["schedule_count"], 1);
    assert_eq!(
        read(&cloud, &format!("training-jobs/{id}/tasks?schedule_count=9")).await,
        json!([])
    );

    let events =
        async |query: &str| read(&cloud, &format!("training-jobs/{id}/events{query}")).await;
    let all = events("").await;
    let total = all["total"].as_u64().unwrap();
    assert_eq!(all["events"].as_array().unwrap().len() as u64, total);
    let times: Vec<&str> =
        all["events"].as_array().unwrap().iter().map(|it| it["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let errors = events("?level=Error").await;
    assert_eq!(errors["total"], 1);
    assert!(errors["events"][0]["message"].as_str().unwrap().contains("exit with"), "{errors}");
    let second = events("?order=asc&limit=2&offset=1").await;
    assert_eq!(second["events"][0], all["events"][usize::try_from(total).unwrap() - 3]);

    let quotas = read(&cloud, "training-quotas").await;
    assert_eq!(quotas["quotas"][0]["used"], jobs.len());
    assert_eq!(read(&cloud, "training-quotas?resource=none").await, json!({"quotas": []}));
    cloud.stop().await;
}
