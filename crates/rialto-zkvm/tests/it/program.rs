//! Programs that are broken or mean harm.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use rialto_protocol::Cycles;
use rialto_zkvm::{ExecutionLimits, OpenVm, Zkvm};

use crate::fixture::{LIMITS, SPIN, elf, lui, lw, request, terminate, zkvm};

const SMALL: ExecutionLimits =
    ExecutionLimits { cycles_max: Cycles(10_000), memory_max_bytes: 16 << 20, ..LIMITS };

fn outcome(zkvm: &OpenVm, elf: &[u8]) -> String {
    match zkvm.execute(elf, b"input", &SMALL) {
        Ok(run) => format!("{} cycles, {} bytes", run.cycles, run.journal.0.len()),
        Err(error) => error.to_string(),
    }
}

fn check_all<const N: usize>(elfs: [Vec<u8>; N], expected: Expect) {
    let zkvm = zkvm();
    expected.assert_eq(&elfs.map(|elf| outcome(&zkvm, &elf)).join("\n"));
}

#[test]
fn files_that_are_no_programs_are_refused() {
    let program = elf(&[terminate(0)]);
    let with = |at: usize, word: u32| {
        let mut elf = program.clone();
        elf[at..at + 4].copy_from_slice(&word.to_le_bytes());
        elf
    };
    let with_two = |at: usize, word: u32, then_at: usize, then: u32| {
        let mut elf = with(at, word);
        elf[then_at..then_at + 4].copy_from_slice(&then.to_le_bytes());
        elf
    };
    check_all(
        [
            vec![],
            b"#!/bin/sh\n".to_vec(),
            program[..60].to_vec(),
            program[..program.len() - 1].to_vec(),
            // For another processor; with a table of program headers beyond its end.
            with(18, 62),
            with(28, u32::MAX - 3),
            // A segment that wants gigabytes; one at the end of the address space.
            with(52 + 20, 1 << 31),
            with(52 + 8, 0xffff_fff0),
            // A segment of data that is seventeen megabytes of nothing.
            with_two(52 + 20, 17 << 20, 52 + 24, 4),
            // Its entry point is not a word.
            with(24, 0x0020_0801),
            // An instruction that is none; a request that OpenVM does not know.
            elf(&[0xffff_ffff, terminate(0)]),
            elf(&[request(77, 0, 0), terminate(0)]),
        ],
        expect![[r#"
            the program is not an executable of this zkVM: it is not a 32-bit little-endian ELF file
            the program is not an executable of this zkVM: it is not a 32-bit little-endian ELF file
            the program is not an executable of this zkVM: its headers are cut off
            the program is not an executable of this zkVM: Invalid segment offset
            the program is not an executable of this zkVM: Invalid machine type, must be RISC-V
            the program is not an executable of this zkVM: its headers are cut off
            the program is not an executable of this zkVM: its code lies above 32 MiB
            the program is not an executable of this zkVM: its code lies above 32 MiB
            the program is not an executable of this zkVM: its image is larger than 16 MiB
            the program is not an executable of this zkVM: Invalid entrypoint
            the program is not an executable of this zkVM: couldn't parse the next instruction: 11111111111111111111111111111111
            the program is not an executable of this zkVM: couldn't parse the next instruction: 00000100110100000011000000001011"#]],
    );
}

#[test]
fn programs_that_misbehave_are_stopped() {
    const A0: u32 = 10;
    const A1: u32 = 11;
    check_all(
        [
            elf(&[terminate(0)]),
            elf(&[terminate(1)]),
            elf(&[SPIN]),
            // It runs off its end.
            elf(&[lui(A0, 1)]),
            // Loads above the limit, above the machine, and far above it.
            elf(&[lui(A0, 0x0_1000), lw(A1, A0), terminate(0)]),
            elf(&[lui(A0, 0x2_0000), lw(A1, A0), terminate(0)]),
            elf(&[lui(A0, 0xf_ffff), lw(A1, A0), terminate(0)]),
            // Takes its input twice.
            elf(&[request(0, 0, 0), request(0, 0, 0), terminate(0)]),
            // Prints gigabytes, and asks for gigabytes of random words.
            elf(&[lui(A0, 0xf_ffff), request(1, A0, A0), terminate(0)]),
            elf(&[lui(A0, 0xf_ffff), request(2, A0, 0), terminate(0)]),
        ],
        expect![[r#"
            1 cycles, 0 bytes
            the program refused its input: exit code 1, without a word
            the program does not end within 10000 cycles
            the program broke down: pc 2099204 out of bounds
            the program needs more than 16777216 bytes of memory
            the program broke down: it accesses address 0x20000000, where no program has memory
            the program broke down: it accesses address 0xfffff000, where no program has memory
            the program broke down: it reads past the end of its input
            the program broke down: it prints from outside of its memory
            the program broke down: it asks for 4294963200 random words at once"#]],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_program_can_do_harm(
        mut words in prop::collection::vec(any::<u32>(), 1..12),
        opcodes in prop::collection::vec(prop::sample::select(&OPCODES), 12),
    ) {
        // Random words are rarely instructions; random operands of real ones are.
        for (word, opcode) in words.iter_mut().zip(opcodes) {
            *word = (*word & !0x7f) | opcode;
        }
        let zkvm = zkvm();
        let _ = zkvm.execute(&elf(&words), b"input", &SMALL);
    }

    #[test]
    fn no_file_can_do_harm(at: prop::sample::Index, byte: u8) {
        let mut elf = elf(&[lui(10, 1), terminate(0)]);
        let at = at.index(elf.len());
        elf[at] = byte;
        let zkvm = zkvm();
        let _ = zkvm.execute(&elf, b"input", &SMALL);
        let _ = zkvm.image_id(&elf[..at]);
    }
}

/// Loads, stores, arithmetic, branches, jumps, and OpenVM's own.
const OPCODES: [u32; 11] = [0x03, 0x13, 0x17, 0x23, 0x33, 0x37, 0x63, 0x67, 0x6f, 0x0b, 0x0b];
