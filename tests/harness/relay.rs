//! A network between the exporter and its cloud, with the accidents that networks have.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{Identity, Site};

/// Connections that wait to be accepted; no test has as many.
const BACKLOG: u32 = 128;

/// A relay of TCP before a server, on real sockets. What it does to connections can be changed while it
/// runs; all open connections end with that.
#[derive(Debug)]
pub(crate) struct Relay {
    site: Site,
    way: watch::Sender<Way>,
    running: JoinHandle<()>,
}

/// What becomes of a connection.
#[derive(Clone, Debug, Default)]
struct Way {
    accident: Option<Accident>,
    tls: Option<Arc<ServerConfig>>,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Accident {
    pub(crate) kind: Kind,
    /// Only with requests whose first line holds this; a connection has no request before it is accepted.
    pub(crate) on: String,
}

/// The accidents there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Nobody listens.
    Refuse,
    /// The request is taken, and the connection closed.
    Close,
    /// The connection is closed after so many bytes of the answer's body.
    Cut(usize),
    /// The request is taken, and no byte comes back.
    Swallow,
    /// Somebody else answers, with these bytes.
    Say(&'static str),
}

impl Relay {
    /// Before the server at this URL, on a port of its own.
    pub(crate) fn to(server: &Site) -> Self {
        Self::start(server, "http", Way::default())
    }

    /// The same with TLS towards the client.
    pub(crate) fn with_tls(server: &Site, identity: &Identity) -> Self {
        Self::start(server, "https", Way { tls: Some(config(identity)), accident: None })
    }

    fn start(server: &Site, scheme: &str, way: Way) -> Self {
        let socket = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = socket.local_addr().expect("it is bound");
        let site = Site::new(&format!("{scheme}://{address}"));
        let server = server.url().trim_start_matches("http://").to_owned();
        let (way, changes) = watch::channel(way);
        Self { site, way, running: tokio::spawn(run(socket, address, server, changes)) }
    }

    /// From now on this happens, or nothing any more.
    pub(crate) fn suffer(&self, accident: Option<Accident>) {
        self.way.send_modify(|way| way.accident = accident);
    }

    /// From now on it shows this certificate.
    pub(crate) fn show(&self, identity: &Identity) {
        self.way.send_modify(|way| way.tls = Some(config(identity)));
    }
}

impl Deref for Relay {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn config(identity: &Identity) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key);
    Arc::new(config.expect("they belong together"))
}

/// Holds the port; nobody can connect before it listens.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a new socket takes options");
    socket.bind(address).expect("a port that is free or was ours");
    socket
}

async fn run(
    mut socket: TcpSocket,
    address: SocketAddr,
    server: String,
    mut changes: watch::Receiver<Way>,
) {
    loop {
        let way = changes.borrow_and_update().clone();
        if let Some(Accident { kind: Kind::Refuse, .. }) = way.accident {
            // Bound and not listening: the kernel refuses, and nobody else gets the port.
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = socket.listen(BACKLOG).expect("the port is ours");
        // Ends every connection when it goes.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                told = changes.changed() => match told {
                    Ok(()) => break,
                    Err(_) => return,
                },
                Ok((client, _)) = listener.accept() => {
                    connections.spawn(carry(client, server.clone(), way.clone()));
                }
            }
        }
        drop(listener);
        socket = bound(address);
    }
}

/// An error means that one of the two went away, which the other will see.
async fn carry(client: TcpStream, server: String, way: Way) -> std::io::Result<()> {
    match way.tls {
        Some(config) => {
            let client = TlsAcceptor::from(config).accept(client).await?;
            pass(client, TcpStream::connect(server).await?, way.accident).await
        }
        None => pass(client, TcpStream::connect(server).await?, way.accident).await,
    }
}

/// Carries bytes both ways until somebody goes away or the accident happens.
async fn pass(
    client: impl AsyncRead + AsyncWrite,
    server: TcpStream,
    accident: Option<Accident>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let kind = accident.as_ref().map(|accident| accident.kind);
    // The answer that comes now is to be cut.
    let cut = AtomicBool::new(false);
    let requests = async {
        let mut piece = vec![0; 64 << 10];
        loop {
            let size = from_client.read(&mut piece).await?;
            if size == 0 {
                return Ok(None);
            }
            // A client sends a head at once, and the next one only after the answer.
            if accident.as_ref().is_some_and(|accident| begins_with(&piece[..size], &accident.on)) {
                match kind {
                    Some(Kind::Close) => return Ok(None),
                    Some(Kind::Say(words)) => return Ok(Some(words)),
                    Some(Kind::Swallow) => continue,
                    Some(Kind::Cut(_)) => cut.store(true, Ordering::Release),
                    Some(Kind::Refuse) | None => {}
                }
            }
            to_server.write_all(&piece[..size]).await?;
        }
    };
    let answers = async {
        let mut piece = vec![0; 64 << 10];
        let mut answer: Vec<u8> = Vec::new();
        loop {
            let size = from_server.read(&mut piece).await?;
            let mut end = size;
            if let (Some(Kind::Cut(bytes)), true) = (kind, cut.load(Ordering::Acquire)) {
                let before = answer.len();
                answer.extend_from_slice(&piece[..size]);
                let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
                if let Some(last) = head.map(|at| at + 4 + bytes).filter(|&at| at < answer.len()) {
                    end = last.saturating_sub(before);
                }
            }
            to_client.write_all(&piece[..end]).await?;
            to_client.flush().await?;
            if end < size || size == 0 {
                return std::io::Result::Ok(None);
            }
        }
    };
    let last_words = tokio::select! {
        ended = requests => ended,
        ended = answers => ended,
    }?;
    if let Some(words) = last_words {
        to_client.write_all(words.as_bytes()).await?;
    }
    to_client.shutdown().await
}

/// The first line of a request holds these words.
fn begins_with(request: &[u8], words: &str) -> bool {
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).contains(words)
}
