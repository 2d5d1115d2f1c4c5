//! Where the last run was left, to go on from there.
//!
//! A segment is proven from the state that it begins in. Whoever proves the segments of one run
//! in their order would otherwise repeat the run from its start for each, which grows with the
//! square of their number.

use std::sync::{Mutex, PoisonError};

use openvm_circuit::arch::{VirtualMachineError, VmState};
use openvm_circuit::system::memory::online::GuestMemory;
use openvm_sdk::{F, StdIn};
use sha2::{Digest, Sha256};

use super::machine::Machine;
use super::program::Program;

pub(super) type State = VmState<F, GuestMemory>;

/// The state that the last run was left in, of one run at most. It takes the memory that the
/// program has touched, 512 MiB at most, and four bytes for each byte of input that the program
/// has not taken yet.
#[derive(Default)]
pub(super) struct LastRun(Mutex<Option<Left>>);

struct Left {
    run: RunId,
    instructions: u64,
    state: State,
}

/// Names a run by its program and its input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RunId([u8; 32]);

impl RunId {
    pub(super) fn new(program: &Program, stdin: &[u8]) -> Self {
        let hasher = Sha256::new().chain_update(program.digest).chain_update(stdin);
        Self(hasher.finalize().into())
    }
}

impl LastRun {
    /// The state of the run of `program` on `stdin` after so many instructions: from where it was
    /// left if that is not beyond, else from the start.
    pub(super) fn state_at(
        &self,
        machine: &Machine,
        program: &Program,
        stdin: &[u8],
        instructions: u64,
    ) -> Result<State, VirtualMachineError> {
        let run = RunId::new(program, stdin);
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // What does not help is forgotten, so that there are never two.
        let left = left.filter(|left| left.run == run && left.instructions <= instructions);
        let (done, state) = match left {
            Some(left) => (left.instructions, left.state),
            None => (0, machine.create_initial_state(&program.exe, StdIn::from_bytes(stdin))),
        };
        if done == instructions {
            return Ok(state);
        }
        let interpreter = machine.interpreter(&program.exe)?;
        Ok(interpreter.execute_from_state(state, Some(instructions - done))?)
    }

    /// Leaves the run of `program` on `stdin` in `state`, so many instructions after its start.
    pub(super) fn leave(&self, program: &Program, stdin: &[u8], instructions: u64, state: State) {
        let run = RunId::new(program, stdin);
        let left = Left { run, instructions, state };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    }
}
