//! Why a contract refused: every error of the market, its router, assessor, attested verifier and
//! collateral token, with a sentence that gives the next step.

mod decode;
mod verification;

pub use verification::{AssessorRevert, AttestedRevert, RegistryRevert, RouterRevert};

use crate::EndpointError;
use alloy::primitives::{Address, B256, Bytes, U256};
use rialto_protocol::{RequestId, Selector, Timestamp, Wei};

/// Why the market refused a call, or did not pay a delivery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarketRevert {
    /// An id is locked once, ever. As a payment error: somebody else holds the lock.
    #[error(
        "request {0} is locked by somebody else; choose another one, or deliver once the lock has lapsed"
    )]
    RequestIsLocked(RequestId),
    /// Neither the locked request nor one priced in the same transaction.
    #[error(
        "request {0} is neither the one that was locked nor priced in this transaction; send it with priceAndFulfill"
    )]
    RequestIsNotLockedOrPriced(RequestId),
    /// Nobody has locked it.
    #[error("request {0} was never locked; there is nothing to settle")]
    RequestIsNotLocked(RequestId),
    /// Paid before.
    #[error("request {0} is fulfilled already; drop it")]
    RequestIsFulfilled(RequestId),
    /// Slashed before.
    #[error("the lock of request {0} was slashed already; there is nothing left to settle")]
    RequestIsSlashed(RequestId),
    /// Too late to lock.
    #[error(
        "request {id} could be locked until {lock_deadline}; it can still be delivered without a lock"
    )]
    RequestLockIsExpired {
        /// Which request.
        id: RequestId,
        /// Its lock deadline.
        lock_deadline: Timestamp,
    },
    /// Too late to deliver; payment error only.
    #[error("request {0} has expired; its delivery was dropped")]
    RequestIsExpired(RequestId),
    /// Too early to slash.
    #[error("request {id} lives until {deadline}; slash it after that")]
    RequestIsNotExpired {
        /// Which request.
        id: RequestId,
        /// Its deadline.
        deadline: Timestamp,
    },
    /// The client's ETH or the prover's collateral does not cover it.
    #[error(
        "account {0} has too little in the market; it must deposit ETH to pay, collateral to lock"
    )]
    InsufficientBalance(Address),
    /// The client could not pay a late delivery in full; payment error only.
    #[error(
        "the client could pay only {paid} of {full} wei for a late delivery; nothing more can be claimed"
    )]
    PartialPayment {
        /// The price.
        full: Wei,
        /// What was paid.
        paid: Wei,
    },
    /// Not signed by the client.
    #[error(
        "the client's signature is not valid for this request, market and chain; have the client sign it again"
    )]
    InvalidSignature,
    /// A signature that no key could have made.
    #[error("a signature is malformed; it must be 65 bytes r, s, v with v 27 or 28")]
    MalformedSignature,
    /// A signature of the wrong length.
    #[error("a signature is {0} bytes long; it must be 65: r, s, v")]
    SignatureLength(U256),
    /// A signature that could be altered.
    #[error("a signature's s {0} is in the upper half; sign with a low s")]
    SignatureHighS(B256),
    /// The id has unknown bits, or the offer contradicts itself.
    #[error(
        "the request's id or offer is not self-consistent; have the client correct and sign it"
    )]
    InvalidRequest,
    /// The receiver did not take it.
    #[error(
        "the receiver did not take ETH or tokens; withdraw to an account that can receive them"
    )]
    TransferFailed,
    /// The market could not pull tokens.
    #[error("the market could not pull collateral; approve it, and hold enough of the token")]
    TransferFromFailed,
    /// The token moved another amount than it was asked to.
    #[error(
        "the collateral token moved another amount than asked: the market would hold {held}, not {expected}; such tokens cannot be used"
    )]
    CollateralNotReceived {
        /// What the market should hold after the deposit.
        expected: U256,
        /// What it would hold.
        held: U256,
    },
    /// Too many fills, or lists of different lengths.
    #[error(
        "a batch has {size} elements where {limit} are right; split it, or give one signature per request"
    )]
    BatchSizeExceedsLimit {
        /// What was sent.
        size: U256,
        /// What is accepted.
        limit: U256,
    },
    /// A callback needs what the fill hides.
    #[error("the request has a callback, which needs image id and journal; deliver them")]
    UnfulfillableCallback,
    /// Too little gas for a callback.
    #[error("the transaction has too little gas left for a callback; raise its gas limit")]
    InsufficientGas,
    /// An open fill that was not announced.
    #[error(
        "an open fill must be announced by commitFulfillment at least one block earlier, with exactly these batches"
    )]
    MissingFulfillmentCommitment,
    /// Fulfilment data in another than its one encoding.
    #[error(
        "the fulfillment data is not the canonical encoding of image id and journal; encode it anew"
    )]
    MalformedFulfillmentData,
    /// Batches in another than their one ABI encoding.
    #[error("the batches are not ABI-encoded canonically; encode the call anew, field by field")]
    MalformedCalldata,
    /// An amount that the contract cannot store.
    #[error("the amount {value} needs more than {bits} bits; use a smaller one")]
    AmountTooLarge {
        /// Bits that there are.
        bits: u8,
        /// The amount.
        value: U256,
    },
    /// A RISC Zero verifier did not accept a proof.
    #[error("the proof does not verify; prove again")]
    VerificationFailed,
    /// A RISC Zero verifier router knows no such seal.
    #[error("no verifier is registered for seals that begin with {0}; use another proof system")]
    SealSelectorUnknown(Selector),
    /// A RISC Zero verifier router has retired such seals.
    #[error("the verifier for seals that begin with {0} was removed; use another proof system")]
    SealSelectorRemoved(Selector),
    /// A RISC Zero verifier router has that selector already.
    #[error(
        "a verifier for seals that begin with {0} is registered already; choose another selector"
    )]
    SealSelectorInUse(Selector),
    /// A deployment argument that a market's constructor or initialiser refused.
    #[error("the contract cannot be deployed: {0} is not valid")]
    InvalidDeployment(&'static str),
    /// The verifier router refused.
    #[error(transparent)]
    Router(RouterRevert),
    /// The on-chain assessor refused.
    #[error(transparent)]
    Assessor(AssessorRevert),
    /// The attested verifier refused.
    #[error(transparent)]
    Attested(AttestedRevert),
    /// The collateral token refused.
    #[error(transparent)]
    Token(TokenRevert),
    /// A contract's own assertion failed.
    #[error("the contract panicked with code {0}; this is a fault in it, report it")]
    Panic(U256),
    /// A contract said why in words.
    #[error("the contract says: {0}")]
    Message(String),
    /// All gas was used.
    #[error("the transaction ran out of gas; raise its gas limit")]
    OutOfGas,
    /// No reason was given.
    #[error("the contract gives no reason; the callee may have no code, or its gas ran out")]
    NoReason,
    /// An error of a contract that is not known here.
    #[error("the contract refuses with the unknown error {0}")]
    Unknown(Bytes),
}

