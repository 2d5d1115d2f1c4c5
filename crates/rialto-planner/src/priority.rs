//! Which order comes first: in being judged, and in being taken.

use crate::order::Order;
use crate::policy::Policy;
use alloy_primitives::{U256, keccak256};
use rialto_protocol::{Cycles, Timestamp};
use std::cmp::Reverse;

/// `order_pricing_priority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PricingPriority {
    /// By lot.
    Random,
    /// First come, first served.
    ObservationTime,
    /// The nearest deadline first.
    ShortestExpiry,
    /// The highest price first.
    Price,
    /// The highest price per cycle first. Before its program has run, the least that a request
    /// can take is assumed of each, so that the price decides.
    #[default]
    CyclePrice,
}

/// `order_commitment_priority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitmentPriority {
    /// By lot.
    Random,
    /// The nearest deadline first.
    ShortestExpiry,
    /// The highest price first.
    Price,
    /// The highest price per cycle first.
    #[default]
    CyclePrice,
    /// The least time to spare between the estimated end of proving and the deadline first.
    TightestDeadline,
}

/// A place in the queue; the least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Priority requestors before all others.
    requestor: Reverse<u16>,
    key: U256,
    /// Ties are broken the same way every time.
    digest: U256,
}

pub(crate) fn pricing_rank(order: &Order, policy: &Policy, seed: u64) -> Rank {
    let offer = &order.request.offer;
    let key = match policy.order_pricing_priority {
        PricingPriority::Random => lot(order, seed),
        PricingPriority::ObservationTime => U256::from(order.seen_at_ms),
        PricingPriority::ShortestExpiry => U256::from(offer.lock_deadline().0),
        PricingPriority::Price | PricingPriority::CyclePrice => U256::MAX - offer.max_price.0,
    };
    rank(order, policy, key)
}

/// `to_spare_ms` is the time between the estimated end and the deadline.
pub(crate) fn commitment_rank(
    order: &Order,
    policy: &Policy,
    (now, to_spare_ms): (Timestamp, u64),
    seed: u64,
) -> Rank {
    let offer = &order.request.offer;
    let price = offer.price_at(now).0;
    let cycles = order.cycles().unwrap_or(Cycles(1)).0.max(1);
    let key = match policy.order_commitment_priority {
        CommitmentPriority::Random => lot(order, seed),
        CommitmentPriority::ShortestExpiry => U256::from(offer.lock_deadline().0),
        CommitmentPriority::Price => U256::MAX - price,
        CommitmentPriority::CyclePrice => {
            U256::MAX - price.saturating_mul(U256::from(1_000_000)) / U256::from(cycles)
        }
        CommitmentPriority::TightestDeadline => U256::from(to_spare_ms),
    };
    rank(order, policy, key)
}

fn rank(order: &Order, policy: &Policy, key: U256) -> Rank {
    let requestor = Reverse(policy.requestors.rank(order.request.id.client()));
    Rank { requestor, key, digest: order.digest.0.into() }
}

/// The same for the same order and seed, and as good as random otherwise.
fn lot(order: &Order, seed: u64) -> U256 {
    keccak256([order.digest.0.as_slice(), &seed.to_be_bytes()].concat()).into()
}
