//! Requests, a policy and a market for measurements.

use alloy_primitives::{B256, U256};
use rialto_planner::{
    CommitmentPriority, Facts, Market, Order, Policy, Preflight, Standing, example,
};
use rialto_protocol::{
    Collateral, Cycles, Offer, ProofRequest, RequestDigest, RequestId, Timestamp, Wei,
};

pub(crate) use example::ME;
/// Thousand cycles per second, of the prover and as it is assumed.
pub(crate) const SPEED_KHZ: u64 = 1_000;

pub(crate) fn policy() -> Policy {
    Policy {
        min_deadline_s: 10,
        max_mcycle_limit: 10_000,
        peak_prove_khz: SPEED_KHZ,
        max_concurrent_proofs: 1_000,
        min_mcycle_price_collateral_token: None,
        order_commitment_priority: CommitmentPriority::CyclePrice,
        ..example::policy()
    }
}

pub(crate) fn market(now: u64) -> Market {
    Market { free_collateral: Collateral::from(u128::MAX), ..example::market(now) }
}

/// A request of `mcycles` that was asked for at second `at`: its price rises to 100 wei per Mcycle
/// within ten seconds, and its lock ends after 200.
pub(crate) fn order(name: u64, at: u64, mcycles: u64) -> Order {
    let offer = Offer {
        min_price: Wei::from(u128::from(20 * mcycles)),
        max_price: Wei::from(u128::from((50 + name % 50) * mcycles)),
        ramp_up_start: Timestamp(at),
        ramp_up_period: 10,
        lock_timeout: 200,
        timeout: 300,
        lock_collateral: Collateral::from(60),
    };
    let run = Preflight { cycles: Cycles(mcycles * 1_000_000), ..example::run() };
    let index = u32::try_from(name).expect("few requests");
    Order {
        digest: RequestDigest(B256::from(U256::from(name + 1))),
        request: ProofRequest {
            id: RequestId::new(example::CLIENT, index),
            offer,
            ..example::request()
        },
        seen_at_ms: at * 1_000 + name,
        facts: Facts::default(),
        standing: Standing::Run(run),
    }
}
