//! Waste and monopoly in an open race (E1): what the Aztec forum and Taiko's "prover redundancy" say of races,
//! in numbers.

use super::{Effort, Experiment, Row};
use crate::{Broken, Estimate, Mean, Measures, Owner, OwnerSums, World, oracle};
use rialto_mechanism::{Amount, Span, find};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "race",
    about: "an open race wastes the work of all but one, and with little jitter the fastest wins it",
    run,
};

/// What a million cycles cost everybody.
const COST: Amount = Amount::new(1_000_000);
/// What a job pays where that is not the question: a hundred times what it costs.
const REWARD: Amount = Amount::new(10_000_000_000);
const CYCLES: Cycles = Cycles(100_000_000);
const PATIENCE: Span = Span::s(10_000);

/// Jobs after which a share is off by the tolerance of half a percentage point once in 15 000 times.
const SURE: u64 = 160_000;

const WINNER_TAKES_ALL: &str = "settle = \"first\"\nprizes = [10000]";
const UNCLES: &str = "settle = \"first\"\nprizes = [6000, 2500, 1500]";
/// Ten minutes: longer than anybody here takes.
const MIN_TIME: &str = "settle = \"share\"\nwindow = \"10 min\"";

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for count in 1..=10u32 {
        let measures = race(WINNER_TAKES_ALL, equal(count), REWARD, 20)?;
        let waste = f64::from(count - 1) / f64::from(count);
        rows.push(Row::exactly(format!("waste of {count} equal"), waste, measures.waste()));
    }
    for speedup in [1.1, 1.3] {
        for jitter in [0.05, 0.1, 0.3, 1.0] {
            rows.push(favourite(speedup, jitter, effort)?);
        }
    }
    for ratio in 1..=20u32 {
        let entrants = free_entry(ratio)?;
        let name = format!("provers who enter for a reward of {ratio}.5 costs");
        rows.push(Row::exactly(name, f64::from(ratio), f64::from(entrants)));
    }
    rows.extend(softened(effort)?);
    Ok(rows)
}

/// How often the one who is faster wins.
fn favourite(speedup: f64, jitter: f64, effort: Effort) -> Result<Row, Broken> {
    let jobs = effort.jobs(SURE);
    let measures = race(WINNER_TAKES_ALL, with_favourite(speedup, jitter), REWARD, jobs)?;
    let name = format!("won by the one of 5 who is {speedup} times as fast, jitter {jitter}");
    let target = oracle::race_win(speedup, jitter, 5);
    let wins = share(measures.owners[0].won, jobs);
    Ok(Row::near(name, target, effort.tolerance(0.005), wins.estimate()))
}

/// Provers enter one by one as long as nobody loses; half a cost above whole numbers, so that the last
/// one in gains.
fn free_entry(ratio: u32) -> Result<u32, Broken> {
    let reward = Amount::new(COST.get() * u128::from(2 * ratio + 1) / 2 * 100);
    let mut entrants = 0;
    loop {
        let measures = race(WINNER_TAKES_ALL, equal(entrants + 1), reward, 20)?;
        let left: f64 = measures.owners.iter().map(OwnerSums::profit).sum();
        if left < 0.0 {
            return Ok(entrants);
        }
        entrants += 1;
    }
}

/// What takes the monopoly away: a minimum proving time and, in part, uncles.
fn softened(effort: Effort) -> Result<Vec<Row>, Broken> {
    let owners = || with_favourite(1.3, 0.05);
    let shared = race(MIN_TIME, owners(), REWARD, 100)?.concentration();
    let jobs = effort.jobs(10_000);
    let uncles = race(UNCLES, owners(), REWARD, jobs)?.concentration();
    let alone = race(WINNER_TAKES_ALL, owners(), REWARD, jobs)?.concentration();
    let (Some(shared), Some(uncles), Some(alone)) = (shared, uncles, alone) else {
        unreachable!("rewards were paid");
    };
    // A share of each job lies between nothing and one, so its deviation is a half at most.
    let half = 0.98 / (jobs as f64).sqrt();
    let of_uncles = Estimate { mean: uncles.top, half };
    let less = Estimate { mean: alone.top - uncles.top, half: 2.0 * half };
    let tolerance = effort.tolerance(0.01);
    Ok(vec![
        Row::exactly("largest share with a minimum proving time", 0.2, shared.top),
        Row::near("largest share with uncles at 60, 25 and 15 %", 0.6, tolerance, of_uncles),
        Row::above("how much less that is than without", 0.3, less),
    ])
}

fn equal(count: u32) -> Vec<Owner> {
    (0..count).map(|nth| Owner::new(format!("prover {nth}"), COST)).collect()
}

/// Five, of whom the first is faster.
fn with_favourite(speedup: f64, jitter: f64) -> Vec<Owner> {
    let mut owners = equal(5);
    for owner in &mut owners {
        owner.jitter = jitter;
    }
    let usual = owners[0].mcycle_time.get() as f64;
    owners[0].mcycle_time = Span::ms((usual / speedup).round() as u64);
    owners
}

fn race(rules: &str, owners: Vec<Owner>, reward: Amount, jobs: u64) -> Result<Measures, Broken> {
    let kind = find("open-race").expect("it is in the catalogue");
    let mut world = World::new(kind, rules, owners, 1)?;
    for _ in 0..jobs {
        world.offer(Span::s(1), CYCLES, reward, PATIENCE);
        world.run()?;
    }
    Ok(world.measures().clone())
}

fn share(of: u64, all: u64) -> Mean {
    let mut mean = Mean::default();
    mean.extend((0..all).map(|nth| if nth < of { 1.0 } else { 0.0 }));
    mean
}
