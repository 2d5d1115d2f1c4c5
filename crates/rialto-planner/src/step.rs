//! What to do next for one order, derived from facts and records alone.
//!
//! Every effect that a [`Step`] asks for leaves a fact on the chain or a record in the logbook that
//! changes the next answer; until then the answer stays the same, so a crash between the two
//! repeats a step and never skips one.

use crate::appraise::{
    Appraisal, Budget, Market, Preflight, Refusal, appraise, check_client, screen, screen_race,
};
use crate::order::{LockFact, Order, Standing};
use crate::policy::{Policy, Setting};
use crate::skip::Skip;
use alloy_primitives::Address;
use rialto_protocol::{Collateral, Timestamp, Wei};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Lock now, at this price, if there is room.
    Lock {
        /// The price of the next block.
        price: Wei,
    },
    /// Make the proof; for a race, if there is room.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// The price to reach the target.
    Price,
    /// A fresh rate of exchange for a limit in another currency.
    Rate,
    /// A list of those who are served, which may name its client.
    List,
    /// Its turn among the requests that are judged.
    Turn,
    /// Room among the promises.
    Capacity,
    /// A free lane of the prover.
    Lane,
    /// Other proofs to be handed in with.
    Batch,
    /// Collateral to come back from other orders.
    Collateral,
    /// Stake at risk to come back from other orders.
    Risk,
    /// Proving to work again.
    Breaker,
    /// The operator to have it lock again, and not only listen.
    Intake,
    /// The operator paused the node or has it drain.
    Paused,
    /// Somebody else's lock to lapse, or its proof to arrive.
    LockToLapse,
    /// The deadline, after which the lapsed lock can be slashed.
    Deadline,
}

impl Waiting {
    /// Whether an operator would want to know: it keeps income away, and something can be done.
    pub fn is_telling(self) -> bool {
        match self {
            Self::Rate
            | Self::List
            | Self::Capacity
            | Self::Collateral
            | Self::Risk
            | Self::Breaker
            | Self::Intake
            | Self::Paused => true,
            Self::Price
            | Self::Turn
            | Self::Lane
            | Self::Batch
            | Self::LockToLapse
            | Self::Deadline => false,
        }
    }

    /// The setting that would have made it go on at once, if there is one.
    pub fn setting(self) -> Option<Setting> {
        Some(match self {
            Self::Price => "market.min_mcycle_price",
            Self::Rate => "price_oracle.eth_usd",
            Self::List => "market.allow_requestor_lists",
            Self::Turn => "market.max_concurrent_preflights",
            Self::Capacity => "market.max_concurrent_proofs",
            Self::Lane => "prover.concurrent_jobs",
            Self::Batch => "batcher.min_batch_size",
            Self::Risk => "market.max_stake_at_risk",
            Self::Breaker => "market.breaker_failures",
            Self::Intake => "market.listen_only",
            Self::Collateral | Self::Paused | Self::LockToLapse | Self::Deadline => return None,
        })
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Price => "the price to reach the target",
            Self::Rate => "a fresh rate of exchange",
            Self::List => "a list of those who are served",
            Self::Turn => "its turn to be judged",
            Self::Capacity => "room among the promises",
            Self::Lane => "the prover to be free",
            Self::Batch => "other proofs to be handed in with",
            Self::Collateral => "collateral that other locks hold",
            Self::Risk => "stake at risk in other locks",
            Self::Breaker => "proving to work again",
            Self::Intake => "the intake to be opened",
            Self::Paused => "the operator to let the node take work again",
            Self::LockToLapse => "another prover's lock to lapse",
            Self::Deadline => "the deadline to pass",
        })
    }
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
    if matches!(order.standing, Standing::Skipped(_)) {
        return Step::Done(Outcome::Refused);
    }
    let delivered_in_time = order
        .facts
        .deliveries
        .iter()
        .any(|by| by.prover == lock.prover && by.at <= offer.lock_deadline());
    if delivered_in_time || lock.digest != order.digest {
        return Step::Done(Outcome::TakenByOther);
    }
    let delivered = order.facts.deliveries.iter().any(|by| by.prover == me);
    match &order.standing {
        Standing::Seen => return refuse_or(screen_race(&order.request, policy, market), market),
        // What has been begun is worth finishing.
        Standing::Run(run) if !delivered => match appraised(order, run, view).map(|it| it.race) {
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) | Err(refusal) => return refused(refusal, market),
        },
        _ => {}
    }
    if market.now <= offer.lock_deadline() {
        let until = offer.lock_deadline().saturating_add(1);
        return Step::Wait { until, why: Waiting::LockToLapse };
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
        Standing::Seen | Standing::Skipped(_) | Standing::Run(_) => Step::Prove { deadline },
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
        Standing::Seen | Standing::Skipped(_) => {
            refuse_or(screen(&order.request, policy, market), market)
        }
        Standing::Run(run) | Standing::Proven(run, _) | Standing::Sealed(run, _) => {
            lock(order, run, (policy, market))
        }
    }
}

/// A run within the budget, or the refusal.
fn refuse_or(budget: Result<Budget, Refusal>, market: &Market) -> Step {
    budget.map_or_else(|refusal| refused(refusal, market), Step::Preflight)
}

/// What is refused for good is recorded; a rate or a list that is missing is waited for.
fn refused(refusal: Refusal, market: &Market) -> Step {
    match refusal {
        Refusal::Skip(skip) => Step::Skip(skip),
        Refusal::NoRate => soon(market, Waiting::Rate),
        Refusal::NoList => soon(market, Waiting::List),
    }
}

fn appraised(
    order: &Order,
    run: &Preflight,
    (policy, market): (&Policy, &Market),
) -> Result<Appraisal, Refusal> {
    appraise(&order.request, run, policy, market)
}

/// Locks when the price is right. It is computed anew each time, since gas, rates and settings
/// change while an offer stands; what is too dear now may be worth it again.
fn lock(order: &Order, run: &Preflight, (policy, market): (&Policy, &Market)) -> Step {
    let offer = &order.request.offer;
    let left_s = market.now.seconds_until(offer.lock_deadline());
    if left_s < policy.min_deadline_s {
        return Step::Skip(Skip::TooLittleTime { left_s, needed_s: policy.min_deadline_s });
    }
    if let Err(refusal) = check_client(&order.request, policy) {
        return refused(refusal, market);
    }
    match appraised(order, run, (policy, market)).and_then(|it| it.lock) {
        Ok(bid) if market.now < bid.lock_at => {
            Step::Wait { until: bid.lock_at, why: Waiting::Price }
        }
        Ok(_) => Step::Lock { price: offer.price_at(market.now) },
        Err(Refusal::Skip(_)) => soon(market, Waiting::Price),
        Err(missing) => refused(missing, market),
    }
}

pub(crate) fn soon(market: &Market, why: Waiting) -> Step {
    Step::Wait { until: market.now.saturating_add(1), why }
}

#[cfg(test)]
mod tests;
