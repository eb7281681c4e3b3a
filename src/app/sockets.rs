use std::net::TcpListener;

use anyhow::Context as _;
use listenfd::ListenFd;

use crate::config::Config;

/// The sockets that systemd hands over, if the configuration says so: at least one.
pub(super) fn handed_over(config: &Config) -> anyhow::Result<Option<Vec<TcpListener>>> {
    if !config.systemd_socket {
        return Ok(None);
    }
    let mut handed_over = ListenFd::from_env();
    let mut sockets = Vec::with_capacity(handed_over.len());
    for place in 0..handed_over.len() {
        let socket = handed_over.take_tcp_listener(place);
        let socket = socket.with_context(|| format!("socket {} of systemd", place + 1))?;
        sockets.extend(socket);
    }
    anyhow::ensure!(
        !sockets.is_empty(),
        "web.systemd_socket is set, but systemd handed over no socket: \
         start the exporter by a .socket unit with ListenStream=, or remove the key"
    );
    Ok(Some(sockets))
}
