use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::own;

use super::body::Body;
use super::dialect::Dialect;
use super::encodings::Encodings;
use super::negotiation::{self, Encoding};
use super::snapshot::Snapshot;
use super::state::State;
use super::view::View;

/// How old our own counters may be in an answer. They change all the time; made anew for every
/// scrape, no two scrapers could share a compressed answer.
pub(super) const OWN_MAX_AGE: Duration = Duration::from_secs(1);

/// Gives answers. Never waits for whoever publishes. Clones share what was made.
#[derive(Clone)]
pub struct Reader {
    states: Arc<States>,
    encodings: Arc<Encodings>,
}

/// An exposition, ready to send.
#[derive(Debug)]
pub struct Answer {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Content-Encoding`, if there is one.
    pub content_encoding: Option<&'static str>,
    /// The bytes.
    pub body: Body,
}

/// A view of a project that is not configured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such project")]
pub struct UnknownProject;

impl Reader {
    pub(super) fn new(own: own::Metrics, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let states = Arc::new(States { own, snapshots, newest: Mutex::default() });
        Self { encodings: Arc::new(Encodings::new(Arc::clone(&states))), states }
    }

    /// The newest exposition, in the format and encoding that these two headers ask for; an absent
    /// header is empty text.
    pub async fn answer(
        &self,
        accept: &str,
        accept_encoding: &str,
        view: &View,
    ) -> Result<Answer, UnknownProject> {
        if let Some(project) = view.project()
            && self.states.own.known_project(project).is_none()
        {
            return Err(UnknownProject);
        }
        let (format, content_type) = negotiation::format(accept);
        let encoding = negotiation::encoding(accept_encoding);
        let dialect = format.dialect;
        let packed = if encoding == Encoding::Identity && dialect != Dialect::Protobuf {
            None
        } else if view.is_whole() {
            self.encodings.whole(dialect, encoding).await
        } else {
            self.encodings.part(dialect, encoding, view.clone()).await
        };
        let content_encoding = packed.is_some().then(|| encoding.token()).flatten();
        let body = packed.unwrap_or_else(|| {
            let pieces = self.states.fresh().pieces(dialect, view);
            Body::new(pieces.iter().map(|piece| piece.bytes().clone()).collect())
        });
        Ok(Answer { content_type, content_encoding, body })
    }

    /// Makes the encodings in use anew whenever there is something new in them, and gives up those
    /// nobody asks for. Runs until it is dropped or nobody publishes any more; without it the first who
    /// asks after a second waits.
    pub async fn keep_encodings(self) {
        self.encodings.keep().await;
    }
}

/// Where states come from.
pub(super) struct States {
    pub(super) own: own::Metrics,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    newest: Mutex<Option<Arc<State>>>,
}

impl States {
    /// The state to answer from: made anew where the snapshot is a new one or our own counters are
    /// too old.
    pub(super) fn fresh(&self) -> Arc<State> {
        self.newest(|state, snapshot| {
            Arc::ptr_eq(state.snapshot(), snapshot) && state.made().elapsed() < OWN_MAX_AGE
        })
    }

    /// A state with our own counters as they are now.
    pub(super) fn renewed(&self) -> Arc<State> {
        self.newest(|_, _| false)
    }

    fn newest(&self, is_good: impl Fn(&State, &Arc<Snapshot>) -> bool) -> Arc<State> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Arc::clone(&self.snapshots.borrow());
        match newest.as_ref() {
            Some(state) if is_good(state, &snapshot) => Arc::clone(state),
            _ => Arc::clone(newest.insert(Arc::new(State::new(snapshot, &self.own)))),
        }
    }
}
