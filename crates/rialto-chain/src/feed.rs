//! The market's events in chain order, across reorgs, restarts and bad endpoints.
//!
//! The feed is pulled: [`EventFeed::poll`] asks the endpoint for what is new and returns. Its
//! position is a [`Trail`], the last blocks it has read with their hashes. Each poll first asks
//! whether the newest of them is still canonical; if not, the feed goes back to the newest that is
//! and says so with [`FeedItem::Rewound`], before it reads again from there.
//!
//! Invariants: a consumer that drops everything above [`FeedItem::Rewound`] holds, after every
//! poll, exactly the events of the chain that ends in the trail's newest block (for which a poll,
//! a matter of milliseconds, must not see one fork give way to another and come back); a failed or
//! cancelled poll changes nothing; no error ends the feed.

mod chunk;
mod source;
mod trail;

pub use source::LogSource;
pub use trail::Trail;

use crate::{BlockFacts, BlockNumber, BlockRef, Endpoint, EndpointError, LogPosition, MarketEvent};
use alloy::primitives::{Address, B256};
use alloy::rpc::types::Log;
use chunk::ChunkSize;
use futures::future::join_all;
use rialto_protocol::Timestamp;
use std::collections::HashMap;
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
    /// Most blocks asked for at once; endpoints that refuse it are asked for fewer. At least 1.
    pub chunk_blocks_max: u64,
    /// How many blocks an endpoint's nodes may lag behind each other. A node that lacks a block tells
    /// of a range that ends in it without a word as if it were empty, so the newest blocks are read
    /// each by its hash.
    pub lag_blocks: u64,
    /// Most blocks the trail remembers, at least 1. A reorg deeper than the trail starts over from
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
            lag_blocks: 16,
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

/// A poll failed. Nothing that the feed told has changed, and the next poll is the retry.
#[derive(Debug, thiserror::Error)]
#[error("the event feed could not read the chain, {failures} times in a row now")]
pub struct FeedError {
    /// Failed polls since the last good one, this one included.
    pub failures: u32,
    /// When to poll next.
    pub retry_after: Duration,
    /// What failed.
    pub source: EndpointError,
}

/// The events of one market.
#[derive(Debug)]
pub struct EventFeed<S = Endpoint> {
    source: S,
    market: Address,
    config: FeedConfig,
    trail: Trail,
    chunk: ChunkSize,
    behind: bool,
    failures: u32,
    newest: Option<BlockFacts>,
}

/// What one poll found, before it takes effect.
enum Finding {
    /// Nothing new, or the chain changed while it was read; the next tick sees.
    Nothing,
    /// The trail's tip has fallen; this block of it still stands, if any.
    Rewind(Option<BlockRef>),
    /// A chunk of the canonical chain, and the blocks of it that the trail should know.
    Read { items: Vec<FeedItem>, passed: Vec<BlockRef>, behind: bool },
    /// The endpoint refuses so many blocks at once.
    TooLarge { blocks: u64 },
}

impl<S: LogSource> EventFeed<S> {
    /// A feed of `market`'s events that continues after `trail`, or looks back if that is empty.
    pub fn new(source: S, market: Address, config: FeedConfig, trail: Trail) -> Self {
        let chunk = ChunkSize::new(config.chunk_blocks_max);
        Self { source, market, config, trail, chunk, behind: true, failures: 0, newest: None }
    }

    /// What is new since the last poll, oldest first; empty if nothing is. One poll reads at most
    /// one chunk: while [`EventFeed::is_behind`], poll again at once. It can be cancelled.
    pub async fn poll(&mut self) -> Result<Vec<FeedItem>, FeedError> {
        let found = self.look().await;
        match found {
            Ok(finding) => {
                self.failures = 0;
                Ok(self.take(finding))
            }
            Err(source) => {
                self.failures = self.failures.saturating_add(1);
                self.behind = false;
                Err(FeedError {
                    failures: self.failures,
                    retry_after: retry_after(self.failures),
                    source,
                })
            }
        }
    }

    /// Whether there is more to read right now.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// The endpoint's newest block as of the last poll that was answered.
    pub fn newest(&self) -> Option<&BlockFacts> {
        self.newest.as_ref()
    }

