//! **Epoch quotes** (Aztec as built in 2024; M6d). Provers quote for an epoch, its proposer takes one, and the
//! prover is bonded.
//!
//! *Rule.* A job is an epoch, its requester is the next epoch's first proposer. Anybody quotes a fee and puts
//! up `bond`. Within `claim` the requester chooses one quote, whichever it likes; the others have their bonds
//! back then. Nobody else may prove the epoch.
//!
//! *Pay.* The quote that was chosen.
//!
//! *Failure.* Without a choice in time the epoch is pruned. A prover that was chosen and does not deliver loses
//! its bond, all of it burned, and the epoch is pruned.
//!
//! *Source.* Aztec's packages of 2024, removed in 2025. Confidence A. The fee was in basis points of the
//! epoch's fees; here it is an amount.
//!
//! *Attacks.* Who chooses does not bear the loss of a pruned epoch, so provers pay it for being chosen: with a
//! share s of the loss the side payment rises to 1 - s of the fee. A bond for a whole epoch keeps small provers
//! out.

use crate::{
    About, Allocation, Amount, Case, Confidence, Contradiction, Desk, JobSpec, Mechanism, Message,
    Outcome, Party, Preset, Quotes, Refusal, Risks, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochQuotes {
    rules: Rules,
}

/// Parameters of [`EpochQuotes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long the proposer may choose.
    pub claim: Span,
    /// How long the prover has at least after that.
    pub prove: Span,
    /// What a quote puts up.
    pub bond: Amount,
}

const ABOUT: About = About {
    name: "epoch-quotes",
    family: "M6d",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "aztec",
        rules: "# 13 slots of 36 s to claim; the rest of an epoch of 32 to prove.\nclaim = \"468 s\"\nprove = \"684 s\"\nbond = 1000",
    }],
    file: include_str!("epoch_quotes.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.claim, "claim")
    }
}

impl Mechanism for EpochQuotes {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Quotes;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn admits(&self, desk: &Desk<Quotes>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.claim + self.rules.prove;
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Quotes>) {
        case.wake_at((case.now() + self.rules.claim).next());
    }

    fn hear(&mut self, case: &mut Case<'_, Quotes>, from: Party, said: &Message) -> Ruling {
        case.still_collecting()?;
        match *said {
            Message::Bid { price } => self.quote(case, from, price),
            Message::Choose { party } => {
                case.spec().asked_by(from)?;
                choose(case, party)
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    /// The time to choose is over.
    fn alarm(&mut self, case: &mut Case<'_, Quotes>) {
        if case.still_collecting().is_ok() {
            case.settle(Outcome::Unproven);
        }
    }
}

impl EpochQuotes {
    fn quote(&self, case: &mut Case<'_, Quotes>, from: Party, fee: Amount) -> Ruling {
        case.job.mark.check(case.spec(), from, fee)?;
        case.post_bond(from, self.rules.bond)?;
        case.job.mark.push(from, fee);
        Ok(())
    }
}

fn choose(case: &mut Case<'_, Quotes>, chosen: Party) -> Ruling {
    let fee = case.job.mark.of(chosen)?;
    case.job.mark.take_others(chosen).for_each(|party| case.release_bond(party));
    let (until, bond) = (case.spec().deadline, case.bond(chosen));
    case.allocate(Allocation::to(chosen, fee, until).at_risk(bond, Risks::Bond));
    Ok(())
}

#[cfg(test)]
mod tests;
