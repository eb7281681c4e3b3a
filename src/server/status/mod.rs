//! What the exporter knows now, for people: all jobs, and a page for each.
//!
//! A page is made when somebody asks for it, of a copy of what it shows, and one after the other: however
//! many ask, polls and scrapes are held up for moments.

mod cards;
mod chart;
mod figures;
mod job;
mod layout;
mod overview;
mod query;
mod rows;
mod survey;
mod version;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use maud::Markup;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::inventory::{Inventory, Moment};
use crate::model::{JobKey, Shard};
use crate::own;

pub(super) use layout::{ICON, ICON_PATH, STYLE, STYLE_PATH, icon_version, style_version};

use super::Settings;
use query::Query;

/// Where the status page looks. Polls wait while it does.
pub trait Sight: Send + Sync {
    /// Lends what is known for a moment, with what time it is.
    fn look(&self, look: &mut dyn FnMut(&Inventory, Moment));

    /// What else is to be told.
    fn facts(&self) -> Facts;
}

/// What was known at that moment, for as long as anybody looks.
impl Sight for (Inventory, Moment) {
    fn look(&self, look: &mut dyn FnMut(&Inventory, Moment)) {
        let (inventory, now) = self;
        look(inventory, *now);
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// What the status page tells of the exporter beside what it knows of jobs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Which part of the jobs this process follows.
    pub shard: Shard,
    /// Outcomes survive a restart.
    pub has_state_file: bool,
    /// What each project makes of its request budget.
    pub requests: BTreeMap<Arc<str>, Requests>,
}

/// What a project makes of its request budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// What there is; 0 is unlimited.
    pub per_minute: u32,
    /// Those of the last minute.
    pub last_minute: u32,
    /// The cloud asked for silence, which lasts for so long.
    pub held_for: Option<Duration>,
}

/// Makes pages.
pub(super) struct Pages {
    maker: Arc<Maker>,
    /// One page at a time.
    turn: Arc<Semaphore>,
}

struct Maker {
    sight: Arc<dyn Sight>,
    own: own::Metrics,
    route_prefix: String,
    telemetry_path: String,
}

impl Pages {
    pub(super) fn new(sight: Arc<dyn Sight>, own: own::Metrics, settings: &Settings) -> Self {
        let (route_prefix, telemetry_path) =
            (settings.route_prefix.clone(), settings.telemetry_path.clone());
        let maker = Arc::new(Maker { sight, own, route_prefix, telemetry_path });
        Self { maker, turn: Arc::new(Semaphore::new(1)) }
    }

    /// The page about all jobs, as the query of its URL asks for it.
    pub(super) async fn overview(&self, query: &str) -> String {
        let query = Query::parse(query);
        let page = self.make(move |maker| Some(overview::page(maker, &query))).await;
        page.unwrap_or_default()
    }

    /// The page about the job at this path; `Err` holds one that says that there is none.
    pub(super) async fn job(&self, path: &str) -> Result<String, String> {
        let key = job_key(path);
        let page = self.make(move |maker| job::page(maker, key.as_ref()?)).await;
        match page {
            Some(page) => Ok(page),
            None => Err(self.make(|maker| Some(job::unknown(maker))).await.unwrap_or_default()),
        }
    }

    /// Beside everything else that is going on.
    async fn make(
        &self,
        page: impl FnOnce(&Maker) -> Option<Markup> + Send + 'static,
    ) -> Option<String> {
        // It is never closed.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let maker = Arc::clone(&self.maker);
        let work = move || {
            // The work has its turn also when whoever asked for it goes away.
            let _turn = turn;
            page(&maker)
        };
        // A panic was told by the thread that had it, and costs this page.
        spawn_blocking(work).await.unwrap_or_default().map(Markup::into_string)
    }
}

/// What comes before the project in the path of a job's page.
const JOBS: &str = "/jobs/";

/// Whether a path is that of a job's page.
pub(super) fn is_job_path(path: &str) -> bool {
    path.strip_prefix(JOBS)
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(project, job)| !project.is_empty() && !job.is_empty() && !job.contains('/'))
}

