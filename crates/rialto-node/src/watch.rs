//! Reads the chain's events into the logbook, block by block, and says when there is news.

use crate::event::Event;
use crate::logbook::LogbookError;
use crate::venue::{Head, Venue};
use alloy::primitives::Address;
use rialto_chain::{Bidding, EventFeed, Market, MarketError, feed::LogSource};
use rialto_protocol::Wei;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the chain looks like now; facts have been read up to `read_to`.
pub(crate) async fn look(
    market: &Market,
    me: Address,
    read_to: u64,
    assumed: &Bidding,
) -> Result<Head, MarketError> {
    let head = market.endpoint().head().await?;
    let tip_wei = market.endpoint().usual_tip(assumed.tip_percentile).await;
    let gas_price = assumed.price_wei(head.base_fee_wei, tip_wei);
    let free_collateral = market.collateral_of(me).await?;
    Ok(Head {
        timestamp: head.timestamp,
        seen_at: Instant::now(),
        read_to,
        newest: head.block.number.0,
        gas_price: Wei::from(gas_price),
        free_collateral,
    })
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
                if !failing {
                    let trouble =
                        Event::Retrying { step: "read the chain".into(), reason: problem, in_s: 1 };
                    venue.tell(venue.logbook.note(None, trouble).await?);
                }
                failing = true;
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Everything new, into the logbook. The inner error is the chain's and passes.
pub(crate) async fn read<S: LogSource>(
    venue: &Venue,
    feed: &mut EventFeed<S>,
    head: &watch::Sender<Head>,
) -> Result<Result<(), String>, LogbookError> {
    let mut news = false;
    loop {
        let items = match feed.poll().await {
            Ok(items) => items,
            Err(error) => return Ok(Err(crate::logbook::with_sources(&error))),
        };
        news |= !items.is_empty();
        let entries = venue.logbook.record_feed(&venue.domain, items, feed.trail()).await?;
        entries.into_iter().for_each(|entry| venue.tell(entry));
        let read_to = feed.trail().tip().map_or(0, |tip| tip.number.0);
        if feed.is_behind() {
            continue;
        }
        match look(&venue.market, venue.me(), read_to, &venue.settings().assumed_bidding()).await {
            Ok(seen) => head.send_replace(seen),
            Err(error) => return Ok(Err(crate::logbook::with_sources(&error))),
        };
        if news {
            venue.wake.notify_one();
        }
        return Ok(Ok(()));
    }
}
