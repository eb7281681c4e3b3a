use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::exposition;

use super::connections::Answering;
use super::turns::Turn;

/// The body of any answer of ours.
pub(super) struct Content {
    pieces: Pieces,
    left: u64,
    in_flight: Option<InFlight>,
}

enum Pieces {
    One(Option<Bytes>),
    Exposition(exposition::Body),
}

/// Held until the last byte of an answer was handed over or its connection is gone.
pub(super) struct InFlight {
    /// Keeps the stop waiting.
    pub(super) _tracked: TaskTrackerToken,
    /// Keeps its connection from counting as idle, and for no longer than an answer may take.
    pub(super) _answering: Answering,
    /// Of those who keep asking for large answers.
    pub(super) _turn: Option<Turn>,
    /// Counts against the requests answered at once, except for health endpoints.
    pub(super) _permit: Option<OwnedSemaphorePermit>,
}

impl Content {
    /// A prepared exposition of so many bytes.
    pub(super) fn exposition(body: exposition::Body, length: u64) -> Self {
        Self { pieces: Pieces::Exposition(body), left: length, in_flight: None }
    }

    /// The same, holding this while it is sent.
    pub(super) fn holding(self, in_flight: InFlight) -> Self {
        Self { in_flight: Some(in_flight), ..self }
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        let bytes = bytes.into();
        Self { left: bytes.len() as u64, pieces: Pieces::One(Some(bytes)), in_flight: None }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.pieces {
            Pieces::One(bytes) => bytes.take(),
            Pieces::Exposition(body) => body.next(),
        };
        match &piece {
            Some(piece) => self.left = self.left.saturating_sub(piece.len() as u64),
            None => self.in_flight = None,
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
