//! A zkVM that proves nothing, to test what is built upon zkVMs: nodes, queues, attesters.
//!
//! Programs are scripts given as Rust functions. Proofs are envelopes with a tag of their own
//! and the claim in plain sight: [`MockZkvm`] believes them, every real verifier refuses them.

use std::collections::HashMap;

use bytes::Bytes;
use rialto_protocol::{Cycles, ImageId, Journal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::envelope::{self, Address};
use crate::{
    ExecuteError, Execution, ExecutionLimits, NotAProgram, ProofVerifier, ProveError, Segment,
    SegmentProof, VerifiedClaim, VerifyError, Zkvm,
};

const ADDRESS: Address = Address { zkvm: *b"mock\0\0\0\0", parameters: [0; 32] };
const PROOF_BYTES_MAX: usize = 1 << 20;

/// How a scripted run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockRun {
    /// Instructions in each segment; at least one segment.
    pub segments: Vec<Cycles>,
    /// The program's public output.
    pub journal: Vec<u8>,
}

type Script = Box<dyn Fn(&[u8]) -> Result<MockRun, ExecuteError> + Send + Sync>;
type SegmentHook = Box<dyn Fn(&Segment) -> Result<(), ProveError> + Send + Sync>;

/// The mock. What has no script is no program.
#[derive(Default)]
pub struct MockZkvm {
    scripts: HashMap<Vec<u8>, Script>,
    segment_hook: Option<SegmentHook>,
    memory_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Part {
    image_id: ImageId,
    journal: Vec<u8>,
}

impl MockZkvm {
    /// A zkVM without any program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `elf` a program that ends as `script` says for its input.
    pub fn with_program(
        mut self,
        elf: impl Into<Vec<u8>>,
        script: impl Fn(&[u8]) -> Result<MockRun, ExecuteError> + Send + Sync + 'static,
    ) -> Self {
        self.scripts.insert(elf.into(), Box::new(script));
        self
    }

    /// Has every program ask for so much memory.
    pub fn with_memory(self, memory_bytes: u64) -> Self {
        Self { memory_bytes, ..self }
    }

    /// Has `hook` called where a segment would be proven: it can wait, count, fail or panic.
    pub fn with_segment_hook(
        mut self,
        hook: impl Fn(&Segment) -> Result<(), ProveError> + Send + Sync + 'static,
    ) -> Self {
        self.segment_hook = Some(Box::new(hook));
        self
    }

    fn run(&self, elf: &[u8], stdin: &[u8]) -> Result<MockRun, ExecuteError> {
        let reason = || NotAProgram { reason: "the mock has no script for it".to_owned() };
        self.scripts.get(elf).ok_or_else(reason)?(stdin)
    }
}

impl ProofVerifier for MockZkvm {
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        let payload = envelope::open(&ADDRESS, PROOF_BYTES_MAX, proof)?;
        let Part { image_id, journal } = postcard::from_bytes(payload)
            .map_err(|error| VerifyError::Malformed { reason: error.to_string() })?;
        Ok(VerifiedClaim::new(image_id, Journal(journal.into())))
    }
}

impl Zkvm for MockZkvm {
    fn name(&self) -> &str {
        "mock"
    }

    fn image_id(&self, elf: &[u8]) -> Result<ImageId, NotAProgram> {
        if !self.scripts.contains_key(elf) {
            return Err(NotAProgram { reason: "the mock has no script for it".to_owned() });
        }
        let digest: [u8; 32] =
            Sha256::new().chain_update("mock").chain_update(elf).finalize().into();
        Ok(ImageId(digest.into()))
    }

    fn execute(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
    ) -> Result<Execution, ExecuteError> {
        let MockRun { segments, journal } = self.run(elf, stdin)?;
        let cycles = Cycles(segments.iter().map(|cycles| cycles.0).sum());
        if cycles > limits.cycles_max {
            return Err(ExecuteError::CycleLimit { limit: limits.cycles_max });
        }
        if self.memory_bytes > limits.memory_max_bytes {
            return Err(ExecuteError::MemoryLimit { limit_bytes: limits.memory_max_bytes });
        }
        let bytes = journal.len() as u64;
        if bytes > limits.journal_max_bytes {
            let limit_bytes = limits.journal_max_bytes;
            return Err(ExecuteError::JournalTooLong { bytes, limit_bytes });
        }
        let segments = (0..).zip(segments);
        let segments =
            segments.map(|(index, cycles)| Segment { index, cycles, plan: Bytes::new() });
        let journal = Journal(journal.into());
        Ok(Execution { cycles, segments: segments.collect(), journal })
    }

    fn prove_segment(
        &self,
        elf: &[u8],
        stdin: &[u8],
        segment: &Segment,
    ) -> Result<SegmentProof, ProveError> {
        if let Some(hook) = &self.segment_hook {
            hook(segment)?;
        }
        let part = Part { image_id: self.image_id(elf)?, journal: self.run(elf, stdin)?.journal };
        let bytes = postcard::to_allocvec(&part)
            .map_err(|error| ProveError::Internal { reason: error.to_string() })?;
        Ok(SegmentProof(bytes.into()))
    }

    fn join(&self, segments: &[SegmentProof]) -> Result<Bytes, ProveError> {
        let missing =
            || ProveError::ForeignSegment { index: 0, reason: "it is missing".to_owned() };
        let SegmentProof(part) = segments.last().ok_or_else(missing)?;
        Ok(envelope::seal(&ADDRESS, part))
    }
}
