//! From a stranger's ELF to an executable of the machine.
//!
//! OpenVM's loader takes memory in proportion to what the ELF's headers announce, not to its
//! length, so the headers are read and bounded first.

use std::sync::{Arc, OnceLock};

use openvm_circuit::arch::VirtualMachineError;
use openvm_circuit::arch::instructions::exe::VmExe;
use openvm_circuit::arch::instructions::{LocalOpcode, SystemOpcode};
use openvm_circuit::system::program::trace::compute_exe_commit_from_mem_config;
use openvm_sdk::F;
use openvm_stark_sdk::config::baby_bear_poseidon2::Digest;
use openvm_stark_sdk::openvm_stark_backend::StarkEngine;
use openvm_stark_sdk::openvm_stark_backend::prover::CommittedTraceData;
use openvm_transpiler::FromElf;
use openvm_transpiler::elf::Elf;

use super::machine::{Blueprint, Engine, MEMORY_BYTES, MachineConfig};
use crate::NotAProgram;
use crate::guard::guarded;

/// The ELF file.
const ELF_BYTES_MAX: usize = 32 << 20;
/// What the ELF announces to occupy: the loader takes some 100 bytes of ours for each word.
const IMAGE_BYTES_MAX: u64 = 16 << 20;
/// The end of the code: the interpreter's tables begin at address zero.
const CODE_END_MAX: u64 = 32 << 20;

/// A program that the machine can run.
pub(super) struct Program {
    /// SHA-256 of the ELF.
    pub(super) digest: [u8; 32],
    pub(super) exe: VmExe<F>,
    /// The first address above the program's image.
    pub(super) image_end: u64,
    commitment: OnceLock<Commitment>,
}

/// What a proof of the program contains of it.
#[derive(Clone)]
pub(super) struct Commitment {
    /// The code, committed to and ready to be proven from.
    pub(super) code: CommittedTraceData<<Engine as StarkEngine>::PB>,
    /// Commits to code, initial memory and entry point.
    pub(super) exe: Digest,
}

impl Program {
    /// The program in `elf`, whose SHA-256 is `digest`.
    pub(super) fn load(
        elf: &[u8],
        digest: [u8; 32],
        config: &MachineConfig,
    ) -> Result<Self, NotAProgram> {
        let image_end = check_headers(elf).map_err(not_a_program)?;
        let load = || {
            let elf = Elf::decode(elf, MEMORY_BYTES as u32).map_err(|error| error.to_string())?;
            VmExe::from_elf(elf, config.transpiler()).map_err(|error| error.to_string())
        };
        let exe = guarded(load).and_then(|exe| exe).map_err(not_a_program)?;
        Ok(Self { digest, exe, image_end, commitment: OnceLock::new() })
    }

    /// The program's commitment, computed once: it takes a second or two.
    pub(super) fn commitment(&self, blueprint: &Blueprint) -> Result<&Commitment, String> {
        if let Some(commitment) = self.commitment.get() {
            return Ok(commitment);
        }
        let compute = || self.compute_commitment(blueprint).map_err(|error| error.to_string());
        let commitment = guarded(compute).and_then(|commitment| commitment)?;
        Ok(self.commitment.get_or_init(|| commitment))
    }

    fn compute_commitment(&self, blueprint: &Blueprint) -> Result<Commitment, VirtualMachineError> {
        let machine = blueprint.start()?;
        let code = machine.commit_program_on_device(&self.exe.program);
        let memory = &machine.config().system().memory_config;
        let exe = compute_exe_commit_from_mem_config(&code.commitment, &self.exe, memory);
        Ok(Commitment { code, exe })
    }

    /// Whether `pc` is at an instruction that ends the program.
    pub(super) fn ends_at(&self, pc: u32) -> bool {
        let program = &self.exe.program;
        let index = pc.checked_sub(program.pc_base).map(|offset| offset as usize / 4);
        let instruction = index.and_then(|index| program.instructions_and_debug_infos.get(index));
        matches!(
            instruction,
            Some(Some((instruction, _)))
                if instruction.opcode == SystemOpcode::TERMINATE.global_opcode()
        )
    }
}

fn not_a_program(reason: impl Into<String>) -> NotAProgram {
    NotAProgram { reason: reason.into() }
}

/// Bounds what loading `elf` will take; the end of its image. The loader checks the rest.
fn check_headers(elf: &[u8]) -> Result<u64, &'static str> {
    const TABLE_ENTRY_BYTES: usize = 32;
    const LOADED: u32 = 1;
    const EXECUTABLE: u32 = 1;
    if elf.len() > ELF_BYTES_MAX {
        return Err("it is longer than 32 MiB");
    }
    // The identification: magic, 32 bits, little endian.
    if !elf.starts_with(b"\x7fELF\x01\x01") {
        return Err("it is not a 32-bit little-endian ELF file");
    }
    let word = |at: usize| -> Result<u32, &'static str> {
        let bytes = elf.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or("its headers are cut off")
    };
    let half = |at: usize| word(at).map(|word| word & 0xffff);
    let (table, entry_bytes, entries) = (word(28)? as usize, half(42)?, half(44)? as usize);
    if entry_bytes as usize != TABLE_ENTRY_BYTES || entries > 256 {
        return Err("its program headers are malformed");
    }
    let (mut occupied, mut image_end) = (0, 0);
    for at in (0..entries).map(|entry| table.saturating_add(entry * TABLE_ENTRY_BYTES)) {
        if word(at)? != LOADED {
            continue;
        }
        let memory_bytes = u64::from(word(at.saturating_add(20))?);
        let end = u64::from(word(at.saturating_add(8))?) + memory_bytes;
        if word(at.saturating_add(24))? & EXECUTABLE != 0 && end > CODE_END_MAX {
            return Err("its code lies above 32 MiB");
        }
        occupied += memory_bytes;
        image_end = image_end.max(end);
    }
    if occupied > IMAGE_BYTES_MAX {
        return Err("its image is larger than 16 MiB");
    }
    Ok(image_end)
}

/// The programs used last, by the digest of their ELF.
pub(super) struct ProgramCache {
    recent: Vec<([u8; 32], Arc<Program>)>,
}

impl ProgramCache {
    /// A loaded and committed program takes some tens of megabytes.
    const PROGRAMS_MAX: usize = 8;

    pub(super) const fn new() -> Self {
        Self { recent: Vec::new() }
    }

    pub(super) fn get(&mut self, digest: &[u8; 32]) -> Option<Arc<Program>> {
        let place = self.recent.iter().position(|(known, _)| known == digest)?;
        let entry = self.recent.remove(place);
        let program = Arc::clone(&entry.1);
        self.recent.push(entry);
        Some(program)
    }

    pub(super) fn insert(&mut self, digest: [u8; 32], program: Arc<Program>) {
        if self.recent.len() >= Self::PROGRAMS_MAX {
            self.recent.remove(0);
        }
        self.recent.push((digest, program));
    }
}
