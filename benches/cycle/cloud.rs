//! The simulated cloud as its clients see it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The simulator's project.
pub(crate) const PROJECT_ID: &str = "0123456789abcdef0123456789abcdef";

/// The most the API gives at once.
const JOBS_PER_PAGE: usize = 1000;

const LOGIN: &str = r#"{"auth":{
    "identity":{"methods":["password"],"password":{"user":{
        "name":"demo","password":"demo","domain":{"name":"demo"}}}},
    "scope":{"project":{"name":"demo","domain":{"name":"demo"}}}}}"#;

/// A cloud, and the right to ask it.
pub(crate) struct Cloud {
    pub(crate) client: Client,
    pub(crate) token: String,
    url: String,
}

#[derive(Deserialize)]
struct JobList {
    job_total_count: usize,
    jobs: Vec<ListedJob>,
}

#[derive(Deserialize)]
struct ListedJob {
    job_id: u64,
}

/// How many requests of each kind came.
#[derive(Deserialize)]
pub(crate) struct Requests {
    requests: BTreeMap<String, u64>,
}

impl Requests {
    /// Of one kind.
    pub(crate) fn of(&self, kind: &str) -> u64 {
        self.requests.get(kind).copied().unwrap_or_default()
    }
}

impl Cloud {
    /// Fetches a token.
    pub(crate) async fn log_in(url: &str) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
        let answer = client
            .post(format!("{url}/v3/auth/tokens"))
            .header("content-type", "application/json")
            .body(LOGIN)
            .send()
            .await?
            .error_for_status()?;
        let token = answer.headers().get("x-subject-token").context("no token")?;
        let token = token.to_str()?.to_owned();
        Ok(Self { client, token, url: url.to_owned() })
    }

    /// The ids of all jobs, in ascending order.
    pub(crate) async fn jobs(&self) -> anyhow::Result<Vec<u64>> {
        let mut ids = Vec::new();
        for page in 1.. {
            let list: JobList = self
                .get(&format!(
                    "/v1/{PROJECT_ID}/training-jobs?per_page={JOBS_PER_PAGE}&page={page}"
                ))
                .await?;
            ids.extend(list.jobs.iter().map(|job| job.job_id));
            if list.jobs.is_empty() || ids.len() >= list.job_total_count {
                break;
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// What came so far.
    pub(crate) async fn requests(&self) -> anyhow::Result<Requests> {
        self.get("/-/simulator/requests").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let request = self.client.get(format!("{}{path}", self.url));
        let answer = request.header("x-auth-token", &self.token).send().await?;
        let body = answer.error_for_status()?.bytes().await?;
        serde_json::from_slice(&body).with_context(|| format!("the answer to {path}"))
    }
}
