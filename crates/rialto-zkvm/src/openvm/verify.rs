//! Verification: the proof and the verifying key are all it takes.

use std::sync::Arc;

use alloy_primitives::hex;
use openvm_sdk::keygen::AppVerifyingKey;
use openvm_sdk::prover::verify_app_proof;
use openvm_stark_sdk::config::baby_bear_poseidon2::Digest;
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::p3_field::PrimeField32;
use rialto_protocol::ImageId;
use sha2::{Digest as _, Sha256};

use super::compress::{Compressor, VerifyingKeys};
use super::machine::{self, Engine};
use super::part::{self, Part, PublicValuesProof, Seat, VerifyingKey};
use super::program::Commitment;
use super::{KeyError, NAME, ZKVM_TAG, journal, payload};
use crate::envelope::{self, Address};
use crate::guard::guarded;
use crate::keys::{KeyOrigin, KeyStore, Lazily};
use crate::{JoinPlace, ProofVerifier, VerifiedClaim, VerifyError};

/// SHA-256 of the verifying key, postcard: it commits to the machine's circuit, its memory,
/// its public values and its security parameters. Proofs and image ids carry it, so it
/// changes only together with the name of the parameters; the key that is made or loaded must
/// have it.
const MACHINE_COMMITMENT: [u8; 32] =
    hex!("a80f942bae8c458434fd9bc784a28b63ebf2a737fef29b0404bc7e0ad3b1cb35");

/// SHA-256 of the keys that compressed proofs are verified with, postcard: it commits to the
/// circuits of all joins, and through them to the machine's. Compressed proofs carry it.
pub(super) const COMPRESSED_COMMITMENT: [u8; 32] =
    hex!("1f66b647f3e34d0b92e017c2c5ce080abb4150fb9f93a41206e50c7220cc33a0");

/// Verifies OpenVM proofs. Needs the verifying key, about half a megabyte, and nothing else for
/// composite proofs. For compressed ones it needs the keys of joins as well, which are loaded, or
/// made if the store has none, when the first such proof comes.
pub struct OpenVmVerifier {
    key: AppVerifyingKey,
    origin: KeyOrigin,
    store: KeyStore,
    compressed: Lazily<VerifyingKeys>,
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
        match Self::checked(key, origin, keys) {
            // The file was whole, but somebody else's.
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => {
                Self::checked(make()?, KeyOrigin::Made, keys)
            }
            result => result,
        }
    }

    /// A verifier with `key`, if it is the right one.
    pub(super) fn checked(
        key: AppVerifyingKey,
        origin: KeyOrigin,
        store: &KeyStore,
    ) -> Result<Self, KeyError> {
        let encoded = postcard::to_allocvec(&key).map_err(KeyError::Encode)?;
        let found: [u8; 32] = Sha256::digest(encoded).into();
        if found != MACHINE_COMMITMENT {
            return Err(KeyError::Unexpected { found, expected: MACHINE_COMMITMENT });
        }
        Ok(Self { key, origin, store: store.clone(), compressed: Lazily::default() })
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
        // OpenVM's verifier returns errors as far as we know; strangers may know better.
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

    /// The keys of joins, loaded when they are first needed, or from `make`.
    pub(super) fn keys_of_joins_from(
        &self,
        make: impl Fn() -> Result<VerifyingKeys, KeyError>,
    ) -> Result<Arc<VerifyingKeys>, KeyError> {
        self.compressed.get(|| VerifyingKeys::load(&self.store, make))
    }

    fn keys_of_joins(&self) -> Arc<VerifyingKeys> {
        // Those that make the proving keys know the verifying keys; it takes minutes.
        let make = || Ok(Compressor::load(&self.store, &self.key.vk)?.keys().clone());
        let keys = self.keys_of_joins_from(make);
        keys.expect("the OpenVM crates are those that this software is built for")
    }

    /// Whether `proof` is the result of the join at `place` in a proof of the program that
    /// `commitment` names.
    pub(super) fn check_join(
        &self,
        place: JoinPlace,
        commitment: &Commitment,
        proof: &[u8],
    ) -> Result<(), VerifyError> {
        let keys = self.keys_of_joins();
        guarded(|| keys.check(place, proof, commitment, &self.key))
            .unwrap_or_else(|reason| Err(part::invalid(reason)))
    }

    fn verify_composite(&self, payload: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        let proof = payload::decode(payload, &self.key.vk)?;
        let exe = verify_app_proof::<Engine>(&self.key, &proof).map_err(part::invalid)?;
        claim(&exe, &proof.user_public_values)
    }

    fn verify_compressed(
        &self,
        payload: &[u8],
        keys: &VerifyingKeys,
    ) -> Result<VerifiedClaim, VerifyError> {
        let (exe, public_values) = keys.verify(payload, &self.key)?;
        claim(&exe, &public_values)
    }
}

impl ProofVerifier for OpenVmVerifier {
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        // Guarded like every verification of strangers' bytes.
        let verified = match envelope::open(&COMPOSITE, payload::PROOF_BYTES_MAX, proof) {
            Err(VerifyError::OtherParameters(COMPRESSED_COMMITMENT)) => {
                let payload = envelope::open(&COMPRESSED, payload::SEGMENT_BYTES_MAX, proof)?;
                let keys = self.keys_of_joins();
                guarded(|| self.verify_compressed(payload, &keys))
            }
            payload => {
                let payload = payload?;
                guarded(|| self.verify_composite(payload))
            }
        };
        verified.unwrap_or_else(|reason| Err(part::invalid(reason)))
    }
}

/// Whom composite proofs are addressed to.
pub(super) const COMPOSITE: Address = Address { zkvm: ZKVM_TAG, parameters: MACHINE_COMMITMENT };

/// Whom compressed proofs are addressed to.
pub(super) const COMPRESSED: Address =
    Address { zkvm: ZKVM_TAG, parameters: COMPRESSED_COMMITMENT };

/// The claim of a proof that holds: of the program that OpenVM calls `exe`, with these values.
fn claim(exe: &Digest, values: &PublicValuesProof) -> Result<VerifiedClaim, VerifyError> {
    let values = values.public_values.iter();
    let values: Result<Vec<u8>, _> =
        values.map(|value| u8::try_from(value.as_canonical_u32())).collect();
    let journal = values
        .map_err(|_| "they are not bytes".to_owned())
        .and_then(|values| journal::decode(&values))
        .map_err(|reason| VerifyError::MalformedJournal { reason })?;
    Ok(VerifiedClaim::new(image_id(exe), journal))
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
