//! The node under faults: seeded runs in virtual time on a simulated chain and on anvil, with kills at
//! every durable step, judged by an auditor that shares no code with the node.
//!
//! One run (`run`) is a `world`, made of a `chain`, an attester, a client and a rival, and the lives of a
//! node in it. A `life` is a runtime of its own whose clock the run moves; a kill drops all of it, and
//! the next life finds what was durable. `auditor` judges what is left. On `anvil` the contracts
//! themselves rule, and a `wire` between it and the node fails as endpoints do; what it does within a
//! look of the clock depends on the machine, so a seed leads to nearly the same run again.
//!
//! Each scenario runs its share of the seeds. `RIALTO_FAULT_RUNS` says how many simulated runs there are
//! in all (`make bench`: 2000, and then the day is 24 hours long), `RIALTO_FAULT_ANVIL_RUNS` how many on
//! anvil; `RIALTO_FAULT_SEED=17` or `RIALTO_FAULT_SEED=anvil:17` replays one.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]
#![cfg(target_os = "linux")]

mod anvil;
mod auditor;
mod chain;
mod day;
mod life;
mod outage;
mod prover;
mod quiet;
mod run;
mod wire;
mod world;

use auditor::{Violation, audit};
use run::{Ground, Outcome, Run, SCENARIOS, run};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::collections::BTreeSet;
use std::time::Duration;
use world::{World, block_on};

/// The first seed of a ground and how many runs there are, if nothing else is said: enough to meet
/// every scenario, with and without kills.
fn seeds(ground: Ground) -> (u64, u64) {
    let (name, first, usual) = match ground {
        Ground::Simulated => ("RIALTO_FAULT_RUNS", 0, 48),
        Ground::Anvil => (ANVIL_RUNS, 64, 16),
    };
    let runs = std::env::var(name).map(|runs| runs.parse().expect("a number of runs"));
    (first, runs.unwrap_or(usual))
}

const ANVIL_RUNS: &str = "RIALTO_FAULT_ANVIL_RUNS";
/// So many runs of any scenario have locks and kills among them.
const TELLING: u64 = 5;

/// By then a node that was killed has read the past and works, whatever goes wrong.
const RECOVERY_MAX: Duration = Duration::from_secs(2);

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
fn check(ground: Ground, seed: u64) -> (Outcome, World, Option<String>) {
    let (outcome, world) = run(ground, seed);
    // Anvil answers in the host's time: on a busy machine it is a slow endpoint, which is no fault.
    let is_slow = ground == Ground::Simulated && outcome.slowest_recovery >= RECOVERY_MAX;
    let wrong = (is_slow || !outcome.report.violations.is_empty()).then(|| {
        let (scenario, history) = (outcome.scenario, history(&world));
        format!("{scenario:?}, seed {seed}, {ground:?}: {outcome:#?}\n{history}\n")
    });
    (outcome, world, wrong)
}

/// The runs of one scenario: the seeds with its remainder.
fn check_scenario(ground: Ground, index: u64) {
    let of = SCENARIOS.len() as u64;
    let (first, runs) = seeds(ground);
    let runs = runs.div_ceil(of);
    let (mut locks, mut paid, mut redundant, mut kills) = (0, 0, 0, 0);
    let (mut failures, mut slowest) = (Vec::new(), Duration::ZERO);
    for nth in 0..runs {
        let (outcome, _, wrong) = check(ground, first + nth * of + index);
        locks += outcome.report.locks;
        paid += outcome.report.paid;
        redundant += outcome.report.redundant;
        kills += outcome.kills.len();
        slowest = slowest.max(outcome.slowest_recovery);
        failures.extend(wrong);
    }
    let scenario = SCENARIOS[usize::try_from(index).unwrap()];
    println!(
        "{ground:?}, {scenario:?}: {runs} runs, {kills} kills, {locks} locks, {paid} paid, {redundant} \
         delivered again for nothing, slowest recovery {slowest:?}, {} failed",
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.concat());
    assert!(runs < TELLING || locks > 0 && kills > 0, "the runs show something");
}

macro_rules! scenarios {
    ($($name:ident = $index:literal;)*) => {
        $(#[test]
        fn $name() {
            check_scenario(Ground::Simulated, $index);
        })*

        mod on_anvil {
            use super::{Ground, check_scenario};

            $(#[test]
            fn $name() {
                check_scenario(Ground::Anvil, $index);
            })*
        }
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

#[test]
fn each_durable_step_is_a_last_step_once() {
    end_everywhere(Ground::Simulated);
}

/// That takes as long as all other runs on anvil.
#[test]
fn each_durable_step_is_a_last_step_once_on_anvil() {
    if std::env::var_os(ANVIL_RUNS).is_some() {
        end_everywhere(Ground::Anvil);
    }
}

/// Kills the node once at every place before and after a durable step that any scenario leads to: at
/// each death the next life is armed for the next place where no life has ended yet.
fn end_everywhere(ground: Ground) {
    let of = SCENARIOS.len() as u64;
    let (mut ended_at, mut runs, mut without_news) = (BTreeSet::new(), 0, 0);
    while without_news < of {
        let run = Run::new(ground, EACH_STEP_SEED + runs).killed_beyond(ended_at.clone());
        let (outcome, world) = run.complete();
        assert_eq!(outcome.report.violations, [], "{outcome:#?}\n{}", history(&world));
        without_news = if outcome.kills.is_empty() { without_news + 1 } else { 0 };
        ended_at.extend(outcome.kills);
        runs += 1;
        assert!(runs < 30 * of, "there is no end of places: {ended_at:#?}");
    }
    println!("{ground:?}: {runs} runs, the node has ended {} ways:", ended_at.len());
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
    if let Ok(named) = std::env::var("RIALTO_FAULT_SEED") {
        let (ground, seed) = match named.strip_prefix("anvil:") {
            Some(seed) => (Ground::Anvil, seed),
            None => (Ground::Simulated, &*named),
        };
        let (outcome, world, wrong) = check(ground, seed.parse().expect("a number"));
        println!("{}", history(&world));
        assert!(wrong.is_none(), "{outcome:#?}");
        println!("{outcome:#?}");
    }
}

/// A seed without kills whose node has locks to lose.
const QUIET_SEED: u64 = 0;

#[test]
fn the_auditor_sees_a_lock_that_is_forgotten() {
    let mut run = Run::new(Ground::Simulated, QUIET_SEED);
    let me = run.world.prover.address();
    while !run.world.chain.locks().iter().any(|lock| lock.locker == me) {
        run.step();
    }
    // The node never comes back: what it has locked lapses.
    drop(run.life.take());
    run.down_until = rialto_protocol::Timestamp(u64::MAX);
    (0..800).for_each(|_| run.step());
    let violations = audit(&*run.world.chain, me, &run.world.logbook()).violations;
    assert!(violations.iter().any(|it| matches!(it, Violation::LostLock(_))), "{violations:?}");
}

#[test]
fn the_auditor_sees_a_logbook_that_is_wrong() {
    let (outcome, world) = run(Ground::Simulated, QUIET_SEED);
    assert_eq!((outcome.kills, outcome.report.violations), (vec![], vec![]));
    let tamper = |statements: &'static [&'static str]| {
        block_on(async {
            let options = SqliteConnectOptions::new().filename(world.logbook()).foreign_keys(false);
            let mut tables = options.connect().await.unwrap();
            for statement in statements {
                sqlx::query(*statement).execute(&mut tables).await.unwrap();
            }
        });
        audit(&*world.chain, world.prover.address(), &world.logbook()).violations
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
