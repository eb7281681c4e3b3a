//! Control calls, counts and the command line's words.

use std::time::Duration;

use modelarts_exporter::simulator::{BindError, FaultSpec, ProjectSpec, Scenario, Settings, bind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Cloud, PROJECT, body, ids};

#[tokio::test]
async fn control_calls_add_move_replace_and_remove_jobs() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let order = json!({
        "name": "mine", "status": "running", "minutes": 30, "gpus": 4, "workers": 2,
        "classes": ["cat", "dog"], "quality": {"recall": 0.75},
    });
    let (job, version) = cloud.add(order).await;
    let find = || async {
        cloud.truth().await.into_iter().find(|it| it["job_id"] == job).unwrap()["versions"].clone()
    };
    let versions = find().await;
    assert_eq!(versions[0]["usage"]["samples"], 30);
    assert_eq!(versions[0]["requested"]["gpus"], 8);
    assert_eq!(versions[0]["quality"]["overall"]["recall"], 0.75);
    assert_eq!(versions[0]["quality"]["classes"][1]["name"], "dog");

    // A known name is a new version.
    let (same, second) = cloud.add(json!({"name": "mine", "status": 7})).await;
    assert_eq!((same, second), (job, version + 1));
    assert_eq!(find().await[0]["status_code"], 7);

    let path = format!("jobs/{job}/status");
    let moved = cloud.order(Method::POST, &path, json!({"status": 14})).await;
    assert_eq!(moved.status(), StatusCode::OK);
    let first = json!({"status": "failed", "version_id": version});
    assert_eq!(cloud.order(Method::POST, &path, first).await.status(), StatusCode::OK);
    let versions = find().await;
    assert_eq!(
        (&versions[0]["status_code"], &versions[1]["status_code"]),
        (&json!(14), &json!(11))
    );
    assert_eq!(versions[1]["duration"], 1800.0);

    let raw = r#"{"is_success": true,  "odd": 1e400}"#;
    let put = cloud
        .client
        .put(format!("{}/-/simulator/jobs/{job}/document", cloud.base))
        .header("content-type", "application/json")
        .body(raw)
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::NO_CONTENT);
    for path in [format!("/{job}/versions"), format!("/{job}/versions/{version}")] {
        assert_eq!(cloud.get(&path).await.text().await.unwrap(), raw);
    }

    let gone = cloud.order(Method::DELETE, &format!("jobs/{job}"), Value::Null).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let unknown = cloud.get(&format!("/{job}/versions")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let error = body(unknown).await;
    assert_eq!(
        (&error["is_success"], &error["error_code"]),
        (&json!(false), &json!("ModelArts.0105"))
    );

    for (path, wrong) in [
        ("jobs", json!({"name": "x", "colour": 1})),
        ("jobs", json!({"name": "x", "api": "v9"})),
        ("jobs", json!({"name": "x", "status": "sleeping"})),
        ("faults", json!({"fault": "gremlins"})),
        ("faults", json!({"fault": "hang", "on": "monday"})),
        ("faults", json!({"fault": "huge", "value": 1_u64 << 40})),
    ] {
        let answer = cloud.order(Method::POST, path, wrong.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(body(answer).await["error"].is_string());
    }
    cloud.stop().await;
}

#[tokio::test]
async fn the_clock_is_stopped_and_goes_on_from_where_it_stood() {
    let cloud = Cloud::frozen(Scenario::Churn).await;
    let truth = || async { body(cloud.order(Method::GET, "jobs", Value::Null).await).await };
    let set = async |speed: f64| {
        cloud.order(Method::POST, "clock", json!({"speed": speed})).await.status()
    };
    let before = truth().await;
    assert_eq!(before["jobs"].as_array().unwrap().len(), 1, "the first job comes at once");
    assert_eq!(set(100_000.0).await, StatusCode::NO_CONTENT);
    let began = Instant::now();
    let moved = loop {
        let moved = truth().await;
        if moved["jobs"].as_array().unwrap().len() > 1000 && moved["ends"][0]["completed"] != 0 {
            break moved;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{}", moved["now"]);
    };
    assert_eq!(set(0.0).await, StatusCode::NO_CONTENT);
    let stopped = truth().await;
    assert!(stopped["now"].as_f64() >= moved["now"].as_f64(), "{}", moved["now"]);
    assert_eq!(stopped, truth().await);
    assert_eq!(set(-1.0).await, StatusCode::BAD_REQUEST);
    cloud.stop().await;
}

#[tokio::test]
async fn control_calls_take_json_from_loopback_hosts_only() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let url = format!("{}/-/simulator/faults", cloud.base);
    let order = r#"{"fault": "hang"}"#;
    let typeless = cloud.client.post(&url).body(order).send().await.unwrap();
    assert_eq!(typeless.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let foreign = cloud
        .client
        .post(&url)
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .body(order)
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let shown = body(cloud.order(Method::GET, "faults", Value::Null).await).await;
    assert_eq!(shown, json!({"faults": []}));
    cloud.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_kind() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let job = ids(&cloud.json("").await)[0];
    for _ in 0..3 {
        cloud.json(&format!("/{job}/versions")).await;
    }
    let version =
        cloud.json(&format!("/{job}/versions")).await["versions"][0]["version_id"].clone();
    cloud.json(&format!("/{job}/versions/{version}")).await;
    let counts = body(cloud.order(Method::GET, "requests", Value::Null).await).await;
    let wanted = json!({
        "token": 1, "list": 1, "versions": 4, "detail": 1, "metrics": 0, "quota": 0, "metadata": 0,
        "other": 0, "all": 7,
    });
    assert_eq!(counts["requests"], wanted);
    assert_eq!(counts["max_in_60s"], wanted);
    // One after the other; but the client may ask again before the last answer's end was noted.
    assert!((1..=2).contains(&counts["max_in_flight"]["all"].as_u64().unwrap()), "{counts}");
    assert!(counts["bytes"].as_u64().unwrap() > 1000);
    cloud.order(Method::DELETE, "requests", Value::Null).await;
    let counts = body(cloud.order(Method::GET, "requests", Value::Null).await).await;
    assert_eq!(counts["requests"]["all"], 0);
    cloud.stop().await;
}

#[tokio::test]
async fn a_remote_address_needs_leave() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = bind(Settings { listen, ..Settings::default() }).await;
    assert!(matches!(refused, Err(BindError::NotLoopback(_))), "{refused:?}");
}

#[tokio::test]
async fn unknown_paths_and_the_landing_page() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let get =
        async |path: &str| cloud.client.get(format!("{}{path}", cloud.base)).send().await.unwrap();
    let unknown = get("/v1/x/training-jobz").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(body(unknown).await["error_code"], "APIGW.0101");
    let page = get("/").await.text().await.unwrap();
    assert!(page.contains(&format!("/v1/{PROJECT}/training-jobs")), "{page}");
    let discovery = body(get("/v3").await).await;
    assert_eq!(discovery["version"]["links"][0]["href"], format!("{}/v3/", cloud.base));
    cloud.stop().await;
}

#[test]
fn words_of_the_command_line_name_what_is_possible() {
    let fault: FaultSpec = "huge:detail:1000".parse().unwrap();
    assert_eq!((fault.fault.as_str(), fault.on.as_str(), fault.value), ("huge", "detail", 1000));
    let bare: FaultSpec = "hang".parse().unwrap();
    assert_eq!(bare.on.as_str(), "any");
    let say = |text: &str| text.parse::<FaultSpec>().unwrap_err().to_string();
    assert!(say("hung").starts_with("unknown fault \"hung\", expected one of: latency, slow_body"));
    assert!(
        say("hang:soon")
            .ends_with("one of: token, list, versions, detail, metrics, quota, metadata, any")
    );
    assert_eq!(
        say("latency:any:x"),
        "the value of a fault is a whole number of its unit, not \"x\""
    );
    assert_eq!(say("huge:any:268435457"), "the value of huge is at most 268435456");
    assert!("x".parse::<Scenario>().unwrap_err().to_string().contains("mixed, demo, steady"));
    assert!("nocolon".parse::<ProjectSpec>().is_err());
}
