use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};

use super::body::Body;
use super::dialect::Dialect;
use super::gzip::Deflater;
use super::locked;
use super::negotiation::Encoding;
use super::reader::Refusal;
use super::slot::{Slot, UNUSED_AFTER, pack};
use super::snapshot::Snapshot;
use super::state::{OWN_MAX_AGE, States};
use super::view::View;

/// When an encoding in use is made anew although nothing was published meanwhile: it holds our own
/// counters too, and leaves a fifth of their age to the making.
const RENEW_AFTER: Duration = Duration::from_millis(800);

/// Between two rounds of making, or as long as the one before took: on a slow machine half of the time
/// is left to others.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Partial answers packed at once: nobody shares them, so they must not take the machine.
const PARTS_AT_ONCE: usize = 1;

/// Partial answers that are packed or wait for it: few beside the requests answered at once, so that
/// those who want the whole still get through.
const PARTS_WAITING: usize = 8;

/// Answers that take their time to make.
///
/// Whoever asks first for the whole exposition in an encoding waits until it is made. From then on
/// [`keep`](Self::keep) makes it anew beside the scrapes, which take the last one that is ready, until
/// nobody asks for it any more.
pub(super) struct Encodings {
    states: Arc<States>,
    slots: Vec<Arc<Slot>>,
    packing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Of each form, since when blocks hold it, or when a partial answer last wanted it.
    wanted: Mutex<[Option<Instant>; Form::ALL.len()]>,
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
            packing: Arc::new(Semaphore::new(PARTS_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(PARTS_WAITING)),
            wanted: Mutex::default(),
        }
    }

    /// The whole exposition; `None` only where the runtime is shutting down.
    pub(super) async fn whole(&self, dialect: Dialect, encoding: Encoding) -> Option<Body> {
        let slot = &self.slots[dialect as usize * Encoding::ALL.len() + encoding as usize];
        slot.ask();
        let came = Instant::now();
        // What others made while this one waited is as new as what it would make itself.
        let is_good = |made: Instant| made >= came || made.elapsed() < OWN_MAX_AGE;
        if let Some(body) = slot.shown(is_good) {
            return Some(body);
        }
        let making = slot.making().await;
        match slot.shown(is_good) {
            Some(body) => Some(body),
            None => self.make(slot, making).await,
        }
    }

    /// A part of the exposition, made for whoever asks; `None` only where the runtime is shutting down.
    pub(super) async fn part(
        &self,
        dialect: Dialect,
        encoding: Encoding,
        view: View,
    ) -> Result<Option<Body>, Refusal> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let turn = Arc::clone(&self.packing).acquire_owned().await.map_err(|_| Refusal::Busy)?;
        for (form, wanted) in Form::ALL.into_iter().zip(&mut *locked(&self.wanted)) {
            if form.is_in(dialect, encoding) {
                *wanted = Some(Instant::now());
            }
        }
        let states = Arc::clone(&self.states);
        let work = move || {
            // The work holds its place also when whoever asked for it goes away.
            let _held = (place, turn);
            let pieces = states.fresh().pieces(dialect, &view);
            Body::new(pack(&pieces, encoding, &mut Deflater::new()))
        };
        Ok(waiting_allowed(work).await)
    }

    /// Makes the encodings in use anew whenever there is something new in them, and gives the memory of
    /// the others back. Ends when nobody publishes any more. Takes its time between two waits: run it
    /// on a thread of its own.
    pub(super) async fn keep(&self) {
        let mut snapshots = self.states.snapshots();
        loop {
            let began = Instant::now();
            let newest = Arc::clone(&snapshots.borrow_and_update());
            for slot in &self.slots {
                slot.give_up_unused();
                // Where somebody is making it, that is new enough.
                if slot.is_due(&newest, RENEW_AFTER)
                    && let Some(_making) = slot.try_making()
                {
                    slot.make(&self.states);
                }
            }
            drop(newest);
            self.forget_unused();
            sleep(began.elapsed().max(LEAST_PAUSE)).await;
            let due = self.slots.iter().filter_map(|slot| Some(slot.made()? + RENEW_AFTER)).min();
            let next = due.unwrap_or_else(|| Instant::now() + RENEW_AFTER);
            if let Ok(Err(_)) = timeout_at(next, snapshots.changed()).await {
                return;
            }
        }
    }

    /// The work holds the slot and finishes even if whoever asked for it goes away.
    async fn make(&self, slot: &Arc<Slot>, making: OwnedMutexGuard<()>) -> Option<Body> {
        let (slot, states) = (Arc::clone(slot), Arc::clone(&self.states));
        waiting_allowed(move || {
            let body = slot.make(&states);
            drop(making);
            body
        })
        .await
    }

    /// Gives the memory back of what goes into nothing anybody asks for.
    fn forget_unused(&self) {
        self.states.forget_old();
        for (form, wanted) in Form::ALL.into_iter().zip(&mut *locked(&self.wanted)) {
            let is_in_shown = |slot: &Arc<Slot>| {
                form.is_in(slot.dialect(), slot.encoding()) && slot.made().is_some()
            };
            if self.slots.iter().any(is_in_shown) {
                wanted.get_or_insert_with(Instant::now);
            } else if wanted.take_if(|wanted| wanted.elapsed() >= UNUSED_AFTER).is_some() {
                form.forget(&self.states.snapshot());
            }
        }
    }
}

