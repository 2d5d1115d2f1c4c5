//! **Livepeer** (its broadcasters' choice of orchestrators; M7). The client draws one by stake, price and chance, and
//! swaps to the next if that one is late.
//!
//! *Rule.* The `active` members with the most at stake can be chosen, of equal ones who came first. Of those who want
//! no more than the requester pays, whoever has kept at least `record` of its promises is drawn for; if none has, all
//! are. One is drawn with `P_i = w_p · e^(-p_i / F) / Σ e^(-p / F) + w_s · s_i / Σ s + w_r / n`, where p is what it
//! wants, s its stake and F the `price_factor`; then another of those who are left, `tries` in all. The first has the
//! job alone for `window`, then the next for as long, each only if it wants no more than the one before.
//!
//! *Pay.* What the one who delivers has posted. The expected value of Livepeer's lottery tickets is that; a ticket is
//! not modelled, nor is the inflation that goes to the active set by stake, since it does not depend on who works.
//!
//! *Failure.* The client swaps. A missed window counts in the record, of which each promise is a `memory`-th; no stake
//! is lost. Without a seed the requester has everything back.
//!
//! *Source.* Livepeer's client for the formula and its defaults: 0.3 by chance, 0.7 by stake, nothing by price, F =
//! 100; its contracts for the active set, and for `by-stake`, the choice that they made themselves at first. Confidence
//! A; how long a record remembers is ours, and so is that nobody dearer follows.
//!
//! *Attacks.* The part by chance, w_r / n, pays whoever has many names; stake is neutral. An active set by rank keeps
//! the small out. A client that swaps to a dearer one would pay an owner of both for being late; so it does not.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Duty, Fraction,
    Job, JobId, Mechanism, Outcome, Party, Position, Preset, Records, Ruling, Seed, Span,
    SplitGain,
};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::{Draws, Weight};
use serde::{Deserialize, Serialize};

/// The rule with its parameters, who can be chosen, and what is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Livepeer {
    rules: Rules,
    /// In the order in which they came.
    members: Vec<Party>,
    records: Records,
}

/// Parameters of [`Livepeer`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many members can be chosen.
    pub active: u32,
    /// The part of the choice that is by chance alone.
    pub by_chance: Bps,
    /// The part that is by stake.
    pub by_stake: Bps,
    /// The part that is by price.
    pub by_price: Bps,
    /// By how much a price must be higher for its weight to be divided by e.
    pub price_factor: Amount,
    /// The share of kept promises below which a member is passed over.
    pub record: Bps,
    /// The inverse of what a promise counts in that share.
    pub memory: u32,
    /// How long each in the order has the job alone.
    pub window: Span,
    /// How many of them are tried.
    pub tries: u32,
    /// The least stake of a member.
    pub stake: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// Those who may be drawn for a job, frozen for the draw, with their weights and what each wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fitting(Vec<(Party, Weight, Amount)>);

macro_rules! preset {
    ($chance:literal, $stake:literal, $price:literal) => {
        concat!(
            "by_chance = ",
            $chance,
            "\nby_stake = ",
            $stake,
            "\nby_price = ",
            $price,
            r#"
            active = 100
            price_factor = 100
            record = 5000
            memory = 8
            window = "2 min"
            tries = 3
            stake = 1000
            exit = "7 d"
            beacon = { lag = "12 s", patience = "1 min" }
            "#
        )
    };
}
const ABOUT: About = About {
    name: "livepeer",
    family: "M7",
    confidence: Confidence::Code,
    split_gain: SplitGain::Gain,
    presets: &[
        Preset { name: "client", rules: preset!("3000", "7000", "0") },
        Preset { name: "by-stake", rules: preset!("0", "10000", "0") },
        Preset { name: "by-price", rules: preset!("1000", "2000", "7000") },
    ],
    file: include_str!("livepeer.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let active = (1..=10_000).contains(&self.active);
        Contradiction::unless(active, "active", "must be from 1 to 10000")?;
        let parts = [self.by_chance, self.by_stake, self.by_price].map(|part| u64::from(part.0));
        let whole = parts.iter().sum::<u64>() == u64::from(Bps::ALL.0);
        Contradiction::unless(whole, "by_chance", "by_stake and by_price must be 10000 together")?;
        Contradiction::if_zero(self.price_factor, "price_factor")?;
        Contradiction::if_no_share(self.record, "record")?;
        Contradiction::unless(self.memory > 0, "memory", "must be one or more")?;
        Contradiction::if_zero(self.window, "window")?;
        Contradiction::unless(self.tries > 0, "tries", "must be one or more")?;
        Contradiction::if_zero(self.stake, "stake")
    }
}

impl Mechanism for Livepeer {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Fitting;

    fn new(rules: Rules) -> Self {
        let records = Records::new(Bps::ALL, rules.memory);
        Self { rules, members: Vec::new(), records }
    }

    fn join(&mut self, _: &mut Desk<Fitting>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        position.backs(wanted)?;
        if !self.members.contains(&party) {
            self.members.push(party);
        }
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Fitting>, party: Party) -> Span {
        self.members.retain(|member| *member != party);
        self.rules.exit
    }

