//! The part of RLP that a header needs: byte strings, and one list of them.

use alloc::vec::Vec;

const STRING: u8 = 0x80;
const LIST: u8 = 0xc0;
/// Payloads up to this length have it in their first byte.
const SHORT_MAX: usize = 55;

/// The RLP list of `payloads`, each a byte string.
pub(crate) fn list(payloads: &[&[u8]]) -> Vec<u8> {
    let content: usize = payloads.iter().map(|payload| string_length(payload)).sum();
    let mut out = Vec::with_capacity(content + 9);
    push_length(&mut out, LIST, content);
    for payload in payloads {
        push_string(&mut out, payload);
    }
    out
}

fn string_length(payload: &[u8]) -> usize {
    match payload {
        [byte] if *byte < STRING => 1,
        _ if payload.len() <= SHORT_MAX => 1 + payload.len(),
        _ => 1 + length_bytes(payload.len()) + payload.len(),
    }
}

fn push_string(out: &mut Vec<u8>, payload: &[u8]) {
    // A single byte below 0x80 is its own encoding.
    if !matches!(payload, [byte] if *byte < STRING) {
        push_length(out, STRING, payload.len());
    }
    out.extend_from_slice(payload);
}

fn push_length(out: &mut Vec<u8>, kind: u8, length: usize) {
    if length <= SHORT_MAX {
        out.push(kind + length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let count = length_bytes(length);
        out.push(kind + SHORT_MAX as u8 + count as u8);
        out.extend_from_slice(&bytes[bytes.len() - count..]);
    }
}

/// How many bytes `length` needs, big endian without leading zeros.
fn length_bytes(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(list(&[]), [0xc0]);
        assert_eq!(list(&[b"cat", b"dog"]), b"\xc8\x83cat\x83dog");
        assert_eq!(list(&[b"", b"\x00", b"\x7f", b"\x80"]), b"\xc5\x80\x00\x7f\x81\x80");
        let long = [b'a'; 56];
        let mut expected = vec![0xf8, 58, 0xb8, 56];
        expected.extend(long);
        assert_eq!(list(&[&long]), expected);
        let longer = [b'a'; 300];
        assert_eq!(list(&[&longer])[..6], [0xf9, 0x01, 0x2f, 0xb9, 0x01, 0x2c]);
    }
}
