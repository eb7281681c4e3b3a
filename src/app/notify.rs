//! What the service manager is told, in the words of `sd_notify(3)`.
//!
//! Most of it is told from the loop that publishes, where a service manager that has stopped listening must
//! hold up nothing: what it has no room for is left out. What it waits for is tried again for a while.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep};
use tracing::warn;

/// How often the line for people is renewed where no watchdog asks for more: whoever looks at it sees
/// whether it moves.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// How long what it waits for is tried again: longer than it has no room while a machine starts.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries: short beside what a start takes, and costs one call of the system.
const AGAIN: Duration = Duration::from_millis(100);

/// The way to a service manager, which need not be there.
#[derive(Debug)]
pub(super) struct Notify {
    way: Option<(UnixDatagram, SocketAddr)>,
    /// How long it waits for a sign of life before it ends us.
    watchdog: Option<Duration>,
    /// The configuration file was refused when it was last read again.
    is_refused: AtomicBool,
    /// Said once.
    trouble: Once,
}

/// What is followed, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) jobs: usize,
    pub(super) projects: usize,
    /// Projects none of whose calls was answered of late.
    pub(super) silent: usize,
}

impl Notify {
    /// The one that started us, as it told us in the environment.
    pub(super) fn from_environment() -> Self {
        let address = env::var_os("NOTIFY_SOCKET");
        let way = address.map(|address| way(&address)).transpose();
        let way = way.unwrap_or_else(|error| {
            warn!(%error, "cannot tell the service manager how we are: NOTIFY_SOCKET");
            None
        });
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| *usec > 0 && is_ours);
        Self {
            way,
            watchdog: watchdog.map(Duration::from_micros),
            is_refused: AtomicBool::new(false),
            trouble: Once::new(),
        }
    }

    /// Scrapes are answered from now on.
    ///
    /// Said as soon as we listen, not when the first answers are there (`/-/ready`): a cloud that is
    /// away must not keep units that wait for us from starting, nor have us restarted.
    pub(super) async fn ready(&self) {
        self.insist("READY=1").await;
    }

    /// The configuration is being read again.
    pub(super) async fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let usec = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.insist(&format!("RELOADING=1\nMONOTONIC_USEC={usec}")).await;
    }

    /// It was, and either taken into use or refused.
    pub(super) async fn reloaded(&self, is_in_use: bool) {
        self.is_refused.store(!is_in_use, Ordering::Relaxed);
        self.ready().await;
    }

    /// No scrape will be answered any more once those under way are.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=Stopping");
    }

    async fn insist(&self, message: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.send(message) && Instant::now() < until {
            sleep(AGAIN).await;
        }
    }

    /// Whether there was room for it, or nobody to have any.
    fn send(&self, message: &str) -> bool {
        let Some((socket, address)) = &self.way else { return true };
        let Err(error) = socket.send_to_addr(message.as_bytes(), address) else { return true };
        self.trouble.call_once(|| warn!(%error, "the service manager does not listen"));
        error.kind() != io::ErrorKind::WouldBlock
    }
}

/// A socket that waits for nobody, and where to send: a path, or a name without one behind an `@`.
fn way(address: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(address)?,
        _ => return Err(io::Error::other("neither a path nor a name behind an @")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// Signs of life, from the loop without which nothing new would be shown.
pub(super) struct Pulse<'a> {
    notify: &'a Notify,
    /// From one turn of the loop to the next.
    turn: Duration,
    last: Option<(Instant, Mood)>,
}

/// What is told at once when it changes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mood {
    is_complete: bool,
    is_refused: bool,
}

impl<'a> Pulse<'a> {
    /// Of a loop that turns so often.
    pub(super) fn new(notify: &'a Notify, turn: Duration) -> Self {
        Self { notify, turn, last: None }
    }

    /// One turn, with whether the first round is over. Says what the time has come for: with a watchdog
    /// that is before half of what it waits.
    pub(super) fn beat(&mut self, is_complete: bool, standing: impl FnOnce() -> Standing) {
        let Notify { way: Some(_), watchdog, is_refused, .. } = self.notify else { return };
        let now = Instant::now();
        let mood = Mood { is_complete, is_refused: is_refused.load(Ordering::Relaxed) };
        let period = watchdog.map_or(STATUS_EVERY, |limit| STATUS_EVERY.min(limit / 2));
        let is_early = |(last, before)| before == mood && now - last + self.turn < period;
        if self.last.is_some_and(is_early) {
            return;
        }
        self.last = Some((now, mood));
        let status = status(standing(), mood);
        self.notify.send(&match watchdog {
            Some(_) => format!("WATCHDOG=1\nSTATUS={status}"),
            None => format!("STATUS={status}"),
        });
    }
}

fn status(Standing { jobs, projects, silent }: Standing, mood: Mood) -> String {
    let time = Timestamp::now().strftime("%T UTC");
    let mut status = format!("jobs: {jobs}, projects: {projects}, shown as of {time}");
    if !mood.is_complete {
        status.push_str("; the first answers are awaited");
    } else if silent > 0 {
        let _ = write!(status, "; projects without answers: {silent}");
    }
    if mood.is_refused {
        status.push_str("; the configuration was refused, the one before is in use");
    }
    status
}
