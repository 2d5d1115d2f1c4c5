//! Works that anybody may prove, and what those who do not speak to each other waste on them (E2).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, REQUESTER, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, JobId, Message, Refusal, Span};
use std::collections::BTreeSet;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "snarketplace",
    about: "workers who do not tell each other what they prove waste a part of it, and asks fall to the second-lowest cost",
    run,
};

const RULES: &str = "account_fee = 1\nbundle = 2\n";
const CYCLES: u64 = 1_000_000;
const PATIENCE: Span = Span::s(100_000);
/// What stands for a cost of 1.
const ONE: u128 = 1_000_000_000;
/// How long a proof takes.
const PROOF: Span = Span::s(60);

/// How a worker chooses its work.
#[derive(Clone, Copy, Debug)]
enum Policy {
    /// The first that is open.
    Sequential,
    /// Any that is open.
    Random,
    /// The first from a place on that it draws whenever the list has changed.
    Offset,
    /// Any that nobody has said to be at work on, as far as it has heard: what is said is heard so much later.
    Committed(Span),
}

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for workers in [8, 64] {
        let waste = Workshop::new(128, workers, Policy::Sequential)?.waste(20)?;
        let target = (workers as f64 - 1.0) / workers as f64;
        let name = format!("first open work: waste of {workers} workers");
        rows.push(Row::exactly(name, target, waste.mean));
    }
    for (works, workers, policy) in [
        (128, 64, Policy::Random),
        (128, 8, Policy::Random),
        (64, 64, Policy::Random),
        (128, 64, Policy::Offset),
        (128, 64, Policy::Committed(PROOF)),
    ] {
        rows.push(scattered(works, workers, policy, effort)?);
    }
    let at_once = Workshop::new(128, 64, Policy::Committed(Span::ZERO))?.waste(effort.jobs(200))?;
    rows.push(Row::exactly("commitments, heard at once: waste of 64 workers", 0.0, at_once.mean));
    let late = Policy::Committed(Span::ms(PROOF.get() / 8));
    let eighth = Workshop::new(128, 64, late)?.waste(effort.jobs(500))?;
    let blind = oracle::scattered_waste(128.0, 64);
    let spared = Estimate { mean: blind - eighth.mean, half: eighth.half };
    rows.push(Row::above("what they spare if heard after an eighth of a proof", 0.1, spared));
    rows.extend(asks(effort)?);
    Ok(rows)
}

/// Workers who scatter at the same instant, or hear of each other too late.
fn scattered(works: usize, workers: usize, policy: Policy, effort: Effort) -> Result<Row, Broken> {
    let rounds = effort.jobs(2_500);
    let waste = Workshop::new(works, workers, policy)?.waste(rounds)?;
    let how = match policy {
        Policy::Sequential => "first open work",
        Policy::Random => "any open work",
        Policy::Offset => "from a drawn place on",
        Policy::Committed(_) => "commitments, heard too late",
    };
    let name = format!("{how}: waste of {workers} workers on {works} works");
    let target = oracle::scattered_waste(works as f64, workers as i32);
    Ok(Row::near(name, target, effort.tolerance(0.003), waste))
}

/// Always as many open works, and workers who begin one each.
struct Workshop {
    floor: Floor,
    open: Vec<JobId>,
    works: usize,
    workers: usize,
    policy: Policy,
    dice: Dice,
}

impl Workshop {
    fn new(works: usize, workers: usize, policy: Policy) -> Result<Self, Broken> {
        let mut floor = Floor::new("snarketplace", RULES)?;
        for worker in 0..workers {
            floor.fund(prover(worker))?;
        }
        let dice = Dice::new(1, &format!("{policy:?} of {workers} on {works}"));
        Ok(Self { floor, open: Vec::new(), works, workers, policy, dice })
    }

    /// The share of proofs that are for nothing, over so many rounds.
    fn waste(&mut self, rounds: u64) -> Result<Estimate, Broken> {
        let mut waste = Mean::default();
        for _ in 0..rounds {
            while self.open.len() < self.works {
                let job = self.floor.open(CYCLES, Amount::new(ONE), PATIENCE)?;
                self.open.push(job);
            }
            waste.add(self.round()?);
        }
        Ok(waste.estimate())
    }

