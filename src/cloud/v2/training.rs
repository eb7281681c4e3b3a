//! The calls that describe training jobs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::modelarts::{ModelArts, Question};
use crate::cloud::pages::{Page, Pages};
use crate::cloud::v2::list::{self, JOBS_PER_PAGE, as_listed};
use crate::cloud::v2::offset::Offset;
use crate::cloud::v2::{job, metrics, quota};
use crate::cloud::{Error, Pace, Reading, TrainingApi};
use crate::model::{Api, JobId, JobList, Quota, TaskUsage, Usage, Version, VersionId};
use crate::own::Operation;

/// What the list said of a job stands for its detail for so long: a list is read every minute, and its
/// pages take a while.
const LISTED_COUNTS_FOR: Duration = Duration::from_secs(90);

/// One project's v2 API.
pub(crate) struct Training {
    modelarts: ModelArts,
    /// `offset` has turned out to count jobs.
    offset_counts_jobs: AtomicBool,
    /// The running jobs of the newest list, until each is polled: the list has all that the detail has,
    /// so that such a poll costs nothing but the metrics.
    running: Mutex<HashMap<JobId, Listed>>,
}

/// A job as the list had it.
struct Listed {
    version: Version,
    asked: Instant,
}

impl Training {
    pub(crate) fn new(modelarts: ModelArts) -> Self {
        Self { modelarts, offset_counts_jobs: AtomicBool::new(false), running: Mutex::default() }
    }

    pub(crate) fn modelarts(&self) -> &ModelArts {
        &self.modelarts
    }

    /// What the cloud grants the project; regions without this call say that the API is not offered.
    pub(crate) async fn quotas(&self, pace: &dyn Pace) -> Result<Reading<Vec<Quota>>, Error> {
        let limits = self.modelarts.limits;
        let read = move |body: &[u8]| quota::read(body, limits);
        self.modelarts.ask(&get(Operation::Quota, &["training-quotas"]), pace, read).await
    }

    async fn page(&self, offset: usize, pace: &dyn Pace) -> Result<Page<Version>, Error> {
        let limits = self.modelarts.limits;
        let read = move |body: &[u8]| list::read(body, limits);
        let path = &["training-job-searches"];
        let question = Question { body: Some(list::search(offset)?), ..get(Operation::List, path) };
        self.modelarts.ask(&question, pace, read).await
    }

    async fn detail(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Version>, Error> {
        let limits = self.modelarts.limits;
        let read = {
            let job = job.clone();
            move |body: &[u8]| job::read(body, &job, limits)
        };
        let path = ["training-jobs", job.as_str()];
        self.modelarts.ask(&get(Operation::Detail, &path), pace, read).await
    }

    /// The samples of a task; none where there are none yet.
    async fn metrics(
        &self,
        job: &JobId,
        task: &str,
        pace: &dyn Pace,
    ) -> Result<Reading<TaskUsage>, Error> {
        let limits = self.modelarts.limits;
        let read = {
            let task = task.to_owned();
            move |body: &[u8]| metrics::read(body, &task, limits)
        };
        let path = ["training-jobs", job.as_str(), "metrics", task];
        match self.modelarts.ask(&get(Operation::Metrics, &path), pace, read).await {
            Err(Error::TooEarly(_)) => {
                let content = TaskUsage { task: task.to_owned(), ..TaskUsage::default() };
                Ok(Reading { content, misreads: Vec::new() })
            }
            outcome => outcome,
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Listed>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the newest list said of a running job, once.
    fn take_listed(&self, job: &JobId) -> Option<Version> {
        let listed = self.running().remove(job)?;
        (listed.asked.elapsed() <= LISTED_COUNTS_FOR).then_some(listed.version)
    }
}

fn get<'a>(operation: Operation, path: &'a [&'a str]) -> Question<'a> {
    Question { operation, api: Api::V2, path, query: "", body: None }
}

/// There are samples to ask for: it runs, or it ran and has ended, so that the last of them are missing.
fn has_samples(version: &Version) -> bool {
    version.state.is_running() || (version.state.terminal && version.started.is_some())
}

impl TrainingApi for Training {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        let mut pages = Pages::of(JOBS_PER_PAGE);
        let mut offset = Offset::start(self.offset_counts_jobs.load(Ordering::Relaxed));
        let mut running = HashMap::new();
        loop {
            let asked = Instant::now();
            let Page { jobs, listed, total } = self.page(offset.next(), pace).await?;
            let Reading { content, misreads } = jobs;
            offset.take(content.iter().map(|job| job.job_id.clone()).collect(), listed);
            let jobs = Reading { content: content.iter().map(as_listed).collect(), misreads };
            let asks_for_tasks =
                |job: &Version| job.state.is_running() && !job.execution.tasks.is_empty();
            running.extend(
                content
                    .into_iter()
                    .filter(asks_for_tasks)
                    .map(|version| (version.job_id.clone(), Listed { version, asked })),
            );
            let is_last = pages.take(Page { jobs, listed, total });
            if is_last || pages.read >= most_pages || pages.all() > most_pages {
                let list = pages.end(is_last);
                // A list with gaps may come of a wrong guess: the next one finds out again.
                let counts_jobs = offset.counts_jobs() && (list.content.complete || !is_last);
                self.offset_counts_jobs.store(counts_jobs, Ordering::Relaxed);
                *self.running() = running;
                return Ok(list);
            }
        }
    }

    /// The job itself, with the usage of its tasks: a request a task, and one for the detail unless the
    /// list has just told as much.
    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        let listed = self.take_listed(job);
        let mut is_confirmed = listed.is_none();
        let Reading { content: mut version, mut misreads } = match listed {
            Some(content) => Reading { content, misreads: Vec::new() },
            None => self.detail(job, pace).await?,
        };
        if has_samples(&version) {
            let mut tasks = Vec::new();
            for task in version.execution.tasks.clone() {
                match self.metrics(job, &task, pace).await {
                    Ok(reading) => {
                        misreads.extend(reading.misreads);
                        tasks.push(reading.content);
                    }
                    // The task is gone, for which no code is documented, or the job is.
                    Err(Error::NotFound(_) | Error::BadRequest(_)) if is_confirmed => {}
                    Err(Error::NotFound(_) | Error::BadRequest(_)) => {
                        let detail = self.detail(job, pace).await?;
                        misreads.extend(detail.misreads);
                        (version, is_confirmed) = (detail.content, true);
                    }
                    Err(error) => return Err(error),
                }
            }
            version.usage = (!tasks.is_empty()).then_some(Usage { tasks });
        }
        Ok(Reading { content: vec![version], misreads })
    }

    /// The job itself: what v1 has in a version's own document stands in the detail of a v2 job.
    async fn version(
        &self,
        job: &JobId,
        _: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        self.detail(job, pace).await
    }
}
