//! Durations and sizes as operators write them.

use std::fmt::Write;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads `"30s"`, `"1h30m"`, `"30d"`; a day is 24 hours, and months and years have no length.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    duration.try_into().ok()
}

/// Writes a duration the way it would be typed: `10m10s`.
pub fn format_duration(duration: Duration) -> String {
    const STEPS: [(u128, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (size, unit) in STEPS {
        if rest >= size {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The units of sizes, longest spelling first, so that `KiB` is not read as `B`.
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Reads `"16MiB"`, `"64KiB"`, `"1GB"`: whole numbers of a unit, in any case.
pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let (_, size) = SIZES.iter().find(|(name, _)| unit.trim().eq_ignore_ascii_case(name))?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

/// Writes a size in the largest unit that holds it whole.
pub(super) fn format_bytes(bytes: u64) -> String {
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1_u64 << 10)]
        .into_iter()
        .find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size))
        .map_or_else(|| format!("{bytes}B"), |(unit, size)| format!("{}{unit}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h30m", 5_400), ("24h", 86_400), ("30d", 2_592_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("100ms"), Some(Duration::from_millis(100)));
        for text in ["", "30", "s", "-5s", "1 month", "1y", "5 parsecs", "99999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["0s", "100ms", "30s", "10m10s", "1h30m", "1d", "30d"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Some(text));
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("16MiB", 16 << 20),
            ("64kib", 64 << 10),
            ("1GB", 1_000_000_000),
            ("512B", 512),
            ("2 GiB", 2 << 30),
        ] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "16", "MiB", "-1MiB", "1.5MiB", "16 megs", "99999999999GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        for text in ["16MiB", "64KiB", "1000B", "1GiB"] {
            assert_eq!(parse_bytes(text).map(format_bytes).as_deref(), Some(text));
        }
    }
}
