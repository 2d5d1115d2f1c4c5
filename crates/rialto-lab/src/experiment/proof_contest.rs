//! What a proof contest costs and to whom it gives the jobs (E7): provers who answer each other's bids by the
//! mechanism's own weights come to rest where theory says.

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::oracle::{Contestant, contest, duel};
use crate::{Broken, Estimate, Mean};
use rialto_mechanism::mechanism::proof_contest;
use rialto_mechanism::{Amount, Bps, Message, Position, Span};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "proof-contest",
    about: "a contest for jobs spends most of their fees, the more so the higher its power, which also favours the cheap",
    run,
};

/// The fee that contestants spend for.
const PRIZE: f64 = 1e9;
const FEE: Amount = Amount::new(1_000_000_000);
const TOLERANCE: f64 = 0.005;
/// In which spending comes to rest wherever it does.
const ROUNDS: u32 = 200;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for count in 2..=10u32 {
        let spends = rest(&vec![1.0; count as usize], Bps(10_000));
        let target = f64::from(count - 1) / f64::from(count);
        let name = format!("spent of the fee by {count} equal provers");
        rows.push(fixed(name, target, spends.iter().sum()));
    }
    for (costs, power) in [
        (&[1.0, 1.2, 1.5][..], 10_000),
        (&[1.0, 1.2, 1.5], 5_000),
        (&[1.0, 2.0], 10_000),
        (&[1.0; 5], 10_000),
        (&[1.0; 5], 5_000),
    ] {
        rows.extend(compare(costs, Bps(power), effort)?);
    }
    // At powers on both sides of one.
    for power in [5_000, 10_000, 15_000] {
        let spends = rest(&[1.0, 1.2], Bps(power));
        let name =
            format!("won by the one of 2 to whom spending costs a sixth less, power {power}");
        let target = duel(1.0 / 1.2, f64::from(power) / 1e4);
        rows.push(fixed(name, target, shares(&spends, Bps(power))[0]));
    }
    rows.extend(what_power_does());
    rows.extend(pools());
    Ok(rows)
}

/// A number that follows from the mechanism's weights without chance.
fn fixed(name: String, target: f64, measured: f64) -> Row {
    Row::near(name, target, TOLERANCE, Estimate::exact(measured))
}

/// Shares, concentration and spending at rest against the first-order conditions; shares as the mechanism's draws
/// give them.
fn compare(costs: &[f64], power: Bps, effort: Effort) -> Result<Vec<Row>, Broken> {
    let theory = contest(costs, f64::from(power.0) / 1e4);
    let spends = rest(costs, power);
    let wins = play(&spends, power, effort.jobs(45_000))?;
    let what = format!("costs {costs:?}, power {}", power.0);
    let mut rows = Vec::new();
    for (place, (wins, Contestant { share, .. })) in wins.iter().zip(&theory).enumerate() {
        let name = format!("{what}: won by number {}", place + 1);
        rows.push(Row::near(name, *share, effort.tolerance(TOLERANCE), wins.estimate()));
    }
    let hhi = |shares: &[f64]| shares.iter().map(|share| share * share).sum();
    let expected: Vec<f64> = theory.iter().map(|it| it.share).collect();
    let name = format!("{what}: sum of squared shares");
    rows.push(fixed(name, hhi(&expected), hhi(&shares(&spends, power))));
    let name = format!("{what}: spent of the fee");
    let spent = theory.iter().map(|it| it.spend).sum();
    rows.push(fixed(name, spent, spends.iter().sum()));
    Ok(rows)
}

/// A higher power gives the cheapest more and costs all more.
fn what_power_does() -> Vec<Row> {
    let costs = [1.0, 1.2, 1.5];
    let [low, high] = [Bps(5_000), Bps(10_000)].map(|power| (rest(&costs, power), power));
    let first = |(spends, power): &(Vec<f64>, Bps)| shares(spends, *power)[0];
    let spent = |(spends, _): &(Vec<f64>, Bps)| spends.iter().sum::<f64>();
    let above = |name: &str, gain: f64| Row::above(name, 0.0, Estimate::exact(gain));
    vec![
        above("what the cheapest of 3 wins more at power 1 than at .5", first(&high) - first(&low)),
        above("what is spent more at power 1 than at .5", spent(&high) - spent(&low)),
    ]
}

