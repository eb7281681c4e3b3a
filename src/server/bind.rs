use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::sockopt::socket_acceptconn;
use tokio::net::TcpListener;

use super::{ListenAddress, Settings};

/// Sockets that listen but do not accept yet.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<(TcpListener, SocketAddr)>,
}

/// Addresses that cannot be listened on, all of them, each with its reason.
#[derive(Debug, thiserror::Error)]
pub struct BindError {
    failures: Vec<(ListenAddress, io::Error)>,
}

/// Listens on every address of the settings, or on none.
pub async fn bind(settings: &Settings) -> Result<Listeners, BindError> {
    let mut sockets = Vec::new();
    let mut failures = Vec::new();
    for address in &settings.listen_addresses {
        match listen(address).await {
            Ok(socket) => sockets.push(socket),
            Err(error) => failures.push((address.clone(), error)),
        }
    }
    if failures.is_empty() { Ok(Listeners { sockets }) } else { Err(BindError { failures }) }
}

async fn listen(address: &ListenAddress) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match address.host.as_deref() {
        Some(host) => TcpListener::bind((host, address.port)).await?,
        // An IPv6 socket takes IPv4 as well; where the machine has no IPv6, IPv4 alone is every address.
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, address.port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port)).await?
            }
            bound => bound?,
        },
    };
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// A socket that was handed over and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It is a connection, or is bound and does not listen.
    #[error(
        "socket {number} of those handed over does not listen; a .socket unit with Accept=yes hands over connections"
    )]
    NotListening {
        /// Which one, counted from 1.
        number: usize,
    },
    /// The system refuses something.
    #[error("cannot use socket {number} of those handed over")]
    Unusable {
        /// Which one, counted from 1.
        number: usize,
        /// What it says.
        source: io::Error,
    },
}

impl Listeners {
    /// Takes sockets that somebody else bound, in this order. Fails on the first that cannot be used.
    pub fn adopt(sockets: Vec<std::net::TcpListener>) -> Result<Self, AdoptError> {
        let mut adopted = Vec::with_capacity(sockets.len());
        for (number, socket) in (1..).zip(sockets) {
            let unusable = |source| AdoptError::Unusable { number, source };
            if !socket_acceptconn(&socket).map_err(io::Error::from).map_err(unusable)? {
                return Err(AdoptError::NotListening { number });
            }
            socket.set_nonblocking(true).map_err(unusable)?;
            let address = socket.local_addr().map_err(unusable)?;
            adopted.push((TcpListener::from_std(socket).map_err(unusable)?, address));
        }
        Ok(Self { sockets: adopted })
    }

    /// The addresses bound, with the ports the system chose, in the order of the settings.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|(_, address)| *address).collect()
    }

    pub(super) fn into_sockets(self) -> impl Iterator<Item = TcpListener> {
        self.sockets.into_iter().map(|(socket, _)| socket)
    }
}

impl BindError {
    /// The addresses and what is wrong with each.
    pub fn failures(&self) -> impl Iterator<Item = (&ListenAddress, &io::Error)> {
        self.failures.iter().map(|(address, error)| (address, error))
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot listen on ")?;
        for (at, (address, error)) in self.failures.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{address} ({error})")?;
        }
        Ok(())
    }
}
