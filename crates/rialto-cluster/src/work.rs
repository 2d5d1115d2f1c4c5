//! Doing one task: everything that it reads is at hand, nothing here knows a store or a coordinator.

use crate::causes::on_one_line;
use crate::page::Page;
use crate::pager::Pager;
use crate::wire::{FaultName, TaskSpec};
use bytes::Bytes;
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::Fault;
use rialto_zkvm::{ExecuteError, ExecutionLimits, JoinPlace, ProofKind, ProveError, Segment, Zkvm};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// What people are told of a failure has at most so many characters.
const REASON_CHARACTERS_MAX: usize = 2_000;

/// A task with everything that it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// See [`TaskSpec::Execute`].
    Execute {
        /// The program.
        program: Bytes,
        /// Its input.
        input: Bytes,
        /// What it may use.
        limits: ExecutionLimits,
    },
    /// See [`TaskSpec::Prove`].
    Prove {
        /// The program.
        program: Bytes,
        /// Its input.
        input: Bytes,
        /// The segment.
        segment: Segment,
    },
    /// See [`TaskSpec::Join`].
    Join {
        /// What the proof of the whole shall be.
        proof: ProofKind,
        /// Where in the tree.
        place: JoinPlace,
        /// The proofs, in order.
        parts: Vec<Bytes>,
    },
    /// See [`TaskSpec::Verify`].
    Verify {
        /// The program.
        program: Bytes,
        /// What it said.
        journal: Bytes,
        /// The proof.
        proof: Bytes,
    },
}

/// What a task came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// An execution has ended; its pages were given before.
    Executed {
        /// How many segments there are.
        segments: u32,
        /// The program's public output.
        journal: Bytes,
    },
    /// A proof.
    Made(Bytes),
    /// The proof that was looked at says what it should.
    Verified {
        /// The length of the proof.
        bytes: u64,
    },
}

/// Why a task came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is.
    #[serde(with = "FaultName")]
    pub fault: Fault,
    /// What happened, for people: one line.
    pub reason: String,
}

impl Failure {
    /// Not the program's fault.
    pub fn of_worker(reason: impl Into<String>) -> Self {
        Self::new(Fault::Worker, reason.into())
    }

    fn new(fault: Fault, reason: String) -> Self {
        let visible = |it: char| if it.is_control() { ' ' } else { it };
        let reason = reason.chars().take(REASON_CHARACTERS_MAX).map(visible).collect();
        Self { fault, reason }
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        let fault = match error {
            ExecuteError::Internal { .. } | ExecuteError::Stopped => Fault::Worker,
            ExecuteError::NotAProgram(_)
            | ExecuteError::GuestPanicked { .. }
            | ExecuteError::Trapped { .. }
            | ExecuteError::CycleLimit { .. }
            | ExecuteError::MemoryLimit { .. }
            | ExecuteError::JournalTooLong { .. }
            | ExecuteError::MalformedJournal { .. } => Fault::Program,
        };
        Self::new(fault, on_one_line(&error))
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Execute(error) => error.into(),
            other => Self::of_worker(on_one_line(&other)),
        }
    }
}

impl TaskSpec {
    /// What it reads, in the order in which [`Order::of`] takes it.
    pub fn inputs(&self) -> Vec<ArtifactId> {
        match self {
            Self::Execute { program, input, .. } => vec![*program, *input],
            Self::Prove { program, input, page, .. } => vec![*program, *input, *page],
            Self::Join { parts, .. } => parts.clone(),
            Self::Verify { program, journal, proof } => vec![*program, *journal, *proof],
        }
    }
}

impl Order {
    /// The task with what [`TaskSpec::inputs`] names.
    ///
    /// # Errors
    /// If something is not what it should be.
    pub fn of(task: &TaskSpec, inputs: &[Bytes]) -> Result<Self, Failure> {
        let own = |at: usize| inputs[at].clone();
        match task {
            TaskSpec::Execute { limits, .. } => {
                Ok(Self::Execute { program: own(0), input: own(1), limits: *limits })
            }
            TaskSpec::Prove { page, segment, .. } => {
                let wrong = |what: String| Failure::of_worker(format!("page {page}: {what}"));
                let read =
                    Page::from_bytes(&inputs[2]).map_err(|error| wrong(error.to_string()))?;
                let found = read.segment(*segment).cloned();
                let missing = || wrong(format!("segment {segment} is not in it"));
                let segment = found.ok_or_else(missing)?;
                Ok(Self::Prove { program: own(0), input: own(1), segment })
            }
            TaskSpec::Join { proof, level, index, is_top, .. } => {
                let place = JoinPlace { level: *level, index: *index, is_top: *is_top };
                Ok(Self::Join { proof: *proof, place, parts: inputs.to_vec() })
            }
            TaskSpec::Verify { .. } => {
                Ok(Self::Verify { program: own(0), journal: own(1), proof: own(2) })
            }
        }
    }

    /// Does it. Blocks for as long as it computes. `found` is given the pages of an execution as they are found, and can
    /// stop it.
    ///
    /// # Errors
    /// If there is no result.
    pub fn compute(
        &self,
        zkvm: &dyn Zkvm,
        found: &mut dyn FnMut(Page) -> ControlFlow<()>,
    ) -> Result<Product, Failure> {
        match self {
            Self::Execute { program, input, limits } => {
                execute(zkvm, (program, input), limits, found)
            }
            Self::Prove { program, input, segment } => {
                Ok(Product::Made(zkvm.prove_segment(program, input, segment)?))
            }
            Self::Join { proof, place, parts } => {
                Ok(Product::Made(zkvm.join(*proof, *place, parts)?))
            }
            Self::Verify { program, journal, proof } => verify(zkvm, program, journal, proof),
        }
    }
}

fn execute(
    zkvm: &dyn Zkvm,
    (program, input): (&Bytes, &Bytes),
    limits: &ExecutionLimits,
    found: &mut dyn FnMut(Page) -> ControlFlow<()>,
) -> Result<Product, Failure> {
    let (mut pager, mut broken) = (Pager::default(), None);
    let execution =
        zkvm.execute_streaming(program, input, limits, &mut |segment| match pager.push(segment) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(page)) => found(page),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        });
    let not_a_page =
        |error| Failure::of_worker(format!("the zkVM lost count of segments: {error}"));
    if let Some(error) = broken {
        return Err(not_a_page(error));
    }
    let execution = execution?;
    if let Some(page) = pager.close().map_err(not_a_page)? {
        let stopped = found(page).is_break();
        if stopped {
            return Err(ExecuteError::Stopped.into());
        }
    }
    let segments = u32::try_from(execution.segments.len());
    let segments = segments.map_err(|_| Failure::of_worker("more segments than can be counted"))?;
    Ok(Product::Executed { segments, journal: execution.journal.0.into() })
}

fn verify(
    zkvm: &dyn Zkvm,
    program: &[u8],
    journal: &[u8],
    proof: &[u8],
) -> Result<Product, Failure> {
    let refused = |error| Failure::of_worker(format!("the proof is refused: {error}"));
    let claim = zkvm.verify(proof).map_err(refused)?;
    let image_id = zkvm.image_id(program).map_err(ExecuteError::from)?;
    if claim.image_id != image_id {
        let other = claim.image_id;
        let reason = format!("the proof is of program {other:?}, not of {image_id:?}");
        return Err(Failure::of_worker(reason));
    }
    if *claim.journal.0 != *journal {
        return Err(Failure::of_worker("the proof is for another journal than the execution gave"));
    }
    Ok(Product::Verified { bytes: proof.len() as u64 })
}
