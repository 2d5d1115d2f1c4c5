//! What the status API answers, as types: the node writes them, `rialto node top` reads them.
//!
//! Amounts are decimal strings of wei or of the collateral token's smallest unit; times are UNIX
//! seconds unless the name says milliseconds.

use crate::decimal;
use crate::directive::Directive;
use crate::event::{Entry, Level};
use crate::ledger::Row;
use crate::story::Story;
use alloy::primitives::Address;
use rialto_planner::Outcome;
use rialto_protocol::{Collateral, Cycles, RequestDigest, RequestId, Timestamp, Wei};
use serde::{Deserialize, Serialize};

/// `/api/v1/status`: the node at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Whose node it is.
    pub prover: Address,
    /// The version of the program.
    pub version: String,
    /// Seconds since it was started.
    pub up_s: u64,
    /// The chain as it was last read.
    pub chain: Chain,
    /// Whether it is ready, and if not, why.
    pub readiness: Readiness,
    /// What its operator should look at, the worst first.
    pub alerts: Vec<Alert>,
    /// What the account holds.
    pub balances: Balances,
    /// What is promised.
    pub load: Load,
    /// How many orders are not over.
    pub open_orders: usize,
    /// The first of them: ours before others, then the nearest deadline first.
    pub orders: Vec<OrderLine>,
    /// What happened last, newest first.
    pub recent: Vec<Entry>,
    /// Profit and loss of today, in UTC.
    pub today: Row,
    /// The machine.
    pub host: Host,
}

/// Something that its operator should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// How bad it is.
    pub level: Level,
    /// What it is, in words.
    pub text: String,
}

/// The chain as it was last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Its number.
    pub chain_id: u64,
    /// The market.
    pub market: Address,
    /// Its time now, as far as one can tell between two blocks.
    pub now: Timestamp,
    /// The last block whose events are in the logbook.
    pub read_to_block: u64,
    /// The endpoint's newest block.
    pub newest_block: u64,
    /// How far the last block's time is behind this machine's.
    pub head_lag_s: u64,
    /// How long ago the chain was last read.
    pub last_read_s_ago: u64,
    /// What a unit of gas costs.
    #[serde(with = "decimal")]
    pub gas_price_wei: Wei,
}

/// `/ready`: whether the node can take and finish work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What stands in the way, in words.
    pub problems: Vec<String>,
}

/// `/health`: whether the node is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it is: its working loop goes round.
    pub alive: bool,
    /// How long ago it last went round; nothing while the chain's past is read.
    pub last_round_s_ago: Option<u64>,
    /// How long ago the chain was last read.
    pub chain_last_read_s_ago: u64,
}

/// What the account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// Native token in the account's own hands; gas is paid from it.
    #[serde(with = "decimal")]
    pub wallet_wei: Wei,
    /// Native token in the market: what was earned and not withdrawn.
    #[serde(with = "decimal")]
    pub market_wei: Wei,
    /// Collateral in the market that no lock holds.
    #[serde(with = "decimal")]
    pub free_collateral: Collateral,
    /// Collateral that locks hold.
    #[serde(with = "decimal")]
    pub collateral_at_stake: Collateral,
}

/// What is promised, and whether more may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Orders locked and not yet proven.
    pub promised_orders: u32,
    /// How many there may be.
    pub places: u32,
    /// Cycles of those orders.
    pub promised_cycles: Cycles,
    /// Orders locked and not yet delivered.
    pub owed_orders: u32,
    /// Promised orders that by the estimates miss their deadline.
    pub late_orders: usize,
    /// When the prover has made all it has promised, by the estimates.
    pub busy_for_s: u64,
    /// Speed of the prover by its latest proofs, in cycles a second, once it has made any.
    pub learned_hz: Option<u64>,
    /// Speed that is assumed while nothing is known.
    pub assumed_hz: u64,
    /// Whether locking has stopped because proving fails.
    pub breaker: BreakerState,
    /// Whether new work is taken.
    pub intake: IntakeState,
    /// What the operator told the node.
    pub directive: Directive,
}

/// The circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Orders are locked freely.
    #[default]
    Closed,
    /// One at a time, to see whether proving works again.
    Trial,
    /// None is locked.
    Open,
}

/// Whether new work is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeState {
    /// Yes.
    #[default]
    Open,
    /// Requests are judged, nothing is locked.
    ListenOnly,
    /// No; what is locked is finished.
    Closed,
}

/// An order that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its request.
    pub request: RequestId,
    /// Its digest.
    pub digest: RequestDigest,
    /// How far we have come: seen, run, proven, sealed.
    pub standing: String,
    /// What is done next, or what it waits for.
    pub next: String,
    /// Whether we hold its lock.
    pub is_ours: bool,
    /// The last second at which our work is of use: the lock's while it holds, else the request's.
    pub deadline: Timestamp,
    /// Until its proof is made, in seconds by the estimates, while one is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_in_s: Option<u64>,
    /// How far its proof has come, in thousandths, while it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_permille: Option<u32>,
    /// What it pays now, or was locked at.
    #[serde(with = "decimal")]
    pub price_wei: Wei,
    /// What a lock puts at stake.
    #[serde(with = "decimal")]
    pub lock_collateral: Collateral,
}

/// `/api/v1/orders`: what is open, and what ended last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// How many are not over.
    pub open_orders: usize,
    /// The first of them: ours before others, then the nearest deadline first.
    pub open: Vec<OrderLine>,
    /// Newest first.
    pub closed: Vec<ClosedLine>,
}

/// An order that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedLine {
    /// Its request.
    pub request: RequestId,
    /// Its digest.
    pub digest: RequestDigest,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in milliseconds.
    pub at_ms: u64,
}

/// `/api/v1/orders/{id or digest}`: the stories of that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stories {
    /// One for each request that the client signed under the id.
    pub requests: Vec<Story>,
}

/// `/api/v1/host`: the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Share of all processors that is busy, in percent.
    pub cpu_percent: f32,
    /// Processors.
    pub cpus: u32,
    /// Memory in use.
    pub memory_used_bytes: u64,
    /// All memory.
    pub memory_total_bytes: u64,
    /// Memory of this process.
    pub process_memory_bytes: u64,
    /// Room left where the data directory is.
    pub disk_free_bytes: u64,
    /// All room there.
    pub disk_total_bytes: u64,
    /// Graphics processors, where `nvidia-smi` knows any.
    pub gpus: Vec<Gpu>,
}

/// A graphics processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// Its model.
    pub name: String,
    /// How busy it is, in percent.
    pub busy_percent: f32,
    /// Its memory in use.
    pub memory_used_bytes: u64,
    /// All its memory.
    pub memory_total_bytes: u64,
}

/// An answer without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What was wrong.
    pub error: String,
    /// What to do.
    pub next_step: String,
}
