//! The faults that the first versions of the stake pool shipped with: the same questions are put to them and to the
//! mechanism here.

use super::{COST, MOST, PATIENCE, Pricing, position, rules};
use crate::experiment::{Effort, Row};
use crate::floor::{Floor, number_of, prover};
use crate::{Broken, Dice, Estimate};
use rialto_mechanism::{Amount, Event};

/// Three provers, whose weights were small whole numbers.
const WEIGHTS: [u64; 3] = [1, 1, 2];
/// What a weight of one has at stake here.
const STAKE: u128 = 1 << 40;
/// Prices that tell them apart and hardly change the weights.
const PRICES: [u128; 3] = [COST, COST + 1, COST + 2];

/// What a draw did.
struct Drawn {
    /// Whom it chose, if anybody.
    prover: Option<usize>,
    /// Which price it stated.
    price: u128,
    /// Whose capacity it took.
    busied: Option<usize>,
}

/// A pool that can be asked whether it does what it must.
trait Pool {
    /// Draws once, for a job that is done at once.
    fn draw(&mut self) -> Result<Drawn, Broken>;

    /// Who cannot be drawn any more after this one has left.
    fn gone_after_leaving(&mut self, leaver: usize) -> Result<Vec<usize>, Broken>;
}

/// Versions 1 and 2: the walk ends one ticket early, so the first ticket finds nobody; the price is the last slot's; the
/// capacity is taken from the slot behind the drawn one; and whoever leaves, slot 0 is emptied.
struct Shipped(Dice);

/// The mechanism here.
struct Ours(Floor);

impl Pool for Shipped {
    fn draw(&mut self) -> Result<Drawn, Broken> {
        let ticket = self.0.below(WEIGHTS.iter().sum());
        let (mut walked, mut slots) = (0, 0);
        while walked < ticket {
            walked += WEIGHTS[slots];
            slots += 1;
        }
        let price = PRICES[PRICES.len() - 1];
        Ok(Drawn { prover: slots.checked_sub(1), price, busied: Some(slots % WEIGHTS.len()) })
    }

    fn gone_after_leaving(&mut self, _: usize) -> Result<Vec<usize>, Broken> {
        Ok(vec![0])
    }
}

impl Ours {
    fn new() -> Result<Self, Broken> {
        let mut floor = Floor::new("stake-pool", &rules("stake", &Pricing::FREE, 1))?;
        for (number, (weight, price)) in WEIGHTS.into_iter().zip(PRICES).enumerate() {
            floor.fund(prover(number))?;
            floor.join(prover(number), position(u128::from(weight) * STAKE, price))?;
        }
        Ok(Self(floor))
    }
}

impl Pool for Ours {
    fn draw(&mut self) -> Result<Drawn, Broken> {
        let job = self.0.open(1_000_000, Amount::new(MOST), PATIENCE)?;
        self.0.seed()?;
        let busied = (0..WEIGHTS.len()).find(|at| self.0.duties(prover(*at)) > 0);
        let Some((party, price)) = self.0.holder(job) else {
            return Ok(Drawn { prover: None, price: 0, busied });
        };
        self.0.deliver(job, party)?;
        Ok(Drawn { prover: Some(number_of(party)), price: price.get(), busied })
    }

    fn gone_after_leaving(&mut self, leaver: usize) -> Result<Vec<usize>, Broken> {
        self.0.must(Event::Leave { party: prover(leaver) })?;
        Ok((0..WEIGHTS.len()).filter(|at| self.0.tickets(prover(*at)) == 0.0).collect())
    }
}

/// The same questions to both.
pub(super) fn faults(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    let shipped = Answers::of(&mut Shipped(Dice::new(1, "shipped")), effort)?;
    let ours = Answers::of(&mut Ours::new()?, effort)?;
    let off = "largest error of a share of draws";
    rows.push(Row::above(format!("as shipped: {off}"), 0.2, Estimate::exact(shipped.off)));
    let bound = effort.tolerance(0.01);
    rows.push(Row::near(format!("here: {off}"), 0.0, bound, Estimate::exact(ours.off)));
    for (what, shipped, ours) in [
        ("draws at another's price", shipped.mispriced, ours.mispriced),
        ("draws that busy another", shipped.misplaced, ours.misplaced),
        ("leavers who can still be drawn", shipped.staying, ours.staying),
    ] {
        rows.push(Row::above(
            format!("as shipped: share of {what}"),
            0.0,
            Estimate::exact(shipped),
        ));
        rows.push(Row::exactly(format!("here: share of {what}"), 0.0, ours));
    }
    Ok(rows)
}

/// How wrong a pool is.
struct Answers {
    off: f64,
    mispriced: f64,
    misplaced: f64,
    staying: f64,
}

impl Answers {
    fn of(pool: &mut impl Pool, effort: Effort) -> Result<Self, Broken> {
        let draws = effort.jobs(40_000);
        let (mut counts, mut mispriced, mut misplaced) = ([0.0; WEIGHTS.len()], 0.0, 0.0);
        for _ in 0..draws {
            let drawn = pool.draw()?;
            if let Some(at) = drawn.prover {
                counts[at] += 1.0;
                mispriced += f64::from(u8::from(drawn.price != PRICES[at]));
            }
            misplaced += f64::from(u8::from(drawn.busied != drawn.prover));
        }
        let (draws, sum) = (draws as f64, WEIGHTS.iter().sum::<u64>() as f64);
        let shares =
            counts.iter().zip(WEIGHTS).map(|(count, weight)| count / draws - weight as f64 / sum);
        let off = shares.map(f64::abs).fold(0.0, f64::max);
        let leaver = 1;
        let staying = f64::from(u8::from(!pool.gone_after_leaving(leaver)?.contains(&leaver)));
        Ok(Self { off, mispriced: mispriced / draws, misplaced: misplaced / draws, staying })
    }
}
