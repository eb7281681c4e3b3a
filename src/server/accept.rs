use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::routes::Routes;
use super::stalled::Stalled;
use super::{Listeners, Site};

/// How long a connection may take to send a request's headers. It runs between requests too, so it
/// is longer than the usual minute between two scrapes: a scraper keeps its connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Connections at once; the next ones wait unaccepted. Half of the 1024 open files that a process
/// usually may have, so that polling never goes short of sockets.
const MAX_CONNECTIONS: usize = 512;

/// Request line and headers together; the longest `Accept` in use is a few hundred bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Headers of one request; scrapers behind proxies send about twenty.
const MAX_HEADERS: usize = 64;

/// After an accept error that is not the fault of one connection, such as too many open files:
/// long enough not to spin, short enough to be missed by no scrape.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How long a stop waits for answers in flight: the process has five seconds in all.
const DRAIN_DEADLINE: Duration = Duration::from_secs(4);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every answer was sent to its end.
    Drained,
    /// Some were cut off because they took too long.
    CutOff,
}

/// Serves until `stop` is cancelled and what was in flight is sent, or four seconds have passed.
///
/// While it waits it keeps accepting, not ready, so that a scraper that comes meanwhile is answered.
pub async fn serve(listeners: Listeners, site: Site, stop: CancellationToken) -> Stopped {
    let server = Arc::new(Server {
        routes: Routes::new(site, stop.clone()),
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        connections: TaskTracker::new(),
        finish: CancellationToken::new(),
        abandon: CancellationToken::new(),
    });
    // Also when this future is dropped no connection outlives it.
    let _abandon = server.abandon.clone().drop_guard();
    let mut acceptors = JoinSet::new();
    for listener in listeners.into_sockets() {
        acceptors.spawn(accept(listener, Arc::clone(&server)));
    }

    stop.cancelled().await;
    let deadline = Instant::now() + DRAIN_DEADLINE;
    server.routes.in_flight.close();
    let drained = timeout_at(deadline, server.routes.in_flight.wait()).await;
    acceptors.shutdown().await;
    server.finish.cancel();
    server.connections.close();
    // Bodies handed over may still be on their way through our buffers.
    let closed = timeout_at(deadline, server.connections.wait()).await;
    if drained.and(closed).is_ok() { Stopped::Drained } else { Stopped::CutOff }
}

struct Server {
    routes: Routes,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    /// Connections end after the answer they are sending.
    finish: CancellationToken,
    /// Connections end now.
    abandon: CancellationToken,
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    loop {
        let Ok(place) = Arc::clone(&server.places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let server_of_connection = Arc::clone(&server);
                server.connections.spawn(async move {
                    connection(stream, &server_of_connection).await;
                    drop(place);
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections, trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether a client went away between knocking and being let in.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn connection(stream: TcpStream, server: &Server) {
    // An answer is written in one go: waiting to fill a packet only delays its end.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off the delay of small packets");
    }
    let service =
        service_fn(async |request| Ok::<_, Infallible>(server.routes.answer(request).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Stalled::breaking(stream)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = server.finish.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = server.abandon.cancelled() => return,
            }
        }
        () = server.abandon.cancelled() => return,
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended early");
    }
}
