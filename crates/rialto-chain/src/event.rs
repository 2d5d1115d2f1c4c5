//! What the market tells: its events in the protocol's types.
//!
//! Anybody can make the market emit a request that is no request; such a log becomes
//! [`MarketEvent::Malformed`] and stops nothing.

use crate::bindings::Market::{self as abi, MarketEvents};
use crate::{BlockRef, MarketRevert};
use alloy::primitives::{Address, B256, Bytes, LogData, U256};
use alloy::sol_types::{SolEventInterface, SolValue};
use rialto_protocol::abi::{Fulfillment as AbiFulfillment, InvalidAbi, ProofRequest as AbiRequest};
use rialto_protocol::{
    Collateral, Fulfillment, RequestDigest, RequestId, Timestamp, Unverified, Wei,
};

/// What is said of a log that cannot be read may quote the log, which may be long.
const REASON_CHARS_MAX: usize = 300;

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

impl MarketEvent {
    /// The request that it is about, if it is about one.
    pub fn request_id(&self) -> Option<RequestId> {
        match self {
            Self::RequestSubmitted(request) | Self::RequestLocked { request, .. } => {
                Some(request.request.id)
            }
            Self::RequestFulfilled { id, .. }
            | Self::ProofDelivered { id, .. }
            | Self::ProverSlashed { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Reads a log that the market wrote.
    pub fn decode(log: &LogData) -> Self {
        let decoded = MarketEvents::decode_raw_log(log.topics(), &log.data)
            .map_err(Unreadable::Log)
            .and_then(converted);
        decoded.unwrap_or_else(|unreadable| Self::Malformed {
            topic: log.topics().first().copied(),
            reason: unreadable.to_string().chars().take(REASON_CHARS_MAX).collect(),
        })
    }
}

/// Why a log is none of the market's events.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("not an event of the market: {0}")]
    Log(alloy::sol_types::Error),
    #[error(transparent)]
    Part(#[from] InvalidAbi),
}

fn converted(event: MarketEvents) -> Result<MarketEvent, Unreadable> {
    use MarketEvent as M;
    use MarketEvents as E;
    Ok(match event {
        E::RequestSubmitted(e) => {
            M::RequestSubmitted(Box::new(unverified(&e.request, e.clientSignature)?))
        }
        E::RequestLocked(e) => M::RequestLocked {
            prover: e.prover,
            request: Box::new(unverified(&e.request, e.clientSignature)?),
        },
        E::RequestFulfilled(e) => M::RequestFulfilled {
            id: id(e.requestId)?,
            prover: e.prover,
            digest: RequestDigest(e.requestDigest),
        },
        E::ProofDelivered(e) => M::ProofDelivered {
            id: id(e.requestId)?,
            prover: e.prover,
            digest: RequestDigest(e.fulfillment.requestDigest),
            fulfillment: Box::new(delivered(e.fulfillment)?),
        },
        E::ProverSlashed(e) => M::ProverSlashed {
            id: id(e.requestId)?,
            burned: Collateral(e.collateralBurned),
            transferred: Collateral(e.collateralTransferred),
            recipient: e.collateralRecipient,
        },
        E::Deposit(e) => M::Deposit { account: e.account, amount: Wei(e.value) },
        E::Withdrawal(e) => M::Withdrawal { account: e.account, amount: Wei(e.value) },
        E::CollateralDeposit(e) => {
            M::CollateralDeposit { account: e.account, amount: Collateral(e.value) }
        }
        E::CollateralWithdrawal(e) => {
            M::CollateralWithdrawal { account: e.account, amount: Collateral(e.value) }
        }
        E::PaymentRequirementsFailed(e) => {
            M::PaymentFailed(Box::new(MarketRevert::decode(&e.reason)))
        }
        E::CallbackFailed(e) => {
            M::CallbackFailed { id: id(e.requestId)?, callback: e.callback, reason: e.reason }
        }
    })
}

fn id(raw: U256) -> Result<RequestId, InvalidAbi> {
    Ok(RequestId::try_from(raw)?)
}

/// The generated request and the protocol's have one encoding, so the bytes are the bridge.
fn unverified(request: &abi::ProofRequest, signature: Bytes) -> Result<Unverified, Unreadable> {
    let request = AbiRequest::abi_decode(&request.abi_encode()).map_err(Unreadable::Log)?;
    Ok(Unverified { request: request.try_into()?, signature })
}

fn delivered(fulfillment: abi::DeliveredFulfillment) -> Result<Fulfillment, InvalidAbi> {
    Fulfillment::try_from(AbiFulfillment {
        claimDigest: fulfillment.claimDigest,
        fulfillmentDataType: fulfillment.fulfillmentDataType,
        fulfillmentData: fulfillment.fulfillmentData,
        seal: fulfillment.seal,
    })
}

#[cfg(test)]
mod tests;
