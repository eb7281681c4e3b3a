use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::body::Body;
use super::dialect::Dialect;
use super::gzip::{self, Deflater};
use super::locked;
use super::negotiation::Encoding;
use super::piece::Piece;
use super::snapshot::Snapshot;
use super::state::States;
use super::view::View;
use super::zstd;

/// How long an encoding is kept ready for nobody: longer than any scrape interval in use.
pub(super) const UNUSED_AFTER: Duration = Duration::from_mins(10);

/// The whole exposition in one dialect and encoding, ready to send while somebody asks for it.
pub(super) struct Slot {
    dialect: Dialect,
    encoding: Encoding,
    shown: Mutex<Option<Shown>>,
    /// `None` where nobody asked since it was given up.
    asked: Mutex<Option<Instant>>,
    /// Held while it is made, so that whoever comes meanwhile waits and shares.
    making: Arc<AsyncMutex<()>>,
}

struct Shown {
    pieces: Vec<Bytes>,
    /// The number of the snapshot in it.
    snapshot: u64,
    /// When our own counters in it were read.
    made: Instant,
}

impl Slot {
    pub(super) fn new(dialect: Dialect, encoding: Encoding) -> Self {
        Self {
            dialect,
            encoding,
            shown: Mutex::default(),
            asked: Mutex::default(),
            making: Arc::default(),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Somebody wants it.
    pub(super) fn ask(&self) {
        *locked(&self.asked) = Some(Instant::now());
    }

    /// What is shown, if whoever asks takes one that was made then.
    pub(super) fn shown(&self, is_good: impl FnOnce(Instant) -> bool) -> Option<Body> {
        let shown = locked(&self.shown);
        shown
            .as_ref()
            .filter(|shown| is_good(shown.made))
            .map(|shown| Body::new(shown.pieces.clone()))
    }

    /// When what is shown was made.
    pub(super) fn made(&self) -> Option<Instant> {
        locked(&self.shown).as_ref().map(|shown| shown.made)
    }

    /// Waits until nobody is making it.
    pub(super) async fn making(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.making).lock_owned().await
    }

    /// `None` where somebody is making it.
    pub(super) fn try_making(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.making).try_lock_owned().ok()
    }

    /// Gives up what nobody asks for any more.
    pub(super) fn give_up_unused(&self) {
        let mut asked = locked(&self.asked);
        if asked.take_if(|asked| asked.elapsed() >= UNUSED_AFTER).is_some() {
            *locked(&self.shown) = None;
        }
    }

    /// Whether what is shown should give way to one made now: something newer is published, or our
    /// own counters in it are older than this.
    pub(super) fn is_due(&self, newest: &Snapshot, oldest: Duration) -> bool {
        locked(&self.shown).as_ref().is_some_and(|shown| {
            shown.snapshot != newest.number() || shown.made.elapsed() >= oldest
        })
    }

    /// Makes it of the newest state and shows it. Takes its time: run it where waiting is allowed.
    pub(super) fn make(&self, states: &States) -> Body {
        let (whole, mut deflater) = (View::default(), Deflater::new());
        // What takes long comes first, so that our own counters are young when all is ready.
        if self.encoding == Encoding::Gzip || self.dialect == Dialect::Protobuf {
            for piece in states.fresh().pieces(self.dialect, &whole) {
                if self.encoding == Encoding::Gzip {
                    piece.segment(&mut deflater);
                }
            }
        }
        let state = states.renewed();
        let pieces = pack(&state.pieces(self.dialect, &whole), self.encoding, &mut deflater);
        states.own().encoding(self.dialect.label(), self.encoding.label());
        let body = Body::new(pieces.clone());
        *locked(&self.shown) =
            Some(Shown { pieces, snapshot: state.snapshot().number(), made: state.made() });
        body
    }
}

/// The bytes of an answer in an encoding. Takes its time: run it where waiting is allowed.
pub(super) fn pack(
    pieces: &[Arc<Piece>],
    encoding: Encoding,
    deflater: &mut Deflater,
) -> Vec<Bytes> {
    match encoding {
        Encoding::Identity => pieces.iter().map(|piece| piece.bytes().clone()).collect(),
        Encoding::Gzip => vec![gzip::assemble(pieces, deflater)],
        Encoding::Zstd => {
            let size = pieces.iter().map(|piece| piece.len()).sum();
            vec![zstd::compress(size, pieces.iter().map(|piece| piece.bytes().clone()))]
        }
    }
}
