//! The life of one request on the market: who may do what when, and what moves.
//!
//! This is the contract's state machine for a single signed request, without signatures and
//! storage. [`RequestState::apply`] is total: every event in every state gives the next state and
//! the money that moves, or the refusal that the contract gives, checked in the contract's order.
//! Several requests under one id are the contract's affair; its tests cover them.

use crate::{Collateral, Offer, Timestamp, Wei};
use alloy_primitives::{Address, U256};

/// Where a request stands. Each state holds only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Not locked, not delivered.
    Open,
    /// Locked; nobody has delivered.
    Locked(Lock),
    /// Another prover delivered during the lock; the locker can still deliver and be paid.
    DeliveredToClient(Lock),
    /// The locker delivered in time: paid, collateral back. Final.
    PaidInLock {
        /// The locker.
        prover: Address,
    },
    /// Delivered after the lock lapsed; the locker's collateral waits to be slashed.
    PaidInRace {
        /// The lapsed lock.
        lock: Lock,
        /// Who delivered, and takes part of the collateral.
        winner: Address,
    },
    /// Delivered without a lock. Final.
    PaidUnlocked {
        /// Who delivered.
        prover: Address,
    },
    /// The lock was forfeited. Final.
    Slashed {
        /// Who had locked.
        locker: Address,
    },
}

/// One prover's exclusive right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Who locked.
    pub prover: Address,
    /// The price at the moment of locking, held in escrow.
    pub price: Wei,
    /// What the prover has at stake.
    pub collateral: Collateral,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// `prover` locks.
    Lock {
        /// Who.
        prover: Address,
        /// Block time.
        at: Timestamp,
    },
    /// `prover` delivers a valid proof.
    Deliver {
        /// Who.
        prover: Address,
        /// Block time.
        at: Timestamp,
    },
    /// Somebody calls for the forfeited collateral.
    Slash {
        /// Block time.
        at: Timestamp,
    },
}

/// Why an event changes nothing; the contract's errors by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The request has been locked before; an id is locked once, ever.
    #[error("the request is locked already")]
    RequestIsLocked,
    /// A proof has been delivered and paid.
    #[error("the request is fulfilled already")]
    RequestIsFulfilled,
    /// Too late to lock.
    #[error("the lock deadline has passed")]
    RequestLockIsExpired,
    /// Too late to deliver.
    #[error("the request has expired")]
    RequestIsExpired,
    /// Nothing to slash.
    #[error("the request was never locked")]
    RequestIsNotLocked,
    /// Slashed before.
    #[error("the lock has been slashed already")]
    RequestIsSlashed,
    /// Too early to slash.
    #[error("the request has not expired yet")]
    RequestIsNotExpired,
}

/// Whose money it is. Escrow is what a lock holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The client's balance in the market.
    Client,
    /// A prover's balance in the market.
    Prover(Address),
    /// Held by the lock.
    Escrow,
    /// The market's own account.
    Market,
    /// Out of circulation.
    Burned,
}

/// An amount that goes from one holder to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Native token.
    Wei(Holder, Holder, Wei),
    /// Collateral token.
    Collateral(Holder, Holder, Collateral),
}

/// The outcome of an accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The next state.
    pub state: RequestState,
    /// What moves; none of zero.
    pub movements: Vec<Movement>,
}

/// The share of forfeited collateral that is burned, in basis points. The rest rewards whoever
/// delivered after the lock lapsed, or goes to the market.
pub const SLASHING_BURN_BPS: u64 = 5000;

/// Splits forfeited collateral into the burned part, rounded down, and the rest.
pub fn split_forfeit_down(collateral: Collateral) -> (Collateral, Collateral) {
    let (quotient, rest) = collateral.0.div_rem(U256::from(10_000));
    let bps = U256::from(SLASHING_BURN_BPS);
    let burned = quotient * bps + rest * bps / U256::from(10_000);
    (Collateral(burned), Collateral(collateral.0 - burned))
}

impl RequestState {
    /// The next state under `offer`, or why there is none.
    pub fn apply(&self, offer: &Offer, event: RequestEvent) -> Result<Applied, Rejected> {
        match event {
            RequestEvent::Lock { prover, at } => self.lock(offer, prover, at),
            RequestEvent::Deliver { prover, at } => self.deliver(offer, prover, at),
            RequestEvent::Slash { at } => self.slash(offer, at),
        }
    }

