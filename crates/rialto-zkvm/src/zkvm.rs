//! The port to a proof system: what every zkVM can do, in words that belong to none.
//!
//! A program is an ELF, its input is bytes, its output is a journal. An execution splits into
//! segments, each provable on its own and in any order; their proofs join into one, by a tree
//! of [joins](Joining) that differs by [kind of proof](ProofKind). What a segment's plan, its
//! proof and a join of proofs look like is the zkVM's own business: they are opaque bytes here,
//! so they can be stored, sent and retried by code that knows no zkVM. A zkVM that cannot
//! split has one segment.
//!
//! Programs, inputs and proofs come from strangers. Every operation returns an error for bad
//! ones; none panics, and each is bounded by the limits it is given.

use std::ops::ControlFlow;

use alloy_primitives::hex;
use bytes::Bytes;
use rialto_protocol::{ClaimDigest, Cycles, ImageId, Journal, claim_digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{JoinPlace, Joining};

/// Says whether a proof holds, and for what. All that an attester needs of a zkVM.
pub trait ProofVerifier: Send + Sync {
    /// What `proof` proves.
    ///
    /// # Errors
    /// If it proves nothing, whatever the bytes are.
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError>;
}

/// A proof system. Calls block for as long as they compute, proving for seconds to minutes
/// per segment: an async caller gives them a thread of their own.
pub trait Zkvm: ProofVerifier {
    /// The zkVM and the parameter set, for people and for naming jobs. Two zkVMs whose proofs
    /// differ have different names.
    fn name(&self) -> &str;

    /// The commitment that names the program `elf` under this zkVM.
    ///
    /// # Errors
    /// If it is no program of this zkVM.
    fn image_id(&self, elf: &[u8]) -> Result<ImageId, NotAProgram>;

    /// Runs `elf` on `stdin` without proving: what it would cost and what it would say. It is
    /// deterministic; a run that succeeds here can be proven.
    ///
    /// # Errors
    /// If the program refuses its input, is no program, or reaches a limit.
    fn execute(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
    ) -> Result<Execution, ExecuteError> {
        self.execute_streaming(elf, stdin, limits, &mut |_| ControlFlow::Continue(()))
    }

    /// [Runs](Self::execute) `elf` on `stdin` and tells `found` of each segment as soon as it
    /// is known, in their order, so that proving can begin while the execution goes on. If the
    /// execution fails in the end, the segments were found for nothing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and [`ExecuteError::Stopped`] if `found` breaks.
    fn execute_streaming(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
        found: &mut dyn FnMut(Segment) -> ControlFlow<()>,
    ) -> Result<Execution, ExecuteError>;

    /// Proves one segment of an execution, independently of the others. `segment` is one that
    /// `execute` gave for the same program and input; another's is an error at the latest when
    /// the proofs are joined. The proof is good for joining, not for verifying a claim.
    ///
    /// # Errors
    /// If the segment does not belong to the execution or proving fails.
    fn prove_segment(
        &self,
        elf: &[u8],
        stdin: &[u8],
        segment: &Segment,
    ) -> Result<Bytes, ProveError>;

    /// The tree by which proofs of segments become one of this kind; nothing if the zkVM makes
    /// no such proofs.
    fn joining(&self, kind: ProofKind) -> Option<Joining>;

    /// Does one join of that tree: `parts` are the proofs of its segments, or the results of
    /// its joins of the level below, in their order. The result of the last join is the proof
    /// in its envelope.
    ///
    /// # Errors
    /// If there is no such join, or a part is malformed, missing, or another's.
    fn join(&self, kind: ProofKind, place: JoinPlace, parts: &[Bytes])
    -> Result<Bytes, ProveError>;

    /// Whether `proof` is what `part` asks for, as far as one proof can tell: it holds, it is of
    /// the program `elf`, it begins where the program begins if it is the first, and ends with
    /// the program if it is the last. That it follows its neighbours, and that the input is the
    /// right one, is seen when it is joined with them. Takes milliseconds once the program is
    /// known; for whoever accepts the work of others.
    ///
    /// # Errors
    /// If it is not, whatever the bytes are.
    fn check(&self, elf: &[u8], part: Part<'_>, proof: &[u8]) -> Result<(), VerifyError>;

    /// Executes, proves every segment, joins, and verifies what came out. `watch` is told of
    /// each step before it is taken and can stop there.
    ///
    /// # Errors
    /// If a step fails, `watch` breaks, or the finished proof does not say what the execution
    /// said: a proof that nobody would accept is never returned.
    fn prove(
        &self,
        elf: &[u8],
        stdin: &[u8],
        limits: &ExecutionLimits,
        kind: ProofKind,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Bytes, ProveError> {
        let mut step = |progress| match watch(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ProveError::Cancelled),
        };
        let joining = self.joining(kind).ok_or(ProveError::NoSuchKind(kind))?;
        step(Progress::Executing)?;
        let execution = self.execute(elf, stdin, limits)?;
        let mut proofs = Vec::with_capacity(execution.segments.len());
        let mut cycles_done = Cycles(0);
        for segment in &execution.segments {
            step(Progress::Proving {
                segments_done: proofs.len(),
                segments: execution.segments.len(),
                cycles_done,
                cycles: execution.cycles,
            })?;
            proofs.push(self.prove_segment(elf, stdin, segment)?);
            cycles_done.0 += segment.cycles.0;
        }
        let proof = joining.fold(proofs, |place, parts| {
            step(Progress::Joining)?;
            self.join(kind, place, parts)
        })?;
        let claim = self.verify(&proof)?;
        let image_id = self.image_id(elf)?;
        if claim.image_id != image_id || claim.journal != execution.journal {
            return Err(ProveError::ClaimMismatch);
        }
        Ok(proof)
    }
}

/// What a proof is to be [checked](Zkvm::check) as.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// The proof of this segment.
    Segment(&'a Segment),
    /// What a join gave that is not the last of its tree.
    Joined {
        /// The kind of proof that it is to become.
        kind: ProofKind,
        /// Where in the tree.
        place: JoinPlace,
    },
}

/// What an execution may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExecutionLimits {
    /// Instructions. A program that would execute more is stopped.
    pub cycles_max: Cycles,
    /// Guest memory in bytes, the program itself included.
    pub memory_max_bytes: u64,
    /// The journal's length in bytes.
    pub journal_max_bytes: u64,
}

/// A program that ran to its successful end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Instructions executed: the sum of the segments'.
    pub cycles: Cycles,
    /// What there is to prove, in order; never empty.
    pub segments: Vec<Segment>,
    /// The program's public output.
    pub journal: Journal,
}

