//! One answer, ready to send.
//!
//! A scrape must cost what sending a file costs, so nothing is rendered while somebody waits. The
//! text of a job is rendered when it was polled (`JobText`), the `Store` keeps the texts of all
//! jobs family by family and publishes snapshots that share all that did not change, and the
//! `Reader` hands out the newest one, negotiated and compressed once for everybody who asks.
//!
//! A gauge's line is the same in text 0.0.4 and in `OpenMetrics`: lines are held once and only the
//! headers differ. Protobuf is transcoded from the same lines.

mod dialect;
mod format;
mod group;
mod gzip;
mod job_text;
mod line;
mod negotiation;
mod own_text;
mod protobuf;
mod reader;
mod snapshot;
mod store;
mod zstd;

use std::sync::Arc;

use tokio::sync::watch;

use crate::metrics::Family;
use crate::own;

pub use dialect::{Dialect, write_family};
pub use job_text::JobText;
pub use reader::{Answer, Body, Reader};
pub use store::{Published, Store};

/// An empty store of these families and the reader of what it publishes.
///
/// The place of a family in the table is its place in every answer.
pub fn new(families: &'static [Family], own: own::Metrics) -> (Store, Reader) {
    let (publisher, snapshots) = watch::channel(Arc::new(snapshot::Snapshot::empty(families)));
    (Store::new(families, own.clone(), publisher), Reader::new(own, snapshots))
}
