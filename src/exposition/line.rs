use std::io::Write as _;

/// From here on a float's decimal digits no longer say more than its exponent form, and an integer
/// no longer fits the digits other parsers expect of one.
const LARGE: f64 = 1e17;

/// Below this, leading zeros outnumber digits.
const SMALL: f64 = 1e-5;

/// Appends `name{label="value",…}`; without labels the name alone.
pub(super) fn write_series<'a>(
    out: &mut Vec<u8>,
    name: &str,
    suffix: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    let mut open = false;
    for (label, value) in labels {
        out.push(if open { b',' } else { b'{' });
        open = true;
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        write_escaped(out, value, Quotes::Escaped);
        out.push(b'"');
    }
    if open {
        out.push(b'}');
    }
}

/// Appends ` value` and ends the line.
pub(super) fn write_value(out: &mut Vec<u8>, value: f64) {
    out.push(b' ');
    write_number(out, value);
    out.push(b'\n');
}

/// Whether a quotation mark is escaped: in label values always, in help texts by dialect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Escaped,
    Plain,
}

/// Appends text with `\`, newline and, if asked, `"` escaped.
pub(super) fn write_escaped(out: &mut Vec<u8>, text: &str, quotes: Quotes) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'"' if quotes == Quotes::Escaped => b"\\\"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(escaped);
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Appends a number: integers plain, everything else with the fewest digits that read back the same.
pub(super) fn write_number(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    let written = if value.is_nan() {
        out.write_all(b"NaN")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b"+Inf" } else { b"-Inf" })
    } else if magnitude != 0.0 && !(SMALL..LARGE).contains(&magnitude) {
        write!(out, "{value:e}")
    } else {
        // Display writes no fraction where there is none.
        write!(out, "{value}")
    };
    debug_assert!(written.is_ok(), "writing to memory does not fail");
}

/// Appends a bucket's upper bound: always with a fraction, in every format, or a server that reads
/// both keeps two series of each bucket.
pub(super) fn write_bound(bound: f64) -> String {
    let mut out = Vec::new();
    write_number(&mut out, bound);
    let mut text = String::from_utf8_lossy(&out).into_owned();
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> String {
        let mut out = Vec::new();
        write_number(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1_722_222_222.123, "1722222222.123"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e17, "1e17"),
            (-1.5e300, "-1.5e300"),
            (1e-5, "0.00001"),
            (9.5e-6, "9.5e-6"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, want) in cases {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn bounds_always_have_a_fraction() {
        let bounds = [0.05, 1.0, 20.0, f64::INFINITY].map(write_bound);
        assert_eq!(bounds, ["0.05", "1.0", "20.0", "+Inf"]);
    }
}
