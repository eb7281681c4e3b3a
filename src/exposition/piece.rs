use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::gzip::{Deflater, Segment};
use super::locked;

/// Bytes of an answer, and what they deflate to once somebody asked for that.
///
/// Most pieces outlive many publications, and a text and an `OpenMetrics` answer share theirs: what was
/// deflated once serves every gzip answer the piece is in.
#[derive(Debug, Default)]
pub(super) struct Piece {
    bytes: Bytes,
    segment: Mutex<Option<Arc<Segment>>>,
}

impl Piece {
    /// The bytes.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their number.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What they deflate to. Takes its time when asked first: run it where waiting is allowed.
    pub(super) fn segment(&self, deflater: &mut Deflater) -> Arc<Segment> {
        let mut segment = locked(&self.segment);
        Arc::clone(segment.get_or_insert_with(|| Arc::new(deflater.segment(&self.bytes))))
    }

    /// Whether what they deflate to is held.
    #[cfg(test)]
    pub(super) fn holds_segment(&self) -> bool {
        locked(&self.segment).is_some()
    }

    /// Gives the memory of the deflated form back.
    pub(super) fn forget_segment(&self) {
        *locked(&self.segment) = None;
    }
}

impl From<Vec<u8>> for Piece {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), segment: Mutex::default() }
    }
}
