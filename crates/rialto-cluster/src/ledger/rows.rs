//! What the tables hold, as values of the rules and back.

use super::LedgerError;
use super::sql::{Columns, Value, int};
use crate::wire::Stored;
use alloy_primitives::{B256, U256};
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{
    Fault, Generation, JobName, JobSpec, Lease, Shape, Task, TaskState, TenantId, Work, WorkerId,
};
use rialto_protocol::{Cycles, Time, Wei};
use rialto_zkvm::{ExecutionLimits, ProofKind};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use std::num::NonZeroU32;

/// A job as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// The proof system and its parameters.
    pub engine: String,
    /// What its proof shall be.
    pub proof: ProofKind,
    /// The program.
    pub program: Stored,
    /// Its input.
    pub input: Stored,
    /// What its execution may use.
    pub limits: ExecutionLimits,
    /// The most segments that it may have.
    pub segments_max: NonZeroU32,
    /// Whose it is.
    pub tenant: String,
    /// When the proof has to be there.
    pub due: Time,
    /// What the proof is worth.
    pub value: Wei,
}

/// How proofs are joined: [`Shape`]'s three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joins {
    /// Proofs of segments that one of the lowest level joins.
    pub leaf_arity: NonZeroU32,
    /// Proofs that one of the others joins; at least 2.
    pub arity: u32,
    /// Levels that there are at least; at least 1.
    pub levels_min: u8,
}

impl Joins {
    /// As the rules have it; nothing if it does not narrow.
    pub fn shape(self) -> Option<Shape> {
        Shape::tree(self.leaf_arity, self.arity, self.levels_min)
    }
}

/// A job that has not ended, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRow {
    pub(crate) name: JobName,
    pub(crate) asked: NewJob,
    pub(crate) joins: Joins,
    pub(crate) submitted: Time,
    pub(crate) resumes: bool,
    pub(crate) found: u32,
    pub(crate) segments: Option<NonZeroU32>,
    pub(crate) journal: Option<ArtifactId>,
    pub(crate) cycles: u64,
    pub(crate) proven: u32,
    pub(crate) cycles_proven: u64,
    pub(crate) ready: u32,
}

pub(super) const JOB_COLUMNS: &str = "job, engine, proof, program, program_bytes, input, input_bytes, journal, \
    cycles_max, memory_max, journal_max, leaf_arity, arity, levels_min, segments_max, tenant, due, value, \
    submitted, resumes, found, segments, cycles, proven, cycles_proven, ready";

impl JobRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self, LedgerError> {
        let mut it = Columns::of(row);
        let name = JobName(B256::new(it.digest()?));
        let engine = it.text()?;
        let proof = proof_kind(&it.text()?)?;
        let program = stored(&mut it)?;
        let input = stored(&mut it)?;
        let journal = it.maybe_digest()?.map(ArtifactId);
        let limits = ExecutionLimits {
            cycles_max: Cycles(it.count()?),
            memory_max_bytes: it.count()?,
            journal_max_bytes: it.count()?,
        };
        let joins = joins(&mut it)?;
        let segments_max = some(it.small()?)?;
        let (tenant, due) = (it.text()?, Time(it.count()?));
        let value = Wei(U256::from_be_bytes(it.digest()?));
        let asked =
            NewJob { engine, proof, program, input, limits, segments_max, tenant, due, value };
        Ok(Self {
            name,
            asked,
            joins,
            submitted: Time(it.count()?),
            resumes: it.int()? != 0,
            found: it.small()?,
            segments: it.maybe_int()?.map(|it| some(u32::try_from(it).unwrap_or(0))).transpose()?,
            journal,
            cycles: it.count()?,
            proven: it.small()?,
            cycles_proven: it.count()?,
            ready: it.small()?,
        })
    }

    pub(super) fn write(&self) -> Vec<Value> {
        let NewJob { engine, proof, program, input, limits, segments_max, tenant, due, value } =
            &self.asked;
        vec![
            self.name.0.as_slice().into(),
            engine.as_str().into(),
            proof_text(*proof).into(),
            program.id.0.as_slice().into(),
            int(program.bytes),
            input.id.0.as_slice().into(),
            int(input.bytes),
            Value::MaybeBytes(self.journal.map(|it| it.0.to_vec())),
            int(limits.cycles_max.0),
            int(limits.memory_max_bytes),
            int(limits.journal_max_bytes),
            self.joins.leaf_arity.get().into(),
            self.joins.arity.into(),
            u32::from(self.joins.levels_min).into(),
            segments_max.get().into(),
            tenant.as_str().into(),
            int(due.0),
            value.0.to_be_bytes::<32>().as_slice().into(),
            int(self.submitted.0),
            u32::from(self.resumes).into(),
            self.found.into(),
            Value::MaybeInt(self.segments.map(|it| i64::from(it.get()))),
            int(self.cycles),
            self.proven.into(),
            int(self.cycles_proven),
            self.ready.into(),
        ]
    }

    pub(crate) fn spec(&self) -> Result<JobSpec, LedgerError> {
        let shape = self.joins.shape();
        Ok(JobSpec {
            shape: shape.ok_or_else(|| LedgerError::corrupt("a tree that does not narrow"))?,
            segments_max: self.asked.segments_max,
            tenant: tenant_id(&self.asked.tenant),
            due: self.asked.due,
            value: self.asked.value,
        })
    }
}

