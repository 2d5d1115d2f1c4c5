//! From a lock to payment: prove, have it attested, deliver, and collect what lapsed locks owe us.

use crate::logbook::LogbookError;
use crate::venue::{TICK, Venue};
use crate::workshop::Workshop;
use crate::{produce, settle};
use rialto_planner::Step;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Works until told to stop, or until the logbook fails.
pub(crate) async fn run(venue: Arc<Venue>, stop: CancellationToken) -> Result<(), LogbookError> {
    let mut workshop = Workshop::default();
    loop {
        tick(&venue, &mut workshop).await?;
        tokio::select! {
            () = venue.wakes.prover.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            done = workshop.finished(&venue) => done?,
            () = stop.cancelled() => return Ok(()),
        }
    }
}

async fn tick(venue: &Arc<Venue>, workshop: &mut Workshop) -> Result<(), LogbookError> {
    for (open, step) in venue.plan(&[]).await?.steps {
        let digest = open.order.digest;
        if !workshop.is_free(digest) {
            continue;
        }
        let venue = venue.clone();
        match step {
            Step::Prove { deadline } => {
                workshop.start(digest, produce::prove(venue, open, deadline));
            }
            Step::Seal => workshop.start(digest, produce::seal(venue, open)),
            Step::Deliver(how) => workshop.start(digest, settle::deliver(venue, open, how)),
            Step::Slash => workshop.start(digest, settle::slash(venue, open)),
            Step::Done(outcome) => {
                let block = venue.head.borrow().read_to;
                venue.tell(venue.logbook.close(digest, outcome, block).await?);
            }
            Step::Wait { .. } | Step::Skip(_) | Step::Preflight(_) | Step::Lock { .. } => {}
        }
    }
    Ok(())
}
