use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The exit code of a stop that was not waited for.
const STOPPED_AT_ONCE: i32 = 1;

/// Cancels `stop` at the first SIGTERM or SIGINT and ends the process at the second. SIGHUP ends nothing
/// from now on; what comes of it is for who takes the answer. Fails where the system refuses to tell us
/// of signals.
pub(super) fn listen(stop: CancellationToken) -> anyhow::Result<Signal> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (terminate, interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let hangup = listen(SignalKind::hangup())?;
    tokio::spawn(stop_on(terminate, interrupt, stop));
    Ok(hangup)
}

async fn stop_on(mut terminate: Signal, mut interrupt: Signal, stop: CancellationToken) {
    let mut either = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let signal = either().await;
    info!(signal, "stopping; a second signal ends at once");
    stop.cancel();
    let signal = either().await;
    warn!(signal, "ended at once");
    std::process::exit(STOPPED_AT_ONCE);
}
