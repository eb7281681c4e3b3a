//! From a request to an answer: routes, faults, authentication.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    answer::Answer,
    cloud::Cloud,
    control,
    fault::Fault,
    iam::{self, AUTH_TOKEN, header},
    identity::Scope,
    outgoing::{Counted, InFlight, plain, spoil},
    refusal::refusal,
    route::Route,
    rules::{Verdict, judge},
    v1::{self, Query},
};

/// Bytes of a token request: a rescope carries a token of several thousand.
const TOKEN_REQUEST_MOST: usize = 64 << 10;

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

    let token = header(&head.headers, &AUTH_TOKEN)
        .and_then(|text| cloud.tokens().get(text).map(|token| token.number));
    let verdict = judge(&mut cloud.rules(), route.kind(), route.job(), token);
    if verdict.latency > 0 {
        tokio::time::sleep(Duration::from_millis(verdict.latency)).await;
    }
    let answer = match verdict.fault {
        Some((Fault::Hang, _)) => std::future::pending().await,
        Some((fault, value)) => match refusal(fault, value, route.kind()) {
            Some(answer) => answer,
            None => dispatch(&cloud, &route, &head, incoming, &verdict).await,
        },
        None => dispatch(&cloud, &route, &head, incoming, &verdict).await,
    };
    Ok(spoil(answer, &verdict, reset, in_flight))
}

/// The answer of a cloud in order, but for what the verdict says of jobs and pages.
async fn dispatch(
    cloud: &Cloud,
    route: &Route<'_>,
    head: &http::request::Parts,
    incoming: Incoming,
    verdict: &Verdict,
) -> Answer {
    let query = Query::new(head.uri.query().unwrap_or_default());
    if let Some(project) = route.project() {
        if head.method != Method::GET {
            return not_allowed();
        }
        return match authorize(cloud, &head.headers, project).await {
            Ok(()) => {
                training(cloud, route, project, &query, verdict).unwrap_or_else(|error| error)
            }
            Err(refused) => refused,
        };
    }
    let base = cloud.base(&head.headers);
    let answer = match (route, &head.method) {
        (Route::Tokens, &Method::POST) => match whole_body(incoming, TOKEN_REQUEST_MOST).await {
            Ok(body) => {
                let world = cloud.world();
                iam::issue(&mut cloud.tokens(), &world.projects, &query, &base, &body)
            }
            Err(refused) => Err(refused),
        },
        (Route::Tokens, &Method::DELETE) => iam::revoke(&mut cloud.tokens(), &head.headers),
        (_, method) if method != Method::GET && method != Method::HEAD => Err(not_allowed()),
        (Route::Tokens, _) => {
            let world = cloud.world();
            iam::validate(&cloud.tokens(), &world.projects, &query, &base, &head.headers)
        }
        (Route::Projects, _) => {
            let world = cloud.world();
            iam::projects(&cloud.tokens(), &world.projects, &query, &base, &head.headers)
        }
        (Route::Catalogue, _) => iam::catalogue(&cloud.tokens(), &base, &head.headers),
        (Route::Discovery, _) => Ok(iam::discovery(&base, false)),
        (Route::Landing, _) => {
            let json = header(&head.headers, &header::ACCEPT)
                .is_some_and(|accept| accept.contains("application/json"));
            Ok(if json {
                iam::discovery(&base, true)
            } else {
                iam::landing(&base, &cloud.world().projects)
            })
        }
        _ => Err(Answer::unpublished()),
    };
    answer.unwrap_or_else(|error| error)
}

fn training(
    cloud: &Cloud,
    route: &Route<'_>,
    project: &str,
    query: &Query<'_>,
    verdict: &Verdict,
) -> Result<Answer, Answer> {
    let now = cloud.clock.now();
    let mut world = cloud.world();
    if let Some(document) = route.job().and_then(|job| world.documents.get(&job)) {
        return Ok(Answer::raw(StatusCode::OK, "application/json", document.clone()));
    }
    let project = world.project(project).ok_or_else(wrong_project)?;
    match *route {
        Route::List(_) => v1::list(project, query, verdict, now),
        Route::Versions(_, job) => v1::versions(project, job, query, verdict, now),
        Route::Detail(_, job, version) => v1::detail(project, job, version, verdict, now),
        _ => Err(Answer::unpublished()),
    }
}

fn wrong_project() -> Answer {
    Answer::service_error(
        StatusCode::FORBIDDEN,
        "ModelArts.0210",
        "The project ID of the token does not match that of the request.",
    )
}

/// A method that a path does not know.
pub(super) fn not_allowed() -> Answer {
    Answer::gateway_error(
        StatusCode::METHOD_NOT_ALLOWED,
        "ModelArts.2803",
        "The method is not allowed.",
    )
}

async fn authorize(cloud: &Cloud, headers: &HeaderMap, project: &str) -> Result<(), Answer> {
    let Some(text) = header(headers, &AUTH_TOKEN) else {
        return Err(Answer::bad_token("x-auth-token not found"));
    };
    if let Some(remote) = &cloud.remote {
        return if remote.accepts(text, project).await {
            Ok(())
        } else {
            Err(Answer::bad_token("decrypt token fail"))
        };
    }
    match cloud.tokens().get(text).map(|token| token.scope.clone()) {
        None => Err(Answer::bad_token("decrypt token fail")),
        Some(Scope::Domain) => Err(Answer::service_error(
            StatusCode::BAD_REQUEST,
            "ModelArts.0204",
            "The token must contain the project ID.",
        )),
        Some(Scope::Project(id)) if id != project => Err(wrong_project()),
        Some(Scope::Project(_)) => Ok(()),
    }
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