/// Why the collateral token refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRevert {
    /// Not allowed to pull so much.
    #[error("the token's allowance is too small; approve the market for the whole amount")]
    InsufficientAllowance,
    /// The holder has too little.
    #[error("the holder has too few collateral tokens; obtain more first")]
    InsufficientBalance,
    /// The sender may not create tokens.
    #[error("account {0} must not mint collateral tokens; ask their owner")]
    NotAMinter(Address),
    /// A permit's signature is not the owner's.
    #[error("the permit's signature is not the token owner's; sign it again")]
    InvalidPermit,
    /// A permit came too late.
    #[error("the permit has expired; sign a new one")]
    PermitExpired,
    /// Allowance or supply would pass its bounds.
    #[error("the amount would pass the token's bounds; use a smaller one")]
    OutOfBounds,
}

impl MarketRevert {
    /// Reads the data of a revert, or one entry of a fulfilment's `paymentError`.
    pub fn decode(data: &[u8]) -> Self {
        decode::decode(data)
    }
}

/// The revert in an endpoint's answer to a simulated call, if it is one.
pub(crate) fn revert_of(failed: &EndpointError) -> Option<MarketRevert> {
    let payload = failed.source.as_error_resp()?;
    if let Some(data) = payload.as_revert_data() {
        return Some(MarketRevert::decode(&data));
    }
    let message = payload.message.to_lowercase();
    match () {
        () if message.contains("revert") => Some(MarketRevert::NoReason),
        () if message.contains("out of gas") => Some(MarketRevert::OutOfGas),
        () => None,
    }
}

#[cfg(test)]
mod tests;
