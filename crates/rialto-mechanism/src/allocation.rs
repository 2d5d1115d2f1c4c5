//! Who may prove a job, for what, until when, and what follows if they do not. Most mechanisms
//! differ in how they arrive at one of these; what happens afterwards is the same for all and is
//! in [`crate::Case`].

use crate::{Amount, Bps, Party, Refusal, Span, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The right to prove a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// Those who were chosen. The job is done when every one of them has delivered, or when the
    /// window ends and one of them has; the latter only if not all are needed.
    pub holders: Vec<Holder>,
    /// The last instant at which only holders may deliver, each for its own price.
    pub until: Time,
    /// By how much a rival must undercut the price of the one holder to deliver in its place
    /// within the window; nobody can where there is none.
    pub override_by: Option<Bps>,
    /// Who may deliver when holders have failed, in order of time. Each has the right alone until
    /// the next one's begins, or until the job is open.
    pub backups: Vec<Backup>,
    /// From when on anybody may deliver.
    pub open_at: Option<Time>,
    /// What a delivery from `open_at` on is paid out of the escrow at most, beside its share of what
    /// holders forfeit.
    pub rescue_pay: Amount,
    /// What becomes of what failed holders had at stake.
    pub forfeit: Forfeit,
    /// The venue's share of what is paid out of the escrow, rounded down.
    pub fee: Bps,
    /// The least that the venue takes of what is paid, as far as that reaches.
    pub fee_least: Amount,
    /// Whether a missed window costs a holder nothing of what it has at risk, so that only what it gives up or fakes does.
    pub spares_late: bool,
    /// Whether every holder does a part of the job, so that it is not done unless all have delivered.
    pub needs_all: bool,
    /// Whether the requester loses its escrow when nobody proves the job.
    pub burns_escrow: bool,
}

/// A prover who was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub party: Party,
    /// What its proof is paid.
    pub price: Amount,
    /// What it loses if it fails.
    pub at_risk: Amount,
    /// Where that is.
    pub risks: Risks,
    /// Where it stands.
    pub duty: Duty,
}

/// Where a holder's loss comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Risks {
    /// From its bond for the job.
    #[default]
    Bond,
    /// From its stake as a member, which several jobs may count on: less is lost where less is left.
    Stake,
}

/// Where a holder stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It has yet to deliver.
    #[default]
    Owes,
    /// It has delivered in time.
    Delivered,
    /// Its window has ended.
    Failed,
}

/// A prover who may step in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Who.
    pub party: Party,
    /// From when on.
    pub from: Time,
    /// What its proof is paid.
    pub price: Amount,
}

/// How a forfeited bond is split: `burned` and `requester`, each rounded down, and the rest to
/// whoever rescues the job; to the treasury if nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forfeit {
    /// The share that is burned.
    pub burned: Bps,
    /// The requester's share.
    pub requester: Bps,
}

/// A forfeited amount in its parts, which sum up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForfeitParts {
    /// Burned.
    pub burned: Amount,
    /// The requester's.
    pub requester: Amount,
    /// The rescuer's.
    pub rescuer: Amount,
}

/// By which right somebody delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// As the holder at this place.
    Holder(usize),
    /// In place of holders who failed, for this much from the escrow.
    Rescue(Amount),
    /// In place of a holder whose window runs, by undercutting it to this much.
    Override(Amount),
}

impl Allocation {
    /// To one prover, for a price, until an instant; then to nobody.
    pub fn to(party: Party, price: Amount, until: Time) -> Self {
        Self { holders: vec![Holder::new(party, price)], until, ..Self::default() }
    }

    /// To everybody from `now` on, for the same price.
    pub fn open(now: Time, rescue_pay: Amount) -> Self {
        Self { open_at: Some(now), rescue_pay, ..Self::default() }
    }

    /// To the first of `order` for its price, then to each that wants no more than the one before, each for `window`; to
    /// `tries` of them at most. Nothing if there is nobody. Whoever follows is not dearer, so nobody gains by letting an alias follow.
    pub fn in_turn(
        order: &[(Party, Amount)],
        tries: usize,
        now: Time,
        window: Span,
    ) -> Option<Self> {
        let mut lowest = order.first()?.1;
        let no_dearer = |(_, price): &&(Party, Amount)| {
            let fits = *price <= lowest;
            lowest = lowest.min(*price);
            fits
        };
        let mut turns = order.iter().filter(no_dearer).take(tries);
        let (first, price) = *turns.next()?;
        let mut to_first = Self::to(first, price, now + window);
        let mut from = to_first.until.next();
        for (party, price) in turns {
            to_first.backups.push(Backup { party: *party, from, price: *price });
            from = from + window;
        }
        Some(to_first)
    }

    /// Every holder loses this much if it fails.
    pub fn at_risk(mut self, amount: Amount, risks: Risks) -> Self {
        for holder in &mut self.holders {
            (holder.at_risk, holder.risks) = (amount, risks);
        }
        self
    }

    /// What becomes of that.
    pub fn forfeiting(mut self, forfeit: Forfeit) -> Self {
        self.forfeit = forfeit;
        self
    }

