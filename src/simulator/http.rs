//! From a request to an answer: routes, faults, authentication.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::{
    access,
    answer::Answer,
    cloud::Cloud,
    control,
    fault::Fault,
    iam::{self, header},
    metadata,
    outgoing::{Counted, InFlight, plain, spoil},
    refusal::refusal,
    route::Route,
    rules::{Verdict, judge},
    signature::is_signed,
    v1::{self, Query},
    v2,
};

/// Bytes of a request's body: a rescope carries a token of several thousand.
const REQUEST_MOST: usize = 64 << 10;

/// Answers a request. `reset` is raised when the connection is to end in a reset.
pub(super) async fn serve(
    cloud: Arc<Cloud>,
    request: Request<Incoming>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Counted>, Infallible> {
    let (head, incoming) = request.into_parts();
    let route = Route::new(head.uri.path());
    if let Route::Control(call) = &route {
        let answer = control::answer(&cloud, &head, call, incoming).await;
        return Ok(plain(answer, None));
    }
    let in_flight = InFlight::new(&cloud, route.kind());
    tracing::debug!(method = %head.method, path = head.uri.path(), "request");

    let body = match whole_body(incoming, REQUEST_MOST).await {
        Ok(body) => body,
        Err(refused) => return Ok(plain(refused, Some(in_flight))),
    };
    let number = access::number(&cloud.identity(), &head, &body, Timestamp::now());
    let verdict = judge(&mut cloud.rules(), route.asked(), number);
    if verdict.latency > 0 {
        tokio::time::sleep(Duration::from_millis(verdict.latency)).await;
    }
    let call = Call { cloud: &cloud, route: &route, head: &head, body: &body, verdict: &verdict };
    let answer = match verdict.fault {
        Some((Fault::Hang, _)) => std::future::pending().await,
        Some((fault, value)) => {
            match refusal(fault, value, route.asked(), is_signed(&head.headers)) {
                Some(answer) => answer,
                None => call.dispatch().await,
            }
        }
        None => call.dispatch().await,
    };
    let answer = if verdict.skew > 0 {
        // Otherwise the server below writes the true time.
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&verdict.now());
        answer.with(header::DATE, &date.unwrap_or_default())
    } else {
        answer
    };
    Ok(spoil(answer, &verdict, reset, in_flight))
}

/// A request, and what the faults make of it.
struct Call<'a> {
    cloud: &'a Cloud,
    route: &'a Route<'a>,
    head: &'a Parts,
    body: &'a [u8],
    verdict: &'a Verdict,
}

impl Call<'_> {
    /// The answer of a cloud in order, but for what the verdict says of clocks, jobs and pages.
    async fn dispatch(&self) -> Answer {
        let Some(project) = self.route.project() else {
            return self.identity_service().unwrap_or_else(|refused| refused);
        };
        if self.head.method != self.route.method() {
            return not_allowed();
        }
        let now = self.verdict.now();
        let api = self.route.api();
        match access::authorize(self.cloud, self.head, self.body, project, api, now).await {
            Ok(()) => self.training(project).unwrap_or_else(|error| error),
            Err(refused) => refused,
        }
    }

    fn identity_service(&self) -> Result<Answer, Answer> {
        let Self { cloud, head, body, .. } = *self;
        let (base, now) = (cloud.base(&head.headers), self.verdict.now());
        let world = cloud.world();
        let mut identity = cloud.identity();
        match (self.route, &head.method) {
            (Route::Tokens, &Method::POST) => {
                iam::login::issue(&mut identity, &world.projects, &base, head, body, now)
            }
            (Route::Tokens, &Method::DELETE) => {
                iam::revoke(&mut identity.tokens, &head.headers, now)
            }
            (Route::TemporaryKeys, &Method::POST) => {
                iam::temporary::issue(&mut identity, head, body, now)
            }
            (Route::MetadataSession, &Method::PUT) => {
                Ok(metadata::open(&mut identity, cloud.metadata, &head.headers))
            }
            (_, method) if method != Method::GET && method != Method::HEAD => Err(not_allowed()),
            (Route::TemporaryKeys | Route::MetadataSession, _) => Err(not_allowed()),
            (Route::SecurityKey, _) => {
                Ok(metadata::security_key(&mut identity, cloud.metadata, &head.headers, now))
            }
            (Route::Tokens, _) => {
                iam::validate(&identity.tokens, &world.projects, &base, head, now)
            }
            (Route::Projects, _) => iam::projects(&mut identity, &world.projects, &base, head, now),
            (Route::Catalogue, _) => iam::catalogue(&identity.tokens, &base, &head.headers, now),
            (Route::Discovery, _) => Ok(iam::discovery(&base, false)),
            (Route::Landing, _) => {
                let json = header(&head.headers, &header::ACCEPT)
                    .is_some_and(|accept| accept.contains("application/json"));
                Ok(if json {
                    iam::discovery(&base, true)
                } else {
                    iam::landing(&base, &world.projects)
                })
            }
            _ => Err(Answer::unpublished()),
        }
    }

    fn training(&self, project: &str) -> Result<Answer, Answer> {
        let Self { cloud, route, verdict, .. } = *self;
        let query = Query::new(self.head.uri.query().unwrap_or_default());
        let now = cloud.clock.now();
        let mut world = cloud.world();
        if let Some(document) = world.documents.answer(route.asked()) {
            return Ok(Answer::raw(StatusCode::OK, "application/json", document.clone()));
        }
        let (project, documents) =
            world.project(project).ok_or_else(|| access::wrong_project(route.api()))?;
        match *route {
            Route::List(_) => v1::list(project, &query, verdict, now),
            Route::Versions(_, job) => v1::versions(project, job, &query, verdict, now),
            Route::Detail(_, job, version) => v1::detail(project, job, version, verdict, now),
            Route::V2(_, call) => v2::Service {
                project,
                documents,
                query,
                body: self.body,
                verdict,
                offsets: cloud.offsets(),
                now,
            }
            .answer(call),
            _ => Err(Answer::unpublished()),
        }
    }
}

/// A method that a path does not know.
pub(super) fn not_allowed() -> Answer {
    Answer::gateway_error(
        StatusCode::METHOD_NOT_ALLOWED,
        "ModelArts.2803",
        "The method is not allowed.",
    )
}

/// A request's body, unless it is longer than it may be.
pub(super) async fn whole_body(incoming: Incoming, most: usize) -> Result<Bytes, Answer> {
    match Limited::new(incoming, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Answer::gateway_error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "APIGW.0201",
            "The request body is too large or was cut off.",
        )),
    }
}
