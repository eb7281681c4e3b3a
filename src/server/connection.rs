use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What one TLS handshake may take: two round trips and a signature.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// From a request's first byte to the end of its headers: they fit a few packets.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two requests. Prometheus keeps its own side of an idle connection as long.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// From the end of a request's headers to the last byte of its answer. A scraper gives up sooner:
/// its timeout is no longer than its interval, which is a minute by Prometheus' own default.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Who comes back sooner after a large answer is no scraper that keeps an interval.
pub(super) const HURRY: Duration = Duration::from_secs(1);

/// One connection, as those see it who decide how long it may stay.
pub(super) struct Connection {
    end: CancellationToken,
    activity: Mutex<Activity>,
}

struct Activity {
    stage: Stage,
    /// When that stage began.
    since: Instant,
    next: u64,
    /// When each request was read whose answer is not taken to its end; over HTTP/2 several at once.
    answers: BTreeMap<u64, Instant>,
    /// More came than the request that is being answered.
    ahead: bool,
    /// When its last large answer was taken.
    served: Option<Instant>,
    /// When it was last one too many.
    refused: Option<Instant>,
}

/// What a connection does while nothing is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handshake,
    Idle,
    /// A part of a request has come.
    Head,
}

/// Why a connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Handshake,
    Head,
    Idle,
    Answer,
    /// Another one needs its place.
    Room,
}

/// Held while a request is being answered, to the last byte taken.
pub(super) struct Answering {
    connection: Arc<Connection>,
    id: u64,
    large: bool,
}

impl Connection {
    /// One that was just accepted; `end` ends it.
    pub(super) fn new(end: CancellationToken) -> Self {
        let activity = Activity {
            stage: Stage::Handshake,
            since: Instant::now(),
            next: 0,
            answers: BTreeMap::new(),
            ahead: false,
            served: None,
            refused: None,
        };
        Self { end, activity: Mutex::new(activity) }
    }

    /// Done when this connection is to end now.
    pub(super) async fn ended(&self) {
        self.end.cancelled().await;
    }

    /// Requests may come. Without TLS there is no handshake, and it is over at once.
    pub(super) fn handshake_over(&self) {
        self.activity().enter(Stage::Idle);
    }

    /// Bytes of an HTTP/1 request have come.
    pub(super) fn received(&self) {
        let mut activity = self.activity();
        if !activity.answers.is_empty() {
            activity.ahead = true;
        } else if activity.stage != Stage::Head {
            activity.enter(Stage::Head);
        }
    }

    /// A request has come whole.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        let mut activity = self.activity();
        let id = activity.next;
        activity.next += 1;
        activity.answers.insert(id, Instant::now());
        activity.ahead = false;
        Answering { connection: Arc::clone(self), id, large: false }
    }

    /// Whether it has just taken a large answer.
    pub(super) fn is_in_a_hurry(&self) -> bool {
        self.activity().served.is_some_and(|served| served.elapsed() < HURRY)
    }

    /// Takes note of a refusal, and says whether the last one is not older than this.
    pub(super) fn is_refused_again(&self, within: Duration) -> bool {
        let last = self.activity().refused.replace(Instant::now());
        last.is_some_and(|last| last.elapsed() < within)
    }

    /// Whether it is being answered, and since when it is so or not so.
    pub(super) fn standing(&self) -> (bool, Instant) {
        let activity = self.activity();
        let answer = activity.answers.values().next();
        (answer.is_some(), *answer.unwrap_or(&activity.since))
    }

    /// Why it has to end, if what it does takes too long.
    pub(super) fn overdue(&self, now: Instant) -> Option<Reason> {
        let activity = self.activity();
        let (since, most, reason) = match (activity.answers.values().next(), activity.stage) {
            (Some(since), _) => (*since, ANSWER_TIMEOUT, Reason::Answer),
            (None, Stage::Handshake) => (activity.since, HANDSHAKE_TIMEOUT, Reason::Handshake),
            (None, Stage::Head) => (activity.since, HEAD_TIMEOUT, Reason::Head),
            (None, Stage::Idle) => (activity.since, IDLE_TIMEOUT, Reason::Idle),
        };
        (now.saturating_duration_since(since) >= most).then_some(reason)
    }

    /// Ends it, and says why in the log.
    pub(super) fn end(&self, reason: Reason) {
        if !self.end.is_cancelled() {
            tracing::debug!(%reason, "ending a connection");
            self.end.cancel();
        }
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity {
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "its handshake took too long",
            Self::Head => "the headers of its request took too long",
            Self::Idle => "it was idle for too long",
            Self::Answer => "it took too long to take its answer",
            Self::Room => "it made room for another",
        })
    }
}

impl Answering {
    /// To hand this one over is work.
    pub(super) fn is_large(&mut self) {
        self.large = true;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut activity = self.connection.activity();
        activity.answers.remove(&self.id);
        if self.large {
            activity.served = Some(Instant::now());
        }
        if activity.answers.is_empty() {
            let stage = if activity.ahead { Stage::Head } else { Stage::Idle };
            activity.enter(stage);
        }
    }
}
