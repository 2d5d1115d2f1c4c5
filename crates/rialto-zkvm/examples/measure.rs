//! Measures OpenVM with the block-header program:
//! `measure [headers [composite|compressed [segment MiB]]]`, by default one header, composite.
//!
//! More headers than one are the real one and children made for it. Prints for every step wall
//! time, the CPU time of all threads, and the peak of memory; on a busy machine only CPU time
//! tells.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]

use std::fs;
use std::time::Instant;

use block_header_core::host;
use bytes::Bytes;
use rialto_protocol::Cycles;
use rialto_zkvm::{
    Execution, ExecutionLimits, KeyStore, OpenVm, OpenVmVerifier, Part, ProofKind, ProofVerifier,
    ProveError, Segment, Zkvm,
};

const LIMITS: ExecutionLimits = ExecutionLimits {
    cycles_max: Cycles(1_000_000_000),
    memory_max_bytes: 512 << 20,
    journal_max_bytes: 1020,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let headers = arguments.next().map_or(1, |count| count.parse().unwrap());
    let kind = match arguments.next().as_deref() {
        None | Some("composite") => ProofKind::Composite,
        Some("compressed") => ProofKind::Compressed,
        Some(kind) => panic!("{kind} is no kind of proof"),
    };
    let input = input(headers);
    println!("{headers} header(s), {} bytes of input, {kind:?}", input.len());

    let folder = tempfile::tempdir().unwrap();
    let keys = KeyStore::in_directory(folder.path());
    measured("keys, made", || OpenVm::load(&KeyStore::in_memory()).unwrap());
    OpenVm::load(&keys).unwrap();
    let mut zkvm = measured("keys, loaded", || OpenVm::load(&keys).unwrap());
    if let Some(mebibytes) = arguments.next() {
        zkvm = zkvm.with_segment_memory(mebibytes.parse::<usize>().unwrap() << 20);
    }
    OpenVmVerifier::load(&keys).unwrap();
    let verifier = measured("verifying key, loaded", || OpenVmVerifier::load(&keys).unwrap());

    measured("keys of joins, made", || zkvm.prepare(kind).unwrap());
    let again = OpenVm::load(&keys).unwrap();
    measured("keys of joins, loaded", || again.prepare(kind).unwrap());
    drop(again);

    let run = || zkvm.execute(host::PROGRAM, &input, &LIMITS).unwrap();
    measured("execute, program not yet loaded", run);
    let execution = measured("execute", run);
    println!("    {} cycles in {} segment(s)", execution.cycles, execution.segments.len());
    measured("image id, first time", || zkvm.image_id(host::PROGRAM).unwrap());
    measured("image id", || zkvm.image_id(host::PROGRAM).unwrap());

    let proof = prove(&zkvm, &input, &execution, kind);
    println!("    {} bytes", proof.len());
    measured("verify, keys not yet loaded", || verifier.verify(&proof).unwrap());
    measured("verify", || verifier.verify(&proof).unwrap());
    for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        println!("{:?}: {} bytes", file.file_name(), file.metadata().unwrap().len());
    }
}

/// Every step of a proof, as the tasks of a cluster would be.
fn prove(zkvm: &OpenVm, input: &[u8], execution: &Execution, kind: ProofKind) -> Bytes {
    let segment = |segment: &Segment| {
        let what = format!("segment {}, {} cycles", segment.index, segment.cycles);
        let proof = measured(&what, || zkvm.prove_segment(host::PROGRAM, input, segment).unwrap());
        println!("    {} bytes", proof.len());
        let part = Part::Segment(segment);
        measured("    check", || zkvm.check(host::PROGRAM, part, &proof).unwrap());
        proof
    };
    let proofs = execution.segments.iter().map(segment).collect();
    let joining = zkvm.joining(kind).unwrap();
    let proof = joining.fold(proofs, |place, parts| {
        let what = format!("join {} of level {}, {} parts", place.index, place.level, parts.len());
        let joined = measured(&what, || zkvm.join(kind, place, parts))?;
        println!("    {} bytes", joined.len());
        if !place.is_top {
            let part = Part::Joined { kind, place };
            measured("    check", || zkvm.check(host::PROGRAM, part, &joined).unwrap());
        }
        Ok::<_, ProveError>(joined)
    });
    proof.unwrap()
}

fn input(headers: usize) -> Vec<u8> {
    let text = include_str!("../../../examples/ethereum-block-24666352.json");
    let real: serde_json::Value = serde_json::from_str(text).unwrap();
    let child = |block: &serde_json::Value| Some(host::made_child(block).unwrap());
    let blocks: Vec<_> = std::iter::successors(Some(real), child).take(headers).collect();
    host::input_from_json(&blocks).unwrap()
}

fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    // Forgets the peak of memory so far.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (start, cpu) = (Instant::now(), cpu_s());
    let result = work();
    let (wall, cpu) = (start.elapsed().as_secs_f64() * 1e3, (cpu_s() - cpu) * 1e3);
    let peak = status_kib("VmHWM:") / 1024;
    println!("{what:32} {wall:>9.1} ms wall {cpu:>9.0} ms cpu {peak:>6} MiB");
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
