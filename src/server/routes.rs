use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::{Access, Denial, Peer};
use super::connection::Connection;
use super::content::{Content, InFlight};
use super::status::{self, Pages};
use super::turns::{Turn, Turns};
use super::{Site, operations};
use crate::exposition::{Refusal, View};

pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// Pages load our own style sheet and icon and nothing else, run nothing, ask us alone and are framed by
/// nobody.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);

/// What will be the same for ever under this URL; private, because users may have to say who they are.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The same without its version in the URL: the next exporter has another one there.
const KEPT_BRIEFLY: HeaderValue = HeaderValue::from_static("private, max-age=300");

/// What is answered while nothing worth scraping is there.
const NOT_READY: &str = "not ready: waiting for the first answers of the cloud\n";
const STOPPING: &str = "not ready: stopping\n";

/// After how long a client that was one too many may try again: scrapes take less.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// How long one who tries again sooner waits for its next refusal: refusing in a tight loop would
/// take the processor from those who are answered.
const REFUSAL_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of an answer that is work to hand over; less goes into the system's buffer at once.
const LARGE: u64 = 1 << 20;

/// What a client is asked for; the realm is ours alone, the encoding is what we compare.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"modelarts-exporter\", charset=\"UTF-8\"");

/// Answers requests.
pub(super) struct Routes {
    site: Site,
    stop: CancellationToken,
    permits: Arc<Semaphore>,
    turns: Turns,
    pages: Pages,
    /// One token for every answer that is not sent to its end.
    pub(super) in_flight: TaskTracker,
}

/// A path we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Metrics,
    Overview,
    Job,
    Style,
    Icon,
    Healthy,
    Ready,
    Reload,
    Configuration,
}

impl Route {
    /// The label value in our own counters.
    fn handler(self) -> &'static str {
        match self {
            Self::Metrics => "/metrics",
            Self::Overview => "/",
            Self::Job => "/jobs",
            Self::Style => "/style.css",
            Self::Icon => "/icon.svg",
            Self::Healthy => "/-/healthy",
            Self::Ready => "/-/ready",
            Self::Reload => "/-/reload",
            Self::Configuration => "/config",
        }
    }

    /// What it answers; the text is for who asks in another way.
    fn methods(self) -> (&'static [Method], HeaderValue) {
        match self {
            Self::Reload => (&[Method::POST, Method::PUT], HeaderValue::from_static("POST, PUT")),
            _ => (&[Method::GET, Method::HEAD], HeaderValue::from_static("GET, HEAD")),
        }
    }

    /// Whoever watches over us must get through when scrapers do not.
    fn is_health(self) -> bool {
        matches!(self, Self::Healthy | Self::Ready)
    }
}

