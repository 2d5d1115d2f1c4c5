//! **Seat pool** (the pooled variant of Taiko's prover auction; M2d). A few provers share the right to all jobs at one
//! fee, and whoever came earlier has more of it.
//!
//! *Rule.* A bid at large asks a fee. Whoever asks `undercut` below the pool's fee has the pool alone; whoever asks for
//! exactly the fee joins it, while it has fewer than `slots`. An empty pool takes any fee up to `first_cap`. To bid takes
//! `stake`. A job waits for a seed, which draws a prover of the pool: the first to come weighs 10 000, each later
//! one `step` less, and at least one.
//!
//! *Pay.* What the drawn prover asked for, out of escrow.
//!
//! *Failure.* After `window` anybody may prove for the fee; the drawn prover loses `liveness_bond`, of which the rescuer
//! gets `rescuer` and the rest is burned. Whose stake falls below `ejection` is out of the pool. While the pool is
//! empty, or no seed comes, a job is open to all for the fee that was asked last, at first for `first_cap`.
//!
//! *Source.* A variant in the contracts of Taiko's prover auction of 2025. Confidence A, but for two things: there a table of
//! 256 entries by the largest remainders stands for the weights, and the cap of an empty pool rises as that of the seat.
//!
//! *Attacks.* One owner under several names has several places. Those from the eleventh on have next to nothing, so
//! nobody has a reason to come late. The fee is competed for only by who would have all of it.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Job,
    JobId, JobSpec, Lots, Mechanism, Message, Party, Position, Preset, Refusal, Risks, Ruling,
    Seed, Span, SplitGain,
};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};

/// The rule with its parameters, and who is in the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatPool {
    rules: Rules,
    lots: Lots,
    /// In the order in which they came.
    pool: Vec<Party>,
    /// What they all ask, or did when there was anybody.
    fee: Amount,
    /// The fee of those whom the next seed draws from.
    frozen_fee: Amount,
}

/// Parameters of a [`SeatPool`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How far below the pool's fee a bid must be to have the pool alone.
    pub undercut: Bps,
    /// How many fit into the pool.
    pub slots: u32,
    /// How much less each later one weighs, of 10 000.
    pub step: u32,
    /// The most that may be asked in an empty pool.
    pub first_cap: Amount,
    /// What must be at stake to bid.
    pub stake: Amount,
    /// The least that must be at stake to stay.
    pub ejection: Amount,
    /// What a missed job costs.
    pub liveness_bond: Amount,
    /// The rescuer's share of that.
    pub rescuer: Bps,
    /// How long a job is the drawn prover's alone.
    pub window: Span,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

const ABOUT: About = About {
    name: "seat-pool",
    family: "M2d",
    confidence: Confidence::Code,
    split_gain: SplitGain::Gain,
    presets: &[Preset {
        name: "taiko",
        rules: r#"
            undercut = 500
            slots = 16
            step = 1000
            first_cap = 1000
            stake = 20000
            ejection = 10000
            liveness_bond = 1000
            rescuer = 6000
            window = "2 h"
            exit = "2 d"
            beacon = { lag = "12 s", patience = "2 min" }
        "#,
    }],
    file: include_str!("seat_pool.rs"),
};

/// What the first to come weighs.
const HEAVIEST: u32 = 10_000;

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.undercut < Bps::ALL, "undercut", "must be below 10000")?;
        Contradiction::if_no_share(self.rescuer, "rescuer")?;
        let slots = (1..=256).contains(&self.slots);
        Contradiction::unless(slots, "slots", "must be from 1 to 256")?;
        let covered = self.liveness_bond <= self.ejection && self.ejection <= self.stake;
        Contradiction::unless(covered, "ejection", "must be from the liveness bond to the stake")
    }
}

