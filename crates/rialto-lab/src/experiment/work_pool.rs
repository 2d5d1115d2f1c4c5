//! What a pool for proven work mints, to whom, and when proving for oneself pays (X1).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Estimate};
use rialto_mechanism::{Amount, Event, Position, Proof, Span};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "work-pool",
    about: "emission by proven work, capped by stake, mints less than it could and pays who proves for itself",
    run,
};

const RULES: &str = "work = 10000\ncap_divisor = 15\nexit = \"30 d\"";
/// An emission, large, so that rounding is nothing.
const EMISSION: u32 = 100_000_000;
/// Others' work in an epoch.
const OTHERS: u32 = 900;

fn run(_: Effort) -> Result<Vec<Row>, Broken> {
    let paid = epoch(1_000, &[(6, 6_000), (3, 6_000), (1, 6_000)])?;
    let mut rows = Vec::new();
    for (place, target) in [400.0, 300.0, 100.0].into_iter().enumerate() {
        let name = format!("of 1000 to number {} of 3 with work 6, 3 and 1", place + 1);
        rows.push(Row::exactly(name, target, paid[place]));
    }
    rows.push(Row::exactly("of 1000 not minted", 200.0, 1_000.0 - paid.iter().sum::<f64>()));
    for washed in [1, 100, 900] {
        // A washed unit is paid the emission over all work, its own among it.
        let target = f64::from(EMISSION) / f64::from(OTHERS + washed);
        let name = format!("cost of a unit below which washing {washed} beside {OTHERS} pays");
        let break_even = Estimate::exact(break_even(washed, u32::MAX)?);
        rows.push(Row::near(name, target, 1.0, break_even));
    }
    // Whose stake caps it at a tenth of the emission washes no more than brings that.
    let capped = break_even(OTHERS, EMISSION / 10 * 15)?;
    let target = f64::from(EMISSION / 10) / f64::from(OTHERS);
    let name = "the same for 900 under a cap of a tenth of the emission";
    rows.push(Row::near(name, target, 1.0, Estimate::exact(capped)));
    Ok(rows)
}

/// What a unit of washed work is paid, which is the cost at which washing breaks even.
fn break_even(washed: u32, stake: u32) -> Result<f64, Broken> {
    let paid = epoch(EMISSION, &[(OTHERS, u32::MAX), (washed, stake)])?;
    Ok(paid[1] / f64::from(washed))
}

/// What an epoch pays to provers with so much work and stake.
fn epoch(emission: u32, provers: &[(u32, u32)]) -> Result<Vec<f64>, Broken> {
    let mut floor = Floor::new("work-pool", RULES)?;
    let job = floor.open(1, Amount::from(emission), Span::s(100))?;
    for (place, (part, stake)) in provers.iter().enumerate() {
        let by = prover(place);
        floor.fund(by)?;
        let stake = Amount::from(*stake);
        floor.join(by, Position { stake, ..Position::default() })?;
        let proof = Proof { valid: true, part: *part };
        floor.must(Event::Deliver { job, by, proof })?;
    }
    floor.pass(Span::s(101))?;
    Ok((0..provers.len()).map(|place| floor.gain(prover(place))).collect())
}
