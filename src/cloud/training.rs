use std::sync::Arc;

use crate::cloud::memory::AnswerMemory;
use crate::cloud::modelarts::ModelArts;
use crate::cloud::{Error, Grant, Pace, Project, Reading, TrainingApi, v1};
use crate::model::{JobId, JobList, Version, VersionId};
use crate::own;

/// One project's training API, of whichever generation.
pub struct Training(v1::Training);

impl Training {
    /// The way to a project; nothing is asked yet. Fails on certificates and proxies that cannot be
    /// used.
    pub fn new(
        project: Project,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        Ok(Self(v1::Training::new(ModelArts::new(project, memory, own)?)))
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
        self.0.modelarts()
    }
}

impl TrainingApi for Training {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        self.0.list(most_pages, pace).await
    }

    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        self.0.versions(job, pace).await
    }

    async fn version(
        &self,
        job: &JobId,
        version: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        self.0.version(job, version, pace).await
    }
}
