//! `[market]`: what requests are worth, which are taken, and how locks are sent.

use super::amount::{CollateralAmount, PriceAmount};
use super::gas::GasMode;
use super::overrides::PricingOverrides;
use super::section::section;
use super::value::words;
use alloy::primitives::Address;
use rialto_protocol::{Collateral, Wei};
use std::path::PathBuf;
use url::Url;

words! {
    /// In which order requests are judged while more are waiting than can be judged at once.
    PricingPriority {
        /// At random.
        Random = "random",
        /// First seen, first judged.
        ObservationTime = "observation_time",
        /// Earliest deadline first.
        ShortestExpiry = "shortest_expiry",
        /// Highest price first.
        Price = "price",
        /// Highest price per cycle first, as far as cycles are known.
        CyclePrice = "cycle_price",
    }
}

words! {
    /// In which order judged requests are locked while more are worth it than can be proven.
    CommitmentPriority {
        /// At random.
        Random = "random",
        /// Earliest deadline first.
        ShortestExpiry = "shortest_expiry",
        /// Highest price first.
        Price = "price",
        /// Highest price per cycle first.
        CyclePrice = "cycle_price",
        /// Least time to spare after proving first.
        TightestDeadline = "tightest_deadline",
    }
}

section! {
    /// What requests are worth, which are taken, and how they are locked.
    "market" => MarketSettings {
        /// Least price per million cycles, after gas, for which a request is locked.
        [Judging]
        min_mcycle_price: PriceAmount = PriceAmount::Usd("0.00002 USD".parse().expect("an amount")),
            in "per million cycles";
        /// Least reward per million cycles for delivering after another prover's lock has lapsed.
        /// When absent it follows from `min_mcycle_price` at the oracle's prices; while those are
        /// unknown no such race is entered.
        [Judging]
        min_mcycle_price_collateral_token: Option<CollateralAmount> = None,
            in "per million cycles", such as "\"0.001 ZKC\"";
        /// Floors that differ from `min_mcycle_price`: `by_requestor` (address), `by_proof_type`
        /// (selector) and `by_requestor_proof_type` (`address:selector`). The most exact one counts:
        /// requestor with proof type, then proof type, then requestor.
        [Judging]
        pricing_overrides: PricingOverrides = PricingOverrides::default(), in "per million cycles",
            such as "{ by_proof_type = { \"0x242f9d5b\" = \"0.00004 USD\" } }";
        /// Chance of being first in the race after a lapsed lock. The reward is multiplied by it
        /// before it is held against the floor; above 100 it is a boost.
        [Judging]
        expected_probability_win_secondary_fulfillment: u32 = 50, in "percent";
        /// Most collateral put at stake for one request.
        [Judging]
        max_collateral: CollateralAmount =
            CollateralAmount::Usd("10 USD".parse().expect("an amount"));
        /// Most collateral at stake at once, in locks that are not delivered yet.
        [Promising]
        max_stake_at_risk: Option<CollateralAmount> = None, such as "\"100 ZKC\"";
        /// Proving failures in a row after which no request is locked for `breaker_rest_secs`.
        [Promising]
        breaker_failures: u32 = 2, least 1;
        /// How long nothing is locked after `breaker_failures`; then one lock is made as a trial,
        /// and only its proof ends the rest.
        [Promising]
        breaker_rest_secs: u64 = 60, in "seconds";
        /// Judge and price everything, lock nothing. What is locked already is still delivered.
        [Locking]
        listen_only: bool = false;
        /// Longest run of a program that is accepted. Requests of priority requestors may be longer.
        [Judging]
        max_mcycle_limit: u64 = 8_000, in "million cycles", least 1, most 10_000_000_000_000;
        /// Shortest run of a program that is accepted.
        [Judging]
        min_mcycle_limit: u64 = 0, in "million cycles";
        /// Cycles added to every order when its time is estimated. Existing brokers need 2,270,000
        /// for their assessor and set-builder programs; Rialto runs neither, hence none.
        [Judging]
        additional_proof_cycles: u64 = 0, in "cycles";
        /// Largest journal that is accepted: it goes on the chain with the proof.
        [Judging]
        max_journal_bytes: u64 = 10_000, in "bytes";
        /// Time that must be left between the estimated end of proving and the deadline. Existing
        /// brokers keep 195 s for an assessor proof, a set-builder proof and three submissions in
        /// turn; here a finished proof needs attestations and one transaction. It never counts as less than
        /// two blocks, and the two that a lock may wait for and what the longest of the latest proofs took
        /// beyond most are left free besides.
        [Judging]
        min_deadline: u64 = 60, in "seconds";
        /// Requests whose deadline is further away than this are left to others.
        [Judging]
        max_order_expiry_secs: Option<u64> = None, in "seconds", such as "86_400";
        /// How far ahead work is promised: no request is locked whose proof would be begun later.
        [Promising]
        max_commitment_duration_secs: u64 = 14_400, in "seconds", least 1;
        /// Speed of the prover from which promises start, until the node has measured its own.
        /// `rialto prove benchmark` measures it.
        [Promising, process]
        peak_prove_khz: u64 = 100, in "thousand cycles per second", least 1;
        /// Orders promised and not yet proven at once.
        [Promising, process]
        max_concurrent_proofs: u32 = 1, in "orders", least 1;
        /// Programs run at once to judge requests. Existing brokers run 8 on their cluster; here
        /// they share this machine with the prover.
        [Judging, process]
        max_concurrent_preflights: u32 = 2, in "programs", least 1, most 1_024;
        /// In which order requests are judged.
        [Judging, process]
        order_pricing_priority: PricingPriority = PricingPriority::CyclePrice;
        /// In which order judged requests are locked. The documents of existing brokers say
        /// `random`, their code `cycle_price`, which earns more.
        [Promising, process]
        order_commitment_priority: CommitmentPriority = CommitmentPriority::CyclePrice;
        /// Stop proving a request that is not worth its proof any more: past its deadline, or
        /// delivered by somebody else.
        [Proving]
        cancel_proving_expired_orders: bool = false;
        /// Requestors who are served first and whose requests may exceed `max_mcycle_limit` and
        /// `max_file_size`.
        [Judging]
        priority_requestor_addresses: Vec<Address> = Vec::new(),
            such as "[\"0x1111111111111111111111111111111111111111\"]";
        /// Lists of priority requestors, read at the start and every hour; the first list that
        /// names a requestor counts. While one cannot be had, what it said last holds, over starts
        /// too. Existing brokers name a list of their own market by default; its requestors are not
        /// those of another market, hence none.
        [Judging]
        priority_requestor_lists: Vec<Url> = Vec::new(), such as "[\"https://example.org/list.json\"]";
        /// Requestors who are served, and nobody else. Without these and `allow_requestor_lists`
        /// everybody is.
        [Judging]
        allow_client_addresses: Vec<Address> = Vec::new(),
            such as "[\"0x2222222222222222222222222222222222222222\"]";
        /// Lists of requestors who are served besides `allow_client_addresses`, and nobody else;
        /// read like `priority_requestor_lists`. While one has never been had, requests of those who
        /// are not otherwise allowed wait for it.
        [Judging]
        allow_requestor_lists: Vec<Url> = Vec::new(), such as "[\"https://example.org/allowed.json\"]";
        /// Requestors who are never served, whatever any list says. They stand here alone: a list by
        /// URL could be kept away.
        [Judging]
        deny_requestor_addresses: Vec<Address> = Vec::new(),
            such as "[\"0x3333333333333333333333333333333333333333\"]";
        /// Blocks searched for open requests at the first start.
        [Seeing, restart]
        lookback_blocks: u64 = 300, in "blocks";
        /// Most blocks asked for at once. Existing brokers ask for 150; here an endpoint that
        /// refuses is asked for fewer.
        [Seeing, restart]
        events_poll_blocks: u64 = 2_000, in "blocks", least 1;
        /// Time between two looks at the chain. Existing brokers wait 3000 ms; the first to lock
        /// has the request.
        [Seeing]
        events_poll_ms: u64 = 500, in "milliseconds", least 10;
        /// Largest program or input that is fetched.
        [Storing, restart]
        max_file_size: u64 = 50_000_000, in "bytes";
        /// Retries of a failing download.
        [Storing, restart]
        max_fetch_retries: u8 = 2, in "retries";
        /// Directory of downloaded programs and inputs. When absent: `fetched` beside the logbook.
        [Storing, restart]
        cache_dir: Option<PathBuf> = None, such as "\"cache\"";
        /// Fees bid for transactions: `"low"`, `"medium"`, `"high"` or `{ custom = { … } }`.
        [Locking]
        gas_priority_mode: GasMode = GasMode::Medium;
        /// Fees assumed when requests are priced; the same values.
        [Judging]
        gas_estimation_priority_mode: GasMode = GasMode::Medium;
        /// Added to the tip of a lock, per gas, to be included before other provers' locks.
        [Locking]
        lockin_priority_gas: u64 = 0, in "wei per gas";
        /// Gas assumed for a lock.
        [Judging]
        lockin_gas_estimate: u64 = 200_000, in "gas";
        /// Gas assumed for a fulfilment with its verification, without the journal. Existing brokers
        /// assume 420,000 for their contract; `docs/gas.md` has what this one takes.
        [Judging]
        fulfill_gas_estimate: u64 = 250_000, in "gas";
        /// Gas added for a delivery that must be committed to a block before.
        [Judging]
        commit_fulfillment_gas_estimate: u64 = 50_000, in "gas";
        /// Gas assumed for each byte of a journal.
        [Judging]
        fulfill_journal_gas_per_byte: u64 = 26, in "gas per byte";
        /// Gas added for a request that wants a Groth16 proof verified by itself.
        [Judging]
        groth16_verify_gas_estimate: u64 = 250_000, in "gas";
        /// Take requests that do not pay for their gas. For networks where gas costs nothing.
        [Judging]
        skip_gas_profitability_check: bool = false;
        /// Warn when the account's own ETH falls below this.
        [Telling]
        balance_warn_threshold: Option<Wei> = None, such as "\"0.1 ETH\"";
        /// Report an error when the account's own ETH falls below this.
        [Telling]
        balance_error_threshold: Option<Wei> = None, such as "\"0.02 ETH\"";
        /// Warn when the collateral in the market falls below this.
        [Telling]
        collateral_balance_warn_threshold: Option<Collateral> = None, such as "\"50 ZKC\"";
        /// Report an error when the collateral in the market falls below this.
        [Telling]
        collateral_balance_error_threshold: Option<Collateral> = None, such as "\"20 ZKC\"";
    }
}
