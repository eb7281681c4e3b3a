//! Control calls about v2 jobs.

use modelarts_exporter::simulator::Scenario;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::{Cloud, PROJECT, body};
use super::{add, detail, error, get, read, search_for, true_job};

async fn status(cloud: &Cloud, id: &str, order: Value) -> StatusCode {
    cloud.order(Method::POST, &format!("jobs/{id}/status"), order).await.status()
}

#[tokio::test]
async fn a_job_is_as_it_was_ordered() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let order = json!({
        "name": "mine", "status": "running", "minutes": 30, "gpus": 4, "workers": 2, "actors": 3,
        "description": "ordered", "restarts": 2,
    });
    let id = add(&cloud, order).await;
    let job = true_job(&cloud, &id).await;
    assert_eq!((&job["name"], &job["phase"]), (&json!("mine"), &json!("Running")));
    assert_eq!((&job["kind"], &job["duration"]), (&json!("hetero_job"), &json!(1800.0)));
    let requested = &job["requested"];
    assert_eq!((&requested["gpus"], &requested["workers"]), (&json!(8), &json!(5)));
    assert_eq!((&job["restarts"], &job["nodes"]), (&json!(2), &json!(5)));
    assert_eq!(job["tasks"][0]["usage"]["samples"], 30);
    assert_eq!(job["tasks"][4]["task"], "actor-2");
    // A name may be there twice: a job of v2 has no versions.
    let twin =
        add(&cloud, json!({"name": "mine", "npus": 8, "status": "Failed", "exit_code": 137})).await;
    assert_ne!(id, twin);
    let job = true_job(&cloud, &twin).await;
    assert_eq!((&job["failure"]["exit_code"], &job["restarts"]), (&json!(137), &json!(0)));
    assert_eq!((&job["terminal"], &job["requested"]["npus"]), (&json!(true), &json!(8)));
    let fresh = add(&cloud, json!({"name": "fresh", "minutes": 0})).await;
    let metrics = get(&cloud, &format!("training-jobs/{fresh}/metrics/worker-0")).await;
    assert_eq!(metrics.status(), StatusCode::NO_CONTENT, "there are no samples yet");
    cloud.stop().await;
}

#[tokio::test]
async fn a_job_is_moved_and_removed() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let id = add(&cloud, json!({"name": "mine", "status": "Pending"})).await;
    let phases = async || {
        let status = detail(&cloud, &id).await["status"].take();
        (status["phase"].clone(), status["secondary_phase"].clone())
    };
    assert_eq!(phases().await, (json!("Pending"), json!("Queuing")));
    assert_eq!(status(&cloud, &id, json!({"status": "Running"})).await, StatusCode::OK);
    assert_eq!(phases().await, (json!("Running"), json!("Running")));
    let unheard_of = json!({"status": "Hibernating", "secondary_phase": "Asleep"});
    assert_eq!(status(&cloud, &id, unheard_of).await, StatusCode::OK);
    assert_eq!(phases().await, (json!("Hibernating"), json!("Asleep")));
    let failed = json!({"status": "failed", "exit_code": 139});
    assert_eq!(status(&cloud, &id, failed).await, StatusCode::OK);
    assert_eq!(true_job(&cloud, &id).await["failure"]["exit_code"], 139);

    let path = format!("jobs/{id}");
    let gone = cloud.order(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let again = cloud.order(Method::DELETE, &path, Value::Null).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    for call in ["", "/metrics/worker-0", "/tasks", "/events"] {
        let answer = get(&cloud, &format!("training-jobs/{id}{call}")).await;
        assert_eq!(error(answer).await, (400, "ModelArts.2775".to_owned()), "{call}");
    }
    assert_eq!(status(&cloud, &id, json!({"status": "Running"})).await, StatusCode::NOT_FOUND);
    cloud.stop().await;
}

