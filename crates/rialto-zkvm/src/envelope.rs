//! The outer form of every proof that Rialto stores or sends.
//!
//! ```text
//! 8 bytes    "RIALTOPF"
//! 2 bytes    format version, big endian: 1
//! 8 bytes    zkVM, ASCII, padded with zeros
//! 32 bytes   parameters: the zkVM's commitment to its machine and security parameters
//! 4 bytes    payload length, big endian
//! n bytes    payload: the zkVM's own
//! ```
//!
//! The header says to whom the payload is addressed, so that a verifier refuses what is not
//! its own before it parses anything. It is not trusted beyond that: a forged header leads to
//! a payload that does not verify.

use bytes::{BufMut, Bytes, BytesMut};

use crate::VerifyError;

/// The version that this software writes, and the only one that it reads.
pub const VERSION: u16 = 1;

const MAGIC: [u8; 8] = *b"RIALTOPF";
const HEADER_BYTES: usize = 54;

/// The name of a zkVM in the envelope: ASCII, padded with zeros.
pub type ZkvmTag = [u8; 8];

/// Who a proof is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The zkVM.
    pub zkvm: ZkvmTag,
    /// Its commitment to everything that decides whether a proof is accepted.
    pub parameters: [u8; 32],
}

/// `payload` in an envelope.
///
/// # Panics
/// If the payload has 4 GiB or more.
pub fn seal(address: &Address, payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).expect("a proof has less than 4 GiB");
    let mut out = BytesMut::with_capacity(HEADER_BYTES + payload.len());
    out.put_slice(&MAGIC);
    out.put_u16(VERSION);
    out.put_slice(&address.zkvm);
    out.put_slice(&address.parameters);
    out.put_u32(length);
    out.put_slice(payload);
    out.freeze()
}

/// The payload of `proof`, which is at most `limit_bytes` long, envelope included.
///
/// # Errors
/// If it is longer, no envelope of this version, cut off, or addressed to somebody else.
pub fn open<'a>(
    address: &Address,
    limit_bytes: usize,
    proof: &'a [u8],
) -> Result<&'a [u8], VerifyError> {
    let not_a_proof = |reason| VerifyError::NotAProof { reason };
    if proof.len() > limit_bytes {
        return Err(VerifyError::TooLong { bytes: proof.len(), limit_bytes });
    }
    let (magic, rest) = proof.split_first_chunk().ok_or(not_a_proof("it is too short"))?;
    if *magic != MAGIC {
        return Err(not_a_proof("it does not begin like one"));
    }
    let (version, rest) = rest.split_first_chunk().ok_or(not_a_proof("it is too short"))?;
    let version = u16::from_be_bytes(*version);
    if version != VERSION {
        return Err(VerifyError::UnknownVersion(version));
    }
    let (zkvm, rest) = rest.split_first_chunk().ok_or(not_a_proof("it is too short"))?;
    if *zkvm != address.zkvm {
        return Err(VerifyError::OtherZkvm(tag_text(zkvm)));
    }
    let (parameters, rest) = rest.split_first_chunk().ok_or(not_a_proof("it is too short"))?;
    if *parameters != address.parameters {
        return Err(VerifyError::OtherParameters(*parameters));
    }
    let (length, payload) = rest.split_first_chunk().ok_or(not_a_proof("it is too short"))?;
    match (payload.len() as u64).cmp(&u64::from(u32::from_be_bytes(*length))) {
        std::cmp::Ordering::Less => Err(not_a_proof("it is cut off")),
        std::cmp::Ordering::Greater => Err(not_a_proof("bytes follow its end")),
        std::cmp::Ordering::Equal => Ok(payload),
    }
}

/// A stranger's tag, fit to be printed.
fn tag_text(tag: &ZkvmTag) -> String {
    let end = tag.iter().position(|byte| *byte == 0).unwrap_or(tag.len());
    tag[..end].escape_ascii().to_string()
}
