//! OpenVM behind the ports: RISC-V, segments, pure Rust, nothing to download.
//!
//! A proof is OpenVM's app proof: one STARK per segment and the public values, with 100 bits
//! of proven security. Only this module names OpenVM.

mod execute;
mod journal;
mod machine;
mod part;
mod payload;
mod program;
mod prove;
mod requests;
mod run;
mod verify;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::hex;
use bytes::Bytes;
use openvm_circuit::arch::AirInventoryError;
use rialto_protocol::ImageId;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use verify::OpenVmVerifier;

use crate::envelope::{self, ZkvmTag};
use crate::keys::{KeyOrigin, KeyStore};
use crate::{
    ExecuteError, Execution, ExecutionLimits, JoinPlace, Joining, NotAProgram, Part, ProofKind,
    ProofVerifier, ProveError, Segment, VerifiedClaim, VerifyError, Zkvm,
};
use execute::Plan;
use machine::{Blueprint, ProvingKey};
use part::Seat;
use program::{Program, ProgramCache};
use run::LastRun;

/// The zkVM and its one set of parameters.
const NAME: &str = "openvm-2.0-rialto-1";

/// By default a segment should be proven within some five gigabytes.
const SEGMENT_MEMORY_MAX_BYTES: usize = 2 << 30;

const ZKVM_TAG: ZkvmTag = *b"openvm\0\0";

/// Executes, proves and verifies with OpenVM.
///
/// Calls may come from many threads. Proving uses every core by itself; programs that were
/// used lately stay loaded, and the state after the last proven segment is kept, so that the
/// next one of the same run is proven from there.
pub struct OpenVm {
    blueprint: Blueprint,
    verifier: OpenVmVerifier,
    programs: Mutex<ProgramCache>,
    last_run: LastRun,
}

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// OpenVM could not make it.
    #[error("OpenVM could not make the keys")]
    Make(#[from] AirInventoryError),
    /// It could not be encoded to be compared.
    #[error("the verifying key does not encode")]
    Encode(#[source] postcard::Error),
    /// It is not the key that proofs are verified with elsewhere.
    #[error(
        "the verifying key commits to {}, this software was built for {}: \
         the OpenVM crates are of another version",
        hex::encode(found),
        hex::encode(expected)
    )]
    Unexpected {
        /// The commitment of the key.
        found: [u8; 32],
        /// The commitment in the source.
        expected: [u8; 32],
    },
}

impl OpenVm {
    /// OpenVM with the keys from `keys`; made if they are not there, in a tenth of a second.
    ///
    /// # Errors
    /// If the keys cannot be made, or are not those that this software was built for.
    pub fn load(keys: &KeyStore) -> Result<Self, KeyError> {
        let make = machine::make_proving_key;
        let (key, origin) = keys.load_or_make(&format!("{NAME}-proving"), make)?;
        match OpenVmVerifier::checked(key.get_app_vk(), origin) {
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => {
                let key = make()?;
                let verifier = OpenVmVerifier::checked(key.get_app_vk(), KeyOrigin::Made)?;
                Ok(Self::with(key, verifier))
            }
            verifier => Ok(Self::with(key, verifier?)),
        }
    }

    fn with(key: ProvingKey, verifier: OpenVmVerifier) -> Self {
        let segment_memory_max_bytes = SEGMENT_MEMORY_MAX_BYTES;
        let blueprint = Blueprint { key, segment_memory_max_bytes };
        let programs = Mutex::new(ProgramCache::new());
        Self { blueprint, verifier, programs, last_run: LastRun::default() }
    }

    /// Cuts segments so that proving one takes at most `bytes` of memory by OpenVM's estimate,
    /// which is for GPUs: on a CPU expect twice as much and more. Half a gigabyte is the
    /// least that any segment is estimated at.
    pub fn with_segment_memory(mut self, bytes: usize) -> Self {
        self.blueprint.segment_memory_max_bytes = bytes;
        self
    }