    /// Everybody proves one work for the same ask; what was proven is bought.
    fn round(&mut self) -> Result<f64, Broken> {
        let chosen = self.choose();
        let mut refused = 0;
        for (worker, at) in chosen.iter().enumerate() {
            let (job, price) = (self.open[*at], Amount::new(ONE));
            self.floor.say(prover(worker), Some(job), Message::Bid { price })?;
            match self.floor.deliver(job, prover(worker))? {
                None => {}
                Some(Refusal::PriceTooHigh { .. }) => refused += 1,
                Some(other) => return Err(other.into()),
            }
        }
        // From the back, so that places before it stay.
        for at in chosen.into_iter().collect::<BTreeSet<_>>().into_iter().rev() {
            let job = self.open.swap_remove(at);
            self.floor.say(REQUESTER, Some(job), Message::Accept)?;
        }
        self.floor.pass(PROOF)?;
        Ok(f64::from(refused) / self.workers as f64)
    }

    /// The place of each worker's work in the list. Those who commit begin one after the other within the time of a
    /// proof, all others at the same instant.
    fn choose(&mut self) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        let apart = PROOF.get() as f64 / self.workers as f64;
        for worker in 0..self.workers {
            let heard = match self.policy {
                Policy::Committed(late) => {
                    worker - (late.get() as f64 / apart).floor().min(worker as f64) as usize
                }
                _ => 0,
            };
            let known: BTreeSet<usize> = chosen[..heard].iter().copied().collect();
            let free: Vec<usize> = (0..self.works).filter(|at| !known.contains(at)).collect();
            let place = match self.policy {
                Policy::Sequential => 0,
                // The list is the same for all of one instant and changes with each round, so from a drawn place on
                // is the drawn place.
                Policy::Random | Policy::Offset | Policy::Committed(_) => {
                    self.dice.below(free.len() as u64) as usize
                }
            };
            chosen.push(free[place]);
        }
        chosen
    }
}

/// Sellers who undercut each other's proofs by a tick, until nobody can without a loss.
fn asks(effort: Effort) -> Result<Vec<Row>, Broken> {
    const SELLERS: usize = 5;
    const TICK: u128 = ONE / 100;
    let mut floor = Floor::new("snarketplace", RULES)?;
    for seller in 0..SELLERS {
        floor.fund(prover(seller))?;
    }
    let mut dice = Dice::new(1, "sellers");
    let statements = effort.jobs(5_000);
    let (mut outside, mut replaced, mut paid_otherwise) = (0u32, 0u32, 0u32);
    for _ in 0..statements {
        let drawn = |dice: &mut Dice| ONE / 2 + u128::from(dice.below(ONE as u64));
        let costs: Vec<u128> = (0..SELLERS).map(|_| drawn(&mut dice)).collect();
        let job = floor.open(CYCLES, Amount::new(2 * ONE), PATIENCE)?;
        let (mut seller, mut best) = (dice.below(SELLERS as u64) as usize, 2 * ONE);
        offer(&mut floor, job, seller, best)?
            .map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
        while let Some(next) = willing(&costs, seller, best - TICK, &mut dice) {
            (seller, best) = (next, best - TICK);
            offer(&mut floor, job, seller, best)?
                .map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
        }
        let mut sorted = costs;
        sorted.sort_unstable();
        outside += u32::from(best.abs_diff(sorted[1]) > TICK);
        let other = (seller + 1) % SELLERS;
        replaced += u32::from(offer(&mut floor, job, other, best)?.is_none());
        let before = floor.gain(prover(seller));
        floor.say(REQUESTER, Some(job), Message::Accept)?;
        paid_otherwise += u32::from(floor.gain(prover(seller)) - before != best as f64);
    }
    Ok(vec![
        Row::exactly("asks further than a tick from the second-lowest cost", 0.0, outside.into()),
        Row::exactly("equal asks that replaced the one before", 0.0, replaced.into()),
        Row::exactly("sellers who were paid anything but their ask", 0.0, paid_otherwise.into()),
    ])
}

/// A proof at an ask; why it is not taken, if it is not.
fn offer(
    floor: &mut Floor,
    job: JobId,
    seller: usize,
    ask: u128,
) -> Result<Option<Refusal>, Broken> {
    let price = Amount::new(ask);
    floor.say(prover(seller), Some(job), Message::Bid { price })?;
    floor.deliver(job, prover(seller))
}

/// Any of those who can afford an ask, but for whoever made the last one.
fn willing(costs: &[u128], last: usize, ask: u128, dice: &mut Dice) -> Option<usize> {
    let able: Vec<usize> = (0..costs.len()).filter(|at| *at != last && costs[*at] <= ask).collect();
    (!able.is_empty()).then(|| able[dice.below(able.len() as u64) as usize])
}
