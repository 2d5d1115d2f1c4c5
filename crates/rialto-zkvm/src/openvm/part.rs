//! Proofs on their way to become one: of a segment, or of several that were joined already.
//!
//! Whoever made a part need not be trusted. Its bytes are decoded within bounds, it says where it
//! belongs, and its public values say which stretch of an execution it proves.

use std::borrow::Borrow;

use bytes::Bytes;
use openvm_circuit::arch::hasher::poseidon2::vm_poseidon2_hasher;
use openvm_circuit::arch::{
    BOUNDARY_AIR_ID, CONNECTOR_AIR_ID, ExitCode, MERKLE_AIR_ID, PROGRAM_AIR_ID,
    PROGRAM_CACHED_TRACE_INDEX,
};
use openvm_circuit::system::connector::{DEFAULT_SUSPEND_EXIT_CODE, VmConnectorPvs};
use openvm_circuit::system::memory::CHUNK;
use openvm_circuit::system::memory::dimensions::MemoryDimensions;
use openvm_circuit::system::memory::merkle::MemoryMerklePvs;
use openvm_circuit::system::memory::merkle::public_values::UserPublicValuesProof;
use openvm_circuit::system::program::trace::compute_exe_commit;
use openvm_sdk::{F, SC};
use openvm_stark_sdk::config::baby_bear_poseidon2::Digest;
use openvm_stark_sdk::openvm_stark_backend::keygen::types::MultiStarkVerifyingKey;
use openvm_stark_sdk::openvm_stark_backend::p3_field::PrimeCharacteristicRing;
use openvm_stark_sdk::openvm_stark_backend::proof::Proof;
use openvm_stark_sdk::openvm_stark_backend::verifier::proof_shape::verify_proof_shape;
use serde::{Deserialize, Serialize};

use super::compress;
use super::machine::PUBLIC_VALUES;
use super::payload::{self, malformed};
use super::program::Commitment;
use crate::guard::guarded;
use crate::{ProveError, VerifyError};

pub(super) type PublicValuesProof = UserPublicValuesProof<CHUNK, F>;
pub(super) type VerifyingKey = MultiStarkVerifyingKey<SC>;

/// A part of a proof.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Part {
    pub(super) seat: Seat,
    pub(super) proof: Proof<SC>,
    /// The program's output, if the program ends in this part.
    pub(super) public_values: Option<PublicValuesProof>,
}

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Seat {
    /// It is the proof of this segment.
    Segment(u32),
    /// It is the result of this join.
    Join { level: u8, index: u32 },
}

impl Seat {
    /// A part that does not fit in.
    pub(super) fn foreign(self, reason: impl ToString) -> ProveError {
        let reason = reason.to_string();
        match self {
            Self::Segment(index) => ProveError::ForeignSegment { index, reason },
            Self::Join { level, index } => ProveError::ForeignJoin { level, index, reason },
        }
    }

    fn is_first(self) -> bool {
        matches!(self, Self::Segment(0) | Self::Join { index: 0, .. })
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::Segment(index) => Self::Segment(index.saturating_add(1)),
            Self::Join { level, index } => Self::Join { level, index: index.saturating_add(1) },
        }
    }
}

impl std::fmt::Display for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Segment(index) => write!(f, "the proof of segment {index}"),
            Self::Join { level, index } => write!(f, "join {index} of level {level}"),
        }
    }
}

impl Part {
    pub(super) fn encode(&self) -> Result<Bytes, ProveError> {
        let bytes = postcard::to_allocvec(self);
        Ok(bytes.map_err(|error| ProveError::Internal { reason: error.to_string() })?.into())
    }

    /// The part in `bytes`, of the shape that `key` asks for.
    pub(super) fn decode(bytes: &[u8], key: &VerifyingKey) -> Result<Self, VerifyError> {
        if bytes.len() > payload::SEGMENT_BYTES_MAX {
            return Err(VerifyError::TooLong {
                bytes: bytes.len(),
                limit_bytes: payload::SEGMENT_BYTES_MAX,
            });
        }
        let decode = || {
            let part: Self = payload::from_all_of(bytes)?;
            verify_proof_shape(&key.inner, &part.proof).map_err(malformed)?;
            Ok(part)
        };
        guarded(decode).unwrap_or_else(|reason| Err(malformed(reason)))
    }

    /// Whether it belongs in `seat` of a proof of the program that `commitment` names, ends it
    /// if it should, and brings its output if it does. That the proof itself holds must be known.
    pub(super) fn check(
        &self,
        seat: Seat,
        ends: Option<bool>,
        commitment: &Commitment,
        memory: MemoryDimensions,
    ) -> Result<(), VerifyError> {
        if self.seat != seat {
            return Err(invalid(format!("it is {}", self.seat)));
        }
        let stretch = self.stretch()?;
        if stretch.program != commitment.code.commitment
            || (seat.is_first() && stretch.exe() != commitment.exe)
        {
            return Err(invalid("it is of another program or does not begin where that begins"));
        }
        if ends.is_some_and(|ends| ends != stretch.ends) {
            return Err(invalid(if stretch.ends {
                "the program ends in it, but should not"
            } else {
                "the program does not end in it, but should"
            }));
        }
        match &self.public_values {
            None if !stretch.ends => Ok(()),
            Some(values) if stretch.ends && values.public_values.len() == PUBLIC_VALUES => {
                let hasher = vm_poseidon2_hasher();
                values.verify(&hasher, memory, stretch.to.memory).map_err(invalid)
            }
            _ => Err(invalid("its public values are missing, too many or too few")),
        }
    }