impl Routes {
    pub(super) fn new(site: Site, stop: CancellationToken) -> Self {
        let max_requests = site.settings.max_requests.min(Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(max_requests)),
            turns: Turns::new(),
            pages: Pages::new(Arc::clone(&site.sight), site.own.clone(), &site.settings),
            in_flight: TaskTracker::new(),
            site,
            stop,
        }
    }

    /// The answer to one request of a connection.
    pub(super) async fn answer<B>(
        &self,
        request: Request<B>,
        peer: &Peer,
        connection: &Arc<Connection>,
    ) -> Response<Content> {
        let tracked = self.in_flight.token();
        let mut answering = connection.answering();
        let route = self.route(request.uri().path());
        let access = self.access();
        let admitted = if route.is_some_and(Route::is_health) {
            Ok(None)
        } else {
            self.admit(&access, request.headers(), peer, connection).await.map(Some)
        };
        let (mut response, turn, permit) = match admitted {
            Ok(permit) => {
                let turn = self.turn(route, connection).await;
                (self.look_up(route, &request, peer).await, turn, permit)
            }
            Err(refusal) => (refusal, None, None),
        };
        let handler = route.map_or("other", Route::handler);
        self.site.own.http_request(handler, response.status().as_u16());
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        access.headers.put_on(response.headers_mut());
        if request.method() == Method::HEAD {
            response = head_of(response);
        }
        if response.body().length() > LARGE {
            answering.is_large();
        }
        let in_flight =
            InFlight { _tracked: tracked, _answering: answering, _turn: turn, _permit: permit };
        response.map(|body| body.holding(in_flight))
    }

    /// Who may ask, at present.
    pub(super) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.site.access.borrow())
    }

    /// The same, and what becomes of it.
    pub(super) fn watch_access(&self) -> watch::Receiver<Arc<Access>> {
        self.site.access.clone()
    }

    /// A place among the requests answered at once. It is taken last: whoever is turned away for
    /// another reason cannot keep others from it.
    async fn admit(
        &self,
        access: &Access,
        headers: &HeaderMap,
        peer: &Peer,
        connection: &Connection,
    ) -> Result<OwnedSemaphorePermit, Response<Content>> {
        access.admit(headers, peer).await.map_err(denied)?;
        self.permit(connection).await.ok_or_else(|| self.too_many())
    }

    async fn look_up<B>(
        &self,
        route: Option<Route>,
        request: &Request<B>,
        peer: &Peer,
    ) -> Response<Content> {
        let Some(route) = route else { return text(StatusCode::NOT_FOUND, "not found\n") };
        let (methods, allowed) = route.methods();
        if !methods.contains(request.method()) {
            let refusal = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with(refusal, ALLOW, allowed);
        }
        match route {
            Route::Metrics => self.metrics(request.headers(), request.uri().query()).await,
            Route::Overview => {
                let query = request.uri().query().unwrap_or_default();
                page(StatusCode::OK, self.pages.overview(query).await)
            }
            Route::Job => match self.pages.job(self.own_path(request.uri().path())).await {
                Ok(job) => page(StatusCode::OK, job),
                Err(unknown) => page(StatusCode::NOT_FOUND, unknown),
            },
            Route::Style => {
                let style = response(StatusCode::OK, CSS, status::STYLE);
                kept(style, request.uri().query() == Some(status::style_version()))
            }
            Route::Icon => {
                let icon = response(StatusCode::OK, SVG, status::ICON);
                kept(icon, request.uri().query() == Some(status::icon_version()))
            }
            Route::Healthy => text(StatusCode::OK, "healthy\n"),
            Route::Ready => self.ready(),
            Route::Reload => operations::reload(&self.site).await,
            Route::Configuration => {
                operations::configuration(&self.site, peer.address, request.headers())
            }
        }
    }

    /// A turn, for the exposition and for those who have just had one.
    async fn turn(&self, route: Option<Route>, connection: &Connection) -> Option<Turn> {
        if route == Some(Route::Metrics) && connection.is_in_a_hurry() {
            self.turns.wait().await
        } else {
            None
        }
    }

    /// A place among the requests answered at once; `None` where there is no free one.
    async fn permit(&self, connection: &Connection) -> Option<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.permits).try_acquire_owned().ok();
        let permit = free();
        if permit.is_some() || !connection.is_refused_again(RETRY_TIME) {
            return permit;
        }
        sleep(REFUSAL_PAUSE).await;
        free()
    }

    /// A path of ours without the prefix.
    fn own_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.site.settings.route_prefix.as_str()).unwrap_or(path)
    }

    fn route(&self, path: &str) -> Option<Route> {
        let settings = &self.site.settings;
        let path = path.strip_prefix(settings.route_prefix.as_str())?;
        match path {
            path if path == settings.telemetry_path => Some(Route::Metrics),
            "/" => Some(Route::Overview),
            "" if !settings.route_prefix.is_empty() => Some(Route::Overview),
            path if status::is_job_path(path) => Some(Route::Job),
            status::STYLE_PATH => Some(Route::Style),
            status::ICON_PATH => Some(Route::Icon),
            "/-/healthy" => Some(Route::Healthy),
            "/-/ready" => Some(Route::Ready),
            "/-/reload" => Some(Route::Reload),
            "/config" => Some(Route::Configuration),
            _ => None,
        }
    }

    async fn metrics(&self, headers: &HeaderMap, query: Option<&str>) -> Response<Content> {
        let view = match View::parse(query.unwrap_or_default()) {
            Ok(view) => view,
            Err(error) => return response(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
        };
        let accept = joined(headers, &ACCEPT);
        let accept_encoding = joined(headers, &ACCEPT_ENCODING);
        let answer = match self.site.reader.answer(&accept, &accept_encoding, &view).await {
            Ok(answer) => answer,
            Err(refusal) => return refused(refusal),
        };
        let kind = HeaderValue::from_static(answer.content_type);
        let mut response = response(StatusCode::OK, kind, answer.body);
        if let Some(encoding) = answer.content_encoding {
            response = with(response, CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        with(response, VARY, HeaderValue::from_static("Accept, Accept-Encoding"))
    }

    fn ready(&self) -> Response<Content> {
        if self.stop.is_cancelled() {
            text(StatusCode::SERVICE_UNAVAILABLE, STOPPING)
        } else if *self.site.ready.borrow() {
            text(StatusCode::OK, "ready\n")
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, NOT_READY)
        }
    }

    fn too_many(&self) -> Response<Content> {
        let reason = format!(
            "more than {} requests at once, try again later\n",
            self.site.settings.max_requests
        );
        let refusal = response(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason);
        with(refusal, RETRY_AFTER, RETRY_TIME.as_secs().into())
    }
}

/// A page for people: nobody keeps it, and where a link on it leads is not told where it came from.
fn page(status: StatusCode, page: String) -> Response<Content> {
    let page = with(response(status, HTML, page), CONTENT_SECURITY_POLICY, PAGE_POLICY);
    let page = with(page, REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    with(page, CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// What a page needs besides itself; whether its URL names its version.
fn kept(content: Response<Content>, is_versioned: bool) -> Response<Content> {
    with(content, CACHE_CONTROL, if is_versioned { KEPT } else { KEPT_BRIEFLY })
}

/// The answer without its body, of which it tells the length all the same: over HTTP/2 hyper would send the
/// body.
fn head_of(response: Response<Content>) -> Response<Content> {
    let length = response.body().length().into();
    with(response.map(|_| "".into()), CONTENT_LENGTH, length)
}

fn refused(refusal: Refusal) -> Response<Content> {
    let reason = format!("{refusal}\n");
    match refusal {
        Refusal::UnknownProject => response(StatusCode::NOT_FOUND, TEXT, reason),
        Refusal::Busy => {
            let busy = response(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason);
            with(busy, RETRY_AFTER, RETRY_TIME.as_secs().into())
        }
    }
}

fn denied(denial: Denial) -> Response<Content> {
    match denial {
        Denial::TooOften(wait) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let refusal = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
            with(refusal, RETRY_AFTER, HeaderValue::from(seconds))
        }
        Denial::NoCertificate => text(StatusCode::FORBIDDEN, "a client certificate is required\n"),
        Denial::NoUser => {
            let refusal = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
            with(refusal, WWW_AUTHENTICATE, CHALLENGE)
        }
        Denial::Busy => {
            let reason = "too many passwords wait to be checked, try again later\n";
            with(
                text(StatusCode::SERVICE_UNAVAILABLE, reason),
                RETRY_AFTER,
                RETRY_TIME.as_secs().into(),
            )
        }
    }
}

pub(super) fn text(status: StatusCode, text: &'static str) -> Response<Content> {
    response(status, TEXT, text)
}

/// hyper adds the length, which the content knows.
pub(super) fn response(
    status: StatusCode,
    kind: HeaderValue,
    content: impl Into<Content>,
) -> Response<Content> {
    let mut response = Response::new(content.into());
    *response.status_mut() = status;
    with(response, CONTENT_TYPE, kind)
}

pub(super) fn with(
    mut response: Response<Content>,
    name: HeaderName,
    value: HeaderValue,
) -> Response<Content> {
    response.headers_mut().insert(name, value);
    response
}

/// A header that may come in several lines, as one list; what is not text is left out.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines: Vec<&str> =
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    lines.join(",")
}
