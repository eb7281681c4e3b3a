//! What others wrote reads what we say: promtool, Prometheus, `VictoriaMetrics`, curl, the Python parsers,
//! the cloud's client, Keystone, Helm.

mod chain;
mod clients;
mod configuration;
mod dashboards;
mod formats;
mod keystone;
mod packages;
mod prometheus;
mod promtool;
mod proxy;
mod signer;
mod victoria;
mod web;

use std::path::PathBuf;

/// A file of a peer, as `make peers` unpacks it.
fn peer(path: &str) -> PathBuf {
    let file = repository("target/peers").join(path);
    assert!(file.exists(), "{} is missing; bring it with `make peers`", file.display());
    file
}

/// A file of this repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
