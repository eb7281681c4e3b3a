//! A socket of TCP as the kernel tells of it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// A line of `/proc/net/tcp`.
#[derive(Debug)]
pub(crate) struct Socket {
    /// What its descriptors lead to, as `/proc/self/fd` has it.
    pub(crate) file: String,
    pub(crate) local: SocketAddr,
    /// As `ss` calls it.
    pub(crate) state: &'static str,
    remote: SocketAddr,
}

impl Socket {
    /// Number, local address, remote address, state, five more, inode.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let &[_, local, remote, state, _, _, _, _, _, inode, ..] = columns.as_slice() else {
            return None;
        };
        Some(Self {
            file: format!("socket:[{inode}]"),
            local: address(local)?,
            state: named(state),
            remote: address(remote)?,
        })
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, state, remote, .. } = self;
        write!(f, "{local} from {remote} {state}")
    }
}

/// `0100007F:2AE1`: the address is a number in the machine's own order of bytes.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let host = Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?.to_ne_bytes());
    Some(SocketAddr::from((host, u16::from_str_radix(port, 16).ok()?)))
}

/// The states as `net/tcp_states.h` counts them.
fn named(state: &str) -> &'static str {
    match state {
        "01" => "ESTAB",
        "02" => "SYN-SENT",
        "03" => "SYN-RECV",
        "04" => "FIN-WAIT-1",
        "05" => "FIN-WAIT-2",
        "06" => "TIME-WAIT",
        "07" => "UNCONN",
        "08" => "CLOSE-WAIT",
        "09" => "LAST-ACK",
        "0A" => "LISTEN",
        "0B" => "CLOSING",
        _ => "in a state of its own",
    }
}
