//! **Phased duty** (distributed proof generation on ethresear.ch; M13). Many provers are drawn for a job's parts, each part for
//! several of them; who is early is paid most, who is late little, and who does not come loses stake.
//!
//! *Rule.* Jobs wait for a seed, which draws `provers` members by stake, none twice, in groups of `group` in the order in
//! which they were drawn; each group has one part of the proof. A job is proven when every group has delivered.
//!
//! *Pay.* The requester pays all drawn alike at most; of that, whoever delivers has the share of the phase in which it does. What later
//! phases save goes back.
//!
//! *Failure.* Who delivers after the last phase but within `grace` is not paid and loses `late` of its stake; who does not deliver
//! loses `missed`; both are burned. Without a seed, or with fewer members than are drawn, the job is off.
//!
//! *Source.* A research post: 200 provers for a proof, 5 for an aggregate, phases with rewards of 9000, 8000 and so on, penalties of 1
//! and 3. Confidence B. How long phases are, and what the unit of a penalty is, are ours.
//!
//! *Attacks.* One owner in a whole group can stop a proof, for its penalties. A late proof's penalty below that of a missed
//! one keeps it coming. Rewards that fall in steps make a proof late by a moment cost a step.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Duty, Holder,
    Job, JobId, JobSpec, Lots, Mechanism, Outcome, Party, Position, Preset, Proof, Risks, Ruling,
    Seed, Span, SplitGain, Time,
};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The rule with its parameters, and who can be drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasedDuty {
    rules: Rules,
    lots: Lots,
}

/// Parameters of a [`PhasedDuty`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many provers a job has.
    pub provers: u32,
    /// How many of them have the same part.
    pub group: u32,
    /// How long each phase is.
    pub phase: Span,
    /// Which share of its part of the price a proof is paid, phase by phase.
    pub tiers: Vec<Bps>,
    /// How long proofs are taken after the last phase.
    pub grace: Span,
    /// What a proof in that time costs.
    pub late: Amount,
    /// What no proof costs.
    pub missed: Amount,
    /// What a member must have at stake.
    pub min_stake: Amount,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    drawn_at: Time,
    /// Who has delivered, late or not.
    delivered: BTreeSet<Party>,
}

macro_rules! preset {
    ($provers:literal, $group:literal) => {
        concat!(
            "provers = ",
            $provers,
            "\ngroup = ",
            $group,
            "\n",
            r#"
            phase = "2 min"
            tiers = [9000, 8000, 7000, 6000, 5000]
            grace = "5 min"
            late = 100
            missed = 300
            min_stake = 1000
            exit = "7 d"
            beacon = { lag = "12 s", patience = "1 min" }
            "#
        )
    };
}
const ABOUT: About = About {
    name: "phased-duty",
    family: "M13",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "one-aggregate", rules: preset!("2", "1") },
        Preset { name: "pairs", rules: preset!("2", "2") },
    ],
    file: include_str!("phased_duty.rs"),
};

/// The post's numbers, for whoever has so many members.
#[cfg(test)]
const LARGE: &str = preset!("200", "5");

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let group = self.group > 0 && self.group <= self.provers && self.provers <= 1_000;
        Contradiction::unless(
            group,
            "group",
            "must be from 1 to `provers`, and that at most 1000",
        )?;
        let whole = self.provers.is_multiple_of(self.group.max(1));
        Contradiction::unless(whole, "provers", "must be a multiple of `group`")?;
        let tiers = (1..=64).contains(&self.tiers.len()) && self.tiers.is_sorted_by(|a, b| a >= b);
        Contradiction::unless(tiers, "tiers", "must be from 1 to 64, none above the one before")?;
        let shares = self.tiers[0] <= Bps::ALL;
        Contradiction::unless(shares, "tiers", "are shares: at most 10000")?;
        Contradiction::if_zero(self.phase, "phase")?;
        let least = self.late <= self.missed && self.missed <= self.min_stake;
        Contradiction::unless(least, "missed", "must be from `late` to `min_stake`")
    }
}

