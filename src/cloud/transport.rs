//! One request and its answer, whatever it is about: deadline, size, counters, and what a refusal means.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Proxy, Request};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::cloud::error::{causes, tls_error};
use crate::cloud::memory::{AnswerMemory, Share};
use crate::cloud::refusal;
use crate::cloud::skim::Skimmer;
use crate::cloud::{Chain, Error, Project, probe};
use crate::own::{self, Operation};

/// Up to here an answer is kept as it is; most answers never pay for the skimming.
const SKIM_FROM_BYTES: usize = 256 << 10;

/// The part of an error's body that is read: enough for a code and a sentence.
const REFUSAL_BYTES: usize = 16 << 10;

/// Idle connections are closed before the gateway does it under our hands: common gateways wait 60 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A cloud in reach answers a handshake well within this, and a dead address should not eat the
/// whole time of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The metadata service is asked no longer than the cloud's own clients ask it …
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// … and says a few hundred bytes.
const METADATA_BYTES: usize = 64 << 10;

/// The way to one project's endpoints.
pub(crate) struct Transport {
    client: Client,
    timeout: Duration,
    answer_bytes: usize,
    memory: Arc<AnswerMemory>,
    own: own::Project,
}

/// An answer of the 2xx kind. Deliberately without `Debug`: IAM's holds the token.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Holds the memory until the body has been read.
    pub(crate) share: Share,
}

impl Transport {
    /// Fails on certificates and proxies that cannot be used.
    pub(crate) fn new(
        project: &Project,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let mut builder = client(project.timeout);
        let mut endpoints = project.auth.iam_endpoints().chain([&project.endpoint]);
        if !endpoints.any(|url| probe::has_handshake(project, url)) {
            // No handshake will come: do without the system's roots, which an empty image lacks.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = &project.tls.ca_pem {
            let bundle = Certificate::from_pem_bundle(pem).map_err(internal)?;
            builder = builder.tls_certs_merge(bundle);
        }
        if project.tls.insecure_skip_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(proxy) = &project.proxy_url {
            builder = builder.proxy(Proxy::all(proxy.expose_secret()).map_err(internal)?);
        }
        Ok(Self {
            client: builder.build().map_err(internal)?,
            timeout: project.timeout,
            answer_bytes: project.answer_bytes,
            memory,
            own,
        })
    }

    /// The way to the metadata service, which no proxy may stand in: it answers for the machine that
    /// asks. Its address is the machine's own network, so that it answers at once or not at all.
    pub(crate) fn to_metadata(
        endpoint: &Url,
        project: &Project,
        memory: Arc<AnswerMemory>,
        own: own::Project,
    ) -> Result<Self, Error> {
        let timeout = METADATA_TIMEOUT.min(project.timeout);
        let mut builder = client(timeout).no_proxy();
        if endpoint.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(internal)?;
        Ok(Self { client, timeout, answer_bytes: METADATA_BYTES, memory, own })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn own(&self) -> &own::Project {
        &self.own
    }

    /// Sends the request and reads the whole answer within the deadline. `secrets`: what went out
    /// with it, so that a refusal that repeats it is not passed on.
    pub(crate) async fn send(
        &self,
        operation: Operation,
        request: Request,
        secrets: &[&str],
    ) -> Result<Answer, Error> {
        let outcome = self.ask(operation, request, secrets).await;
        if let Err(error) = &outcome
            && !error.is_answer()
        {
            self.own.api_error(operation, error.reason());
            if matches!(error, Error::Throttled { .. }) {
                self.own.api_throttled();
            }
        }
        outcome
    }

    /// The same for a question whose refusal is an answer too: no error is counted.
    pub(crate) async fn ask(
        &self,
        operation: Operation,
        request: Request,
        secrets: &[&str],
    ) -> Result<Answer, Error> {
        let mut attempt = Attempt::new(&self.own, operation);
        let outcome = timeout(self.timeout, self.exchange(request, secrets, &mut attempt)).await;
        outcome.unwrap_or(Err(Error::Timeout(self.timeout)))
    }

    async fn exchange(
        &self,
        request: Request,
        secrets: &[&str],
        attempt: &mut Attempt<'_>,
    ) -> Result<Answer, Error> {
        let mut response = self.client.execute(request).await.map_err(connection_error)?;
        let status = response.status();
        attempt.code = Some(status.as_u16());
        let headers = std::mem::take(response.headers_mut());
        let refused = !status.is_success();
        let limit = if refused { REFUSAL_BYTES } else { self.answer_bytes };
        let (body, share) = match self.read_body(response, limit).await {
            Err(Error::TooLarge { .. }) if refused => (Vec::new(), self.memory.share()),
            read => read?,
        };
        if refused {
            return Err(refusal::read(status, &headers, &body, secrets));
        }
        Ok(Answer { headers, body, share })
    }

    async fn read_body(
        &self,
        mut response: reqwest::Response,
        limit: usize,
    ) -> Result<(Vec<u8>, Share), Error> {
        let mut share = self.memory.share();
        let mut received = 0;
        let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
        let mut kept = Vec::with_capacity(announced.unwrap_or_default().min(SKIM_FROM_BYTES));
        let mut skimmer: Option<Skimmer> = None;
        // An error in the middle of a body no longer knows where it came from.
        let url = response.url().clone();
        let broken = |error: reqwest::Error| connection_error(error.with_url(url.clone()));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            received += chunk.len();
            if received > limit {
                return Err(Error::TooLarge { limit });
            }
            share.grow_to(kept.len() + chunk.len()).await;
            match &mut skimmer {
                Some(skimmer) => skimmer.push(&chunk, &mut kept),
                None if received <= SKIM_FROM_BYTES => kept.extend_from_slice(&chunk),
                None => {
                    let mut fresh = Skimmer::default();
                    let before = std::mem::take(&mut kept);
                    fresh.push(&before, &mut kept);
                    fresh.push(&chunk, &mut kept);
                    skimmer = Some(fresh);
                }
            }
        }
        Ok((kept, share))
    }
}

/// What every client of ours has in common.
fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        // A redirect would carry X-Auth-Token to another host.
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("modelarts-exporter/", env!("CARGO_PKG_VERSION")))
}

pub(crate) fn internal(error: reqwest::Error) -> Error {
    Error::Internal(error.without_url().to_string())
}

/// Counts one request when it is over, also when the caller gives up and drops it.
struct Attempt<'a> {
    own: &'a own::Project,
    operation: Operation,
    started: Instant,
    code: Option<u16>,
}

impl<'a> Attempt<'a> {
    fn new(own: &'a own::Project, operation: Operation) -> Self {
        Self { own, operation, started: Instant::now(), code: None }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.own.api_request(self.operation, self.code, self.started.elapsed().as_secs_f64());
    }
}

/// Sorts the client's error by its chain of causes: only the text of the resolver's error tells it
/// from a refused connection.
fn connection_error(error: reqwest::Error) -> Error {
    let host = error.url().map_or_else(String::new, |url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port}", url.host_str().unwrap_or_default())
    });
    let is_decode = error.is_decode();
    let source = Arc::new(error.without_url());
    if tls_error(&*source).is_some() {
        return Error::Tls { host, source };
    }
    if causes(&*source).any(|error| error.to_string().contains("dns error")) {
        return Error::Dns { host, source };
    }
    // The connection's errors come from hyper; those of unpacking do not.
    if is_decode && !causes(&*source).any(<dyn std::error::Error>::is::<hyper::Error>) {
        return Error::Malformed(format!("it cannot be unpacked: {}", Chain(&*source)));
    }
    Error::Unreachable { host, source }
}
