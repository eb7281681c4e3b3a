//! The last of an answer's way: what faults do to its body, and the counts of what went out.

use std::{
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};

use super::{
    answer::Answer,
    body::{self, Body, Broken},
    cloud::Cloud,
    fault::Fault,
    quirk,
    requests::Kind,
    rules::Verdict,
    v1,
};

/// The answer as it goes out, with what the faults do to its body.
pub(super) fn spoil(
    mut answer: Answer,
    verdict: &Verdict,
    reset: Arc<AtomicBool>,
    in_flight: InFlight,
) -> Response<Counted> {
    let (body, length): (Body, Option<usize>) = match verdict.fault {
        Some((Fault::SlowBody, value)) => {
            let length = answer.body.len();
            (body::slow(answer.body, Duration::from_millis(value)), Some(length))
        }
        Some((Fault::Reset, _)) => (body::half(&answer.body, reset), Some(answer.body.len())),
        Some((Fault::Truncated, _)) => {
            answer.body.truncate(answer.body.len() / 2);
            return plain(answer, Some(in_flight));
        }
        Some((Fault::WrongTypes, _)) => {
            answer.body = quirk::swap_types(&answer.body).into();
            return plain(answer, Some(in_flight));
        }
        Some((Fault::Huge, size))
            if answer.status.is_success() && answer.body.starts_with(b"{") =>
        {
            let (before, after, escaped) = match v1::around_mark(&answer.body) {
                Some((start, end, escaped)) => {
                    (answer.body.slice(..start), answer.body.slice(end..), escaped)
                }
                // No model in it: the images stand first in the document.
                None => (
                    Bytes::from_static(b"{\"images_outputs\":"),
                    [b",", &answer.body[1..]].concat().into(),
                    false,
                ),
            };
            (body::huge(before, after, size, escaped), None)
        }
        _ => return plain(answer, Some(in_flight)),
    };
    if let Some(length) = length {
        answer.headers.push((header::CONTENT_LENGTH, HeaderValue::from(length)));
    }
    response(answer.status, answer.headers, body, Some(in_flight))
}

pub(super) fn plain(answer: Answer, in_flight: Option<InFlight>) -> Response<Counted> {
    response(answer.status, answer.headers, body::whole(answer.body), in_flight)
}

fn response(
    status: StatusCode,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    body: Body,
    in_flight: Option<InFlight>,
) -> Response<Counted> {
    let mut response = Response::new(Counted { body, in_flight });
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// A request that has come and not yet gone.
#[derive(Debug)]
pub(super) struct InFlight {
    cloud: Arc<Cloud>,
    kind: Kind,
}

impl InFlight {
    pub(super) fn new(cloud: &Arc<Cloud>, kind: Kind) -> Self {
        cloud.requests().came(kind);
        Self { cloud: Arc::clone(cloud), kind }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.cloud.requests().went(self.kind);
    }
}

/// A body that counts what goes out and keeps its request in flight until it is all gone.
#[derive(Debug)]
pub(super) struct Counted {
    body: Body,
    in_flight: Option<InFlight>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(in_flight)) = (&polled, &self.in_flight)
            && let Some(piece) = frame.data_ref()
        {
            in_flight.cloud.requests().sent(piece.remaining());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
