//! Prices, faults and latency under a Dutch lock (E6).

use super::{Effort, Experiment, Row};
use crate::{Bidding, Broken, Cost, Estimate, Measures, Owner, World, oracle};
use rialto_mechanism::{Amount, Span, find};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "dutch-lock",
    about: "a Dutch lock is a first-price auction in time: its prices, its faults, and what latency is worth",
    run,
};

/// What stands for 1 where costs are uniform on [0, 1].
const ONE: Amount = Amount::new(1_000_000_000);
const CYCLES: Cycles = Cycles(1_000_000);
const PATIENCE: Span = Span::s(20_000);
/// From nothing to the most in a thousand seconds; half of a lost collateral is burned.
const RULES: &str = r#"
    start = 0
    delay = "0 s"
    ramp = "1000 s"
    lock = "2000 s"
    collateral = 10000
    burned = 5000
    fee = 0
"#;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for bidders in 2..=10 {
        rows.push(mean_price(bidders, effort)?);
    }
    rows.extend(fault()?);
    rows.extend(latency(effort)?);
    rows.extend(patience()?);
    Ok(rows)
}

/// What those pay whose bidders are in equilibrium.
fn mean_price(bidders: u32, effort: Effort) -> Result<Row, Broken> {
    let bidding = Bidding::FirstPrice { rivals: bidders - 1, to: ONE };
    let cost = Cost::Drawn { from: Amount::ZERO, to: ONE };
    let owners = (0..bidders).map(|nth| Owner { cost, bidding, ..prover(nth) });
    let measures = locked(owners.collect(), effort.jobs(40_000))?;
    let paid = measures.paid.estimate();
    let one = ONE.get() as f64;
    let paid = Estimate { mean: paid.mean / one, half: paid.half / one };
    let target = oracle::first_price_mean(bidders);
    let tolerance = effort.tolerance(0.01 * target);
    Ok(Row::near(format!("mean price among {bidders} bidders"), target, tolerance, paid))
}

/// The first locks and fails, the second rescues: half of the collateral is burned, half is the rescuer's,
/// and the requester pays nothing.
fn fault() -> Result<Vec<Row>, Broken> {
    let cheap = Amount::new(ONE.get() / 10);
    let failing = Owner { fault: 1.0, ..Owner::new("failing", cheap) };
    let able = Owner::new("able", Amount::new(ONE.get() / 5));
    let measures = locked(vec![failing, able], 50)?;
    let collateral = measures.jobs as f64 * ONE.get() as f64;
    let [failing, able] = &measures.owners[..] else { unreachable!("there are two owners") };
    let burned = measures.burned.get() as f64;
    Ok(vec![
        Row::exactly("of a failing locker's collateral, lost", 1.0, failing.forfeited / collateral),
        Row::exactly("of that, burned", 0.5, burned / collateral),
        Row::exactly("of that, the rescuer's", 0.5, able.paid / collateral),
        Row::exactly("paid by the requester then", 0.0, measures.paid.value()),
        Row::exactly("jobs proven all the same", 1.0, measures.live()),
    ])
}

/// Of two who are equal the one with the shorter way wins.
fn latency(effort: Effort) -> Result<Vec<Row>, Broken> {
    let half = Amount::new(ONE.get() / 2);
    let near = Owner::new("near", half);
    let far = Owner { latency: Span::ms(50), ..Owner::new("far", half) };
    let jobs = effort.jobs(160_000);
    let won = |measures: &Measures| measures.owners[0].won as f64 / jobs as f64;
    let equal = locked(vec![near.clone(), near.clone()], jobs)?;
    let apart = locked(vec![near, far], jobs)?;
    // Half is a coin's: its interval at this number of jobs.
    let coin = Estimate { mean: won(&equal), half: 0.98 / (jobs as f64).sqrt() };
    Ok(vec![
        Row::near("won by one of two equal provers", 0.5, effort.tolerance(0.005), coin),
        Row::exactly("won by the one that is 50 ms nearer", 1.0, won(&apart)),
    ])
}

/// A public clock pays whoever is alone for waiting.
fn patience() -> Result<Vec<Row>, Broken> {
    let half = Amount::new(ONE.get() / 2);
    let truthful = locked(vec![Owner::new("alone", half)], 50)?;
    let bidding = Bidding::FirstPrice { rivals: 0, to: ONE };
    let waiting = locked(vec![Owner { bidding, ..Owner::new("alone", half) }], 50)?;
    let gain =
        |measures: &Measures| measures.owners[0].profit() / measures.jobs as f64 / ONE.get() as f64;
    Ok(vec![
        Row::exactly("gain of one who is alone and locks at its cost", 0.0, gain(&truthful)),
        Row::exactly("gain of one who is alone and waits", 0.5, gain(&waiting)),
    ])
}

fn prover(nth: u32) -> Owner {
    Owner::new(format!("prover {nth}"), ONE)
}

fn locked(owners: Vec<Owner>, jobs: u64) -> Result<Measures, Broken> {
    let kind = find("dutch-lock").expect("it is in the catalogue");
    let mut world = World::new(kind, RULES, owners, 1)?;
    for _ in 0..jobs {
        world.offer(Span::s(1), CYCLES, ONE, PATIENCE);
        world.run()?;
    }
    Ok(world.measures().clone())
}
