//! Who provers really are: owners, with costs, speeds, faults and a strategy.

use crate::Dice;
use rialto_mechanism::{Amount, Bps, Span};
use rialto_protocol::Cycles;
use serde::Serialize;

/// Whoever owns machines, and is behind one or more addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    /// What it is called in reports.
    pub name: String,
    /// Addresses that it appears under, at least one.
    pub addresses: u32,
    /// What its further addresses do.
    pub others: Others,
    /// What a million cycles cost it.
    pub cost: Cost,
    /// How long a million cycles take it, as a rule.
    pub mcycle_time: Span,
    /// How much that varies: the deviation of the time's logarithm.
    pub jitter: f64,
    /// How many proofs it can work on at once, at least one; more have to wait.
    pub machines: u32,
    /// Its stake where members have stakes, in terms of the least that is asked for; at least one.
    pub stake: u32,
    /// How long its messages are under way.
    pub latency: Span,
    /// The probability that it does not deliver what it has been given.
    pub fault: f64,
    /// Where its machines are, if outages there are of interest.
    pub region: Option<Region>,
    /// The probability that it takes part in a job at all.
    pub presence: f64,
    /// How it turns costs into prices.
    pub bidding: Bidding,
    /// What it does with what it has been given.
    pub habit: Habit,
    /// Those of one ring leave each job to the one of them to whom it costs the least.
    pub ring: Option<u32>,
    /// After how long it leaves for good, if it does.
    pub leaves_after: Option<Span>,
}

/// What an owner's addresses beside the first do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Others {
    /// Nothing.
    Silent,
    /// They bid the most that is allowed, beside the first's bid.
    Decoys,
    /// Each takes part for itself, with its part of the stake.
    Equals,
}

/// What an owner does with jobs that it has been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Habit {
    /// It proves them.
    Honest,
    /// It takes what it can get, at no price, shows no bid that it has committed to, and delivers nothing.
    Withholding,
    /// It hands in, at once and at no cost, a proof that does not verify.
    Lazy,
}

/// Machines that fail together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Region {
    /// Which.
    pub number: u32,
    /// The share of hours in which nobody there delivers what it is given.
    pub outage: f64,
}

/// What a million cycles cost an owner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Cost {
    /// Always this much.
    Fixed(Amount),
    /// Another amount for each job, each of these as likely as any other.
    Drawn {
        /// The least.
        from: Amount,
        /// The most.
        to: Amount,
    },
}

/// How an owner turns its cost into what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Bidding {
    /// It asks for its cost.
    Truthful,
    /// It asks for this, whatever the cost.
    Always(Amount),
    /// What is best against `rivals` others whose costs of a million cycles are drawn evenly up to `to`,
    /// where everybody is paid what they ask for: `b(c) = c + (to − c) / (rivals + 1)`.
    FirstPrice {
        /// How many others.
        rivals: u32,
        /// Where nobody's cost lies above.
        to: Amount,
    },
    /// The same, but its cost where what one is paid does not depend on what one asks for.
    BestResponse {
        /// How many others.
        rivals: u32,
        /// Where nobody's cost lies above.
        to: Amount,
    },
    /// This share of its cost: a predator's, if it is below all of it.
    Share(Bps),
}

impl Owner {
    /// One address, a cost, a second for a million cycles on any number of machines, no faults, no delays.
    pub fn new(name: impl Into<String>, cost: Amount) -> Self {
        Self {
            name: name.into(),
            addresses: 1,
            others: Others::Silent,
            cost: Cost::Fixed(cost),
            mcycle_time: Span::s(1),
            jitter: 0.0,
            machines: u32::MAX,
            stake: 1,
            latency: Span::ZERO,
            fault: 0.0,
            region: None,
            presence: 1.0,
            bidding: Bidding::Truthful,
            habit: Habit::Honest,
            ring: None,
            leaves_after: None,
        }
    }

    /// How many of its addresses take part for themselves.
    pub(crate) fn faces(&self) -> u32 {
        if self.others == Others::Equals { self.addresses } else { 1 }
    }

    /// What it asks for a run of so many cycles that costs it so much.
    pub(crate) fn ask(&self, cost: Amount, cycles: Cycles, own_price: bool) -> Amount {
        match self.habit {
            Habit::Withholding => Amount::ZERO,
            Habit::Honest | Habit::Lazy => self.bidding.ask(cost, cycles, own_price),
        }
    }

    /// How long a run takes it this time, at least a millisecond.
    pub(crate) fn time(&self, cycles: Cycles, dice: &mut Dice) -> Span {
        let factor = if self.jitter == 0.0 { 1.0 } else { (self.jitter * dice.normal()).exp() };
        Span::ms((self.usual_ms(cycles) * factor).round().max(1.0) as u64)
    }

    /// How many milliseconds a run takes it as a rule.
    pub(crate) fn usual_ms(&self, cycles: Cycles) -> f64 {
        self.mcycle_time.get() as f64 * cycles.0 as f64 / 1e6
    }
}

impl Cost {
    /// What a run costs this time, rounded up.
    pub(crate) fn of(self, cycles: Cycles, dice: &mut Dice) -> Amount {
        match self {
            Self::Fixed(cost) => per_mcycle_up(cost.get(), cycles),
            Self::Drawn { from, to } => {
                let span = to.saturating_sub(from).get();
                per_mcycle_up(from.get() + (dice.uniform() * span as f64) as u128, cycles)
            }
        }
    }

    /// What a run costs as a rule, rounded up.
    pub(crate) fn usual(self, cycles: Cycles) -> Amount {
        match self {
            Self::Fixed(cost) => per_mcycle_up(cost.get(), cycles),
            Self::Drawn { from, to } => per_mcycle_up(u128::midpoint(from.get(), to.get()), cycles),
        }
    }
}

impl Bidding {
    /// What is asked for a run of `cycles` that costs `cost`; `own_price` says whether one is paid that.
    fn ask(self, cost: Amount, cycles: Cycles, own_price: bool) -> Amount {
        match self {
            Self::Truthful => cost,
            Self::Always(ask) => ask,
            Self::BestResponse { .. } if !own_price => cost,
            Self::FirstPrice { rivals, to } | Self::BestResponse { rivals, to } => {
                let room = per_mcycle_up(to.get(), cycles).saturating_sub(cost).get();
                cost.saturating_add(Amount::new(room / u128::from(rivals + 1)))
            }
            Self::Share(share) => cost.times_up(share),
        }
    }
}

fn per_mcycle_up(per_mcycle: u128, cycles: Cycles) -> Amount {
    Amount::new((per_mcycle * u128::from(cycles.0)).div_ceil(1_000_000))
}
