//! The simulated cloud, driven over HTTP as its clients and tests drive it.
#![expect(clippy::disallowed_types, reason = "these tests look at documents of any shape")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod agencies;
mod control;
mod faults;
mod keys;
mod lists;
mod matrix;
mod metadata;
mod signer;
mod tokens;
mod truth;
mod v2;

use std::time::Duration;

use modelarts_exporter::simulator::{Scenario, Settings, bind};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

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

/// What `GET /-/simulator/requests` says of refused credentials.
async fn refusals(cloud: &Cloud) -> Value {
    let counts = cloud.order(Method::GET, "requests", Value::Null).await;
    body(counts).await["credentials"].clone()
}

/// The ids of a list of jobs.
fn ids(list: &Value) -> Vec<u64> {
    list["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
}
