//! Numbers that look random and depend on nothing but their arguments.

/// A well-mixed number for a place in a stream (splitmix64's finaliser).
pub(super) fn mix(seed: u64, place: u64) -> u64 {
    let mut z = seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in `low..=high` for a place in a stream.
pub(super) fn between(seed: u64, place: u64, low: u64, high: u64) -> u64 {
    debug_assert!(low <= high);
    low + mix(seed, place) % (high - low + 1)
}

/// One of `choices`, which must not be empty.
pub(super) fn pick<T: Copy>(seed: u64, place: u64, choices: &[T]) -> T {
    let count = choices.len().max(1) as u64;
    // The remainder is below a slice's length.
    choices[usize::try_from(mix(seed, place) % count).unwrap_or(0)]
}

/// Letters like those of tokens and keys, the same for the same seed.
pub(super) fn letters(seed: u64, count: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..count as u64)
        .map(|place| char::from(LETTERS[usize::try_from(mix(seed, place) % 64).unwrap_or(0)]))
        .collect()
}
