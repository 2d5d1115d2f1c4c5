//! Execution without proving, twice: once plainly, under the limits, then metered.
//!
//! The plain run checks every memory access before it touches anything. The metered run, which
//! finds the segments, keeps its counters by address and trusts it; so it runs only what the
//! plain run has shown to end well. Both are deterministic and see the same input. The metered
//! run stops wherever a segment ends, so segments are known before the run is over.

use std::ops::ControlFlow;

use openvm_circuit::arch::execution_mode;
use openvm_circuit::arch::instructions::riscv::RV32_MEMORY_AS;
use openvm_circuit::arch::{ExecutionError, StaticProgramError, SystemConfig, VmExecState};
use openvm_circuit::system::memory::merkle::public_values::extract_public_values;
use openvm_sdk::StdIn;
use rialto_protocol::{Cycles, Journal};
use serde::{Deserialize, Serialize};

use super::machine::{Blueprint, MEMORY_BYTES, Machine, PUBLIC_VALUES};
use super::program::Program;
use super::run::State;
use super::{journal, requests};
use crate::guard::guarded;
use crate::{ExecuteError, Execution, ExecutionLimits, NotAProgram, Segment};

/// A segment's plan: where it begins and how large its tables get.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Instructions executed before it.
    pub(super) start: u64,
    /// Instructions in it.
    pub(super) instructions: u64,
    /// Rows of each table of the circuit.
    pub(super) table_rows: Vec<u32>,
    /// Whether the program ends in it.
    pub(super) last: bool,
}

/// Runs `program` on `stdin` and says what it would take to prove; `found` hears of each
/// segment as soon as it is known.
pub(super) fn execute(
    blueprint: &Blueprint,
    program: &Program,
    stdin: &[u8],
    limits: &ExecutionLimits,
    found: &mut dyn FnMut(Segment) -> ControlFlow<()>,
) -> Result<Execution, ExecuteError> {
    if program.image_end > limits.memory_max_bytes {
        return Err(ExecuteError::MemoryLimit { limit_bytes: limits.memory_max_bytes });
    }
    let machine = blueprint.start().map_err(internal)?;
    let state = run_plainly(&machine, program, stdin, limits)?;
    if !program.ends_at(state.pc()) {
        return Err(ExecuteError::CycleLimit { limit: limits.cycles_max });
    }
    let journal = read_journal(&state, limits)?;
    drop(state);
    let mut segments = Vec::new();
    let mut cycles = Cycles(0);
    run_metered(&machine, program, stdin, &mut |plan| {
        let segment = segment(segments.len(), &plan)?;
        cycles.0 += segment.cycles.0;
        if cycles > limits.cycles_max {
            return Err(ExecuteError::CycleLimit { limit: limits.cycles_max });
        }
        segments.push(segment.clone());
        match found(segment) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ExecuteError::Stopped),
        }
    })?;
    Ok(Execution { cycles, segments, journal })
}

/// The state after the program's end or after as many instructions as are allowed.
fn run_plainly(
    machine: &Machine,
    program: &Program,
    stdin: &[u8],
    limits: &ExecutionLimits,
) -> Result<State, ExecuteError> {
    let memory_bytes = bounded_memory(machine.config().system(), limits.memory_max_bytes);
    let interpreter = prepared(|| machine.interpreter(&program.exe))?;
    let (result, printed) = requests::with_printed(|| {
        guarded(|| {
            let exe = &program.exe;
            let input = StdIn::from_bytes(stdin);
            let state = State::initial(&memory_bytes, &exe.init_memory, exe.pc_start, input);
            interpreter.execute_from_state(state, Some(limits.cycles_max.0))
        })
    });
    match result {
        Ok(Ok(state)) => Ok(state),
        Ok(Err(ExecutionError::FailedWithExitCode(code))) => {
            Err(ExecuteError::GuestPanicked { message: panic_message(&printed, code) })
        }
        Ok(Err(error)) => Err(ExecuteError::Trapped { reason: trap_reason(error) }),
        Err(panic) => Err(access_error(panic, limits.memory_max_bytes)),
    }
}

