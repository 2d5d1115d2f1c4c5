//! Compressed proofs: OpenVM's recursion, one join at a time.
//!
//! A join is a STARK which says that its parts' STARKs hold and follow one another. Level 0
//! verifies segments' proofs, level 1 those of level 0, level 2 those of level 1, each with a
//! circuit of its own; from level 3 on a circuit verifies proofs of itself, so that every proof
//! has the same form and verifying key. One such level is made at least, because it makes the
//! proof smaller as well.
//!
//! A join's public values name the circuits below it by commitments. They are compared with
//! those of the keys: a STARK alone says only that *some* circuit's proofs were verified.

use std::borrow::Borrow;
use std::num::NonZeroU32;
use std::sync::Arc;

use openvm_continuations::prover::ChildVkKind;
use openvm_sdk::config::{
    AggregationConfig, AggregationTreeConfig, MAX_NUM_CHILDREN_INTERNAL, MAX_NUM_CHILDREN_LEAF,
};
use openvm_sdk::keygen::{AggPrefixProvingKey, AggProvingKey, AppVerifyingKey};
use openvm_sdk::prover::AggProver;
use openvm_sdk::{F, SC};
use openvm_stark_sdk::config::baby_bear_poseidon2::{DIGEST_SIZE, Digest};
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::p3_field::PrimeCharacteristicRing;
use openvm_stark_sdk::openvm_stark_backend::proof::Proof;
use openvm_stark_sdk::openvm_stark_backend::verifier::proof_shape::verify_proof_shape;
use openvm_verify_stark_host::pvs::{
    CONSTRAINT_EVAL_AIR_ID, CONSTRAINT_EVAL_CACHED_INDEX, VERIFIER_PVS_AIR_ID, VM_PVS_AIR_ID,
    VerifierBasePvs, VkCommit, VmPvs,
};
use openvm_verify_stark_host::vk::{VerificationBaseline, VmStarkVerifyingKey};
use openvm_verify_stark_host::{VmStarkProof, verify_vm_stark_proof_decoded};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::machine::Engine;
use super::part::{Edge, Part, PublicValuesProof, Seat, Stretch, VerifyingKey, invalid};
use super::payload::{from_all_of, malformed};
use super::program::Commitment;
use super::verify::COMPRESSED_COMMITMENT;
use super::{KeyError, NAME};
use crate::guard::guarded;
use crate::keys::{KeyOrigin, KeyStore};
use crate::{JoinPlace, Joining, ProveError, VerifyError};

/// The tree of OpenVM's own prover.
pub(super) const JOINING: Joining = Joining {
    leaf_arity: NonZeroU32::new(MAX_NUM_CHILDREN_LEAF as u32).expect("it is not zero"),
    arity: NonZeroU32::new(MAX_NUM_CHILDREN_INTERNAL as u32).expect("it is not zero"),
    levels_min: 4,
};

/// Does joins.
pub(super) struct Compressor {
    prover: AggProver,
    keys: VerifyingKeys,
}

/// What it takes to verify the result of any join.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct VerifyingKeys {
    /// Of the joins of level 0, of level 1, and of all others.
    joins: [VerifyingKey; 3],
    /// How joins name the circuits below them: of segments, of level 0, of level 1, and of all
    /// other levels.
    circuits: [VkCommit<F>; 4],
}

impl Compressor {
    /// The compressor for proofs of segments that `segment_key` verifies, with the keys from
    /// `store`.
    ///
    /// # Errors
    /// If the keys are not those that this software was built for.
    pub(super) fn load(store: &KeyStore, segment_key: &VerifyingKey) -> Result<Self, KeyError> {
        let segment_key = Arc::new(segment_key.clone());
        let tree = AggregationTreeConfig::default();
        let make = || {
            let config = AggregationConfig::default();
            let prover = AggProver::new(segment_key.clone(), config, tree, None);
            Ok::<_, KeyError>(AggProvingKey {
                prefix: AggPrefixProvingKey {
                    leaf: prover.leaf_prover.get_pk(),
                    internal_for_leaf: prover.internal_for_leaf_prover.get_pk(),
                },
                internal_recursive: prover.internal_recursive_prover.get_pk(),
            })
        };
        let with = |key| {
            let prover = AggProver::from_pk(segment_key.clone(), key, tree, None);
            let keys = VerifyingKeys::of(&prover).checked()?;
            Ok(Self { prover, keys })
        };
        let (key, origin) = store.load_or_make(&format!("{NAME}-compressing"), make)?;
        match with(key) {
            // The file was whole, but somebody else's.
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => with(make()?),
            result => result,
        }
    }

