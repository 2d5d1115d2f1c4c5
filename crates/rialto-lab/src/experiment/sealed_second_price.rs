//! Truth, sole bidders and decoys in a sealed second-price auction (E5).

use super::{Effort, Experiment, Row};
use crate::{Bidding, Broken, Cost, Estimate, Mean, Measures, Others, Owner, World, oracle};
use rialto_mechanism::{Amount, Span, find};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "sealed-second-price",
    about: "nobody gains by another bid than its cost, unless it is alone and a decoy lifts its own price",
    run,
};

/// What stands for 1 where costs are uniform on [0, 1].
const ONE: Amount = Amount::new(1_000_000_000);
/// The most that a requester pays.
const MOST: Amount = Amount::new(1_500_000_000);
const CYCLES: Cycles = Cycles(1_000_000);
const PATIENCE: Span = Span::s(20_000);

fn rules(alone: &str) -> String {
    format!(
        "commit = \"1 h\"\nreveal = \"30 min\"\nlongest = \"30 d\"\nreserve = 10000\nalone = \"{alone}\"\n\
         bond = 1000\nmin_stake = 10000\novercommit = 0\nslash = 1000\nexit = \"7 d\"\n"
    )
}

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = exhaustive()?;
    for bidders in 2..=10 {
        rows.push(mean_price(bidders, effort)?);
    }
    rows.extend(decoy(effort)?);
    Ok(rows)
}

/// Costs and bids of the exhaustive part are whole numbers up to this.
const HIGHEST: usize = 6;
/// What one of them is in money.
const UNIT: u128 = 1_000;

/// Every bidder's every deviation from truth, at every combination of three costs: as others have
/// checked it, 7 203 deviations and 1 029 truthful payoffs.
fn exhaustive() -> Result<Vec<Row>, Broken> {
    let clearings = clearings()?;
    let outcome = |bids: [usize; 3]| &clearings[(bids[0] * 7 + bids[1]) * 7 + bids[2]];
    let payoff = |bids: [usize; 3], who: usize, cost: usize| {
        let (won, paid) = outcome(bids)[who];
        paid - won * cost as f64
    };
    let (mut deviations, mut gains, mut truths, mut losses) = (0u32, 0u32, 0u32, 0u32);
    for costs in profiles() {
        for who in 0..3 {
            let truthful = payoff(costs, who, costs[who]);
            truths += 1;
            losses += u32::from(truthful < -1e-9);
            for bid in 0..=HIGHEST {
                let mut bids = costs;
                bids[who] = bid;
                deviations += 1;
                gains += u32::from(payoff(bids, who, costs[who]) > truthful + 1e-9);
            }
        }
    }
    let row = |what: &str, target: f64, count: u32| Row::exactly(what, target, f64::from(count));
    Ok(vec![
        row("deviations from truth that were tried", 7_203.0, deviations),
        row("of them, profitable", 0.0, gains),
        row("truthful bids", 1_029.0, truths),
        row("of them, at a loss", 0.0, losses),
    ])
}

fn profiles() -> impl Iterator<Item = [usize; 3]> {
    (0..7usize.pow(3)).map(|index| [index / 49, index / 7 % 7, index % 7])
}

/// For each combination of bids, how often of each job every bidder wins and what it is paid on average,
/// in units. Which of equal bids wins is drawn, so the first committed is taken: the others' payoff
/// is the same, as price equals bid then.
fn clearings() -> Result<Vec<[(f64, f64); 3]>, Broken> {
    profiles()
        .map(|bids| {
            let owners = bids.map(|bid| {
                let ask = Amount::new(bid as u128 * UNIT);
                Owner { bidding: Bidding::Always(ask), ..Owner::new("bidder", Amount::ZERO) }
            });
            let measures = auction("reserve", owners.to_vec(), 1)?;
            let of = |who: usize| {
                let sums = &measures.owners[who];
                (sums.given as f64, sums.paid / UNIT as f64)
            };
            Ok([of(0), of(1), of(2)])
        })
        .collect()
}

