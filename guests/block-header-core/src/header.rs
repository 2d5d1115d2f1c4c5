//! A header inside the input, and the input's format.
//!
//! Format 1, all integers big endian:
//!
//! ```text
//! 1 byte     format, 1
//! 2 bytes    number of headers, at least 1
//! per header, parent before child:
//!   32 bytes   the hash that the header claims
//!   1 byte     number of fields: 15, 16, 17, 20 or 21
//!   per field, in RLP order:
//!     2 bytes    length of the payload
//!     n bytes    payload; integers without leading zero bytes
//! ```
//!
//! It is the header's RLP without RLP's own nesting, so that the guest copies and hashes but
//! never parses numbers.

use alloc::vec::Vec;

use crate::field::{FIELDS, FORK_FIELD_COUNTS, NUMBER, PARENT_HASH, STATE_ROOT, TIMESTAMP};
use crate::{Fault, Hash, rlp};

const FORMAT: u8 = 1;

/// One header whose fields have the right shapes; its hash is only claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// The hash that the header claims.
    pub(crate) claimed: Hash,
    payloads: Vec<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// A header of `payloads` in RLP order; `position` is only for the refusal.
    pub(crate) fn new(
        position: usize,
        claimed: Hash,
        payloads: Vec<&'a [u8]>,
    ) -> Result<Self, Fault> {
        if !FORK_FIELD_COUNTS.contains(&payloads.len()) {
            return Err(Fault::FieldCount { position, fields: payloads.len() });
        }
        for (field, payload) in FIELDS.iter().zip(&payloads) {
            if !field.shape.admits(payload) {
                let bytes = payload.len();
                return Err(Fault::MalformedField { position, field: field.name, bytes });
            }
        }
        Ok(Self { claimed, payloads })
    }

    pub(crate) fn rlp(&self) -> Vec<u8> {
        rlp::list(&self.payloads)
    }

    pub(crate) fn number(&self) -> u64 {
        self.integer(NUMBER)
    }

    /// Seconds since 1970.
    pub(crate) fn timestamp_s(&self) -> u64 {
        self.integer(TIMESTAMP)
    }

    pub(crate) fn parent(&self) -> Hash {
        self.hash(PARENT_HASH)
    }

    pub(crate) fn state_root(&self) -> Hash {
        self.hash(STATE_ROOT)
    }

    fn integer(&self, field: usize) -> u64 {
        // `new` admits at most 8 bytes here.
        self.payloads[field].iter().fold(0, |value, byte| (value << 8) | u64::from(*byte))
    }

    fn hash(&self, field: usize) -> Hash {
        Hash::from_slice(self.payloads[field]).expect("`new` admits exactly 32 bytes here")
    }
}

/// The headers in `input`, or why it is not an input.
pub(crate) fn parse(input: &[u8]) -> Result<Vec<Header<'_>>, Fault> {
    let mut reader = Reader { rest: input, length: input.len() };
    let [format] = reader.array()?;
    if format != FORMAT {
        return Err(Fault::UnknownFormat(format));
    }
    let count = u16::from_be_bytes(reader.array()?);
    if count == 0 {
        return Err(Fault::NoHeader);
    }
    // Not sized by `count`: a short input must not reserve memory for 65,535 headers.
    let mut headers = Vec::new();
    for position in 0..usize::from(count) {
        headers.push(parse_header(&mut reader, position)?);
    }
    match reader.rest.len() {
        0 => Ok(headers),
        extra => Err(Fault::TrailingBytes { extra }),
    }
}

fn parse_header<'a>(reader: &mut Reader<'a>, position: usize) -> Result<Header<'a>, Fault> {
    let claimed = Hash(reader.array()?);
    let [fields] = reader.array()?;
    let mut payloads = Vec::with_capacity(usize::from(fields).min(FIELDS.len()));
    for _ in 0..fields {
        let length = u16::from_be_bytes(reader.array()?);
        payloads.push(reader.take(usize::from(length))?);
    }
    Header::new(position, claimed, payloads)
}

/// The input that holds `headers`. At most 65,535 of them.
#[cfg(feature = "host")]
pub(crate) fn encode(headers: &[Header<'_>]) -> Vec<u8> {
    let count = u16::try_from(headers.len()).expect("the caller bounds the number of headers");
    let mut out = alloc::vec![FORMAT];
    out.extend_from_slice(&count.to_be_bytes());
    for header in headers {
        out.extend_from_slice(&header.claimed.0);
        out.push(header.payloads.len() as u8);
        for payload in &header.payloads {
            // `Header::new` admits at most EXTRA_DATA_BYTES_MAX bytes.
            out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            out.extend_from_slice(payload);
        }
    }
    out
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Fault> {
        let truncated = Fault::Truncated { at: self.length };
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("`take` gives as many bytes as it was asked for"))
    }
}
