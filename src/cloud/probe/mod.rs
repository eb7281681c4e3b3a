//! One look at the way to an endpoint, step by step, as the client goes it: what `doctor` explains.
//!
//! The client itself only says that a connection could not be made. The probe takes each step alone and
//! keeps what it saw. Nothing that is a secret is sent: one request for the clock, without credentials.

mod clock;
mod proxy;
mod sight;
mod tls;
mod tunnel;

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use url::{Host, Url};

pub use sight::{
    Certificate, Distrust, Handshake, Obstacle, ProxyInUse, ProxySource, Sight, Timed,
};

use crate::cloud::Project;
use proxy::Proxy;

/// What a cloud in reach needs for a step is far below; a dead address should not hold the rest up.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Any connection, encrypted or not.
type Stream = Box<dyn Connection>;

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Goes the way to the endpoint until a step fails. Every step but those before is missing then.
pub async fn look(project: &Project, endpoint: &Url) -> Sight {
    let mut sight = Sight::default();
    let probe = Probe { project, step: STEP_TIMEOUT.min(project.timeout) };
    // What stopped it stands in the sight.
    let _ = probe.walk(endpoint, &mut sight).await;
    sight
}

/// Whether the way to the endpoint is encrypted: to itself, or to the proxy before it.
pub(super) fn has_handshake(project: &Project, endpoint: &Url) -> bool {
    let to_proxy = || Proxy::of(project, endpoint).is_some_and(|it| it.url().scheme() == "https");
    endpoint.scheme() == "https" || to_proxy()
}

/// The step failed, and the sight says why.
struct Stopped;

struct Probe<'a> {
    project: &'a Project,
    /// How long one step may take.
    step: Duration,
}

impl Probe<'_> {
    async fn walk(&self, endpoint: &Url, sight: &mut Sight) -> Result<(), Stopped> {
        let proxy = Proxy::of(self.project, endpoint);
        sight.proxy = proxy.as_ref().map(Proxy::in_use);
        let first = proxy.as_ref().map_or(endpoint, Proxy::url);
        let addresses = keep(&mut sight.dns, self.timed(resolve(first)).await)?;
        let (stream, address) = match self.connect(addresses).await {
            Ok(connected) => connected,
            Err(obstacle) => return fail(&mut sight.tcp, obstacle),
        };
        keep(&mut sight.tcp, Ok(address))?;
        let mut stream: Stream = Box::new(stream);
        if let Some(proxy) = &proxy {
            if proxy.url().scheme() == "https" {
                let outcome = self.timed(self.encrypt(stream, proxy.url())).await;
                let (handshake, encrypted) = split(outcome);
                keep(&mut sight.proxy_tls, handshake)?;
                stream = encrypted.ok_or(Stopped)?;
            }
            if endpoint.scheme() == "https" {
                match self.timed(tunnel::open(stream, endpoint, proxy)).await {
                    Ok(Timed { found, took }) => {
                        stream = found;
                        keep(&mut sight.tunnel, Ok(Timed { found: (), took }))?;
                    }
                    Err(obstacle) => return fail(&mut sight.tunnel, obstacle),
                }
            }
        }
        if endpoint.scheme() == "https" {
            let outcome = self.timed(self.encrypt(stream, endpoint)).await;
            let (handshake, encrypted) = split(outcome);
            keep(&mut sight.tls, handshake)?;
            stream = encrypted.ok_or(Stopped)?;
        }
        let forward = proxy.as_ref().filter(|_| endpoint.scheme() == "http");
        sight.clock = Some(self.timed(clock::ahead(stream, endpoint, forward)).await);
        Ok(())
    }

    /// The handshake, and the connection where it can be trusted.
    async fn encrypt(
        &self,
        stream: Stream,
        url: &Url,
    ) -> Result<(Handshake, Option<Stream>), Obstacle> {
        let name = ServerName::try_from(host(url)).map_err(|_| Obstacle::NoHost)?;
        let (handshake, stream) = tls::shake_hands(stream, name, &self.project.tls).await?;
        let trusted = handshake.distrust.is_none() || self.project.tls.insecure_skip_verify;
        Ok((handshake, trusted.then_some(stream)))
    }

    /// The first address that takes a connection, as the client tries them.
    async fn connect(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, Timed<SocketAddr>), Obstacle> {
        let mut last = Obstacle::NoHost;
        for &address in addresses {
            let connecting = async {
                let connected = TcpStream::connect(address).await;
                connected.map_err(|error| Obstacle::connection(address, error))
            };
            match self.timed(connecting).await {
                Ok(Timed { found, took }) => return Ok((found, Timed { found: address, took })),
                Err(obstacle) => last = obstacle,
            }
        }
        Err(last)
    }

    async fn timed<T>(
        &self,
        step: impl Future<Output = Result<T, Obstacle>>,
    ) -> Result<Timed<T>, Obstacle> {
        let started = Instant::now();
        let outcome = timeout(self.step, step).await;
        let found = outcome.map_err(|_| Obstacle::Timeout(self.step))??;
        Ok(Timed { found, took: started.elapsed() })
    }
}

/// Takes a step's outcome down, and hands out what it found.
fn keep<T>(
    place: &mut Option<Result<Timed<T>, Obstacle>>,
    outcome: Result<Timed<T>, Obstacle>,
) -> Result<&T, Stopped> {
    match place.insert(outcome) {
        Ok(timed) => Ok(&timed.found),
        Err(_) => Err(Stopped),
    }
}

fn fail<T>(
    place: &mut Option<Result<Timed<T>, Obstacle>>,
    obstacle: Obstacle,
) -> Result<(), Stopped> {
    *place = Some(Err(obstacle));
    Err(Stopped)
}

type Encrypted = Result<Timed<(Handshake, Option<Stream>)>, Obstacle>;

fn split(outcome: Encrypted) -> (Result<Timed<Handshake>, Obstacle>, Option<Stream>) {
    match outcome {
        Ok(Timed { found: (handshake, stream), took }) => {
            (Ok(Timed { found: handshake, took }), stream)
        }
        Err(obstacle) => (Err(obstacle), None),
    }
}

/// Host without the brackets of an IPv6 address.
fn host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
        None => String::new(),
    }
}

/// The port as given or as usual for the scheme.
fn port(url: &Url) -> u16 {
    // Both schemes a configuration may have are known to the parser.
    url.port_or_known_default().unwrap_or_default()
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, Obstacle> {
    let found = lookup_host((host(url), port(url))).await.map_err(Obstacle::name)?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(Obstacle::NoHost) } else { Ok(addresses) }
}
