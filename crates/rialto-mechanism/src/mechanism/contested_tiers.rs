//! **Contested tiers** (Taiko from its alpha-5 to Pacaya; M2c). A block's proposer takes one prover's quote. Proofs
//! come in tiers, of which only the highest is beyond doubt; whoever doubts a lower one contests it, and a higher one
//! decides.
//!
//! *Rule.* Anybody quotes a fee and puts up `liveness_bond`. Within `claim` the requester, who is the proposer, chooses
//! one; the others have their bonds back. Who was chosen has the block alone for `window`, then anybody may prove it. A
//! proof's part is its tier, from zero up to below `tiers`. The highest is verified and ends the job. Below that nobody
//! looks: its prover puts up `validity_bond`, and for `cooldown` anybody may contest it with `contest_bond`. Then for
//! `reprove` anybody may prove the block in a higher tier, with the same result or with the opposite. That proof stands
//! in place of the first, and can be contested in its turn. What nobody contests for `cooldown`, or proves otherwise
//! within `reprove`, is the result.
//!
//! *Pay.* The quote, to whoever first proved what is the result in the end.
//!
//! *Failure.* Without a choice in time the block is unproven. Who was chosen and is late loses its liveness bond, which
//! is burned. Of a contest's bonds the one of whoever was wrong is lost: `winner` of it to the other, `reprover` of it
//! to whoever has proven the higher tier, the rest burned. A contest that nobody decides was wrong, and then the second
//! part is burned too.
//!
//! *Source.* Taiko's documents and contracts: a window and a cooldown of two hours and a bond of 125 in Pacaya,
//! quarters for winner and re-prover in the worked example. Confidence A; the other bonds, `claim`, `reprove`, and that
//! the fee is paid at the end, are ours.
//!
//! *Attacks.* A false proof that nobody contests is the result: somebody must watch. Proposer and prover become one,
//! and fees are agreed on where nobody sees them. An owner who proves, contests and decides loses half of a bond each
//! time. A proof at the last moment would leave no time to contest, so only the highest tier is taken then.

use crate::{
    About, Account, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, JobSpec,
    Mechanism, Message, Outcome, Party, Preset, Proof, Quotes, Refusal, Risks, Ruling, Span,
    SplitGain, Why,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContestedTiers {
    rules: Rules,
}

/// Parameters of [`ContestedTiers`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long the proposer may choose.
    pub claim: Span,
    /// How long the block is its prover's alone.
    pub window: Span,
    /// How many tiers there are.
    pub tiers: u32,
    /// How long a proof may be contested.
    pub cooldown: Span,
    /// How long a contest waits for a higher proof.
    pub reprove: Span,
    /// What a quote puts up.
    pub liveness_bond: Amount,
    /// What a proof below the highest tier puts up.
    pub validity_bond: Amount,
    /// What a contest puts up.
    pub contest_bond: Amount,
    /// The part of the loser's bond that is the winner's.
    pub winner: Bps,
    /// The part that is the higher proof's.
    pub reprover: Bps,
}

/// What is remembered of a block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Block {
    quotes: Quotes,
    price: Amount,
    standing: Option<Standing>,
    contester: Option<Party>,
}

/// The proof that is the result unless it is contested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Standing {
    by: Party,
    tier: u32,
    /// Whether it is right, which nobody knows before the highest tier.
    valid: bool,
    /// Who was the first to prove what it proves.
    earner: Party,
}

macro_rules! preset {
    ($tiers:literal, $window:literal) => {
        concat!(
            "tiers = ",
            $tiers,
            "\nwindow = \"",
            $window,
            r#""
            claim = "10 min"
            cooldown = "2 h"
            reprove = "1 h"
            liveness_bond = 125
            validity_bond = 250
            contest_bond = 250
            winner = 2500
            reprover = 2500
            "#
        )
    };
}
const ABOUT: About = About {
    name: "contested-tiers",
    family: "M2c",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "pacaya", rules: preset!("2", "2 h") },
        Preset { name: "alpha-6", rules: preset!("3", "90 min") },
    ],
    file: include_str!("contested_tiers.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let tiers = (2..=16).contains(&self.tiers);
        Contradiction::unless(tiers, "tiers", "must be from 2 to 16")?;
        Contradiction::if_zero(self.claim, "claim")?;
        Contradiction::if_zero(self.window, "window")?;
        let contestable = self.cooldown > Span::ZERO && self.reprove > Span::ZERO;
        Contradiction::unless(contestable, "cooldown", "and reprove must be more than nothing")?;
        let parts = u64::from(self.winner.0) + u64::from(self.reprover.0);
        let less = parts < u64::from(Bps::ALL.0);
        Contradiction::unless(less, "winner", "and reprover must be below 10000 together")
    }
}

impl Mechanism for ContestedTiers {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Block;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn admits(&self, desk: &Desk<Block>, spec: &JobSpec) -> Ruling {
        let rules = &self.rules;
        let longest = rules.claim + rules.window + rules.cooldown + rules.reprove;
        let earliest = (desk.now() + longest).next();
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Block>) {
        case.wake_at((case.now() + self.rules.claim).next());
    }

