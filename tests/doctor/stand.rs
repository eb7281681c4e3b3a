//! What stands between the doctor and the cloud: a front with a certificate, and a proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::harness::{Identity, Site};

/// As large a head as anybody sends here.
const HEAD_BYTES: u64 = 16 << 10;

/// A listener whose connections are each served by a task of their own, until it goes out of scope.
#[derive(Debug)]
pub(super) struct Stand {
    address: SocketAddr,
    running: JoinHandle<()>,
}

impl Stand {
    /// TLS with this certificate, and behind it the server.
    pub(super) async fn tls(identity: &Identity, server: &Site) -> Self {
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = server.url().trim_start_matches("http://").to_owned();
        Self::serve(move |client| {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            async move {
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(server).await?;
                copy_bidirectional(&mut client, &mut server).await?;
                Ok(())
            }
        })
        .await
    }

    /// A proxy that lets through who says so in `Proxy-Authorization`, or everybody. It resolves every
    /// name to loopback.
    pub(super) async fn proxy(authorization: Option<&'static str>) -> Self {
        Self::serve(move |client| pass_on(client, authorization)).await
    }

    /// Answers every request with these bytes.
    pub(super) async fn saying(answer: String) -> Self {
        Self::serve(move |client| {
            let answer = answer.clone();
            async move {
                let mut client = BufReader::new(client);
                read_head(&mut client).await?;
                client.write_all(answer.as_bytes()).await?;
                client.shutdown().await?;
                // Closed with a body unread, the connection would be reset and the answer lost.
                copy(&mut client, &mut sink()).await?;
                Ok(())
            }
        })
        .await
    }

    async fn serve<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // An error means that one of the two went away, which the other sees.
                connections.spawn(serve(client));
            }
        });
        Self { address, running }
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn read_head(client: &mut BufReader<TcpStream>) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        (&mut *client).take(HEAD_BYTES).read_line(&mut line).await?;
        match line.trim_end() {
            "" => return Ok(lines),
            text => lines.push(text.to_owned()),
        }
    }
}

/// `CONNECT host:port`, and from then on the bytes of both.
async fn pass_on(client: TcpStream, authorization: Option<&str>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let head = read_head(&mut client).await?;
    let target = head.first().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
    let Some((_, port)) = target.and_then(|target| target.rsplit_once(':')) else {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
    };
    let is_known = |wanted: &str| {
        head.iter().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization") && value == wanted
            })
        })
    };
    if !authorization.is_none_or(is_known) {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    }
    let Ok(mut server) = TcpStream::connect(format!("127.0.0.1:{port}")).await else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    };
    client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