impl Mechanism for SeatPool {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        let fee = rules.first_cap;
        Self { rules, lots: Lots::default(), pool: Vec::new(), fee, frozen_fee: fee }
    }

    fn join(&mut self, _: &mut Desk<()>, _: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        if position.stake < wanted { Err(Refusal::StakeTooSmall { wanted }) } else { Ok(()) }
    }

    fn leave(&mut self, _: &mut Desk<()>, party: Party) -> Span {
        self.drop(party);
        self.rules.exit
    }

    fn hear_at_large(&mut self, desk: &mut Desk<()>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price: fee } = *said else { return Err(Refusal::NotUnderstood) };
        let member = desk.member(from).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        let wanted = self.rules.stake;
        if desk.stake(from) < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        let joins = !self.pool.is_empty() && fee == self.fee;
        let limit = if self.pool.is_empty() {
            self.rules.first_cap
        } else {
            self.fee.times_down(Bps(Bps::ALL.0 - self.rules.undercut.0))
        };
        match () {
            () if joins && self.pool.contains(&from) => return Err(Refusal::AlreadyDone),
            () if joins && self.pool.len() >= self.rules.slots as usize => {
                return Err(Refusal::Full { limit: self.rules.slots });
            }
            () if joins => {}
            () if fee > limit => return Err(Refusal::PriceTooHigh { limit }),
            () => {
                std::mem::take(&mut self.pool).into_iter().for_each(|it| self.weigh(it, 0));
                self.fee = fee;
            }
        }
        self.pool.push(from);
        self.weigh_all();
        Ok(())
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        let Beacon { lag, patience } = self.rules.beacon;
        let earliest = (desk.now() + lag + patience + self.rules.window).next();
        spec.due_from(earliest)?;
        let wanted = self.fee;
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        if !self.lots.roll.is_frozen() {
            self.frozen_fee = self.fee;
        }
        self.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<()>, seed: &Seed) {
        desk.visit_all(self.lots.take(), |case| self.decide(case, seed));
        self.frozen_fee = self.fee;
        self.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<()>, _: u64, _: Option<JobId>) {
        desk.visit_all(self.lots.take(), |case| self.open_to_all(case));
        self.frozen_fee = self.fee;
        self.lots.finish(desk, self.rules.beacon);
    }

    fn settled(&mut self, desk: &mut Desk<()>, job: &Job<()>) {
        for holder in job.holders() {
            if desk.stake(holder.party) < self.rules.ejection {
                self.drop(holder.party);
            }
        }
    }

    fn tickets(&self, _: &Desk<()>, party: Party) -> Option<Weight> {
        let place = self.pool.iter().position(|other| *other == party);
        Some(place.map_or(Weight::ZERO, |place| tickets(self.weight(place))))
    }
}

impl SeatPool {
    /// What whoever came at this place weighs.
    fn weight(&self, place: usize) -> u32 {
        HEAVIEST.saturating_sub(self.rules.step.saturating_mul(place as u32)).max(1)
    }

    fn weigh(&mut self, party: Party, weight: u32) {
        self.lots.roll.set(party, tickets(weight));
    }

    fn weigh_all(&mut self) {
        for (place, party) in self.pool.clone().into_iter().enumerate() {
            self.weigh(party, self.weight(place));
        }
    }

    /// Takes a prover out of the pool; those behind it move up.
    fn drop(&mut self, party: Party) {
        self.pool.retain(|other| *other != party);
        self.weigh(party, 0);
        self.weigh_all();
    }

    fn decide(&mut self, case: &mut Case<'_, ()>, seed: &Seed) {
        let drawn = self.lots.roll.draw_one(seed, case.job.id);
        // Whoever has left since the roll was frozen has nothing at stake any more; a fee may have risen
        // since a job was offered, if the pool was empty meanwhile.
        let stays = |party: &Party| case.desk.member(*party).is_some();
        let affordable = self.frozen_fee <= case.escrow();
        let Some(party) = drawn.filter(|party| affordable && stays(party)) else {
            return self.open_to_all(case);
        };
        let (fee, burned) = (self.frozen_fee, Bps::ALL.0 - self.rules.rescuer.0);
        let to_drawn = Allocation::to(party, fee, case.now() + self.rules.window)
            .at_risk(self.rules.liveness_bond, Risks::Stake)
            .forfeiting(Forfeit { burned: Bps(burned), requester: Bps(0) })
            .then_open(fee);
        case.allocate(to_drawn);
    }

    fn open_to_all(&self, case: &mut Case<'_, ()>) {
        let fee = self.fee.min(case.escrow());
        case.allocate(Allocation::open(case.now(), fee));
    }
}

fn tickets(weight: u32) -> Weight {
    Weight::try_from(u128::from(weight)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