/// The job that a path is about.
fn job_key(path: &str) -> Option<JobKey> {
    let (project, job_id) = path.strip_prefix(JOBS)?.split_once('/')?;
    let decoded = |part| percent_decode_str(part).decode_utf8().ok();
    Some(JobKey { project: decoded(project)?.into(), job_id: (&*decoded(job_id)?).into() })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;
    use crate::inventory::{self, Roster};
    use crate::model::{
        Api, Curves, Execution, JobId, JobSpec, MeanMax, Measure, Point, Polled, Resources, State,
        Summary, TaskUsage, Usage, UsageSample, Version, VersionId, VersionSelection,
    };

    const MINUTE: Duration = Duration::from_mins(1);

    const NOW: f64 = 1_700_000_000.0;

    /// A task that uses its NPUs so.
    fn task(name: &str, npu: f64) -> TaskUsage {
        let values = move |measure| {
            let value: Point = Some(npu).filter(|_| measure == Measure::Npu);
            std::iter::repeat_n(value, 9)
        };
        TaskUsage {
            task: name.to_owned(),
            samples: 9,
            newest: UsageSample { npu: Some(npu), ..UsageSample::default() },
            whole_run: Summary { npu: Some(MeanMax { mean: npu, max: npu }), ..Summary::default() },
            curves: Curves::new(9, 240, values),
            ..TaskUsage::default()
        }
    }

    /// A version of which next to nothing is known.
    fn unknown() -> Version {
        Version::unknown(Api::V2, JobId::from(7), VersionId::from(""), State::from_v2("Running"))
    }

    /// Pages about one job `7` of the project `p`, which is this version.
    fn pages(version: Version) -> Pages {
        let now = Moment { steady: Instant::now(), unix: NOW };
        let settings = inventory::Settings {
            timeout: MINUTE,
            max_staleness: MINUTE * 5,
            lost_after: MINUTE,
            finished_retention: MINUTE,
            versions_per_job: 1,
        };
        let key = JobKey { project: "p".into(), job_id: JobId::from(7) };
        let spec = JobSpec { job_id: JobId::from(7), versions: VersionSelection::Latest };
        let roster = Roster { named: vec![spec], ..Roster::default() };
        let mut inventory = Inventory::new();
        inventory.add_project(&key.project, settings, roster, MINUTE, now);
        inventory.versions(&key, vec![version], now);
        inventory.polled(&key, Polled::Success, MINUTE, now);
        let settings = Settings {
            listen_addresses: Vec::new(),
            telemetry_path: "/metrics".into(),
            route_prefix: String::new(),
            max_requests: 1,
            enable_lifecycle: false,
            enable_config: false,
        };
        Pages::new(Arc::new((inventory, now)), own::Metrics::new(), &settings)
    }

    #[tokio::test]
    async fn each_task_has_its_curves_and_the_one_that_does_least_stands_for_all() {
        let tasks = [("worker-0", 0.75), ("worker-1", 0.25), ("worker-2", 0.5)];
        let version = Version {
            resources: Resources { gpus: Some(0.0), npus: Some(24.0), ..Resources::default() },
            usage: Some(Usage { tasks: tasks.map(|(name, npu)| task(name, npu)).into() }),
            execution: Execution { nodes: Some(2.0), restarts: Some(3), ..Execution::default() },
            ..unknown()
        };
        let pages = pages(version);
        let overview = pages.overview("").await;
        for text in ["25 %", "NPU, least of 3", "NPU over 9 min: 25 %"] {
            assert!(overview.contains(text), "{text} in {overview}");
        }
        let job = pages.job("/jobs/p/7").await.unwrap();
        for (name, npu) in tasks {
            let chart = format!("NPU over 9 min: mean {0:.0} %, max {0:.0} %", npu * 100.0);
            assert!(job.contains(name) && job.contains(&chart), "{chart} in {job}");
        }
        assert!(!job.contains("GPU mem"), "{job}");
        for (word, value) in [("Restarts", "3"), ("Nodes at work", "2"), ("NPUs", "24")] {
            let fact = format!("<dt>{word}</dt><dd>{value}</dd>");
            assert!(job.contains(&fact), "{fact} in {job}");
        }
        assert!(!job.contains("<dt>GPUs</dt>"), "it holds none: {job}");
        assert!(job.contains("The run"), "v2 has no versions: {job}");
        assert_eq!(job.matches("<details class=\"task\" open>").count(), 1, "{job}");
    }

    #[tokio::test]
    async fn a_page_has_its_turn_to_its_end_also_when_nobody_waits_for_it_any_more() {
        let pages = pages(unknown());
        let (end, ended) = channel::<()>();
        let page = pages.make(move |_| {
            let _ = ended.recv();
            None
        });
        // Begun, and dropped.
        assert_eq!(page.now_or_never(), None);
        assert_eq!(pages.turn.available_permits(), 0);
        drop(end);
        assert!(!pages.overview("").await.is_empty());
    }

    #[test]
    fn paths_of_jobs() {
        let key = |project: &str, id: &str| JobKey { project: project.into(), job_id: id.into() };
        for (path, job) in [
            ("/jobs/vision/18", key("vision", "18")),
            ("/jobs/a%20b%2F%C3%BC/%3F%23%25", key("a b/ü", "?#%")),
            ("/jobs/a/%", key("a", "%")),
        ] {
            assert!(is_job_path(path));
            assert_eq!(job_key(path), Some(job), "{path}");
        }
        assert_eq!(job_key("/jobs/%ff/1"), None, "no text");
        for path in ["/jobs", "/jobs/", "/jobs/a", "/jobs/a/", "/jobs//1", "/jobs/a/1/", "/job/a/1"]
        {
            assert!(!is_job_path(path), "{path}");
        }
    }
}
