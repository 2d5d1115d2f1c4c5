//! The fields of an Ethereum header in the order of its RLP list, with the fork that added each.
//!
//! A fork only ever appends fields, so a header's fork follows from how many it has.

/// What the RLP payload of a field may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly this many bytes.
    Fixed(usize),
    /// An unsigned integer: big endian, no leading zero byte, at most this many bytes.
    Integer(usize),
    /// Any bytes, at most this many.
    Bytes(usize),
}

/// One field of a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name in the JSON-RPC block object.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) shape: Shape,
}

const fn fixed(name: &'static str, bytes: usize) -> Field {
    Field { name, shape: Shape::Fixed(bytes) }
}

const fn integer(name: &'static str, bytes_max: usize) -> Field {
    Field { name, shape: Shape::Integer(bytes_max) }
}

/// Mainnet allows 32 bytes of extra data; proof-of-authority networks keep signatures there.
const EXTRA_DATA_BYTES_MAX: usize = 4096;

/// Every field known, in RLP order.
pub(crate) const FIELDS: [Field; 21] = [
    fixed("parentHash", 32),
    fixed("sha3Uncles", 32),
    fixed("miner", 20),
    fixed("stateRoot", 32),
    fixed("transactionsRoot", 32),
    fixed("receiptsRoot", 32),
    fixed("logsBloom", 256),
    integer("difficulty", 32),
    integer("number", 8),
    integer("gasLimit", 8),
    integer("gasUsed", 8),
    integer("timestamp", 8),
    Field { name: "extraData", shape: Shape::Bytes(EXTRA_DATA_BYTES_MAX) },
    fixed("mixHash", 32),
    fixed("nonce", 8),
    integer("baseFeePerGas", 32),
    fixed("withdrawalsRoot", 32),
    integer("blobGasUsed", 8),
    integer("excessBlobGas", 8),
    fixed("parentBeaconBlockRoot", 32),
    fixed("requestsHash", 32),
];

/// How many fields a header has after each fork that added some:
/// Frontier, London, Shanghai, Cancun, Prague.
pub(crate) const FORK_FIELD_COUNTS: [usize; 5] = [15, 16, 17, 20, 21];

pub(crate) const PARENT_HASH: usize = 0;
pub(crate) const STATE_ROOT: usize = 3;
pub(crate) const NUMBER: usize = 8;
pub(crate) const TIMESTAMP: usize = 11;
#[cfg(feature = "host")]
pub(crate) const EXTRA_DATA: usize = 12;

impl Shape {
    /// Whether `payload` has this shape.
    pub(crate) fn admits(self, payload: &[u8]) -> bool {
        match self {
            Self::Fixed(bytes) => payload.len() == bytes,
            Self::Integer(bytes_max) => payload.len() <= bytes_max && payload.first() != Some(&0),
            Self::Bytes(bytes_max) => payload.len() <= bytes_max,
        }
    }
}
