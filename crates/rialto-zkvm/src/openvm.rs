//! OpenVM behind the ports: RISC-V, segments, pure Rust, nothing to download.
//!
//! A composite proof is OpenVM's app proof: one STARK per segment and the public values. A
//! compressed one is one STARK that those hold. Both have 100 bits of proven security. Only this
//! module names OpenVM.

mod compress;
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
use crate::keys::{KeyOrigin, KeyStore, Lazily};
use crate::{
    ExecuteError, Execution, ExecutionLimits, JoinPlace, Joining, NotAProgram, Part, ProofKind,
    ProofVerifier, ProveError, Segment, VerifiedClaim, VerifyError, Zkvm,
};
use compress::Compressor;
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
    keys: KeyStore,
    compressor: Lazily<Compressor>,
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
        match OpenVmVerifier::checked(key.get_app_vk(), origin, keys) {
            Err(KeyError::Unexpected { .. }) if origin == KeyOrigin::Loaded => {
                let key = make()?;
                let made = KeyOrigin::Made;
                let verifier = OpenVmVerifier::checked(key.get_app_vk(), made, keys)?;
                Ok(Self::with(key, verifier, keys))
            }
            verifier => Ok(Self::with(key, verifier?, keys)),
        }
    }

    fn with(key: ProvingKey, verifier: OpenVmVerifier, keys: &KeyStore) -> Self {
        let segment_memory_max_bytes = SEGMENT_MEMORY_MAX_BYTES;
        Self {
            blueprint: Blueprint { key, segment_memory_max_bytes },
            verifier,
            programs: Mutex::new(ProgramCache::new()),
            last_run: LastRun::default(),
            keys: keys.clone(),
            compressor: Lazily::default(),
        }
    }

    /// Cuts segments so that proving one takes at most `bytes` of memory by OpenVM's estimate,
    /// which is for GPUs: on a CPU expect twice as much and more. Half a gigabyte is the
    /// least that any segment is estimated at.
    pub fn with_segment_memory(mut self, bytes: usize) -> Self {
        self.blueprint.segment_memory_max_bytes = bytes;
        self
    }

    /// Loads what joins of this kind of proof need, or makes it, which takes minutes for
    /// compressed proofs: now and not when the first is asked for.
    ///
    /// # Errors
    /// If the keys are not those that this software was built for.
    pub fn prepare(&self, kind: ProofKind) -> Result<(), KeyError> {
        match kind {
            ProofKind::Composite => Ok(()),
            ProofKind::Compressed => self.compressor().map(drop),
        }
    }

    fn compressor(&self) -> Result<Arc<Compressor>, KeyError> {
        let load = || Compressor::load(&self.keys, self.verifier.segment_key());
        let compressor = self.compressor.get(load)?;
        self.verifier.keys_of_joins_from(|| Ok(compressor.keys().clone()))?;
        Ok(compressor)
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
        let public_values = public_values.ok_or_else(|| no_end(first, parts.len()))?;
        let payload = payload::encode(&proofs, &public_values).map_err(internal)?;
        Ok(envelope::seal(&verify::COMPOSITE, &payload))
    }

    fn join_compressed(&self, place: JoinPlace, parts: &[Bytes]) -> Result<Bytes, ProveError> {
        let compressor = self.compressor().map_err(internal)?;
        let index = compress::JOINING.first_part(place);
        let (first, key) = match place.level.checked_sub(1) {
            None => (Seat::Segment(index), self.verifier.segment_key()),
            Some(level) => (Seat::Join { level, index }, compressor.keys().of_level(level)),
        };
        let (proofs, public_values) = part::in_order(parts, first, key)?;
        if place.is_top && public_values.is_none() {
            return Err(no_end(first, parts.len()));
        }
        let proof = compressor.join(place, &proofs)?;
        match public_values {
            Some(values) if place.is_top => {
                Ok(envelope::seal(&verify::COMPRESSED, &compress::payload(&proof, &values)?))
            }
            public_values => {
                let seat = Seat::Join { level: place.level, index: place.index };
                part::Part { seat, proof, public_values }.encode()
            }
        }
    }
}

/// A proof of so many parts, the first of which is `first`, that stops before the program does.
fn no_end(first: Seat, parts: usize) -> ProveError {
    let missing = (0..parts).fold(first, |seat, _| seat.next());
    missing.foreign("the segment in which the program ends is missing")
}

fn internal(error: impl ToString) -> ProveError {
    ProveError::Internal { reason: error.to_string() }
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
            ProofKind::Compressed => Some(compress::JOINING),
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
            ProofKind::Compressed => self.join_compressed(place, parts),
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
            Part::Joined { kind: ProofKind::Compressed, place } if !place.is_top => {
                self.verifier.check_join(place, commitment, proof)
            }
            Part::Joined { .. } => Err(part::invalid("the last join makes a proof, not a part")),
        }
    }
}
