use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::exposition;

use super::connection::Answering;
use super::turns::Turn;

/// The body of any answer of ours: all of it in one frame, which hyper writes vectored.
pub(super) struct Content {
    frame: Option<InHand>,
    length: u64,
}

/// The bytes of an answer, and what is held while they are sent.
pub(super) struct InHand {
    body: exposition::Body,
    in_flight: Option<InFlight>,
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
    /// Bytes that are left to be sent.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The same, holding this while it is sent; for no longer than now where there is nothing to send.
    pub(super) fn holding(mut self, in_flight: InFlight) -> Self {
        if let Some(frame) = &mut self.frame {
            frame.in_flight = Some(in_flight);
        }
        self
    }
}

impl From<exposition::Body> for Content {
    fn from(body: exposition::Body) -> Self {
        let length = body.remaining() as u64;
        let frame = (length > 0).then_some(InHand { body, in_flight: None });
        Self { frame, length }
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        exposition::Body::from(Bytes::from(text)).into()
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        exposition::Body::from(Bytes::from(text)).into()
    }
}

impl Body for Content {
    type Data = InHand;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<InHand>, Infallible>>> {
        self.length = 0;
        Poll::Ready(self.frame.take().map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.frame.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Dropped once the last byte was handed to the connection, or with it.
impl Buf for InHand {
    fn remaining(&self) -> usize {
        self.body.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.body.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.body.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.body.advance(count);
    }
}
