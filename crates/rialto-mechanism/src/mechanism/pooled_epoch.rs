//! **Pooled epoch** (Aztec since 2025; M6e). Nobody is chosen: all who prove an epoch in time share its reward,
//! by a score for showing up.
//!
//! *Rule.* A job is an epoch, its parts are checkpoints, and its deadline ends the proof window. A proof covers
//! the first so many parts. When the window ends, those whose proofs cover the most share the reward.
//!
//! *Pay.* In proportion to shares. A prover's score falls by `decay` for each epoch since its last and rises by
//! `increment` with a proof, to at most `max`; its share is `best - slope · (max - score)² / 10^10`, at least
//! `worst`. With `full_only` a proof raises the score only if it covers the whole epoch.
//!
//! *Failure.* None for provers. What nobody has proven is pruned; without any proof the reward goes back.
//!
//! *Source.* Aztec's rollup contracts, AZIP-5 for the second set of parameters and a later change for
//! `full_only`. Confidence A. Provers of prefixes are named first come, first served elsewhere (AZIP-24); that
//! is not paid here.
//!
//! *Attacks.* Proving only the first checkpoint kept the score up (`full_only` answers). One proof handed in
//! under two names (the prover is bound in the proof). Cost: M provers prove M times, which is what liveness
//! costs.

use crate::{
    About, Allocation, Amount, Case, Confidence, Contradiction, Mechanism, Outcome, Party, Preset,
    Proof, Refusal, Ruling, SplitGain, Why,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, and everybody's score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PooledEpoch {
    rules: Rules,
    epochs: u64,
    scores: BTreeMap<Party, Score>,
}

/// A score and the epoch that it was last raised in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Score {
    value: u64,
    epoch: u64,
}

/// Parameters of a [`PooledEpoch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What a score loses with each epoch.
    pub decay: u64,
    /// What it gains with a proof.
    pub increment: u64,
    /// The highest score.
    pub max: u64,
    /// How fast the share falls below the highest score.
    pub slope: u64,
    /// The share at the highest score.
    pub best: u64,
    /// The least share.
    pub worst: u64,
    /// Whether only proofs of the whole epoch raise the score.
    pub full_only: bool,
}

/// What is remembered of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    epoch: u64,
    proofs: BTreeMap<Party, Covered>,
}

/// A prover's best proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Covered {
    parts: u32,
    share: u64,
}

const ABOUT: About = About {
    name: "pooled-epoch",
    family: "M6e",
    confidence: Confidence::Code,
    split_gain: SplitGain::Loss,
    presets: &[
        Preset {
            name: "azip-5",
            rules: "decay = 100000\nincrement = 101400\nmax = 367500\nslope = 250000\nbest = 1000000\nworst = 10000\nfull_only = true",
        },
        Preset {
            name: "ignition",
            rules: "decay = 100000\nincrement = 125000\nmax = 15000000\nslope = 1000\nbest = 1000000\nworst = 100000\nfull_only = false",
        },
    ],
    file: include_str!("pooled_epoch.rs"),
};

/// What the squared distance from the highest score is divided by.
const SCALE: u128 = 10_000_000_000;

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let shares = 0 < self.worst && self.worst <= self.best;
        Contradiction::unless(shares, "worst", "must be more than nothing and at most the best")?;
        let reached = self.increment > self.decay;
        Contradiction::unless(reached, "increment", "must be above the decay, or no score lasts")?;
        let bounded = [self.decay, self.increment, self.max, self.slope, self.best]
            .iter()
            .all(|value| *value <= u32::MAX.into());
        Contradiction::unless(bounded, "max", "and the others must be at most 4294967295")
    }
}

impl Mechanism for PooledEpoch {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules, epochs: 0, scores: BTreeMap::new() }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.epochs += 1;
        case.job.mark.epoch = self.epochs;
        case.allocate(Allocation::open(case.now(), Amount::ZERO));
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        let max = case.spec().parts;
        if proof.part == 0 || proof.part > max {
            return Err(Refusal::WrongParts { min: 1, max });
        }
        let epoch = case.job.mark.epoch;
        let covered = case.job.mark.proofs.entry(by).or_default();
        if proof.part <= covered.parts {
            return Err(Refusal::AlreadyDone);
        }
        covered.parts = proof.part;
        let counts = proof.part == max || !self.rules.full_only;
        let score = self.show_up(by, epoch, counts);
        covered.share = self.share(score);
        Ok(())
    }

    fn expire(&mut self, case: &mut Case<'_, Mark>) {
        let proofs = std::mem::take(&mut case.job.mark.proofs);
        let longest = proofs.values().map(|covered| covered.parts).max().unwrap_or_default();
        let sharing = || proofs.iter().filter(|(_, covered)| covered.parts == longest);
        let shares: u128 = sharing().map(|(_, covered)| u128::from(covered.share)).sum();
        let reward = case.spec().max_pay;
        for (party, covered) in sharing() {
            case.pay(*party, reward.scaled_down(covered.share.into(), shares), Why::Price);
        }
        let whole = longest == case.spec().parts;
        case.settle(if whole { Outcome::Proven } else { Outcome::Unproven });
    }
}

impl PooledEpoch {
    /// A prover's score in an epoch, raised once if its proof counts.
    fn show_up(&mut self, party: Party, epoch: u64, counts: bool) -> u64 {
        let known = self.scores.get(&party).copied().unwrap_or_default();
        if known.epoch >= epoch {
            return known.value;
        }
        let passed = self.rules.decay.saturating_mul(epoch - known.epoch);
        let decayed = known.value.saturating_sub(passed);
        if !counts {
            return decayed;
        }
        let value = (decayed + self.rules.increment).min(self.rules.max);
        self.scores.insert(party, Score { value, epoch });
        value
    }

    /// `best - slope · (max - score)² / 10^10`, rounded up as the subtrahend is rounded down; at
    /// least the worst.
    fn share(&self, score: u64) -> u64 {
        let away = u128::from(self.rules.max - score);
        let lost = u128::from(self.rules.slope) * away * away / SCALE;
        let left = u128::from(self.rules.best).saturating_sub(lost);
        (left as u64).max(self.rules.worst)
    }
}

#[cfg(test)]
mod tests;
