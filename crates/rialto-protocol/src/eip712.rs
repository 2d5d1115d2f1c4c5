//! What clients and provers sign: EIP-712 digests under the market's domain and the assessor's.
//!
//! The market's domain keeps the name `IBoundlessMarket`, so that signatures made by existing
//! tools are valid here. The type strings are those of [`crate::abi`].

use crate::{ClaimDigest, ProofRequest, SlimRequest, abi};
use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One market on one chain. Digests of one domain mean nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarketDomain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The market's address.
    pub market: Address,
}

/// The EIP-712 digest of a request under its market's domain: what the client signs, what a lock
/// stores, and the key under which nodes keep a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestDigest(pub B256);

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MarketDomain {
    fn eip712(&self) -> Eip712Domain {
        eip712_domain! {
            name: "IBoundlessMarket",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.market,
        }
    }

    /// The domain separator that the market computes.
    pub fn separator(&self) -> B256 {
        self.eip712().separator()
    }

    /// What the client signs.
    pub fn request_digest(&self, request: &ProofRequest) -> RequestDigest {
        RequestDigest(abi::ProofRequest::from(request).eip712_signing_hash(&self.eip712()))
    }

    /// What a prover signs when somebody else sends its lock.
    pub fn lock_digest(&self, request: &ProofRequest) -> B256 {
        abi::LockRequest { request: request.into() }.eip712_signing_hash(&self.eip712())
    }

    /// The request's digest rebuilt from its slim form, as the market does at fulfilment.
    pub fn slim_digest(&self, slim: &SlimRequest) -> RequestDigest {
        let requirements = abi::Requirements {
            callback: (&slim.callback).into(),
            predicate: (&slim.predicate).into(),
            selector: slim.selector,
        };
        let words = (
            request_type_hash(),
            slim.id.to_u256(),
            requirements.eip712_hash_struct(),
            slim.image_url_hash,
            slim.input_digest,
            slim.offer_digest,
        );
        let struct_hash = keccak256(words.abi_encode());
        let separator = self.separator();
        let prefixed = [&[0x19, 0x01], separator.as_slice(), struct_hash.as_slice()].concat();
        RequestDigest(keccak256(prefixed))
    }
}

fn request_type_hash() -> B256 {
    keccak256(abi::ProofRequest::eip712_encode_type().as_bytes())
}

/// The domain of one `OnChainAssessor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessorDomain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The assessor's address.
    pub assessor: Address,
}

impl AssessorDomain {
    /// What a prover signs to claim a batch for itself: the requests and claims in fill order, so
    /// that a copied proof cannot be settled under another name.
    pub fn batch_digest(
        &self,
        prover: Address,
        requests: &[RequestDigest],
        claims: &[ClaimDigest],
    ) -> B256 {
        let domain = eip712_domain! {
            name: "OnChainAssessor",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.assessor,
        };
        abi::FulfillmentBatchAuth {
            prover,
            requestDigests: requests.iter().map(|digest| digest.0).collect(),
            claimDigests: claims.iter().map(|claim| claim.0).collect(),
        }
        .eip712_signing_hash(&domain)
    }
}

/// The struct hash of an input, as a slim request carries it.
pub(crate) fn input_digest(request: &ProofRequest) -> B256 {
    abi::Input::from(&request.input).eip712_hash_struct()
}

/// The struct hash of an offer, as a slim request carries it.
pub(crate) fn offer_digest(request: &ProofRequest) -> B256 {
    abi::Offer::from(&request.offer).eip712_hash_struct()
}

/// Keccak-256 of the program's URL, as a slim request carries it.
pub(crate) fn image_url_hash(request: &ProofRequest) -> B256 {
    keccak256(request.image_url.as_bytes())
}