    pub(super) fn keys(&self) -> &VerifyingKeys {
        &self.keys
    }

    /// The proof of the join of `parts` at `place`.
    pub(super) fn join(
        &self,
        place: JoinPlace,
        parts: &[Proof<SC>],
    ) -> Result<Proof<SC>, ProveError> {
        let AggProver { leaf_prover, internal_for_leaf_prover, internal_recursive_prover, .. } =
            &self.prover;
        let prove = || match place.level {
            0 => leaf_prover.agg_prove_no_def::<Engine>(parts, ChildVkKind::App),
            1 => internal_for_leaf_prover.agg_prove_no_def::<Engine>(parts, ChildVkKind::Standard),
            2 => internal_recursive_prover.agg_prove_no_def::<Engine>(parts, ChildVkKind::Standard),
            _ => internal_recursive_prover
                .agg_prove_no_def::<Engine>(parts, ChildVkKind::RecursiveSelf),
        };
        // A part that does not hold has no trace.
        guarded(prove)
            .and_then(|proof| proof.map_err(|error| error.to_string()))
            .map_err(|reason| ProveError::Internal { reason })
    }
}

impl VerifyingKeys {
    fn of(prover: &AggProver) -> Self {
        let AggProver { leaf_prover, internal_for_leaf_prover, internal_recursive_prover, .. } =
            prover;
        Self {
            joins: [
                leaf_prover.get_vk().as_ref().clone(),
                internal_for_leaf_prover.get_vk().as_ref().clone(),
                internal_recursive_prover.get_vk().as_ref().clone(),
            ],
            circuits: [
                leaf_prover.get_vk_commit(false),
                internal_for_leaf_prover.get_vk_commit(false),
                internal_recursive_prover.get_vk_commit(false),
                internal_recursive_prover.get_vk_commit(true),
            ],
        }
    }

    /// The keys from `store`, or from `make` if there are none.
    ///
    /// # Errors
    /// If the keys are not those that this software was built for.
    pub(super) fn load(
        store: &KeyStore,
        make: impl Fn() -> Result<Self, KeyError>,
    ) -> Result<Self, KeyError> {
        let name = format!("{NAME}-compressed-verifying");
        let (keys, origin) = store.load_or_make(&name, &make)?;
        match keys.checked() {
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => make(),
            result => result,
        }
    }

    fn checked(self) -> Result<Self, KeyError> {
        let encoded = postcard::to_allocvec(&self).map_err(KeyError::Encode)?;
        let found: [u8; 32] = Sha256::digest(encoded).into();
        if found != COMPRESSED_COMMITMENT {
            return Err(KeyError::Unexpected { found, expected: COMPRESSED_COMMITMENT });
        }
        Ok(self)
    }

    /// The key of the joins of `level`.
    pub(super) fn of_level(&self, level: u8) -> &VerifyingKey {
        &self.joins[usize::from(level.min(2))]
    }

    /// Whether `bytes` are the result of the join at `place` in a proof of the program that
    /// `commitment` names. May panic.
    pub(super) fn check(
        &self,
        place: JoinPlace,
        bytes: &[u8],
        commitment: &Commitment,
        segments: &AppVerifyingKey,
    ) -> Result<(), VerifyError> {
        let JoinPlace { level, index, .. } = place;
        let key = self.of_level(level);
        let part = Part::decode(bytes, key)?;
        Engine::new(key.inner.params.clone()).verify(key, &part.proof).map_err(invalid)?;
        self.check_circuits(level, &part.proof)?;
        part.check(Seat::Join { level, index }, None, commitment, segments.memory_dimensions)
    }

