//! **Sealed award** (the shape of ERC-8469's draft; M13). Parts of a job are awarded to the lowest sealed bids, by one of four
//! ways of pricing.
//!
//! *Rule.* For `commit` after a job is offered, up to `bidders` parties commit to a bid for one part and put up a `bond`; for
//! `reveal` after that they show it. The lowest bids have a part each, of equal ones the first committed. Bids above the
//! reserve, which is `reserve` of what the requester pays for a part, are none. With fewer bids than parts nothing is awarded.
//!
//! *Pay.* By `pricing`: `first`, the own bid; `second`, the next higher one; `uniform`, the first that won nothing, to all; where
//! there is no such bid, the reserve. `posted`: the reserve, to the first committed of those who bid no more.
//!
//! *Failure.* A bid that is not shown costs its bond, half burned and half the requester's; so does a part that is not delivered by
//! the deadline, and then the job is not proven, though delivered parts are paid. Other bonds go back with the award or the proof.
//!
//! *Source.* The draft of October 2026: four pricing rules of a stateless award, a bidder cap, slashed unrevealed bonds.
//! Confidence B. Its profile that awards without binding prices is not here; awards of several parts are our reading.
//!
//! *Attacks.* With `first`, shading; with `second` and more than one part, bidding above one's cost for a better rank's price; with
//! one part `second` and `uniform` make truth best. Filling the cap with idle names costs a bond each. Withholding a
//! bid costs its bond.

use crate::sealed::{self, Sealed, Windows};
use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Holder,
    JobSpec, Mechanism, Message, Outcome, Party, Preset, Refusal, Risks, Ruling, Span, SplitGain,
    Time,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedAward {
    rules: Rules,
}

/// Parameters of a [`SealedAward`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What is paid for a part.
    pub pricing: Pricing,
    /// How long bids are committed.
    pub commit: Span,
    /// How long they are shown after that.
    pub reveal: Span,
    /// The most who bid for one job.
    pub bidders: u32,
    /// What is put up with a bid.
    pub bond: Amount,
    /// The highest price of a part, as a share of what the requester pays for one.
    pub reserve: Bps,
}

/// What is paid for a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pricing {
    /// The own bid.
    First,
    /// The next higher bid.
    Second,
    /// The first bid that won nothing, to all.
    Uniform,
    /// The reserve, first come, first served.
    Posted,
}

/// The bids for a job.
pub type Mark = Sealed;

macro_rules! preset {
    ($pricing:literal) => {
        concat!(
            "pricing = \"",
            $pricing,
            "\"\n",
            r#"
            commit = "1 h"
            reveal = "30 min"
            bidders = 64
            bond = 1000
            reserve = 10000
            "#
        )
    };
}
const ABOUT: About = About {
    name: "sealed-award",
    family: "M13",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "first", rules: preset!("first") },
        Preset { name: "second", rules: preset!("second") },
        Preset { name: "uniform", rules: preset!("uniform") },
        Preset { name: "posted", rules: preset!("posted") },
    ],
    file: include_str!("sealed_award.rs"),
};

/// A bond of a bid that is not shown, or of a part that is not delivered.
const BROKEN: Forfeit = Forfeit { burned: Bps(5_000), requester: Bps(5_000) };

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let timed = self.commit > Span::ZERO && self.reveal > Span::ZERO;
        Contradiction::unless(timed, "commit", "and reveal must be more than nothing")?;
        let bidders = (1..=1_000).contains(&self.bidders);
        Contradiction::unless(bidders, "bidders", "must be from 1 to 1000")?;
        Contradiction::if_no_share(self.reserve, "reserve")
    }
}

impl Mechanism for SealedAward {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let earliest = self.windows(desk.now()).reveal_end().next();
        let max = self.rules.bidders;
        spec.due_from(earliest)?;
        if spec.parts > max { Err(Refusal::WrongParts { min: 1, max }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        case.wake_at(self.windows(case.now()).reveal_end().next());
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let limit = self.rules.bidders;
        if matches!(said, Message::Commit { .. }) && case.job.mark.len() >= limit as usize {
            return Err(Refusal::Full { limit });
        }
        sealed::hear(case, from, said, self.windows(case.job.opened_at), self.rules.bond)
    }

    fn cancels(&self, _: &Case<'_, Mark>) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        let parts = case.spec().parts;
        let a_part = case.spec().max_pay.scaled_down(1, parts.into());
        let reserve = a_part.times_down(self.rules.reserve);
        let mut bids: Vec<(Party, Amount)> = Vec::new();
        for (party, price) in case.job.mark.take() {
            match price {
                Some(price) if price <= reserve => bids.push((party, price)),
                Some(_) => case.release_bond(party),
                None => case.forfeit_bond(party, BROKEN),
            }
        }
        let prices: Vec<Amount> = bids.iter().map(|(_, price)| *price).collect();
        let awarded = award(&prices, parts as usize, reserve, self.rules.pricing);
        if awarded.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        for (place, (party, _)) in bids.iter().enumerate() {
            if !awarded.iter().any(|(winner, _)| *winner == place) {
                case.release_bond(*party);
            }
        }
        let holder = |(place, price): &(usize, Amount)| Holder::new(bids[*place].0, *price);
        let (holders, until) = (awarded.iter().map(holder).collect(), case.spec().deadline);
        let parts = Allocation { holders, until, needs_all: true, ..Allocation::default() };
        case.allocate(parts.at_risk(self.rules.bond, Risks::Bond).forfeiting(BROKEN));
    }
}

impl SealedAward {
    fn windows(&self, opened_at: Time) -> Windows {
        Windows { opened_at, commit: self.rules.commit, reveal: self.rules.reveal }
    }
}

/// Which of `bids`, in the order in which they were committed and none above the reserve, have a part, and for
/// how much, the lowest first; nothing if they are fewer than the parts.
pub fn award(
    bids: &[Amount],
    parts: usize,
    reserve: Amount,
    pricing: Pricing,
) -> Vec<(usize, Amount)> {
    if bids.len() < parts {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..bids.len()).collect();
    if pricing != Pricing::Posted {
        // Sorting keeps the order among equals.
        order.sort_by_key(|place| bids[*place]);
    }
    let ranked = |rank: usize| order.get(rank).map_or(reserve, |place| bids[*place]);
    let price = |rank: usize| match pricing {
        Pricing::First => ranked(rank),
        Pricing::Second => ranked(rank + 1),
        Pricing::Uniform => ranked(parts),
        Pricing::Posted => reserve,
    };
    (0..parts).map(|rank| (order[rank], price(rank))).collect()
}

#[cfg(test)]
mod tests;
