//! The port by which proofs are ordered, whether the coordinator is in the same process or far away.

use crate::coordinator::{Coordinator, Order, SubmitError};
use crate::ledger::{Outcome, Standing};

use async_trait::async_trait;
use bytes::Bytes;
use rialto_artifacts::ArtifactId;
use rialto_zkvm::{JobId, ProverError};
use std::time::Duration;

/// A requester's way to a coordinator.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Puts a program or an input where workers find it.
    ///
    /// # Errors
    /// If the artifact store does not take it.
    async fn upload(&self, bytes: Bytes) -> Result<ArtifactId, ProverError>;

    /// Orders a proof. One that is ordered already stays as it is.
    ///
    /// # Errors
    /// If the cluster does not take it, or cannot be reached.
    async fn order(&self, order: Order) -> Result<JobId, ProverError>;

    /// How it stands, if it is known.
    ///
    /// # Errors
    /// If the cluster cannot be reached.
    async fn job(&self, id: JobId) -> Result<Option<Standing>, ProverError>;

    /// A finished proof.
    ///
    /// # Errors
    /// If there is none (yet), or the artifact store does not have it any more.
    async fn proof(&self, id: JobId) -> Result<Bytes, ProverError>;

    /// Ends a job. Whether there was one that had not ended.
    ///
    /// # Errors
    /// If the cluster cannot be reached.
    async fn cancel(&self, id: JobId) -> Result<bool, ProverError>;

    /// Whether an order would be taken now.
    ///
    /// # Errors
    /// Why not.
    async fn ready(&self) -> Result<(), ProverError>;

    /// Comes back once something may have happened to the job after that place among events, with the place of the
    /// last thing that happened. It may come back for nothing.
    ///
    /// # Errors
    /// If the cluster cannot be reached.
    async fn changed(&self, id: JobId, after: u64) -> Result<u64, ProverError>;
}

/// How long nothing is waited for, should a word get lost.
const WAIT: Duration = Duration::from_secs(2);

fn unreachable(error: &(dyn std::error::Error + 'static)) -> ProverError {
    ProverError::Unreachable { reason: crate::causes::on_one_line(error) }
}

#[async_trait]
impl Desk for Coordinator {
    async fn upload(&self, bytes: Bytes) -> Result<ArtifactId, ProverError> {
        let id = ArtifactId::of(&bytes);
        match self.store().contains(&id).await {
            Ok(true) => Ok(id),
            _ => self.store().put(bytes).await.map_err(|error| unreachable(&error)),
        }
    }

    async fn order(&self, order: Order) -> Result<JobId, ProverError> {
        self.submit(order).await.map_err(|error| match error {
            SubmitError::Full { open } => {
                ProverError::QueueFull { jobs: usize::try_from(open).unwrap_or(usize::MAX) }
            }
            SubmitError::ShuttingDown => ProverError::ShuttingDown,
            error => unreachable(&error),
        })
    }

    async fn job(&self, id: JobId) -> Result<Option<Standing>, ProverError> {
        let view = Coordinator::job(self, id).await.map_err(|error| unreachable(&error))?;
        Ok(view.map(|view| view.standing))
    }

    async fn proof(&self, id: JobId) -> Result<Bytes, ProverError> {
        let standing = Desk::job(self, id).await?.ok_or(ProverError::UnknownJob(id))?;
        let Standing::Ended { outcome: Outcome::Proven(proof), .. } = standing else {
            return Err(ProverError::NoProof(id));
        };
        self.store().get(&proof).await.map_err(|error| unreachable(&error))
    }

    async fn cancel(&self, id: JobId) -> Result<bool, ProverError> {
        Coordinator::cancel(self, id).await.map_err(|error| unreachable(&error))
    }

    async fn ready(&self) -> Result<(), ProverError> {
        let open = self.ledger().jobs_open().await.map_err(|error| unreachable(&error))?;
        match open >= self.config().jobs_max {
            true => {
                Err(ProverError::QueueFull { jobs: usize::try_from(open).unwrap_or(usize::MAX) })
            }
            false => Ok(()),
        }
    }

    async fn changed(&self, id: JobId, after: u64) -> Result<u64, ProverError> {
        let mut news = self.news();
        loop {
            news.borrow_and_update();
            let events = self.events(Some(id), after, EVENTS).await;
            let events = events.map_err(|error| unreachable(&error))?;
            if let Some(last) = events.last() {
                return Ok(last.seq);
            }
            if tokio::time::timeout(WAIT, news.changed()).await.is_err() {
                return Ok(after);
            }
        }
    }
}

/// Events that are passed over at once.
const EVENTS: usize = 1_000;
