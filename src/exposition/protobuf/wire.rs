//! The wire format: <https://protobuf.dev/programming-guides/encoding/>.

/// How a field's value is delimited.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Delimited = 2,
}

/// Bytes of a [double field](write_double).
pub(super) const DOUBLE_BYTES: u64 = 9;

/// Appends seven bits a byte, the lowest first.
pub(super) fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// How many bytes [`write_varint`] appends.
pub(super) fn varint_len(number: u64) -> u64 {
    // Zero takes a byte too.
    u64::from((number | 1).ilog2() / 7 + 1)
}

/// Appends an integer field.
pub(super) fn write_number(out: &mut Vec<u8>, field: u8, number: u64) {
    write_key(out, field, WireType::Varint);
    write_varint(out, number);
}

/// Appends a double field; 0 too, which some readers would else take for absent.
pub(super) fn write_double(out: &mut Vec<u8>, field: u8, number: f64) {
    write_key(out, field, WireType::Fixed64);
    out.extend_from_slice(&number.to_le_bytes());
}

/// Appends a text field, or a message field that is already encoded.
pub(super) fn write_text(out: &mut Vec<u8>, field: u8, text: &[u8]) {
    write_start(out, field, text.len() as u64);
    out.extend_from_slice(text);
}

/// Appends what stands before the bytes of a text or message field.
pub(super) fn write_start(out: &mut Vec<u8>, field: u8, len: u64) {
    write_key(out, field, WireType::Delimited);
    write_varint(out, len);
}

/// Appends a message field.
pub(super) fn write_message(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let mut message = Vec::new();
    write(&mut message);
    write_text(out, field, &message);
}

fn write_key(out: &mut Vec<u8>, field: u8, wire_type: WireType) {
    debug_assert!(field < 16, "a higher field's key has two bytes");
    out.push(field << 3 | wire_type as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_the_length_they_say() {
        for (number, want) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            let mut out = Vec::new();
            write_varint(&mut out, number);
            assert_eq!(out, want);
            assert_eq!(varint_len(number), out.len() as u64);
        }
    }
}