/// A stretch of an execution that is proven on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its place among the segments, from 0.
    pub index: u32,
    /// Instructions in it.
    pub cycles: Cycles,
    /// What the zkVM needs to find and prove it again; opaque to everybody else.
    pub plan: Bytes,
}

/// How much the proofs of an execution's segments are made into one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// They stay side by side: the least work, and as large as there are segments.
    #[default]
    Composite,
    /// One proof by recursion, as large for many segments as for few.
    Compressed,
}

/// How far a proof has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The program runs once without proving, to find the segments.
    Executing,
    /// Segments are being proven.
    Proving {
        /// Segments whose proof is finished.
        segments_done: usize,
        /// All segments.
        segments: usize,
        /// Instructions in the finished ones.
        cycles_done: Cycles,
        /// Instructions in all.
        cycles: Cycles,
    },
    /// Every segment is proven; their proofs become one, by one join or more, and are verified.
    Joining,
}

impl Progress {
    /// The part of the proving that is done, in thousandths: for display and rough estimates.
    pub fn permille(self) -> u32 {
        match self {
            Self::Executing => 0,
            Self::Proving { cycles_done, cycles, .. } => {
                let share = u128::from(cycles_done.0) * 1000 / u128::from(cycles.0.max(1));
                u32::try_from(share).unwrap_or(1000).min(1000)
            }
            Self::Joining => 1000,
        }
    }
}

/// What a verified proof says: the program `image_id` ended successfully with `journal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedClaim {
    /// The program, derived from the proof itself.
    pub image_id: ImageId,
    /// Its public output.
    pub journal: Journal,
    /// Binds both; what a seal is about.
    pub claim_digest: ClaimDigest,
}

impl VerifiedClaim {
    /// The claim of these two.
    pub fn new(image_id: ImageId, journal: Journal) -> Self {
        let claim_digest = claim_digest(image_id, &journal);
        Self { image_id, journal, claim_digest }
    }
}

/// The bytes are not a program of this zkVM.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the program is not an executable of this zkVM: {reason}")]
pub struct NotAProgram {
    /// What is wrong with it.
    pub reason: String,
}

