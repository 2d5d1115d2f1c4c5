//! **Work pool** (Boundless' proof of verifiable work; M12a). Whoever proves anything in an epoch shares the
//! epoch's emission by how much it was, up to a part of its stake.
//!
//! *Rule.* A job is an epoch, what its requester pays is the emission, and its deadline is the epoch's end. Members hand
//! in how much they have proven since they last did (a proof's part, in whichever unit); it is added to their logs, from
//! which nothing is taken. Jobs that the work was done for are elsewhere.
//!
//! *Pay.* `work` of the emission is for work: each has its part of all work in the epoch, but no more than its
//! stake divided by `cap_divisor`. The rest of the emission is for all members in proportion to stakes.
//! What the cap leaves is shared out to nobody and goes back: it is not minted.
//!
//! *Failure.* There is none: nothing is promised.
//!
//! *Source.* Boundless' contracts: epochs of two days, 75 % to work and 25 % to stake, a divisor of 15 (of 3 before). Confidence A.
//! That stakes count as they are at the epoch's end is a simplification. Emission falls from 7 % to 3 % a year over eight
//! years there; here it is what the epoch is opened with.
//!
//! *Attacks.* Proving for oneself costs electricity and earns emission, as long as a unit of work is paid more than it costs; the
//! cap by stake is the only brake. Handing the same work in twice is up to the verifier, who sees each log's end.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Mechanism, Outcome,
    Party, Position, Preset, Proof, Refusal, Ruling, Span, SplitGain, Why,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters; epochs remember their own work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkPool {
    rules: Rules,
}

/// Parameters of a [`WorkPool`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The share of an emission that is for work.
    pub work: Bps,
    /// What a stake is divided by for the most that its owner is paid for work in an epoch.
    pub cap_divisor: u32,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// How much each has proven in an epoch.
pub type Mark = BTreeMap<Party, u64>;

const ABOUT: About = About {
    name: "work-pool",
    family: "M12a",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "boundless", rules: "work = 7500\ncap_divisor = 15\nexit = \"30 d\"" },
        Preset {
            name: "boundless-at-first",
            rules: "work = 7500\ncap_divisor = 3\nexit = \"30 d\"",
        },
    ],
    file: include_str!("work_pool.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_no_share(self.work, "work")?;
        Contradiction::unless(self.cap_divisor > 0, "cap_divisor", "must be one or more")
    }
}

impl Mechanism for WorkPool {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, _: &Position) -> Ruling {
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Mark>, _: Party) -> Span {
        self.rules.exit
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        case.allocate(Allocation::open(case.now(), Amount::ZERO));
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        case.desk.member(by).ok_or(Refusal::NotAMember)?;
        if proof.part == 0 {
            return Err(Refusal::WrongParts { min: 1, max: u32::MAX });
        }
        *case.job.mark.entry(by).or_default() += u64::from(proof.part);
        Ok(())
    }

    fn expire(&mut self, case: &mut Case<'_, Mark>) {
        let emission = case.spec().max_pay;
        let for_work = emission.times_down(self.rules.work);
        let worked = std::mem::take(&mut case.job.mark);
        let all: u128 = worked.values().map(|work| u128::from(*work)).sum();
        for (party, work) in &worked {
            let cap = case.desk.stake(*party).scaled_down(1, self.rules.cap_divisor.into());
            case.pay(*party, for_work.scaled_down((*work).into(), all).min(cap), Why::Price);
        }
        let stakes: Vec<_> =
            case.desk.members().map(|(party, _)| (party, case.desk.stake(party))).collect();
        let staked: Amount = stakes.iter().map(|(_, stake)| *stake).sum();
        for (party, stake) in stakes {
            let part = (emission - for_work).scaled_down(stake.get(), staked.get());
            case.pay(party, part, Why::Pool);
        }
        case.settle(if all > 0 { Outcome::Proven } else { Outcome::Unproven });
    }
}

#[cfg(test)]
mod tests;
