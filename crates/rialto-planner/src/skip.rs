//! Refusals: why a request is not taken, and which setting would have taken it.

use crate::policy::Setting;
use alloy_primitives::Address;
use rialto_protocol::{Collateral, Cycles, Selector, Timestamp, Wei};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a request is not taken. Each names what would have to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the numbers of the sentence that Display writes")]
pub enum Skip {
    /// The time to lock is over.
    Expired { lock_deadline: Timestamp },
    /// Its client is not on the list of those served.
    RequestorNotAllowed { client: Address },
    /// Its client is on the list of those never served.
    RequestorDenied { client: Address },
    /// It stays open longer than this node looks ahead.
    ExpiresTooLate { expires_in_s: u64, limit_s: u64 },
    /// Somebody else was faster.
    TakenByOther { prover: Address },
    /// A proof has been delivered.
    AlreadyFulfilled,
    /// Not enough time is left.
    TooLittleTime { left_s: u64, needed_s: u64 },
    /// Too much is asked for as a stake.
    CollateralAboveLimit { asked: Collateral, limit: Collateral },
    /// The request wants a verifier that this node has no seals for.
    UnsupportedSelector { selector: Selector },
    /// Gas alone costs more than the request pays.
    GasAbovePrice { gas_cost: Wei, max_price: Wei },
    /// The client's balance does not cover the price.
    ClientCannotPay { balance: Wei, price: Wei },
    /// The program runs longer than the limit.
    TooManyCycles { cycles_max: Cycles, why: CycleLimit },
    /// The program runs shorter than is worth the trouble.
    TooFewCycles { cycles: Cycles, limit: Cycles },
    /// The journal is larger than the limit.
    JournalTooLong { bytes: u64, limit: u64 },
    /// It pays less than the floor even at its maximum.
    BelowFloor { best_per_mcycle: Wei, floor: Wei },
    /// The reward for a lapsed lock is below the floor.
    RaceBelowFloor { reward_per_mcycle: Collateral, floor: Collateral },
    /// Not a program, a program that fails, or a journal that misses the predicate.
    CannotBeSatisfied { what: String },
    /// Program or input cannot be had.
    Unfetchable { what: String },
    /// The request itself is malformed.
    Malformed { what: String },
    /// The lock transaction failed.
    LockFailed { what: String },
}

/// Which rule set the limit of cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleLimit {
    /// `max_mcycle_limit`.
    Setting,
    /// The price pays for no more at `min_mcycle_price`.
    Price,
    /// `peak_prove_khz` does no more before the deadline.
    Deadline,
}

impl Skip {
    /// The setting that would have to change for this request to be taken, if there is one.
    pub fn setting(&self) -> Option<Setting> {
        Some(match self {
            Self::RequestorNotAllowed { .. } => "market.allow_client_addresses",
            Self::RequestorDenied { .. } => "market.deny_requestor_addresses",
            Self::ExpiresTooLate { .. } => "market.max_order_expiry_secs",
            Self::TooLittleTime { .. } => "market.min_deadline",
            Self::CollateralAboveLimit { .. } => "market.max_collateral",
            Self::GasAbovePrice { .. } => "market.skip_gas_profitability_check",
            Self::TooManyCycles { why, .. } => why.setting(),
            Self::TooFewCycles { .. } => "market.min_mcycle_limit",
            Self::BelowFloor { .. } => "market.min_mcycle_price",
            Self::JournalTooLong { .. } => "market.max_journal_bytes",
            Self::RaceBelowFloor { .. } => "market.min_mcycle_price_collateral_token",
            Self::Unfetchable { .. } => "market.max_fetch_retries",
            Self::Expired { .. }
            | Self::TakenByOther { .. }
            | Self::AlreadyFulfilled
            | Self::UnsupportedSelector { .. }
            | Self::ClientCannotPay { .. }
            | Self::CannotBeSatisfied { .. }
            | Self::Malformed { .. }
            | Self::LockFailed { .. } => return None,
        })
    }
}

impl CycleLimit {
    fn setting(self) -> Setting {
        match self {
            Self::Setting => "market.max_mcycle_limit",
            Self::Price => "market.min_mcycle_price",
            Self::Deadline => "market.peak_prove_khz",
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Setting => "max_mcycle_limit",
            Self::Price => "what its price pays for at min_mcycle_price",
            Self::Deadline => "what peak_prove_khz does before its deadline",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { lock_deadline } => {
                write!(f, "the lock deadline {lock_deadline} has passed")
            }
            Self::RequestorNotAllowed { client } => {
                write!(f, "client {client} is not on the list of those served")
            }
            Self::RequestorDenied { client } => {
                write!(f, "client {client} is on the list of those never served")
            }
            Self::ExpiresTooLate { expires_in_s, limit_s } => {
                write!(f, "it expires in {expires_in_s} s, the limit is {limit_s} s")
            }
            Self::TakenByOther { prover } => write!(f, "prover {prover} locked it first"),
            Self::AlreadyFulfilled => write!(f, "a proof has been delivered already"),
            Self::TooLittleTime { left_s, needed_s } => {
                write!(f, "{left_s} s are left and {needed_s} s are needed")
            }
            Self::CollateralAboveLimit { asked, limit } => write!(
                f,
                "it asks for {} of collateral, the limit is {}",
                asked.to_tokens_down(),
                limit.to_tokens_down()
            ),
            Self::UnsupportedSelector { selector } => {
                write!(f, "it wants verifier {selector}, for which this node makes no seals")
            }
            Self::GasAbovePrice { gas_cost, max_price } => write!(
                f,
                "gas costs {} ETH, it pays at most {} ETH",
                gas_cost.to_eth_down(),
                max_price.to_eth_down()
            ),
            Self::ClientCannotPay { balance, price } => write!(
                f,
                "the client has {} ETH in the market, the price is {} ETH",
                balance.to_eth_down(),
                price.to_eth_down()
            ),
            Self::TooManyCycles { cycles_max, why } => {
                write!(f, "it runs for more than {cycles_max} cycles, {}", why.rule())
            }
            Self::TooFewCycles { cycles, limit } => {
                write!(f, "it runs for {cycles} cycles, at least {limit} are wanted")
            }
            Self::JournalTooLong { bytes, limit } => {
                write!(f, "its journal has {bytes} bytes, the limit is {limit}")
            }
            Self::BelowFloor { best_per_mcycle, floor } => write!(
                f,
                "it pays at most {} ETH per Mcycle after gas, the floor is {} ETH",
                best_per_mcycle.to_eth_down(),
                floor.to_eth_down()
            ),
            Self::RaceBelowFloor { reward_per_mcycle, floor } => write!(
                f,
                "the lapsed lock pays {} of collateral per Mcycle, the floor is {}",
                reward_per_mcycle.to_tokens_down(),
                floor.to_tokens_down()
            ),
            Self::CannotBeSatisfied { what }
            | Self::Unfetchable { what }
            | Self::Malformed { what }
            | Self::LockFailed { what } => f.write_str(what),
        }
    }
}
