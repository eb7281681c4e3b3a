use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::ops::Deref;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Scenario, Settings, bind};
use serde::Deserialize;
use tokio::task::JoinHandle;

use super::{Site, secrets};

/// The simulated cloud in the test's own process, so that every setting of it can be had.
#[derive(Debug)]
pub(crate) struct Cloud {
    site: Site,
    jobs: Vec<String>,
    v2_jobs: Vec<String>,
    running: JoinHandle<()>,
}

/// The answer to a new job or version.
#[derive(Debug, Deserialize)]
pub(crate) struct Added {
    pub(crate) job_id: u64,
    pub(crate) version_id: u64,
}

#[derive(Deserialize)]
struct AddedToV2 {
    job_id: String,
}

#[derive(Deserialize)]
struct Requests {
    #[serde(rename = "requests")]
    by_kind: BTreeMap<String, u64>,
    credentials: Refusals,
    max_in_60s: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Clock {
    now: f64,
}

/// Credentials that were wrong, as the cloud counted them.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusals {
    pub(crate) wrong_passwords: u64,
    pub(crate) bad_signatures: u64,
    /// Requests that a lock refused.
    pub(crate) while_locked: u64,
}

impl Cloud {
    /// With these settings, on a port of its own.
    pub(crate) async fn start(settings: Settings) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let mark = secrets::MARK.to_owned();
        let simulator = bind(Settings { listen, mark, ..settings }).await.unwrap();
        let site = Site::new(&format!("http://{}", simulator.local_addr()));
        let (jobs, v2_jobs) = (simulator.job_ids(), simulator.v2_job_ids());
        let running = tokio::spawn(simulator.run(std::future::pending()));
        Self { site, jobs, v2_jobs, running }
    }

    /// Without jobs, and with clocks that stand still.
    pub(crate) async fn empty() -> Self {
        Self::start(Self::no_jobs()).await
    }

    /// The settings of [`Cloud::empty`].
    pub(crate) fn no_jobs() -> Settings {
        Settings { jobs: Some(0), speed: 0.0, scenario: Scenario::Steady, ..Settings::default() }
    }

    /// The ids of the jobs it began with.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = u64> {
        self.jobs.iter().map(|id| id.parse().unwrap())
    }

    /// The ids of the jobs of one API that it began with.
    pub(crate) fn jobs_in(&self, api: Api) -> &[String] {
        match api {
            Api::V1 => &self.jobs,
            Api::V2 => &self.v2_jobs,
        }
    }

    /// Adds a running job, or a version of one whose name is known.
    pub(crate) async fn add(&self, name: &str) -> Added {
        self.add_as(name, "").await
    }

    /// The same with further fields of the order: `"status": "completed", "minutes": 5`.
    pub(crate) async fn add_as(&self, name: &str, fields: &str) -> Added {
        serde_json::from_str(&self.order(name, fields).await).unwrap()
    }

    /// Adds a job in one API, and says its id.
    pub(crate) async fn add_in(&self, api: Api, name: &str, fields: &str) -> String {
        let comma = if fields.is_empty() { "" } else { ", " };
        let order = format!("\"api\": \"{}\"{comma}{fields}", api.as_str());
        let answer = self.order(name, &order).await;
        match api {
            Api::V1 => serde_json::from_str::<Added>(&answer).unwrap().job_id.to_string(),
            Api::V2 => serde_json::from_str::<AddedToV2>(&answer).unwrap().job_id,
        }
    }

    async fn order(&self, name: &str, fields: &str) -> String {
        let comma = if fields.is_empty() { "" } else { ", " };
        let order = format!("{{\"name\": \"{name}\"{comma}{fields}}}");
        let answer = self.post("/-/simulator/jobs", &order).await;
        assert_eq!(answer.status, 201, "{order}: {}", answer.text);
        answer.text
    }

    /// Moves the newest version of a job to a status, by its code or name.
    pub(crate) async fn set_status(&self, job: impl Display, status: &str) {
        let order = format!("{{\"status\": \"{status}\"}}");
        let answer = self.post(&format!("/-/simulator/jobs/{job}/status"), &order).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// The job is gone.
    pub(crate) async fn remove(&self, job: impl Display) {
        let answer = self.delete_with(&format!("/-/simulator/jobs/{job}"), &[]).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// From now on these bytes are every answer about that job.
    pub(crate) async fn set_document(&self, job: impl Display, bytes: impl Into<Vec<u8>>) {
        self.set_answer(job, "", bytes).await;
    }

    /// From now on these bytes are the job's answers of one kind: `?on=list`.
    pub(crate) async fn set_answer(&self, job: impl Display, on: &str, bytes: impl Into<Vec<u8>>) {
        let path = format!("/-/simulator/jobs/{job}/document{on}");
        let answer = self.put(&path, bytes.into()).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// The job's answers are its own again.
    pub(crate) async fn restore(&self, job: u64) {
        let answer = self.delete_with(&format!("/-/simulator/jobs/{job}/document"), &[]).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// Something breaks: `"fault": "hang", "on": "versions", "job_id": 1`.
    pub(crate) async fn fault(&self, fields: &str) {
        let answer = self.post("/-/simulator/faults", &format!("{{{fields}}}")).await;
        assert_eq!(answer.status, 201, "{fields}: {}", answer.text);
    }

    /// Nothing is broken any more.
    pub(crate) async fn heal(&self) {
        let answer = self.delete_with("/-/simulator/faults", &[]).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// What the clock of its stories shows, Unix seconds.
    pub(crate) async fn clock(&self) -> f64 {
        let answer = self.get("/-/simulator/clock").await;
        serde_json::from_str::<Clock>(&answer.text).unwrap().now
    }

    /// That clock goes on at another speed; 0 stops it.
    pub(crate) async fn set_speed(&self, speed: f64) {
        let answer = self.post("/-/simulator/clock", &format!("{{\"speed\": {speed}}}")).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// How many requests of a kind came: `token`, `list`, `versions`, `detail`, `all`.
    pub(crate) async fn requests(&self, kind: &str) -> u64 {
        self.counts().await.by_kind[kind]
    }

    /// What credentials it refused.
    pub(crate) async fn refusals(&self) -> Refusals {
        self.counts().await.credentials
    }

    /// Requests in the fullest 60 s.
    pub(crate) async fn most_in_a_minute(&self) -> u64 {
        self.counts().await.max_in_60s["all"]
    }

    async fn counts(&self) -> Requests {
        let answer = self.get("/-/simulator/requests").await;
        serde_json::from_str(&answer.text).unwrap()
    }
}

impl Deref for Cloud {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Plays the same in both APIs, at once.
pub(crate) async fn in_both(play: impl AsyncFn(Api)) {
    tokio::join!(play(Api::V1), play(Api::V2));
}

/// A configuration file against a [`Cloud`].
#[derive(Clone, Debug)]
pub(crate) struct Setup<'a> {
    /// The lines of `[poll]`.
    pub(crate) poll: &'a str,
    /// Further tables of the top level, before the projects.
    pub(crate) tables: &'a str,
    /// Further lines of every project.
    pub(crate) project: &'a str,
    /// Further lines of every project's `auth`; with a `method` all of them. In it `{cloud}` is the
    /// cloud's URL, and `{password}` the password of its account.
    pub(crate) auth: &'a str,
    pub(crate) projects: Vec<Named>,
}

/// A project of a [`Setup`].
#[derive(Clone, Debug)]
pub(crate) struct Named {
    name: String,
    api: Api,
    /// Job ids and versions, as TOML has them.
    jobs: Vec<(String, String)>,
}

/// How a project of a [`Setup`] logs in unless told otherwise.
const AUTH: &str = "password = \"S3CR3Tdemo\"\nproject_name = \"demo\"";

/// Five polls a second, and a timeout that a busy machine does not reach by itself.
pub(crate) const QUICK: &str = "interval = \"200ms\"\npending_interval = \"200ms\"\nlist_interval = \"200ms\"\ntimeout = \"3s\"\nmax_staleness = \"5m\"\nrequests_per_minute = 0";

/// One poll at the start and none after it.
pub(crate) const ONE_POLL: &str = "interval = \"1h\"\npending_interval = \"1h\"\nlist_interval = \"1h\"\ntimeout = \"20s\"\nmax_staleness = \"3h\"\nrequests_per_minute = 0";

impl Setup<'_> {
    /// One project `p` with these jobs at their latest version.
    pub(crate) fn of(jobs: impl IntoIterator<Item = u64>) -> Self {
        Self::new().with("p", jobs, "\"latest\"")
    }

    /// No project yet.
    pub(crate) fn new() -> Self {
        Self { poll: QUICK, tables: "", project: "", auth: AUTH, projects: Vec::new() }
    }

    /// One more project.
    pub(crate) fn with(
        mut self,
        name: &str,
        jobs: impl IntoIterator<Item = u64>,
        versions: &str,
    ) -> Self {
        let jobs = jobs.into_iter().map(|job| (job.to_string(), versions.to_owned())).collect();
        self.projects.push(Named { name: name.to_owned(), api: Api::V1, jobs });
        self
    }

    /// One more project, of one API, with these jobs at their latest version.
    pub(crate) fn with_api<'i>(
        mut self,
        name: &str,
        api: Api,
        jobs: impl IntoIterator<Item = &'i String>,
    ) -> Self {
        let job = |id: &String| match api {
            Api::V1 => id.clone(),
            Api::V2 => format!("\"{id}\""),
        };
        let jobs = jobs.into_iter().map(|id| (job(id), "\"latest\"".to_owned())).collect();
        self.projects.push(Named { name: name.to_owned(), api, jobs });
        self
    }

    /// The file.
    pub(crate) fn file(&self, cloud: &Site) -> String {
        self.head() + &self.projects_at(cloud, cloud)
    }

    /// What stands before the projects.
    pub(crate) fn head(&self) -> String {
        format!("[poll]\n{}\n{}\n", self.poll, self.tables)
    }

    /// The projects alone, with the two endpoints they ask.
    pub(crate) fn projects_at(&self, endpoint: &Site, iam: &Site) -> String {
        let (endpoint, iam) = (endpoint.url(), iam.url());
        let mut text = String::new();
        let user = if self.auth.contains("method = ") {
            String::new()
        } else {
            format!("iam_endpoint = \"{iam}\"\ndomain = \"demo\"\nusername = \"demo\"\n")
        };
        let auth =
            user + &self.auth.replace("{cloud}", iam).replace("{password}", secrets::PASSWORD);
        for Named { name, api, jobs } in &self.projects {
            let api = api.as_str();
            let _ = write!(
                text,
                "[[projects]]\nname = \"{name}\"\napi = \"{api}\"\nendpoint = \"{endpoint}\"\n{}\n[projects.auth]\n{auth}\n",
                self.project
            );
            for (job, versions) in jobs {
                let _ = write!(text, "[[projects.jobs]]\njob_id = {job}\nversions = {versions}\n");
            }
        }
        text
    }
}
