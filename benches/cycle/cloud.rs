//! The simulated cloud as its clients see it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bytes::Bytes;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The simulator's project.
pub(crate) const PROJECT_ID: &str = "0123456789abcdef0123456789abcdef";

/// The most v1 gives at once.
const JOBS_PER_PAGE: usize = 1000;

/// v1's status of a job that runs.
const RUNNING: i64 = 8;

/// The most v2 gives at once.
pub(crate) const SEARCH_PAGE: usize = 50;

/// Which API is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    V1,
    V2,
}

impl Api {
    pub(crate) const ALL: [Self; 2] = [Self::V1, Self::V2];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The request that brings samples.
    pub(crate) fn poll(self) -> &'static str {
        match self {
            Self::V1 => "versions",
            Self::V2 => "metrics",
        }
    }
}

/// One job: its id, and the tasks that v2 is asked about one by one.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) tasks: Vec<String>,
    pub(crate) runs: bool,
}

impl Job {
    /// Requests that bring its samples.
    pub(crate) fn polls(&self, api: Api) -> usize {
        match api {
            Api::V1 => 1,
            Api::V2 => self.tasks.len(),
        }
    }
}

const LOGIN: &str = r#"{"auth":{
    "identity":{"methods":["password"],"password":{"user":{
        "name":"demo","password":"demo","domain":{"name":"demo"}}}},
    "scope":{"project":{"name":"demo","domain":{"name":"demo"}}}}}"#;

/// A cloud, and the right to ask it.
pub(crate) struct Cloud {
    client: Client,
    token: String,
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
    status: i64,
}

#[derive(Deserialize)]
struct Search {
    count: usize,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    id: String,
}

#[derive(Deserialize)]
struct Status {
    phase: String,
    tasks: Option<Vec<String>>,
}

/// The question for a page of v2's list.
pub(crate) fn search(page: usize) -> String {
    format!(r#"{{"offset":{page},"limit":{SEARCH_PAGE},"sort_by":"create_time","order":"asc"}}"#)
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

    /// All jobs, the oldest first.
    pub(crate) async fn jobs(&self, api: Api) -> anyhow::Result<Vec<Job>> {
        match api {
            Api::V1 => self.jobs_of_v1().await,
            Api::V2 => self.jobs_of_v2().await,
        }
    }

    async fn jobs_of_v1(&self) -> anyhow::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for page in 1.. {
            let path = format!(
                "/v1/{PROJECT_ID}/training-jobs?per_page={JOBS_PER_PAGE}&page={page}&sortBy=create_time&order=asc"
            );
            let list: JobList = self.read(&path, None).await?;
            let is_last = list.jobs.is_empty();
            jobs.extend(list.jobs.into_iter().map(|job| Job {
                id: job.job_id.to_string(),
                tasks: Vec::new(),
                runs: job.status == RUNNING,
            }));
            if is_last || jobs.len() >= list.job_total_count {
                break;
            }
        }
        Ok(jobs)
    }

    async fn jobs_of_v2(&self) -> anyhow::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for page in 0.. {
            let path = format!("/v2/{PROJECT_ID}/training-job-searches");
            let Search { count, items } = self.read(&path, Some(search(page))).await?;
            let is_last = items.is_empty();
            jobs.extend(items.into_iter().map(|item| Job {
                id: item.metadata.id,
                runs: item.status.phase == "Running",
                tasks: item.status.tasks.unwrap_or_default(),
            }));
            if is_last || jobs.len() >= count {
                break;
            }
        }
        Ok(jobs)
    }

    /// What came so far.
    pub(crate) async fn requests(&self) -> anyhow::Result<Requests> {
        self.read("/-/simulator/requests", None).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        search: Option<String>,
    ) -> anyhow::Result<T> {
        let body = self.ask(&format!("{}{path}", self.url), search).await?;
        serde_json::from_slice(&body).with_context(|| format!("the answer to {path}"))
    }

    /// The body of an answer; `search`: to a POST.
    pub(crate) async fn ask(&self, url: &str, search: Option<String>) -> anyhow::Result<Bytes> {
        let request = match search {
            None => self.client.get(url),
            Some(search) => self.client.post(url).body(search),
        };
        let request =
            request.header("x-auth-token", &self.token).header("content-type", "application/json");
        Ok(request.send().await?.error_for_status()?.bytes().await?)
    }
}
