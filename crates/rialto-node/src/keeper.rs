//! Keeps one venue running: opens its node, and opens it again when it fails.
//!
//! Invariant: a fault of one venue, a panic included, ends here; other venues do not notice.

use crate::context::{Node, NodeError, Place, Ports};
use crate::rounds::growing_pause;
use crate::settings::Live;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What happens to a venue.
pub enum News<'a> {
    /// Its node is open and about to run.
    Opened(&'a Node),
    /// Its node has failed.
    Failed {
        /// Why.
        error: &'a NodeError,
        /// After how long it is opened again.
        again_in: Duration,
    },
}

/// A node that has run for so long was well; its failures before are forgotten.
const WELL: Duration = Duration::from_secs(600);
/// The pause after a first failure: most pass, and a locked order may be waiting.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the venue of `place` until `stop`, until the operator's word ends it, or until it has failed
/// `max_critical_task_retries` times in a row or for a reason that only the operator can mend.
pub async fn keep(
    place: Place,
    ports: Ports,
    stop: CancellationToken,
    mut told: impl FnMut(News<'_>),
) -> Result<(), NodeError> {
    let live = Live::new(place.settings.clone(), place.venue.clone());
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let ended = match Node::open(place.clone(), ports.clone()).await {
            Ok(node) => {
                told(News::Opened(&node));
                let running = tokio::spawn(node.run(stop.child_token()));
                running.await.unwrap_or_else(|fault| Err(NodeError::Panicked(fault.to_string())))
            }
            Err(error) => Err(error),
        };
        let Err(error) = ended else { return Ok(()) };
        if began.elapsed() >= WELL {
            failures = 0;
        }
        failures += 1;
        let most = live.now().prover.max_critical_task_retries;
        if failures > most || !error.may_pass() || stop.is_cancelled() {
            return Err(error);
        }
        let again_in = growing_pause(PAUSE, failures, 1);
        told(News::Failed { error: &error, again_in });
        tokio::select! {
            () = tokio::time::sleep(again_in) => {}
            () = stop.cancelled() => return Err(error),
        }
    }
}
