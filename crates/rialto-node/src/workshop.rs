//! Work in hand: one task an order, and a rest after a failure.
//!
//! A part starts at most one task for an order at a time; while a task runs or rests, the order's
//! next step is left alone. The next tick is the retry.

use crate::event::Event;
use crate::logbook::LogbookError;
use crate::venue::Venue;
use rialto_protocol::RequestDigest;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Why a step did not get done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The record failed: the node must not go on.
    #[error(transparent)]
    Logbook(#[from] LogbookError),
    /// Worth another try.
    #[error("{step} failed: {reason}")]
    Again { step: &'static str, reason: String, after: Duration },
}

impl StepError {
    /// A failure that is retried after a pause of ordinary length.
    pub(crate) fn again(step: &'static str, error: &dyn std::error::Error) -> Self {
        let reason = crate::logbook::with_sources(error);
        Self::Again { step, reason, after: Duration::from_secs(2) }
    }
}

#[derive(Default)]
pub(crate) struct Workshop {
    tasks: JoinSet<(RequestDigest, Result<(), StepError>)>,
    in_hand: HashSet<RequestDigest>,
    resting: HashMap<RequestDigest, Instant>,
}

impl Workshop {
    /// Whether the order may be given a task now.
    pub(crate) fn is_free(&self, digest: RequestDigest) -> bool {
        let rested = self.resting.get(&digest).is_none_or(|until| *until <= Instant::now());
        rested && !self.in_hand.contains(&digest)
    }

    pub(crate) fn start(
        &mut self,
        digest: RequestDigest,
        task: impl Future<Output = Result<(), StepError>> + Send + 'static,
    ) {
        self.in_hand.insert(digest);
        self.tasks.spawn(async move { (digest, task.await) });
    }

    /// Waits for the next task to end, for ever if there is none. A failure that passes is noted
    /// and rests; a panic in a task is ours and ends the node.
    pub(crate) async fn finished(&mut self, venue: &Arc<Venue>) -> Result<(), LogbookError> {
        let Some(joined) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        let (digest, result) = joined.expect("a step's task panicked or was aborted");
        self.in_hand.remove(&digest);
        match result {
            Ok(()) => {
                self.resting.remove(&digest);
            }
            Err(StepError::Logbook(error)) => return Err(error),
            Err(StepError::Again { step, reason, after }) => {
                self.resting.insert(digest, Instant::now() + after);
                let trouble =
                    Event::Retrying { step: step.to_owned(), reason, in_s: after.as_secs() };
                venue.tell(venue.logbook.note(Some(digest), trouble).await?);
            }
        }
        Ok(())
    }
}
