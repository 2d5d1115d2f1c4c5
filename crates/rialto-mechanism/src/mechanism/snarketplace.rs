//! **Snarketplace** (Mina; M1). Provers post finished proofs with an ask; the buyer takes the cheapest.
//!
//! *Rule.* A job is a work statement, open to all. A prover first bids its ask for it and then delivers the
//! proof. The pool keeps one proof for each statement: a new one must ask strictly less, so of equal ones the
//! first stays. An ask by somebody who has nothing here must be at least `account_fee`. The requester, a
//! block's producer, buys when it accepts; at the latest at the deadline, if it can pay the ask.
//!
//! *Pay.* Exactly the ask.
//!
//! *Failure.* None: whoever was undercut has worked for nothing. Without a proof the producer proves itself.
//!
//! *Source.* Mina's node: network pool, staged ledger, work selection. Confidence A. What workers work on is
//! theirs to choose and no part of this. `account_fee` is one token there; a default ask is 0.025.
//!
//! *Attacks.* Undercutting a proven statement by one tick wastes a proof each time. Producers who prove
//! themselves ask near nothing. Ask and prover are bound in the proof, so nobody can take it over.

use crate::{
    About, Allocation, Amount, Case, Confidence, Contradiction, Job, Mechanism, Message, Outcome,
    Party, Preset, Proof, Refusal, Ruling, SplitGain, Time, Why,
};
use crate::{Account, JobSpec};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snarketplace {
    rules: Rules,
}

/// Parameters of a [`Snarketplace`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The least ask of a prover that has no account yet.
    pub account_fee: Amount,
    /// How many proofs a statement bundles at most.
    pub bundle: u32,
}

/// What is remembered of a statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Asks without a proof.
    asks: Vec<(Party, Amount)>,
    /// The cheapest proof.
    best: Option<(Party, Amount)>,
}

const ABOUT: About = About {
    name: "snarketplace",
    family: "M1",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset { name: "mina", rules: "account_fee = \"1_000_000_000\"\nbundle = 2" }],
    file: include_str!("snarketplace.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.bundle > 0, "bundle", "must be 1 or more")
    }
}

impl Mechanism for Snarketplace {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn admits(&self, _: &crate::Desk<Mark>, spec: &JobSpec) -> Ruling {
        let max = self.rules.bundle;
        if spec.parts > max { Err(Refusal::WrongParts { min: 1, max }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        case.allocate(Allocation::open(case.now(), case.spec().max_pay));
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        match said {
            Message::Bid { price } => self.ask(case, from, *price),
            Message::Accept => {
                case.spec().asked_by(from)?;
                buy(case)
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        let mark = &mut case.job.mark;
        let at = mark.asks.iter().position(|(party, _)| *party == by).ok_or(Refusal::NoBid)?;
        let (_, ask) = mark.asks[at];
        if let Some((_, best)) = mark.best
            && ask >= best
        {
            return Err(Refusal::PriceTooHigh { limit: best.saturating_sub(Amount::from(1)) });
        }
        mark.asks.remove(at);
        mark.best = Some((by, ask));
        Ok(())
    }

    fn expire(&mut self, case: &mut Case<'_, Mark>) {
        if buy(case).is_err() {
            case.expire();
        }
    }

    /// The most that a new ask may be: strictly below the best.
    fn price_at(&self, job: &Job<Mark>, _: Time) -> Option<Amount> {
        let below = |(_, best): (Party, Amount)| best.saturating_sub(Amount::from(1));
        Some(job.mark.best.map_or(job.spec.max_pay, below))
    }
}

impl Snarketplace {
    fn ask(&self, case: &mut Case<'_, Mark>, from: Party, price: Amount) -> Ruling {
        let wanted = self.rules.account_fee;
        let known = case.desk.ledger().balance(Account::Hand(from)) > Amount::ZERO;
        if !known && price < wanted {
            return Err(Refusal::PriceTooLow { wanted });
        }
        let asks = &mut case.job.mark.asks;
        match asks.iter_mut().find(|(party, _)| *party == from) {
            Some((_, ask)) => *ask = price,
            None => asks.push((from, price)),
        }
        Ok(())
    }
}

/// The requester takes the cheapest proof.
fn buy(case: &mut Case<'_, Mark>) -> Ruling {
    let (prover, ask) = case.job.mark.best.ok_or(Refusal::NotAllocated)?;
    let limit = case.escrow();
    if ask > limit {
        return Err(Refusal::PriceTooHigh { limit });
    }
    case.pay(prover, ask, Why::Price);
    case.settle(Outcome::Proven);
    Ok(())
}

#[cfg(test)]
mod tests;