/// Runs work that takes its time; `None` where the runtime is shutting down.
async fn waiting_allowed<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Reader, Store, new};
    use crate::metrics::{Family, JobKey, Kind, Sink as _};
    use crate::own;

    const FAMILIES: &[Family] =
        &[Family { name: "a", kind: Kind::Gauge, help: "A", labels: &["job_id"] }];

    fn publish(store: &Store) {
        for job in 0..300 {
            let job = job.to_string();
            let mut text = store.text();
            text.sample(0, &[("job_id", &job)], 1.0);
            store.put(JobKey { project: "p".into(), job_id: job.into() }, text);
        }
        store.publish(0.0);
    }

    /// Of all blocks: deflated text, protobuf, deflated protobuf.
    fn held(reader: &Reader) -> [usize; 3] {
        let snapshot = reader.states().snapshot();
        let blocks: Vec<_> = snapshot.groups().iter().flat_map(|group| group.blocks()).collect();
        let protobuf: Vec<_> = blocks.iter().filter_map(|block| block.held_protobuf()).collect();
        [
            blocks.iter().filter(|block| block.text().holds_segment()).count(),
            protobuf.len(),
            protobuf.iter().filter(|protobuf| protobuf.holds_segment()).count(),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn blocks_keep_a_form_as_long_as_somebody_asks_for_it() {
        let (store, reader) = new(FAMILIES, own::Metrics::new());
        publish(&store);
        let _work = tokio::spawn(reader.clone().keep_encodings());
        let protobuf = "application/vnd.google.protobuf;\
            proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let part = View::parse("name[]=a").unwrap();
        assert_eq!(held(&reader), [0, 0, 0]);
        reader.answer("", "gzip", &View::default()).await.unwrap();
        let blocks = held(&reader)[0];
        assert!(blocks > 1, "{blocks}");
        reader.answer(protobuf, "gzip", &part).await.unwrap();
        assert_eq!(held(&reader), [blocks, blocks, blocks]);
        sleep(UNUSED_AFTER / 2).await;
        reader.answer("application/openmetrics-text", "gzip", &part).await.unwrap();
        sleep(UNUSED_AFTER / 2 + RENEW_AFTER * 3).await;
        assert_eq!(held(&reader), [blocks, 0, 0], "OpenMetrics shares the deflated text");
        sleep(UNUSED_AFTER / 2).await;
        assert_eq!(held(&reader), [0, 0, 0]);
    }
}
