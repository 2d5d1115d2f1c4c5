//! Measures OpenVM with the block-header program: `measure [headers]`, by default 1.
//!
//! More headers than one are the real one and children made for it. Prints wall time, the
//! CPU time of all threads, and the peak of memory; on a busy machine only CPU time tells.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]

use std::fs;
use std::ops::ControlFlow;
use std::time::Instant;

use block_header_core::host;
use rialto_protocol::Cycles;
use rialto_zkvm::{
    ExecutionLimits, KeyStore, OpenVm, OpenVmVerifier, ProofKind, ProofVerifier, Zkvm,
};

const LIMITS: ExecutionLimits = ExecutionLimits {
    cycles_max: Cycles(1_000_000_000),
    memory_max_bytes: 512 << 20,
    journal_max_bytes: 1020,
};

fn main() {
    let headers = std::env::args().nth(1).map_or(1, |count| count.parse().unwrap());
    let input = input(headers);
    println!("{headers} header(s), {} bytes of input", input.len());

    let folder = tempfile::tempdir().unwrap();
    let keys = KeyStore::in_directory(folder.path());
    measured("keys, made", || OpenVm::load(&KeyStore::in_memory()).unwrap());
    OpenVm::load(&keys).unwrap();
    let zkvm = measured("keys, loaded", || OpenVm::load(&keys).unwrap());
    OpenVmVerifier::load(&keys).unwrap();
    let verifier = measured("verifying key, loaded", || OpenVmVerifier::load(&keys).unwrap());

    let run = || zkvm.execute(host::PROGRAM, &input, &LIMITS).unwrap();
    measured("execute, program not yet loaded", run);
    let execution = measured("execute", run);
    println!("    {} cycles in {} segment(s)", execution.cycles, execution.segments.len());
    measured("image id, first time", || zkvm.image_id(host::PROGRAM).unwrap());
    measured("image id", || zkvm.image_id(host::PROGRAM).unwrap());

    let watch = &mut |_| ControlFlow::Continue(());
    let kind = ProofKind::Composite;
    let proof =
        measured("prove", || zkvm.prove(host::PROGRAM, &input, &LIMITS, kind, watch).unwrap());
    println!("    {} bytes", proof.len());
    measured("verify", || verifier.verify(&proof).unwrap());
    println!("peak of memory: {} MiB", status_kib("VmHWM:") / 1024);
}

fn input(headers: usize) -> Vec<u8> {
    let text = include_str!("../../../examples/ethereum-block-24666352.json");
    let real: serde_json::Value = serde_json::from_str(text).unwrap();
    let child = |block: &serde_json::Value| Some(host::made_child(block).unwrap());
    let blocks: Vec<_> = std::iter::successors(Some(real), child).take(headers).collect();
    host::input_from_json(&blocks).unwrap()
}

fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_s());
    let result = work();
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_s() - cpu);
    println!("{what:32} {:>9.1} ms wall {:>9.0} ms cpu", wall * 1e3, cpu * 1e3);
    result
}

/// CPU time of the process, user and system, in hundredths of a second.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