    /// The position after the last poll's items, to be persisted together with them.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    fn take(&mut self, finding: Finding) -> Vec<FeedItem> {
        match finding {
            Finding::Nothing => {
                self.behind = false;
                Vec::new()
            }
            Finding::TooLarge { blocks } => {
                self.chunk.refused(blocks);
                self.behind = true;
                Vec::new()
            }
            Finding::Rewind(stands) => {
                self.behind = true;
                let to = match stands {
                    Some(block) => {
                        self.trail.rewind_to(block);
                        block.number
                    }
                    None => self.start_over(),
                };
                vec![FeedItem::Rewound { to }]
            }
            Finding::Read { items, passed, behind } => {
                self.chunk.succeeded();
                self.behind = behind;
                for block in passed {
                    self.trail.push(block, self.config.trail_blocks);
                }
                items
            }
        }
    }

    /// Nothing on the trail stands: the events that it vouched for are void, and so are those that
    /// a reader of the look-back may hold. The next poll reads from there.
    fn start_over(&mut self) -> BlockNumber {
        let oldest = self.trail.oldest().map_or(self.config.floor, |block| block.number);
        let from = oldest.saturating_sub(self.config.look_back_blocks.max(1));
        let to = from.max(self.config.floor.saturating_sub(1));
        self.trail = Trail::starting_after(to);
        to
    }

    async fn look(&mut self) -> Result<Finding, EndpointError> {
        let head = self.source.head().await?;
        self.newest = Some(head);
        if let Some(tip) = self.trail.tip() {
            if tip == head.block {
                return Ok(Finding::Nothing);
            }
            if tip.hash != head.parent && !self.stands(tip, &head).await? {
                return self.newest_standing(&head).await.map(Finding::Rewind);
            }
        }
        let newest = head.block.number.saturating_sub(self.config.confirmations);
        let from = self.next_block(newest);
        if from > newest || head.block.number.0 < self.config.confirmations {
            return Ok(Finding::Nothing);
        }
        let settled = head.block.number.saturating_sub(self.config.lag_blocks);
        if from > settled {
            return self.read_singly(from, newest, &head).await;
        }
        let to = newest.min(settled).min(from.saturating_add(self.chunk.blocks() - 1));
        match self.read(from, to, &head).await {
            Err(failed) if to > from && chunk::is_too_large(&failed) => {
                Ok(Finding::TooLarge { blocks: to.0 - from.0 + 1 })
            }
            other => other,
        }
    }

    fn next_block(&self, newest: BlockNumber) -> BlockNumber {
        let floor = self.config.floor;
        match self.trail.read_up_to() {
            Some(read) => read.saturating_add(1),
            None => newest.saturating_sub(self.config.look_back_blocks).max(floor),
        }
    }

    /// Whether `block` can still be on the canonical chain. A head below it says nothing: the
    /// endpoint may lag, or the chain may grow back past it, and then the hash tells.
    async fn stands(&self, block: BlockRef, head: &BlockFacts) -> Result<bool, EndpointError> {
        if block.number <= head.block.number {
            return self.is_canonical(block).await;
        }
        match self.trail.up_to(head.block.number).last() {
            Some(known) if known.number == head.block.number => Ok(*known == head.block),
            Some(known) => self.is_canonical(*known).await,
            None => Ok(true),
        }
    }

    async fn is_canonical(&self, block: BlockRef) -> Result<bool, EndpointError> {
        let found = self.source.block_at(block.number).await?;
        Ok(found.is_none_or(|found| found.block == block))
    }

    /// The newest block of the trail that is canonical, found by halving: on any chain, what a
    /// standing block descends from stands too.
    async fn newest_standing(&self, head: &BlockFacts) -> Result<Option<BlockRef>, EndpointError> {
        let blocks = self.trail.up_to(head.block.number);
        let (mut standing, mut fallen) = (0, blocks.len());
        while standing < fallen {
            let middle = standing + (fallen - standing) / 2;
            let found = self.source.block_at(blocks[middle].number).await?;
            match found.is_some_and(|found| found.block == blocks[middle]) {
                true => standing = middle + 1,
                false => fallen = middle,
            }
        }
        Ok(standing.checked_sub(1).map(|index| blocks[index]))
    }

    /// Reads a chunk. The logs count only if the chunk's last block was the same before and after,
    /// and the trail's tip still stood with it: then they are of the one chain that ends there.
    async fn read(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        head: &BlockFacts,
    ) -> Result<Finding, EndpointError> {
        let before = match to == head.block.number {
            true => Some(*head),
            false => self.source.block_at(to).await?,
        };
        let Some(last) = before else { return Ok(Finding::Nothing) };
        let logs = self.source.logs(self.market, from, to).await?;
        let after = self.source.block_at(to).await?;
        let still_stands = after.is_some_and(|after| after.block == last.block);
        if !still_stands || !self.joins(&last).await? {
            return Ok(Finding::Nothing);
        }
        let Some((items, mut passed)) = self.decoded(logs, &[last]).await? else {
            return Ok(Finding::Nothing);
        };
        if passed.last() != Some(&last.block) {
            passed.push(last.block);
        }
        let behind = to < head.block.number.saturating_sub(self.config.confirmations);
        Ok(Finding::Read { items, passed, behind })
    }

    /// Reads the newest blocks, which are few, each by its hash: each answer is of the very block, and
    /// that they follow each other and the trail says that they are of one chain. All are asked for
    /// at once: a node that was away has a locked order waiting. Those up to the first that cannot be had count.
    async fn read_singly(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        head: &BlockFacts,
    ) -> Result<Finding, EndpointError> {
        let asked = (from.0..=to.0).map(BlockNumber);
        let found = asked.map(|number| async move {
            match number == head.block.number {
                true => Ok(Some(*head)),
                false => self.source.block_at(number).await,
            }
        });
        let found = first_good(join_all(found).await)?;
        let mut blocks: Vec<BlockFacts> = found.into_iter().map_while(|block| block).collect();
        let follows = |pair: &[BlockFacts]| pair[1].parent == pair[0].block.hash;
        blocks.truncate(1 + blocks.windows(2).take_while(|pair| follows(pair)).count());
        let Some(first) = blocks.first() else { return Ok(Finding::Nothing) };
        if !self.joins(first).await? {
            return Ok(Finding::Nothing);
        }
        let logs = blocks.iter().map(|block| self.source.logs_of(self.market, block.block));
        let logs = first_good(join_all(logs).await)?;
        blocks.truncate(logs.len());
        let Some((items, _)) = self.decoded(logs.concat(), &blocks).await? else {
            return Ok(Finding::Nothing);
        };
        let passed: Vec<_> = blocks.iter().map(|block| block.block).collect();
        let behind = passed.last().is_some_and(|last| last.number < to);
        Ok(Finding::Read { items, passed, behind })
    }

    /// Whether the trail's tip is on the chain that ends in `last`, asked while that is canonical.
    async fn joins(&self, last: &BlockFacts) -> Result<bool, EndpointError> {
        match self.trail.tip() {
            None => Ok(true),
            Some(tip) if tip.hash == last.parent => Ok(true),
            Some(tip) => {
                let found = self.source.block_at(tip.number).await?;
                Ok(found.is_some_and(|found| found.block == tip))
            }
        }
    }

    /// The logs as items, and the blocks they are in, of which some are `known`. `None` if a log is of no
    /// canonical block.
    async fn decoded(
        &self,
        logs: Vec<Log>,
        known: &[BlockFacts],
    ) -> Result<Option<(Vec<FeedItem>, Vec<BlockRef>)>, EndpointError> {
        let mut times = known.iter().map(|block| (block.block.hash, block.timestamp)).collect();
        let mut items = Vec::with_capacity(logs.len());
        let mut passed: Vec<BlockRef> = Vec::new();
        for log in logs {
            let Some(block) = mined_in(&log) else { return Ok(None) };
            let Some(timestamp) = self.time_of(&log, block, &mut times).await? else {
                return Ok(None);
            };
            if passed.last() != Some(&block) {
                passed.push(block);
            }
            let position = LogPosition {
                block,
                timestamp,
                tx_hash: log.transaction_hash.unwrap_or_default(),
                log_index: log.log_index.unwrap_or_default(),
            };
            items.push(FeedItem::Event(position, MarketEvent::decode(&log.inner.data)));
        }
        Ok(Some((items, passed)))
    }

    /// When a log's block was made. Older endpoints do not put it into logs.
    async fn time_of(
        &self,
        log: &Log,
        block: BlockRef,
        times: &mut HashMap<B256, Timestamp>,
    ) -> Result<Option<Timestamp>, EndpointError> {
        if let Some(known) = log.block_timestamp.map(Timestamp).or(times.get(&block.hash).copied())
        {
            return Ok(Some(known));
        }
        let Some(facts) = self.source.block_at(block.number).await? else { return Ok(None) };
        if facts.block != block {
            return Ok(None);
        }
        times.insert(block.hash, facts.timestamp);
        Ok(Some(facts.timestamp))
    }
}

/// The answers before the first failure, which is the answer if there are none before it.
fn first_good<T>(answers: Vec<Result<T, EndpointError>>) -> Result<Vec<T>, EndpointError> {
    let mut good = Vec::with_capacity(answers.len());
    for answer in answers {
        match answer {
            Ok(answer) => good.push(answer),
            Err(failed) if good.is_empty() => return Err(failed),
            Err(_) => break,
        }
    }
    Ok(good)
}

fn mined_in(log: &Log) -> Option<BlockRef> {
    if log.removed {
        return None;
    }
    Some(BlockRef { number: BlockNumber(log.block_number?), hash: log.block_hash? })
}

/// First wait after a failure: the questions have been put several times by then.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest wait: an endpoint that returns is noticed within it.
const RETRY_MAX: Duration = Duration::from_secs(15);

fn retry_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    RETRY_MIN.saturating_mul(1 << doublings).min(RETRY_MAX)
}

#[cfg(test)]
mod tests;
