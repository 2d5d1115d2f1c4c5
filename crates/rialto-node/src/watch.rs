//! Reads the chain's events into the logbook, block by block, and says when there is news.

use crate::event::Event;
use crate::logbook::LogbookError;
use crate::venue::{Head, Venue};
use alloy::primitives::Address;
use rialto_chain::{
    Bidding, BlockFacts, BlockNumber, EventFeed, Market, MarketError, feed::LogSource,
};
use rialto_protocol::{Timestamp, Wei};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the chain looks like as of `newest`; facts have been read up to `read_to`.
async fn look(
    market: &Market,
    me: Address,
    newest: &BlockFacts,
    read_to: u64,
    assumed: &Bidding,
) -> Result<Head, MarketError> {
    let tip_wei = market.endpoint().usual_tip(assumed.tip_percentile, newest.block);
    let (tip_wei, free_collateral) = tokio::join!(tip_wei, market.collateral_of(me));
    let (gas_price, free_collateral) =
        (assumed.price_wei(newest.base_fee_wei, tip_wei), free_collateral?);
    Ok(Head {
        timestamp: newest.timestamp,
        seen_at: Instant::now(),
        read_to,
        newest: newest.block,
        block_time: Duration::ZERO,
        gas_price: Wei::from(gas_price),
        free_collateral,
    })
}

/// What it looks like before anything is read.
pub(crate) async fn first_look(
    market: &Market,
    me: Address,
    read_to: u64,
    assumed: &Bidding,
) -> Result<Head, MarketError> {
    let endpoint = market.endpoint();
    let newest = endpoint.head().await?;
    let earlier = BlockNumber(newest.block.number.0.saturating_sub(BLOCKS_BACK));
    // What is not known soon is learned from the blocks to come: a locked order may be waiting.
    let earlier = tokio::time::timeout(SOON, endpoint.block_at(earlier));
    let (head, earlier) = tokio::join!(look(market, me, &newest, read_to, assumed), earlier);
    let earlier = earlier.ok().and_then(Result::ok).flatten();
    let earlier = earlier.map(|it| (it.block.number, it.timestamp));
    let block_time = earlier.and_then(|earlier| time_between(earlier, &newest));
    Ok(Head { block_time: block_time.unwrap_or_default(), ..head? })
}

const SOON: Duration = Duration::from_millis(250);
/// So many blocks tell how far apart they are as a rule.
const BLOCKS_BACK: u64 = 16;
/// No chain has blocks further apart as a rule; one that mines on demand may look so.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(15);

/// The mean time between blocks from an earlier one on.
fn time_between(
    (number, timestamp): (BlockNumber, Timestamp),
    newest: &BlockFacts,
) -> Option<Duration> {
    let blocks = newest.block.number.0.checked_sub(number.0).filter(|blocks| *blocks > 0)?;
    let passed = Duration::from_secs(timestamp.seconds_until(newest.timestamp));
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    Some((passed / blocks).min(BLOCK_TIME_MAX))
}

/// What is known of the time between blocks once there is a newer one than in `head`: the last few
/// count most.
fn block_time(head: &Head, newest: &BlockFacts) -> Duration {
    let known = head.block_time;
    match time_between((head.newest.number, head.timestamp), newest) {
        Some(latest) if known.is_zero() => latest,
        Some(latest) => (known * 7 + latest) / 8,
        None => known,
    }
}

/// Polls until the node ends. Endpoint errors are reported and outlived.
pub(crate) async fn run<S: LogSource>(
    venue: Arc<Venue>,
    mut feed: EventFeed<S>,
    head: watch::Sender<Head>,
    stop: CancellationToken,
) -> Result<(), LogbookError> {
    let mut failing = false;
    loop {
        let wait = match read(&venue, &mut feed, &head).await? {
            Ok(()) => {
                failing = false;
                Duration::from_millis(venue.settings().market.events_poll_ms)
            }
            Err(problem) => {
                let again_in = problem.again_in;
                if !failing {
                    venue.tell(venue.logbook.note(None, problem.event()).await?);
                }
                failing = true;
                again_in
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Why the chain could not be read, which passes.
#[derive(Debug)]
pub(crate) struct Problem {
    reason: String,
    /// When to read again.
    pub(crate) again_in: Duration,
}

/// The shortest pause after a failure, and the longest: a locked order may be waiting.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Problem {
    fn new(error: &dyn std::error::Error, again_in: Duration) -> Self {
        let reason = crate::logbook::with_sources(error);
        Self { reason, again_in: again_in.clamp(PAUSE_MIN, PAUSE_MAX) }
    }

    pub(crate) fn event(self) -> Event {
        Event::Retrying { step: "read the chain".into(), reason: self.reason, in_s: 1 }
    }
}

/// Everything new, into the logbook.
pub(crate) async fn read<S: LogSource>(
    venue: &Venue,
    feed: &mut EventFeed<S>,
    head: &watch::Sender<Head>,
) -> Result<Result<(), Problem>, LogbookError> {
    let mut news = false;
    loop {
        let from = feed.trail().tip();
        let items = match feed.poll().await {
            Ok(items) => items,
            Err(error) => return Ok(Err(Problem::new(&error, error.retry_after))),
        };
        news |= !items.is_empty();
        let tip = feed.trail().tip();
        if !items.is_empty() || tip != from {
            let entries = venue.logbook.record_feed(&venue.domain, items, feed.trail()).await?;
            entries.into_iter().for_each(|entry| venue.tell(entry));
        }
        if feed.is_behind() {
            continue;
        }
        let Some(newest) = feed.newest() else { return Ok(Ok(())) };
        let read_to = tip.map_or(0, |tip| tip.number.0);
        let known = *head.borrow();
        // Between two blocks nothing changes that is not in this process already.
        if (known.newest, known.read_to) != (newest.block, read_to) {
            let assumed = venue.settings().assumed_bidding();
            match look(&venue.market, venue.me(), newest, read_to, &assumed).await {
                Ok(seen) => {
                    let block_time = block_time(&known, newest);
                    head.send_replace(Head { block_time, ..seen })
                }
                Err(error) => return Ok(Err(Problem::new(&error, PAUSE_MIN))),
            };
        }
        if news {
            venue.wake.notify_one();
        }
        return Ok(Ok(()));
    }
}
