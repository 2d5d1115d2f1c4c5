//! The edge to an EVM chain: typed calls to the market, a feed of its events that survives reorgs,
//! the one transaction sender of an account, and a chain of one's own for development.
//!
//! Invariants, mostly absences: no choice of the market's rules is made here (they are in
//! `rialto-protocol`); nothing but [`sender`] signs or sends a transaction; no error of an endpoint
//! ends a feed or a sender, the next tick is the retry; ABIs come from the contracts' build
//! (`abi/*.json`), never from hand.

mod bindings;
mod block;
mod call;
mod endpoint;
mod event;
mod revert;
mod traffic;

pub mod devnet;
pub mod feed;
pub mod market;
pub mod network;
pub mod sender;
#[cfg(feature = "simulated")]
pub mod simulated;

pub use block::{BlockNumber, BlockRef};
pub use call::Call;
pub use endpoint::{BlockFacts, Endpoint, EndpointError};
pub use event::{LogPosition, MarketEvent};
pub use feed::{EventFeed, FeedConfig, FeedError, FeedItem};
pub use market::{Market, MarketError, OnChainLock, Payment, SignedRoot};
pub use network::Network;
pub use revert::{
    AssessorRevert, AttestedRevert, MarketRevert, RegistryRevert, RouterRevert, TokenRevert,
};
pub use sender::{Bidding, PendingTx, Receipt, SendError, SendOptions, Sender, SenderConfig};
pub use traffic::Traffic;
