//! The host's side: blocks as JSON in, the program's input out, and the built program itself.
//!
//! Reading JSON checks shapes only. Whether a header's hash is true is [`check`]'s question,
//! asked separately so that a caller can also prove to itself that the guest refuses a lie.

use alloy_primitives::{hex, keccak256};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::field::{
    EXTRA_DATA, FIELDS, FORK_FIELD_COUNTS, Field, NUMBER, PARENT_HASH, Shape, TIMESTAMP,
};
use crate::header::{self, Header};
use crate::{Fault, Hash, Journal};

/// The built program, an OpenVM ELF. `guests/build.sh` makes it; its SHA-256 stands in
/// `guests/elf/SHA256SUMS`.
pub static PROGRAM: &[u8] = include_bytes!("../../elf/block-header.elf");

/// How many headers one input can hold.
pub const HEADERS_MAX: usize = u16::MAX as usize;

/// Seconds from a header to the child that [`made_child`] makes: one Ethereum slot.
const SLOT_S: u64 = 12;

/// Says in a made header's extra data that no network ever agreed on it.
const MADE_EXTRA_DATA: &[u8] = b"made by rialto, not a real block";

/// Why some JSON is not a list of Ethereum blocks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// There is no block at all.
    #[error("no block given: at least one is needed")]
    NoBlock,
    /// There are more blocks than an input can hold.
    #[error("{0} blocks given: one proof takes at most {HEADERS_MAX}")]
    TooManyBlocks(usize),
    /// The value is neither a block nor a JSON-RPC response with one.
    #[error(
        "block {position}: expected a block object, or a JSON-RPC response with one as `result`"
    )]
    NotABlock {
        /// The block's place in the list, from 0.
        position: usize,
    },
    /// A header field is missing.
    #[error("block {position}: {field} is missing")]
    Missing {
        /// The block's place in the list, from 0.
        position: usize,
        /// The field's JSON name.
        field: &'static str,
    },
    /// A header field is not a string of hexadecimal digits after `0x`.
    #[error("block {position}: {field} is not a 0x-prefixed hexadecimal string")]
    NotHex {
        /// The block's place in the list, from 0.
        position: usize,
        /// The field's JSON name.
        field: &'static str,
    },
    /// A header field has the wrong length.
    #[error("block {position}: {field} has {bytes} bytes, expected {expected}")]
    Length {
        /// The block's place in the list, from 0.
        position: usize,
        /// The field's JSON name.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// What its length may be.
        expected: &'static str,
    },
    /// A field of a later fork is there, but one that came before it is not.
    #[error("block {position}: {present} is there but {missing}, which is older, is not")]
    Gap {
        /// The block's place in the list, from 0.
        position: usize,
        /// The older field, which is absent.
        missing: &'static str,
        /// The newer field, which is there.
        present: &'static str,
    },
    /// The header is well formed but no child can be made of it.
    #[error("block {position}: it can have no child: {field} is at its largest value")]
    NoChild {
        /// The block's place in the list, from 0.
        position: usize,
        /// The field that cannot grow.
        field: &'static str,
    },
}

/// The program's input for `blocks`, parent before child. Each is a block object as
/// `eth_getBlockByNumber` returns it, or the whole response; only header fields are read.
///
/// # Errors
/// If a block has not the shape of a block. Hashes and links are not checked: see [`check`].
pub fn input_from_json(blocks: &[Value]) -> Result<Vec<u8>, JsonError> {
    match blocks.len() {
        0 => return Err(JsonError::NoBlock),
        count if count > HEADERS_MAX => return Err(JsonError::TooManyBlocks(count)),
        _ => {}
    }
    let parsed = blocks
        .iter()
        .enumerate()
        .map(|(position, block)| OwnedHeader::from_json(position, block))
        .collect::<Result<Vec<_>, _>>()?;
    let headers: Vec<_> = parsed.iter().map(OwnedHeader::borrow).collect();
    Ok(header::encode(&headers))
}

/// What a proof for `input` would say, checked here as the guest checks it.
///
/// # Errors
/// The [`Fault`] with which the guest would refuse the input, word for word.
pub fn check(input: &[u8]) -> Result<Journal, Fault> {
    crate::check(input, |bytes| keccak256(bytes).0)
}

/// A made-up child of `block`, as JSON: a demo's second header when only one real one is at
/// hand. Its parent is `block`'s hash, number and timestamp follow, its hash is its own true
/// hash, its extra data says that it was made, and everything else is copied.
///
/// # Errors
/// If `block` has not the shape of a block, or its number or timestamp cannot grow.
pub fn made_child(block: &Value) -> Result<Value, JsonError> {
    let mut header = OwnedHeader::from_json(0, block)?;
    let (number, timestamp_s) = {
        let header = header.borrow();
        (header.number().checked_add(1), header.timestamp_s().checked_add(SLOT_S))
    };
    let no_child = |field: &'static str| JsonError::NoChild { position: 0, field };
    header.payloads[PARENT_HASH] = header.claimed.0.to_vec();
    header.payloads[NUMBER] = minimal(&number.ok_or(no_child("number"))?.to_be_bytes());
    header.payloads[TIMESTAMP] = minimal(&timestamp_s.ok_or(no_child("timestamp"))?.to_be_bytes());
    header.payloads[EXTRA_DATA] = MADE_EXTRA_DATA.to_vec();
    header.claimed = Hash(keccak256(header.borrow().rlp()).0);
    Ok(header.into_json())
}