/// A tenant's number: the first eight bytes of its name's SHA-256.
pub(crate) fn tenant_id(name: &str) -> TenantId {
    let digest: [u8; 32] = Sha256::digest(name).into();
    TenantId(u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes")))
}

/// What is kept of a task beside what the rules ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Instructions, of a segment.
    pub(crate) cycles: u64,
    /// What holds the segment.
    pub(crate) page: Option<Stored>,
    /// How large its result is.
    pub(crate) output_bytes: u64,
}

pub(super) const TASK_COLUMNS: &str = "job, work, turn, state, missing, not_before, generation, failures, cycles, \
    page, page_bytes, output, output_bytes";

/// A task without its leases and failures, which have tables of their own.
pub(super) struct TaskRow {
    pub(super) job: JobName,
    pub(super) work: Work,
    pub(super) task: Task,
    pub(super) failures: u32,
    pub(super) facts: Facts,
}

impl TaskRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self, LedgerError> {
        let mut it = Columns::of(row);
        let job = JobName(B256::new(it.digest()?));
        let work = work_of(it.int()?)?;
        let _turn = it.int()?;
        let (state, missing, not_before) = (it.int()?, it.small()?, Time(it.count()?));
        let generation = Generation(it.small()?);
        let failures = it.small()?;
        let cycles = it.count()?;
        let (page, page_bytes) = (it.maybe_digest()?.map(ArtifactId), it.count()?);
        let (output, output_bytes) = (it.maybe_digest()?.map(B256::new), it.count()?);
        let state = match (state, output) {
            (0, _) => TaskState::Waiting { missing },
            (1, _) => TaskState::Ready { not_before },
            (2, _) => TaskState::Leased(Vec::new()),
            (3, Some(output)) => TaskState::Done { output },
            (4, _) => TaskState::Quarantined,
            _ => return Err(LedgerError::corrupt("a task in no state")),
        };
        let page = page.map(|id| Stored { id, bytes: page_bytes });
        let task = Task { state, generation, failures: Vec::new() };
        Ok(Self { job, work, task, failures, facts: Facts { cycles, page, output_bytes } })
    }
}

/// A task's row.
pub(super) fn task_values(job: JobName, work: Work, task: &Task, facts: &Facts) -> Vec<Value> {
    let (mut missing, mut not_before, mut output) = (0, Time(0), None);
    let state: u32 = match &task.state {
        TaskState::Waiting { missing: it } => {
            missing = *it;
            0
        }
        TaskState::Ready { not_before: it } => {
            not_before = *it;
            1
        }
        TaskState::Leased(_) => 2,
        TaskState::Done { output: it } => {
            output = Some(it.to_vec());
            3
        }
        TaskState::Quarantined => 4,
    };
    let is_proof = matches!(work, Work::Prove { .. });
    vec![
        job.0.as_slice().into(),
        Value::Int(work_code(work)),
        u32::from(is_proof).into(),
        state.into(),
        missing.into(),
        int(not_before.0),
        task.generation.0.into(),
        int(task.failures.len() as u64),
        int(facts.cycles),
        Value::MaybeBytes(facts.page.map(|it| it.id.0.to_vec())),
        int(facts.page.map_or(0, |it| it.bytes)),
        Value::MaybeBytes(output),
        int(facts.output_bytes),
    ]
}

