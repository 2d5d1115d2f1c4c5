//! What it is worth to reveal last: in a block's randomness (X2), and in a sealed auction (X7).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use alloy_primitives::{B256, keccak256};
use rialto_mechanism::randomness::bias;
use rialto_mechanism::{Amount, Message, Position, Span, commitment};
use rialto_protocol::draw::{Draws, Ticket, Weight};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "speaking-last",
    about: "whoever reveals last draws again for free, until a beacon or a bond takes the gain away",
    run,
};

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for (chance, slots) in [(0.1, 0), (0.1, 1), (0.05, 1), (0.1, 2)] {
        rows.push(last_slots(chance, slots, Beacon::None, effort));
    }
    rows.push(last_slots(0.1, 2, Beacon::Later, effort));
    rows.push(last_slots(0.1, 2, Beacon::Known, effort));
    for bond in [0.0, 0.1, 0.25, 0.5] {
        rows.push(withholding(bond, effort)?);
    }
    rows.push(Row::exactly(
        "gain of a ring that withholds, bond 1",
        0.0,
        withheld(1.0, effort)?.value(),
    ));
    Ok(rows)
}

/// A beacon whose round is mixed with what blocks reveal.
#[derive(Clone, Copy, PartialEq)]
enum Beacon {
    /// There is none.
    None,
    /// Its round comes after the last block.
    Later,
    /// Its round was known when the last revealers chose.
    Known,
}

/// How often one who is drawn with this chance is drawn when it holds so many of the last slots.
fn last_slots(chance: f64, slots: usize, beacon: Beacon, effort: Effort) -> Row {
    const TICKETS: u128 = 1_000;
    let trials = effort.jobs(150_000);
    let mut dice = Dice::new(1, &format!("{chance} {slots} {}", beacon as u8));
    let winning = (chance * TICKETS as f64).round() as u128;
    let total = Weight::try_from(TICKETS).unwrap_or_default();
    let mut won = 0;
    for _ in 0..trials {
        let (mix, round) = (word(&mut dice), word(&mut dice));
        let held: Vec<B256> = (0..slots).map(|_| word(&mut dice)).collect();
        let wins = |mix: B256, round: B256| {
            let mut draws = Draws::new(keccak256([mix, round].concat()));
            draws.next(total).is_some_and(|Ticket(ticket)| ticket < winning)
        };
        let published = if beacon == Beacon::None { B256::ZERO } else { round };
        // What the holder of the slots takes the round to be when it chooses.
        let believed = if beacon == Beacon::Known { round } else { B256::ZERO };
        let pick = bias::pick(mix, &held, |mix| wins(mix, believed));
        won += u64::from(wins(pick.outcome, published));
    }
    let (how, target) = match beacon {
        Beacon::None => ("prevrandao", oracle::last_reveal(chance, slots as i32)),
        Beacon::Later => ("with a later beacon", chance),
        Beacon::Known => ("with a beacon known before", oracle::last_reveal(chance, slots as i32)),
    };
    let name = format!("{how}: drawn, of one with a chance of {chance} and {slots} last slots");
    Row::near(name, target, effort.tolerance(0.005), Estimate::share(won, trials))
}

fn word(dice: &mut Dice) -> B256 {
    keccak256(dice.below(u64::MAX).to_be_bytes())
}

/// What stands for 1 where costs are uniform on [0, 1].
const ONE: u128 = 1_000_000_000;
const WINDOWS: Span = Span::s(3_600);
const PATIENCE: Span = Span::s(20_000);

/// The two cheapest of three are one owner's or in one ring, and the second sees the third's bid before it reveals
/// its own: if the price rises by more than the bond, it does not.
fn withholding(bond: f64, effort: Effort) -> Result<Row, Broken> {
    let gain = withheld(bond, effort)?;
    let name = format!("gain of a ring that withholds, bond {bond}");
    let target = oracle::withholding_gain(bond);
    Ok(Row::near(name, target, effort.tolerance(0.005), gain.estimate()))
}

/// What it gains per job beyond what it would if it revealed, in ones.
fn withheld(bond: f64, effort: Effort) -> Result<Mean, Broken> {
    let bond = (bond * ONE as f64) as u128;
    let rules = format!(
        "commit = \"1 h\"\nreveal = \"1 h\"\nlongest = \"30 d\"\nreserve = 10000\nalone = \"reserve\"\n\
         bond = \"{bond}\"\nmin_stake = 10000\novercommit = 0\nslash = 1000\nexit = \"7 d\"\n"
    );
    let mut auction = Auction { floor: Floor::new("sealed-second-price", &rules)?, nonce: 0 };
    for number in 0..3 {
        auction.floor.fund(prover(number))?;
        let stake = Amount::new(10_000);
        auction.floor.join(prover(number), Position { stake, ..Position::default() })?;
    }
    let (mut dice, mut gains) = (Dice::new(1, &format!("ring {bond}")), Mean::default());
    for _ in 0..effort.jobs(12_000) {
        let mut costs: Vec<u128> = (0..3).map(|_| dice.below(ONE as u64).into()).collect();
        costs.sort_unstable();
        let honest = auction.ring_gains(&costs, true)?;
        let pays = costs[2] - costs[1] > bond;
        let gain = if pays { auction.ring_gains(&costs, false)? - honest } else { 0.0 };
        gains.add(gain / ONE as f64);
    }
    Ok(gains)
}

/// Three bidders, of whom the first two are in a ring.
struct Auction {
    floor: Floor,
    nonce: u64,
}

impl Auction {
    /// What the ring earns from one job, before its cost.
    fn ring_gains(&mut self, costs: &[u128], second_reveals: bool) -> Result<f64, Broken> {
        let worth = |floor: &Floor| floor.gain(prover(0)) + floor.gain(prover(1));
        let before = worth(&self.floor);
        let job = self.floor.open(1_000_000, Amount::new(2 * ONE), PATIENCE)?;
        self.nonce += 1;
        for (number, cost) in costs.iter().enumerate() {
            let digest = commitment(job, prover(number), Amount::new(*cost), self.nonce);
            self.say(number, job, Message::Commit { digest })?;
        }
        self.floor.pass(WINDOWS + Span::ms(1))?;
        for (number, cost) in costs.iter().enumerate().filter(|(at, _)| *at != 1 || second_reveals)
        {
            let (price, nonce) = (Amount::new(*cost), self.nonce);
            self.say(number, job, Message::Reveal { price, nonce })?;
        }
        self.floor.pass(WINDOWS + Span::ms(1))?;
        self.floor.deliver(job, prover(0))?.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
        Ok(worth(&self.floor) - before)
    }

    fn say(
        &mut self,
        number: usize,
        job: rialto_mechanism::JobId,
        message: Message,
    ) -> Result<(), Broken> {
        let refused = self.floor.say(prover(number), Some(job), message)?;
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }
}