/// `block` and its made-up descendants ([`made_child`]), `count` headers in all: an input of any size.
///
/// # Errors
/// As [`made_child`], and as [`input_from_json`] for a `count` of zero or too many.
pub fn input_of_made_chain(block: &Value, count: usize) -> Result<Vec<u8>, JsonError> {
    let mut blocks = Vec::new();
    let mut next = Some(block.clone());
    while let (Some(block), true) = (next.take(), blocks.len() < count) {
        if blocks.len() + 1 < count {
            next = Some(made_child(&block)?);
        }
        blocks.push(block);
    }
    input_from_json(&blocks)
}

/// A header with payloads of its own, in RLP order and of the right shapes.
struct OwnedHeader {
    claimed: Hash,
    payloads: Vec<Vec<u8>>,
}

impl OwnedHeader {
    fn from_json(position: usize, block: &Value) -> Result<Self, JsonError> {
        let not_a_block = JsonError::NotABlock { position };
        let block = block.as_object().ok_or(not_a_block.clone())?;
        let block = match block.get("result") {
            Some(result) => result.as_object().ok_or(not_a_block)?,
            None => block,
        };
        let block = Block { position, fields: block };
        let payloads = FIELDS[..block.field_count()?]
            .iter()
            .map(|field| block.payload(field))
            .collect::<Result<Vec<_>, _>>()?;
        let hash = block.payload(&Field { name: "hash", shape: Shape::Fixed(32) })?;
        let claimed = Hash::from_slice(&hash).expect("the shape asked for 32 bytes");
        Ok(Self { claimed, payloads })
    }

    fn borrow(&self) -> Header<'_> {
        let payloads = self.payloads.iter().map(Vec::as_slice).collect();
        Header::new(0, self.claimed, payloads).expect("each payload was checked as it was read")
    }

    fn into_json(self) -> Value {
        let fields = FIELDS.iter().zip(&self.payloads).map(|(field, payload)| {
            let text = match field.shape {
                Shape::Integer(_) => quantity(payload),
                Shape::Fixed(_) | Shape::Bytes(_) => hex::encode_prefixed(payload),
            };
            (field.name.to_owned(), Value::String(text))
        });
        let hash = ("hash".to_owned(), Value::String(self.claimed.to_string()));
        Value::Object(fields.chain([hash]).collect())
    }
}

/// A block object and its place in the list, for the messages.
struct Block<'a> {
    position: usize,
    fields: &'a Map<String, Value>,
}

impl Block<'_> {
    /// A field that is absent or null was not yet introduced.
    fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// How many fields the header has: the most that any fork explains.
    fn field_count(&self) -> Result<usize, JsonError> {
        let position = self.position;
        let missing = FIELDS.iter().position(|field| self.value(field.name).is_none());
        let Some(count) = missing else { return Ok(FIELDS.len()) };
        let later = FIELDS[count..].iter().find(|field| self.value(field.name).is_some());
        let absent = FIELDS[count].name;
        match later {
            Some(present) if count >= FORK_FIELD_COUNTS[0] => {
                Err(JsonError::Gap { position, missing: absent, present: present.name })
            }
            None if FORK_FIELD_COUNTS.contains(&count) => Ok(count),
            _ => Err(JsonError::Missing { position, field: absent }),
        }
    }

    fn payload(&self, field: &Field) -> Result<Vec<u8>, JsonError> {
        let (position, name) = (self.position, field.name);
        let value = self.value(name).ok_or(JsonError::Missing { position, field: name })?;
        let not_hex = JsonError::NotHex { position, field: name };
        let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
        let digits = digits.ok_or(not_hex.clone())?;
        let payload = match field.shape {
            Shape::Integer(_) => integer_payload(digits),
            Shape::Fixed(_) | Shape::Bytes(_) => hex::decode(digits).ok(),
        };
        let payload = payload.ok_or(not_hex)?;
        if field.shape.admits(&payload) {
            return Ok(payload);
        }
        let expected = match field.shape {
            Shape::Fixed(8) => "8",
            Shape::Fixed(20) => "20",
            Shape::Fixed(256) => "256",
            Shape::Fixed(_) => "32",
            Shape::Integer(8) => "at most 8",
            Shape::Integer(_) => "at most 32",
            Shape::Bytes(_) => "at most 4096",
        };
        Err(JsonError::Length { position, field: name, bytes: payload.len(), expected })
    }
}

/// The RLP payload of a JSON-RPC quantity: whole bytes, without leading zero bytes.
fn integer_payload(digits: &str) -> Option<Vec<u8>> {
    // `hex::decode` would take a second prefix, and nothing at all, as digits.
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    hex::decode(padded).ok().map(|bytes| minimal(&bytes))
}

fn minimal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// A JSON-RPC quantity: no leading zero digit, and `0x0` for nothing.
fn quantity(payload: &[u8]) -> String {
    let digits = hex::encode(payload);
    match digits.trim_start_matches('0') {
        "" => "0x0".to_owned(),
        digits => format!("0x{digits}"),
    }
}

#[cfg(test)]
mod tests;
