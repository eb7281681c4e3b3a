//! The three calls that describe training jobs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use url::{Url, form_urlencoded};

use crate::cloud::auth::{Credential, Credentials};
use crate::cloud::memory::AnswerMemory;
use crate::cloud::transport::{Answer, Transport};
use crate::cloud::v1::answer::{self, Page};
use crate::cloud::v1::list::{self, Pages};
use crate::cloud::wire::Limits;
use crate::cloud::{Error, Grant, Pace, Project, Reading, TrainingApi, join};
use crate::model::{JobId, JobList, Version, VersionId};
use crate::own::{self, Operation};

/// Versions asked for at once. Three days of samples make about 280 KB a version, so that a page
/// stays under the default `limits.answer_bytes`; the API's own limit is 1000.
const VERSIONS_PER_PAGE: usize = 50;

/// A job with more versions than this has pages that never end.
const MOST_PAGES: usize = 40;

/// Jobs of the list asked for at once: the most the API gives.
const JOBS_PER_PAGE: usize = 1000;

/// Oldest first, so that what is new comes last and moves nothing from page to page. The documents
/// contradict each other about the order that is taken when none is asked for.
const ORDER: [(&str, &str); 2] = [("sortBy", "create_time"), ("order", "asc")];

/// A broken connection or a stumbling gateway is asked once more, after this and a jitter.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// One project's v1 API.
pub struct Training {
    transport: Arc<Transport>,
    credentials: Credentials,
    endpoint: Url,
    workspace_id: Option<String>,
    limits: Limits,
}

impl Training {
    /// The way to a project; nothing is asked yet. Fails on certificates and proxies that cannot be
    /// used.
    pub fn new(
        project: Project,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let transport = Arc::new(Transport::new(&project, Arc::clone(&memory), own.clone())?);
        let credentials = Credentials::new(&project, Arc::clone(&transport), memory, own)?;
        Ok(Self {
            limits: Limits {
                label_length: project.label_value_length,
                classes: project.classes_per_version,
                extra_metrics: project.extra_metrics,
                curve_points: project.curve_points,
            },
            credentials,
            transport,
            endpoint: project.endpoint,
            workspace_id: project.workspace_id,
        })
    }

    /// What the credentials are good for.
    pub async fn grant(&self) -> Result<Grant, Error> {
        self.credentials.grant().await
    }

    /// The next call may go out although earlier ones were refused: something may have been put
    /// right.
    pub fn end_hold(&self) {
        self.credentials.end_hold();
    }

    /// Asks, with one more attempt where the connection broke.
    async fn get(
        &self,
        operation: Operation,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<(Answer, Arc<Credential>), Error> {
        let url = |project_id: &str| {
            let mut url = join(&self.endpoint, &["v1", project_id, "training-jobs"])?;
            url.path_segments_mut()
                .map_err(|()| Error::Internal("the endpoint takes no path".to_owned()))?
                .extend(path);
            url.set_query((!query.is_empty()).then_some(query));
            Ok(url)
        };
        let once = || self.credentials.get(operation, url, pace);
        let once_more = ExponentialBuilder::default()
            .with_min_delay(RETRY_AFTER)
            .with_jitter()
            .with_max_times(1);
        once.retry(once_more)
            .when(Error::may_be_retried)
            .notify(|_, _| self.transport.own().api_retry(operation))
            .await
    }

    /// Asks, and has the answer read: a large one beside everything else that goes on.
    async fn ask<T: Send + 'static>(
        &self,
        operation: Operation,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
        read: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (Answer { body, share, .. }, credential) =
            self.get(operation, path, query, pace).await?;
        let is_large = share.is_large();
        let read = move || {
            let read = read(&body);
            // The memory is free before its share is given back.
            drop(body);
            drop(share);
            read
        };
        let outcome = if is_large {
            let task = tokio::task::spawn_blocking(read).await;
            task.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
        } else {
            read()
        };
        // A refusal that came as HTTP 200 has not been through the transport's hands.
        let outcome = outcome.map_err(|error| match error {
            Error::Rejected(refusal) => Error::Rejected(refusal.without(&credential.secrets())),
            other => other,
        });
        if let Err(error) = &outcome {
            self.transport.own().api_error(operation, error.reason());
        }
        outcome
    }

    /// How a page of the list is asked for.
    fn list_query(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("per_page", &JOBS_PER_PAGE.to_string());
        query.append_pair("page", &page.to_string()).extend_pairs(ORDER);
        query.extend_pairs(self.workspace_id.iter().map(|id| ("workspace_id", id)));
        query.finish()
    }

    /// Asks for versions of a job.
    async fn ask_job(
        &self,
        operation: Operation,
        job: &JobId,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<Page, Error> {
        let (job, limits) = (job.clone(), self.limits);
        self.ask(operation, path, query, pace, move |body| answer::read(body, &job, limits)).await
    }
}

impl TrainingApi for Training {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        let mut pages = Pages::default();
        loop {
            let query = self.list_query(pages.read + 1);
            let limits = self.limits;
            let read = move |body: &[u8]| list::read(body, limits);
            let answer = self.ask(Operation::List, &[], &query, pace, read).await?;
            let is_last = pages.take(answer, JOBS_PER_PAGE);
            if is_last || pages.read >= most_pages || pages.all(JOBS_PER_PAGE) > most_pages {
                return Ok(pages.end(is_last, JOBS_PER_PAGE));
            }
        }
    }

    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        let mut all = Reading { content: Vec::new(), misreads: Vec::new() };
        let mut seen = HashSet::new();
        for number in 1..=MOST_PAGES {
            let query = format!("per_page={VERSIONS_PER_PAGE}&page={number}");
            let path = [job.as_str(), "versions"];
            let answer = self.ask_job(Operation::Versions, job, &path, &query, pace).await?;
            all.misreads.extend(answer.versions.misreads);
            // A version that cannot be read is no sign that the page was the last.
            let asked_enough = answer.listed < VERSIONS_PER_PAGE;
            let known = seen.len();
            for version in answer.versions.content {
                if seen.insert(version.version_id.clone()) {
                    all.content.push(version);
                }
            }
            // A page that brings nothing new is the last one repeated.
            let has_all = answer.version_count.is_some_and(|count| seen.len() as u64 >= count);
            if asked_enough || has_all || seen.len() == known {
                return Ok(all);
            }
        }
        Err(Error::Malformed(format!("more than {MOST_PAGES} pages of versions")))
    }

    async fn version(
        &self,
        job: &JobId,
        version: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        let path = [job.as_str(), "versions", version.as_str()];
        let answer = self.ask_job(Operation::Detail, job, &path, "", pace).await?;
        let mut versions = answer.versions;
        let at = versions.content.iter().position(|one| one.version_id == *version);
        let content = at.map(|at| versions.content.swap_remove(at)).ok_or_else(|| {
            Error::Malformed("the detail describes another version than was asked for".to_owned())
        })?;
        Ok(Reading { content, misreads: versions.misreads })
    }
}