    /// Whether nothing can move money any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::PaidInLock { .. } | Self::PaidUnlocked { .. } | Self::Slashed { .. })
    }

    fn lock(&self, offer: &Offer, prover: Address, at: Timestamp) -> Result<Applied, Rejected> {
        match self {
            Self::Open => {}
            Self::PaidUnlocked { .. } => return Err(Rejected::RequestIsFulfilled),
            _ => return Err(Rejected::RequestIsLocked),
        }
        if at > offer.lock_deadline() {
            return Err(Rejected::RequestLockIsExpired);
        }
        let price = offer.price_at(at);
        let lock = Lock { prover, price, collateral: offer.lock_collateral };
        let movements = vec![
            Movement::Wei(Holder::Client, Holder::Escrow, price),
            Movement::Collateral(Holder::Prover(prover), Holder::Escrow, lock.collateral),
        ];
        Ok(applied(Self::Locked(lock), movements))
    }

    fn deliver(&self, offer: &Offer, prover: Address, at: Timestamp) -> Result<Applied, Rejected> {
        if at > offer.deadline() {
            return Err(Rejected::RequestIsExpired);
        }
        let in_lock = at <= offer.lock_deadline();
        match self {
            Self::Open => {
                let payment =
                    Movement::Wei(Holder::Client, Holder::Prover(prover), offer.price_at(at));
                Ok(applied(Self::PaidUnlocked { prover }, vec![payment]))
            }
            Self::Locked(lock) | Self::DeliveredToClient(lock)
                if in_lock && lock.prover == prover =>
            {
                let movements = vec![
                    Movement::Wei(Holder::Escrow, Holder::Prover(prover), lock.price),
                    Movement::Collateral(Holder::Escrow, Holder::Prover(prover), lock.collateral),
                ];
                Ok(applied(Self::PaidInLock { prover }, movements))
            }
            Self::Locked(lock) if in_lock => {
                Ok(applied(Self::DeliveredToClient(lock.clone()), Vec::new()))
            }
            Self::DeliveredToClient(_) if in_lock => Err(Rejected::RequestIsLocked),
            // After the lock deadline the price is zero: the client gets its escrow back.
            Self::Locked(lock) | Self::DeliveredToClient(lock) => {
                let refund = Movement::Wei(Holder::Escrow, Holder::Client, lock.price);
                let state = Self::PaidInRace { lock: lock.clone(), winner: prover };
                Ok(applied(state, vec![refund]))
            }
            Self::PaidInLock { .. } | Self::PaidInRace { .. } | Self::PaidUnlocked { .. } => {
                Err(Rejected::RequestIsFulfilled)
            }
            // Slashing needs the deadline to have passed, so this arrives too late by definition.
            Self::Slashed { .. } => Err(Rejected::RequestIsExpired),
        }
    }

    fn slash(&self, offer: &Offer, at: Timestamp) -> Result<Applied, Rejected> {
        let (lock, winner) = match self {
            Self::Open | Self::PaidUnlocked { .. } => return Err(Rejected::RequestIsNotLocked),
            Self::Slashed { .. } => return Err(Rejected::RequestIsSlashed),
            Self::PaidInLock { .. } => return Err(Rejected::RequestIsFulfilled),
            Self::Locked(lock) | Self::DeliveredToClient(lock) => (lock, None),
            Self::PaidInRace { lock, winner } => (lock, Some(*winner)),
        };
        if at <= offer.deadline() {
            return Err(Rejected::RequestIsNotExpired);
        }
        let (burned, rest) = split_forfeit_down(lock.collateral);
        let recipient = winner.map_or(Holder::Market, Holder::Prover);
        let mut movements = vec![
            Movement::Collateral(Holder::Escrow, Holder::Burned, burned),
            Movement::Collateral(Holder::Escrow, recipient, rest),
        ];
        if winner.is_none() {
            movements.push(Movement::Wei(Holder::Escrow, Holder::Client, lock.price));
        }
        Ok(applied(Self::Slashed { locker: lock.prover }, movements))
    }
}

fn applied(state: RequestState, mut movements: Vec<Movement>) -> Applied {
    movements.retain(|movement| match movement {
        Movement::Wei(_, _, amount) => *amount != Wei::ZERO,
        Movement::Collateral(_, _, amount) => *amount != Collateral::ZERO,
    });
    Applied { state, movements }
}

#[cfg(test)]
mod tests;