    fn open(&mut self, case: &mut Case<'_, Fitting>) {
        case.job.mark = self.fitting(case.desk, case.spec().max_pay);
        if case.job.mark.0.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        let (root, Beacon { lag, patience }) = (case.job.mark.root(), self.rules.beacon);
        case.desk.freeze(root, Some(case.job.id), lag, patience);
    }

    fn seeded(&mut self, desk: &mut Desk<Fitting>, seed: &Seed) {
        let Some(id) = seed.job() else { return };
        let (tries, window) = (self.rules.tries as usize, self.rules.window);
        desk.visit(id, |case| {
            let mut order = std::mem::take(&mut case.job.mark).draw(seed.draws_for(id));
            order.retain(|(party, _)| self.members.contains(party));
            match Allocation::in_turn(&order, tries, case.now(), window) {
                Some(allocation) => case.allocate(allocation),
                None => case.settle(Outcome::Unproven),
            }
        });
    }

    fn seedless(&mut self, desk: &mut Desk<Fitting>, _: u64, job: Option<JobId>) {
        job.and_then(|id| desk.visit(id, |case| case.settle(Outcome::Unproven)));
    }

    fn settled(&mut self, _: &mut Desk<Fitting>, job: &Job<Fitting>) {
        for holder in job.holders().iter().filter(|holder| holder.duty != Duty::Owes) {
            self.records.note(holder.party, holder.duty == Duty::Delivered);
        }
    }
}

impl Livepeer {
    /// Who may be drawn for a job that pays so much.
    fn fitting(&self, desk: &Desk<Fitting>, most: Amount) -> Fitting {
        let member =
            |party: &Party| Some((*party, desk.stake(*party), desk.member(*party)?.position.price));
        let mut active: Vec<_> = self.members.iter().filter_map(member).collect();
        // Sorting keeps the order among equals.
        active.sort_by_key(|(_, stake, _)| std::cmp::Reverse(*stake));
        active.truncate(self.rules.active as usize);
        active.retain(|(_, _, price)| *price <= most);
        let keeps =
            |(party, ..): &(Party, Amount, Amount)| self.records.of(*party) >= self.rules.record;
        if active.iter().any(keeps) {
            active.retain(keeps);
        }
        let weights = self.rules.weights(&active);
        let fitting =
            active.iter().zip(weights).map(|((party, _, price), it)| (*party, it, *price));
        Fitting(fitting.collect())
    }
}

impl Rules {
    /// The chance of each, of whom stake and price are given, in units of 2^-60; each of the three parts is rounded down. Prices
    /// count from the lowest on, which changes no chance and keeps the exponentials above nothing.
    fn weights(&self, all: &[(Party, Amount, Amount)]) -> Vec<Weight> {
        let lowest = all.iter().map(|(_, _, price)| *price).min().unwrap_or_default();
        let decays: Vec<Fraction> = all
            .iter()
            .map(|(_, _, price)| Fraction::decay((*price - lowest).get(), self.price_factor.get()))
            .collect();
        let decay_sum: u128 = decays.iter().map(|decay| u128::from(decay.get())).sum();
        let stake_sum: Amount = all.iter().map(|(_, stake, _)| *stake).sum();
        let of = |part: Bps, numerator: u128, denominator: u128| {
            let share = Fraction::ratio_down(numerator, denominator);
            share.times_down(Fraction::ratio_down(part.0.into(), Bps::ALL.0.into()))
        };
        let weight = |((_, stake, _), decay): (&(Party, Amount, Amount), &Fraction)| {
            let by_price = of(self.by_price, decay.get().into(), decay_sum);
            let by_stake = of(self.by_stake, stake.get(), stake_sum.get());
            let by_chance = of(self.by_chance, 1, all.len() as u128);
            let sum = by_price.plus(by_stake).plus(by_chance);
            Weight::try_from(u128::from(sum.get())).unwrap_or_default()
        };
        all.iter().zip(&decays).map(weight).collect()
    }
}

impl Fitting {
    /// Commitment to who can be drawn, in order, with their weights.
    fn root(&self) -> B256 {
        let entry = |(party, weight, _): &(Party, Weight, Amount)| {
            [&party[..], &weight.get().to_be_bytes()].concat()
        };
        keccak256(self.0.iter().flat_map(entry).collect::<Vec<u8>>())
    }

    /// One after the other by weight, until nobody with weight is left.
    fn draw(mut self, mut draws: Draws) -> Vec<(Party, Amount)> {
        let mut order = Vec::new();
        loop {
            let sum: u128 = self.0.iter().map(|(_, weight, _)| weight.get()).sum();
            let Some(ticket) = draws.next(Weight::try_from(sum).unwrap_or_default()) else {
                return order;
            };
            let mut passed = 0;
            let holds = |(_, weight, _): &(Party, Weight, Amount)| {
                passed += weight.get();
                ticket.0 < passed
            };
            let Some(at) = self.0.iter().position(holds) else { return order };
            let (party, _, price) = self.0.remove(at);
            order.push((party, price));
        }
    }
}

#[cfg(test)]
mod tests;
