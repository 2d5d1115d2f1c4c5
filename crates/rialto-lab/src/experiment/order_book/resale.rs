//! Several who want the same proof: whoever is first has it made, the others take it for a part of its price.

use super::{Effort, PATIENCE, Row, book, deposit, must_ask};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, JobId, Message, Party, Refusal, Span};

/// What a proof costs first.
const PRICE: u128 = 1_000_000_000;
/// For how many rounds one can wait; then whoever has no proof has one made.
const HORIZON: u32 = 3;
const PRODUCER: usize = 1_000;
/// What cannot be told apart, of the first price.
const EQUAL: f64 = 1e-7;

pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for (resales, price) in [(2, 0.5), (4, 0.25), (4, 0.5), (6, 0.3)] {
        rows.extend(waiting(resales, price)?);
    }
    for (others, come, price) in [(8, 0.5, 0.5), (20, 0.2, 0.25)] {
        rows.push(uncertain(others, come, price, effort)?);
    }
    Ok(rows)
}

/// Where being first is worth it, and what everybody does below that, there and above.
fn waiting(resales: u32, price: f64) -> Result<Vec<Row>, Broken> {
    let fair = oracle::fair_resale_share(resales.into(), price);
    let first_costs = |share| oracle::cost_of_being_first(resales.into(), price, share);
    let crowd = |share: f64| Crowd::new(resales as usize + 1, price, share);
    let of = format!("{resales} resales at {price}");
    let mut rows = Vec::new();
    for share in [0.0, fair / 2.0] {
        let cost = crowd(share)?.advantage_of_waiting()?;
        let name = format!("being first costs more than waiting, share {share:.3}, {of}");
        rows.push(Row::near(
            name,
            first_costs(share),
            rounding(resales, price),
            Estimate::exact(cost),
        ));
    }
    let least = least_fair(resales as usize + 1, price)?;
    let name = format!("share at which nobody gains by waiting, {of}");
    rows.push(Row::near(name, fair, 1e-4, Estimate::exact(least)));
    let most_gained = crowd(fair)?.most_gained()?;
    let name = format!("gained by any other patience at that share, {of}");
    rows.push(Row::near(name, 0.0, rounding(resales, price), Estimate::exact(most_gained)));
    for (share, from, rests, what) in
        [(0.95 * fair, 0, HORIZON, "below"), (1.05 * fair, HORIZON, 0, "above")]
    {
        let patience = crowd(share)?.rest(from)?;
        let mean = f64::from(patience.iter().sum::<u32>()) / patience.len() as f64;
        let name =
            format!("rounds that everybody waits, of {HORIZON}, a twentieth {what} it, {of}");
        rows.push(Row::exactly(name, rests.into(), mean));
    }
    Ok(rows)
}

/// What a share's rounding to basis points can change, of the first price.
fn rounding(resales: u32, price: f64) -> f64 {
    f64::from(resales) * price * 1e-4
}

