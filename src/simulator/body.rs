//! How an answer's body goes out: whole, in drips, cut off, or made up as it goes.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};

/// What the connection sends.
pub(super) type Body = UnsyncBoxBody<Bytes, Broken>;

/// The body ends here, by intention.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off on purpose")]
pub(super) struct Broken;

/// Pieces a slow body comes in.
const DRIPS: usize = 16;

/// Time for the first half to leave before the connection is reset, which would throw it away.
const HALF_AWAY: Duration = Duration::from_millis(20);

/// Bytes of made-up images in one piece.
const PIECE: u64 = 64 << 10;

/// All at once.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// In drips, with a pause before each but the first.
pub(super) fn slow(bytes: Bytes, pause: Duration) -> Body {
    let size = bytes.len().div_ceil(DRIPS).max(1);
    let drips = stream::unfold((bytes, true), move |(mut rest, first)| async move {
        if rest.is_empty() {
            return None;
        }
        if !first {
            tokio::time::sleep(pause).await;
        }
        let drip = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(drip)), (rest, false)))
    });
    StreamBody::new(drips).boxed_unsync()
}

/// Half of it; then `reset` is raised and the connection breaks.
pub(super) fn half(bytes: &Bytes, reset: Arc<AtomicBool>) -> Body {
    let first = bytes.slice(..bytes.len() / 2);
    let end = stream::once(async move {
        tokio::time::sleep(HALF_AWAY).await;
        reset.store(true, Ordering::Release);
        Err(Broken)
    });
    let first = stream::once(async move { Ok(Frame::data(first)) });
    StreamBody::new(first.chain(end)).boxed_unsync()
}

/// `before`, then at least `size` bytes of images as a JSON object, then `after`.
pub(super) fn huge(before: Bytes, after: Bytes, size: u64, escaped: bool) -> Body {
    let quote = if escaped { "\\\"" } else { "\"" };
    let images = stream::unfold((0_u64, 0_u64), move |(made, number)| async move {
        if made >= size {
            return None;
        }
        let mut piece = String::new();
        let mut number = number;
        while (piece.len() as u64) < PIECE.min(size - made) {
            let comma = if number == 0 { "" } else { "," };
            // Writing into a string cannot fail.
            _ = write!(
                piece,
                "{comma}{quote}s3://demo-bucket/images/{number:08}.jpg{quote}:{{\
                 {quote}real_label{quote}:[{quote}tulips{quote}],\
                 {quote}logits{quote}:[{quote}8.085395{quote},{quote}-1.837408{quote}]}}"
            );
            number += 1;
        }
        let made = made + piece.len() as u64;
        Some((Bytes::from(piece), (made, number)))
    });
    let pieces = stream::iter([before, Bytes::from_static(b"{")])
        .chain(images)
        .chain(stream::iter([Bytes::from_static(b"}"), after]))
        .map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(pieces).boxed_unsync()
}
