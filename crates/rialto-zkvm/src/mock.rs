//! A zkVM that proves nothing, to test what is built upon zkVMs: nodes, queues, attesters.
//!
//! Programs are scripts given as Rust functions. Proofs are envelopes with a tag of their own
//! and the claim in plain sight: [`MockZkvm`] believes them, every real verifier refuses them.
//! On their way they are as particular as real ones: a part says what it is of and where it
//! belongs, and fits nowhere else.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::{ControlFlow, Range};

use bytes::Bytes;
use rialto_protocol::{Cycles, ImageId, Journal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::envelope::{self, Address};
use crate::{
    ExecuteError, Execution, ExecutionLimits, JoinPlace, Joining, NotAProgram, Part, ProofKind,
    ProofVerifier, ProveError, Segment, VerifiedClaim, VerifyError, Zkvm,
};

const ADDRESS: Address = Address { zkvm: *b"mock\0\0\0\0", parameters: [0; 32] };
const PROOF_BYTES_MAX: usize = 1 << 20;

/// How compressed proofs are joined: by threes, then by twos, in two levels at least.
const COMPRESSING: Joining = Joining {
    leaf_arity: NonZeroU32::new(3).expect("it is not zero"),
    arity: NonZeroU32::new(2).expect("it is not zero"),
    levels_min: 2,
};

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

/// What a finished proof says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    image_id: ImageId,
    journal: Vec<u8>,
}

/// What a proof says before it is finished.
#[derive(Serialize, Deserialize)]
struct Piece {
    claim: Claim,
    /// Nothing for a segment's proof.
    joined: Option<(ProofKind, u8)>,
    /// Its place among those of its level.
    index: u32,
    /// The segments that it is of.
    segments: Range<u32>,
    /// Whether the program ends in it.
    last: bool,
}

impl Piece {
    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        match postcard::take_from_bytes(bytes) {
            Ok((piece, [])) => Ok(piece),
            Ok(_) => Err(malformed("there are bytes left over")),
            Err(error) => Err(malformed(error)),
        }
    }

    fn check(&self, joined: Option<(ProofKind, u8)>, index: u32) -> Result<(), VerifyError> {
        if (self.joined, self.index) != (joined, index) {
            return Err(invalid("it belongs elsewhere"));
        }
        Ok(())
    }
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
        let Claim { image_id, journal } = postcard::from_bytes(payload).map_err(malformed)?;
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

    fn execute_streaming(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
        found: &mut dyn FnMut(Segment) -> ControlFlow<()>,
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
        let count = segments.len();
        let segments = (0..).zip(segments).map(|(index, cycles)| {
            let last = index as usize + 1 == count;
            Segment { index, cycles, plan: vec![u8::from(last)].into() }
        });
        let segments: Vec<_> = segments.collect();
        if segments.iter().any(|segment| found(segment.clone()).is_break()) {
            return Err(ExecuteError::Stopped);
        }
        Ok(Execution { cycles, segments, journal: Journal(journal.into()) })
    }

    fn prove_segment(
        &self,
        elf: &[u8],
        stdin: &[u8],
        segment: &Segment,
    ) -> Result<Bytes, ProveError> {
        if let Some(hook) = &self.segment_hook {
            hook(segment)?;
        }
        let claim = Claim { image_id: self.image_id(elf)?, journal: self.run(elf, stdin)?.journal };
        let segments = segment.index..segment.index.saturating_add(1);
        let last = is_last(segment);
        encode(&Piece { claim, joined: None, index: segment.index, segments, last })
    }

    fn joining(&self, kind: ProofKind) -> Option<Joining> {
        match kind {
            ProofKind::Composite => Some(Joining::FLAT),
            ProofKind::Compressed => Some(COMPRESSING),
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
        let below = place.level.checked_sub(1);
        let mut whole: Option<Piece> = None;
        for (index, part) in (joining.first_part(place)..).zip(parts) {
            let foreign = |reason: String| match below {
                None => ProveError::ForeignSegment { index, reason },
                Some(level) => ProveError::ForeignJoin { level, index, reason },
            };
            let piece = Piece::decode(part).map_err(|error| foreign(error.to_string()))?;
            piece
                .check(below.map(|level| (kind, level)), index)
                .map_err(|error| foreign(error.to_string()))?;
            whole = Some(match whole {
                None => piece,
                Some(whole)
                    if whole.claim == piece.claim
                        && whole.segments.end == piece.segments.start
                        && !whole.last =>
                {
                    let segments = whole.segments.start..piece.segments.end;
                    Piece { segments, last: piece.last, ..whole }
                }
                Some(_) => return Err(foreign("it does not follow the one before it".into())),
            });
        }
        let whole = whole.expect("the joining allows no join without parts");
        if !place.is_top {
            let joined = Some((kind, place.level));
            return encode(&Piece { joined, index: place.index, ..whole });
        }
        if !whole.last {
            let index = whole.segments.end;
            return Err(ProveError::ForeignSegment { index, reason: "it is missing".into() });
        }
        Ok(envelope::seal(&ADDRESS, &encode(&whole.claim)?))
    }

    fn check(&self, elf: &[u8], part: Part<'_>, proof: &[u8]) -> Result<(), VerifyError> {
        let piece = Piece::decode(proof)?;
        if Ok(piece.claim.image_id) != self.image_id(elf) {
            return Err(invalid("it is of another program"));
        }
        match part {
            Part::Segment(segment) if is_last(segment) != piece.last => {
                Err(invalid("it ends elsewhere"))
            }
            Part::Segment(segment) => piece.check(None, segment.index),
            Part::Joined { kind, place } => piece.check(Some((kind, place.level)), place.index),
        }
    }
}

fn is_last(segment: &Segment) -> bool {
    segment.plan.first() == Some(&1)
}

fn encode(value: &impl Serialize) -> Result<Bytes, ProveError> {
    let bytes = postcard::to_allocvec(value);
    Ok(bytes.map_err(|error| ProveError::Internal { reason: error.to_string() })?.into())
}

fn malformed(reason: impl ToString) -> VerifyError {
    VerifyError::Malformed { reason: reason.to_string() }
}

fn invalid(reason: impl ToString) -> VerifyError {
    VerifyError::Invalid { reason: reason.to_string() }
}
