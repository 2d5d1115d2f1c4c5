//! What happens in a node, as values: the parts tell each other and the monitor through these, and
//! the logbook's history keeps them.

use crate::directive::Directive;
use alloy::primitives::{Address, B256, U256};
use rialto_planner::{Delivering, Outcome, Skip, Waiting};
use rialto_protocol::{Collateral, Cycles, RequestDigest, RequestId, Timestamp, Wei};
use serde::{Deserialize, Serialize};

/// One thing that happened, when, and to which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Wall-clock time in milliseconds since the UNIX epoch.
    pub at_ms: u64,
    /// The request, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<RequestDigest>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are what their names say, in the types' units")]
pub enum Event {
    /// The node is up and has read the chain's past.
    Started { prover: Address, market: Address, chain_id: u64 },
    /// The chain took blocks back.
    Rewound { to_block: u64 },
    /// A request was seen for the first time.
    Seen { id: RequestId, max_price: Wei, lock_deadline: Timestamp },
    /// A log or a request that cannot be what it says.
    Ignored { reason: String },
    /// Refused.
    Skipped {
        #[serde(flatten)]
        skip: Skip,
        reason: String,
        setting: Option<String>,
    },
    /// Its program ran and it is worth taking: with a lock from `lock_at` on, or in the race for
    /// another's, or both.
    Priced {
        cycles: Cycles,
        target_price: Option<Wei>,
        lock_at: Option<Timestamp>,
        race_reward: Option<Collateral>,
    },
    /// It could be taken on and waits for something other than its price.
    Held { why: Waiting, until: Timestamp },
    /// A lock is about to be sent.
    Locking { price: Wei },
    /// Our lock was mined.
    Locked { price: Wei, collateral: Collateral, deadline: Timestamp },
    /// Somebody else's lock was mined.
    LockedByOther { prover: Address },
    /// Proving began or began again.
    Proving { deadline: Timestamp },
    /// How far proving has come, in thousandths.
    Progress { permille: u32 },
    /// Proving was stopped, since nobody needs the proof any more.
    ProofCancelled,
    /// A proof lies in the artifact store.
    Proven { proof: B256, proving_ms: u64 },
    /// Attesters have signed.
    Sealed { attesters: usize },
    /// The commitment to an open fulfilment is about to be sent.
    Committing,
    /// A Merkle root of claims is about to be put on the chain, before the fulfilment under it.
    SubmittingRoot { root: B256 },
    /// A fulfilment is about to be sent.
    Delivering { how: Delivering },
    /// A transaction was signed and is about to be broadcast.
    TxSigned { tx: B256, kind: String },
    /// A transaction was mined.
    TxMined { tx: B256, kind: String, gas_used: u64, gas_wei: Wei },
    /// A delivery of ours was mined.
    Delivered,
    /// The forfeited collateral is about to be called for.
    Slashing,
    /// A step failed; it is tried again.
    Retrying { step: String, reason: String, in_s: u64 },
    /// The order is over.
    Closed { outcome: Outcome, gas_wei: Wei },
    /// The operator told the node what to do about new work.
    Told { directive: Directive },
    /// A balance crossed one of the operator's thresholds.
    BalanceLevel { asset: Asset, level: Level, balance: U256 },
    /// The data directory's disk is nearly full, or is not any more.
    Disk { is_low: bool, free_bytes: u64, total_bytes: u64 },
    /// The node takes no new work and is about to end.
    Stopping,
}

/// Which balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// The account's own native token, in wei.
    Native,
    /// Collateral in the market that no lock holds.
    Collateral,
}

/// Where a balance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Above every threshold.
    #[default]
    Ok,
    /// Below the one for warnings.
    Warn,
    /// Below the one for errors.
    Error,
}
