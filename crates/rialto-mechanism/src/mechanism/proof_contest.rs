//! **Proof contest** (Succinct's white paper; M12b). Members spend on a chance to prove a job; whoever is drawn
//! does it for the requester's fee.
//!
//! *Rule.* For `collect` after a job is offered, members with `min_stake` each bid once, and put the bid up. Then
//! all bids are spent and a seed draws one bidder, with a probability in proportion to its bid to the power of `power`
//! (Tullock's contest): with 10000 in proportion to bids, with more the highest bids have more than their part.
//! Weights are `(bid / highest bid)^power` in units of 2^-60, rounded down. If nobody has bid, bids are taken for
//! another such while.
//!
//! *Pay.* The drawn prover has all that the requester pays. Bids are burned, the winner's too.
//!
//! *Failure.* Who misses `window` loses `slash` of `min_stake`, which is burned, and another is drawn from the other
//! bids; without any, bids are taken again. Without a seed the draw is asked for again.
//!
//! *Source.* Succinct's white paper; the form of the contest is Tullock's, and how it settles is our reading.
//! Confidence B for the contest, R for its settlement. That pools form on top is left to provers.
//!
//! *Attacks.* Spending eats the fee: `(n-1)/n` of it times the power among n equal provers. With a power below one
//! many names are worth more than one, above one fewer; at one both are worth the same. Whoever holds the seed back draws
//! again, hence a beacon.

use crate::powers::share_to_the;
use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Forfeit, JobId,
    JobSpec, Mechanism, Message, Party, Position, Preset, Refusal, Risks, Ruling, Seed, Span,
    SplitGain, Time,
};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofContest {
    rules: Rules,
}

/// Parameters of a [`ProofContest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What a bidder must have at stake.
    pub min_stake: Amount,
    /// How long bids are taken.
    pub collect: Span,
    /// To which power of its bid a chance is in proportion; 10000 is one.
    pub power: Bps,
    /// How long the one who was drawn has the job.
    pub window: Span,
    /// What it loses without a proof, as a share of `min_stake`.
    pub slash: Bps,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// In the order in which they came.
    bids: Vec<(Party, Amount)>,
    /// Whether they are spent.
    spent: bool,
}

macro_rules! preset {
    ($power:literal) => {
        concat!(
            "power = ",
            $power,
            "\n",
            r#"
            min_stake = 1000
            collect = "15 s"
            window = "5 min"
            slash = 1000
            exit = "21 d"
            beacon = { lag = "3 s", patience = "1 min" }
            "#
        )
    };
}
const ABOUT: About = About {
    name: "proof-contest",
    family: "M12b",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "proportional", rules: preset!("10000") },
        Preset { name: "spreading", rules: preset!("5000") },
        Preset { name: "concentrating", rules: preset!("15000") },
    ],
    file: include_str!("proof_contest.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let power = (1..=100_000).contains(&self.power.0);
        Contradiction::unless(power, "power", "must be from 1 to 100000, where 10000 is one")?;
        let timed = self.collect > Span::ZERO && self.window > Span::ZERO;
        Contradiction::unless(timed, "collect", "and window must be more than nothing")?;
        let waits = self.beacon.patience > Span::ZERO;
        Contradiction::unless(waits, "beacon", "must have a patience of more than nothing")?;
        Contradiction::if_no_share(self.slash, "slash")
    }
}

impl Mechanism for ProofContest {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs(self.rules.min_stake)
    }

    fn leave(&mut self, _: &mut Desk<Mark>, _: Party) -> Span {
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let earliest = (desk.now() + self.rules.collect + self.rules.beacon.lag).next().next();
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.collect(case);
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price } = *said else { return Err(Refusal::NotUnderstood) };
        let mark = &case.job.mark;
        if mark.spent {
            return Err(Refusal::Taken);
        }
        if mark.bids.iter().any(|(party, _)| *party == from) {
            return Err(Refusal::AlreadyDone);
        }
        self.eligible(case.desk, from)?;
        let wanted = Amount::from(1);
        if price < wanted {
            return Err(Refusal::PriceTooLow { wanted });
        }
        case.post_bond(from, price)?;
        case.job.mark.bids.push((from, price));
        Ok(())
    }

    /// Not once bids are spent.
    fn cancels(&self, case: &Case<'_, Mark>) -> Ruling {
        if case.job.mark.spent { Err(Refusal::Taken) } else { case.still_collecting() }
    }

    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        for (party, _) in case.job.mark.bids.clone() {
            case.forfeit_bond(party, Forfeit::default());
        }
        self.draw_or_collect(case);
    }

    fn seeded(&mut self, desk: &mut Desk<Mark>, seed: &Seed) {
        let Some(id) = seed.job() else { return };
        desk.visit(id, |case| {
            let mark = &case.job.mark;
            let bids: Vec<Amount> = mark.bids.iter().map(|(_, bid)| *bid).collect();
            let place = seed.weighted(root(mark), id, &weights(&bids, self.rules.power));
            let Some(winner) = place.map(|place| case.job.mark.bids.remove(place).0) else {
                return;
            };
            match self.eligible(case.desk, winner) {
                Ok(()) => self.award(case, winner),
                Err(_) => self.draw_or_collect(case),
            }
        });
    }

    fn seedless(&mut self, desk: &mut Desk<Mark>, _: u64, job: Option<JobId>) {
        job.and_then(|id| desk.visit(id, |case| self.draw_or_collect(case)));
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        case.reopen();
        self.draw_or_collect(case);
    }

    fn price_at(&self, job: &crate::Job<Mark>, _: Time) -> Option<Amount> {
        Some(job.spec.max_pay)
    }
}

impl ProofContest {
    fn eligible(&self, desk: &Desk<Mark>, party: Party) -> Ruling {
        desk.check_member(party, self.rules.min_stake)
    }

    fn collect(&self, case: &mut Case<'_, Mark>) {
        case.job.mark.spent = false;
        case.wake_at((case.now() + self.rules.collect).next());
    }

    fn draw_or_collect(&self, case: &mut Case<'_, Mark>) {
        if case.job.mark.bids.is_empty() {
            return self.collect(case);
        }
        case.job.mark.spent = true;
        let (root, beacon) = (root(&case.job.mark), self.rules.beacon);
        case.desk.freeze(root, Some(case.job.id), beacon.lag, beacon.patience);
    }

    fn award(&self, case: &mut Case<'_, Mark>, winner: Party) {
        let slash = self.rules.min_stake.times_down(self.rules.slash);
        let until = (case.now() + self.rules.window).min(case.spec().deadline);
        let pay = case.escrow();
        case.allocate(Allocation::to(winner, pay, until).at_risk(slash, Risks::Stake));
    }
}

/// What bids weigh in a draw, the highest 2^60.
pub fn weights(bids: &[Amount], power: Bps) -> Vec<Weight> {
    let highest = bids.iter().max().copied().unwrap_or_default();
    let weight = |bid: &Amount| {
        let share = share_to_the(bid.get(), highest.get(), power);
        Weight::try_from(u128::from(share)).unwrap_or_default()
    };
    bids.iter().map(weight).collect()
}

/// Commitment to who has bid what, in order: addresses and bids as 16 bytes, big-endian.
fn root(mark: &Mark) -> B256 {
    let entry = |(party, bid): &(Party, Amount)| [&party[..], &bid.get().to_be_bytes()].concat();
    keccak256(mark.bids.iter().flat_map(entry).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests;
