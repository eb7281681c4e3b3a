use memchr::{memchr, memchr2};

use crate::metrics::Kind;

use super::wire::{DOUBLE_BYTES, varint_len, write_double, write_start, write_text};
use super::{VALUE, family, label, metric, value_field};

/// Appends the `metric` fields that say what these lines say.
///
/// `lines` are our own and whole: `name{label="value",…} number\n`, of a family whose kind has one number
/// a series.
pub(in crate::exposition) fn write_lines(out: &mut Vec<u8>, kind: Kind, lines: &[u8]) {
    debug_assert!(kind != Kind::Histogram, "a histogram's lines are not metrics of their own");
    let mut pairs = Vec::new();
    let mut rest = lines;
    while let Some(end) = memchr(b'\n', rest) {
        let read = write_line(out, &mut pairs, value_field(kind), &rest[..end]);
        debug_assert!(read.is_some(), "not a line of ours: {:?}", &rest[..end].escape_ascii());
        rest = &rest[end + 1..];
    }
    debug_assert!(rest.is_empty(), "half a line: {:?}", rest.escape_ascii());
}

/// Appends the `metric` field of one line; `pairs` is working space. `None`, with nothing appended, for
/// what is no line of ours.
fn write_line(out: &mut Vec<u8>, pairs: &mut Vec<u8>, field: u8, line: &[u8]) -> Option<()> {
    pairs.clear();
    let name_end = memchr2(b'{', b' ', line)?;
    let mut rest = &line[name_end..];
    if let Some(labels) = rest.strip_prefix(b"{") {
        rest = labels;
        loop {
            let name_end = memchr(b'=', rest)?;
            let (name, quoted) = rest.split_at(name_end);
            rest = write_pair(pairs, name, quoted.strip_prefix(b"=\"")?)?;
            let (separator, after) = rest.split_first()?;
            rest = after;
            match separator {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
    }
    let value = number(rest.strip_prefix(b" ")?)?;
    // A message of a double is as long as its field.
    let value_len = 1 + varint_len(DOUBLE_BYTES) + DOUBLE_BYTES;
    write_start(out, family::METRIC, pairs.len() as u64 + value_len);
    out.extend_from_slice(pairs);
    write_start(out, field, DOUBLE_BYTES);
    write_double(out, VALUE, value);
    Some(())
}

/// Appends a `label` field, and returns what follows the closing quotation mark. `quoted` is what
/// follows the opening one.
fn write_pair<'a>(out: &mut Vec<u8>, name: &[u8], quoted: &'a [u8]) -> Option<&'a [u8]> {
    let mut end = memchr2(b'"', b'\\', quoted)?;
    let mut escapes = 0;
    while quoted.get(end)? == &b'\\' {
        escapes += 1;
        end += 2;
        end += memchr2(b'"', b'\\', quoted.get(end..)?)?;
    }
    let (name_len, value_len) = (name.len() as u64, (end - escapes) as u64);
    let pair_len = 1 + varint_len(name_len) + name_len + 1 + varint_len(value_len) + value_len;
    write_start(out, metric::LABEL, pair_len);
    write_text(out, label::NAME, name);
    write_start(out, label::VALUE, value_len);
    write_unescaped(out, &quoted[..end]);
    Some(&quoted[end + 1..])
}

fn write_unescaped(out: &mut Vec<u8>, mut value: &[u8]) {
    while let Some(at) = memchr(b'\\', value) {
        out.extend_from_slice(&value[..at]);
        match value.get(at + 1) {
            Some(b'n') => out.push(b'\n'),
            Some(escaped) => out.push(*escaped),
            None => {}
        }
        value = value.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(value);
}

fn number(text: &[u8]) -> Option<f64> {
    // Most are 0 or 1: statuses and infos.
    if let [digit @ b'0'..=b'9'] = text {
        return Some(f64::from(digit - b'0'));
    }
    // Reads `+Inf`, `-Inf` and `NaN` too.
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transcoded(line: &[u8]) -> (Option<()>, Vec<u8>) {
        let mut out = Vec::new();
        (write_line(&mut out, &mut Vec::new(), metric::GAUGE, line), out)
    }

    #[test]
    fn what_is_no_line_of_ours_appends_nothing() {
        for line in [
            "",
            "a",
            "a ",
            "a x",
            "a{",
            "a{}",
            "a{} 1",
            "a{b",
            "a{b=",
            "a{b=\"",
            "a{b=\"c",
            "a{b=\"c\"",
            "a{b=\"c\"}",
            "a{b=\"c\"} ",
            "a{b=\"c\"}1",
            "a{b=\"c\";d=\"e\"} 1",
            "a{b=\"\\",
            "a{b=\"\\\"",
            "a{b=\"\\\"} 1",
            "a{b=c} 1",
            "a 1 2",
        ] {
            assert_eq!(transcoded(line.as_bytes()), (None, Vec::new()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(line in "[a{}=\"\\\\,n 1]{0,24}|(?s).{0,24}") {
            let (read, out) = transcoded(line.as_bytes());
            prop_assert_eq!(read.is_none(), out.is_empty());
        }
    }
}
