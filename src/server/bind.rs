use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

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

impl Listeners {
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
