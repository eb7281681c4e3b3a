use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

/// What was seen on the way to an endpoint. A step that was not taken is `None`: one before it failed, or
/// it is no part of this way.
#[derive(Debug, Default)]
pub struct Sight {
    /// The proxy on the way.
    pub proxy: Option<ProxyInUse>,
    /// The addresses behind the name of the proxy, or without one of the endpoint.
    pub dns: Option<Result<Timed<Vec<SocketAddr>>, Obstacle>>,
    /// The address of these that took the connection.
    pub tcp: Option<Result<Timed<SocketAddr>, Obstacle>>,
    /// The handshake with a proxy that is itself asked over TLS.
    pub proxy_tls: Option<Result<Timed<Handshake>, Obstacle>>,
    /// The proxy let us through to the endpoint, and so resolved and connected for us.
    pub tunnel: Option<Result<Timed<()>, Obstacle>>,
    /// The handshake with the endpoint.
    pub tls: Option<Result<Timed<Handshake>, Obstacle>>,
    /// How many seconds the endpoint's clock is ahead of ours, to the second; `None`: it did not say.
    pub clock: Option<Result<Timed<Option<i64>>, Obstacle>>,
}

/// A step's finding and how long it took.
#[derive(Clone, Debug)]
pub struct Timed<T> {
    /// What was found.
    pub found: T,
    /// How long the step took.
    pub took: Duration,
}

/// A proxy that requests go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyInUse {
    /// Scheme, host and port; the user part stays hidden.
    pub url: Url,
    /// Who named it.
    pub source: ProxySource,
}

/// Who named a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySource {
    /// `proxy_url` of the project.
    Configuration,
    /// `HTTPS_PROXY` and its like.
    Environment,
}

/// A TLS handshake, to its end even where the certificate is not trusted.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// `TLSv1.3`.
    pub version: String,
    /// What the server sent: its own certificate first. Those that cannot be read are left out.
    pub chain: Vec<Certificate>,
    /// Which check failed, as the client would say it.
    pub distrust: Option<Distrust>,
}

/// A certificate in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// From when it counts.
    pub begins: Timestamp,
    /// Until when it counts.
    pub ends: Timestamp,
}

/// Why a certificate is not trusted: the first check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// No root that we trust stands behind it. With that root trusted, would it be the right name?
    UnknownIssuer {
        /// The certificate is for the host that was asked.
        name_fits: bool,
    },
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// It is for other hosts.
    WrongName {
        /// These.
        names: Vec<String>,
    },
    /// An authority's own certificate, used by a server: no root makes that right.
    Authority,
    /// Anything else.
    Other(String),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer { .. } => f.write_str("no trusted authority has issued it"),
            Self::Expired => f.write_str("its time is over"),
            Self::NotYetValid => f.write_str("its time has not begun"),
            Self::WrongName { names } if names.is_empty() => f.write_str("it names no host"),
            Self::WrongName { names } => write!(f, "it is for {}", names.join(", ")),
            Self::Authority => f.write_str("it is an authority's own, not a server's"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// What stopped a step.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Obstacle {
    /// The system's resolver knows no address.
    #[error("the name has no address")]
    Name(#[source] Arc<io::Error>),
    /// The URL names no host that could be asked.
    #[error("there is no host to ask")]
    NoHost,
    /// Nobody took the connection.
    #[error("no connection to {address}")]
    Connection {
        /// The last address that was tried.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// There was no handshake at all, whatever the certificate.
    #[error("no TLS handshake")]
    Handshake(#[source] Arc<io::Error>),
    /// We could not check any certificate.
    #[error("no certificate can be checked")]
    Roots(#[source] rustls::Error),
    /// The proxy did not let us through.
    #[error("the proxy answers HTTP {0}")]
    ProxyRefused(u16),
    /// What came was no HTTP.
    #[error("no HTTP answer")]
    Http(#[source] Arc<hyper::Error>),
    /// A mistake of ours.
    #[error("the request cannot be built")]
    Request,
}

impl Obstacle {
    pub(super) fn name(error: io::Error) -> Self {
        Self::Name(Arc::new(error))
    }

    pub(super) fn connection(address: SocketAddr, error: io::Error) -> Self {
        Self::Connection { address, source: Arc::new(error) }
    }

    pub(super) fn http(error: hyper::Error) -> Self {
        Self::Http(Arc::new(error))
    }
}
