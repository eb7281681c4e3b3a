use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// The bytes of an answer, in pieces that are shared with whatever else holds them.
///
/// One [`Buf`] of many pieces: a server that writes vectored hands dozens of them to the system at once
/// and copies none.
pub struct Body {
    pieces: Vec<Bytes>,
    /// The first piece with bytes left.
    at: usize,
    remaining: usize,
}

impl Body {
    pub(super) fn new(pieces: Vec<Bytes>) -> Self {
        let remaining = pieces.iter().map(Bytes::len).sum();
        let mut body = Self { pieces, at: 0, remaining };
        body.skip_empty();
        body
    }

    fn skip_empty(&mut self) {
        while self.pieces.get(self.at).is_some_and(Bytes::is_empty) {
            // What was sent may be all that held on to its bytes.
            self.pieces[self.at] = Bytes::new();
            self.at += 1;
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::new(vec![bytes])
    }
}

impl Buf for Body {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.get(self.at).map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.pieces.get(self.at..).unwrap_or_default();
        let pieces = pieces.iter().filter(|piece| !piece.is_empty());
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot advance past the end of an answer");
        self.remaining -= count;
        while count > 0 {
            let piece = &mut self.pieces[self.at];
            let step = count.min(piece.len());
            piece.advance(step);
            count -= step;
            self.skip_empty();
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_steps_through_any_pieces_give_their_bytes_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9),
            steps in prop::collection::vec((1..5_usize, 0..20_usize), 1..9),
        ) {
            let whole = pieces.concat();
            let mut body = Body::new(pieces.into_iter().map(Bytes::from).collect());
            let mut got = Vec::new();
            for (slices, step) in steps.into_iter().cycle().take(99) {
                prop_assert_eq!(body.remaining(), whole.len() - got.len());
                prop_assert_eq!(body.chunk().is_empty(), body.remaining() == 0);
                let mut vectored = [IoSlice::new(&[]); 5];
                let filled = body.chunks_vectored(&mut vectored[..slices]);
                let seen: Vec<u8> = vectored[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert_eq!(&whole[got.len()..got.len() + seen.len()], &seen);
                let step = step.min(seen.len());
                got.extend_from_slice(&seen[..step]);
                body.advance(step);
            }
            got.extend_from_slice(&body.copy_to_bytes(body.remaining()));
            prop_assert_eq!(got, whole);
        }
    }
}
