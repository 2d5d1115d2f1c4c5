//! Work in hand: one task an order, and a rest after a failure.
//!
//! At most one task works on an order at a time; while it works or rests, the order's next step is
//! left alone. The next round is the retry.

use crate::event::Event;
use crate::logbook::{IntentKind, LogbookError};
use crate::rounds::growing_pause;
use crate::venue::Venue;
use rialto_planner::Hand;
use rialto_protocol::RequestDigest;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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

/// What a task is for. Orders that go together share one.
pub(crate) struct Job {
    pub(crate) orders: Vec<RequestDigest>,
    pub(crate) hand: Hand,
}

/// A proof in the making as its task reports it, and the way to stop it.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// What is left of it by the prover's own account.
    pub(crate) left: watch::Sender<Option<Duration>>,
    pub(crate) cancelled: CancellationToken,
}

impl Default for Bench {
    fn default() -> Self {
        Self { left: watch::Sender::new(None), cancelled: CancellationToken::new() }
    }
}

struct InHand {
    hand: Hand,
    bench: Bench,
}

/// The step whose failures rest as the operator wants it.
const SUBMIT: &str = IntentKind::Deliver.as_str();

#[derive(Default)]
pub(crate) struct Workshop {
    tasks: JoinSet<(Vec<RequestDigest>, Result<(), StepError>)>,
    in_hand: BTreeMap<RequestDigest, InHand>,
    resting: BTreeMap<RequestDigest, Instant>,
    /// Steps in a row that have failed, of each order.
    failures: BTreeMap<RequestDigest, u32>,
}

impl Workshop {
    /// What is in hand for each order, and which orders rest.
    pub(crate) fn hands(&mut self) -> BTreeMap<RequestDigest, Hand> {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        let resting = self.resting.keys().map(|digest| (*digest, Hand::Resting));
        let working = self.in_hand.iter().map(|(digest, work)| {
            let hand = match work.hand {
                Hand::Proving { .. } => Hand::Proving { left: *work.bench.left.borrow() },
                other => other,
            };
            (*digest, hand)
        });
        resting.chain(working).collect()
    }

    /// When the next order has rested.
    pub(crate) fn next_rested(&self) -> Option<Instant> {
        self.resting.values().min().copied()
    }

    /// Starts a task; it is told where to report and when to stop.
    pub(crate) fn start<F>(&mut self, job: Job, task: impl FnOnce(Bench) -> F)
    where
        F: Future<Output = Result<(), StepError>> + Send + 'static,
    {
        let Job { orders, hand } = job;
        let bench = Bench::default();
        for digest in &orders {
            self.in_hand.insert(*digest, InHand { hand, bench: bench.clone() });
        }
        let task = task(bench);
        self.tasks.spawn(async move { (orders, task.await) });
    }

    /// Tells the task of an order to stop.
    pub(crate) fn cancel(&self, digest: RequestDigest) {
        if let Some(work) = self.in_hand.get(&digest) {
            work.bench.cancelled.cancel();
        }
    }

    /// Steps in a row that have failed, for an order.
    pub(crate) fn failures(&self, digest: RequestDigest) -> u32 {
        self.failures.get(&digest).copied().unwrap_or_default()
    }

    /// Whether nothing is in hand.
    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits for the next task to end, for ever if there is none. A failure that passes is noted
    /// and rests; a panic in a task is ours and ends the node.
    pub(crate) async fn finished(&mut self, venue: &Arc<Venue>) -> Result<(), LogbookError> {
        let Some(joined) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        let (orders, result) = joined.expect("a step's task panicked or was aborted");
        for digest in &orders {
            self.in_hand.remove(digest);
        }
        match result {
            Ok(()) => {
                self.failures.retain(|digest, _| !orders.contains(digest));
                Ok(())
            }
            Err(StepError::Logbook(error)) => Err(error),
            Err(StepError::Again { step, reason, after }) => {
                for digest in orders {
                    let failures = self.failures.entry(digest).or_default();
                    *failures = failures.saturating_add(1);
                    let after = match step {
                        SUBMIT => after_refusal(venue, *failures),
                        _ => after,
                    };
                    let in_s = after.as_secs();
                    self.resting.insert(digest, Instant::now() + after);
                    let reason = reason.clone();
                    let trouble = Event::Retrying { step: step.to_owned(), reason, in_s };
                    venue.tell(venue.logbook.note(Some(digest), trouble).await?);
                }
                Ok(())
            }
        }
    }
}

/// Submissions are made again in quick succession at first, then further apart; they go on for as
/// long as the order asks for one.
fn after_refusal(venue: &Venue, refusals: u32) -> Duration {
    let settings = venue.settings();
    let base = Duration::from_millis(settings.batcher.submit_retry_delay_ms);
    growing_pause(base, refusals, settings.batcher.max_submission_attempts)
}
