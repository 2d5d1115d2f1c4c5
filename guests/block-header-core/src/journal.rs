//! The program's public output.

use alloc::vec::Vec;

use thiserror::Error;

use crate::Hash;

/// What a proof says: `header_count` headers, each the parent of the next, end in this one.
///
/// 148 bytes, integers big endian:
///
/// | bytes | field |
/// |---|---|
/// | 0..8 | `number` of the last header |
/// | 8..40 | `hash` of the last header |
/// | 40..72 | `parent_hash` of the last header |
/// | 72..104 | `state_root` of the last header |
/// | 104..112 | `timestamp_s` of the last header |
/// | 112..116 | `header_count` |
/// | 116..148 | `first_parent_hash` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Number of the last header.
    pub number: u64,
    /// Hash of the last header.
    pub hash: Hash,
    /// Parent hash in the last header.
    pub parent_hash: Hash,
    /// State root in the last header.
    pub state_root: Hash,
    /// Timestamp of the last header, seconds since 1970.
    pub timestamp_s: u64,
    /// How many headers were checked; at least 1.
    pub header_count: u32,
    /// Parent hash in the first header: what the whole chain builds on. The same as
    /// `parent_hash` when there is one header.
    pub first_parent_hash: Hash,
}

/// The bytes are not a journal of this program: it has always [`Journal::LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a block-header journal has 148 bytes, these are {0}")]
pub struct JournalLength(pub usize);

impl Journal {
    /// The length of every encoded journal, in bytes.
    pub const LENGTH: usize = 148;

    /// The journal as the guest commits it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LENGTH);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.hash.0);
        out.extend_from_slice(&self.parent_hash.0);
        out.extend_from_slice(&self.state_root.0);
        out.extend_from_slice(&self.timestamp_s.to_be_bytes());
        out.extend_from_slice(&self.header_count.to_be_bytes());
        out.extend_from_slice(&self.first_parent_hash.0);
        out
    }

    /// The journal in `bytes`.
    ///
    /// # Errors
    /// If there are not exactly [`Journal::LENGTH`] bytes; any such bytes are a journal.
    pub fn decode(bytes: &[u8]) -> Result<Self, JournalLength> {
        let bytes: &[u8; Self::LENGTH] =
            bytes.try_into().map_err(|_| JournalLength(bytes.len()))?;
        let hash = |at: usize| Hash(array(bytes, at));
        Ok(Self {
            number: u64::from_be_bytes(array(bytes, 0)),
            hash: hash(8),
            parent_hash: hash(40),
            state_root: hash(72),
            timestamp_s: u64::from_be_bytes(array(bytes, 104)),
            header_count: u32::from_be_bytes(array(bytes, 112)),
            first_parent_hash: hash(116),
        })
    }
}

fn array<const N: usize>(bytes: &[u8; Journal::LENGTH], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}
