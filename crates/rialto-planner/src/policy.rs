//! What the operator has decided: floors, limits and margins.

use crate::batch::BatchPolicy;
use crate::breaker::BreakerPolicy;
use crate::priority::{CommitmentPriority, PricingPriority};
use alloy_primitives::{Address, U256};
use rialto_protocol::{Collateral, Cycles, ProofRequest, Selector, Wei, registry};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The key of a setting, with its section.
pub type Setting = &'static str;

/// The operator's settings as far as judgement needs them, in the market's own units. Names are
/// those of the configuration. Amounts that the operator gave in another currency are converted
/// when a policy is made; one that cannot be, for want of a fresh price, is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least prices per million cycles.
    pub floors: Floors,
    /// Least reward per million cycles for delivering after somebody else's lock has lapsed, in
    /// the collateral token's smallest unit.
    pub min_mcycle_price_collateral_token: Option<Collateral>,
    /// How likely a race is won, in percent; above 100 is a bonus.
    pub expected_probability_win_secondary_fulfillment: u32,
    /// Most collateral put at stake for one request.
    pub max_collateral: Option<Collateral>,
    /// Most collateral at stake at once in locks that are not delivered.
    pub max_stake_at_risk: Option<Collateral>,
    /// Seconds that must be left between the estimated end of proving and the deadline, and so
    /// before the deadline for a request to be considered at all. Taken for at least two blocks.
    pub min_deadline_s: u64,
    /// Orders whose deadline is further away than this are refused.
    pub max_order_expiry_s: Option<u64>,
    /// Seconds of proving promised ahead, at most.
    pub max_commitment_duration_s: u64,
    /// Smallest program run that is accepted, in millions of cycles.
    pub min_mcycle_limit: u64,
    /// Largest program run that is accepted, in millions of cycles.
    pub max_mcycle_limit: u64,
    /// Cycles charged beside the program's own when pricing.
    pub additional_proof_cycles: Cycles,
    /// Largest journal that is accepted, in bytes.
    pub max_journal_bytes: u64,
    /// Proving speed assumed until it is learned, in thousands of cycles per second; at least 1.
    pub peak_prove_khz: u64,
    /// Proofs that the prover makes side by side; at least 1.
    pub concurrent_jobs: u32,
    /// Orders promised and not yet proven, at most.
    pub max_concurrent_proofs: u32,
    /// Programs run at once to judge requests.
    pub max_concurrent_preflights: u32,
    /// In which order requests are judged.
    pub order_pricing_priority: PricingPriority,
    /// In which order they are taken.
    pub order_commitment_priority: CommitmentPriority,
    /// Who is served, and who first.
    pub requestors: Arc<Requestors>,
    /// Gas charged when pricing.
    pub gas: GasEstimates,
    /// Whether gas is left out of every comparison, as on a devnet.
    pub skip_gas_profitability_check: bool,
    /// Whether proofs that have become worthless are stopped.
    pub cancel_proving_expired_orders: bool,
    /// When locking stops because proving fails.
    pub breaker: BreakerPolicy,
    /// When proofs are handed in together.
    pub batch: BatchPolicy,
}

/// Least prices per million cycles; the most particular one that is set counts. `None` is a price
/// in another currency for which there is no fresh rate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floors {
    /// For everybody: `min_mcycle_price`.
    pub all: Option<Wei>,
    /// By client.
    pub by_requestor: BTreeMap<Address, Option<Wei>>,
    /// By verifier selector.
    pub by_proof_type: BTreeMap<Selector, Option<Wei>>,
    /// By both.
    pub by_requestor_proof_type: BTreeMap<(Address, Selector), Option<Wei>>,
}

impl Floors {
    /// One floor for everybody.
    pub fn of(floor: Wei) -> Self {
        Self { all: Some(floor), ..Self::default() }
    }

    /// The floor for a client and a verifier: both together, then the verifier, then the client.
    pub fn of_request(&self, client: Address, selector: Selector) -> Option<Wei> {
        let both = self.by_requestor_proof_type.get(&(client, selector));
        let particular = both
            .or_else(|| self.by_proof_type.get(&selector))
            .or_else(|| self.by_requestor.get(&client));
        *particular.unwrap_or(&self.all)
    }
}

/// Who is served, and who first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requestors {
    /// If there is such a list, nobody else is served.
    pub allowed: Option<BTreeSet<Address>>,
    /// Whether a list of those who are served is not at hand: who is not allowed may be later.
    pub is_list_missing: bool,
    /// Never served.
    pub denied: BTreeSet<Address>,
    /// Served before all others, the higher level first, and free of the limits of size.
    pub priority: BTreeMap<Address, u8>,
}

impl Requestors {
    /// 1 and up for priority requestors, 0 for all others.
    pub(crate) fn rank(&self, client: Address) -> u16 {
        self.priority.get(&client).map_or(0, |level| u16::from(*level) + 1)
    }

    /// Whether the limits of cycles and size are waived.
    pub fn is_priority(&self, client: Address) -> bool {
        self.priority.contains_key(&client)
    }
}

/// Gas that the steps of an order are assumed to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasEstimates {
    /// A lock.
    pub lock: u64,
    /// A fulfilment with its verification, without the journal.
    pub fulfill: u64,
    /// The commitment that goes before an open fulfilment.
    pub commit: u64,
    /// Verification of a proof by itself, charged to requests that name their verifier and so
    /// cannot share one with others: `groth16_verify_gas_estimate`.
    pub groth16_verify: u64,
    /// Each byte of the journal.
    pub journal_byte: u64,
    /// More for a client that is a contract and checks its signature itself.
    pub contract_client: u64,
}

impl GasEstimates {
    /// A lock and a fulfilment, with the callback's gas in full.
    pub(crate) fn of_lock_and_fulfill(&self, request: &ProofRequest, journal_bytes: u64) -> U256 {
        let contract = if request.id.has_contract_signature() { self.contract_client } else { 0 };
        let lock = U256::from(self.lock.saturating_add(contract));
        lock.saturating_add(self.of_fulfill(request, journal_bytes))
    }

    /// A commitment and the fulfilment that it is for.
    pub(crate) fn of_race(&self, request: &ProofRequest, journal_bytes: u64) -> U256 {
        U256::from(self.commit).saturating_add(self.of_fulfill(request, journal_bytes))
    }

    fn of_fulfill(&self, request: &ProofRequest, journal_bytes: u64) -> U256 {
        let alone = request.requirements.selector != registry::DEFAULT;
        let verify = if alone { self.groth16_verify } else { 0 };
        let journal = self.journal_byte.saturating_mul(journal_bytes);
        let fixed = self.fulfill.saturating_add(verify).saturating_add(journal);
        U256::from(request.requirements.callback.gas_limit).saturating_add(U256::from(fixed))
    }
}
