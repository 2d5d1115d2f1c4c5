//! What the tests share: the zkVM, the real input, one real proof, and a small assembler.

use std::fs::{self, File};
use std::iter::successors;
use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};
use std::process;

use block_header_core::host;
use bytes::Bytes;
use rialto_protocol::Cycles;
use rialto_zkvm::{ExecutionLimits, KeyStore, OpenVm, ProofKind, Zkvm};
use serde_json::Value;

pub(crate) const LIMITS: ExecutionLimits = ExecutionLimits {
    cycles_max: Cycles(10_000_000),
    memory_max_bytes: 64 << 20,
    journal_max_bytes: 1020,
};

/// OpenVM with keys that are kept between runs.
pub(crate) fn zkvm() -> OpenVm {
    OpenVm::load(&KeyStore::in_directory(scratch().join("keys"))).unwrap()
}

/// A folder that cargo gives the tests of this crate.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The real block of the examples.
pub(crate) fn block() -> Value {
    serde_json::from_str(include_str!("../../../../examples/ethereum-block-24666352.json")).unwrap()
}

/// The program's input for the real block.
pub(crate) fn input() -> Vec<u8> {
    host::input_from_json(&[block()]).unwrap()
}

/// The program's input for the real block and children made for it.
pub(crate) fn chain_input(headers: usize) -> Vec<u8> {
    let child = |block: &Value| Some(host::made_child(block).unwrap());
    let blocks: Vec<_> = successors(Some(block()), child).take(headers).collect();
    host::input_from_json(&blocks).unwrap()
}

/// The real block with a gas figure that is not its own.
pub(crate) fn tampered_input() -> Vec<u8> {
    let mut block = block();
    block["gasUsed"] = "0x1".into();
    host::input_from_json(&[block]).unwrap()
}

/// The proof of the real block, made once per run of the tests by whoever comes first.
pub(crate) fn proof() -> Bytes {
    // Each test is its own process; the runner names the run.
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| process::id().to_string());
    let path = scratch().join(format!("block-header-{run}.proof"));
    let lock = File::create(scratch().join("block-header.lock")).unwrap();
    lock.lock().unwrap();
    if let Ok(proof) = fs::read(&path) {
        return proof.into();
    }
    forget_old_proofs();
    let (kind, go_on) = (ProofKind::Composite, &mut |_| Continue(()));
    let proof = zkvm().prove(host::PROGRAM, &input(), &LIMITS, kind, go_on).unwrap();
    fs::write(&path, &proof).unwrap();
    proof
}

fn forget_old_proofs() {
    let files = fs::read_dir(scratch()).unwrap().map(|entry| entry.unwrap().path());
    let old = files.filter(|path| path.extension().is_some_and(|it| it == "proof"));
    // Another run may be deleting too.
    old.for_each(|path: PathBuf| drop(fs::remove_file(path)));
}

/// Where OpenVM's programs begin.
pub(crate) const ENTRY: u32 = 0x0020_0800;

/// An ELF of nothing but `instructions`.
pub(crate) fn elf(instructions: &[u32]) -> Vec<u8> {
    let code: Vec<u8> = instructions.iter().flat_map(|word| word.to_le_bytes()).collect();
    let bytes = code.len() as u32;
    let mut elf = b"\x7fELF\x01\x01\x01".to_vec();
    elf.resize(16, 0);
    let halves = |values: &[u16]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let words = |values: &[u32]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    // Executable, RISC-V.
    elf.extend(halves(&[2, 243]));
    // Version, entry, program headers, section headers, flags.
    elf.extend(words(&[1, ENTRY, 52, 0, 0]));
    // Header size; size and count of program headers; size, count and names of sections.
    elf.extend(halves(&[52, 32, 1, 40, 0, 0]));
    // One segment: loaded, at 84 in the file, read and execute.
    elf.extend(words(&[1, 84, ENTRY, ENTRY, bytes, bytes, 5, 4]));
    elf.extend(code);
    elf
}

/// Ends the program with this exit code.
pub(crate) const fn terminate(exit_code: u32) -> u32 {
    (exit_code << 20) | 0x0b
}

/// A request to the host: 0 input, 1 print, 2 random words.
pub(crate) const fn request(number: u32, rd: u32, rs1: u32) -> u32 {
    (number << 20) | (rs1 << 15) | (0b011 << 12) | (rd << 7) | 0x0b
}

/// Sets the upper 20 bits of register `rd`.
pub(crate) const fn lui(rd: u32, upper: u32) -> u32 {
    (upper << 12) | (rd << 7) | 0b011_0111
}

/// Loads register `rd` from the address in `rs1`.
pub(crate) const fn lw(rd: u32, rs1: u32) -> u32 {
    (rs1 << 15) | (0b010 << 12) | (rd << 7) | 0b000_0011
}

/// Jumps to itself.
pub(crate) const SPIN: u32 = 0x6f;
