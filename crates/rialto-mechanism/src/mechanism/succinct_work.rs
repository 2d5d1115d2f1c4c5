//! **Proof of succinct work** (Aleo; M12h). Not jobs but a puzzle: a block takes a few solutions and shares its
//! reward by how hard they were, and the difficulty follows the time that they take.
//!
//! *Rule.* A job is a block, and what its requester pays is the anchor reward. Anybody hands in solutions; the part of a proof is
//! its target in units of the least that is taken, which is the coinbase target divided by `solutions`, and one. With
//! the last of `solutions`, or at its deadline, the block closes.
//!
//! *Pay.* The reward is the anchor reward times the block's targets, as far as the coinbase target is not used up by earlier blocks,
//! over the coinbase target. `provers` of it is split in proportion to targets; the rest is the validators' (the
//! treasury's). What is not rewarded goes back.
//!
//! *Retarget.* When blocks have used up half of the coinbase target, it becomes `target · 2^-((t - anchor) / half_life)` with `t`
//! since it was last set, at least `solutions`, and nothing of it is used up. Powers of two are Taylor's series in units of 2^-60.
//!
//! *Failure.* There is none; a block without solutions pays nothing.
//!
//! *Source.* snarkVM of 2024: four solutions, two thirds to provers, an anchor of 25 s, a threshold of a half. Confidence A. The
//! half-life and the first target are from memory; the powers there are another approximation.
//!
//! *Attacks.* None by names: pay is linear in work. The work is of no use to anybody unless programs are tied to demand.

use crate::powers::{doubled, halved};
use crate::{
    About, Account, Allocation, Amount, Bps, Case, Confidence, Contradiction, Mechanism, Outcome,
    Party, Preset, Proof, Refusal, Ruling, Span, SplitGain, Time, Why,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, and the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuccinctWork {
    rules: Rules,
    target: u64,
    used: u64,
    /// When the target was last set; at the first block for the first time.
    set_at: Option<Time>,
}

/// Parameters of a [`SuccinctWork`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The most solutions of a block.
    pub solutions: u32,
    /// The provers' share of a reward.
    pub provers: Bps,
    /// The first coinbase target.
    pub first_target: u64,
    /// In which time half of a target is to be used up.
    pub anchor: Span,
    /// How much later than that halves the target.
    pub half_life: Span,
}

/// A block's solutions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The sum of each prover's targets.
    targets: BTreeMap<Party, u64>,
    count: u32,
}

const ABOUT: About = About {
    name: "succinct-work",
    family: "M12h",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "aleo",
        rules: r#"
            solutions = 4
            provers = 6667
            first_target = 536870912
            anchor = "25 s"
            half_life = "75 min"
        "#,
    }],
    file: include_str!("succinct_work.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let solutions = (1..=1_000).contains(&self.solutions);
        Contradiction::unless(solutions, "solutions", "must be from 1 to 1000")?;
        Contradiction::if_no_share(self.provers, "provers")?;
        let target =
            u64::from(self.solutions) <= self.first_target && self.first_target <= TARGET_MAX;
        Contradiction::unless(target, "first_target", "must be from `solutions` to 2^62")?;
        let timed = self.anchor > Span::ZERO && self.half_life > Span::ZERO;
        Contradiction::unless(timed, "half_life", "and anchor must be more than nothing")
    }
}

/// The highest target.
const TARGET_MAX: u64 = 1 << 62;

impl Mechanism for SuccinctWork {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        let (target, used, set_at) = (rules.first_target, 0, None);
        Self { rules, target, used, set_at }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.set_at.get_or_insert(case.now());
        case.allocate(Allocation::open(case.now(), Amount::ZERO));
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        if proof.part == 0 {
            return Err(Refusal::WrongParts { min: 1, max: u32::MAX });
        }
        let target = self.least().saturating_mul(proof.part.into()).min(TARGET_MAX);
        let sum = case.job.mark.targets.entry(by).or_default();
        *sum = sum.saturating_add(target);
        case.job.mark.count += 1;
        if case.job.mark.count == self.rules.solutions {
            self.close(case);
        }
        Ok(())
    }

    fn expire(&mut self, case: &mut Case<'_, Mark>) {
        self.close(case);
    }
}

impl SuccinctWork {
    /// The least target of a solution as things stand.
    pub fn least(&self) -> u64 {
        self.target / u64::from(self.rules.solutions) + 1
    }

    fn close(&mut self, case: &mut Case<'_, Mark>) {
        let targets = std::mem::take(&mut case.job.mark.targets);
        let all: u128 = targets.values().map(|target| u128::from(*target)).sum();
        let counted = u64::try_from(all).unwrap_or(u64::MAX).min(self.target - self.used);
        let reward = case.spec().max_pay.scaled_down(counted.into(), self.target.into());
        let to_provers = reward.times_down(self.rules.provers);
        for (party, target) in targets {
            case.pay(party, to_provers.scaled_down(target.into(), all), Why::Price);
        }
        case.levy(Account::Treasury, reward - to_provers, Why::Fee);
        case.settle(if all > 0 { Outcome::Proven } else { Outcome::Unproven });
        self.used += counted;
        if self.used >= self.target / 2 {
            self.retarget(case.now());
        }
    }

    fn retarget(&mut self, now: Time) {
        let took = now.since(self.set_at.replace(now).unwrap_or(now));
        let next = retargeted(self.target, took, self.rules.anchor, self.rules.half_life);
        self.target = next.max(self.rules.solutions.into());
        self.used = 0;
    }
}

/// `target · 2^-((took - anchor) / half_life)`, rounded down, at most 2^62.
fn retargeted(target: u64, took: Span, anchor: Span, half_life: Span) -> u64 {
    let (took, anchor, half_life) = (took.get(), anchor.get(), half_life.get());
    let next = match took.checked_sub(anchor) {
        Some(late) => halved(target.into(), late, half_life),
        None => doubled(target.into(), anchor - took, half_life),
    };
    u64::try_from(next).unwrap_or(TARGET_MAX).min(TARGET_MAX)
}

#[cfg(test)]
mod tests;