/// As much as in a Dutch auction: revenues are equivalent though bids are not.
fn mean_price(bidders: u32, effort: Effort) -> Result<Row, Broken> {
    let owners = (0..bidders).map(|nth| drawn(&format!("bidder {nth}"))).collect();
    let target = oracle::first_price_mean(bidders);
    let tolerance = 0.01 * target;
    // Enough that a right one is off by more once in thousands of times.
    let jobs = (3.5 * oracle::second_price_deviation(bidders) / tolerance).powi(2) as u64;
    let measures = auction("reserve", owners, effort.jobs(jobs))?;
    let name = format!("mean price among {bidders} truthful bidders");
    Ok(Row::near(name, target, effort.tolerance(tolerance), in_ones(&measures.paid)))
}

/// One bidder, with a rival in four of five jobs, and a second address that bids the most or stays silent.
fn decoy(effort: Effort) -> Result<Vec<Row>, Broken> {
    let jobs = effort.jobs(90_000);
    let gain = |alone: &str, others: Others| -> Result<Estimate, Broken> {
        let rival = Owner { presence: 0.8, ..drawn("rival") };
        let bidder = Owner { addresses: 2, others, ..drawn("bidder") };
        let mut world = world(alone, vec![bidder, rival])?;
        let (mut gains, mut before) = (Mean::default(), 0.0);
        for _ in 0..jobs {
            world.offer(Span::s(1), CYCLES, MOST, PATIENCE);
            world.run()?;
            let profit = world.measures().owners[0].profit();
            gains.add(profit - std::mem::replace(&mut before, profit));
        }
        Ok(in_ones(&gains))
    };
    let tolerance = effort.tolerance(0.005);
    let (low, high) = (oracle::second_price_gain(0.8, 0.5), oracle::second_price_gain(0.8, 1.5));
    let mut rows = Vec::new();
    for (what, alone, others, target) in [
        ("own bid if alone: gain of an honest bidder", "own-bid", Others::Silent, low),
        ("own bid if alone: gain with a decoy", "own-bid", Others::Decoys, high),
        ("reserve if alone: gain of an honest bidder", "reserve", Others::Silent, high),
    ] {
        rows.push(Row::near(what, target, tolerance, gain(alone, others)?));
    }
    // Every bidder who is alone has its own bid lifted, and nobody else.
    for (what, alone, lifted) in [
        (
            "own bid if alone: of 56 cases, those where a decoy pays",
            "own-bid",
            HIGHEST as f64 + 1.0,
        ),
        ("reserve if alone: of 56 cases, those where a decoy pays", "reserve", 0.0),
    ] {
        rows.push(Row::exactly(what, lifted, decoys_that_pay(alone)?));
    }
    Ok(rows)
}

/// Every cost of a bidder against every bid of a rival, or none: how often a decoy changes what it gains.
fn decoys_that_pay(alone: &str) -> Result<f64, Broken> {
    let gain = |cost: usize, rival: Option<usize>, others: Others| -> Result<f64, Broken> {
        let units = |count: usize| Amount::new(count as u128 * UNIT);
        let bidder = Owner { addresses: 2, others, ..Owner::new("bidder", units(cost)) };
        let presence = if rival.is_some() { 1.0 } else { 0.0 };
        let rival = Owner { presence, ..Owner::new("rival", units(rival.unwrap_or_default())) };
        Ok(auction(alone, vec![bidder, rival], 1)?.owners[0].profit())
    };
    let mut changed = 0.0;
    for cost in 0..=HIGHEST {
        for rival in (0..=HIGHEST).map(Some).chain([None]) {
            let (honest, decoyed) =
                (gain(cost, rival, Others::Silent)?, gain(cost, rival, Others::Decoys)?);
            changed += f64::from(u8::from(honest != decoyed));
        }
    }
    Ok(changed)
}

fn drawn(name: &str) -> Owner {
    Owner { cost: Cost::Drawn { from: Amount::ZERO, to: ONE }, ..Owner::new(name, ONE) }
}

fn in_ones(paid: &Mean) -> Estimate {
    let Estimate { mean, half } = paid.estimate();
    let one = ONE.get() as f64;
    Estimate { mean: mean / one, half: half / one }
}

fn auction(alone: &str, owners: Vec<Owner>, jobs: u64) -> Result<Measures, Broken> {
    let mut world = world(alone, owners)?;
    for _ in 0..jobs {
        world.offer(Span::s(1), CYCLES, MOST, PATIENCE);
        world.run()?;
    }
    Ok(world.measures().clone())
}

fn world(alone: &str, owners: Vec<Owner>) -> Result<World, Broken> {
    let kind = find("sealed-second-price").expect("it is in the catalogue");
    World::new(kind, &rules(alone), owners, 1)
}