#[tokio::test]
async fn documents_stand_for_some_answers_or_all() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let id = add(&cloud, json!({"name": "mine"})).await;
    let document = async |method: Method, on: &str, raw: &str| {
        let url = format!("{}/-/simulator/jobs/{id}/document{on}", cloud.base);
        let request = cloud.client.request(method, url).header("content-type", "application/json");
        request.body(raw.to_owned()).send().await.unwrap().status()
    };
    let metrics = format!("training-jobs/{id}/metrics/worker-0");
    let text = async |path: &str| get(&cloud, path).await.text().await.unwrap();
    let raw = r#"{"metrics":  [{"metric": "cpuUsage", "value": [1e400]}]}"#;
    assert_eq!(document(Method::PUT, "?on=metrics", raw).await, StatusCode::NO_CONTENT);
    assert_eq!(text(&metrics).await, raw);
    assert_eq!(detail(&cloud, &id).await["metadata"]["name"], "mine");
    assert_eq!(true_job(&cloud, &id).await["replaced"], true);
    assert_eq!(document(Method::PUT, "", "nothing").await, StatusCode::NO_CONTENT);
    assert_eq!(text(&format!("training-jobs/{id}")).await, "nothing");
    assert_eq!(text(&metrics).await, raw, "the narrower one stands");
    assert_eq!(document(Method::DELETE, "?on=metrics", "").await, StatusCode::NO_CONTENT);
    assert_eq!(text(&metrics).await, "nothing");
    assert_eq!(document(Method::DELETE, "", "").await, StatusCode::NO_CONTENT);
    let listed = r#"{"metadata": {"id": "7",  "name": [1e400]}}"#;
    assert_eq!(document(Method::PUT, "?on=list", listed).await, StatusCode::NO_CONTENT);
    let list = search_for(&cloud, &json!({"limit": 2})).await.text().await.unwrap();
    assert!(list.contains(&format!("[{listed},{{\"kind\"")), "{list}");
    assert_eq!(document(Method::DELETE, "?on=list", "").await, StatusCode::NO_CONTENT);
    assert_eq!(read(&cloud, &metrics).await["metrics"].as_array().unwrap().len(), 6);
    assert_eq!(document(Method::PUT, "?on=token", raw).await, StatusCode::BAD_REQUEST);
    cloud.stop().await;
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let id = add(&cloud, json!({"name": "mine"})).await;
    for wrong in [
        json!({"api": "v2", "name": "x", "classes": 3}),
        json!({"api": "v2", "name": "x", "status": "runing"}),
        json!({"api": "v2", "name": "x", "status": 8}),
        json!({"api": "v2", "name": "x", "gpus": 1, "npus": 1}),
        json!({"api": "v2", "name": "x", "workers": 100_000}),
        json!({"api": "v2", "name": "x", "project": "nowhere"}),
        json!({"api": "v3", "name": "x"}),
    ] {
        let answer = cloud.order(Method::POST, "jobs", wrong.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(body(answer).await["error"].is_string());
    }
    assert_eq!(status(&cloud, &id, json!({"status": 8})).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(&cloud, "not-an-id", json!({"status": 8})).await, StatusCode::BAD_REQUEST);
    let offsets = cloud.order(Method::PUT, "offsets", json!({"offsets": "miles"})).await;
    assert_eq!(offsets.status(), StatusCode::BAD_REQUEST);
    let task = get(&cloud, &format!("training-jobs/{id}/metrics/worker-9")).await;
    assert_eq!(error(task).await, (400, "ModelArts.2788".to_owned()));
    cloud.stop().await;
}

#[tokio::test]
async fn requests_of_v2_are_counted_by_kind() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let id = add(&cloud, json!({"name": "mine", "workers": 2})).await;
    cloud.order(Method::DELETE, "requests", Value::Null).await;
    search_for(&cloud, &json!({})).await;
    detail(&cloud, &id).await;
    for task in ["worker-0", "worker-1"] {
        read(&cloud, &format!("training-jobs/{id}/metrics/{task}")).await;
    }
    read(&cloud, "training-quotas").await;
    let counts = body(cloud.order(Method::GET, "requests", Value::Null).await).await;
    let wanted = json!({
        "token": 0, "list": 1, "versions": 0, "detail": 1, "metrics": 2, "quota": 1, "metadata": 0,
        "other": 0, "all": 5,
    });
    assert_eq!(counts["requests"], wanted);

    // A fault of one task's metrics leaves the rest alone, and other jobs.
    cloud.fault(json!({"fault": "server_error", "on": "metrics", "job_id": id})).await;
    let metrics = get(&cloud, &format!("training-jobs/{id}/metrics/worker-1")).await;
    assert_eq!(error(metrics).await, (500, "ModelArts.2950".to_owned()));
    detail(&cloud, &id).await;
    let other = add(&cloud, json!({"name": "other"})).await;
    read(&cloud, &format!("training-jobs/{other}/metrics/worker-0")).await;
    let page = cloud.client.get(format!("{}/", cloud.base)).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(&format!("/v2/{PROJECT}/training-job-searches")), "{page}");
    cloud.stop().await;
}
