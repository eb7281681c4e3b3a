//! The simulated cloud, driven over HTTP as its clients and tests drive it.
#![expect(clippy::disallowed_types, reason = "these tests look at documents of any shape")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::{collections::BTreeSet, time::Duration};

use modelarts_exporter::simulator::{
    BindError, DEMO_SPEED, FaultSpec, ProjectSpec, Scenario, Settings, bind,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// A simulator of this test alone, and a client for it.
struct Cloud {
    base: String,
    client: Client,
    token: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Cloud {
    async fn start(settings: Settings) -> Self {
        // Another test may have been first.
        _ = rustls::crypto::ring::default_provider().install_default();
        let listen = "127.0.0.1:0".parse().unwrap();
        let simulator = bind(Settings { listen, ..settings }).await.unwrap();
        let base = format!("http://{}", simulator.local_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(simulator.run(async move { _ = stopped.await }));
        let client = Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut cloud = Self { base, client, token: String::new(), stop: Some(stop), task };
        let answer = cloud.login(&login("demo", json!({"project": {"name": "demo"}}))).await;
        if answer.status() == StatusCode::CREATED {
            answer.headers()["x-subject-token"].to_str().unwrap().clone_into(&mut cloud.token);
        }
        cloud
    }

    async fn frozen(scenario: Scenario) -> Self {
        Self::start(Settings { scenario, speed: 0.0, ..Settings::default() }).await
    }

    async fn login(&self, body: &Value) -> Response {
        self.client
            .post(format!("{}/v3/auth/tokens", self.base))
            .header("content-type", "application/json;charset=utf8")
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    /// A call to the training API with the token of the start.
    async fn get(&self, path: &str) -> Response {
        self.try_get(path).await.unwrap()
    }

    async fn try_get(&self, path: &str) -> Result<Response, reqwest::Error> {
        self.client
            .get(format!("{}/v1/{PROJECT}/training-jobs{path}", self.base))
            .header("x-auth-token", &self.token)
            .send()
            .await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        body(answer).await
    }

    /// A control call.
    async fn order(&self, method: Method, path: &str, body: Value) -> Response {
        self.client
            .request(method, format!("{}/-/simulator/{path}", self.base))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    async fn truth(&self) -> Vec<Value> {
        let answer = self.order(Method::GET, "jobs", Value::Null).await;
        body(answer).await["jobs"].as_array().unwrap().clone()
    }

    async fn fault(&self, order: Value) {
        let answer = self.order(Method::POST, "faults", order).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }

    async fn heal(&self) {
        let answer = self.order(Method::DELETE, "faults", Value::Null).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    async fn add(&self, order: Value) -> (u64, u64) {
        let answer = self.order(Method::POST, "jobs", order).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let added = body(answer).await;
        (added["job_id"].as_u64().unwrap(), added["version_id"].as_u64().unwrap())
    }

    /// Stops and sees that nothing in there panicked.
    async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.task).await.unwrap();
    }
}

async fn body(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// The body of a token request. A value and not a reference: each test writes its scope in place.
#[expect(clippy::needless_pass_by_value, reason = "each test writes its scope in place")]
fn login(password: &str, scope: Value) -> Value {
    let user = json!({"name": "demo", "password": password, "domain": {"name": "demo"}});
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope,
    }})
}

/// The ids of a list of jobs.
fn ids(list: &Value) -> Vec<u64> {
    list["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_token_opens_its_project_and_no_other() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let by_id = json!({"project": {"id": PROJECT, "domain": {"name": "demo"}}});
    let answer = cloud.login(&login("demo", by_id)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let token = body(answer).await["token"].clone();
    assert_eq!(token["project"]["id"], PROJECT);
    let types: Vec<&str> = token["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["identity", "modelarts", "modelartsv1", "modelartsv2"]);
    let expires = token["expires_at"].as_str().unwrap();
    assert_eq!(expires.len(), "2019-02-13T06:52:13.855000Z".len(), "{expires}");

    let other = "ffffffffffffffffffffffffffffffff";
    let url = format!("{}/v1/{other}/training-jobs", cloud.base);
    let answer = cloud.client.get(url).header("x-auth-token", &cloud.token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(body(answer).await["error_code"], "ModelArts.0210");
    cloud.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_as_keystone_does() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let project = json!({"project": {"name": "demo"}});
    let mut requests = vec![login("wrong", project.clone())];
    for path in ["/auth/identity/password/user/name", "/auth/identity/password/user/domain/name"] {
        let mut request = login("demo", project.clone());
        *request.pointer_mut(path).unwrap() = json!("nobody");
        requests.push(request);
    }
    requests.push(login("demo", json!({"project": {"name": "nowhere"}})));
    requests.push(login("demo", json!({"project": {"name": "demo", "domain": {"name": "x"}}})));
    for request in requests {
        let answer = cloud.login(&request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{request}");
        let error = body(answer).await["error"].clone();
        assert_eq!((&error["code"], &error["title"]), (&json!(401), &json!("Unauthorized")));
    }
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_that_do_not_open_a_project_are_told_apart() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let url = format!("{}/v1/{PROJECT}/training-jobs", cloud.base);
    let answer = cloud.client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(body(answer).await["error_msg"].as_str().unwrap().ends_with("x-auth-token not found"));

    let answer = cloud.client.get(&url).header("x-auth-token", "no such").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let error = body(answer).await;
    assert_eq!(error["error_code"], "APIGW.0301");
    assert!(error["error_msg"].as_str().unwrap().ends_with("decrypt token fail"));

    let answer = cloud.login(&login("demo", json!({"domain": {"name": "demo"}}))).await;
    let token = answer.headers()["x-subject-token"].clone();
    let answer = cloud.client.get(&url).header("x-auth-token", token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(body(answer).await["error_code"], "ModelArts.0204");
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_expire_and_can_be_checked_and_revoked() {
    let short = Settings { token_ttl: Duration::from_millis(1), ..Settings::default() };
    let cloud = Cloud::start(short).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while cloud.get("").await.status() != StatusCode::UNAUTHORIZED {
        assert!(Instant::now() < deadline, "a token of one millisecond still opens");
    }
    cloud.stop().await;

    let cloud = Cloud::start(Settings { token_bytes: 4000, ..Settings::default() }).await;
    assert_eq!(cloud.token.len(), 4000);
    let about = |method: Method| {
        cloud
            .client
            .request(method, format!("{}/v3/auth/tokens", cloud.base))
            .header("x-auth-token", &cloud.token)
            .header("x-subject-token", &cloud.token)
            .send()
    };
    let answer = about(Method::GET).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(body(answer).await["token"]["project"]["name"], "demo");
    assert_eq!(about(Method::DELETE).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(about(Method::GET).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_of_another_keystone_are_checked_there() {
    let keystone = Cloud::frozen(Scenario::Mixed).await;
    let iam = Some(format!("{}/v3", keystone.base).parse().unwrap());
    let mut cloud = Cloud::start(Settings { iam, ..Settings::default() }).await;
    // Its own tokens open nothing now.
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.token.clone_from(&keystone.token);
    assert_eq!(cloud.get("").await.status(), StatusCode::OK);
    let revoked = keystone
        .client
        .delete(format!("{}/v3/auth/tokens", keystone.base))
        .header("x-auth-token", &keystone.token)
        .header("x-subject-token", &keystone.token)
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.stop().await;
    keystone.stop().await;
}

#[tokio::test]
async fn pages_of_the_list_hold_every_job_once() {
    let settings = Settings { jobs: Some(57), speed: 0.0, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    assert_eq!(ids(&cloud.json("").await).len(), 10, "the documented default");
    let mut seen = Vec::new();
    for page in 1..=6 {
        let list = cloud.json(&format!("?per_page=10&page={page}&sortBy=create_time")).await;
        assert_eq!(list["job_total_count"], 57);
        seen.extend(ids(&list));
    }
    assert_eq!(seen.len(), 57);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 57);
    assert!(ids(&cloud.json("?per_page=10&page=7").await).is_empty());

    let descending = cloud.json("?per_page=1000&sortBy=create_time&order=desc").await;
    let times: Vec<i64> = descending["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["create_time"].as_i64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

    let failed = cloud.json("?per_page=1000&status=11").await;
    let jobs = failed["jobs"].as_array().unwrap();
    assert!(!jobs.is_empty() && jobs.iter().all(|job| job["status"] == 11), "{jobs:?}");
    assert!(ids(&cloud.json("?workspace_id=elsewhere").await).is_empty());

    for wrong in ["per_page=0", "per_page=1001", "page=0", "status=x", "order=up", "sortBy=age"] {
        let answer = cloud.get(&format!("?{wrong}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(body(answer).await["error_code"], "ModelArts.0104", "{wrong}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn versions_are_paged_only_when_asked() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let mut job = 0;
    for _ in 0..12 {
        job = cloud.add(json!({"name": "often"})).await.0;
    }
    let versions = |query: &'static str| {
        let path = format!("/{job}/versions{query}");
        let cloud = &cloud;
        async move {
            let list = cloud.json(&path).await;
            assert_eq!(list["version_count"], 12);
            let versions = list["versions"].as_array().unwrap();
            versions.iter().map(|it| it["version_name"].as_str().unwrap().to_owned()).collect()
        }
    };
    let all: Vec<String> = versions("").await;
    assert_eq!((all.len(), all[0].as_str()), (12, "V0012"));
    let second: Vec<String> = versions("?page=2&per_page=5").await;
    assert_eq!(second, all[5..10]);
    cloud.stop().await;
}

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
        assert!(began.elapsed() < Duration::from_secs(3), "failed, completed, anew: {seen:?}");
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
    assert!(took < Duration::from_secs(2), "{took:?}");
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
    let wanted = json!({"token": 1, "list": 1, "versions": 4, "detail": 1, "other": 0, "all": 7});
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

#[tokio::test]
async fn pages_repeat_vanish_and_never_end_and_names_change() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let page = async |page: u32| {
        ids(&cloud.json(&format!("?per_page=20&page={page}&sortBy=create_time")).await)
    };
    let (first, second, third) = (page(1).await, page(2).await, page(3).await);
    cloud.fault(json!({"fault": "duplicate_page"})).await;
    assert_eq!((page(1).await, page(2).await), (first.clone(), first.clone()));
    cloud.heal().await;
    cloud.fault(json!({"fault": "skipped_page"})).await;
    assert_eq!((page(1).await, page(2).await), (first.clone(), third));
    cloud.heal().await;
    cloud.fault(json!({"fault": "endless_pages"})).await;
    assert_eq!((page(6).await, page(60).await.len()), (first.clone(), 20));
    let list = cloud.json("?per_page=20&page=60").await;
    assert!(list["job_total_count"].as_u64().unwrap() > 60 * 20);
    cloud.heal().await;

    let job = first[0];
    cloud.fault(json!({"fault": "renamed", "job_id": job})).await;
    cloud.fault(json!({"fault": "not_found", "job_id": second[0]})).await;
    let list = cloud.json("?per_page=1000&sortBy=create_time").await;
    assert!(!ids(&list).contains(&second[0]));
    let renamed: Vec<&str> = list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|job| job["job_name"].as_str().filter(|name| name.ends_with("-renamed")))
        .collect();
    assert_eq!(renamed.len(), 1);
    assert_eq!(cloud.json(&format!("/{job}/versions")).await["job_name"], renamed[0]);
    assert_eq!(
        cloud.get(&format!("/{}/versions", second[0])).await.status(),
        StatusCode::NOT_FOUND
    );
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
        say("hang:soon").ends_with("expected one of: token, list, versions, detail, metrics, any")
    );
    assert_eq!(
        say("latency:any:x"),
        "the value of a fault is a whole number of its unit, not \"x\""
    );
    assert_eq!(say("huge:any:268435457"), "the value of huge is at most 268435456");
    assert!("x".parse::<Scenario>().unwrap_err().to_string().contains("mixed, demo, steady"));
    assert!("nocolon".parse::<ProjectSpec>().is_err());
}
