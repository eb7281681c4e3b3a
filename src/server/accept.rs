use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Peer;
use super::connection::Connection;
use super::connections::{Connections, MAX_CONNECTIONS};
use super::heard::Heard;
use super::routes::Routes;
use super::{Listeners, Site};

/// Connections that were ended to make room and are not closed yet: their tasks get their turn while
/// the next ones are accepted. At this many beyond the cap accepting waits for them.
const MAX_CLOSING: usize = 64;

/// Request line and headers together; the longest `Accept` in use is a few hundred bytes.
const MAX_HEAD_BYTES: u32 = 32 * 1024;

/// Headers of one request; scrapers behind proxies send about twenty.
const MAX_HEADERS: usize = 64;

/// Requests of one HTTP/2 connection that are answered at once; a scraper sends one.
const MAX_STREAMS: u32 = 16;

/// After an accept error that is not the fault of one connection, such as too many open files:
/// long enough not to spin, short enough to be missed by no scrape.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Connections that make room each time: a few scrapers get in where all the others only sit there.
const ROOM_AT_ONCE: usize = 16;

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
    let abandon = CancellationToken::new();
    let server = Arc::new(Server {
        routes: Routes::new(site, stop.clone()),
        sockets: Arc::new(Semaphore::new(MAX_CONNECTIONS + MAX_CLOSING)),
        connections: Connections::new(abandon.clone()),
        tasks: TaskTracker::new(),
        finish: CancellationToken::new(),
    });
    // Also when this future is dropped no connection outlives it.
    let _abandon = abandon.drop_guard();
    let mut watch = JoinSet::new();
    watch.spawn(Arc::clone(&server.connections).watch());
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
    server.tasks.close();
    // Bodies handed over may still be on their way through our buffers.
    let closed = timeout_at(deadline, server.tasks.wait()).await;
    if drained.and(closed).is_ok() { Stopped::Drained } else { Stopped::CutOff }
}

struct Server {
    routes: Routes,
    /// One permit for each socket that is not closed yet.
    sockets: Arc<Semaphore>,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    /// Connections end after the answer they are sending.
    finish: CancellationToken,
}

impl Server {
    /// Done when a connection is to end after the answer it is sending: the server finishes, or
    /// connections are made in another way by now. Who keeps asking over an old one would otherwise
    /// never show a certificate that has become required, and never see ours renewed.
    async fn is_to_end(&self, peer: &Peer) {
        let mut access = self.routes.watch_access();
        tokio::select! {
            () = self.finish.cancelled() => {}
            Ok(_) = access.wait_for(|access| access.tls != peer.tls) => {}
        }
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    loop {
        let Ok(socket) = Arc::clone(&server.sockets).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, client)) => {
                let Some(place) = server.connections.enter() else {
                    tracing::debug!("all connections are being answered: closing one more");
                    continue;
                };
                let server_of_connection = Arc::clone(&server);
                server.tasks.spawn(async move {
                    attend(stream, client.ip(), &place, &server_of_connection).await;
                    drop((place, socket));
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections, trying again");
                // Mostly it is files that are short, of which connections hold one each.
                server.connections.make_room(ROOM_AT_ONCE);
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

/// One connection, from its first byte to its last.
async fn attend(
    stream: TcpStream,
    client: IpAddr,
    connection: &Arc<Connection>,
    server: &Arc<Server>,
) {
    // An answer is written in one go: waiting to fill a packet only delays its end.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off the delay of small packets");
    }
    let conversation = converse(stream, client, connection, server);
    tokio::select! {
        () = conversation => {}
        () = connection.ended() => {}
    }
}

/// The handshake, where there is one, and then the requests.
async fn converse(
    stream: TcpStream,
    address: IpAddr,
    connection: &Arc<Connection>,
    server: &Arc<Server>,
) {
    let Some(tls) = server.routes.access().tls.clone() else {
        connection.handshake_over();
        let peer = Peer { address, tls: None, has_certificate: false };
        return serve_http1(stream, peer, connection, server).await;
    };
    let stream = match TlsAcceptor::from(tls.config()).accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "no TLS with this client");
            return;
        }
    };
    connection.handshake_over();
    let (_, session) = stream.get_ref();
    let has_certificate = session.peer_certificates().is_some();
    let peer = Peer { address, has_certificate, tls: Some(tls) };
    if session.alpn_protocol() == Some(b"h2") {
        serve_http2(stream, peer, connection, server).await;
    } else {
        serve_http1(stream, peer, connection, server).await;
    }
}

