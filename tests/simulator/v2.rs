//! The v2 API: searches, details, metrics of tasks, and what is really so.

mod control;
mod quirks;
mod searches;
mod shapes;
mod truths;

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::{Cloud, PROJECT, body};

/// A call with the token of the start.
pub(super) async fn send(cloud: &Cloud, method: Method, path: &str, body: &str) -> Response {
    let request = cloud.client.request(method, format!("{}{path}", cloud.base));
    let request = request.header("x-auth-token", &cloud.token);
    request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap()
}

/// What is really so with the jobs of v2.
pub(super) async fn truth(cloud: &Cloud) -> Vec<Value> {
    let answer = cloud.order(Method::GET, "jobs", Value::Null).await;
    body(answer).await["v2_jobs"].as_array().unwrap().clone()
}

/// The truth about one job.
async fn true_job(cloud: &Cloud, id: &str) -> Value {
    let answer = cloud.order(Method::GET, &format!("jobs?job_id={id}"), Value::Null).await;
    body(answer).await["v2_jobs"][0].take()
}

async fn get(cloud: &Cloud, path: &str) -> Response {
    send(cloud, Method::GET, &format!("/v2/{PROJECT}/{path}"), "").await
}

/// What a GET brings, which must be well.
async fn read(cloud: &Cloud, path: &str) -> Value {
    let answer = get(cloud, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    body(answer).await
}

async fn detail(cloud: &Cloud, id: &str) -> Value {
    read(cloud, &format!("training-jobs/{id}")).await
}

async fn search_for(cloud: &Cloud, order: &Value) -> Response {
    let path = format!("/v2/{PROJECT}/training-job-searches");
    send(cloud, Method::POST, &path, &order.to_string()).await
}

/// What a search brings, which must be well.
async fn search(cloud: &Cloud, order: Value) -> Value {
    let answer = search_for(cloud, &order).await;
    assert_eq!(answer.status(), StatusCode::OK, "{order}");
    body(answer).await
}

/// The ids of a list.
fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|job| job["metadata"]["id"].as_str().unwrap().to_owned()).collect()
}

/// Adds a job and says its id.
async fn add(cloud: &Cloud, order: Value) -> String {
    let mut order = order;
    order["api"] = "v2".into();
    let answer = cloud.order(Method::POST, "jobs", order.clone()).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{order}");
    body(answer).await["job_id"].as_str().unwrap().to_owned()
}

/// The status and the code of an error, in v2's form.
async fn error(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let said = body(answer).await;
    assert!(said["error_msg"].is_string() && said.get("is_success").is_none(), "{said}");
    (status, said["error_code"].as_str().unwrap().to_owned())
}
