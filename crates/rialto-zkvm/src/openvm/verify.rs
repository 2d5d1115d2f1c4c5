//! Verification: the proof and the verifying key are all it takes.

use alloy_primitives::hex;
use openvm_sdk::keygen::AppVerifyingKey;
use openvm_sdk::prover::verify_app_proof;
use openvm_stark_sdk::config::baby_bear_poseidon2::Digest;
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::p3_field::PrimeField32;
use rialto_protocol::ImageId;
use sha2::{Digest as _, Sha256};

use super::machine::{self, Engine};
use super::part::{self, Part, Seat, VerifyingKey};
use super::program::Commitment;
use super::{KeyError, NAME, ZKVM_TAG, journal, payload};
use crate::envelope::{self, Address};
use crate::guard::guarded;
use crate::keys::{KeyOrigin, KeyStore};
use crate::{ProofVerifier, VerifiedClaim, VerifyError};

/// SHA-256 of the verifying key, postcard: it commits to the machine's circuit, its memory,
/// its public values and its security parameters. Proofs and image ids carry it, so it
/// changes only together with the name of the parameters; the key that is made or loaded must
/// have it.
const MACHINE_COMMITMENT: [u8; 32] =
    hex!("a80f942bae8c458434fd9bc784a28b63ebf2a737fef29b0404bc7e0ad3b1cb35");

/// Verifies OpenVM proofs. Needs the verifying key, about half a megabyte, and nothing else.
pub struct OpenVmVerifier {
    key: AppVerifyingKey,
    origin: KeyOrigin,
}

impl OpenVmVerifier {
    /// A verifier with the key from `keys`; made if it is not there, in a tenth of a second.
    ///
    /// # Errors
    /// If the key cannot be made, or is not the one that this software was built for.
    pub fn load(keys: &KeyStore) -> Result<Self, KeyError> {
        let name = format!("{NAME}-verifying");
        let make = || Ok::<_, KeyError>(machine::make_proving_key()?.get_app_vk());
        let (key, origin) = keys.load_or_make(&name, make)?;
        match Self::checked(key, origin) {
            // The file was whole, but somebody else's.
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => {
                Self::checked(make()?, KeyOrigin::Made)
            }
            result => result,
        }
    }

    /// A verifier with `key`, if it is the right one.
    pub(super) fn checked(key: AppVerifyingKey, origin: KeyOrigin) -> Result<Self, KeyError> {
        let encoded = postcard::to_allocvec(&key).map_err(KeyError::Encode)?;
        let found: [u8; 32] = Sha256::digest(encoded).into();
        if found != MACHINE_COMMITMENT {
            return Err(KeyError::Unexpected { found, expected: MACHINE_COMMITMENT });
        }
        Ok(Self { key, origin })
    }

    /// Whether the key came from disk.
    pub fn key_origin(&self) -> KeyOrigin {
        self.origin
    }

    /// Whether `proof` is of the segment at this place in a run of the program that `commitment`
    /// names, and of the last one if it should be.
    pub(super) fn check_segment(
        &self,
        index: u32,
        last: bool,
        commitment: &Commitment,
        proof: &[u8],
    ) -> Result<(), VerifyError> {
        let part = Part::decode(proof, &self.key.vk)?;
        let engine = Engine::new(self.key.vk.inner.params.clone());
        // See below.
        guarded(|| engine.verify(&self.key.vk, &part.proof))
            .and_then(|verified| verified.map_err(|error| error.to_string()))
            .map_err(part::invalid)?;
        let seat = Seat::Segment(index);
        part.check(seat, Some(last), commitment, self.key.memory_dimensions)
    }

    /// The key of segments' proofs.
    pub(super) fn segment_key(&self) -> &VerifyingKey {
        &self.key.vk
    }

    fn verify_payload(&self, payload: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        let proof = payload::decode(payload, &self.key.vk)?;
        let exe = verify_app_proof::<Engine>(&self.key, &proof)
            .map_err(|error| VerifyError::Invalid { reason: error.to_string() })?;
        let values = proof.user_public_values.public_values.iter();
        let values: Result<Vec<u8>, _> =
            values.map(|value| u8::try_from(value.as_canonical_u32())).collect();
        let journal = values
            .map_err(|_| "they are not bytes".to_owned())
            .and_then(|values| journal::decode(&values))
            .map_err(|reason| VerifyError::MalformedJournal { reason })?;
        Ok(VerifiedClaim::new(image_id(&exe), journal))
    }
}

impl ProofVerifier for OpenVmVerifier {
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        let payload = envelope::open(&address(), payload::PROOF_BYTES_MAX, proof)?;
        // OpenVM's verifier returns errors as far as we know; strangers may know better.
        guarded(|| self.verify_payload(payload))
            .unwrap_or_else(|reason| Err(VerifyError::Invalid { reason }))
    }
}

/// Who reads our proofs.
pub(super) const fn address() -> Address {
    Address { zkvm: ZKVM_TAG, parameters: MACHINE_COMMITMENT }
}

/// The image id of the program that OpenVM calls `exe`: both commitments under a tag, the
/// words of OpenVM's in big-endian bytes.
pub(super) fn image_id(exe: &Digest) -> ImageId {
    let mut hasher = Sha256::new();
    hasher.update(b"rialto.openvm.image.v1");
    hasher.update(MACHINE_COMMITMENT);
    exe.iter().for_each(|word| hasher.update(word.as_canonical_u32().to_be_bytes()));
    let digest: [u8; 32] = hasher.finalize().into();
    ImageId(digest.into())
}
