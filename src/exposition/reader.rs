use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::Instant;

use crate::own;

use super::dialect::Dialect;
use super::negotiation::{self, Encoding};
use super::snapshot::Snapshot;
use super::{gzip, own_text, protobuf, zstd};

/// How old our own counters may be in an answer. They change all the time; made anew for every
/// scrape, no two scrapers could share a compressed answer.
const OWN_MAX_AGE: Duration = Duration::from_secs(1);

/// Gives answers. Never waits for whoever publishes. Clones share what was made.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    own: own::Metrics,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    state: Mutex<Option<Arc<State>>>,
    /// Of each dialect, of each encoding; locked while it is made, so that whoever comes meanwhile waits
    /// and shares.
    made: [[Arc<AsyncMutex<Option<Made>>>; Encoding::ALL.len()]; Dialect::ALL.len()],
}

/// What everybody who asks at about the same time is answered from.
struct State {
    /// Later states have higher numbers.
    number: u64,
    made: Instant,
    snapshot: Arc<Snapshot>,
    own: [Bytes; Dialect::ALL.len()],
}

/// A state, encoded.
struct Made {
    number: u64,
    bytes: Bytes,
}

/// An exposition, ready to send.
#[derive(Debug)]
pub struct Answer {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Content-Encoding`, if there is one.
    pub content_encoding: Option<&'static str>,
    /// The number of bytes in the body.
    pub content_length: u64,
    /// The bytes.
    pub body: Body,
}

impl Reader {
    pub(super) fn new(own: own::Metrics, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let shared = Shared { own, snapshots, state: Mutex::default(), made: Default::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The newest exposition, in the format and encoding that these two headers ask for; an absent
    /// header is empty text.
    pub async fn answer(&self, accept: &str, accept_encoding: &str) -> Answer {
        let (format, content_type) = negotiation::format(accept);
        let encoding = negotiation::encoding(accept_encoding);
        let dialect = format.dialect;
        let state = self.state();
        let is_plain = encoding == Encoding::Identity && dialect != Dialect::Protobuf;
        if !is_plain && let Some(bytes) = self.made(dialect, encoding, &state).await {
            return Answer {
                content_type,
                content_encoding: encoding.token(),
                content_length: bytes.len() as u64,
                body: Body { source: Source::Packed(Some(bytes)) },
            };
        }
        Answer {
            content_type,
            content_encoding: None,
            content_length: state.size(dialect),
            body: Body::plain(state, dialect),
        }
    }

    /// The state to answer from: made anew where the snapshot is a new one or our own counters are
    /// too old.
    fn state(&self) -> Arc<State> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Arc::clone(&self.shared.snapshots.borrow());
        if let Some(state) = state.as_ref()
            && Arc::ptr_eq(&state.snapshot, &snapshot)
            && state.made.elapsed() < OWN_MAX_AGE
        {
            return Arc::clone(state);
        }
        let number = state.as_ref().map_or(0, |before| before.number + 1);
        let readings = self.shared.own.read();
        let own = Dialect::ALL.map(|dialect| own_text::render(&readings, dialect).into());
        let new = Arc::new(State { number, made: Instant::now(), snapshot, own });
        *state = Some(Arc::clone(&new));
        new
    }

    /// This state or a later one, encoded; `None` only where the runtime is shutting down.
    async fn made(&self, dialect: Dialect, encoding: Encoding, state: &State) -> Option<Bytes> {
        let place = Arc::clone(&self.shared.made[dialect as usize][encoding as usize]);
        let mut made = place.lock_owned().await;
        if let Some(made) = made.as_ref()
            && made.number >= state.number
        {
            return Some(made.bytes.clone());
        }
        // While we waited for the place a newer state may have come: it serves more of those behind us.
        let newest = self.state();
        let own = self.shared.own.clone();
        // The work keeps the place and finishes even if whoever asked for it goes away.
        let work = tokio::task::spawn_blocking(move || {
            let number = newest.number;
            // The old one goes first: two at once is memory nobody needs.
            *made = None;
            let body = match dialect {
                Dialect::Text | Dialect::OpenMetrics => Body::plain(Arc::clone(&newest), dialect),
                Dialect::Protobuf => Body { source: Source::Packed(Some(newest.protobuf())) },
            };
            let bytes = match encoding {
                Encoding::Identity => body.flatten().collect(),
                Encoding::Gzip => gzip::compress(body),
                Encoding::Zstd => {
                    let chunks: Vec<Bytes> = body.collect();
                    let size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
                    zstd::compress(size, chunks.into_iter())
                }
            };
            own.encoding(dialect.label(), encoding.label());
            *made = Some(Made { number, bytes: bytes.clone() });
            bytes
        });
        work.await.ok()
    }
}

impl State {
    fn size(&self, dialect: Dialect) -> u64 {
        self.snapshot.size(dialect) + self.own[dialect as usize].len() as u64
    }

    /// Everything in protobuf, transcoded from the lines.
    fn protobuf(&self) -> Bytes {
        let mut out = Vec::new();
        let mut metrics = Vec::new();
        for (index, family) in self.snapshot.table().iter().enumerate() {
            metrics.clear();
            for lines in self.snapshot.lines(index) {
                protobuf::write_lines(&mut metrics, family.kind, lines);
            }
            if !metrics.is_empty() {
                protobuf::write_family_start(&mut out, family, metrics.len() as u64);
                out.extend_from_slice(&metrics);
            }
        }
        out.extend_from_slice(&self.own[Dialect::Protobuf as usize]);
        out.into()
    }
}

/// The bytes of an answer, in pieces that are shared with whatever else holds them.
pub struct Body {
    source: Source,
}

enum Source {
    Packed(Option<Bytes>),
    Plain { state: Arc<State>, dialect: Dialect, family: usize, piece: usize },
}

impl Body {
    fn plain(state: Arc<State>, dialect: Dialect) -> Self {
        Self { source: Source::Plain { state, dialect, family: 0, piece: 0 } }
    }
}

impl Iterator for Body {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let (state, dialect, family, piece) = match &mut self.source {
            Source::Packed(bytes) => return bytes.take(),
            Source::Plain { state, dialect, family, piece } => (state, *dialect, family, piece),
        };
        while *family < state.snapshot.families() {
            if let Some(bytes) = state.snapshot.piece(dialect, *family, *piece) {
                *piece += 1;
                return Some(bytes.clone());
            }
            *family += 1;
            *piece = 0;
        }
        // The exporter's own families come after the last one.
        let own = state.own[dialect as usize].clone();
        self.source = Source::Packed(None);
        Some(own)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}
