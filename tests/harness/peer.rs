use std::path::PathBuf;

/// A file of a peer, as `make peers` unpacks it.
pub(crate) fn peer(path: &str) -> PathBuf {
    let file = repository("target/peers").join(path);
    assert!(file.exists(), "{} is missing; bring it with `make peers`", file.display());
    file
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
