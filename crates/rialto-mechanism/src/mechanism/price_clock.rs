//! **Price clock** (Taiko's alpha-3, the conditioned race; M2a). Everybody may prove every job, for a reward that grows
//! with the time since it was offered, and that follows how long proofs have taken.
//!
//! *Rule.* A job is open to all from the start. Proven after t it pays `x · t / target`, where x is what a million
//! cycles pay in the `target` time, but from `lowest` to `highest` of x. Once it is proven, or has not been in time, x
//! becomes `x · (1 + speed · (t - target) / target)`, from `least` to `most`; a job keeps the x that it was offered
//! under.
//!
//! *Pay.* The reward, rounded down, at most what the requester pays.
//!
//! *Failure.* None: nobody promised anything. Without any proof the requester gets everything back.
//!
//! *Source.* Taiko's third test network. Confidence R: the shape of its curve was not kept, so ours is a straight line,
//! and its numbers are ours. In `alpha-2`, the one before, rewards never fell.
//!
//! *Attacks.* All but one of n provers work for nothing, which its makers gave it up for. Whoever is alone waits for
//! the most, and drives x up by that; the limits of both are what answers. A reward that never falls stays where a time
//! of idleness has left it.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Job, Mechanism, Party,
    Preset, Proof, Ruling, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters, and what a million cycles pay in the target time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceClock {
    rules: Rules,
    reward: Amount,
}

/// Parameters of a [`PriceClock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long a proof should take.
    pub target: Span,
    /// What a million cycles pay then, at first.
    pub first: Amount,
    /// The least that is paid, in terms of that.
    pub lowest: Bps,
    /// The most that is paid, in terms of that.
    pub highest: Bps,
    /// How much of its relative delay a proof adds to the reward of those after it.
    pub speed: Bps,
    /// Whether early proofs lower it.
    pub falls: bool,
    /// The least that it falls to.
    pub least: Amount,
    /// The most that it rises to.
    pub most: Amount,
}

macro_rules! preset {
    ($falls:literal) => {
        concat!(
            "falls = ",
            $falls,
            r#"
            target = "30 min"
            first = 1000
            lowest = 1000
            highest = 20000
            speed = 100
            least = 10
            most = 100000
            "#
        )
    };
}
const ABOUT: About = About {
    name: "price-clock",
    family: "M2a",
    confidence: Confidence::Reconstruction,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "alpha-3", rules: preset!("true") },
        Preset { name: "alpha-2", rules: preset!("false") },
    ],
    file: include_str!("price_clock.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.target, "target")?;
        let clip = self.lowest <= self.highest;
        Contradiction::unless(clip, "lowest", "must be at most highest")?;
        Contradiction::if_no_share(self.speed, "speed")?;
        let bounds = self.least <= self.first && self.first <= self.most;
        Contradiction::unless(bounds, "first", "must be from least to most")
    }
}

impl Mechanism for PriceClock {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    /// What the job pays after the target time, by the reward when it was offered.
    type Mark = Amount;

    fn new(rules: Rules) -> Self {
        let reward = rules.first;
        Self { rules, reward }
    }

    fn open(&mut self, case: &mut Case<'_, Amount>) {
        case.job.mark = self.reward.scaled_down(case.spec().cycles.0.into(), 1_000_000);
        let highest = case.job.mark.times_down(self.rules.highest).min(case.spec().max_pay);
        case.allocate(Allocation::open(case.now(), highest));
    }

    fn deliver(&mut self, case: &mut Case<'_, Amount>, by: Party, proof: &Proof) -> Ruling {
        let reward = self.reward_at(case.job, case.now());
        case.deliver_for(by, proof, reward)
    }

    fn settled(&mut self, desk: &mut Desk<Amount>, job: &Job<Amount>) {
        if job.outcome() != Some(crate::Outcome::Cancelled) {
            self.learn(desk.now().since(job.opened_at));
        }
    }

    fn price_at(&self, job: &Job<Amount>, at: Time) -> Option<Amount> {
        Some(self.reward_at(job, at))
    }
}

impl PriceClock {
    /// What a job pays whoever proves it at `at`.
    fn reward_at(&self, job: &Job<Amount>, at: Time) -> Amount {
        let (target, taken) = (self.rules.target.get(), at.since(job.opened_at).get());
        let [lowest, highest] =
            [self.rules.lowest, self.rules.highest].map(|share| job.mark.times_down(share));
        let reward = job.mark.scaled_down(taken.into(), target.into());
        reward.clamp(lowest, highest).min(job.spec.max_pay)
    }

    /// Moves the reward by how far a proof's time was off; the change is rounded down.
    fn learn(&mut self, taken: Span) {
        let (target, taken) = (self.rules.target.get(), taken.get());
        let off = u128::from(taken.abs_diff(target)) * u128::from(self.rules.speed.0);
        let change = self.reward.scaled_down(off, u128::from(target) * u128::from(Bps::ALL.0));
        let moved = match taken < target {
            true if self.rules.falls => self.reward.saturating_sub(change),
            true => self.reward,
            false => self.reward.saturating_add(change),
        };
        self.reward = moved.clamp(self.rules.least, self.rules.most);
    }
}

#[cfg(test)]
mod tests;