    /// The stretch of an execution that the proof says it is about.
    fn stretch(&self) -> Result<Stretch, VerifyError> {
        match self.seat {
            Seat::Segment(_) => Stretch::of_segment(&self.proof),
            // Reading asserts the length.
            Seat::Join { .. } => guarded(|| compress::of_join(&self.proof))
                .unwrap_or_else(|reason| Err(invalid(reason))),
        }
    }
}

/// A place in an execution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) pc: F,
    /// The root of all memory.
    pub(super) memory: Digest,
}

/// What a proof's public values say of the execution that it is of.
pub(super) struct Stretch {
    /// The code's commitment.
    pub(super) program: Digest,
    pub(super) from: Edge,
    pub(super) to: Edge,
    /// Whether the program ends there.
    pub(super) ends: bool,
}

impl Stretch {
    /// `ends` and `exit_code` as the circuit has them.
    pub(super) fn new(
        program: Digest,
        [from, to]: [Edge; 2],
        ends: F,
        exit_code: F,
    ) -> Result<Self, VerifyError> {
        let ends = ends == F::ONE;
        let expected = if ends { ExitCode::Success as u32 } else { DEFAULT_SUSPEND_EXIT_CODE };
        if exit_code != F::from_u32(expected) {
            return Err(invalid(format!("its exit code is {exit_code}, not {expected}")));
        }
        Ok(Self { program, from, to, ends })
    }

    fn of_segment(proof: &Proof<SC>) -> Result<Self, VerifyError> {
        let system = [PROGRAM_AIR_ID, CONNECTOR_AIR_ID, BOUNDARY_AIR_ID, MERKLE_AIR_ID];
        if system.iter().any(|air| !matches!(proof.trace_vdata.get(*air), Some(Some(_)))) {
            return Err(invalid("a table of the system is missing"));
        }
        let read = || {
            let program = proof.trace_vdata[PROGRAM_AIR_ID].as_ref();
            let program = program.map(|it| it.cached_commitments[PROGRAM_CACHED_TRACE_INDEX]);
            let connector: &VmConnectorPvs<F> =
                proof.public_values[CONNECTOR_AIR_ID].as_slice().borrow();
            let memory: &MemoryMerklePvs<F, CHUNK> =
                proof.public_values[MERKLE_AIR_ID].as_slice().borrow();
            let edges = [
                Edge { pc: connector.initial_pc, memory: memory.initial_root },
                Edge { pc: connector.final_pc, memory: memory.final_root },
            ];
            let program = program.ok_or_else(|| invalid("its program is missing"))?;
            Self::new(program, edges, connector.is_terminate, connector.exit_code)
        };
        // Reading asserts the lengths.
        guarded(read).unwrap_or_else(|reason| Err(invalid(reason)))
    }

    /// OpenVM's commitment to code, initial memory and entry point, if this is the beginning.
    pub(super) fn exe(&self) -> Digest {
        compute_exe_commit(&vm_poseidon2_hasher(), &self.program, &self.from.memory, self.from.pc)
    }
}

/// The proofs in `parts`, the first of which belongs in `seat`, and the program's output if it
/// ends in the last of them.
pub(super) fn in_order(
    parts: &[Bytes],
    mut seat: Seat,
    key: &VerifyingKey,
) -> Result<(Vec<Proof<SC>>, Option<PublicValuesProof>), ProveError> {
    let mut proofs = Vec::with_capacity(parts.len());
    let mut public_values = None;
    let mut before: Option<Stretch> = None;
    for bytes in parts {
        let part = Part::decode(bytes, key).map_err(|error| seat.foreign(error))?;
        if part.seat != seat {
            return Err(seat.foreign(format!("it is {}", part.seat)));
        }
        let stretch = part.stretch().map_err(|error| seat.foreign(error))?;
        match before {
            Some(before) if before.ends => {
                return Err(seat.foreign("the program ended before it"));
            }
            Some(before) if before.program != stretch.program => {
                return Err(seat.foreign("it is of another program than the one before it"));
            }
            Some(before) if before.to != stretch.from => {
                return Err(seat.foreign("it does not begin where the one before it ends"));
            }
            _ => {}
        }
        if part.public_values.is_some() != stretch.ends {
            return Err(seat.foreign(
                "it has public values where the program does not end, or none where it does",
            ));
        }
        proofs.push(part.proof);
        (public_values, before) = (part.public_values, Some(stretch));
        seat = seat.next();
    }
    Ok((proofs, public_values))
}

pub(super) fn invalid(reason: impl ToString) -> VerifyError {
    VerifyError::Invalid { reason: reason.to_string() }
}
