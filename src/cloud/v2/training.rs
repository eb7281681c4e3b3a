//! The calls that describe training jobs.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cloud::modelarts::{ModelArts, Question};
use crate::cloud::pages::{Page, Pages};
use crate::cloud::v2::list::{self, JOBS_PER_PAGE};
use crate::cloud::v2::offset::Offset;
use crate::cloud::v2::{job, metrics, quota};
use crate::cloud::{Error, Pace, Reading, TrainingApi};
use crate::model::{Api, JobId, JobList, Quota, TaskUsage, Version, VersionId};
use crate::own::Operation;

/// All of the 20,000 jobs that an account may have.
const MOST_LIST_PAGES: usize = 400;

/// One project's v2 API.
pub(crate) struct Training {
    modelarts: ModelArts,
    /// `offset` has turned out to count jobs.
    offset_counts_jobs: AtomicBool,
}

impl Training {
    pub(crate) fn new(modelarts: ModelArts) -> Self {
        Self { modelarts, offset_counts_jobs: AtomicBool::new(false) }
    }

    pub(crate) fn modelarts(&self) -> &ModelArts {
        &self.modelarts
    }

    async fn page(&self, offset: usize, pace: &dyn Pace) -> Result<Page, Error> {
        let limits = self.modelarts.limits;
        let read = move |body: &[u8]| list::read(body, limits);
        let path = &["training-job-searches"];
        let search = list::search(offset, self.modelarts.workspace_id.as_deref())?;
        let question = Question { body: Some(search), ..get(Operation::List, path) };
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
}

fn get<'a>(operation: Operation, path: &'a [&'a str]) -> Question<'a> {
    Question { operation, api: Api::V2, path, query: "", body: None }
}

impl TrainingApi for Training {
    /// Its items are whole jobs.
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        let mut pages = Pages::of(JOBS_PER_PAGE);
        let mut offset = Offset::start(self.offset_counts_jobs.load(Ordering::Relaxed));
        loop {
            let answer = self.page(offset.next(), pace).await?;
            let jobs = answer.jobs.content.iter().map(|job| job.job_id.clone());
            offset.take(jobs.collect(), answer.listed);
            let is_last = pages.take(answer);
            if is_last || pages.read >= most_pages || pages.all() > most_pages {
                let list = pages.end(is_last);
                // A list with gaps may come of a wrong guess: the next one finds out again.
                let counts_jobs = offset.counts_jobs() && (list.content.complete || !is_last);
                self.offset_counts_jobs.store(counts_jobs, Ordering::Relaxed);
                return Ok(list);
            }
        }
    }

    /// The job itself, which stands for its only version.
    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        let Reading { content, misreads } = self.detail(job, pace).await?;
        Ok(Reading { content: vec![content], misreads })
    }

    /// What v1 has in a version's own document stands in the job's.
    async fn version(
        &self,
        job: &JobId,
        _: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        self.detail(job, pace).await
    }

    async fn usage(
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

    async fn quotas(&self, pace: &dyn Pace) -> Result<Option<Reading<Vec<Quota>>>, Error> {
        let limits = self.modelarts.limits;
        let read = move |body: &[u8]| quota::read(body, limits);
        let question = get(Operation::Quota, &["training-quotas"]);
        self.modelarts.ask(&question, pace, read).await.map(Some)
    }

    fn most_list_pages(&self) -> usize {
        MOST_LIST_PAGES
    }
}
