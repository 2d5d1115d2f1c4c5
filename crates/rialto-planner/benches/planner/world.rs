//! Requests, a policy and a market for measurements.

use alloy_primitives::{Address, B256, Bytes, U256};
use rialto_planner::{
    BatchPolicy, BreakerPolicy, CommitmentPriority, Facts, Floors, GasEstimates, Market, Order,
    Policy, Preflight, PricingPriority, Requestors, Standing,
};
use rialto_protocol::{
    Callback, Collateral, Cycles, ImageId, Input, Journal, Offer, Predicate, ProofRequest,
    RequestDigest, RequestId, Requirements, Timestamp, Wei, registry,
};

pub(crate) const ME: Address = Address::repeat_byte(0xee);
/// Thousand cycles per second, of the prover and as it is assumed.
pub(crate) const SPEED_KHZ: u64 = 1_000;

pub(crate) fn policy() -> Policy {
    Policy {
        floors: Floors::of(Wei::from(10)),
        min_mcycle_price_collateral_token: None,
        expected_probability_win_secondary_fulfillment: 100,
        max_collateral: Some(Collateral::from(100)),
        max_stake_at_risk: None,
        min_deadline_s: 10,
        max_order_expiry_s: None,
        max_commitment_duration_s: 14_400,
        min_mcycle_limit: 0,
        max_mcycle_limit: 10_000,
        additional_proof_cycles: Cycles(0),
        max_journal_bytes: 100,
        peak_prove_khz: SPEED_KHZ,
        concurrent_jobs: 1,
        max_concurrent_proofs: 1_000,
        max_concurrent_preflights: 2,
        order_pricing_priority: PricingPriority::ObservationTime,
        order_commitment_priority: CommitmentPriority::CyclePrice,
        requestors: Requestors::default().into(),
        gas: GasEstimates {
            lock: 1,
            fulfill: 1,
            commit: 1,
            groth16_verify: 0,
            journal_byte: 0,
            contract_client: 0,
        },
        skip_gas_profitability_check: false,
        cancel_proving_expired_orders: true,
        breaker: BreakerPolicy { failures: 2, rest_s: 60 },
        batch: BatchPolicy {
            min_size: 1,
            max_age_s: 1_000,
            max_journal_bytes: 10_000,
            max_fees: None,
            deadline_buffer_s: 10,
        },
    }
}

pub(crate) fn market(now: u64) -> Market {
    Market {
        now: Timestamp(now),
        gas_price: Wei::ZERO,
        free_collateral: Collateral::from(u128::MAX),
        token_price: None,
    }
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
    let run = Preflight {
        cycles: Cycles(mcycles * 1_000_000),
        image_id: ImageId(B256::ZERO),
        journal: Journal::default(),
    };
    let index = u32::try_from(name).expect("few requests");
    Order {
        digest: RequestDigest(B256::from(U256::from(name + 1))),
        request: ProofRequest {
            id: RequestId::new(Address::repeat_byte(0xc1), index),
            requirements: Requirements {
                callback: Callback::default(),
                predicate: Predicate::PrefixMatch {
                    image_id: ImageId(B256::ZERO),
                    prefix: Bytes::new(),
                },
                selector: registry::DEFAULT,
            },
            image_url: "file:///p".into(),
            input: Input::Inline(Bytes::from_static(&[0])),
            offer,
        },
        seen_at_ms: at * 1_000 + name,
        facts: Facts::default(),
        standing: Standing::Run(run),
    }
}
