//! Proving one segment, and joining the segments' proofs.

use openvm_circuit::arch::hasher::poseidon2::vm_poseidon2_hasher;
use openvm_circuit::arch::instructions::exe::VmExe;
use openvm_circuit::arch::{PreflightExecutionOutput, VirtualMachineError, VmState};
use openvm_circuit::system::memory::CHUNK;
use openvm_circuit::system::memory::merkle::public_values::UserPublicValuesProof;
use openvm_circuit::system::memory::online::GuestMemory;
use openvm_sdk::{F, SC, StdIn};
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::proof::Proof;
use serde::{Deserialize, Serialize};

use super::execute::Plan;
use super::machine::{Blueprint, Machine, PUBLIC_VALUES};
use super::program::{Commitment, Program};
use super::{payload, requests};
use crate::guard::guarded;
use crate::{ProveError, Segment, SegmentProof};

pub(super) type PublicValuesProof = UserPublicValuesProof<CHUNK, F>;

/// What a segment's proof is before it is joined.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Part {
    index: u32,
    proof: Proof<SC>,
    /// The program's output, in the last segment.
    public_values: Option<PublicValuesProof>,
}

/// Proves `segment` of the run of `program` on `stdin`, from nothing: the run is repeated up
/// to the segment, which takes milliseconds, so segments can be proven anywhere in any order.
pub(super) fn prove_segment(
    blueprint: &Blueprint,
    program: &Program,
    stdin: &[u8],
    segment: &Segment,
) -> Result<SegmentProof, ProveError> {
    let plan: Plan = postcard::from_bytes(&segment.plan)
        .map_err(|error| foreign(segment.index, error.to_string()))?;
    let commitment = program.commitment(blueprint).map_err(internal)?;
    let mut machine = blueprint.start().map_err(internal)?;
    check_plan(&machine, &plan).map_err(|reason| foreign(segment.index, reason))?;
    let proving = || {
        let (proof, memory) = prove_planned(&mut machine, program, commitment, stdin, &plan)?;
        let public_values = plan.last.then(|| public_values(&machine, &memory));
        Ok::<_, VirtualMachineError>((proof, public_values))
    };
    let (result, _) = requests::with_printed(|| guarded(proving));
    let (proof, public_values) = result.map_err(internal)?.map_err(internal)?;
    let part = Part { index: segment.index, proof, public_values };
    Ok(SegmentProof(postcard::to_allocvec(&part).map_err(internal)?.into()))
}

/// The payload of the proof that `segments` make together.
pub(super) fn join(segments: &[SegmentProof]) -> Result<Vec<u8>, ProveError> {
    let mut proofs = Vec::with_capacity(segments.len());
    let mut public_values = None;
    for (index, SegmentProof(bytes)) in (0..).zip(segments) {
        let part: Part =
            postcard::from_bytes(bytes).map_err(|error| foreign(index, error.to_string()))?;
        if part.index != index {
            return Err(foreign(index, format!("it is the proof of segment {}", part.index)));
        }
        if public_values.is_some() {
            return Err(foreign(index, "the program ended in the segment before it".to_owned()));
        }
        proofs.push(part.proof);
        public_values = part.public_values;
    }
    let Some(public_values) = public_values else {
        let reason = "the segment in which the program ends is missing".to_owned();
        return Err(foreign(u32::try_from(segments.len()).unwrap_or(u32::MAX), reason));
    };
    payload::encode(&proofs, &public_values).map_err(internal)
}

/// Whether the plan can be one of this machine: its tables are allocated before they are
/// filled.
fn check_plan(machine: &Machine, plan: &Plan) -> Result<(), String> {
    let rows_max = 1u64 << machine.engine.params().log_stacked_height();
    if plan.table_rows.len() != machine.num_airs() {
        return Err(format!("its plan is for a machine of {} tables", plan.table_rows.len()));
    }
    match plan.table_rows.iter().find(|rows| u64::from(**rows) > rows_max) {
        Some(rows) => Err(format!("its plan has a table of {rows} rows, {rows_max} are possible")),
        None => Ok(()),
    }
}

/// The proof and the memory after it.
fn prove_planned(
    machine: &mut Machine,
    program: &Program,
    commitment: &Commitment,
    stdin: &[u8],
    plan: &Plan,
) -> Result<(Proof<SC>, GuestMemory), VirtualMachineError> {
    machine.load_program(commitment.code.clone());
    let state = state_at(machine, &program.exe, stdin, plan.start)?;
    machine.transport_init_memory_to_device(&state.memory);
    let mut interpreter = machine.preflight_interpreter(&program.exe)?;
    let PreflightExecutionOutput { system_records, record_arenas, to_state } = machine
        .execute_preflight(&mut interpreter, state, Some(plan.instructions), &plan.table_rows)?;
    let context = machine.generate_proving_ctx(system_records, record_arenas)?;
    let proof = machine
        .engine
        .prove(machine.pk(), context)
        .expect("the metered run kept every table within the parameters");
    Ok((proof, to_state.memory))
}

/// The state after `instructions` of the run.
fn state_at(
    machine: &Machine,
    exe: &VmExe<F>,
    stdin: &[u8],
    instructions: u64,
) -> Result<VmState<F, GuestMemory>, VirtualMachineError> {
    let initial = machine.create_initial_state(exe, StdIn::from_bytes(stdin));
    if instructions == 0 {
        return Ok(initial);
    }
    Ok(machine.interpreter(exe)?.execute_from_state(initial, Some(instructions))?)
}

fn public_values(machine: &Machine, memory: &GuestMemory) -> PublicValuesProof {
    UserPublicValuesProof::compute(
        machine.config().system().memory_config.memory_dimensions(),
        PUBLIC_VALUES,
        &vm_poseidon2_hasher(),
        &memory.memory,
        machine.memory_top_tree().expect("proving a segment builds it"),
    )
}

fn foreign(index: u32, reason: String) -> ProveError {
    ProveError::ForeignSegment { index, reason }
}

fn internal(error: impl ToString) -> ProveError {
    ProveError::Internal { reason: error.to_string() }
}
