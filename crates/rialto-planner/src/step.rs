//! What to do next for one order, derived from facts and records alone.
//!
//! Every effect that a [`Step`] asks for leaves a fact on the chain or a record in the logbook that
//! changes the next answer; until then the answer stays the same, so a crash between the two
//! repeats a step and never skips one.

use crate::Budget;
use crate::appraise::{Bid, Preflight, proving_s_up, race, screen};
use crate::order::{LockFact, Order, Standing};
use crate::policy::{Market, Policy, Skip};
use alloy_primitives::Address;
use rialto_protocol::{Collateral, Timestamp, Wei};
use serde::{Deserialize, Serialize};

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before `until`, or before something changes.
    Wait {
        /// When to look again at the latest.
        until: Timestamp,
        /// For what.
        why: Waiting,
    },
    /// Refuse, for good, and record why.
    Skip(Skip),
    /// Run the program within the budget, and record what came of it.
    Preflight(Budget),
    /// Lock now, at this price.
    Lock {
        /// The price of the next block.
        price: Wei,
    },
    /// Make the proof.
    Prove {
        /// The last second at which it is of use.
        deadline: Timestamp,
    },
    /// Have the proof attested.
    Seal,
    /// Hand it in.
    Deliver(Delivering),
    /// Call for the forfeited collateral that is ours.
    Slash,
    /// Nothing, ever again.
    Done(Outcome),
}

/// What a waiting order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The price to reach the target.
    Price,
    /// Room among the promises.
    Capacity,
    /// Collateral to come back from other orders.
    Collateral,
    /// Somebody else's lock to lapse, or its proof to arrive.
    LockToLapse,
    /// The deadline, after which the lapsed lock can be slashed.
    Deadline,
}

/// By which path a proof is handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivering {
    /// Our lock holds: straight.
    UnderLock,
    /// The lock has lapsed: commit first, reveal a block later.
    InRace,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// We delivered under our lock and were paid.
    Paid {
        /// What we were paid.
        price: Wei,
    },
    /// We delivered after a lock had lapsed and got our share of its collateral.
    RaceWon {
        /// Our share.
        reward: Collateral,
    },
    /// Our own lock was forfeited.
    Forfeited,
    /// Somebody else got it.
    TakenByOther,
    /// Nobody did in time.
    Expired,
    /// Refused.
    Refused,
}

/// The next step of `order` for the prover `me`.
pub fn next_step(order: &Order, me: Address, policy: &Policy, market: &Market) -> Step {
    match &order.facts.lock {
        Some(lock) if lock.prover == me && lock.digest == order.digest => {
            own_lock(order, lock, me, market)
        }
        Some(lock) => others_lock(order, lock, me, (policy, market)),
        None => unlocked(order, policy, market),
    }
}

fn own_lock(order: &Order, lock: &LockFact, me: Address, market: &Market) -> Step {
    let offer = &order.request.offer;
    if let Some(slash) = &order.facts.slash {
        return Step::Done(if slash.recipient == me {
            Outcome::RaceWon { reward: slash.transferred }
        } else {
            Outcome::Forfeited
        });
    }
    let in_lock = |at: Timestamp| at <= offer.lock_deadline();
    if order.facts.deliveries.iter().any(|by| by.prover == me && in_lock(by.at)) {
        return Step::Done(Outcome::Paid { price: order.lock_price(lock) });
    }
    if market.now <= offer.lock_deadline() {
        return produce(order, offer.lock_deadline(), Delivering::UnderLock);
    }
    // Our lock has lapsed: delivering first still saves half of our collateral.
    lapsed(order, me, market).map_loss(Outcome::Forfeited)
}

