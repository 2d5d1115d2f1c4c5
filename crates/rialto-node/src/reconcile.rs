//! What became of the transactions that an earlier life of this node sent.
//!
//! Nobody awaits their outcome any more, and an intent without outcome would be a question without an
//! answer for ever. The chain's receipts answer it; where there is none, the order's end does.

use crate::logbook::{Leftover, LogbookError};
use crate::venue::Venue;
use alloy::providers::Provider;
use rialto_protocol::Wei;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the chain is asked: nothing depends on the answer but the books.
const PAUSE: Duration = Duration::from_secs(2);

/// Settles `leftovers` one after the other as their outcome shows, then waits for the node's end.
pub(crate) async fn run(
    venue: Arc<Venue>,
    mut leftovers: Vec<Leftover>,
    stop: CancellationToken,
) -> Result<(), LogbookError> {
    while !leftovers.is_empty() {
        let mut open = Vec::new();
        for leftover in leftovers {
            if !settle(&venue, &leftover).await? {
                open.push(leftover);
            }
        }
        leftovers = open;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
    stop.cancelled().await;
    Ok(())
}

/// True once the outcome is recorded.
async fn settle(venue: &Venue, leftover: &Leftover) -> Result<bool, LogbookError> {
    let Some(hash) = leftover.tx else {
        // It was never signed, so nothing of it is on its way.
        venue.logbook.settle_leftover(leftover, None).await?;
        return Ok(true);
    };
    let receipt = venue.market.endpoint().provider().get_transaction_receipt(hash).await;
    let outcome = match receipt {
        Ok(Some(receipt)) => {
            let wei = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
            Some((receipt.status(), Wei::from(wei)))
        }
        // Replaced or dropped: once the order is over it can do nothing any more.
        Ok(None) if venue.logbook.is_closed(leftover.digest).await? => None,
        Ok(None) | Err(_) => return Ok(false),
    };
    venue.logbook.settle_leftover(leftover, outcome).await?;
    Ok(true)
}
