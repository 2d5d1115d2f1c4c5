//! **Sealed second price** (Brevis ProverNet; M12c). Provers bid in secret; the lowest does the job for the
//! second-lowest bid.
//!
//! *Rule.* For `commit` after a job is offered, members commit to a bid, and for `reveal` after that they show
//! it. The lowest revealed bid has the job; of equal ones the first committed. Who bids must have at stake
//! `min_stake` and `overcommit` of all it has been given and not proven (our reading of the contract's check),
//! when it commits, when it reveals and when it wins.
//!
//! *Pay.* The second-lowest bid, at most the reserve, which is `reserve` of the most that the requester pays.
//! Whoever is alone is paid its own bid (`alone = "own-bid"`, as shipped) or the reserve (`alone = "reserve"`,
//! corrected: a virtual second bid). A bid above the reserve is none.
//!
//! *Failure.* Nobody may step in: after the deadline the requester has everything back and the winner loses
//! `slash` of `min_stake`. A commitment that is not revealed costs its `bond`, half burned and half the
//! requester's; as shipped there was no bond.
//!
//! *Source.* Brevis' prover network contracts; that losses are enforced is said and denied. Confidence A.
//! Commit and reveal periods are those of its tests.
//!
//! *Attacks.* As shipped: alone, a second address that bids the most lifts the own price to it. Without a bond,
//! commit low and high and reveal what pays once the others have shown theirs. Both are answered by the
//! corrected preset.

use crate::sealed::{self, Sealed, Windows};
use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Job, JobSpec,
    Mechanism, Message, Outcome, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain,
    Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters and what members have been given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedSecondPrice {
    rules: Rules,
    /// The prices of all jobs that a member holds.
    assigned: BTreeMap<Party, Amount>,
}

/// Parameters of a [`SealedSecondPrice`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long bids are committed.
    pub commit: Span,
    /// How long they are revealed after that.
    pub reveal: Span,
    /// How far away a deadline may be.
    pub longest: Span,
    /// The highest price that is paid, as a share of the most that the requester pays.
    pub reserve: Bps,
    /// What a sole bidder is paid.
    pub alone: Alone,
    /// What is put up with a commitment.
    pub bond: Amount,
    /// What a member must have at stake.
    pub min_stake: Amount,
    /// What it must have beside that, as a share of what it holds.
    pub overcommit: Bps,
    /// What a winner without a proof loses, as a share of `min_stake`.
    pub slash: Bps,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// What a sole bidder is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alone {
    /// Its own bid.
    OwnBid,
    /// The reserve.
    Reserve,
}

/// The bids for a job.
pub type Mark = Sealed;

const ABOUT: About = About {
    name: "sealed-second-price",
    family: "M12c",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "corrected",
            rules: r#"
                commit = "1 h"
                reveal = "30 min"
                longest = "30 d"
                reserve = 10000
                alone = "reserve"
                bond = 1000
                min_stake = 10000
                overcommit = 500
                slash = 1000
                exit = "7 d"
            "#,
        },
        Preset {
            name: "brevis",
            rules: r#"
                commit = "1 h"
                reveal = "30 min"
                longest = "30 d"
                reserve = 10000
                alone = "own-bid"
                bond = 0
                min_stake = 10000
                overcommit = 500
                slash = 1000
                exit = "7 d"
            "#,
        },
    ],
    file: include_str!("sealed_second_price.rs"),
};

/// A commitment that is not revealed.
const UNREVEALED: Forfeit = Forfeit { burned: Bps(5_000), requester: Bps(5_000) };

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.commit, "commit")?;
        Contradiction::if_zero(self.reveal, "reveal")?;
        let room = self.longest > self.commit + self.reveal;
        Contradiction::unless(room, "longest", "must leave time after commit and reveal")?;
        Contradiction::if_no_share(self.reserve, "reserve")?;
        Contradiction::if_no_share(self.slash, "slash")
    }
}

impl Mechanism for SealedSecondPrice {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules, assigned: BTreeMap::new() }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs(self.rules.min_stake)
    }

    fn leave(&mut self, _: &mut Desk<Mark>, _: Party) -> Span {
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let earliest = self.windows(desk.now()).reveal_end().next();
        let latest = desk.now() + self.rules.longest;
        spec.due_from(earliest)?;
        if spec.deadline > latest { Err(Refusal::DeadlineTooLate { latest }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        case.wake_at(self.windows(case.now()).reveal_end().next());
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        self.eligible(case.desk, from)?;
        sealed::hear(case, from, said, self.windows(case.job.opened_at), self.rules.bond)
    }

    fn cancels(&self, _: &Case<'_, Mark>) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        let reserve = case.spec().max_pay.times_down(self.rules.reserve);
        let mut bids: Vec<(Amount, Party)> = Vec::new();
        for (party, price) in case.job.mark.take() {
            match price {
                Some(price) => {
                    case.release_bond(party);
                    let valid = price <= reserve && self.eligible(case.desk, party).is_ok();
                    bids.extend(valid.then_some((price, party)));
                }
                None => case.forfeit_bond(party, UNREVEALED),
            }
        }
        // Stable, so the first committed stays first among equals.
        bids.sort_by_key(|(price, _)| *price);
        match (&bids[..], self.rules.alone) {
            ([], _) => case.settle(Outcome::Unproven),
            ([(own, winner)], Alone::OwnBid) => self.award(case, *winner, *own),
            ([(_, winner)], Alone::Reserve) => self.award(case, *winner, reserve),
            ([(_, winner), (second, _), ..], _) => self.award(case, *winner, *second),
        }
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        for holder in job.holders() {
            let assigned = self.assigned.entry(holder.party).or_default();
            *assigned -= holder.price;
            if *assigned == Amount::ZERO {
                self.assigned.remove(&holder.party);
            }
        }
    }
}

impl SealedSecondPrice {
    fn windows(&self, opened_at: Time) -> Windows {
        Windows { opened_at, commit: self.rules.commit, reveal: self.rules.reveal }
    }

    /// Whether a party has enough at stake, and is not on its way out.
    fn eligible(&self, desk: &Desk<Mark>, party: Party) -> Ruling {
        let assigned = self.assigned.get(&party).copied().unwrap_or_default();
        let wanted = self.rules.min_stake + assigned.times_up(self.rules.overcommit);
        desk.check_member(party, wanted)
    }

    fn award(&mut self, case: &mut Case<'_, Mark>, winner: Party, price: Amount) {
        *self.assigned.entry(winner).or_default() += price;
        let slash = self.rules.min_stake.times_down(self.rules.slash);
        let until = case.spec().deadline;
        case.allocate(Allocation::to(winner, price, until).at_risk(slash, Risks::Stake));
    }
}

#[cfg(test)]
mod tests;
