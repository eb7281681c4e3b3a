//! One answer, ready to send.
//!
//! A scrape must cost what sending a file costs, so nothing is rendered while somebody waits. The
//! text of a job is rendered when it was polled (`JobText`); the `Store` keeps the texts of all
//! jobs in blocks, one for each family and group of neighbours, and publishes snapshots that share
//! all that did not change; the `Reader` hands out the newest one as it was negotiated.
//!
//! A gauge's line is the same in text 0.0.4 and in `OpenMetrics`: lines are held once and only the
//! headers differ. What else a block can be asked for, deflated or as protobuf, it keeps once made
//! (`piece`), so that the next state needs only what changed. Whole answers that take their time are
//! made beside the scrapes while they are in use (`encodings`).

mod body;
mod dialect;
mod encodings;
mod format;
mod group;
mod gzip;
mod job_text;
mod line;
mod negotiation;
mod own_text;
mod piece;
mod protobuf;
mod reader;
mod slot;
mod snapshot;
mod state;
mod store;
mod view;
mod zstd;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::metrics::Family;
use crate::own;

pub use body::Body;
pub use job_text::JobText;
pub use reader::{Answer, Reader, Refusal};
pub use store::{Published, Store};
pub use view::{SeveralProjects, View};

/// An empty store of these families and the reader of what it publishes.
///
/// The place of a family in the table is its place in every answer.
pub fn new(families: &'static [Family], own: own::Metrics) -> (Store, Reader) {
    let (publisher, snapshots) = watch::channel(Arc::new(snapshot::Snapshot::empty(families)));
    (Store::new(families, own.clone(), publisher), Reader::new(own, snapshots))
}

/// The content of a mutex. A panic elsewhere leaves nothing half done behind our locks, except where
/// notes are worked in, and that one ends the process.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