/// Answers what comes in over a stream of any kind, until it closes or the server finishes.
async fn serve_http1<S>(stream: S, peer: Peer, connection: &Arc<Connection>, server: &Server)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let service = service_fn(async |request| {
        Ok::<_, Infallible>(server.routes.answer(request, &peer, connection).await)
    });
    let stream = TokioIo::new(Heard::of(stream, Arc::clone(connection)));
    // No timer: hyper's own timeout of headers runs between requests, too.
    let http = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES as usize)
        .max_buf_size(MAX_HEAD_BYTES as usize)
        .serve_connection(stream, service);
    let mut http = pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = server.is_to_end(&peer) => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    note(ended);
}

/// The same for a stream that carries several requests at once.
async fn serve_http2<S>(stream: S, peer: Peer, connection: &Arc<Connection>, server: &Arc<Server>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shared = Arc::new((peer, Arc::clone(connection), Arc::clone(server)));
    let of_service = Arc::clone(&shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&of_service);
        async move {
            let (peer, connection, server) = &*shared;
            Ok::<_, Infallible>(server.routes.answer(request, peer, connection).await)
        }
    });
    let http = http2::Builder::new(Tasks(server.tasks.clone()))
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = server.is_to_end(&shared.0) => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    note(ended);
}

/// Where the requests of an HTTP/2 connection run: the stop waits for them, too.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.0.spawn(request);
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::inventory::{Inventory, Moment};
    use crate::server::Settings;
    use crate::{exposition, own};

    const REQUEST: &[u8] = b"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n";

    /// The other end of a connection that is served, and its task.
    fn served() -> (DuplexStream, tokio::task::JoinHandle<()>) {
        let own = own::Metrics::new();
        let (_, reader) = exposition::new(&[], own.clone());
        let settings = Settings {
            listen_addresses: Vec::new(),
            telemetry_path: "/metrics".into(),
            route_prefix: String::new(),
            max_requests: 1,
            enable_lifecycle: false,
            enable_config: false,
        };
        let (_, ready) = watch::channel(true);
        let (_, access) = watch::channel(Arc::default());
        let (_, configuration) = watch::channel("".into());
        let (reload, _) = mpsc::channel(1);
        let sight = Arc::new((Inventory::new(), Moment { steady: Instant::now(), unix: 0.0 }));
        let site = Site { settings, reader, sight, own, access, ready, configuration, reload };
        let server = Server {
            routes: Routes::new(site, CancellationToken::new()),
            sockets: Arc::new(Semaphore::new(1)),
            connections: Connections::new(CancellationToken::new()),
            tasks: TaskTracker::new(),
            finish: CancellationToken::new(),
        };
        tokio::spawn(Arc::clone(&server.connections).watch());
        // Smaller than any answer.
        let (ours, theirs) = duplex(16);
        let task = tokio::spawn(async move {
            let place = server.connections.enter().unwrap();
            place.handshake_over();
            let peer = Peer { address: [127, 0, 0, 1].into(), tls: None, has_certificate: false };
            tokio::select! {
                () = serve_http1(ours, peer, &place, &server) => {}
                () = place.ended() => {}
            }
        });
        (theirs, task)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_drips_is_cut_off_however_steady_it_comes() {
        let (mut client, task) = served();
        sleep(Duration::from_mins(4)).await;
        let began = Instant::now();
        for byte in REQUEST.iter().cycle() {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        task.await.unwrap();
        assert!((10..13).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_read_in_drips_is_cut_off_however_steadily_it_is_read() {
        let (mut client, task) = served();
        client.write_all(REQUEST).await.unwrap();
        let began = Instant::now();
        while let Ok(_byte) = client.read_u8().await {
            sleep(Duration::from_secs(1)).await;
        }
        task.await.unwrap();
        // What was in the buffer when it was cut off may still be read.
        assert!((60..80).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
}
