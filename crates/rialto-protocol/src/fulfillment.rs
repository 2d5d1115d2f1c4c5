//! What a prover hands in: requests in slim form, claims with their seals, and the commitment that
//! guards an open fill against being copied.

use crate::abi::{self, InvalidAbi};
use crate::eip712;
use crate::{
    Callback, ClaimDigest, ImageId, Journal, Predicate, ProofRequest, RequestId, Selector,
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::SolValue;

/// A request as fulfilment carries it: what the assessor reads in full, the rest as digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlimRequest {
    /// Client and index.
    pub id: RequestId,
    /// Which claims satisfy the request.
    pub predicate: Predicate,
    /// Whom to tell.
    pub callback: Callback,
    /// Which verifier must accept the seal.
    pub selector: Selector,
    /// Keccak-256 of the program's URL.
    pub image_url_hash: B256,
    /// EIP-712 struct hash of the input.
    pub input_digest: B256,
    /// EIP-712 struct hash of the offer.
    pub offer_digest: B256,
}

impl From<&ProofRequest> for SlimRequest {
    fn from(request: &ProofRequest) -> Self {
        Self {
            id: request.id,
            predicate: request.requirements.predicate.clone(),
            callback: request.requirements.callback,
            selector: request.requirements.selector,
            image_url_hash: eip712::image_url_hash(request),
            input_digest: eip712::input_digest(request),
            offer_digest: eip712::offer_digest(request),
        }
    }
}

/// What is published beside the claim digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FulfillmentData {
    /// Nothing; only a `ClaimDigestMatch` can be satisfied.
    None,
    /// Program and journal in the open.
    ImageIdAndJournal(ImageId, Journal),
}

impl FulfillmentData {
    /// Kind and bytes as the contracts carry them.
    pub fn to_parts(&self) -> (u8, Bytes) {
        match self {
            Self::None => (0, Bytes::new()),
            Self::ImageIdAndJournal(image_id, journal) => {
                let data =
                    abi::ImageIdAndJournal { imageId: image_id.0, journal: journal.0.clone() };
                (1, data.abi_encode().into())
            }
        }
    }

    /// Reads kind and bytes; only the one canonical encoding is accepted.
    pub fn from_parts(kind: u8, bytes: &[u8]) -> Result<Self, InvalidAbi> {
        let data = match kind {
            0 => Self::None,
            1 => {
                let decoded = abi::ImageIdAndJournal::abi_decode(bytes)
                    .map_err(|_| InvalidAbi::FulfillmentData)?;
                Self::ImageIdAndJournal(ImageId(decoded.imageId), Journal(decoded.journal))
            }
            unknown => return Err(InvalidAbi::FulfillmentDataKind(unknown)),
        };
        if *data.to_parts().1 != *bytes {
            return Err(InvalidAbi::FulfillmentData);
        }
        Ok(data)
    }

    /// `keccak256(uint8(kind) ‖ bytes)`.
    pub fn digest(&self) -> B256 {
        let (kind, data) = self.to_parts();
        keccak256([&[kind], data.as_ref()].concat())
    }
}

/// One claim with what convinces a verifier of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfillment {
    /// What was proven.
    pub claim_digest: ClaimDigest,
    /// What is published of it.
    pub data: FulfillmentData,
    /// Verifier selector and proof.
    pub seal: Bytes,
}

/// Fills of one verifier class by one prover, with the assessor's seal over all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FulfillmentBatch {
    /// The requests, in fill order.
    pub requests: Vec<SlimRequest>,
    /// One fill a request.
    pub fills: Vec<Fulfillment>,
    /// Assessor selector and proof that the fills satisfy the requests.
    pub assessor_seal: Bytes,
    /// Who is paid.
    pub prover: Address,
}

/// What must be committed on chain at least one block before `batches` are revealed, if any fill
/// is open: Keccak-256 of the ABI encoding of the `FulfillmentBatch[]` argument.
pub fn commitment(batches: &[FulfillmentBatch]) -> B256 {
    let encoded: Vec<abi::FulfillmentBatch> = batches.iter().map(Into::into).collect();
    keccak256(encoded.abi_encode())
}
