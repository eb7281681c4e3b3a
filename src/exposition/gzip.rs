use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Levels above buy a fifth of the size for twice the time, levels below cost two fifths more; it is
/// made once per published state, but the first who asks waits for it.
const LEVEL: u32 = 4;

/// One gzip member of all chunks. Takes its time: run it where waiting is allowed.
pub(super) fn compress(chunks: impl Iterator<Item = Bytes>) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    for chunk in chunks {
        encoder.write_all(&chunk).expect("writing to memory does not fail");
    }
    let mut compressed = encoder.finish().expect("writing to memory does not fail");
    compressed.shrink_to_fit();
    compressed.into()
}
