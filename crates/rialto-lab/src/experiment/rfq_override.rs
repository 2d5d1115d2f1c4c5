//! How much a quote is worth when a rival may undercut it within its window (X6).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Mean};
use rialto_mechanism::{Amount, Message, Span};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "rfq-override",
    about: "the share by which a rival must be better leads from an exclusive right to an open one",
    run,
};

/// What stands for 1, the most that a job pays and that a rival's proof costs.
const ONE: u128 = 1_000_000_000;
/// The best quote.
const QUOTE: f64 = 0.8;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for override_by in [None, Some(5_000), Some(2_000), Some(1_000), Some(100), Some(1)] {
        rows.extend(rivalry(override_by, effort)?);
    }
    Ok(rows)
}

/// A prover quotes, and then a rival comes whose cost is uniform on [0, 1] and who delivers if that pays.
fn rivalry(override_by: Option<u32>, effort: Effort) -> Result<Vec<Row>, Broken> {
    let share = override_by.map_or(String::new(), |bps| format!("override_by = {bps}\n"));
    let rules = format!(
        "quotes = \"10 s\"\nexclusive = \"10 min\"\nstart = 1000\nramp = \"5 min\"\ncooldown = \"1 h\"\nfee = 0\n{share}"
    );
    let mut floor = Floor::new("rfq-exclusive", &rules)?;
    let (quoter, rival) = (prover(0), prover(1));
    floor.fund(quoter)?;
    floor.fund(rival)?;
    let quote = (QUOTE * ONE as f64) as u128;
    let (mut dice, mut taken, mut paid) = (Dice::new(1, &rules), Mean::default(), Mean::default());
    for _ in 0..effort.jobs(30_000) {
        let job = floor.open(1_000_000, Amount::new(ONE), Span::s(5_000))?;
        floor.say(quoter, Some(job), Message::Bid { price: Amount::new(quote) })?;
        floor.pass(Span::s(11))?;
        let cost = u128::from(dice.below(ONE as u64));
        let before = floor.gain(quoter) + floor.gain(rival);
        // Nothing is shown where nobody may take the quoter's place.
        let pays = floor.price(job).is_some_and(|price| price.get() >= cost);
        let refused = if pays { floor.deliver(job, rival)? } else { floor.deliver(job, quoter)? };
        refused.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
        taken.add(f64::from(u8::from(pays)));
        // The quoter has its cover back.
        let cover = (ONE - quote) as f64;
        paid.add((floor.gain(quoter) + floor.gain(rival) - before - cover) / ONE as f64);
    }
    let kept = override_by.map_or(0.0, |bps| 1.0 - f64::from(bps) / 10_000.0);
    let (by_rival, price) = (QUOTE * kept, QUOTE * (1.0 - QUOTE * kept * (1.0 - kept)));
    let how = override_by
        .map_or("exclusive".to_owned(), |bps| format!("{} % better", f64::from(bps) / 100.0));
    let tolerance = effort.tolerance(0.01);
    Ok(vec![
        Row::near(format!("{how}: jobs that a rival takes"), by_rival, tolerance, taken.estimate()),
        Row::near(format!("{how}: mean price"), price, tolerance, paid.estimate()),
    ])
}
