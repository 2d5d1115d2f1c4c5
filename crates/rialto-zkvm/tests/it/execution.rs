//! Executing the block-header program, and what its limits and its input do to it.

use std::ops::ControlFlow::{Break, Continue};

use block_header_core::host;
use expect_test::expect;
use rialto_protocol::Cycles;
use rialto_zkvm::{ExecuteError, ExecutionLimits, Zkvm};

use crate::fixture::{LIMITS, chain_input, input, tampered_input, zkvm};

#[test]
fn the_real_header_is_accepted() {
    let execution = zkvm().execute(host::PROGRAM, &input(), &LIMITS).unwrap();
    let journal = block_header_core::Journal::decode(&execution.journal.0).unwrap();
    assert_eq!(Ok(journal), host::check(&input()));
    assert_eq!(execution.segments.len(), 1);
    assert_eq!(execution.segments[0].cycles, execution.cycles);
    // Changes with the program: its cost is a promise to those who price it.
    expect!["7057"].assert_eq(&execution.cycles.to_string());
}

#[test]
fn a_chain_of_two_costs_about_twice_as_much() {
    let execution = zkvm().execute(host::PROGRAM, &chain_input(2), &LIMITS).unwrap();
    expect!["12805"].assert_eq(&execution.cycles.to_string());
}

#[test]
fn a_tampered_header_is_refused_in_the_words_of_the_host() {
    let fault = host::check(&tampered_input()).unwrap_err().to_string();
    expect!["header 24666352: hash is 0x794762539ae1e3724ed61e4cc3b165bff6647fd782aaa588615377e2f4a8b10d, the header says 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70"].assert_eq(&fault);
    let refusal = zkvm().execute(host::PROGRAM, &tampered_input(), &LIMITS).unwrap_err();
    assert_eq!(refusal, ExecuteError::GuestPanicked { message: fault });
}

#[test]
fn no_input_is_refused_by_the_program() {
    let refusal = zkvm().execute(host::PROGRAM, &[], &LIMITS).unwrap_err();
    let message = host::check(&[]).unwrap_err().to_string();
    assert_eq!(refusal, ExecuteError::GuestPanicked { message });
}

#[test]
fn the_cycle_limit_is_exact() {
    let zkvm = zkvm();
    let cycles = zkvm.execute(host::PROGRAM, &input(), &LIMITS).unwrap().cycles;
    let with = |cycles_max| {
        zkvm.execute(host::PROGRAM, &input(), &ExecutionLimits { cycles_max, ..LIMITS })
    };
    assert_eq!(with(cycles).unwrap().cycles, cycles);
    for too_few in [0, 1, cycles.0 / 2, cycles.0 - 1].map(Cycles) {
        assert_eq!(with(too_few), Err(ExecuteError::CycleLimit { limit: too_few }));
    }
}

#[test]
fn the_memory_limit_holds() {
    let zkvm = zkvm();
    let with = |memory_max_bytes| {
        zkvm.execute(host::PROGRAM, &input(), &ExecutionLimits { memory_max_bytes, ..LIMITS })
    };
    // The program alone lies above two megabytes; a little more is not enough for its heap.
    for too_little in [0, 1 << 20, (2 << 20) + (26 << 10)] {
        let limit_bytes = too_little;
        assert_eq!(
            with(too_little),
            Err(ExecuteError::MemoryLimit { limit_bytes }),
            "{too_little}"
        );
    }
    assert!(with(3 << 20).is_ok());
    assert!(with(u64::MAX).is_ok());
}

#[test]
fn the_journal_limit_holds() {
    let limits = ExecutionLimits { journal_max_bytes: 147, ..LIMITS };
    let refusal = zkvm().execute(host::PROGRAM, &input(), &limits).unwrap_err();
    assert_eq!(refusal, ExecuteError::JournalTooLong { bytes: 148, limit_bytes: 147 });
}

#[test]
fn the_image_id_is_the_recorded_one() {
    // Changes with the program and with the machine; requests name it.
    expect!["0x8e5c6d22eaf6e8a28620487da200b358fe4b4378d44d26a43956f0ab91b2bfa3"]
        .assert_eq(&zkvm().image_id(host::PROGRAM).unwrap().to_string());
}

#[test]
fn less_memory_per_segment_means_more_segments() {
    let chain = chain_input(20);
    let segments = [505, 520, 540, 560, 600, 1024].map(|mib| {
        let zkvm = zkvm().with_segment_memory(mib << 20);
        let execution = zkvm.execute(host::PROGRAM, &chain, &LIMITS).unwrap();
        let cycles: Vec<_> =
            execution.segments.iter().map(|segment| segment.cycles.to_string()).collect();
        format!("{mib} MiB: {}", cycles.join(" + "))
    });
    expect![[r#"
        505 MiB: 1000 + 1000 + 10000 + 9000 + 7000 + 5000 + 4000 + 5000 + 5000 + 4000 + 5000 + 5000 + 4000 + 5000 + 5000 + 5000 + 4000 + 5000 + 5000 + 4000 + 5000 + 5000 + 4000 + 4686
        520 MiB: 1000 + 1000 + 10000 + 9000 + 12000 + 9000 + 9000 + 10000 + 9000 + 10000 + 9000 + 9000 + 10000 + 8686
        540 MiB: 11000 + 12000 + 19000 + 19000 + 19000 + 18000 + 18686
        560 MiB: 22000 + 22000 + 19000 + 20000 + 17000 + 16686
        600 MiB: 42000 + 28000 + 28000 + 18686
        1024 MiB: 116686"#]].assert_eq(&segments.join("\n"));
}

#[test]
fn segments_are_found_one_by_one_and_the_last_is_known_as_such() {
    let (chain, zkvm) = (chain_input(20), zkvm().with_segment_memory(540 << 20));
    let mut found = Vec::new();
    let execution = zkvm.execute_streaming(host::PROGRAM, &chain, &LIMITS, &mut |segment| {
        found.push(segment);
        Continue(())
    });
    let execution = execution.unwrap();
    assert_eq!(execution.segments, found);
    assert_eq!(found.len(), 7);
    // A plan ends with whether it is the last.
    let last: Vec<_> = found.iter().map(|segment| segment.plan.last() == Some(&1)).collect();
    assert_eq!(last, [false, false, false, false, false, false, true]);

    let mut heard = 0;
    let stopped = zkvm.execute_streaming(host::PROGRAM, &chain, &LIMITS, &mut |segment| {
        heard += 1;
        if segment == found[2] { Break(()) } else { Continue(()) }
    });
    assert_eq!((stopped, heard), (Err(ExecuteError::Stopped), 3));
}