    fn hear(&mut self, case: &mut Case<'_, Block>, from: Party, said: &Message) -> Ruling {
        if let Message::Contest = said {
            return self.contest(case, from);
        }
        case.still_collecting()?;
        match *said {
            Message::Bid { price } => self.quote(case, from, price),
            Message::Choose { party } => {
                case.spec().asked_by(from)?;
                self.choose(case, party)
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    fn deliver(&mut self, case: &mut Case<'_, Block>, by: Party, proof: &Proof) -> Ruling {
        let allocation = case.job.allocation().ok_or(Refusal::NotAllocated)?;
        let (until, highest) = (allocation.until, self.rules.tiers - 1);
        let is_held = allocation.holders.iter().all(|holder| holder.party != by)
            && !allocation.holders.is_empty()
            && case.now() <= until;
        let least = match (case.job.mark.standing, case.job.mark.contester) {
            (Some(_), None) => return Err(Refusal::AlreadyDone),
            (Some(standing), Some(_)) => standing.tier + 1,
            (None, _) if is_held => return Err(Refusal::Reserved { until }),
            (None, _) => 0,
        };
        if !(least..=highest).contains(&proof.part) {
            return Err(Refusal::WrongParts { min: least, max: highest });
        }
        if proof.part == highest {
            proof.verified()?;
            self.replace(case, by, proof);
            self.finish(case);
            return Ok(());
        }
        let latest = case.spec().deadline - self.rules.cooldown - self.rules.reprove;
        if case.now() > latest {
            return Err(Refusal::TooLate { at: latest });
        }
        let held = case.desk.ledger().balance(Account::Hand(by));
        let wanted = self.rules.validity_bond;
        if held < wanted {
            return Err(Refusal::Insufficient { wanted, held });
        }
        self.replace(case, by, proof);
        case.post_bond(by, wanted)?;
        case.wake_at((case.now() + self.rules.cooldown).next());
        Ok(())
    }

    /// The time to choose, to contest or to decide is over.
    fn alarm(&mut self, case: &mut Case<'_, Block>) {
        if case.still_collecting().is_ok() {
            return case.settle(Outcome::Unproven);
        }
        let undecided = case.job.mark.contester.take();
        if let (Some(contester), Some(standing)) = (undecided, case.job.mark.standing) {
            self.lose(case, contester, self.rules.contest_bond, [Some(standing.by), None]);
        }
        self.finish(case);
    }
}

impl ContestedTiers {
    fn quote(&self, case: &mut Case<'_, Block>, from: Party, fee: Amount) -> Ruling {
        case.job.mark.quotes.check(case.spec(), from, fee)?;
        case.post_bond(from, self.rules.liveness_bond)?;
        case.job.mark.quotes.push(from, fee);
        Ok(())
    }

    fn choose(&self, case: &mut Case<'_, Block>, chosen: Party) -> Ruling {
        let price = case.job.mark.quotes.of(chosen)?;
        case.job.mark.quotes.take_others(chosen).for_each(|party| case.release_bond(party));
        case.job.mark.price = price;
        let to_chosen = Allocation::to(chosen, price, case.now() + self.rules.window)
            .at_risk(self.rules.liveness_bond, Risks::Bond)
            .then_open(price);
        case.allocate(to_chosen);
        Ok(())
    }

    fn contest(&self, case: &mut Case<'_, Block>, from: Party) -> Ruling {
        case.job.mark.standing.ok_or(Refusal::NotAllocated)?;
        if case.job.mark.contester.is_some() {
            return Err(Refusal::Taken);
        }
        case.post_bond(from, self.rules.contest_bond)?;
        case.job.mark.contester = Some(from);
        case.wake_at((case.now() + self.rules.reprove).next());
        Ok(())
    }

    /// A proof takes the place of the one that stood, if there was one; the contest between them is decided.
    fn replace(&self, case: &mut Case<'_, Block>, by: Party, proof: &Proof) {
        let mut standing = Standing { by, tier: proof.part, valid: proof.valid, earner: by };
        let block = &mut case.job.mark;
        match (block.standing, block.contester.take()) {
            (Some(before), Some(contester)) if before.valid == proof.valid => {
                standing.earner = before.earner;
                self.lose(case, contester, self.rules.contest_bond, [Some(before.by), Some(by)]);
            }
            (Some(before), Some(contester)) => {
                let parts = [Some(contester), Some(by)];
                self.lose(case, before.by, self.rules.validity_bond, parts);
            }
            _ => {
                // Who was late has lost its bond; who was not has it back.
                case.allocate(Allocation::open(case.now(), case.job.mark.price));
                case.release_bond(by);
            }
        }
        case.job.mark.standing = Some(standing);
    }

    /// A bond is lost: parts of it to winner and re-prover, if there are, rounded down; the rest is burned.
    fn lose(&self, case: &mut Case<'_, Block>, loser: Party, bond: Amount, to: [Option<Party>; 2]) {
        let mut rest = bond;
        for (party, share) in to.into_iter().zip([self.rules.winner, self.rules.reprover]) {
            let part = bond.times_down(share);
            if let Some(party) = party {
                case.take_bond(loser, part, Account::Hand(party));
                rest -= part;
            }
        }
        case.take_bond(loser, rest, Account::Burned);
    }

    /// What stands is the result; if nothing does, the job is over without one.
    fn finish(&self, case: &mut Case<'_, Block>) {
        let Some(standing) = case.job.mark.standing else { return };
        case.pay(standing.earner, case.job.mark.price, Why::Price);
        case.settle(Outcome::Proven);
    }
}

#[cfg(test)]
mod tests;
