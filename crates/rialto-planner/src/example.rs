//! A request, a policy, a market and a whole world that tests and measurements vary.

use crate::{
    BatchPolicy, BreakerPolicy, CommitmentPriority, Delivery, Facts, Floors, GasEstimates, Hand,
    Intake, Job, Load, LockFact, Market, Order, Plan, Policy, Preflight, PricingPriority, Proven,
    ProverHealth, Requestors, Sealed, SlashFact, Snapshot, Speeds, Standing, plan,
};
use alloy_primitives::{Address, B256, Bytes};
use rialto_protocol::{
    ClaimDigest, Collateral, Cycles, ImageId, Journal, ProofRequest, RequestDigest, Timestamp, Wei,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The prover that plans.
pub const ME: Address = Address::repeat_byte(0xee);
/// Another prover.
pub const RIVAL: Address = Address::repeat_byte(0x11);
/// Who asks.
pub const CLIENT: Address = Address::repeat_byte(0xc1);

/// Small numbers, so that each limit is easily reached.
pub fn policy() -> Policy {
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

/// At second `now`; gas costs nothing.
pub fn market(now: u64) -> Market {
    Market {
        now: Timestamp(now),
        block_time: Duration::ZERO,
        gas_price: Wei::ZERO,
        free_collateral: Collateral::from(1_000),
        token_price: None,
    }
}

/// Price 0 to 100 over [1000, 1100], lock until 1200, proofs until 1300, collateral 60.
pub fn request() -> ProofRequest {
    rialto_protocol::example::request(CLIENT)
}

/// The order of [`request`].
pub fn order(standing: Standing) -> Order {
    named(5, standing)
}

/// The same with a digest and a time of sight that follow from its name.
pub fn named(name: u8, standing: Standing) -> Order {
    Order {
        digest: RequestDigest(B256::repeat_byte(name)),
        request: request(),
        seen_at_ms: u64::from(name),
        facts: Facts::default(),
        standing,
    }
}

/// 2 million cycles: 20 seconds at the assumed speed, 20 wei at the floor.
pub fn run() -> Preflight {
    Preflight {
        cycles: Cycles(2_000_000),
        image_id: ImageId(B256::ZERO),
        journal: Journal::default(),
    }
}

/// Its program has run.
pub fn tried() -> Standing {
    Standing::Run(run())
}

/// Its proof is made.
pub fn proven() -> Standing {
    Standing::Proven(run(), proof())
}

/// Its proof is attested.
pub fn sealed() -> Standing {
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
    /// With its lock mined at second `at`.
    #[must_use]
    pub fn locked(mut self, prover: Address, at: u64) -> Self {
        self.facts.lock = Some(LockFact { prover, digest: self.digest, at: Timestamp(at) });
        self
    }

    /// With a proof delivered at second `at`.
    #[must_use]
    pub fn delivered(mut self, prover: Address, at: u64) -> Self {
        self.facts.deliveries.push(Delivery { prover, at: Timestamp(at) });
        self
    }

    /// With its lapsed lock slashed for `recipient`.
    #[must_use]
    pub fn slashed(mut self, recipient: Address) -> Self {
        let transferred = Collateral::from(30);
        self.facts.slash = Some(SlashFact { recipient, transferred });
        self
    }
}

/// A node at one moment; tests change what they are about.
pub struct World {
    /// The operator's settings.
    pub policy: Policy,
    /// The market.
    pub market: Market,
    /// Every order that is not over.
    pub orders: Vec<Order>,
    /// What tasks have in hand.
    pub hands: BTreeMap<RequestDigest, Hand>,
    /// How the prover has done lately.
    pub health: ProverHealth,
    /// Whether new work is taken.
    pub intake: Intake,
    /// What the prover has promised elsewhere.
    pub elsewhere: Vec<Job>,
}

impl World {
    /// With these orders at second `now`.
    pub fn at(now: u64, orders: impl IntoIterator<Item = Order>) -> Self {
        Self {
            policy: policy(),
            market: market(now),
            orders: orders.into_iter().collect(),
            hands: BTreeMap::new(),
            health: ProverHealth::default(),
            intake: Intake::Open,
            elsewhere: Vec::new(),
        }
    }

    /// With something in hand for the order of that name.
    #[must_use]
    pub fn hand(mut self, name: u8, hand: Hand) -> Self {
        self.hands.insert(RequestDigest(B256::repeat_byte(name)), hand);
        self
    }

    /// What is done next.
    pub fn plan(&self) -> Plan {
        self.plan_of(7)
    }

    /// The same with the lots of another seed.
    pub fn plan_of(&self, seed: u64) -> Plan {
        let orders: Vec<_> = self.orders.iter().collect();
        let speeds = Speeds::new(self.policy.peak_prove_khz);
        let snapshot = Snapshot {
            me: ME,
            policy: &self.policy,
            market: &self.market,
            orders: &orders,
            hands: &self.hands,
            speeds: &speeds,
            health: &self.health,
            intake: self.intake,
            elsewhere: &self.elsewhere,
        };
        plan(&snapshot, seed)
    }

    /// One line an order, then batches, cancellations and what is promised.
    pub fn show(&self) -> String {
        let plan = self.plan();
        let name = |digest: &RequestDigest| digest.0[0].to_string();
        let names =
            |digests: &[RequestDigest]| digests.iter().map(name).collect::<Vec<_>>().join(" ");
        let mut text = String::new();
        for (order, step) in self.orders.iter().zip(&plan.steps) {
            text += &format!("{}: {step:?}\n", name(&order.digest));
        }
        for (what, batches) in [("seal", &plan.seals), ("deliver", &plan.deliveries)] {
            for batch in batches {
                text += &format!("{what} {}, {:?}\n", names(&batch.orders), batch.closing);
            }
        }
        if !plan.cancels.is_empty() {
            text += &format!("cancel {}\n", names(&plan.cancels));
        }
        let Load { promised, stake_at_risk, busy_for, is_behind, .. } = plan.load;
        let behind = if is_behind { ", behind" } else { "" };
        text + &format!("{promised} promised, {stake_at_risk:?}, busy for {busy_for:?}{behind}\n")
    }
}
