//! A request, a policy and a market that the tests of this crate vary.

use crate::{
    BatchPolicy, BreakerPolicy, CommitmentPriority, Delivery, Facts, Floors, GasEstimates,
    LockFact, Market, Order, Policy, Preflight, PricingPriority, Proven, Requestors, Sealed,
    SlashFact, Standing,
};
use alloy_primitives::{Address, B256, Bytes};
use rialto_protocol::{
    Callback, ClaimDigest, Collateral, Cycles, ImageId, Input, Journal, Offer, Predicate,
    ProofRequest, RequestDigest, RequestId, Requirements, Timestamp, Wei, registry,
};

pub(crate) const ME: Address = Address::repeat_byte(0xee);
pub(crate) const RIVAL: Address = Address::repeat_byte(0x11);
pub(crate) const CLIENT: Address = Address::repeat_byte(0xc1);

pub(crate) fn policy() -> Policy {
    Policy {
        floors: Floors::of(Wei::from(10)),
        min_mcycle_price_collateral_token: Some(Collateral::from(10)),
        expected_probability_win_secondary_fulfillment: 100,
        max_collateral: Some(Collateral::from(100)),
        max_stake_at_risk: None,
        min_deadline_s: 20,
        max_order_expiry_s: None,
        max_commitment_duration_s: 14_400,
        min_mcycle_limit: 0,
        max_mcycle_limit: 100,
        additional_proof_cycles: Cycles(0),
        max_journal_bytes: 100,
        peak_prove_khz: 100,
        concurrent_jobs: 1,
        max_concurrent_proofs: 2,
        max_concurrent_preflights: 2,
        order_pricing_priority: PricingPriority::ObservationTime,
        order_commitment_priority: CommitmentPriority::Price,
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
            deadline_buffer_s: 20,
        },
    }
}

pub(crate) fn market(now: u64) -> Market {
    Market {
        now: Timestamp(now),
        gas_price: Wei::ZERO,
        free_collateral: Collateral::from(1_000),
        token_price: None,
    }
}

/// Price 0 to 100 over [1000, 1100], lock until 1200, proofs until 1300, collateral 60.
pub(crate) fn request() -> ProofRequest {
    ProofRequest {
        id: RequestId::new(CLIENT, 1),
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
        offer: Offer {
            min_price: Wei::ZERO,
            max_price: Wei::from(100),
            ramp_up_start: Timestamp(1_000),
            ramp_up_period: 100,
            lock_timeout: 200,
            timeout: 300,
            lock_collateral: Collateral::from(60),
        },
    }
}

pub(crate) fn order(standing: Standing) -> Order {
    named(5, standing)
}

pub(crate) fn named(name: u8, standing: Standing) -> Order {
    Order {
        digest: RequestDigest(B256::repeat_byte(name)),
        request: request(),
        seen_at_ms: u64::from(name),
        facts: Facts::default(),
        standing,
    }
}

/// 2 million cycles: 20 seconds at the assumed speed, 20 wei at the floor.
pub(crate) fn run() -> Preflight {
    Preflight {
        cycles: Cycles(2_000_000),
        image_id: ImageId(B256::ZERO),
        journal: Journal::default(),
    }
}

pub(crate) fn tried() -> Standing {
    Standing::Run(run())
}

pub(crate) fn proven() -> Standing {
    Standing::Proven(run(), proof())
}

pub(crate) fn sealed() -> Standing {
    Standing::Sealed(run(), Sealed { proven: proof(), seal: Bytes::new() })
}

fn proof() -> Proven {
    Proven {
        proof: B256::repeat_byte(1),
        claim: ClaimDigest(B256::repeat_byte(2)),
        at: Timestamp(1_050),
    }
}

impl Order {
    pub(crate) fn locked(mut self, prover: Address, at: u64) -> Self {
        self.facts.lock = Some(LockFact { prover, digest: self.digest, at: Timestamp(at) });
        self
    }

    pub(crate) fn delivered(mut self, prover: Address, at: u64) -> Self {
        self.facts.deliveries.push(Delivery { prover, at: Timestamp(at) });
        self
    }

    pub(crate) fn slashed(mut self, recipient: Address) -> Self {
        let transferred = Collateral::from(30);
        self.facts.slash = Some(SlashFact { recipient, transferred });
        self
    }
}
