//! A cluster as one more prover.

use crate::coordinator::Order;
use crate::desk::Desk;
use crate::ledger::{Outcome, Standing};
use async_trait::async_trait;
use bytes::Bytes;
use rialto_protocol::{Cycles, Time, Wei};
use rialto_zkvm::{JobId, JobStatus, Progress, ProofJob, Prover, ProverError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Has proofs made by a cluster.
pub struct ClusterProver {
    desk: Arc<dyn Desk>,
    engine: String,
    tenant: String,
}

/// A job whose owner says nothing of time: behind everything that has one.
const UNDUE: Time = Time(1 << 50);

/// Between two questions after one that was not answered.
const PAUSE: Duration = Duration::from_secs(1);

impl ClusterProver {
    /// Orders at that desk, in the name of that tenant, proofs of the engine of that name (`Zkvm::name`).
    pub fn new(desk: Arc<dyn Desk>, engine: impl Into<String>, tenant: impl Into<String>) -> Self {
        Self { desk, engine: engine.into(), tenant: tenant.into() }
    }
}

#[async_trait]
impl Prover for ClusterProver {
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError> {
        let ProofJob { elf, stdin, limits, kind } = job;
        let (program, input) = (self.desk.upload(elf).await?, self.desk.upload(stdin).await?);
        let order = Order {
            engine: self.engine.clone(),
            proof: kind,
            program,
            input,
            limits,
            tenant: self.tenant.clone(),
            due: UNDUE,
            value: Wei::ZERO,
        };
        self.desk.order(order).await
    }

    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError> {
        let standing = self.desk.job(id).await?;
        standing.map(|it| status(&it)).ok_or(ProverError::UnknownJob(id))
    }

    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError> {
        let (sender, receiver) = watch::channel(self.status(id).await?);
        tokio::spawn(follow(Arc::clone(&self.desk), id, sender));
        Ok(receiver)
    }

    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError> {
        self.desk.proof(id).await
    }

    async fn ready(&self) -> Result<(), ProverError> {
        self.desk.ready().await
    }

    async fn cancel(&self, id: JobId) -> Result<(), ProverError> {
        if !self.desk.cancel(id).await? {
            // One that has ended stays as it is; one that never was is an error.
            self.status(id).await?;
        }
        Ok(())
    }
}

/// Tells of a job until it has ended or nobody listens. A coordinator that does not answer for a while is asked again.
async fn follow(desk: Arc<dyn Desk>, id: JobId, to: watch::Sender<JobStatus>) {
    let mut seen = 0;
    loop {
        let told = tokio::select! {
            () = to.closed() => return,
            told = next(desk.as_ref(), id, seen) => told,
        };
        match told {
            Ok((last, Some(status))) => {
                seen = last;
                let has_ended = status.has_ended();
                to.send_if_modified(|it| {
                    let is_new = *it != status;
                    *it = status;
                    is_new
                });
                if has_ended {
                    // Whoever watches sees the end before the channel closes.
                    to.closed().await;
                    return;
                }
            }
            // It was forgotten.
            Ok((_, None)) => return,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn next(
    desk: &dyn Desk,
    id: JobId,
    seen: u64,
) -> Result<(u64, Option<JobStatus>), ProverError> {
    let last = desk.changed(id, seen).await?;
    Ok((last, desk.job(id).await?.map(|it| status(&it))))
}

/// A job as its owner sees it.
fn status(standing: &Standing) -> JobStatus {
    match standing {
        Standing::Open { found: 0, .. } => JobStatus::Running(Progress::Executing),
        Standing::Open { segments: Some(all), proven, .. } if all == proven => {
            JobStatus::Running(Progress::Joining)
        }
        Standing::Open { found, proven, cycles, cycles_proven, .. } => {
            JobStatus::Running(Progress::Proving {
                segments_done: *proven as usize,
                segments: *found as usize,
                cycles_done: Cycles(*cycles_proven),
                cycles: Cycles(*cycles),
            })
        }
        Standing::Ended { outcome, .. } => match outcome {
            Outcome::Proven(_) => JobStatus::Done,
            Outcome::Failed { reason, retryable } => {
                JobStatus::Failed { reason: reason.clone(), retryable: *retryable }
            }
            Outcome::Cancelled => JobStatus::Cancelled,
        },
    }
}
