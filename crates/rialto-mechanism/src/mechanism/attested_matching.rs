//! **Attested matching** (Marlin's Kalypso; M12f). A matcher whose enclave is attested says who does a job; provers
//! have stakes and state their capacity.
//!
//! *Rule.* For `expiry` after a job is offered, a matcher may give it to a member with capacity left: what it states less
//! `compute` for each job that it has, of which there are `jobs` at most. A party is a matcher while its enclave is attested
//! (measured as other than zero). The member has `time`.
//!
//! *Pay.* All that the requester pays.
//!
//! *Failure.* `penalty` of the stake is kept back for every job that one has. Whoever misses its time or discards the
//! job (declines) loses it to the treasury, and the job may be matched again until it expires, with all money back. To leave is to
//! announce it and wait.
//!
//! *Source.* Kalypso's contracts. Confidence A. There a slasher says where a missed job's penalty goes; a market is
//! open 100 blocks after it was made, and secret inputs are encrypted to an enclave, neither of which is here. A proof
//! that the input makes no sense is paid like any other: it is the verifier's word.
//!
//! *Attacks.* The matcher chooses whom it likes and in which order, or nobody; it cannot take money, nor overload a prover
//! beyond what it stated. Whoever breaks the enclave is the matcher.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Mechanism,
    Message, Outcome, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The rule with its parameters and the matchers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttestedMatching {
    rules: Rules,
    matchers: BTreeSet<Party>,
}

/// Parameters of an [`AttestedMatching`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What a missed or discarded job costs.
    pub penalty: Amount,
    /// What a job takes of a capacity.
    pub compute: u32,
    /// The most jobs that one member has at once.
    pub jobs: u32,
    /// How long a job can be matched.
    pub expiry: Span,
    /// How long a prover has.
    pub time: Span,
    /// How long a stake stays after its owner announces that it wants it back.
    pub exit: Span,
}

const ABOUT: About = About {
    name: "attested-matching",
    family: "M12f",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "kalypso",
        rules: r#"
            penalty = 1000
            compute = 1
            jobs = 100
            # What follows is each ask's or each prover's own there.
            expiry = "30 min"
            time = "1 h"
            exit = "7 d"
        "#,
    }],
    file: include_str!("attested_matching.rs"),
};

/// A penalty is nobody's who has to do with the job.
const TO_TREASURY: Forfeit = Forfeit { burned: Bps(0), requester: Bps(0) };

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.compute > 0, "compute", "must be one or more")?;
        Contradiction::unless(self.jobs > 0, "jobs", "must be one or more")?;
        let timed = self.expiry > Span::ZERO && self.time > Span::ZERO;
        Contradiction::unless(timed, "time", "and expiry must be more than nothing")
    }
}

impl Mechanism for AttestedMatching {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        Self { rules, matchers: BTreeSet::new() }
    }

    fn join(&mut self, _: &mut Desk<()>, _: Party, position: &Position) -> Ruling {
        let wanted = self.rules.compute;
        if position.capacity < wanted {
            return Err(Refusal::CapacityTooSmall { wanted });
        }
        position.backs(self.rules.penalty)
    }

    fn leave(&mut self, _: &mut Desk<()>, _: Party) -> Span {
        self.rules.exit
    }

    fn measured(&mut self, _: &mut Desk<()>, party: Party, score: u32) -> Ruling {
        match score {
            0 => self.matchers.remove(&party),
            _ => self.matchers.insert(party),
        };
        Ok(())
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        case.wake_at(self.expiry(case).next());
    }

    fn hear(&mut self, case: &mut Case<'_, ()>, from: Party, said: &Message) -> Ruling {
        match said {
            Message::Choose { party } => {
                let known = self.matchers.contains(&from);
                known.then_some(()).ok_or(Refusal::NotAMatcher)?;
                case.still_collecting()?;
                self.check_idle(case.desk, *party)?;
                self.give(case, *party);
                Ok(())
            }
            Message::Decline => {
                case.fail(from)?;
                self.again(case);
                Ok(())
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    fn lapsed(&mut self, case: &mut Case<'_, ()>) {
        self.again(case);
    }

    fn alarm(&mut self, case: &mut Case<'_, ()>) {
        if case.still_collecting().is_ok() {
            case.settle(Outcome::Unproven);
        }
    }
}

impl AttestedMatching {
    /// The last instant at which a job can be matched.
    fn expiry(&self, case: &Case<'_, ()>) -> Time {
        (case.job.opened_at + self.rules.expiry).min(case.spec().deadline)
    }

    /// Whether a member can take one more job.
    fn check_idle(&self, desk: &Desk<()>, party: Party) -> Ruling {
        let member = desk.member(party).ok_or(Refusal::NotAMember)?;
        let (jobs, limit) = (member.duties + 1, self.rules.jobs);
        let wanted = self.rules.compute.saturating_mul(jobs);
        match member.position.capacity < wanted {
            _ if jobs > limit => Err(Refusal::Full { limit }),
            true => Err(Refusal::CapacityTooSmall { wanted }),
            false => desk.check_member(party, self.rules.penalty.scaled_down(jobs.into(), 1)),
        }
    }

    fn give(&self, case: &mut Case<'_, ()>, party: Party) {
        let until = (case.now() + self.rules.time).min(case.spec().deadline);
        let to_party = Allocation::to(party, case.escrow(), until);
        let at_risk = to_party.at_risk(self.rules.penalty, Risks::Stake);
        case.allocate(at_risk.forfeiting(TO_TREASURY));
    }

    /// The holder has failed: somebody else may be matched, unless it is too late for that.
    fn again(&self, case: &mut Case<'_, ()>) {
        match case.now() > self.expiry(case) {
            true => case.settle(Outcome::Unproven),
            false => case.reopen(),
        }
    }
}

#[cfg(test)]
mod tests;