impl Mechanism for PhasedDuty {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules, lots: Lots::default() }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs(self.rules.min_stake)
    }

    fn seated(&mut self, desk: &mut Desk<Mark>, party: Party) {
        self.reweigh(desk, party);
    }

    fn leave(&mut self, _: &mut Desk<Mark>, party: Party) -> Span {
        self.lots.roll.set(party, Weight::ZERO);
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let beacon = self.rules.beacon;
        let earliest = (self.end(desk.now()) + beacon.lag + beacon.patience).next();
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<Mark>, seed: &Seed) {
        desk.visit_all(self.lots.take(), |case| self.decide(case, seed));
        self.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<Mark>, _: u64, _: Option<JobId>) {
        self.lots.give_up(desk, self.rules.beacon);
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        case.may_deliver(by, proof)?;
        match self.tier(case.job, case.now()) {
            Some(tier) => {
                let held = case.job.holders().iter().find(|holder| holder.party == by);
                let most = held.map_or(Amount::ZERO, |holder| holder.price);
                case.fulfil(by, most.times_down(tier));
            }
            None => case.fail_for(by, self.rules.late)?,
        }
        case.job.mark.delivered.insert(by);
        if case.job.holders().iter().all(|holder| holder.duty != Duty::Owes) {
            self.end_with(case);
        }
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        self.end_with(case);
    }

    fn settled(&mut self, desk: &mut Desk<Mark>, job: &Job<Mark>) {
        job.holders().iter().for_each(|holder| self.reweigh(desk, holder.party));
    }
}

impl PhasedDuty {
    /// What a member weighs in a draw: its stake, unless that is too small or on its way out.
    fn reweigh(&mut self, desk: &Desk<Mark>, party: Party) {
        let stays = desk.member(party).is_some_and(|member| member.leaving.is_none());
        let stake = desk.stake(party);
        let weighs = stays && stake >= self.rules.min_stake;
        let weight = Weight::try_from(stake.get()).ok().filter(|_| weighs);
        self.lots.roll.set(party, weight.unwrap_or_default());
    }

    /// The last instant at which a proof is taken.
    fn end(&self, drawn_at: Time) -> Time {
        drawn_at + self.rules.phase.times(self.rules.tiers.len() as u64) + self.rules.grace
    }

    /// Which share a proof is paid now; none after the last phase. A phase includes its last instant.
    fn tier(&self, job: &Job<Mark>, now: Time) -> Option<Bps> {
        let passed = now.since(job.mark.drawn_at).get().saturating_sub(1);
        self.rules.tiers.get((passed / self.rules.phase.get()) as usize).copied()
    }

    fn decide(&mut self, case: &mut Case<'_, Mark>, seed: &Seed) {
        let count = self.rules.provers;
        let drawn = self.lots.roll.draw(seed, case.job.id, count as usize);
        let fit = drawn.len() == count as usize
            && drawn.iter().all(|party| case.desk.stake(*party) >= self.rules.missed);
        if !fit {
            return case.settle(Outcome::Unproven);
        }
        let price = case.spec().max_pay.scaled_down(1, count.into());
        case.job.mark.drawn_at = case.now();
        let until = self.end(case.now()).min(case.spec().deadline);
        let holders = drawn.into_iter().map(|party| Holder::new(party, price)).collect();
        let duty = Allocation { holders, until, needs_all: true, ..Allocation::default() };
        case.allocate(duty.at_risk(self.rules.missed, Risks::Stake));
    }

    /// The job is over: proven, if somebody of every group has delivered.
    fn end_with(&self, case: &mut Case<'_, Mark>) {
        let delivered = |holder: &Holder| case.job.mark.delivered.contains(&holder.party);
        let mut groups = case.job.holders().chunks(self.rules.group as usize);
        let whole = groups.all(|group| group.iter().any(delivered));
        case.settle(if whole { Outcome::Proven } else { Outcome::Unproven });
    }
}

#[cfg(test)]
mod tests;
