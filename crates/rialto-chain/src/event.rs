//! What the market tells: its events in the protocol's types.
//!
//! Anybody can make the market emit a request that is no request; such a log becomes
//! [`MarketEvent::Malformed`] and stops nothing.

use crate::{BlockRef, MarketRevert};
use alloy::primitives::{Address, B256, Bytes};
use rialto_protocol::{
    Collateral, Fulfillment, RequestDigest, RequestId, Timestamp, Unverified, Wei,
};

/// Where a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// Its block.
    pub block: BlockRef,
    /// When the block was made.
    pub timestamp: Timestamp,
    /// Its transaction.
    pub tx_hash: B256,
    /// Its index within the block.
    pub log_index: u64,
}

/// One event of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketEvent {
    /// A request was published. Nobody has checked it.
    RequestSubmitted(Box<Unverified>),
    /// A prover locked a request; the market has checked request and signature.
    RequestLocked {
        /// Who locked.
        prover: Address,
        /// The request with its client's signature.
        request: Box<Unverified>,
    },
    /// A request's first delivery.
    RequestFulfilled {
        /// Which request.
        id: RequestId,
        /// Who delivered.
        prover: Address,
        /// Which of the requests under this id.
        digest: RequestDigest,
    },
    /// A proof was delivered, paid or not.
    ProofDelivered {
        /// Which request.
        id: RequestId,
        /// Who delivered.
        prover: Address,
        /// Which of the requests under this id.
        digest: RequestDigest,
        /// The proof.
        fulfillment: Box<Fulfillment>,
    },
    /// A lapsed lock was settled.
    ProverSlashed {
        /// Which request.
        id: RequestId,
        /// Destroyed.
        burned: Collateral,
        /// Given to `recipient`.
        transferred: Collateral,
        /// The late fulfiller, or the market itself.
        recipient: Address,
    },
    /// ETH was credited.
    Deposit {
        /// To whom.
        account: Address,
        /// How much.
        amount: Wei,
    },
    /// ETH was paid out.
    Withdrawal {
        /// To whom.
        account: Address,
        /// How much.
        amount: Wei,
    },
    /// Collateral was credited.
    CollateralDeposit {
        /// To whom.
        account: Address,
        /// How much.
        amount: Collateral,
    },
    /// Collateral was paid out.
    CollateralWithdrawal {
        /// To whom.
        account: Address,
        /// How much.
        amount: Collateral,
    },
    /// A delivery in this transaction was not paid, or not in full.
    PaymentFailed(Box<MarketRevert>),
    /// A request's callback failed.
    CallbackFailed {
        /// Which request.
        id: RequestId,
        /// The contract that was called.
        callback: Address,
        /// What it returned, cut at 1024 bytes.
        reason: Bytes,
    },
    /// A log of the market that is none of the above.
    Malformed {
        /// Its first topic.
        topic: Option<B256>,
        /// What is wrong with it.
        reason: String,
    },
}