    /// Whether the keys came from disk.
    pub fn key_origin(&self) -> KeyOrigin {
        self.verifier.key_origin()
    }

    fn program(&self, elf: &[u8]) -> Result<Arc<Program>, NotAProgram> {
        let digest: [u8; 32] = Sha256::digest(elf).into();
        let programs = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs().get(&digest) {
            return Ok(program);
        }
        // Loaded without the lock; two threads may load the same program once each.
        let program = Arc::new(Program::load(elf, digest, self.blueprint.config())?);
        programs().insert(digest, Arc::clone(&program));
        Ok(program)
    }

    fn join_composite(&self, place: JoinPlace, parts: &[Bytes]) -> Result<Bytes, ProveError> {
        if !place.is_top || place.level > 0 {
            let reason = "one join takes all segments".to_owned();
            return Err(ProveError::NoSuchJoin { place, reason });
        }
        let first = Seat::Segment(0);
        let (proofs, public_values) = part::in_order(parts, first, self.verifier.segment_key())?;
        let Some(public_values) = public_values else {
            let missing = Seat::Segment(u32::try_from(parts.len()).unwrap_or(u32::MAX));
            return Err(missing.foreign("the segment in which the program ends is missing"));
        };
        let payload = payload::encode(&proofs, &public_values)
            .map_err(|error| ProveError::Internal { reason: error.to_string() })?;
        Ok(envelope::seal(&verify::address(), &payload))
    }
}

impl ProofVerifier for OpenVm {
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        self.verifier.verify(proof)
    }
}

impl Zkvm for OpenVm {
    fn name(&self) -> &str {
        NAME
    }

    fn image_id(&self, elf: &[u8]) -> Result<ImageId, NotAProgram> {
        let program = self.program(elf)?;
        let commitment = program.commitment(&self.blueprint);
        let exe = commitment.map_err(|reason| NotAProgram { reason })?.exe;
        Ok(verify::image_id(&exe))
    }

    fn execute_streaming(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
        found: &mut dyn FnMut(Segment) -> ControlFlow<()>,
    ) -> Result<Execution, ExecuteError> {
        let program = self.program(elf)?;
        execute::execute(&self.blueprint, &program, stdin, limits, found)
    }

    fn prove_segment(
        &self,
        elf: &[u8],
        stdin: &[u8],
        segment: &Segment,
    ) -> Result<Bytes, ProveError> {
        let program = self.program(elf)?;
        let last_run = &self.last_run;
        prove::prove_segment(&self.blueprint, &program, stdin, segment, last_run)?.encode()
    }

    fn joining(&self, kind: ProofKind) -> Option<Joining> {
        match kind {
            ProofKind::Composite => Some(Joining::FLAT),
            ProofKind::Compressed => None,
        }
    }

    fn join(
        &self,
        kind: ProofKind,
        place: JoinPlace,
        parts: &[Bytes],
    ) -> Result<Bytes, ProveError> {
        let joining = self.joining(kind).ok_or(ProveError::NoSuchKind(kind))?;
        joining.check(place, parts.len())?;
        match kind {
            ProofKind::Composite => self.join_composite(place, parts),
            ProofKind::Compressed => Err(ProveError::NoSuchKind(kind)),
        }
    }

    fn check(&self, elf: &[u8], part: Part<'_>, proof: &[u8]) -> Result<(), VerifyError> {
        let program = self.program(elf).map_err(part::invalid)?;
        let commitment = program.commitment(&self.blueprint).map_err(part::invalid)?;
        match part {
            Part::Segment(segment) => {
                let plan: Plan = postcard::from_bytes(&segment.plan).map_err(part::invalid)?;
                self.verifier.check_segment(segment.index, plan.last, commitment, proof)
            }
            Part::Joined { .. } => Err(part::invalid("there are no joins of this kind")),
        }
    }
}