/// Finds the segments of a run that is known to end well, until `found` fails.
fn run_metered(
    machine: &Machine,
    program: &Program,
    stdin: &[u8],
    found: &mut dyn FnMut(Plan) -> Result<(), ExecuteError>,
) -> Result<(), ExecuteError> {
    let interpreter = prepared(|| machine.metered_interpreter(&program.exe))?;
    let initial = guarded(|| {
        let context = machine.build_metered_ctx(&program.exe).with_suspend_on_segment(true);
        let state = machine.create_initial_state(&program.exe, StdIn::from_bytes(stdin));
        VmExecState::new(state, context)
    });
    let mut run = initial.map_err(internal)?;
    let mut known = 0;
    loop {
        let (stopped, _) =
            requests::with_printed(|| guarded(|| interpreter.execute_metered_until_suspend(run)));
        run = stopped.map_err(internal)?.map_err(internal)?;
        let has_ended = match &run.exit_code {
            Ok(code) => code.is_some(),
            Err(error) => return Err(internal(error)),
        };
        let segments = run.ctx.segments();
        for (at, segment) in segments.iter().enumerate().skip(known) {
            // After a stop that is not the end there is always another segment.
            let last = has_ended && at + 1 == segments.len();
            found(plan(segment, last))?;
        }
        known = segments.len();
        if has_ended {
            return Ok(());
        }
    }
}

fn plan(segment: &execution_mode::Segment, last: bool) -> Plan {
    Plan {
        start: segment.instret_start,
        instructions: segment.num_insns,
        table_rows: segment.trace_heights.clone(),
        last,
    }
}

fn segment(index: usize, plan: &Plan) -> Result<Segment, ExecuteError> {
    Ok(Segment {
        index: u32::try_from(index).map_err(internal)?,
        cycles: Cycles(plan.instructions),
        plan: postcard::to_allocvec(plan).map_err(internal)?.into(),
    })
}

/// An interpreter for a program. OpenVM panics where a program makes a request that it does
/// not know, which makes it no program of this machine.
fn prepared<T>(prepare: impl FnOnce() -> Result<T, StaticProgramError>) -> Result<T, NotAProgram> {
    let prepared = guarded(|| prepare().map_err(|error| error.to_string()));
    prepared.and_then(|interpreter| interpreter).map_err(|reason| NotAProgram { reason })
}

/// The machine's memory, shortened to the limit.
fn bounded_memory(system: &SystemConfig, limit_bytes: u64) -> SystemConfig {
    let mut bounded = system.clone();
    let memory = &mut bounded.memory_config.addr_spaces[RV32_MEMORY_AS as usize];
    memory.num_cells = memory.num_cells.min(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
    bounded
}

/// What a panic of the interpreter means: it panics where a program leaves its memory.
fn access_error(panic: String, limit_bytes: u64) -> ExecuteError {
    let address = panic.strip_prefix("Memory access out of bounds: start=");
    let address = address.and_then(|rest| rest.split(' ').next());
    match address.and_then(|address| address.parse::<u64>().ok()) {
        // The machine has this memory, the limit takes it away.
        Some(address) if limit_bytes <= address && address < MEMORY_BYTES => {
            ExecuteError::MemoryLimit { limit_bytes }
        }
        Some(address) => ExecuteError::Trapped {
            reason: format!("it accesses address {address:#x}, where no program has memory"),
        },
        None => ExecuteError::Trapped { reason: panic },
    }
}

fn read_journal(state: &State, limits: &ExecutionLimits) -> Result<Journal, ExecuteError> {
    let values = extract_public_values(PUBLIC_VALUES, &state.memory.memory);
    let journal =
        journal::decode(&values).map_err(|reason| ExecuteError::MalformedJournal { reason })?;
    let bytes = journal.0.len() as u64;
    if bytes > limits.journal_max_bytes {
        return Err(ExecuteError::JournalTooLong { bytes, limit_bytes: limits.journal_max_bytes });
    }
    Ok(journal)
}

fn internal(error: impl ToString) -> ExecuteError {
    ExecuteError::Internal { reason: error.to_string() }
}

fn trap_reason(error: ExecutionError) -> String {
    match error {
        // What our own answers to requests say.
        ExecutionError::Phantom { inner, .. } => inner.to_string(),
        ExecutionError::HintOutOfBounds { .. } => "it reads more input than there is".to_owned(),
        error => error.to_string(),
    }
}

/// The words with which a program ended itself.
///
/// Rust's panic handlers print `panicked at <place>:`, a line break and the message, with or
/// without words before it.
fn panic_message(printed: &[u8], exit_code: u32) -> String {
    let text = String::from_utf8_lossy(printed);
    let message = match text.rfind("panicked at ") {
        Some(start) => text[start..].split_once('\n').map_or(&text[start..], |(_, rest)| rest),
        None => &text,
    };
    let printable = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    let message: String = message.trim().chars().map(printable).collect();
    if message.is_empty() { format!("exit code {exit_code}, without a word") } else { message }
}
