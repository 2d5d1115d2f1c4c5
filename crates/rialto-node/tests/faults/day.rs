//! A long time at a bad endpoint: the books add up at its end, and nothing has grown.

use crate::auditor::audit;
use crate::life::Life;
use crate::prover::Script;
use crate::world::{Times, World};
use rialto_chain::simulated::{Dice, Faults};
use rialto_node::crash::Blow;
use std::time::Duration;

const STEP: Duration = Duration::from_millis(500);
const HOUR_S: u64 = 3_600;

/// As much as goes wrong at a public endpoint, all day.
fn public_endpoint(seed: u64) -> Faults {
    Faults {
        seed,
        timeouts: 4,
        rate_limits: 20,
        errors: 10,
        slow: 30,
        stale: 40,
        receipts_missing: 100,
        ..Faults::default()
    }
}

/// Requests of three kinds come all the time, some short, some long, some that nobody should take.
fn kind(dice: &mut Dice) -> Times {
    match dice.below(3) {
        0 => Times { ramp: 4, lock: 90, total: 120 },
        1 => Times { ramp: 20, lock: 240, total: 400 },
        _ => Times { ramp: 1, lock: 3, total: 10 },
    }
}

/// In CI a whole day; elsewhere an hour shows as much of what grows.
#[test]
fn a_day_at_a_bad_endpoint_slow() {
    let hours = if std::env::var_os("RIALTO_FAULT_RUNS").is_some() { 24 } else { 1 };
    let world = World::new(Script { seed: 24, seconds_max: 10, failures: 50 });
    world.chain.set_faults(public_endpoint(24));
    let life = Life::start(&world, Blow::Never);
    let (mut dice, mut index) = (Dice::new(24, b"day"), 0);
    let end = world.chain.now().saturating_add(hours * HOUR_S);
    let mut next = world.chain.now();
    // The most tasks at once, and the memory, in the second tenth of the time and in the ninth.
    let (mut early, mut late, begin) = ((0, 0), (0, 0), world.chain.now());
    while world.chain.now() < end {
        let now = world.chain.now();
        if now >= next && now.saturating_add(500) < end {
            index += 1;
            world.submit(&world.request(index, kind(&mut dice)));
            next = now.saturating_add(20 + dice.below(80));
        }
        world.chain.advance(STEP);
        assert!(life.advance(STEP), "the node lives all day");
        match begin.seconds_until(now) * 10 / (hours * HOUR_S) {
            1 => early = (early.0.max(life.tasks()), resident_kib()),
            8 => late = (late.0.max(life.tasks()), resident_kib()),
            _ => {}
        }
    }
    world.chain.set_faults(Faults::default());
    for _ in 0..120 {
        world.chain.advance(STEP);
        assert!(life.advance(STEP));
    }
    drop(life);
    let report = audit(&*world.chain, world.prover.address(), &world.logbook());
    println!(
        "{hours} h, {index} requests, early and late at most {} and {} tasks, {} and {} KiB resident \
         (the simulated chain keeps its blocks): {report:?}",
        early.0, late.0, early.1, late.1
    );
    assert!(report.violations.is_empty(), "{report:#?}");
    assert!(report.locks as u64 > 10 * hours, "{report:?}");
    assert!(late.0 <= early.0 + 8, "tasks pile up: {early:?} early, {late:?} late");
}

/// Memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
