//! What the operator has decided: floors, limits and margins; and the refusals that follow.

use rialto_protocol::{Collateral, Cycles, Timestamp, Wei};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The operator's settings as far as judgement needs them. Names are those of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least price per million cycles, in wei.
    pub min_mcycle_price: Wei,
    /// Least reward per million cycles for delivering after somebody else's lock has lapsed, in
    /// the collateral token's smallest unit.
    pub min_mcycle_price_collateral_token: Collateral,
    /// Most collateral put at stake for one request.
    pub max_collateral: Collateral,
    /// Seconds that must be left between the estimated end of proving and the deadline.
    pub min_deadline_s: u64,
    /// Largest program run that is accepted.
    pub max_mcycle_limit: u64,
    /// Largest journal that is accepted, in bytes.
    pub max_journal_bytes: u64,
    /// Proving speed assumed for promises, in thousands of cycles per second; at least 1.
    pub peak_prove_khz: u64,
    /// Orders promised and not yet proven, at most.
    pub max_concurrent_proofs: u32,
    /// Gas charged when pricing.
    pub gas: GasEstimates,
}

/// Gas that the steps of an order are assumed to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasEstimates {
    /// A lock.
    pub lock: u64,
    /// A fulfilment with its verification, without the journal.
    pub fulfill: u64,
    /// Each byte of the journal.
    pub journal_byte: u64,
}

/// What the market looks like right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Market {
    /// The time that the next block will carry, as far as one can tell.
    pub now: Timestamp,
    /// What a unit of gas costs, in wei.
    pub gas_price: Wei,
    /// Our collateral in the market that is not at stake.
    pub free_collateral: Collateral,
    /// Orders that we have promised and not yet proven.
    pub promised: u32,
    /// Cycles that those orders still need.
    pub promised_cycles: Cycles,
}

/// Why a request is not taken. Each names what would have to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the numbers of the sentence that Display writes")]
pub enum Skip {
    /// The time to lock is over.
    Expired { lock_deadline: Timestamp },
    /// Somebody else was faster.
    TakenByOther { prover: alloy_primitives::Address },
    /// A proof has been delivered.
    AlreadyFulfilled,
    /// Not enough time is left.
    TooLittleTime { left_s: u64, needed_s: u64 },
    /// Too much is asked for as a stake.
    CollateralAboveLimit { asked: Collateral, limit: Collateral },
    /// The request wants a verifier that this node has no seals for.
    UnsupportedSelector { selector: rialto_protocol::Selector },
    /// Gas alone costs more than the request pays.
    GasAbovePrice { gas_cost: Wei, max_price: Wei },
    /// The client's balance does not cover the price.
    ClientCannotPay { balance: Wei, price: Wei },
    /// The program runs longer than the limit.
    TooManyCycles { cycles_max: Cycles, why: CycleLimit },
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
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::TooLittleTime { .. } => Some("market.min_deadline"),
            Self::CollateralAboveLimit { .. } => Some("market.max_collateral"),
            Self::TooManyCycles { why: CycleLimit::Setting, .. } => Some("market.max_mcycle_limit"),
            Self::TooManyCycles { why: CycleLimit::Deadline, .. } => Some("market.peak_prove_khz"),
            Self::TooManyCycles { why: CycleLimit::Price, .. } | Self::BelowFloor { .. } => {
                Some("market.min_mcycle_price")
            }
            Self::JournalTooLong { .. } => Some("market.max_journal_bytes"),
            Self::RaceBelowFloor { .. } => Some("market.min_mcycle_price_collateral_token"),
            _ => None,
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { lock_deadline } => {
                write!(f, "the lock deadline {lock_deadline} has passed")
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
                let rule = match why {
                    CycleLimit::Setting => "max_mcycle_limit",
                    CycleLimit::Price => "what its price pays for at min_mcycle_price",
                    CycleLimit::Deadline => "what peak_prove_khz does before its deadline",
                };
                write!(f, "it runs for more than {cycles_max} cycles, {rule}")
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
