//! The market's events in chain order, across reorgs, restarts and bad endpoints.
//!
//! The feed is pulled: [`EventFeed::poll`] asks the endpoint for what is new and returns at once.
//! Its position is a [`Trail`], the last blocks it has seen with their hashes. Each poll first asks
//! whether the newest of them is still canonical; if not, the feed goes back to the newest that is
//! and says so with [`FeedItem::Rewound`], before it reads again from there.
//!
//! Invariants: a consumer that drops everything above [`FeedItem::Rewound`] holds, after every
//! poll, exactly the events of the chain that ends in the trail's newest block; a failed or
//! cancelled poll changes nothing; no error ends the feed.

use crate::{BlockFacts, BlockNumber, BlockRef, Endpoint, EndpointError, LogPosition, MarketEvent};
use alloy::primitives::Address;
use alloy::rpc::types::Log;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a feed reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// No block below this one has events: where the market was deployed.
    pub floor: BlockNumber,
    /// How many blocks before the newest one a feed without a trail begins.
    pub look_back_blocks: u64,
    /// How many blocks must be on top of a block before the feed reads it. 0 reads the newest.
    pub confirmations: u64,
    /// Most blocks asked for at once; endpoints that refuse it are asked for fewer.
    pub chunk_blocks_max: u64,
    /// Most blocks the trail remembers. A reorg deeper than the trail starts over from
    /// `look_back_blocks` before its oldest block.
    pub trail_blocks: usize,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            floor: BlockNumber(0),
            look_back_blocks: 1_000,
            confirmations: 0,
            chunk_blocks_max: 2_000,
            trail_blocks: 128,
        }
    }
}

/// One thing that a feed tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedItem {
    /// An event of the market.
    Event(LogPosition, MarketEvent),
    /// The chain was reorganised: events above `to` are void and what replaced them follows.
    Rewound {
        /// The newest block that still stands.
        to: BlockNumber,
    },
}

/// A poll failed; nothing has changed, and the next poll is the retry.
#[derive(Debug, thiserror::Error)]
#[error("the event feed could not read the chain ({failures} times in a row)")]
pub struct FeedError {
    /// Failed polls since the last good one, this one included.
    pub failures: u32,
    /// When to poll next.
    pub retry_after: Duration,
    /// What failed.
    pub source: EndpointError,
}

/// The last blocks that a feed has read, oldest first. Persist it together with what was made of
/// the events, and a new feed continues there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trail {
    blocks: Vec<BlockRef>,
}

impl Trail {
    /// The newest block that was read: all events up to here have been delivered.
    pub fn tip(&self) -> Option<BlockRef> {
        self.blocks.last().copied()
    }
}

/// Where a feed reads: an endpoint, or a simulated chain.
#[async_trait]
pub trait LogSource: Send + Sync {
    /// The newest block.
    async fn head(&self) -> Result<BlockFacts, EndpointError>;

    /// The canonical block of that number, if it is known.
    async fn block_at(&self, number: BlockNumber) -> Result<Option<BlockFacts>, EndpointError>;

    /// Logs of `address` in the canonical blocks `from` to `to`, both included, in chain order.
    async fn logs(
        &self,
        address: Address,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Log>, EndpointError>;
}

/// The events of one market.
#[derive(Debug)]
pub struct EventFeed<S = Endpoint> {
    source: S,
    market: Address,
    config: FeedConfig,
    trail: Trail,
}

impl<S: LogSource> EventFeed<S> {
    /// A feed of `market`'s events that continues after `trail`, or looks back if that is empty.
    pub fn new(source: S, market: Address, config: FeedConfig, trail: Trail) -> Self {
        Self { source, market, config, trail }
    }

    /// What is new since the last poll, oldest first; empty if nothing is. One poll reads at most
    /// one chunk: while [`EventFeed::is_behind`], poll again at once.
    pub async fn poll(&mut self) -> Result<Vec<FeedItem>, FeedError> {
        let _ = (&self.source, self.market, &self.config);
        unimplemented!("follows")
    }

    /// Whether the last poll left blocks unread.
    pub fn is_behind(&self) -> bool {
        unimplemented!("follows")
    }

    /// The position after the last poll's items, to be persisted with them.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }
}
