//! What faults make of an answer.

use std::time::Duration;

use modelarts_exporter::simulator::Scenario;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Cloud, body, ids, login};

#[tokio::test]
async fn refusals_look_like_the_real_ones() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let cases = [
        ("throttle", 429, "APIGW.0308"),
        ("server_error", 500, "ModelArts.2950"),
        ("rejected", 200, "ModelArts.0105"),
        ("not_found", 404, "ModelArts.0105"),
        ("retired", 404, "APIGW.0101"),
        ("unauthorized", 401, "APIGW.0301"),
        ("forbidden", 403, "ModelArts.0108"),
    ];
    let job = ids(&cloud.json("").await)[0];
    for (fault, status, code) in cases {
        cloud.fault(json!({"fault": fault, "on": "versions", "value": 7})).await;
        let answer = cloud.get(&format!("/{job}/versions")).await;
        assert_eq!(answer.status().as_u16(), status, "{fault}");
        if fault == "throttle" {
            assert_eq!(answer.headers()["retry-after"], "7");
        }
        assert_eq!(body(answer).await["error_code"], code, "{fault}");
        assert_eq!(cloud.get("").await.status(), StatusCode::OK, "{fault} strikes versions only");
        cloud.heal().await;
    }
    cloud.fault(json!({"fault": "html"})).await;
    let answer = cloud.get("").await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["content-type"], "text/html");
    let project = json!({"project": {"name": "demo"}});
    assert_eq!(cloud.login(&login("demo", project)).await.status(), StatusCode::BAD_GATEWAY);
    cloud.heal().await;
    assert_eq!(cloud.get("").await.status(), StatusCode::OK);
    cloud.stop().await;
}

#[tokio::test]
async fn a_fault_can_be_of_one_job_and_of_few_times() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let jobs = ids(&cloud.json("").await);
    cloud.fault(json!({"fault": "server_error", "job_id": jobs[0], "count": 2})).await;
    let status = async |job: u64| cloud.get(&format!("/{job}/versions")).await.status().as_u16();
    assert_eq!(status(jobs[1]).await, 200);
    assert_eq!(
        [status(jobs[0]).await, status(jobs[0]).await, status(jobs[0]).await],
        [500, 500, 200]
    );
    assert_eq!(cloud.get("").await.status(), StatusCode::OK);
    let shown = body(cloud.order(Method::GET, "faults", Value::Null).await).await;
    assert_eq!((&shown["faults"][0]["hits"], &shown["faults"][0]["count"]), (&json!(2), &json!(0)));
    cloud.stop().await;
}

#[tokio::test]
async fn expired_tokens_are_refused_once_each() {
    let mut cloud = Cloud::frozen(Scenario::Steady).await;
    cloud.fault(json!({"fault": "expired_token"})).await;
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.get("").await.status(), StatusCode::OK);
    let answer = cloud.login(&login("demo", json!({"project": {"name": "demo"}}))).await;
    answer.headers()["x-subject-token"].to_str().unwrap().clone_into(&mut cloud.token);
    assert_eq!(cloud.get("").await.status(), StatusCode::OK, "issued after the fault");
    cloud.stop().await;
}

#[tokio::test]
async fn bodies_are_cut_spoiled_and_slowed() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let job = ids(&cloud.json("").await)[0];
    let path = format!("/{job}/versions");
    let whole = cloud.get(&path).await.bytes().await.unwrap();

    cloud.fault(json!({"fault": "truncated"})).await;
    let half = cloud.get(&path).await.bytes().await.unwrap();
    assert_eq!(half, whole[..whole.len() / 2]);
    cloud.heal().await;

    cloud.fault(json!({"fault": "wrong_types"})).await;
    let spoiled = cloud.json(&path).await;
    assert!(spoiled["versions"].is_string() && spoiled["job_name"].is_object(), "{spoiled}");
    cloud.heal().await;

    cloud.fault(json!({"fault": "reset"})).await;
    let answer = cloud.get(&path).await;
    assert_eq!(answer.content_length(), Some(whole.len() as u64));
    let error = answer.bytes().await.unwrap_err();
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    cloud.heal().await;

    for (fault, value, least) in [("slow_body", 10, 150), ("latency", 80, 80)] {
        cloud.fault(json!({"fault": fault, "value": value})).await;
        let began = Instant::now();
        assert_eq!(cloud.get(&path).await.bytes().await.unwrap(), whole, "{fault}");
        assert!(began.elapsed() >= Duration::from_millis(least), "{fault}");
        cloud.heal().await;
    }
    cloud.stop().await;
}

#[tokio::test]
async fn a_hanging_answer_never_comes_and_leaves_with_its_client() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    cloud.fault(json!({"fault": "hang", "on": "list"})).await;
    let hanging = tokio::time::timeout(Duration::from_millis(100), cloud.try_get("")).await;
    assert!(hanging.is_err(), "{hanging:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let counts = body(cloud.order(Method::GET, "requests", Value::Null).await).await;
        assert_eq!(counts["max_in_flight"]["list"], 1);
        if counts["in_flight"]["list"] == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "the request is still in flight: {counts}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn huge_answers_are_valid_in_both_forms() {
    const SIZE: usize = 3_000_000;
    let cloud = Cloud::frozen(Scenario::Quirks).await;
    let truth = cloud.truth().await;
    cloud.fault(json!({"fault": "huge", "value": SIZE})).await;
    for name in ["quirk-none", "quirk-model-object", "quirk-model-array", "quirk-null-metrics"] {
        let job = truth.iter().find(|job| job["name"] == name).unwrap();
        let version = &job["versions"][0]["version_id"];
        for path in [
            format!("/{}/versions", job["job_id"]),
            format!("/{}/versions/{version}", job["job_id"]),
        ] {
            let text = cloud.get(&path).await.bytes().await.unwrap();
            assert!(text.len() > SIZE && text.len() < SIZE * 2, "{name}: {}", text.len());
            let document: Value = serde_json::from_slice(&text).unwrap();
            let version = document["versions"].get(0).unwrap_or(&document);
            let mut model = version["model_metric_list"].clone();
            if let Some(text) = model.as_str() {
                model = serde_json::from_str(text).unwrap();
            }
            let model = model.get(0).cloned().unwrap_or(model);
            assert!(model["images_outputs"].as_object().unwrap().len() > 1000, "{name}");
            let recall = &job["versions"][0]["quality"]["overall"]["recall"];
            assert_eq!(&model["total_metric"]["total_metric_values"]["recall"], recall, "{name}");
        }
    }
    cloud.stop().await;
}
