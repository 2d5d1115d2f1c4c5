//! **Stake pool** (Taiko alpha-4; M2b). A few staked provers, drawn by stake over price squared.
//!
//! *Rule.* At most `slots` provers; who joins a full pool needs more stake than the lowest, which is forced
//! out. Each names a price for a million cycles and a capacity of at least `min_capacity`, with
//! `stake_for_capacity` behind each unit. A price counts within `lowest` and `highest` of the going price. Jobs wait
//! for a seed, which draws one prover each by weight: stake over the square of the price, of those with capacity
//! left; times the capacity left, or with the root of the stake, as `weighting` says.
//!
//! *Pay.* The drawn prover's price, as far as it counts; the going price moves by a `memory`-th towards it.
//!
//! *Failure.* The prover loses `slash` of its stake, at least `slash_min`, all burned, and after `window` the
//! job is open to all for the same price. Without a seed within `patience`, or without provers, it is open to
//! all at once for the going price.
//!
//! *Source.* Taiko's ProverPool contracts, versions 1 to 3. Confidence A; that a rescuer gets the price is a
//! reading, and how the going price moves a simplification. Weights follow the going price from round to round.
//!
//! *Attacks.* Shipped bugs: the price of the last slot was returned; the walk was off by one; the wrong slot's
//! capacity was taken; leaving deleted slot 0; version 3's seed was known before. The price of a market with
//! such weights is about twice the cost. Slots by rank of stake keep the small out, and √stake rewards
//! splitting (`weighting = "root-stake"`). A spike of load slashed honest provers while 128 was the least
//! capacity.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Job, JobId,
    JobSpec, Lots, Mechanism, Party, Position, Preset, Refusal, Risks, Ruling, Seed, Span,
    SplitGain,
};
use alloy_primitives::U256;
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};

/// The rule with its parameters, who is in the pool, and the going price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StakePool {
    rules: Rules,
    lots: Lots,
    /// In the order in which they came.
    slots: Vec<Party>,
    going: Amount,
}

/// Parameters of a [`StakePool`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The most provers in the pool.
    pub slots: u32,
    /// The least capacity.
    pub min_capacity: u32,
    /// The least stake for a unit of capacity.
    pub stake_for_capacity: Amount,
    /// What a prover's weight is.
    pub weighting: Weighting,
    /// The going price of a million cycles at the beginning.
    pub first_price: Amount,
    /// The inverse of what a drawn price adds to the going one.
    pub memory: u32,
    /// The least that is paid, in terms of the going price.
    pub lowest: Bps,
    /// The most that is paid, in terms of the going price.
    pub highest: Bps,
    /// What a missed job costs, in terms of the stake.
    pub slash: Bps,
    /// What it costs at least.
    pub slash_min: Amount,
    /// How long a job is its prover's alone.
    pub window: Span,
    /// How long a stake stays after its owner wants it back, or is forced out.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What a prover's weight is; all over the square of its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// Its stake.
    Stake,
    /// Its stake times the capacity that it has left.
    StakeAndCapacity,
    /// The root of its stake.
    RootStake,
}

macro_rules! preset {
    ($weighting:literal, $capacity:literal) => {
        concat!(
            "weighting = \"",
            $weighting,
            "\"\nmin_capacity = ",
            $capacity,
            "\n",
            r#"
            slots = 32
            stake_for_capacity = 10000
            first_price = 1000
            memory = 1024
            lowest = 7500
            highest = 12500
            slash = 500
            slash_min = 1
            window = "50 min"
            exit = "7 d"
            beacon = { lag = "12 s", patience = "2 min" }
            "#
        )
    };
}
const ABOUT: About = About {
    name: "stake-pool",
    family: "M2b",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "taiko-1", rules: preset!("stake", "128") },
        Preset { name: "taiko-2", rules: preset!("stake-and-capacity", "32") },
        Preset { name: "root-stake", rules: preset!("root-stake", "32") },
    ],
    file: include_str!("stake_pool.rs"),
};

/// What weights are multiplied by, so that dividing by a price squared leaves enough of them.
const SCALE_BITS: usize = 32;
/// The most that one of them can be: 32 slots together fit 96 bits.
const WEIGHT_MAX: u128 = 1 << 90;

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let slots = (1..=32).contains(&self.slots);
        Contradiction::unless(slots, "slots", "must be from 1 to 32")?;
        let clamp = self.lowest <= Bps::ALL && Bps::ALL <= self.highest;
        Contradiction::unless(clamp, "lowest", "and highest must have 10000 between them")?;
        Contradiction::unless(self.memory > 0, "memory", "must be 1 or more")?;
        Contradiction::if_zero(self.first_price, "first_price")?;
        Contradiction::if_no_share(self.slash, "slash")
    }
}