pub(super) const LEASE_COLUMNS: &str = "job, work, generation, worker, begun, until";

pub(super) fn read_lease(row: &AnyRow) -> Result<(JobName, Work, Lease), LedgerError> {
    let mut it = Columns::of(row);
    let job = JobName(B256::new(it.digest()?));
    let work = work_of(it.int()?)?;
    let lease = Lease {
        generation: Generation(it.small()?),
        worker: WorkerId(it.count()?),
        begun: Time(it.count()?),
        until: Time(it.count()?),
    };
    Ok((job, work, lease))
}

pub(super) fn lease_values(job: JobName, work: Work, lease: &Lease) -> Vec<Value> {
    vec![
        job.0.as_slice().into(),
        Value::Int(work_code(work)),
        lease.generation.0.into(),
        int(lease.worker.0),
        int(lease.begun.0),
        int(lease.until.0),
    ]
}

/// A task's place as a number that sorts like [`Work`]: 48 bits of kind and level above 32 of place.
pub(super) fn work_code(work: Work) -> i64 {
    match work {
        Work::Execute => 0,
        Work::Prove { segment } => PROOFS + i64::from(segment),
        Work::Join { level, index } => JOINS + (i64::from(level) << 32) + i64::from(index),
        Work::Verify => VERIFY,
    }
}

pub(super) const PROOFS: i64 = 1 << 32;
pub(super) const JOINS: i64 = 2 << 32;
const VERIFY: i64 = 1 << 48;

pub(super) fn work_of(code: i64) -> Result<Work, LedgerError> {
    let place = (code & 0xffff_ffff) as u32;
    match code >> 32 {
        0 if place == 0 => Ok(Work::Execute),
        1 => Ok(Work::Prove { segment: place }),
        _ if code == VERIFY => Ok(Work::Verify),
        level @ 2..=257 => Ok(Work::Join { level: (level - 2) as u8, index: place }),
        _ => Err(LedgerError::corrupt("a task of no kind")),
    }
}

pub(super) fn fault_code(fault: Fault) -> u32 {
    match fault {
        Fault::Program => 0,
        Fault::Worker => 1,
        Fault::Lost => 2,
        Fault::BadResult => 3,
    }
}

pub(super) fn fault_of(code: i64) -> Result<Fault, LedgerError> {
    match code {
        0 => Ok(Fault::Program),
        1 => Ok(Fault::Worker),
        2 => Ok(Fault::Lost),
        3 => Ok(Fault::BadResult),
        _ => Err(LedgerError::corrupt("a fault of no kind")),
    }
}

pub(super) fn proof_text(proof: ProofKind) -> &'static str {
    match proof {
        ProofKind::Composite => "composite",
        ProofKind::Compressed => "compressed",
    }
}

pub(super) fn proof_kind(text: &str) -> Result<ProofKind, LedgerError> {
    match text {
        "composite" => Ok(ProofKind::Composite),
        "compressed" => Ok(ProofKind::Compressed),
        _ => Err(LedgerError::corrupt("a proof of no kind")),
    }
}

pub(super) fn joins(it: &mut Columns<'_>) -> Result<Joins, LedgerError> {
    let (leaf_arity, arity) = (some(it.small()?)?, it.small()?);
    let levels_min = u8::try_from(it.small()?);
    let levels_min = levels_min.map_err(|_| LedgerError::corrupt("a tree too high"))?;
    Ok(Joins { leaf_arity, arity, levels_min })
}

fn stored(it: &mut Columns<'_>) -> Result<Stored, LedgerError> {
    Ok(Stored { id: ArtifactId(it.digest()?), bytes: it.count()? })
}

fn some(count: u32) -> Result<NonZeroU32, LedgerError> {
    NonZeroU32::new(count).ok_or_else(|| LedgerError::corrupt("nothing where there is something"))
}
