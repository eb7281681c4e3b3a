//! How to ask: credentials, transport and the wire forms of the cloud's APIs. Hands out model values only.

mod auth;
mod bare;
mod error;
#[cfg(test)]
mod hostile;
mod memory;
mod misread;
mod modelarts;
mod pages;
pub mod probe;
mod refusal;
mod samples;
mod settings;
pub mod sign;
mod skim;
mod training;
mod transport;
mod v1;
mod v2;
mod wire;

use std::future::Future;
use std::pin::Pin;

use url::Url;

pub use error::{Chain, Error, Refusal};
pub use memory::AnswerMemory;
pub use misread::{Fault, Misread, Reading};
pub use settings::{AccessKey, Agency, Auth, EcsMetadata, Method, Password, Project, Secret, Tls};
pub use training::Training;

use crate::model::{JobId, JobList, Quota, TaskUsage, Version, VersionId};

/// What the poller asks of a project's training API.
pub trait TrainingApi: Send + Sync + 'static {
    /// The list of jobs, unless it turns out to take more than so many requests: then what came by
    /// then, incomplete.
    fn list(
        &self,
        most_pages: usize,
        pace: &dyn Pace,
    ) -> impl Future<Output = Result<Reading<JobList>, Error>> + Send;

    /// Every version of a job, in the order of the answer.
    fn versions(
        &self,
        job: &JobId,
        pace: &dyn Pace,
    ) -> impl Future<Output = Result<Reading<Vec<Version>>, Error>> + Send;

    /// One version with what only its own document carries (v1: the flavour).
    fn version(
        &self,
        job: &JobId,
        version: &VersionId,
        pace: &dyn Pace,
    ) -> impl Future<Output = Result<Reading<Version>, Error>> + Send;

    /// The usage of one of the tasks that a version's [`Execution`](crate::model::Execution) names, over
    /// its whole run so far; without samples where there are none yet. v1's versions carry their usage
    /// with them.
    fn usage(
        &self,
        job: &JobId,
        task: &str,
        pace: &dyn Pace,
    ) -> impl Future<Output = Result<Reading<TaskUsage>, Error>> + Send;

    /// What the cloud grants the project; `None`: its API has no such call. A region that has none
    /// either says that the API is not offered.
    fn quotas(
        &self,
        pace: &dyn Pace,
    ) -> impl Future<Output = Result<Option<Reading<Vec<Quota>>>, Error>> + Send;

    /// A list of more requests than this is not read to its end: an account may have 20,000 jobs.
    fn most_list_pages(&self) -> usize;
}

/// What the credentials of a project are good for.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The project they are for, where the cloud says so.
    pub project_id: Option<String>,
    /// When they end, Unix seconds; `None`: never, as far as we know.
    pub expires_unix: Option<f64>,
}

/// Asked before every request to a project's `ModelArts`, so that all of them share one budget. IAM is
/// another service: tokens are few, and their own rules space them out.
pub trait Pace: Send + Sync {
    /// Returns when the next request may go out.
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// An endpoint with path segments appended; each is percent-encoded, so that an id cannot leave its
/// place in the path.
fn join(endpoint: &Url, segments: &[&str]) -> Result<Url, Error> {
    let mut url = endpoint.clone();
    url.path_segments_mut()
        .map_err(|()| Error::Internal("an endpoint takes no path".to_owned()))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}