/// Why an execution gave no result. All but [`Internal`](Self::Internal) and
/// [`Stopped`](Self::Stopped) are the fault of the program or its input and will happen again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExecuteError {
    /// The bytes are not a program.
    #[error(transparent)]
    NotAProgram(#[from] NotAProgram),
    /// The program refused its input. The message is the program's own words: shown to
    /// people, never acted upon.
    #[error("the program refused its input: {message}")]
    GuestPanicked {
        /// What it said, without control characters and cut to a few kilobytes.
        message: String,
    },
    /// The program did what a program must not: an illegal instruction, a read past the end
    /// of its input, an address outside of its memory.
    #[error("the program broke down: {reason}")]
    Trapped {
        /// What it did.
        reason: String,
    },
    /// The program did not end within the limit.
    #[error("the program does not end within {limit} cycles")]
    CycleLimit {
        /// The limit that would have to be raised.
        limit: Cycles,
    },
    /// The program needs more memory than the limit.
    #[error("the program needs more than {limit_bytes} bytes of memory")]
    MemoryLimit {
        /// The limit that would have to be raised.
        limit_bytes: u64,
    },
    /// The program's journal is longer than the limit.
    #[error("the program's journal has {bytes} bytes, the limit is {limit_bytes}")]
    JournalTooLong {
        /// The journal's length.
        bytes: u64,
        /// The limit that would have to be raised.
        limit_bytes: u64,
    },
    /// The program ended without committing a journal in the agreed form.
    #[error("the program's public values are not a journal: {reason}")]
    MalformedJournal {
        /// What is wrong with them.
        reason: String,
    },
    /// Whoever was told of the segments asked to stop.
    #[error("the execution was stopped")]
    Stopped,
    /// The zkVM itself failed; the program may be blameless.
    #[error("the zkVM failed to execute the program: {reason}")]
    Internal {
        /// What the zkVM said.
        reason: String,
    },
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The execution before the proof failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// Whoever watched asked to stop.
    #[error("proving was cancelled")]
    Cancelled,
    /// The segment or its proof is not one of this execution.
    #[error("segment {index} does not fit the execution: {reason}")]
    ForeignSegment {
        /// The segment's index.
        index: u32,
        /// What does not fit.
        reason: String,
    },
    /// A part of a join is not the result of the join that it should be.
    #[error("join {index} of level {level} does not fit: {reason}")]
    ForeignJoin {
        /// The level of the join that should have given the part.
        level: u8,
        /// Its index.
        index: u32,
        /// What does not fit.
        reason: String,
    },
    /// The tree of joins has no join like this.
    #[error("there is no join {index} of level {level} like this: {reason}", index = place.index, level = place.level)]
    NoSuchJoin {
        /// Where it was to be.
        place: JoinPlace,
        /// Why it cannot be there.
        reason: String,
    },
    /// The zkVM does not make proofs of this kind.
    #[error("the zkVM makes no {0:?} proofs")]
    NoSuchKind(ProofKind),
    /// The zkVM failed to prove.
    #[error("the zkVM failed to prove: {reason}")]
    Internal {
        /// What the zkVM said.
        reason: String,
    },
    /// The finished proof did not verify.
    #[error("the finished proof was refused")]
    SelfCheck(#[from] VerifyError),
    /// The finished proof is for another program or another journal.
    #[error("the finished proof claims something other than the execution gave")]
    ClaimMismatch,
}

impl From<NotAProgram> for ProveError {
    fn from(error: NotAProgram) -> Self {
        Self::Execute(error.into())
    }
}

/// Why a proof is refused. Each says something about the bytes, never about the verifier: a
/// refused proof will be refused again by everybody with the same parameters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The bytes are not a proof envelope.
    #[error("not a proof: {reason}")]
    NotAProof {
        /// What is missing or too much.
        reason: &'static str,
    },
    /// The envelope has a version that this software does not read.
    #[error("proof format {0} is unknown, this software reads format {known}", known = crate::envelope::VERSION)]
    UnknownVersion(u16),
    /// The proof is of another zkVM.
    #[error("the proof is of another zkVM: {0}")]
    OtherZkvm(String),
    /// The proof is of this zkVM but under other parameters.
    #[error("the proof is made under other parameters: 0x{}", hex::encode(.0))]
    OtherParameters([u8; 32]),
    /// The proof is longer than any that this verifier reads.
    #[error("the proof has {bytes} bytes, at most {limit_bytes} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The proof does not decode.
    #[error("the proof does not decode: {reason}")]
    Malformed {
        /// Where it broke.
        reason: String,
    },
    /// The proof decodes but does not hold.
    #[error("the proof does not hold: {reason}")]
    Invalid {
        /// What the zkVM's verifier said.
        reason: String,
    },
    /// The proof holds, but its public values are not a journal in the agreed form.
    #[error("the proven public values are not a journal: {reason}")]
    MalformedJournal {
        /// What is wrong with them.
        reason: String,
    },
}