impl Mechanism for StakePool {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        let (lots, slots, going) = (Lots::default(), Vec::new(), rules.first_price);
        Self { rules, lots, slots, going }
    }

    fn join(&mut self, desk: &mut Desk<()>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.min_capacity;
        if position.capacity < wanted {
            return Err(Refusal::CapacityTooSmall { wanted });
        }
        let backing = self.rules.stake_for_capacity.scaled_down(position.capacity.into(), 1);
        let full = self.slots.len() == self.rules.slots as usize && !self.slots.contains(&party);
        let lowest = self.lowest(desk).filter(|_| full).map(|(_, stake)| stake);
        let above = lowest.map_or(Amount::ZERO, |lowest| lowest + Amount::from(1));
        let wanted = backing.max(above);
        position.backs(wanted)
    }

    fn seated(&mut self, desk: &mut Desk<()>, party: Party) {
        if !self.slots.contains(&party) {
            if self.slots.len() == self.rules.slots as usize
                && let Some((lowest, _)) = self.lowest(desk)
            {
                self.drop_slot(lowest);
                desk.eject(lowest, self.rules.exit);
            }
            self.slots.push(party);
        }
        let weight = self.weight(desk, party);
        self.lots.roll.set(party, weight);
    }

    fn leave(&mut self, _: &mut Desk<()>, party: Party) -> Span {
        self.drop_slot(party);
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        let beacon = self.rules.beacon;
        let earliest = (desk.now() + beacon.lag + beacon.patience + self.rules.window).next();
        spec.due_from(earliest)?;
        let wanted = per_mcycle(self.going.times_up(self.rules.highest), spec);
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        if !self.lots.roll.is_frozen() {
            self.follow_price(case.desk);
        }
        self.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<()>, seed: &Seed) {
        desk.visit_all(self.lots.take(), |case| self.decide(case, seed));
        self.follow_price(desk);
        self.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<()>, _: u64, _: Option<JobId>) {
        desk.visit_all(self.lots.take(), |case| self.open_to_all(case));
        self.lots.finish(desk, self.rules.beacon);
    }

    fn settled(&mut self, desk: &mut Desk<()>, job: &Job<()>) {
        for holder in job.holders().iter().filter(|holder| self.slots.contains(&holder.party)) {
            let weight = self.weight(desk, holder.party);
            self.lots.roll.set(holder.party, weight);
        }
    }

    fn tickets(&self, desk: &Desk<()>, party: Party) -> Option<Weight> {
        let is_in = self.slots.contains(&party);
        Some(if is_in { self.weight(desk, party) } else { Weight::ZERO })
    }
}

impl StakePool {
    /// Weights as the going price makes them now; after the draws, if a set is frozen.
    fn follow_price(&mut self, desk: &Desk<()>) {
        for party in self.slots.clone() {
            let weight = self.weight(desk, party);
            if weight != self.lots.roll.weight(party) {
                self.lots.roll.set(party, weight);
            }
        }
    }

    /// A price as far as it counts: within its bounds around the going one.
    fn within_bounds(&self, price: Amount) -> Amount {
        let (lowest, highest) =
            (self.going.times_up(self.rules.lowest), self.going.times_down(self.rules.highest));
        price.clamp(lowest, highest.max(lowest))
    }

    /// Who has the least at stake; of equal ones who came last.
    fn lowest(&self, desk: &Desk<()>) -> Option<(Party, Amount)> {
        let stakes = self.slots.iter().rev().map(|party| (*party, desk.stake(*party)));
        stakes.min_by_key(|(_, stake)| *stake)
    }

    fn drop_slot(&mut self, party: Party) {
        self.slots.retain(|slot| *slot != party);
        self.lots.roll.set(party, Weight::ZERO);
    }

    fn weight(&self, desk: &Desk<()>, party: Party) -> Weight {
        let Some(member) = desk.member(party) else { return Weight::ZERO };
        let left = member.position.capacity.saturating_sub(member.duties);
        let stake = desk.stake(party).get();
        let share = match (left, self.rules.weighting) {
            (0, _) => return Weight::ZERO,
            (_, Weighting::Stake) => U256::from(stake),
            (left, Weighting::StakeAndCapacity) => U256::from(stake) * U256::from(left),
            (_, Weighting::RootStake) => U256::from(stake.isqrt()),
        };
        let price = U256::from(self.within_bounds(member.position.price).get().max(1));
        let weight = (share << SCALE_BITS) / (price * price);
        Weight::try_from(weight.saturating_to::<u128>().min(WEIGHT_MAX)).unwrap_or(Weight::ZERO)
    }

    fn decide(&mut self, case: &mut Case<'_, ()>, seed: &Seed) {
        // Weights change from draw to draw; each is of the roll as the earlier draws left it.
        let drawn = self.lots.roll.draw_one(seed, case.job.id);
        let Some((party, member)) = drawn.and_then(|it| Some((it, *case.desk.member(it)?))) else {
            return self.open_to_all(case);
        };
        let price = self.within_bounds(member.position.price);
        let memory = u128::from(self.rules.memory);
        let moved = (self.going.get() * (memory - 1) + price.get()) / memory;
        let pay = per_mcycle(price, case.spec()).min(case.escrow());
        self.going = Amount::new(moved.max(1));
        let stake = case.desk.stake(party);
        let at_risk = stake.times_up(self.rules.slash).max(self.rules.slash_min);
        let until = case.now() + self.rules.window;
        case.allocate(
            Allocation::to(party, pay, until).at_risk(at_risk, Risks::Stake).then_open(pay),
        );
        let weight = self.weight(case.desk, party);
        self.lots.roll.reweigh(party, weight);
    }

    fn open_to_all(&self, case: &mut Case<'_, ()>) {
        let pay = per_mcycle(self.going, case.spec()).min(case.escrow());
        case.allocate(Allocation::open(case.now(), pay));
    }
}

/// What a job costs at a price for a million cycles, rounded down.
fn per_mcycle(price: Amount, spec: &JobSpec) -> Amount {
    price.scaled_down(spec.cycles.0.into(), 1_000_000)
}

#[cfg(test)]
mod tests;
