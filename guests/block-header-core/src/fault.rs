//! Why an input is refused. The guest panics with exactly this text.

use thiserror::Error;

use crate::Hash;

/// Why [`check`](crate::check) refused an input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The input's first byte names a format that this version does not read.
    #[error("input: format {0} is unknown, this program reads format 1")]
    UnknownFormat(u8),
    /// The input ends in the middle of something.
    #[error("input: ends at byte {at} in the middle of a header")]
    Truncated {
        /// The input's length in bytes.
        at: usize,
    },
    /// There are bytes after the last header.
    #[error("input: {extra} bytes follow the last header")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
    /// The input announces no header at all.
    #[error("input: it has no header")]
    NoHeader,
    /// A header's number of fields belongs to no fork.
    #[error("input: header {position} has {fields} fields; a header has 15, 16, 17, 20 or 21")]
    FieldCount {
        /// The header's place in the input, from 0.
        position: usize,
        /// How many fields it has.
        fields: usize,
    },
    /// A field is too long, too short, or an integer with a leading zero byte.
    #[error("input: header {position}: {field} of {bytes} bytes is malformed")]
    MalformedField {
        /// The header's place in the input, from 0.
        position: usize,
        /// The field's JSON name.
        field: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The header's fields do not hash to the hash it claims: something in it was changed.
    #[error("header {number}: hash is {computed}, the header says {claimed}")]
    HashMismatch {
        /// The header's number, as it claims.
        number: u64,
        /// Keccak-256 of its RLP.
        computed: Hash,
        /// The hash that it claims.
        claimed: Hash,
    },
    /// The header is not a child of the header before it.
    #[error("header {number}: its parent is {parent}, the header before it is {previous}")]
    ParentMismatch {
        /// The header's number.
        number: u64,
        /// The parent hash in the header.
        parent: Hash,
        /// The hash of the header before it in the input.
        previous: Hash,
    },
    /// The header's number is not one more than its parent's.
    #[error("header {number}: the header before it has number {previous}")]
    NumberMismatch {
        /// The header's number.
        number: u64,
        /// The number of the header before it.
        previous: u64,
    },
    /// The header is not later than its parent.
    #[error("header {number}: its timestamp {timestamp_s} is not after {previous_s}, its parent's")]
    TimestampMismatch {
        /// The header's number.
        number: u64,
        /// The header's timestamp, seconds since 1970.
        timestamp_s: u64,
        /// Its parent's timestamp.
        previous_s: u64,
    },
}
