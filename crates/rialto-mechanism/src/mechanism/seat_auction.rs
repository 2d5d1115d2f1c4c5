//! **Seat auction** (Taiko's prover auction; M2d). One seat with the right to all jobs, always for sale to
//! whoever asks less.
//!
//! *Rule.* A bid at large asks a fee for every job. Against another's seat it must be `undercut` below its fee;
//! one's own fee may be lowered by any amount, once in `lower_every`. A vacant seat goes to the first bid at
//! most at the cap, which begins at the highest of the last fee, `first_cap` and twice the average fee and
//! doubles every `doubling`, `doublings` times at most. To bid takes twice `ejection` at stake. Who has less
//! than `ejection` loses the seat.
//!
//! *Pay.* The seat's fee, out of escrow. The average takes a tenth of each. While the seat is vacant a job is
//! open to all for the cap, at most for what the requester pays (our reading).
//!
//! *Failure.* After `window` anybody may prove for the fee; the holder loses `liveness_bond`, of which the
//! rescuer gets `rescuer` and the rest is burned. A stake stays `exit` long when its owner leaves.
//!
//! *Source.* Taiko's ProverMarket and ProverAuction contracts of 2025. Confidence A; that the average takes a
//! tenth of every job is a reading.
//!
//! *Attacks.* With no exit delay one could miss and leave (48 h answer it). A predator below cost has every
//! job; when it leaves after the average has sunk, the seat is empty until the cap has doubled up to the cost.
//! Seats may stay with a prover that is `undercut` dearer than the cheapest.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Job, JobSpec,
    Mechanism, Message, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters, the seat and the average fee.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatAuction {
    rules: Rules,
    seat: Seat,
    last_fee: Amount,
    average: Amount,
}

/// The seat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Seat {
    /// Nobody has it, since an instant; nobody ever had it, if before the first member came.
    Vacant { since: Option<Time> },
    /// It is somebody's, for a fee that was asked for at an instant.
    Held { by: Party, fee: Amount, since: Time },
}

/// Parameters of a [`SeatAuction`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How far below another's fee a bid must be.
    pub undercut: Bps,
    /// How often one's own fee may be lowered.
    pub lower_every: Span,
    /// The lowest that the cap begins at when the seat is vacant.
    pub first_cap: Amount,
    /// How often the cap doubles.
    pub doubling: Span,
    /// How many times at most.
    pub doublings: u32,
    /// The least that the holder must have at stake; twice that to bid.
    pub ejection: Amount,
    /// What a missed job costs.
    pub liveness_bond: Amount,
    /// The rescuer's share of that.
    pub rescuer: Bps,
    /// How long a job is its holder's alone.
    pub window: Span,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

const ABOUT: About = About {
    name: "seat-auction",
    family: "M2d",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "taiko",
        rules: r#"
            undercut = 500
            lower_every = "2 min"
            first_cap = 1000
            doubling = "15 min"
            doublings = 8
            ejection = 10000
            liveness_bond = 1000
            rescuer = 6000
            window = "2 h"
            exit = "2 d"
        "#,
    }],
    file: include_str!("seat_auction.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.undercut < Bps::ALL, "undercut", "must be below 10000")?;
        Contradiction::if_no_share(self.rescuer, "rescuer")?;
        Contradiction::unless(self.doublings < 64, "doublings", "must be below 64")?;
        Contradiction::if_zero(self.doubling, "doubling")?;
        let covered = self.liveness_bond <= self.ejection;
        Contradiction::unless(covered, "liveness_bond", "must be at most the ejection threshold")
    }
}

impl Mechanism for SeatAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        let seat = Seat::Vacant { since: None };
        Self { rules, seat, last_fee: Amount::ZERO, average: Amount::ZERO }
    }

    fn join(&mut self, desk: &mut Desk<()>, _: Party, position: &Position) -> Ruling {
        let wanted = self.to_bid();
        if position.stake < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        if self.seat == (Seat::Vacant { since: None }) {
            self.seat = Seat::Vacant { since: Some(desk.now()) };
        }
        Ok(())
    }

    fn leave(&mut self, desk: &mut Desk<()>, party: Party) -> Span {
        self.vacate(party, desk.now());
        self.rules.exit
    }

    fn hear_at_large(&mut self, desk: &mut Desk<()>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price: fee } = *said else { return Err(Refusal::NotUnderstood) };
        let member = desk.member(from).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        let wanted = self.to_bid();
        if desk.stake(from) < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        let limit = self.limit_for(from, desk.now())?;
        if fee > limit {
            return Err(Refusal::PriceTooHigh { limit });
        }
        self.last_fee = fee;
        self.seat = Seat::Held { by: from, fee, since: desk.now() };
        Ok(())
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.window;
        spec.due_from(earliest)?;
        match self.seat {
            Seat::Held { fee, .. } if spec.max_pay < fee => Err(Refusal::PayTooLow { wanted: fee }),
            _ => Ok(()),
        }
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        let now = case.now();
        let Seat::Held { by, fee, .. } = self.seat else {
            let pay = self.cap(now).min(case.spec().max_pay);
            case.allocate(Allocation::open(now, pay));
            return;
        };
        self.average = Amount::new((self.average.get() * 9 + fee.get()) / 10);
        let burned = Bps(Bps::ALL.0 - self.rules.rescuer.0);
        let to_holder = Allocation::to(by, fee, now + self.rules.window)
            .at_risk(self.rules.liveness_bond, Risks::Stake)
            .forfeiting(Forfeit { burned, requester: Bps(0) })
            .then_open(fee);
        case.allocate(to_holder);
    }

    fn settled(&mut self, desk: &mut Desk<()>, job: &Job<()>) {
        for holder in job.holders() {
            if desk.stake(holder.party) < self.rules.ejection {
                self.vacate(holder.party, desk.now());
            }
        }
    }
}

impl SeatAuction {
    /// What must be at stake to bid.
    fn to_bid(&self) -> Amount {
        self.rules.ejection + self.rules.ejection
    }

    /// The most that a party may bid.
    fn limit_for(&self, party: Party, now: Time) -> Result<Amount, Refusal> {
        match self.seat {
            Seat::Vacant { .. } => Ok(self.cap(now)),
            Seat::Held { by, since, .. } if by == party && now < since + self.rules.lower_every => {
                Err(Refusal::TooEarly { from: since + self.rules.lower_every })
            }
            Seat::Held { by, fee, .. } if by == party => Ok(fee),
            Seat::Held { fee, .. } => Ok(fee.times_down(Bps(Bps::ALL.0 - self.rules.undercut.0))),
        }
    }

    /// The most that may be asked for a vacant seat.
    fn cap(&self, now: Time) -> Amount {
        let Seat::Vacant { since } = self.seat else { return self.last_fee };
        let base = self.last_fee.max(self.rules.first_cap).max(self.average.scaled_down(2, 1));
        let waited = since.map_or(Span::ZERO, |since| now.since(since));
        let periods = waited.get() / self.rules.doubling.get();
        base.scaled_down(1 << periods.min(self.rules.doublings.into()), 1)
    }

    fn vacate(&mut self, party: Party, now: Time) {
        if matches!(self.seat, Seat::Held { by, .. } if by == party) {
            self.seat = Seat::Vacant { since: Some(now) };
        }
    }
}

#[cfg(test)]
mod tests;
