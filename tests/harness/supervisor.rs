use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::time::{Instant, timeout};

use super::{Daemon, PATIENCE};

/// Longer than anything a daemon tells.
const MESSAGE_BYTES: usize = 4096;

/// Who starts a daemon and listens to what it tells of itself, as `sd_notify(3)` has it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    socket: UnixDatagram,
    /// What `NOTIFY_SOCKET` says.
    address: String,
    /// For messages of a failed test.
    heard: Vec<String>,
    _folder: Option<TempDir>,
}

impl Supervisor {
    /// Listens at a path of its own.
    pub(crate) fn at_a_path() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("notify");
        Self { _folder: Some(folder), ..Self::at_path(path) }
    }

    /// Listens at this path.
    pub(crate) fn at_path(path: PathBuf) -> Self {
        let address = path.to_str().expect("a path of text").to_owned();
        let socket = UnixDatagram::bind(path).expect("the path is free");
        Self { socket, address, heard: Vec::new(), _folder: None }
    }

    /// Listens at a name that is in no folder.
    pub(crate) fn at_a_name() -> Self {
        let name = format!("modelarts-exporter-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let socket = std::os::unix::net::UnixDatagram::bind_addr(&address).expect("is free");
        socket.set_nonblocking(true).expect("can be asked without waiting");
        let socket = UnixDatagram::from_std(socket).expect("a runtime");
        Self { socket, address: format!("@{name}"), heard: Vec::new(), _folder: None }
    }

    /// Starts the daemon, with these words of a shell before it.
    pub(crate) async fn start(&self, shell: &str, config: &str) -> Daemon {
        let shell = format!("NOTIFY_SOCKET={} {shell} exec \"$@\"", self.address);
        Daemon::start_reading(Stdio::null(), &shell, config).await
    }

    /// Waits for the next message that has this line, or one that begins so where it ends in `=`;
    /// returns what follows it in that line.
    pub(crate) async fn hears(&mut self, line: &str) -> String {
        self.hears_one_that(line, |_| true).await
    }

    /// The same, for one that also says so.
    pub(crate) async fn hears_one_that(
        &mut self,
        begins: &str,
        is_it: impl Fn(&str) -> bool,
    ) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Some(message) = self.next(deadline - Instant::now()).await else {
                panic!("waited {PATIENCE:?} for {begins:?}; it said {:#?}", self.heard);
            };
            let found = message.lines().find_map(|line| {
                let rest = line.strip_prefix(begins)?;
                (begins.ends_with('=') || rest.is_empty()).then_some(rest)
            });
            if let Some(found) = found.filter(|found| is_it(found)) {
                return found.to_owned();
            }
        }
    }

    /// The next message, if one comes within that time.
    pub(crate) async fn next(&mut self, within: Duration) -> Option<String> {
        let mut bytes = [0; MESSAGE_BYTES];
        let length = timeout(within, self.socket.recv(&mut bytes)).await.ok()?;
        let length = length.expect("the socket is ours");
        let message = String::from_utf8(bytes[..length].to_vec()).expect("text");
        self.heard.push(message.clone());
        Some(message)
    }

    /// Fills its queue, so that whoever tells it more would have to wait. For one at a path.
    pub(crate) fn stops_listening(&self) {
        let sender = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        sender.set_nonblocking(true).expect("can be asked without waiting");
        let mut sent = 0;
        let refusal = loop {
            match sender.send_to(b"FILLING=1", &self.address) {
                Ok(_) => sent += 1,
                Err(refusal) => break refusal,
            }
        };
        let is_full = sent > 0 && refusal.kind() == ErrorKind::WouldBlock;
        assert!(is_full, "after {sent} messages: {refusal}");
    }
}
