//! What attesters say: "we have verified natively every claim under this root".
//!
//! Trust: a seal made of attestations convinces the chain exactly as far as `k` of the `n`
//! registered attesters are honest. The proofs stay fetchable by hash, so a lie can be shown.

use crate::abi;
use crate::{ClaimDigest, ImageId, Selector, registry};
use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::{SolStruct, SolValue, eip712_domain};
use serde::{Deserialize, Serialize};

/// The domain of one `AttestedVerifier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttesterDomain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The verifier contract's address.
    pub verifier: Address,
}

impl AttesterDomain {
    /// What an attester signs for the Merkle root of the claims it verified (see
    /// [`crate::merkle`]); for a single claim the root is its leaf.
    pub fn digest(&self, root: B256) -> B256 {
        let domain = eip712_domain! {
            name: "AttestedVerifier",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.verifier,
        };
        abi::Attestation { root }.eip712_signing_hash(&domain)
    }
}

/// A seal for the attested verifier: the way from a claim up to a root, and the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestedSeal {
    /// Siblings from the claim's leaf to the root; empty for a single claim.
    pub path: Vec<B256>,
    /// Signatures of 65 bytes each, by ascending signer; empty when the root is already on chain.
    pub signatures: Bytes,
}

impl AttestedSeal {
    /// Selector, then the ABI encoding of path and signatures.
    pub fn encode(&self) -> Bytes {
        let body = (self.path.clone(), self.signatures.clone()).abi_encode_params();
        [registry::ATTESTED_VERIFIER.as_slice(), &body].concat().into()
    }

    /// Reads an encoded seal.
    pub fn decode(seal: &[u8]) -> Result<Self, InvalidSeal> {
        let Some((selector, body)) = seal.split_first_chunk::<4>() else {
            return Err(InvalidSeal::TooShort(seal.len()));
        };
        let selector = Selector::from(*selector);
        if selector != registry::ATTESTED_VERIFIER {
            return Err(InvalidSeal::OtherVerifier(selector));
        }
        let (path, signatures) =
            <(Vec<B256>, Bytes)>::abi_decode_params(body).map_err(|_| InvalidSeal::Body)?;
        Ok(Self { path, signatures })
    }
}

/// Why bytes are no attested seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeal {
    /// No room for a selector.
    #[error("the seal is {0} bytes long; it begins with a selector of 4")]
    TooShort(usize),
    /// A seal for another verifier.
    #[error("the seal is for verifier {0}, not for attested proofs")]
    OtherVerifier(Selector),
    /// Not path and signatures.
    #[error("the seal is not the ABI encoding of (bytes32[] path, bytes signatures)")]
    Body,
}

/// What a node asks of an attester: verify these proofs and sign their root for this domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationRequest {
    /// For which contract.
    pub domain: AttesterDomain,
    /// The claims, in leaf order.
    pub claims: Vec<ClaimedProof>,
}

/// One claim and the artifact that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimedProof {
    /// SHA-256 of the proof's bytes: its name in the artifact store.
    pub proof: B256,
    /// The program.
    pub image_id: ImageId,
    /// The claim that the proof must be a proof of.
    pub claim_digest: ClaimDigest,
}

/// An attester's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationResponse {
    /// Merkle root over the claims in the order asked.
    pub root: B256,
    /// 65 bytes r, s, v over [`AttesterDomain::digest`].
    pub signature: Bytes,
    /// Who signed.
    pub attester: Address,
}

/// Why an attester does not sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationRefusal {
    /// A stable word for machines.
    pub code: RefusalCode,
    /// A sentence for people.
    pub reason: String,
    /// Which claim, if it is about one.
    pub index: Option<usize>,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The attester does not serve this chain and contract.
    DomainNotServed,
    /// It has no such proof; upload it first.
    ProofUnknown,
    /// The bytes do not verify.
    ProofInvalid,
    /// The proof proves something else than was claimed.
    ClaimMismatch,
    /// No claims, or too many of them.
    BatchSize,
    /// Too much work waits already; ask again.
    Busy,
    /// The request cannot be read.
    Malformed,
    /// The attester's own fault.
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_survives_the_round_trip_and_nothing_else_does() {
        let seal = AttestedSeal {
            path: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
            signatures: Bytes::from(vec![7; 130]),
        };
        let encoded = seal.encode();
        assert_eq!(AttestedSeal::decode(&encoded), Ok(seal));
        assert_eq!(AttestedSeal::decode(&encoded[..3]), Err(InvalidSeal::TooShort(3)));
        assert_eq!(AttestedSeal::decode(&encoded[..40]), Err(InvalidSeal::Body));
        let other = Selector::repeat_byte(9);
        assert_eq!(AttestedSeal::decode(other.as_slice()), Err(InvalidSeal::OtherVerifier(other)));
    }
}
