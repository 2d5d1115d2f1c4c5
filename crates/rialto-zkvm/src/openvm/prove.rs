//! Proving one segment.

use openvm_circuit::arch::hasher::poseidon2::vm_poseidon2_hasher;
use openvm_circuit::arch::{PreflightExecutionOutput, VirtualMachineError};
use openvm_circuit::system::memory::merkle::public_values::UserPublicValuesProof;
use openvm_circuit::system::memory::online::GuestMemory;
use openvm_sdk::SC;
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::proof::Proof;

use super::execute::Plan;
use super::machine::{Blueprint, Machine, PUBLIC_VALUES};
use super::part::{Part, PublicValuesProof, Seat};
use super::program::{Commitment, Program};
use super::requests;
use super::run::{LastRun, State};
use crate::guard::guarded;
use crate::{ProveError, Segment};

/// Proves `segment` of the run of `program` on `stdin`. The run is repeated up to the segment
/// from where `last_run` was left, or from its start, which takes milliseconds: segments can be
/// proven anywhere in any order.
pub(super) fn prove_segment(
    blueprint: &Blueprint,
    program: &Program,
    stdin: &[u8],
    segment: &Segment,
    last_run: &LastRun,
) -> Result<Part, ProveError> {
    let seat = Seat::Segment(segment.index);
    let plan: Plan = postcard::from_bytes(&segment.plan).map_err(|error| seat.foreign(error))?;
    let commitment = program.commitment(blueprint).map_err(internal)?;
    let mut machine = blueprint.start().map_err(internal)?;
    check_plan(&machine, &plan).map_err(|reason| seat.foreign(reason))?;
    let proving = || {
        let state = last_run.state_at(&machine, program, stdin, plan.start)?;
        prove_planned(&mut machine, program, commitment, state, &plan)
    };
    let (result, _) = requests::with_printed(|| guarded(proving));
    let (proof, state) = result.map_err(internal)?.map_err(internal)?;
    let public_values = plan.last.then(|| guarded(|| public_values(&machine, &state.memory)));
    let public_values = public_values.transpose().map_err(internal)?;
    if !plan.last {
        last_run.leave(program, stdin, plan.start.saturating_add(plan.instructions), state);
    }
    Ok(Part { seat, proof, public_values })
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

/// The proof and the state after it.
fn prove_planned(
    machine: &mut Machine,
    program: &Program,
    commitment: &Commitment,
    state: State,
    plan: &Plan,
) -> Result<(Proof<SC>, State), VirtualMachineError> {
    machine.load_program(commitment.code.clone());
    machine.transport_init_memory_to_device(&state.memory);
    let mut interpreter = machine.preflight_interpreter(&program.exe)?;
    let PreflightExecutionOutput { system_records, record_arenas, to_state } = machine
        .execute_preflight(&mut interpreter, state, Some(plan.instructions), &plan.table_rows)?;
    let context = machine.generate_proving_ctx(system_records, record_arenas)?;
    let proof = machine
        .engine
        .prove(machine.pk(), context)
        .expect("the metered run kept every table within the parameters");
    Ok((proof, to_state))
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

fn internal(error: impl ToString) -> ProveError {
    ProveError::Internal { reason: error.to_string() }
}
