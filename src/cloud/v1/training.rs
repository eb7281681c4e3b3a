//! The two calls that describe training jobs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use http::header;
use secrecy::ExposeSecret;
use url::Url;

use crate::cloud::auth::{Token, Tokens};
use crate::cloud::memory::AnswerMemory;
use crate::cloud::transport::{Answer, Transport};
use crate::cloud::v1::answer::{self, Page};
use crate::cloud::v1::glance;
use crate::cloud::wire::Limits;
use crate::cloud::{Error, Grant, Pace, Project, Reading, TrainingApi, join};
use crate::model::{JobId, Version, VersionId};
use crate::own::{self, Operation};

/// Versions asked for at once. Three days of samples make about 280 KB a version, so that a page
/// stays under the default `limits.answer_bytes`; the API's own limit is 1000.
const VERSIONS_PER_PAGE: usize = 50;

/// A job with more versions than this has pages that never end.
const MOST_PAGES: usize = 40;

/// A broken connection or a stumbling gateway is asked once more, after this and a jitter.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// One project's v1 API.
pub struct Training {
    transport: Arc<Transport>,
    tokens: Tokens,
    endpoint: Url,
    project_id: Option<String>,
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
        let transport = Arc::new(Transport::new(&project, memory, own)?);
        Ok(Self {
            limits: Limits {
                label_length: project.label_value_length,
                classes: project.classes_per_version,
                extra_metrics: project.extra_metrics,
            },
            tokens: Tokens::new(project.auth, project.project_id.clone(), Arc::clone(&transport)),
            transport,
            endpoint: project.endpoint,
            project_id: project.project_id,
        })
    }

    /// What the credentials are good for.
    pub async fn grant(&self) -> Result<Grant, Error> {
        let token = self.tokens.token().await?;
        Ok(Grant { project_id: token.project_id.clone(), expires_unix: Some(token.expires_unix) })
    }

    /// How many jobs the list has: the smallest call that needs the permission to list.
    pub async fn count_jobs(&self, pace: &dyn Pace) -> Result<u64, Error> {
        let query = "per_page=1&page=1";
        let (Answer { body, .. }, token) = self.get(Operation::List, &[], query, pace).await?;
        glance::job_count(&body, token.value.expose_secret())
            .inspect_err(|error| self.transport.own().api_error(Operation::List, error.reason()))
    }

    /// Ends the wait that follows on refused credentials: the next call shows them again.
    pub fn end_hold(&self) {
        self.tokens.end_hold();
    }

    /// Asks, with one more attempt where the connection broke, and with a new token where the old
    /// one was refused.
    async fn get(
        &self,
        operation: Operation,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<(Answer, Arc<Token>), Error> {
        let once = || async {
            let token = self.tokens.token().await?;
            let outcome = self.get_with(&token, operation, path, query, pace).await;
            let Err(refusal @ Error::Unauthorized(_)) = outcome else {
                if outcome.is_ok() {
                    self.tokens.accepted(&token);
                }
                return Ok((outcome?, token));
            };
            let token = self.tokens.renew(&token, &refusal).await?;
            self.transport.own().api_retry(operation);
            let outcome = self.get_with(&token, operation, path, query, pace).await;
            if outcome.is_ok() {
                self.tokens.accepted(&token);
            }
            Ok((outcome?, token))
        };
        let once_more = ExponentialBuilder::default()
            .with_min_delay(RETRY_AFTER)
            .with_jitter()
            .with_max_times(1);
        once.retry(once_more)
            .when(Error::may_be_retried)
            .notify(|_, _| self.transport.own().api_retry(operation))
            .await
    }

    async fn get_with(
        &self,
        token: &Token,
        operation: Operation,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<Answer, Error> {
        let project_id = self.project_id.as_deref().or(token.project_id.as_deref());
        let project_id = project_id.ok_or_else(|| {
            Error::Malformed("the token names no project: set `project_id`".to_owned())
        })?;
        let mut url = join(&self.endpoint, &["v1", project_id, "training-jobs"])?;
        url.path_segments_mut()
            .map_err(|()| Error::Internal("the endpoint takes no path".to_owned()))?
            .extend(path);
        url.set_query((!query.is_empty()).then_some(query));
        let secret = token.value.expose_secret();
        let mut header_value = http::HeaderValue::from_str(secret)
            .map_err(|_| Error::Internal("the token is no header value".to_owned()))?;
        header_value.set_sensitive(true);
        let request = self
            .transport
            .client()
            .get(url)
            .header("x-auth-token", header_value)
            .header(header::CONTENT_TYPE, "application/json");
        pace.ready().await;
        self.transport.send(operation, request, &[secret]).await
    }

    async fn ask(
        &self,
        operation: Operation,
        job: &JobId,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<Page, Error> {
        let (Answer { body, share, .. }, token) = self.get(operation, path, query, pace).await?;
        let (job, limits, is_large) = (job.clone(), self.limits, share.is_large());
        let read = move || {
            let read = answer::read(&body, &job, limits);
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
            Error::Rejected(refusal) => {
                Error::Rejected(refusal.without(&[token.value.expose_secret()]))
            }
            other => other,
        });
        if let Err(error) = &outcome {
            self.transport.own().api_error(operation, error.reason());
        }
        outcome
    }
}

impl TrainingApi for Training {
    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        let mut all = Reading { content: Vec::new(), misreads: Vec::new() };
        let mut seen = HashSet::new();
        for number in 1..=MOST_PAGES {
            let query = format!("per_page={VERSIONS_PER_PAGE}&page={number}");
            let path = [job.as_str(), "versions"];
            let answer = self.ask(Operation::Versions, job, &path, &query, pace).await?;
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
        let answer = self.ask(Operation::Detail, job, &path, "", pace).await?;
        let mut versions = answer.versions;
        let at = versions.content.iter().position(|one| one.version_id == *version);
        let content = at.map(|at| versions.content.swap_remove(at)).ok_or_else(|| {
            Error::Malformed("the detail describes another version than was asked for".to_owned())
        })?;
        Ok(Reading { content, misreads: versions.misreads })
    }
}