    /// Whether the circuits below the join that `proof` is of are those of the tree.
    fn check_circuits(&self, level: u8, proof: &Proof<SC>) -> Result<(), VerifyError> {
        let values = proof.public_values[VERIFIER_PVS_AIR_ID].as_slice();
        let values: &VerifierBasePvs<F> = values[..VerifierBasePvs::<u8>::width()].borrow();
        let unset =
            VkCommit { cached_commit: [F::ZERO; DIGEST_SIZE], vk_pre_hash: [F::ZERO; DIGEST_SIZE] };
        let below = usize::from(level.min(3));
        let expected: [_; 4] =
            std::array::from_fn(|at| if at <= below { self.circuits[at] } else { unset });
        let named = [
            values.app_vk_commit,
            values.leaf_vk_commit,
            values.internal_for_leaf_vk_commit,
            values.internal_recursive_vk_commit,
        ];
        let cached = proof.trace_vdata[CONSTRAINT_EVAL_AIR_ID].as_ref();
        let cached = cached.and_then(|it| it.cached_commitments.get(CONSTRAINT_EVAL_CACHED_INDEX));
        if named != expected
            || cached != Some(&self.circuits[below].cached_commit)
            || values.internal_flag != F::from_u8(level.min(2))
            || values.recursion_depth != F::from_u8(level.saturating_sub(1))
        {
            return Err(invalid("it verifies proofs of other circuits"));
        }
        Ok(())
    }

    /// What the finished proof in `payload` says: the program's commitment, and its output. May
    /// panic.
    pub(super) fn verify(
        &self,
        payload: &[u8],
        segments: &AppVerifyingKey,
    ) -> Result<(Digest, PublicValuesProof), VerifyError> {
        let (inner, user_pvs_proof): (Proof<SC>, PublicValuesProof) = from_all_of(payload)?;
        let mvk = self.of_level(u8::MAX);
        verify_proof_shape(&mvk.inner, &inner).map_err(malformed)?;
        let app_exe_commit = of_join(&inner)?.exe();
        let [app_vk_commit, leaf_vk_commit, internal_for_leaf_vk_commit, recursive] = self.circuits;
        let baseline = VerificationBaseline {
            app_exe_commit,
            memory_dimensions: segments.memory_dimensions,
            num_user_pvs: segments.num_user_pvs,
            app_vk_commit,
            leaf_vk_commit,
            internal_for_leaf_vk_commit,
            internal_recursive_vk_commit: recursive,
            expected_def_hook_commit: None,
        };
        let key = VmStarkVerifyingKey { mvk: mvk.clone(), baseline };
        let proof = VmStarkProof { inner, user_pvs_proof, deferral_merkle_proofs: None };
        verify_vm_stark_proof_decoded(&key, &proof).map_err(invalid)?;
        Ok((app_exe_commit, proof.user_pvs_proof))
    }
}

/// The inside of a finished proof's envelope.
pub(super) fn payload(
    proof: &Proof<SC>,
    public_values: &PublicValuesProof,
) -> Result<Vec<u8>, ProveError> {
    postcard::to_allocvec(&(proof, public_values))
        .map_err(|error| ProveError::Internal { reason: error.to_string() })
}

/// What the proof of a join says of the execution. May panic.
pub(super) fn of_join(proof: &Proof<SC>) -> Result<Stretch, VerifyError> {
    let values: &VmPvs<F> = proof.public_values[VM_PVS_AIR_ID].as_slice().borrow();
    let edges = [
        Edge { pc: values.initial_pc, memory: values.initial_root },
        Edge { pc: values.final_pc, memory: values.final_root },
    ];
    Stretch::new(values.program_commit, edges, values.is_terminate, values.exit_code)
}
