//! Who provers really are: owners, with costs, speeds, faults and a strategy.

use crate::Dice;
use rialto_mechanism::{Amount, Span};
use rialto_protocol::Cycles;
use serde::Serialize;

/// Whoever owns machines, and is behind one or more addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    /// What it is called in reports.
    pub name: String,
    /// Addresses that it appears under, at least one.
    pub addresses: u32,
    /// What a million cycles cost it.
    pub cost: Cost,
    /// How long a million cycles take it, as a rule.
    pub mcycle_time: Span,
    /// How much that varies: the deviation of the time's logarithm.
    pub jitter: f64,
    /// How long its messages are under way.
    pub latency: Span,
    /// The probability that it does not deliver what it has been given.
    pub fault: f64,
    /// The probability that it takes part in a job at all.
    pub presence: f64,
    /// How it turns costs into prices.
    pub bidding: Bidding,
    /// Whether its further addresses bid the most that is allowed, beside the first's bid.
    pub has_decoys: bool,
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
    /// What is best against `rivals` others whose costs are drawn evenly up to `to`, where everybody is
    /// paid what they ask for: `b(c) = c + (to − c) / (rivals + 1)`.
    FirstPrice {
        /// How many others.
        rivals: u32,
        /// Where nobody's cost lies above.
        to: Amount,
    },
}

impl Owner {
    /// One address, a cost, a second for a million cycles, no faults, no delays.
    pub fn new(name: impl Into<String>, cost: Amount) -> Self {
        Self {
            name: name.into(),
            addresses: 1,
            cost: Cost::Fixed(cost),
            mcycle_time: Span::s(1),
            jitter: 0.0,
            latency: Span::ZERO,
            fault: 0.0,
            presence: 1.0,
            bidding: Bidding::Truthful,
            has_decoys: false,
        }
    }

    /// How long a run takes it this time, at least a millisecond.
    pub(crate) fn time(&self, cycles: Cycles, dice: &mut Dice) -> Span {
        let usual = self.mcycle_time.get() as f64 * cycles.0 as f64 / 1e6;
        let factor = if self.jitter == 0.0 { 1.0 } else { (self.jitter * dice.normal()).exp() };
        Span::ms((usual * factor).round().max(1.0) as u64)
    }
}

impl Cost {
    /// What a run costs this time, rounded up.
    pub(crate) fn of(self, cycles: Cycles, dice: &mut Dice) -> Amount {
        let per_mcycle = match self {
            Self::Fixed(cost) => cost.get(),
            Self::Drawn { from, to } => {
                let span = to.saturating_sub(from).get();
                from.get() + (dice.uniform() * span as f64) as u128
            }
        };
        Amount::new((per_mcycle * u128::from(cycles.0)).div_ceil(1_000_000))
    }
}

impl Bidding {
    /// What is asked for a run that costs `cost`.
    pub(crate) fn ask(self, cost: Amount) -> Amount {
        match self {
            Self::Truthful => cost,
            Self::Always(ask) => ask,
            Self::FirstPrice { rivals, to } => {
                let room = to.saturating_sub(cost).get();
                cost.saturating_add(Amount::new(room / u128::from(rivals + 1)))
            }
        }
    }
}
