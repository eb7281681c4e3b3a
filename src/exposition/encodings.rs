use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::dialect::Dialect;
use super::gzip::{self, Deflater};
use super::negotiation::Encoding;
use super::piece::Piece;
use super::reader::{OWN_MAX_AGE, States};
use super::snapshot::Snapshot;
use super::view::View;
use super::zstd;

/// When an encoding in use is made anew although nothing was published meanwhile: it holds our own
/// counters too, and leaves a fifth of their age to the making.
const RENEW_AFTER: Duration = Duration::from_millis(800);

/// How long an encoding is kept ready for nobody: longer than any scrape interval in use.
const UNUSED_AFTER: Duration = Duration::from_mins(10);

/// Partial answers packed at once: nobody shares them, so they must not take the machine.
const PARTS_AT_ONCE: usize = 1;

/// Answers that take their time to make, ready to send.
///
/// Whoever asks first for an encoding waits until it is made. From then on [`keep`](Self::keep) makes it
/// anew beside the scrapes, which take the last one that is whole, until nobody asks for it any more.
pub(super) struct Encodings {
    states: Arc<States>,
    slots: Vec<Arc<Slot>>,
    parts: Semaphore,
    /// Of each form, since when blocks hold it, or when a partial answer last wanted it.
    wanted: Mutex<[Option<Instant>; Form::ALL.len()]>,
}

/// The whole exposition in one dialect and encoding.
struct Slot {
    dialect: Dialect,
    encoding: Encoding,
    shown: Mutex<Option<Shown>>,
    /// Held while it is made, so that whoever comes meanwhile waits and shares.
    making: Arc<AsyncMutex<()>>,
}

struct Shown {
    pieces: Vec<Bytes>,
    /// What it was made of.
    snapshot: Arc<Snapshot>,
    /// When our own counters in it were read.
    made: Instant,
    asked: Instant,
}

/// What blocks keep besides their text once it was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    DeflatedText,
    Protobuf,
    DeflatedProtobuf,
}

impl Form {
    const ALL: [Self; 3] = [Self::DeflatedText, Self::Protobuf, Self::DeflatedProtobuf];

    /// Whether it goes into this encoding.
    fn is_in(self, dialect: Dialect, encoding: Encoding) -> bool {
        let (is_protobuf, is_gzip) = (dialect == Dialect::Protobuf, encoding == Encoding::Gzip);
        match self {
            Self::DeflatedText => is_gzip && !is_protobuf,
            Self::Protobuf => is_protobuf,
            Self::DeflatedProtobuf => is_gzip && is_protobuf,
        }
    }

    fn forget(self, snapshot: &Snapshot) {
        for block in snapshot.groups().iter().flat_map(|group| group.blocks()) {
            match self {
                Self::DeflatedText => block.text().forget_segment(),
                Self::Protobuf => block.forget_protobuf(),
                Self::DeflatedProtobuf => {
                    if let Some(protobuf) = block.held_protobuf() {
                        protobuf.forget_segment();
                    }
                }
            }
        }
    }
}

impl Encodings {
    /// None made yet.
    pub(super) fn new(states: Arc<States>) -> Self {
        let all = Dialect::ALL.into_iter().flat_map(|dialect| {
            Encoding::ALL.into_iter().map(move |encoding| Arc::new(Slot::new(dialect, encoding)))
        });
        Self {
            states,
            slots: all.collect(),
            parts: Semaphore::new(PARTS_AT_ONCE),
            wanted: Mutex::default(),
        }
    }

    /// The whole exposition; `None` only where the runtime is shutting down.
    pub(super) async fn whole(&self, dialect: Dialect, encoding: Encoding) -> Option<Body> {
        let slot = &self.slots[dialect as usize * Encoding::ALL.len() + encoding as usize];
        if let Some(body) = slot.ask() {
            return Some(body);
        }
        let making = Arc::clone(&slot.making).lock_owned().await;
        if let Some(body) = slot.ask() {
            return Some(body);
        }
        self.make(slot, making).await;
        slot.body()
    }

    /// A part of the exposition, made for whoever asks; `None` only where the runtime is shutting down.
    pub(super) async fn part(
        &self,
        dialect: Dialect,
        encoding: Encoding,
        view: View,
    ) -> Option<Body> {
        let _turn = self.parts.acquire().await.ok()?;
        for (form, wanted) in Form::ALL.into_iter().zip(&mut *locked(&self.wanted)) {
            if form.is_in(dialect, encoding) {
                *wanted = Some(Instant::now());
            }
        }
        let state = self.states.fresh();
        let work =
            move || Body::new(pack(&state.pieces(dialect, &view), encoding, &mut Deflater::new()));
        spawn_blocking(work).await.ok()
    }

