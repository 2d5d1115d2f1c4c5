//! The settings as judgement takes them: in the market's own units, at today's prices.

use super::Settings;
use super::market::{CommitmentPriority, PricingPriority};
use crate::prices::Prices;
use rialto_planner::{
    BatchPolicy, BreakerPolicy, CommitmentPriority as CommitBy, Floors, GasEstimates, Policy,
    PricingPriority as PriceBy, Requestors,
};
use rialto_protocol::{Collateral, Cycles, Wei};
use std::sync::Arc;

/// What a client's own contract may use to check a signature, as the market allows it.
const CONTRACT_SIGNATURE_GAS: u64 = 100_000;

impl Settings {
    /// What judgement needs. An amount whose price is not known becomes `None` where judgement can
    /// wait for it; a limit on the stake at risk becomes nothing at all.
    pub fn policy(&self, prices: &Prices, requestors: Arc<Requestors>) -> Policy {
        let market = &self.market;
        let at_risk = market.max_stake_at_risk;
        Policy {
            floors: self.floors(prices),
            min_mcycle_price_collateral_token: market.race_floor(prices),
            expected_probability_win_secondary_fulfillment: market
                .expected_probability_win_secondary_fulfillment,
            max_collateral: market.max_collateral.to_collateral_down(prices),
            max_stake_at_risk: at_risk
                .map(|limit| limit.to_collateral_down(prices).unwrap_or(Collateral::ZERO)),
            min_deadline_s: market.min_deadline,
            max_order_expiry_s: market.max_order_expiry_secs,
            max_commitment_duration_s: market.max_commitment_duration_secs,
            min_mcycle_limit: market.min_mcycle_limit,
            max_mcycle_limit: market.max_mcycle_limit,
            additional_proof_cycles: Cycles(market.additional_proof_cycles),
            max_journal_bytes: market.max_journal_bytes,
            peak_prove_khz: market.peak_prove_khz,
            concurrent_jobs: self.prover.concurrent_jobs,
            max_concurrent_proofs: market.max_concurrent_proofs,
            max_concurrent_preflights: market.max_concurrent_preflights,
            order_pricing_priority: market.order_pricing_priority.into(),
            order_commitment_priority: market.order_commitment_priority.into(),
            requestors,
            gas: self.gas_estimates(),
            skip_gas_profitability_check: market.skip_gas_profitability_check,
            cancel_proving_expired_orders: market.cancel_proving_expired_orders,
            breaker: BreakerPolicy {
                failures: market.breaker_failures,
                rest_s: market.breaker_rest_secs,
            },
            batch: BatchPolicy {
                min_size: self.batcher.min_batch_size,
                max_age_s: self.batcher.batch_max_time,
                max_journal_bytes: self.batcher.batch_max_journal_bytes,
                max_fees: self.batcher.batch_max_fees,
                deadline_buffer_s: self.batcher.block_deadline_buffer_secs,
            },
        }
    }

    fn floors(&self, prices: &Prices) -> Floors {
        let overrides = &self.market.pricing_overrides;
        Floors {
            all: self.market.min_mcycle_price.to_wei_up(prices),
            by_requestor: overrides
                .by_requestor
                .iter()
                .map(|(client, floor)| (*client, floor.to_wei_up(prices)))
                .collect(),
            by_proof_type: overrides
                .by_proof_type
                .iter()
                .map(|(selector, floor)| (*selector, floor.to_wei_up(prices)))
                .collect(),
            by_requestor_proof_type: overrides
                .by_requestor_proof_type
                .iter()
                .map(|(both, floor)| (*both, floor.to_wei_up(prices)))
                .collect(),
        }
    }

    fn gas_estimates(&self) -> GasEstimates {
        let market = &self.market;
        GasEstimates {
            lock: market.lockin_gas_estimate,
            fulfill: market.fulfill_gas_estimate,
            commit: market.commit_fulfillment_gas_estimate,
            groth16_verify: market.groth16_verify_gas_estimate,
            journal_byte: market.fulfill_journal_gas_per_byte,
            contract_client: CONTRACT_SIGNATURE_GAS,
        }
    }
}

impl Prices {
    /// What one whole collateral token is worth in wei, rounded up; `None` without both prices.
    pub fn token_in_wei_up(&self) -> Option<Wei> {
        self.zkc_usd?.usd.to_wei_up(self.eth_usd?.usd)
    }
}

impl From<PricingPriority> for PriceBy {
    fn from(priority: PricingPriority) -> Self {
        match priority {
            PricingPriority::Random => Self::Random,
            PricingPriority::ObservationTime => Self::ObservationTime,
            PricingPriority::ShortestExpiry => Self::ShortestExpiry,
            PricingPriority::Price => Self::Price,
            PricingPriority::CyclePrice => Self::CyclePrice,
        }
    }
}

impl From<CommitmentPriority> for CommitBy {
    fn from(priority: CommitmentPriority) -> Self {
        match priority {
            CommitmentPriority::Random => Self::Random,
            CommitmentPriority::ShortestExpiry => Self::ShortestExpiry,
            CommitmentPriority::Price => Self::Price,
            CommitmentPriority::CyclePrice => Self::CyclePrice,
            CommitmentPriority::TightestDeadline => Self::TightestDeadline,
        }
    }
}