fn others_lock(order: &Order, lock: &LockFact, me: Address, view: (&Policy, &Market)) -> Step {
    let (policy, market) = view;
    let offer = &order.request.offer;
    if let Some(slash) = &order.facts.slash {
        return Step::Done(if slash.recipient == me {
            Outcome::RaceWon { reward: slash.transferred }
        } else {
            Outcome::TakenByOther
        });
    }
    let bid = match &order.standing {
        Standing::Skipped(_) => return Step::Done(Outcome::Refused),
        Standing::Seen => return first_look(order, policy, market),
        Standing::Priced(_, bid) | Standing::Proven(_, bid, _) | Standing::Sealed(_, bid, _) => bid,
    };
    if lock.digest != order.digest {
        return Step::Done(Outcome::TakenByOther);
    }
    let delivered_in_time = order
        .facts
        .deliveries
        .iter()
        .any(|by| by.prover == lock.prover && by.at <= offer.lock_deadline());
    if delivered_in_time {
        return Step::Done(Outcome::TakenByOther);
    }
    if !bid.race_worthwhile {
        let refusal = race(offer, order.cycles().unwrap_or_default(), policy);
        return Step::Skip(refusal.err().unwrap_or(Skip::TakenByOther { prover: lock.prover }));
    }
    if market.now <= offer.lock_deadline() {
        let until = offer.lock_deadline().saturating_add(1);
        return Step::Wait { until, why: Waiting::LockToLapse };
    }
    if matches!(order.standing, Standing::Priced(..)) && order.facts.deliveries.is_empty() {
        let needed_s = proving_s_up(order.cycles().unwrap_or_default(), policy);
        let left_s = market.now.seconds_until(offer.deadline());
        if left_s < needed_s {
            return Step::Skip(Skip::TooLittleTime { left_s, needed_s });
        }
    }
    lapsed(order, me, market)
}

/// The lock has lapsed and may be raced for, whoever held it.
fn lapsed(order: &Order, me: Address, market: &Market) -> Step {
    let offer = &order.request.offer;
    let late = order.facts.deliveries.iter().find(|by| by.at > offer.lock_deadline());
    match late {
        Some(winner) if winner.prover != me => Step::Done(Outcome::TakenByOther),
        Some(_) if market.now > offer.deadline() => Step::Slash,
        Some(_) => Step::Wait { until: offer.deadline().saturating_add(1), why: Waiting::Deadline },
        None if market.now > offer.deadline() => Step::Done(Outcome::Expired),
        None => produce(order, offer.deadline(), Delivering::InRace),
    }
}

impl Step {
    /// The same step, where an end without reward is this one.
    fn map_loss(self, loss: Outcome) -> Self {
        match self {
            Self::Done(Outcome::TakenByOther | Outcome::Expired) => Self::Done(loss),
            other => other,
        }
    }
}

/// The next thing on the way from a promise to a delivery.
fn produce(order: &Order, deadline: Timestamp, how: Delivering) -> Step {
    match &order.standing {
        // A lock that landed after it was given up is ours all the same.
        Standing::Seen | Standing::Skipped(_) | Standing::Priced(..) => Step::Prove { deadline },
        Standing::Proven(..) => Step::Seal,
        Standing::Sealed(..) => Step::Deliver(how),
    }
}

fn unlocked(order: &Order, policy: &Policy, market: &Market) -> Step {
    if matches!(order.standing, Standing::Skipped(_)) {
        return Step::Done(Outcome::Refused);
    }
    if !order.facts.deliveries.is_empty() {
        return Step::Skip(Skip::AlreadyFulfilled);
    }
    let lock_deadline = order.request.offer.lock_deadline();
    if market.now > lock_deadline {
        return Step::Skip(Skip::Expired { lock_deadline });
    }
    match &order.standing {
        Standing::Seen | Standing::Skipped(_) => first_look(order, policy, market),
        Standing::Priced(preflight, bid)
        | Standing::Proven(preflight, bid, _)
        | Standing::Sealed(preflight, bid, _) => lock(order, (preflight, bid), policy, market),
    }
}

fn first_look(order: &Order, policy: &Policy, market: &Market) -> Step {
    match screen(&order.request, policy, market) {
        Ok(budget) => Step::Preflight(budget),
        Err(skip) => Step::Skip(skip),
    }
}

fn lock(order: &Order, view: (&Preflight, &Bid), policy: &Policy, market: &Market) -> Step {
    let (preflight, bid) = view;
    let offer = &order.request.offer;
    if market.now < bid.lock_at {
        return Step::Wait { until: bid.lock_at, why: Waiting::Price };
    }
    let left_s = market.now.seconds_until(offer.lock_deadline());
    let alone_s = proving_s_up(preflight.cycles, policy).saturating_add(policy.min_deadline_s);
    if left_s < alone_s {
        return Step::Skip(Skip::TooLittleTime { left_s, needed_s: alone_s });
    }
    let soon = market.now.saturating_add(1);
    let queue_s = proving_s_up(market.promised_cycles, policy);
    if market.promised >= policy.max_concurrent_proofs || left_s < alone_s.saturating_add(queue_s) {
        return Step::Wait { until: soon, why: Waiting::Capacity };
    }
    if offer.lock_collateral > market.free_collateral {
        return Step::Wait { until: soon, why: Waiting::Collateral };
    }
    Step::Lock { price: offer.price_at(market.now) }
}

#[cfg(test)]
mod tests;