    /// Makes the encodings in use anew whenever there is something new in them, and gives the memory of
    /// the others back. Ends when nobody publishes any more.
    pub(super) async fn keep(&self) {
        let mut snapshots = self.states.snapshots.clone();
        loop {
            let newest = Arc::clone(&snapshots.borrow_and_update());
            let mut next = Instant::now() + RENEW_AFTER;
            for slot in &self.slots {
                let making = Arc::clone(&slot.making).lock_owned().await;
                if slot.is_due(&newest) {
                    self.make(slot, making).await;
                }
                next = slot.made().map_or(next, |made| next.min(made + RENEW_AFTER));
            }
            self.forget_unused();
            if let Ok(Err(_)) = timeout_at(next, snapshots.changed()).await {
                return;
            }
        }
    }

    /// The work holds the slot and finishes even if whoever asked for it goes away.
    async fn make(&self, slot: &Arc<Slot>, making: OwnedMutexGuard<()>) {
        let (slot, states) = (Arc::clone(slot), Arc::clone(&self.states));
        // Fails only where the runtime is shutting down.
        let _ = spawn_blocking(move || {
            slot.make(&states);
            drop(making);
        })
        .await;
    }

    /// Gives the memory of forms back that go into nothing anybody asks for.
    fn forget_unused(&self) {
        for (form, wanted) in Form::ALL.into_iter().zip(&mut *locked(&self.wanted)) {
            let is_in_shown =
                |slot: &Arc<Slot>| form.is_in(slot.dialect, slot.encoding) && slot.is_shown();
            if self.slots.iter().any(is_in_shown) {
                wanted.get_or_insert_with(Instant::now);
            } else if wanted.take_if(|wanted| wanted.elapsed() >= UNUSED_AFTER).is_some() {
                form.forget(&self.states.snapshots.borrow());
            }
        }
    }
}

impl Slot {
    fn new(dialect: Dialect, encoding: Encoding) -> Self {
        Self { dialect, encoding, shown: Mutex::default(), making: Arc::default() }
    }

    /// What is shown, if that is new enough.
    fn ask(&self) -> Option<Body> {
        let mut shown = locked(&self.shown);
        let shown = shown.as_mut().filter(|shown| shown.made.elapsed() < OWN_MAX_AGE)?;
        shown.asked = Instant::now();
        Some(Body::new(shown.pieces.clone()))
    }

    /// What was just made, however long that took.
    fn body(&self) -> Option<Body> {
        locked(&self.shown).as_ref().map(|shown| Body::new(shown.pieces.clone()))
    }

    /// Whether what is shown is to be made anew. What nobody asks for is given up instead.
    fn is_due(&self, newest: &Arc<Snapshot>) -> bool {
        let mut shown = locked(&self.shown);
        shown.take_if(|shown| shown.asked.elapsed() >= UNUSED_AFTER);
        shown.as_ref().is_some_and(|shown| {
            !Arc::ptr_eq(&shown.snapshot, newest) || shown.made.elapsed() >= RENEW_AFTER
        })
    }

    fn made(&self) -> Option<Instant> {
        locked(&self.shown).as_ref().map(|shown| shown.made)
    }

    fn is_shown(&self) -> bool {
        locked(&self.shown).is_some()
    }

    fn make(&self, states: &States) {
        let (whole, mut deflater) = (View::default(), Deflater::new());
        // What takes long comes first, so that our own counters are young when all is ready.
        for piece in states.fresh().pieces(self.dialect, &whole) {
            if self.encoding == Encoding::Gzip {
                piece.segment(&mut deflater);
            }
        }
        let state = states.renewed();
        let pieces = pack(&state.pieces(self.dialect, &whole), self.encoding, &mut deflater);
        states.own.encoding(self.dialect.label(), self.encoding.label());
        let mut shown = locked(&self.shown);
        let asked = shown.as_ref().map_or_else(Instant::now, |shown| shown.asked);
        *shown = Some(Shown {
            pieces,
            snapshot: Arc::clone(state.snapshot()),
            made: state.made(),
            asked,
        });
    }
}

fn pack(pieces: &[Arc<Piece>], encoding: Encoding, deflater: &mut Deflater) -> Vec<Bytes> {
    match encoding {
        Encoding::Identity => pieces.iter().map(|piece| piece.bytes().clone()).collect(),
        Encoding::Gzip => vec![gzip::assemble(pieces, deflater)],
        Encoding::Zstd => {
            let size = pieces.iter().map(|piece| piece.len()).sum();
            vec![zstd::compress(size, pieces.iter().map(|piece| piece.bytes().clone()))]
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind our locks is whole between any two statements that can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
