//! The node under faults: seeded runs on a simulated chain in virtual time, with kills at every durable
//! step, judged by an auditor that shares no code with the node.
//!
//! One run (`run`) is a `world`, made of a simulated chain, an attester, a client and a rival, and the
//! lives of a node in it. A `life` is a runtime of its own whose clock the run moves; a kill drops all of
//! it, and the next life finds what was durable. `auditor` judges what is left.
//!
//! Each scenario runs its share of the seeds. `RIALTO_FAULT_RUNS` says how many runs there are in all
//! (`make bench`: 2000, and then the day is 24 hours long); `RIALTO_FAULT_SEED=n` replays one.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]
#![cfg(target_os = "linux")]

mod auditor;
mod day;
mod life;
mod outage;
mod prover;
mod quiet;
mod run;
mod world;

use auditor::{Violation, audit};
use run::{Outcome, Run, SCENARIOS, Scenario, run};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::collections::BTreeSet;
use std::time::Duration;
use world::{World, block_on};

/// Enough to meet every scenario with and without kills.
const RUNS: u64 = 48;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What the node's own record says of a run, line by line.
fn history(world: &World) -> String {
    block_on(async {
        let options = SqliteConnectOptions::new().filename(world.logbook()).read_only(true);
        let mut tables = options.connect().await.unwrap();
        let history = "SELECT seq || ' ' || ifnull(hex(substr(digest, 1, 4)), '-') || ' ' || event
                       FROM history ORDER BY seq";
        let lines: Vec<String> = sqlx::query_scalar(history).fetch_all(&mut tables).await.unwrap();
        lines.join("\n")
    })
}

/// One run, and what is wrong with it: with the words that replay it.
fn check(seed: u64) -> (Outcome, World, Option<String>) {
    let (outcome, world) = run(seed);
    // A bad endpoint may keep a node from reading the past for a while; nothing else may.
    let excused = matches!(outcome.scenario, Scenario::Endpoint | Scenario::Storm);
    let is_slow = !excused && outcome.slowest_recovery >= Duration::from_secs(2);
    let wrong = (is_slow || !outcome.report.violations.is_empty())
        .then(|| format!("RIALTO_FAULT_SEED={seed} replays: {outcome:#?}\n"));
    (outcome, world, wrong)
}

/// The runs of one scenario: the seeds with its remainder.
fn check_scenario(index: u64) {
    let of = SCENARIOS.len() as u64;
    let runs = number("RIALTO_FAULT_RUNS").unwrap_or(RUNS).div_ceil(of);
    let (mut locks, mut paid, mut redundant, mut kills) = (0, 0, 0, 0);
    let (mut failures, mut slowest) = (Vec::new(), Duration::ZERO);
    for nth in 0..runs {
        let (outcome, _, wrong) = check(nth * of + index);
        locks += outcome.report.locks;
        paid += outcome.report.paid;
        redundant += outcome.report.redundant;
        kills += outcome.kills.len();
        slowest = slowest.max(outcome.slowest_recovery);
        failures.extend(wrong);
    }
    let scenario = SCENARIOS[usize::try_from(index).unwrap()];
    println!(
        "{scenario:?}: {runs} runs, {kills} kills, {locks} locks, {paid} paid, {redundant} \
         delivered again for nothing, slowest recovery {slowest:?}, {} failed",
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.concat());
    assert!(locks > 0 && kills > 0, "the runs show something");
}

macro_rules! scenarios {
    ($($name:ident = $index:literal;)*) => {
        $(#[test]
        fn $name() {
            check_scenario($index);
        })*
    };
}

scenarios! {
    calm = 0;
    lost_and_late_transactions = 1;
    replaced_transactions = 2;
    reorgs = 3;
    a_bad_endpoint = 4;
    rivals = 5;
    failing_proofs = 6;
    everything_at_once = 7;
}

/// Kills the node once at every place before and after a durable step that any scenario leads to: at
/// each death the next life is armed for the next place where no life has ended yet.
#[test]
fn each_durable_step_is_a_last_step_once() {
    let of = SCENARIOS.len() as u64;
    let (mut ended_at, mut runs, mut without_news) = (BTreeSet::new(), 0, 0);
    while without_news < of {
        let run = Run::new(EACH_STEP_SEED + runs).killed_beyond(ended_at.clone());
        let (outcome, world) = run.complete();
        assert_eq!(outcome.report.violations, [], "{outcome:#?}\n{}", history(&world));
        without_news = if outcome.kills.is_empty() { without_news + 1 } else { 0 };
        ended_at.extend(outcome.kills);
        runs += 1;
        assert!(runs < 30 * of, "there is no end of places: {ended_at:#?}");
    }
    println!("{runs} runs, the node has ended {} ways:", ended_at.len());
    ended_at.iter().for_each(|place| println!("  {place}"));
    let steps: BTreeSet<_> = ended_at.iter().map(|place| place.step()).collect();
    for step in ["record an intent", "record a proof", "close an order", "record a refusal"] {
        assert!(steps.contains(step), "{step} is a durable step; {steps:?}");
    }
}

/// Any multiple of the number of scenarios, so that each of them has its turn.
const EACH_STEP_SEED: u64 = 100_000;

#[test]
fn one_seed() {
    if let Some(seed) = number("RIALTO_FAULT_SEED") {
        let (outcome, world, wrong) = check(seed);
        println!("{}", history(&world));
        assert!(wrong.is_none(), "{outcome:#?}");
        println!("{outcome:#?}");
    }
}

/// A seed without kills whose node has locks to lose.
const QUIET_SEED: u64 = 0;

#[test]
fn the_auditor_sees_a_lock_that_is_forgotten() {
    let mut run = Run::new(QUIET_SEED);
    let me = run.world.prover.address();
    while !run.world.chain.requests().iter().any(|request| request.locker == me) {
        run.step();
    }
    // The node never comes back: what it has locked lapses.
    drop(run.life.take());
    run.down_until = rialto_protocol::Timestamp(u64::MAX);
    (0..800).for_each(|_| run.step());
    let violations = audit(&run.world.chain, me, &run.world.logbook()).violations;
    assert!(violations.iter().any(|it| matches!(it, Violation::LostLock(_))), "{violations:?}");
}

#[test]
fn the_auditor_sees_a_logbook_that_is_wrong() {
    let (outcome, world) = run(QUIET_SEED);
    assert_eq!((outcome.kills, outcome.report.violations), (vec![], vec![]));
    let tamper = |statements: &'static [&'static str]| {
        block_on(async {
            let options = SqliteConnectOptions::new().filename(world.logbook()).foreign_keys(false);
            let mut tables = options.connect().await.unwrap();
            for statement in statements {
                sqlx::query(*statement).execute(&mut tables).await.unwrap();
            }
        });
        audit(&world.chain, world.prover.address(), &world.logbook()).violations
    };
    let found = tamper(&[
        "INSERT INTO intent (digest, kind, at_ms) SELECT digest, 'lock', 0 FROM request LIMIT 1",
    ]);
    assert_eq!(found, [Violation::OpenIntents(1)]);
    let locks = outcome.report.locks;
    let found = tamper(&[
        "DELETE FROM intent WHERE outcome IS NULL",
        "DELETE FROM fact WHERE kind = 'locked'",
    ]);
    assert_eq!(found, [Violation::OtherLocks { chain: locks, logbook: 0 }]);
    let found = tamper(&["DELETE FROM request"]);
    assert_eq!(found.iter().filter(|it| matches!(it, Violation::Orphan(_))).count(), locks);
}
