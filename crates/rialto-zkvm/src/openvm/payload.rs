//! The inside of an OpenVM proof's envelope.
//!
//! ```text
//! 4 bytes    number of segments, big endian
//! per segment:
//!   4 bytes    length, big endian
//!   n bytes    the segment's proof, postcard
//! n bytes    the public values and their path to the final memory's root, postcard
//! ```
//!
//! postcard spends at least one byte on everything it decodes, so decoding takes memory in
//! proportion to the bytes. Each segment's shape is checked before the next is decoded: a
//! hostile proof costs at most what one segment may.

use openvm_circuit::arch::ContinuationVmProof;
use openvm_sdk::SC;
use openvm_stark_sdk::openvm_stark_backend::keygen::types::MultiStarkVerifyingKey;
use openvm_stark_sdk::openvm_stark_backend::proof::Proof;
use openvm_stark_sdk::openvm_stark_backend::verifier::proof_shape::verify_proof_shape;
use serde::de::DeserializeOwned;

use super::part::PublicValuesProof;
use crate::VerifyError;

/// A proof in its envelope. Enough for a hundred or more segments.
pub(super) const PROOF_BYTES_MAX: usize = 128 << 20;

/// One segment's proof.
pub(super) const SEGMENT_BYTES_MAX: usize = 16 << 20;

pub(super) fn encode(
    segments: &[Proof<SC>],
    public_values: &PublicValuesProof,
) -> Result<Vec<u8>, postcard::Error> {
    let mut out = length(segments.len())?.to_vec();
    for segment in segments {
        let bytes = postcard::to_allocvec(segment)?;
        out.extend_from_slice(&length(bytes.len())?);
        out.extend_from_slice(&bytes);
    }
    postcard::to_extend(public_values, out)
}

/// The proof in `payload`, its segments of the shape that `key` asks for. May panic.
pub(super) fn decode(
    payload: &[u8],
    key: &MultiStarkVerifyingKey<SC>,
) -> Result<ContinuationVmProof<SC>, VerifyError> {
    let (count, mut rest) = split_length(payload)?;
    let mut per_segment = Vec::new();
    for _ in 0..count {
        let (length, after) = split_length(rest)?;
        if length > SEGMENT_BYTES_MAX {
            return Err(malformed(format!("a segment of {length} bytes is announced")));
        }
        let segment;
        (segment, rest) = after.split_at_checked(length).ok_or(malformed("it is cut off"))?;
        let segment: Proof<SC> = from_all_of(segment)?;
        verify_proof_shape(&key.inner, &segment).map_err(malformed)?;
        per_segment.push(segment);
    }
    if rest.len() > SEGMENT_BYTES_MAX {
        return Err(malformed(format!("the public values have {} bytes", rest.len())));
    }
    Ok(ContinuationVmProof { per_segment, user_public_values: from_all_of(rest)? })
}

fn length(length: usize) -> Result<[u8; 4], postcard::Error> {
    let length = u32::try_from(length).map_err(|_| postcard::Error::SerializeBufferFull)?;
    Ok(length.to_be_bytes())
}

fn split_length(bytes: &[u8]) -> Result<(usize, &[u8]), VerifyError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(malformed("it is cut off"))?;
    Ok((u32::from_be_bytes(*length) as usize, rest))
}

/// Decodes all of `bytes`: none may be left over.
pub(super) fn from_all_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, VerifyError> {
    match postcard::take_from_bytes(bytes).map_err(malformed)? {
        (value, []) => Ok(value),
        _ => Err(malformed("there are bytes left over")),
    }
}

pub(super) fn malformed(reason: impl ToString) -> VerifyError {
    VerifyError::Malformed { reason: reason.to_string() }
}
