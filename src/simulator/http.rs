//! From a request to an answer: routes, faults, authentication.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    answer::Answer,
    body::{self, Body, Broken},
    clock::Clock,
    control,
    fault::Fault,
    iam::{self, AUTH_TOKEN, header},
    identity::{Scope, Tokens},
    quirk,
    remote::RemoteIam,
    requests::{Kind, Requests},
    rules::{Rule, Verdict, judge},
    settings::Settings,
    v1::{self, Query},
    world::World,
};

/// Bytes of a token request: a rescope carries a token of several thousand.
const TOKEN_REQUEST_MOST: usize = 64 << 10;

/// The whole simulated cloud.
#[derive(Debug)]
pub(super) struct Cloud {
    pub(super) clock: Clock,
    world: Mutex<World>,
    tokens: Mutex<Tokens>,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Requests>,
    remote: Option<RemoteIam>,
    address: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cloud {
    /// The cloud as the settings begin it, to be reached at an address.
    pub(super) fn new(settings: &Settings, address: String) -> Self {
        let epoch = settings.epoch.unwrap_or_else(jiff::Timestamp::now);
        let clock = Clock::new(epoch, settings.speed);
        let rules = settings.faults.iter().map(|spec| Rule::new(*spec, None, None, 0)).collect();
        Self {
            world: Mutex::new(World::new(settings, clock.epoch())),
            tokens: Mutex::new(Tokens::new(
                settings.seed,
                settings.token_ttl,
                settings.token_bytes,
            )),
            rules: Mutex::new(rules),
            requests: Mutex::new(Requests::new()),
            remote: settings.iam.as_ref().map(RemoteIam::new),
            clock,
            address,
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        locked(&self.tokens)
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        locked(&self.rules)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Requests> {
        locked(&self.requests)
    }

    /// What clients call us: links in answers must lead back the way they came.
    fn base(&self, headers: &HeaderMap) -> String {
        let host = header(headers, &header::HOST).unwrap_or(&self.address);
        format!("http://{host}")
    }
}

/// What a path means.
#[derive(Debug)]
enum Route<'a> {
    Landing,
    Discovery,
    Tokens,
    Projects,
    Catalogue,
    List(&'a str),
    Versions(&'a str, &'a str),
    Detail(&'a str, &'a str, &'a str),
    Control(Vec<&'a str>),
    Unknown,
}

impl<'a> Route<'a> {
    fn new(path: &'a str) -> Self {
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        match *parts.as_slice() {
            [] => Self::Landing,
            ["v3"] => Self::Discovery,
            ["v3", "auth", "tokens"] => Self::Tokens,
            ["v3", "projects"] | ["v3", "auth", "projects"] => Self::Projects,
            ["v3", "auth", "catalog"] => Self::Catalogue,
            ["v1", project, "training-jobs"] => Self::List(project),
            ["v1", project, "training-jobs", job, "versions"] => Self::Versions(project, job),
            ["v1", project, "training-jobs", job, "versions", version] => {
                Self::Detail(project, job, version)
            }
            ["-", "simulator", ref call @ ..] => Self::Control(call.to_vec()),
            _ => Self::Unknown,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Tokens => Kind::Token,
            Self::List(_) => Kind::List,
            Self::Versions(..) => Kind::Versions,
            Self::Detail(..) => Kind::Detail,
            _ => Kind::Other,
        }
    }

    fn job(&self) -> Option<u64> {
        match self {
            Self::Versions(_, job) | Self::Detail(_, job, _) => job.parse().ok(),
            _ => None,
        }
    }

    /// The project whose token it takes.
    fn project(&self) -> Option<&'a str> {
        match self {
            Self::List(project) | Self::Versions(project, _) | Self::Detail(project, ..) => {
                Some(project)
            }
            _ => None,
        }
    }
}

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

/// What a fault says instead of an answer.
fn refusal(fault: Fault, value: u64, kind: Kind) -> Option<Answer> {
    Some(match fault {
        Fault::Throttle => Answer::gateway_error(
            StatusCode::TOO_MANY_REQUESTS,
            "APIGW.0308",
            "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute",
        )
        .with(header::RETRY_AFTER, &value.to_string()),
        Fault::ServerError => Answer::gateway_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ModelArts.2950",
            "Unknown error.",
        ),
        Fault::Html => Answer::raw(
            StatusCode::BAD_GATEWAY,
            "text/html",
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
             <body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n",
        ),
        Fault::Rejected => {
            Answer::service_error(StatusCode::OK, "ModelArts.0105", "The request was rejected.")
        }
        Fault::Retired => Answer::unpublished(),
        Fault::Unauthorized if kind == Kind::Token => Answer::keystone_error(
            StatusCode::UNAUTHORIZED,
            "The request you have made requires authentication.",
        ),
        Fault::Forbidden if kind == Kind::Token => Answer::keystone_error(
            StatusCode::FORBIDDEN,
            "You are not authorized to perform the requested action.",
        ),
        Fault::Unauthorized | Fault::ExpiredToken => {
            Answer::bad_token("decrypt token fail")
        }
        Fault::Forbidden => Answer::service_error(
            StatusCode::FORBIDDEN,
            "ModelArts.0108",
            "The user is not authorized to perform the operation.",
        ),
        _ => return None,
    })
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

/// The answer as it goes out, with what the faults do to its body.
fn spoil(
    mut answer: Answer,
    verdict: &Verdict,
    reset: Arc<AtomicBool>,
    in_flight: InFlight,
) -> Response<Counted> {
    let (body, length): (Body, Option<usize>) = match verdict.fault {
        Some((Fault::SlowBody, value)) => {
            let length = answer.body.len();
            (body::slow(answer.body, Duration::from_millis(value)), Some(length))
        }
        Some((Fault::Reset, _)) => (body::half(&answer.body, reset), Some(answer.body.len())),
        Some((Fault::Truncated, _)) => {
            answer.body.truncate(answer.body.len() / 2);
            return plain(answer, Some(in_flight));
        }
        Some((Fault::WrongTypes, _)) => {
            answer.body = quirk::swap_types(&answer.body).into();
            return plain(answer, Some(in_flight));
        }
        Some((Fault::Huge, _)) => match (answer.huge, v1::around_mark(&answer.body)) {
            (Some(size), Some((start, end, escaped))) => {
                let (before, after) = (answer.body.slice(..start), answer.body.slice(end..));
                (body::huge(before, after, size, escaped), None)
            }
            _ => return plain(answer, Some(in_flight)),
        },
        _ => return plain(answer, Some(in_flight)),
    };
    if let Some(length) = length {
        answer.headers.push((header::CONTENT_LENGTH, HeaderValue::from(length)));
    }
    response(answer.status, answer.headers, body, Some(in_flight))
}

fn plain(answer: Answer, in_flight: Option<InFlight>) -> Response<Counted> {
    response(answer.status, answer.headers, body::whole(answer.body), in_flight)
}

fn response(
    status: StatusCode,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    body: Body,
    in_flight: Option<InFlight>,
) -> Response<Counted> {
    let mut response = Response::new(Counted { body, in_flight });
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// A request that has come and not yet gone.
#[derive(Debug)]
pub(super) struct InFlight {
    cloud: Arc<Cloud>,
    kind: Kind,
}

impl InFlight {
    fn new(cloud: &Arc<Cloud>, kind: Kind) -> Self {
        cloud.requests().came(kind);
        Self { cloud: Arc::clone(cloud), kind }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.cloud.requests().went(self.kind);
    }
}

/// A body that counts what goes out and keeps its request in flight until it is all gone.
#[derive(Debug)]
pub(super) struct Counted {
    body: Body,
    in_flight: Option<InFlight>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(in_flight)) = (&polled, &self.in_flight)
            && let Some(piece) = frame.data_ref()
        {
            in_flight.cloud.requests().sent(piece.remaining());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
