//! A long time at a bad endpoint: the books add up at its end, and nothing has grown.

use crate::auditor::audit;
use crate::life::Life;
use crate::prover::Script;
use crate::quiet::until_quiet;
use crate::world::{Times, World};
use peak_alloc::PeakAlloc;
use rialto_chain::simulated::{Dice, Faults};
use rialto_node::crash::Blow;
use rialto_protocol::Timestamp;
use std::time::Duration;

/// Counts what the process holds.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

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

/// A world in which there is always something to do.
struct Day {
    world: World,
    dice: Dice,
    submitted: u32,
    next: Timestamp,
    /// Nothing is requested any more from then on.
    evening: Timestamp,
}

/// What one life came to.
#[derive(Debug)]
struct Lived {
    /// The most tasks at once.
    tasks: usize,
    /// Heap that its end has freed: what the node held, without the world around it.
    heap_kib: usize,
}

impl Day {
    fn begin(length_s: u64) -> Self {
        let world = World::new(Script { seed: 24, seconds_max: 10, failures: 50 });
        world.chain.set_faults(public_endpoint(24));
        let now = world.chain.now();
        let evening = now.saturating_add(length_s.saturating_sub(500));
        Self { world, dice: Dice::new(24, b"day"), submitted: 0, next: now, evening }
    }

    /// A life of so many seconds, which ends as by `kill -9`.
    fn live(&mut self, seconds: u64) -> Lived {
        let life = Life::start(&self.world, Blow::Never);
        let (end, mut tasks) = (self.world.chain.now().saturating_add(seconds), 0);
        while self.world.chain.now() < end {
            let now = self.world.chain.now();
            if now >= self.next && now < self.evening {
                self.submitted += 1;
                let times = kind(&mut self.dice);
                self.world.submit(&self.world.request(self.submitted, times));
                self.next = now.saturating_add(20 + self.dice.below(80));
            }
            self.world.chain.advance(STEP);
            assert!(life.advance(STEP), "the node lives all day");
            tasks = tasks.max(life.tasks());
        }
        let held = held_kib();
        drop(life);
        until_quiet(None);
        Lived { tasks, heap_kib: held.saturating_sub(held_kib()) }
    }
}

/// In CI a whole day; elsewhere an hour shows as much of what grows. Its last nine tenths are another
/// life's, which must not hold more at its end than the first.
#[test]
fn a_day_at_a_bad_endpoint_slow() {
    let hours = if std::env::var_os("RIALTO_FAULT_RUNS").is_some() { 24 } else { 1 };
    let length_s = hours * HOUR_S;
    let mut day = Day::begin(length_s);
    let short = day.live(length_s / 10);
    let long = day.live(length_s - length_s / 10);
    day.world.chain.set_faults(Faults::default());
    day.live(60);
    let Day { world, submitted, .. } = day;
    let report = audit(&*world.chain, world.prover.address(), &world.logbook());
    println!(
        "{hours} h, {submitted} requests, {short:?} in a tenth, {long:?} in the rest: {report:?}"
    );
    assert!(report.violations.is_empty(), "{report:#?}");
    assert!(report.locks as u64 > 10 * hours, "{report:?}");
    assert!(long.tasks <= short.tasks + 8, "tasks pile up: {short:?}, then {long:?}");
    assert!(long.heap_kib <= short.heap_kib * 5 / 4 + SLACK_KIB, "{short:?}, then {long:?}");
}

/// What the orders open at one moment may hold more than those at another.
const SLACK_KIB: usize = 512;

/// Heap of this process.
fn held_kib() -> usize {
    HEAP.current_usage() / 1_024
}
