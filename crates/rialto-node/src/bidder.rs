//! From first sight to a lock: preflight, refuse, or lock at the right second.

use crate::logbook::LogbookError;
use crate::venue::{TICK, Venue};
use crate::workshop::Workshop;
use crate::{lock, preflight};
use rialto_planner::Step;
use rialto_protocol::RequestDigest;
use std::collections::HashSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Works until told to stop, or until the logbook fails.
pub(crate) async fn run(venue: Arc<Venue>, stop: CancellationToken) -> Result<(), LogbookError> {
    let mut workshop = Workshop::default();
    let mut locking = HashSet::new();
    loop {
        tick(&venue, &mut workshop, &mut locking).await?;
        tokio::select! {
            () = venue.wakes.bidder.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            done = workshop.finished(&venue) => done?,
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Plans, and starts what is the bidder's. Locks are started one by one, each on a fresh plan, so
/// that two never share the last place.
async fn tick(
    venue: &Arc<Venue>,
    workshop: &mut Workshop,
    locking: &mut HashSet<RequestDigest>,
) -> Result<(), LogbookError> {
    loop {
        locking.retain(|digest| !workshop.is_free(*digest));
        let in_flight: Vec<_> = locking.iter().copied().collect();
        let plan = venue.plan(&in_flight).await?;
        let mut locked = false;
        for (open, step) in plan.steps {
            let digest = open.order.digest;
            if !workshop.is_free(digest) {
                continue;
            }
            match step {
                Step::Skip(skip) => venue.tell(venue.logbook.skip(digest, &skip).await?),
                Step::Preflight(budget) => {
                    let task = preflight::run(venue.clone(), open, budget);
                    workshop.start(digest, task);
                }
                Step::Lock { price } if !locked => {
                    locked = true;
                    locking.insert(digest);
                    workshop.start(digest, lock::run(venue.clone(), open, price));
                }
                _ => {}
            }
        }
        if !locked {
            return Ok(());
        }
    }
}