    /// The venue takes a share of what is paid.
    pub fn less_fee(mut self, fee: Bps) -> Self {
        self.fee = fee;
        self
    }

    /// What the venue takes of `price`, rounded down.
    pub fn fee_of(&self, price: Amount) -> Amount {
        price.times_down(self.fee).max(self.fee_least).min(price)
    }

    /// Within the window a rival may deliver for this much less.
    pub fn overridden_by(mut self, override_by: Option<Bps>) -> Self {
        self.override_by = override_by;
        self
    }

    /// Once the window has ended, anybody may deliver for `rescue_pay`.
    pub fn then_open(mut self, rescue_pay: Amount) -> Self {
        (self.open_at, self.rescue_pay) = (Some(self.until.next()), rescue_pay);
        self
    }

    /// The most that an allocation can take out of the escrow.
    pub fn escrow_needed(&self) -> Amount {
        let holders = self.holders.iter().map(|holder| holder.price).sum();
        let backups = self.backups.iter().map(|backup| backup.price).max().unwrap_or_default();
        self.rescue_pay.max(backups).max(holders)
    }

    /// What a rival who undercuts the holder within its window is paid, rounded down.
    pub fn override_price(&self) -> Option<Amount> {
        let kept = Bps(Bps::ALL.0.saturating_sub(self.override_by?.0));
        self.holders.first().map(|holder| holder.price.times_down(kept))
    }

    /// Whether a holder could earn more by missing its window and delivering under another name
    /// than by keeping it.
    pub fn pays_self_rescue(&self) -> bool {
        let backups = self.backups.iter().map(|backup| backup.price);
        let opened = self.open_at.map(|_| self.rescue_pay);
        let Some(rescue) = backups.chain(opened).max() else { return false };
        self.holders.iter().any(|holder| {
            let share = self.forfeit.split_down(holder.at_risk).rescuer;
            rescue + share > holder.price + holder.at_risk
        })
    }

    /// By which right `party` may deliver at `now`.
    pub(crate) fn right_of(&self, party: Party, now: Time) -> Result<Right, Refusal> {
        let held = self.holders.iter().position(|holder| holder.party == party);
        if now <= self.until && !self.holders.is_empty() {
            let Some(at) = held else {
                let undercut = self.override_price().map(Right::Override);
                return undercut.ok_or(Refusal::Reserved { until: self.until });
            };
            return match self.holders[at].duty {
                Duty::Owes => Ok(Right::Holder(at)),
                Duty::Delivered | Duty::Failed => Err(Refusal::AlreadyDone),
            };
        }
        if self.open_at.is_some_and(|open_at| open_at <= now) {
            return Ok(Right::Rescue(self.rescue_pay));
        }
        let begun = self.backups.iter().rposition(|backup| backup.from <= now);
        let next = begun.map_or(0, |at| at + 1);
        match begun.map(|at| self.backups[at]) {
            Some(backup) if backup.party == party => return Ok(Right::Rescue(backup.price)),
            _ => {}
        }
        let later = self.backups.get(next).map(|backup| backup.from).or(self.open_at);
        Err(match later {
            Some(from) if begun.is_some() => Refusal::Reserved { until: Time(from.0 - 1) },
            Some(from) => Refusal::TooEarly { from },
            None if held.is_some() => Refusal::Lapsed { at: self.until },
            None => Refusal::NotAHolder,
        })
    }
}

impl Holder {
    /// A holder with nothing at risk.
    pub fn new(party: Party, price: Amount) -> Self {
        Self { party, price, at_risk: Amount::ZERO, risks: Risks::default(), duty: Duty::default() }
    }
}

impl Default for Forfeit {
    /// All of it is burned.
    fn default() -> Self {
        Self { burned: Bps::ALL, requester: Bps(0) }
    }
}

impl Forfeit {
    /// Whether the shares are at most the whole.
    pub fn is_possible(self) -> bool {
        u64::from(self.burned.0) + u64::from(self.requester.0) <= Bps::ALL.0.into()
    }

    /// The parts of `amount`.
    pub fn split_down(self, amount: Amount) -> ForfeitParts {
        let burned = amount.times_down(self.burned);
        let requester = amount.times_down(self.requester);
        ForfeitParts { burned, requester, rescuer: amount - burned - requester }
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, holder) in self.holders.iter().enumerate() {
            let word = if place == 0 { "to" } else { "and" };
            write!(f, "{word} {} for {} ", holder.party, holder.price)?;
        }
        if !self.holders.is_empty() {
            write!(f, "until {}", self.until)?;
        }
        if let Some(price) = self.override_price() {
            write!(f, " or a rival for {price}")?;
        }
        for backup in &self.backups {
            write!(f, ", from {} {} for {}", backup.from, backup.party, backup.price)?;
        }
        match self.open_at {
            Some(at) if self.holders.is_empty() && self.backups.is_empty() => {
                write!(f, "open from {at} for {}", self.rescue_pay)
            }
            Some(at) => write!(f, ", open from {at} for {}", self.rescue_pay),
            None => Ok(()),
        }
    }
}
