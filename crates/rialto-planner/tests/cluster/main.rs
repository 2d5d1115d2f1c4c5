//! A whole cluster in virtual time: the real rule book and the real dispatcher, workers and a network that fail in
//! every way that a seed thinks of, and an auditor that knows neither.

mod auditor;
mod world;

use auditor::Report;
use world::{Plight, World};

/// How many seeds there are for each plight; more for a measurement with `RIALTO_CLUSTER_SEEDS`.
fn seeds() -> u64 {
    let asked = std::env::var("RIALTO_CLUSTER_SEEDS").ok();
    let all: u64 = asked.map_or(10_000, |it| it.parse().expect("a number of seeds"));
    all.div_ceil(Plight::ALL.len() as u64)
}

fn check(plight: Plight) {
    let mut all = Report::default();
    for seed in 0..seeds() {
        let report = World::new(plight, seed).run();
        assert!(report.violations.is_empty(), "{plight:?}, seed {seed}: {:#?}", report.violations);
        all.add(&report);
    }
    println!("{plight:?}: {all}");
    all.assert_saw(plight);
}

#[test]
fn all_is_well() {
    check(Plight::Calm);
}

#[test]
fn workers_crash_and_pause() {
    check(Plight::Workers);
}

#[test]
fn messages_are_lost_repeated_and_late() {
    check(Plight::Network);
}

#[test]
fn the_coordinator_restarts() {
    check(Plight::Coordinator);
}

#[test]
fn disks_are_slow_and_clocks_are_wrong() {
    check(Plight::Slow);
}

#[test]
fn programs_are_bad_and_tasks_kill_their_workers() {
    check(Plight::Poison);
}

#[test]
fn workers_lie() {
    check(Plight::Liars);
}

#[test]
fn everything_at_once() {
    check(Plight::Storm);
}
