//! The answers agree with what is really so.

use std::collections::BTreeSet;
use std::time::Duration;

use modelarts_exporter::simulator::{DEMO_SPEED, ProjectSpec, Scenario, Settings};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Cloud, body, ids, login};

/// What the wire forms say of one version, compared with the truth.
fn agrees(wire: &Value, system: &Value, truth: &Value) {
    assert_eq!(wire["version_id"], truth["version_id"]);
    assert_eq!(wire["status"], truth["status_code"]);
    let seconds = |value: &Value| json!(value.as_f64().unwrap() / 1000.0);
    assert_eq!(seconds(&wire["create_time"]), truth["created"]);
    assert_eq!(seconds(&wire["duration"]), truth["duration"]);
    if truth["started"].is_number() {
        assert_eq!(seconds(&wire["start_time"]), truth["started"]);
    }
    let Some(usage) = truth["usage"].as_object() else { return };
    let keys = [
        ("cpuUsage", "cpu"),
        ("memUsage", "memory"),
        ("gpuUtil", "gpu"),
        ("gpuMemUsage", "gpu_memory"),
        ("recvBytesRate", "network_receive"),
        ("sendBytesRate", "network_transmit"),
        ("diskReadRate", "disk_read"),
        ("diskWriteRate", "disk_write"),
    ];
    let memory: Vec<&str> =
        system["memUsage"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let first = memory.iter().position(|it| *it != "0").unwrap();
    let last = memory.iter().rposition(|it| *it != "0").unwrap();
    assert!((1..=2).contains(&first));
    let trailing = memory.len() - 1 - last;
    if truth["terminal"] == true {
        assert!((1..=4).contains(&trailing), "{trailing}");
    } else {
        assert_eq!(trailing, 0);
    }
    assert_eq!(system["interval"], 1);
    for (wire, name) in keys {
        let sent: Vec<f64> = system[wire].as_array().unwrap()[first..=last]
            .iter()
            .map(|it| it.as_str().unwrap().parse().unwrap())
            .collect();
        let really: Vec<f64> = usage["metrics"][name]["samples"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_f64().unwrap())
            .collect();
        assert_eq!(sent, really, "{wire}");
        assert_eq!(usage["samples"], sent.len());
    }
}

#[tokio::test]
async fn list_and_detail_say_what_is_so_each_in_its_own_form() {
    let cloud = Cloud::frozen(Scenario::Demo).await;
    let truth = cloud.truth().await;
    assert!(truth.len() >= 14);
    let (mut ended, mut objects) = (0, 0);
    for job in &truth {
        let id = &job["job_id"];
        let list = cloud.json(&format!("/{id}/versions?per_page=1000&page=1")).await;
        assert_eq!(list["job_name"], job["name"]);
        let versions = job["versions"].as_array().unwrap();
        assert_eq!(list["versions"].as_array().unwrap().len(), versions.len());
        for (listed, version) in list["versions"].as_array().unwrap().iter().zip(versions) {
            let system = listed["system_metric_list"].as_str().unwrap();
            agrees(listed, &serde_json::from_str(system).unwrap(), version);
            assert!(listed["core"].is_number() && listed.get("spec_code").is_none());
            assert_eq!(listed["gpu"], version["has_gpu"]);

            let detail = cloud.json(&format!("/{id}/versions/{}", version["version_id"])).await;
            agrees(&detail, &detail["system_metric_list"], version);
            assert!(detail["core"].is_string() && detail["spec_code"].is_string());
            objects += u32::from(detail["system_metric_list"].is_object());
            ended += u32::from(version["terminal"] == true);

            let model = listed["model_metric_list"].as_str().unwrap();
            assert_eq!(detail["model_metric_list"], model);
            let model: Value = serde_json::from_str(model).unwrap();
            let quality = &version["quality"];
            let total = &model["total_metric"]["total_metric_values"];
            for score in ["recall", "precision", "accuracy", "f1_score"] {
                assert_eq!(total[score], quality["overall"][score]);
            }
            let classes = quality["classes"].as_array().map_or(0, Vec::len);
            assert_eq!(model["metric"].as_array().map_or(0, Vec::len), classes);
        }
    }
    assert!(ended > 3 && objects > 5, "{ended} ended, {objects} with samples");
    cloud.stop().await;
}

#[tokio::test]
async fn each_scenario_begins_with_readable_answers() {
    for scenario in Scenario::ALL {
        let cloud = Cloud::frozen(scenario).await;
        let truth = cloud.truth().await;
        let list = cloud.json("?per_page=1000").await;
        assert_eq!(list["job_total_count"], truth.len());
        assert_eq!(list["jobs"].as_array().unwrap().len(), truth.len(), "{scenario:?}");
        let names: BTreeSet<&str> = truth.iter().map(|job| job["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), truth.len(), "{scenario:?}: names are unique");
        for job in &truth {
            let list = cloud.json(&format!("/{}/versions", job["job_id"])).await;
            for version in list["versions"].as_array().unwrap() {
                let id = version["version_id"].as_u64().map(|id| id.to_string());
                let id = id.unwrap_or_else(|| version["version_id"].as_str().unwrap().to_owned());
                let detail = cloud.json(&format!("/{}/versions/{id}", job["job_id"])).await;
                assert_eq!(detail["status"], version["status"]);
            }
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
    let truth = cloud.truth().await;
    assert_eq!(truth, cloud.truth().await);
    assert_eq!(truth, twin.truth().await);
    assert_ne!(truth, other.truth().await);
    for cloud in [cloud, twin, other] {
        cloud.stop().await;
    }
}

#[tokio::test]
async fn a_fast_demo_fails_completes_and_begins_again() {
    // The minute at the demo's own speed, in three seconds.
    let speed = DEMO_SPEED * 20.0;
    let settings = Settings { scenario: Scenario::Demo, speed, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    let status = |truth: &[Value], code: u64| -> BTreeSet<u64> {
        truth
            .iter()
            .flat_map(|job| job["versions"].as_array().unwrap())
            .filter(|version| version["status_code"] == code)
            .map(|version| version["version_id"].as_u64().unwrap())
            .collect()
    };
    let versions = |truth: &[Value]| -> usize {
        truth.iter().map(|job| job["versions"].as_array().unwrap().len()).sum()
    };
    let before = cloud.truth().await;
    let began = Instant::now();
    loop {
        let now = cloud.truth().await;
        let more = |code| !status(&now, code).is_subset(&status(&before, code));
        let seen = (more(11), more(10), versions(&now) > versions(&before));
        if seen == (true, true, true) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "failed, completed, anew: {seen:?}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn ten_thousand_jobs_are_there_at_once() {
    let began = Instant::now();
    let settings =
        Settings { jobs: Some(10_000), scenario: Scenario::Steady, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    let mut seen = BTreeSet::new();
    for page in 1..=10 {
        seen.extend(ids(&cloud.json(&format!("?per_page=1000&page={page}")).await));
    }
    let took = began.elapsed();
    assert_eq!(seen.len(), 10_000);
    assert!(took < Duration::from_secs(30), "{took:?}");
    let job = seen.last().unwrap();
    let version = &cloud.json(&format!("/{job}/versions")).await["versions"][0];
    let system: Value =
        serde_json::from_str(version["system_metric_list"].as_str().unwrap()).unwrap();
    let valid = system["memUsage"].as_array().unwrap().iter().filter(|it| **it != "0").count();
    assert_eq!((valid, &version["status"]), (120, &json!(8)));
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
        let url = format!("{}/v1/{id}/training-jobs?per_page=1000", cloud.base);
        let answer = cloud.client.get(url).header("x-auth-token", token).send().await.unwrap();
        jobs.extend(ids(&body(answer).await));
    }
    assert_eq!(jobs.len(), cloud.truth().await.len());
    cloud.stop().await;
}
