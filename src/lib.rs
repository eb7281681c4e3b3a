//! Prometheus exporter for `ModelArts` training jobs.
//!
//! The rooms stand in the order in which the data passes through them; read them from top to bottom
//! and you have walked the whole way once. `docs/architecture.md` draws the same walk on one page.

/// Of whatever links this, the binary and the benchmarks alike. With a million series the system's
/// allocator grew from 275 to 360 MB within minutes, since blocks of changing sizes that many threads
/// make and free leave holes in each thread's arena; this one stays at 285 MB, and is the same one in
/// the static image, where musl's would be slow.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the operator typed on the command line.
pub mod cli;

/// The composition root: configuration becomes parts, parts become tasks, tasks run until stopped.
pub mod app;

/// 1. What the operator wants: a file as typed becomes settings that are valid by construction.
pub mod config;

/// 2. When to ask: the cadence of each job and the request budget a project shares.
pub mod schedule;

/// 3. How to ask: tokens, transport and the wire forms of the cloud's APIs. Hands out model values only.
pub mod cloud;

/// 4. What is true: jobs, versions, status, usage and quality. Imports nothing.
pub mod model;

/// 5. What we know and for how long: the last answers, their freshness and retention.
pub mod inventory;

/// 6. What it means in Prometheus: the catalogue of families and the functions from model to samples.
pub mod metrics;

/// 7. One answer, ready to send: fragments, snapshots, text formats, compression, negotiation.
pub mod exposition;

/// 8. Hand it over: listeners, routes, pages.
pub mod server;

/// Beside the way: the exporter's own counters.
pub mod own;

/// Beside the way: the cloud as a model with HTTP on top, with its own JSON types.
pub mod simulator;
