use std::sync::Arc;

use crate::cloud::memory::AnswerMemory;
use crate::cloud::modelarts::ModelArts;
use crate::cloud::{Error, Grant, Pace, Project, Reading, TrainingApi, v1, v2};
use crate::model::{Api, JobId, JobList, Quota, TaskUsage, Version, VersionId};
use crate::own;

/// One project's training API, of whichever generation.
pub struct Training(Generation);

enum Generation {
    V1(v1::Training),
    V2(v2::Training),
}

impl Training {
    /// The way to a project; nothing is asked yet. Fails on certificates and proxies that cannot be
    /// used.
    pub fn new(
        project: Project,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let api = project.api;
        let modelarts = ModelArts::new(project, memory, own)?;
        Ok(Self(match api {
            Api::V1 => Generation::V1(v1::Training::new(modelarts)),
            Api::V2 => Generation::V2(v2::Training::new(modelarts)),
        }))
    }

    /// What the credentials are good for.
    pub async fn grant(&self) -> Result<Grant, Error> {
        self.modelarts().grant().await
    }

    /// The next call may go out although earlier ones were refused: something may have been put
    /// right.
    pub fn end_hold(&self) {
        self.modelarts().end_hold();
    }

    fn modelarts(&self) -> &ModelArts {
        match &self.0 {
            Generation::V1(api) => api.modelarts(),
            Generation::V2(api) => api.modelarts(),
        }
    }
}

impl TrainingApi for Training {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        match &self.0 {
            Generation::V1(api) => api.list(most_pages, pace).await,
            Generation::V2(api) => api.list(most_pages, pace).await,
        }
    }

    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        match &self.0 {
            Generation::V1(api) => api.versions(job, pace).await,
            Generation::V2(api) => api.versions(job, pace).await,
        }
    }

    async fn version(
        &self,
        job: &JobId,
        version: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        match &self.0 {
            Generation::V1(api) => api.version(job, version, pace).await,
            Generation::V2(api) => api.version(job, version, pace).await,
        }
    }

    async fn usage(
        &self,
        job: &JobId,
        task: &str,
        pace: &dyn Pace,
    ) -> Result<Reading<TaskUsage>, Error> {
        match &self.0 {
            Generation::V1(api) => api.usage(job, task, pace).await,
            Generation::V2(api) => api.usage(job, task, pace).await,
        }
    }

    async fn quotas(&self, pace: &dyn Pace) -> Result<Option<Reading<Vec<Quota>>>, Error> {
        match &self.0 {
            Generation::V1(api) => api.quotas(pace).await,
            Generation::V2(api) => api.quotas(pace).await,
        }
    }

    fn most_list_pages(&self) -> usize {
        match &self.0 {
            Generation::V1(api) => api.most_list_pages(),
            Generation::V2(api) => api.most_list_pages(),
        }
    }
}
