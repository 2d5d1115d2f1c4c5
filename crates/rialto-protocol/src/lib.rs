//! The pure rules of the market: what a request says, what it costs at any second, what proves
//! it, how it is signed, and who is paid when.
//!
//! Invariants, mostly absences: nothing here reads a clock, a file, a socket or entropy; time and
//! chain facts are arguments. Every formula is the contract's, bit for bit; `vectors/` holds the
//! golden cases that both sides replay. Amounts are integers, and rounding is stated where it
//! happens.

mod amount;
mod claim;
mod fulfillment;
mod id;
mod offer;
mod predicate;
mod request;
mod time;

pub mod abi;
pub mod attestation;
pub mod draw;
pub mod eip712;
#[cfg(any(test, feature = "example"))]
pub mod example;
pub mod guest_env;
pub mod lifecycle;
pub mod merkle;
pub mod registry;
pub mod stake_tree;

pub use amount::{Collateral, Cycles, InvalidAmount, Timestamp, Usd, Wei};
pub use claim::{ClaimDigest, ImageId, Journal, claim_digest};
pub use eip712::{MarketDomain, RequestDigest};
pub use fulfillment::{Fulfillment, FulfillmentBatch, FulfillmentData, SlimRequest, commitment};
pub use id::{InvalidRequestId, RequestId};
pub use offer::{InvalidOffer, Offer, PriceNeverReached};
pub use predicate::{InvalidPredicate, Predicate, PredicateMismatch};
pub use request::{
    Callback, Input, ProofRequest, RequestRejected, Requirements, Selector, SignedRequest,
    Unverified,
};
pub use time::{Span, Time};
