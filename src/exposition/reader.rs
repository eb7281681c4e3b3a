use std::sync::Arc;

use tokio::sync::watch;

use crate::own;

use super::body::Body;
use super::dialect::Dialect;
use super::encodings::Encodings;
use super::negotiation::{self, Encoding};
use super::snapshot::Snapshot;
use super::state::States;
use super::view::View;

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

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The view is of a project that is not configured.
    #[error("no such project")]
    UnknownProject,
    /// So many parts of the exposition are being packed that one more would have to wait for long.
    #[error("too many parts of the exposition are asked for at once, try again later")]
    Busy,
}

impl Reader {
    pub(super) fn new(own: own::Metrics, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let states = Arc::new(States::new(own, snapshots));
        Self { encodings: Arc::new(Encodings::new(Arc::clone(&states))), states }
    }

    /// The newest exposition, in the format and encoding that these two headers ask for; an absent
    /// header is empty text.
    pub async fn answer(
        &self,
        accept: &str,
        accept_encoding: &str,
        view: &View,
    ) -> Result<Answer, Refusal> {
        if let Some(project) = view.project()
            && self.states.own().known_project(project).is_none()
        {
            return Err(Refusal::UnknownProject);
        }
        let (format, content_type) = negotiation::format(accept);
        let encoding = negotiation::encoding(accept_encoding);
        let dialect = format.dialect;
        let packed = if encoding == Encoding::Identity && dialect != Dialect::Protobuf {
            None
        } else if view.is_whole() {
            self.encodings.whole(dialect, encoding).await
        } else {
            self.encodings.part(dialect, encoding, view.clone()).await?
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
    ///
    /// Meant for a thread of its own: it works for milliseconds between two waits.
    pub async fn keep_encodings(self) {
        self.encodings.keep().await;
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> &States {
        &self.states
    }
}