/// The least share in basis points at which being first costs no more than waiting, found by halving.
fn least_fair(members: usize, price: f64) -> Result<f64, Broken> {
    let (mut low, mut high) = (0u32, 9_900u32);
    while low < high {
        let middle = low.midpoint(high);
        let share = f64::from(middle) / 10_000.0;
        match Crowd::new(members, price, share)?.advantage_of_waiting()? > EQUAL {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(f64::from(low) / 10_000.0)
}

/// It is not known how many others will come: the first pays as much as the others on average.
fn uncertain(others: usize, come: f64, price: f64, effort: Effort) -> Result<Row, Broken> {
    let expected = others as f64 * come;
    let mut crowd = Crowd::new(others + 1, price, oracle::fair_resale_share(expected, price))?;
    let mut dice = Dice::new(1, &format!("{others} come in {come}"));
    let mut paid = Mean::default();
    for _ in 0..effort.jobs(20_000) {
        let proof = crowd.make(0)?;
        for other in 1..=others {
            if dice.chance(come) {
                crowd.take(other, proof)?;
            }
        }
        paid.add(crowd.settle_up()?[0]);
    }
    let name =
        format!("paid by the first of {others} others who each come in {come}, at the fair share");
    Ok(Row::near(name, price, effort.tolerance(0.005), paid.estimate()))
}

/// Members of a market who all want the same, and a producer.
struct Crowd {
    floor: Floor,
    members: usize,
    /// What a proof costs that is sold again.
    again: Amount,
    /// What each had when accounts were last settled.
    before: Vec<f64>,
}

impl Crowd {
    /// A proof is sold again at the part `price` of its first, of which the first requester has `share`; both rounded to basis points.
    fn new(members: usize, price: f64, share: f64) -> Result<Self, Broken> {
        let [price, share] = [price, share].map(|part| (part * 10_000.0).round() as u32);
        let resale = format!("resale = {{ kept = \"1 h\", price = {price}, first = {share} }}");
        let mut floor = book(50, 1, &resale)?;
        deposit(&mut floor, prover(PRODUCER), PRICE)?;
        (0..members).try_for_each(|member| floor.fund(prover(member)))?;
        let again = Amount::new(PRICE).scaled_down(price.into(), 10_000);
        Ok(Self { floor, members, again, before: vec![0.0; members] })
    }

    /// A member has a proof made.
    fn make(&mut self, member: usize) -> Result<JobId, Broken> {
        must_ask(&mut self.floor, prover(PRODUCER), PRICE)?;
        let job = self.floor.open_for(prover(member), Amount::new(PRICE), PATIENCE)?;
        done(self.floor.deliver(job, prover(PRODUCER))?)?;
        Ok(job)
    }

    /// A member takes a proof that there is.
    fn take(&mut self, member: usize, proof_of: JobId) -> Result<(), Broken> {
        let requester: Party = prover(member);
        let job = self.floor.open_for(requester, self.again, PATIENCE)?;
        done(self.floor.say(requester, Some(job), Message::Take { proof_of })?)
    }

    /// What each has paid since this was last asked, of the first price. Then so much time passes that nothing is for sale.
    fn settle_up(&mut self) -> Result<Vec<f64>, Broken> {
        self.floor.pass(Span::s(7_200))?;
        let now: Vec<f64> = (0..self.members).map(|it| self.floor.gain(prover(it))).collect();
        let before = std::mem::replace(&mut self.before, now);
        Ok(before.iter().zip(&self.before).map(|(was, is)| (was - is) / PRICE as f64).collect())
    }

    /// What each pays where each waits so many rounds for another to be first, and in each round one comes after the other.
    fn play(&mut self, patience: &[u32], order: &[usize]) -> Result<Vec<f64>, Broken> {
        let mut proof = None;
        let mut has = vec![false; self.members];
        for round in 0..=HORIZON {
            for member in order.iter().copied() {
                match proof {
                    _ if has[member] => continue,
                    Some(proof) => self.take(member, proof)?,
                    None if patience[member] <= round => proof = Some(self.make(member)?),
                    None => continue,
                }
                has[member] = true;
            }
            self.floor.pass(Span::s(1))?;
        }
        self.settle_up()
    }

    /// What a member pays on average, where each is as likely to come first in a round as any other.
    fn cost(&mut self, member: usize, patience: &[u32]) -> Result<f64, Broken> {
        let mut order: Vec<usize> = (0..self.members).collect();
        let mut cost = 0.0;
        for _ in 0..self.members {
            cost += self.play(patience, &order)?[member] / self.members as f64;
            order.rotate_left(1);
        }
        Ok(cost)
    }

    /// By how much being first costs more than being second.
    fn advantage_of_waiting(&mut self) -> Result<f64, Broken> {
        let order: Vec<usize> = (0..self.members).collect();
        let paid = self.play(&vec![0; self.members], &order)?;
        Ok(paid[0] - paid[1])
    }

    /// A member's best patience where the others have theirs, and what it costs; the shortest of equal ones.
    fn best(&mut self, member: usize, patience: &[u32]) -> Result<(u32, f64), Broken> {
        let mut tried = patience.to_vec();
        let mut best = (0, f64::INFINITY);
        for rounds in 0..=HORIZON {
            tried[member] = rounds;
            let cost = self.cost(member, &tried)?;
            if cost < best.1 - EQUAL {
                best = (rounds, cost);
            }
        }
        Ok(best)
    }

    /// The most that anybody gains by another patience, if all have the same.
    fn most_gained(&mut self) -> Result<f64, Broken> {
        let mut most = f64::NEG_INFINITY;
        for same in 0..=HORIZON {
            let patience = vec![same; self.members];
            most = most.max(self.cost(0, &patience)? - self.best(0, &patience)?.1);
        }
        Ok(most)
    }

    /// What everybody's patience comes to, if each in turn takes its best answer to the others' and all begin with `from`.
    fn rest(&mut self, from: u32) -> Result<Vec<u32>, Broken> {
        let mut patience = vec![from; self.members];
        loop {
            let before = patience.clone();
            for member in 0..self.members {
                let (best, cost) = self.best(member, &patience)?;
                if cost < self.cost(member, &patience)? - EQUAL {
                    patience[member] = best;
                }
            }
            if patience == before {
                return Ok(patience);
            }
        }
    }
}

fn done(refused: Option<Refusal>) -> Result<(), Broken> {
    refused.map_or(Ok(()), |refusal| Err(refusal.into()))
}
