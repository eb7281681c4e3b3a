//! One project's `ModelArts`, whichever of its APIs is asked: what all questions have in common.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use http::header;
use url::Url;

use crate::cloud::auth::{Credential, Credentials};
use crate::cloud::memory::AnswerMemory;
use crate::cloud::transport::{Answer, Transport, internal};
use crate::cloud::wire::Limits;
use crate::cloud::{Error, Grant, Pace, Project, join};
use crate::model::Api;
use crate::own::{self, Operation};

/// A broken connection or a stumbling gateway is asked once more, after this and a jitter.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The way to one project's `ModelArts`.
pub(super) struct ModelArts {
    transport: Arc<Transport>,
    credentials: Credentials,
    endpoint: Url,
    /// Only jobs of this workspace; `None`: of the cloud's default one.
    pub(super) workspace_id: Option<String>,
    /// How much of an answer is kept.
    pub(super) limits: Limits,
}

/// What is asked.
pub(super) struct Question<'a> {
    /// What the request counts as.
    pub(super) operation: Operation,
    /// Whose path it is below.
    pub(super) api: Api,
    /// What stands behind the project's id.
    pub(super) path: &'a [&'a str],
    /// Without the question mark; may be empty.
    pub(super) query: &'a str,
    /// A document to POST; `None`: GET.
    pub(super) body: Option<String>,
}

impl ModelArts {
    /// Nothing is asked yet. Fails on certificates and proxies that cannot be used.
    pub(super) fn new(
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
                tasks: project.tasks_per_version,
                curve_points: project.curve_points,
            },
            credentials,
            transport,
            endpoint: project.endpoint,
            workspace_id: project.workspace_id,
        })
    }

    /// What the credentials are good for.
    pub(super) async fn grant(&self) -> Result<Grant, Error> {
        self.credentials.grant().await
    }

    /// The next call may go out although earlier ones were refused: something may have been put
    /// right.
    pub(super) fn end_hold(&self) {
        self.credentials.end_hold();
    }

    /// Asks, and has the answer read: a large one beside everything else that goes on.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: &Question<'_>,
        pace: &dyn Pace,
        read: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (Answer { body, share, .. }, credential) = self.send(question, pace).await?;
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
        outcome.map_err(|error| self.failed(question.operation, error))
    }

    /// Counts what is wrong with an answer, or with several that could each be read.
    pub(super) fn failed(&self, operation: Operation, error: Error) -> Error {
        self.transport.own().api_error(operation, error.reason());
        error
    }

    /// Asks, with one more attempt where the connection broke.
    async fn send(
        &self,
        question: &Question<'_>,
        pace: &dyn Pace,
    ) -> Result<(Answer, Arc<Credential>), Error> {
        let request = |project_id: &str| self.request(question, project_id);
        let once = || self.credentials.send(question.operation, request, pace);
        let once_more = ExponentialBuilder::default()
            .with_min_delay(RETRY_AFTER)
            .with_jitter()
            .with_max_times(1);
        once.retry(once_more)
            .when(Error::may_be_retried)
            .notify(|_, _| self.transport.own().api_retry(question.operation))
            .await
    }

    fn request(
        &self,
        question: &Question<'_>,
        project_id: &str,
    ) -> Result<reqwest::Request, Error> {
        let root = [question.api.as_str(), project_id];
        let path: Vec<_> = root.iter().chain(question.path).copied().collect();
        let mut url = join(&self.endpoint, &path)?;
        url.set_query((!question.query.is_empty()).then_some(question.query));
        let client = self.transport.client();
        let request = match &question.body {
            None => client.get(url),
            Some(body) => client.post(url).body(body.clone()),
        };
        request.header(header::CONTENT_TYPE, "application/json").build().map_err(internal)
    }
}