/// Two of five equal provers who bid as one at power one: four contestants are left. What the two gain is
/// `1/4² − 2/5²`, each other one `1/4² − 1/5²`.
fn pools() -> Vec<Row> {
    let gain = |count: usize| {
        let (spends, power) = (rest(&vec![1.0; count], Bps(10_000)), Bps(10_000));
        shares(&spends, power)[0] - spends[0]
    };
    let (five, four) = (gain(5), gain(4));
    vec![
        fixed("what two of 5 gain together by bidding as one".into(), -0.017_5, four - 2.0 * five),
        fixed("what each other one gains by that".into(), 0.022_5, four - five),
    ]
}

/// How likely each wins who spends so much, by the mechanism's weights.
fn shares(spends: &[f64], power: Bps) -> Vec<f64> {
    let bids: Vec<Amount> =
        spends.iter().map(|spend| Amount::new((spend * PRIZE) as u128)).collect();
    let weights: Vec<f64> =
        proof_contest::weights(&bids, power).iter().map(|weight| weight.get() as f64).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Where spending comes to rest when each in turn moves half-way to what is best against the others; if it does not, where it
/// is then.
fn rest(costs: &[f64], power: Bps) -> Vec<f64> {
    let mut spends = vec![0.1; costs.len()];
    for _ in 0..ROUNDS {
        let mut moved = 0.0f64;
        for who in 0..costs.len() {
            let best = best_answer(&spends, who, costs[who], power);
            let next = f64::midpoint(spends[who], best);
            moved = moved.max((next - spends[who]).abs());
            spends[who] = next;
        }
        if moved < 1e-6 {
            break;
        }
    }
    spends
}

/// What a contestant gains rises with what it spends, then falls: narrowed from both sides by the golden ratio.
fn best_answer(spends: &[f64], who: usize, cost: f64, power: Bps) -> f64 {
    let mut tried = spends.to_vec();
    let mut gain = |spend: f64| {
        tried[who] = spend;
        shares(&tried, power)[who] - cost * spend
    };
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let (mut low, mut high) = (1e-6, 1.0);
    while high - low > 1e-7 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if gain(left) < gain(right) { low = left } else { high = right }
    }
    f64::midpoint(low, high)
}

// ------------------------------------------------------------------------------------ draws

const RULES: &str = "min_stake = 1\ncollect = \"1 s\"\nwindow = \"1 s\"\nslash = 0\nexit = \"1 s\"\n\
                     beacon = { lag = \"0 s\", patience = \"1 s\" }\n";

/// How often each wins of so many jobs who always bids what it spends.
fn play(spends: &[f64], power: Bps, jobs: u64) -> Result<Vec<Mean>, Broken> {
    let mut floor = Floor::new("proof-contest", &format!("{RULES}power = {}\n", power.0))?;
    for place in 0..spends.len() {
        floor.fund(prover(place))?;
        let position = Position { stake: Amount::from(1), price: Amount::ZERO, capacity: 1 };
        floor.join(prover(place), position)?;
    }
    let mut wins = vec![Mean::default(); spends.len()];
    for _ in 0..jobs {
        let job = floor.open(1, FEE, Span::s(10))?;
        for (place, spend) in spends.iter().enumerate() {
            let price = Amount::new((spend * PRIZE) as u128);
            floor.say(prover(place), Some(job), Message::Bid { price })?;
        }
        floor.pass(Span::ms(1_001))?;
        floor.seed()?;
        let (winner, _) = floor.holder(job).unwrap_or_default();
        for (place, wins) in wins.iter_mut().enumerate() {
            wins.add(f64::from(u8::from(winner == prover(place))));
        }
        floor.deliver(job, winner)?;
    }
    Ok(wins)
}
