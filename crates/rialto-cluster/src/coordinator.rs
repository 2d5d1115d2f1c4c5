//! Gives tasks to workers that ask, hears them, and takes jobs on.
//!
//! One task of the runtime turns rounds: it takes whatever came in the meantime, does all of it in one
//! transaction with everything that follows from it, and answers. So many messages cost one commit, and an answer is
//! given only for what is in the database. Nothing that a coordinator has in memory is missed after its end: who
//! waits asks again.

mod check;
mod config;
mod floor;
mod turn;

pub use config::{ClusterConfig, InvalidConfig, NeedsConfig};

use crate::causes::on_one_line;
use crate::ledger::{EventRow, JobView, Ledger, LedgerError, NewJob, WorkerRow};
use crate::line::{Line, LineError};
use crate::wire::{Answer, Ask, Hello, Stored, Welcome};
use alloy_primitives::B256;
use async_trait::async_trait;
use check::Checker;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use rialto_planner::cluster::{JobName, WorkerId};
use rialto_protocol::{Span, Time, Wei};
use rialto_zkvm::{ExecutionLimits, JobId, ProofKind, Zkvm};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use turn::{Message, Turning};

/// Messages that wait for a round; whoever has more to say waits to say it.
const INBOX: usize = 4_096;

/// A way to the coordinator within its process. Clones are the same coordinator, which ends with the last.
#[derive(Clone)]
pub struct Coordinator {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Ledger,
    store: ArtifactStore,
    config: ClusterConfig,
    checker: Checker,
    inbox: mpsc::Sender<Message>,
    news: watch::Receiver<u64>,
    turning: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.turning.abort();
        self.sweeping.abort();
    }
}

/// A proof that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The proof system and its parameters: `Zkvm::name`.
    pub engine: String,
    /// What the proof shall be.
    pub proof: ProofKind,
    /// The program, in the artifact store.
    pub program: ArtifactId,
    /// Its input, in the artifact store.
    pub input: ArtifactId,
    /// What its execution may use.
    pub limits: ExecutionLimits,
    /// Whose it is.
    pub tenant: String,
    /// When the proof has to be there.
    pub due: Time,
    /// What it is worth.
    pub value: Wei,
}

/// Why a job is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// As many jobs are open as may.
    #[error("the cluster has {open} open jobs, which is as many as it takes; try again later")]
    Full {
        /// How many.
        open: u64,
    },
    /// The program or the input is not there.
    #[error("the {what} {id} is not in the artifact store; upload it first")]
    Absent {
        /// Which of them.
        what: &'static str,
        /// Its name.
        id: ArtifactId,
    },
    /// No such proofs are made here.
    #[error("no worker of this cluster makes {proof:?} proofs with {engine}; {known}")]
    NoEngine {
        /// The engine that was asked for.
        engine: String,
        /// The kind of proof.
        proof: ProofKind,
        /// What there is.
        known: String,
    },
    /// The artifact store failed.
    #[error("the artifact store failed")]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error("the queue failed")]
    Ledger(#[from] LedgerError),
    /// The coordinator is ending.
    #[error("the coordinator is shutting down")]
    ShuttingDown,
}

impl Coordinator {
    /// Starts over that queue and that store. The engines are those whose results it can judge itself, and which it takes
    /// jobs for before a worker has come.
    ///
    /// # Errors
    /// If the queue cannot be read.
    pub async fn start(
        ledger: Ledger,
        store: ArtifactStore,
        engines: Vec<Arc<dyn Zkvm>>,
        config: ClusterConfig,
    ) -> Result<Self, LedgerError> {
        let ledger = ledger.with_retry(config.retry());
        let (inbox, messages) = mpsc::channel(INBOX);
        let (newest, news) = watch::channel(ledger.last_event().await?);
        let checker = Checker::new(engines, store.clone(), config.result_max_bytes);
        let turning = Turning::new(ledger.clone(), config.clone(), newest, &checker).await?;
        let turning = tokio::spawn(turning.run(messages));
        let sweeping = tokio::spawn(sweeping(ledger.clone(), store.clone()));
        let inner = Inner { ledger, store, config, checker, inbox, news, turning, sweeping };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes a job on. One that has not ended stays as it is; one that ended without a proof begins anew.
    ///
    /// # Errors
    /// Why not.
    pub async fn submit(&self, order: Order) -> Result<JobId, SubmitError> {
        let Order { engine, proof, program, input, limits, tenant, due, value } = order;
        let program = self.stored("program", program).await?;
        let input = self.stored("input", input).await?;
        let open = self.inner.ledger.jobs_open().await?;
        if open >= self.inner.config.jobs_max {
            return Err(SubmitError::Full { open });
        }
        let id = JobId::of(program.id.0, input.id.0, &limits, proof);
        let segments_max = u32::try_from(limits.cycles_max.0).unwrap_or(u32::MAX);
        let segments_max = segments_max.min(self.inner.config.segments_max.get());
        let segments_max = NonZeroU32::new(segments_max).unwrap_or(NonZeroU32::MIN);
        let job =
            NewJob { engine, proof, program, input, limits, segments_max, tenant, due, value };
        let (reply, answer) = oneshot::channel();
        let message = Message::Submit { name: JobName(B256::new(id.0)), job: Box::new(job), reply };
        self.say(message).await.map_err(|_| SubmitError::ShuttingDown)?;
        answer.await.map_err(|_| SubmitError::ShuttingDown)??;
        Ok(id)
    }

    async fn stored(&self, what: &'static str, id: ArtifactId) -> Result<Stored, SubmitError> {
        match self.inner.store.size(&id).await {
            Ok(bytes) => Ok(Stored { id, bytes }),
            Err(StoreError::NotFound { .. }) => Err(SubmitError::Absent { what, id }),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a job at its owner's wish. Whether there was one that had not ended.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn cancel(&self, id: JobId) -> Result<bool, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Cancel { name: JobName(B256::new(id.0)), reply };
        self.say(message).await.map_err(|_| SubmitError::ShuttingDown)?;
        Ok(answer.await.map_err(|_| SubmitError::ShuttingDown)??)
    }

    /// Has a worker end what it has and take no more, or take tasks again. Whether there is one of that name.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn set_draining(&self, name: &str, drains: bool) -> Result<bool, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Drain { name: name.to_owned(), drains, reply };
        self.say(message).await.map_err(|_| SubmitError::ShuttingDown)?;
        Ok(answer.await.map_err(|_| SubmitError::ShuttingDown)??)
    }

    async fn say(&self, message: Message) -> Result<(), mpsc::error::SendError<Message>> {
        self.inner.inbox.send(message).await
    }

    /// A job, if it is known.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn job(&self, id: JobId) -> Result<Option<JobView>, LedgerError> {
        self.inner.ledger.job(JobName(B256::new(id.0))).await
    }

    /// What happened after that event, in order, of one job or all.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn events(
        &self,
        job: Option<JobId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, LedgerError> {
        self.inner.ledger.events(job.map(|id| JobName(B256::new(id.0))), after, limit).await
    }

    /// Becomes another number whenever something may have happened.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.inner.news.clone()
    }

    /// Workers that were heard of within that time.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn workers(&self, within: Span) -> Result<Vec<WorkerRow>, LedgerError> {
        self.inner.ledger.workers(now() - within).await
    }

    /// The queue, to read.
    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// Where artifacts are.
    pub fn store(&self) -> &ArtifactStore {
        &self.inner.store
    }

    /// How it was configured.
    pub fn config(&self) -> &ClusterConfig {
        &self.inner.config
    }
}

/// How often artifacts that nobody needs are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The most artifacts that a sweep removes: bounds how long it looks, and how long what it has doomed may not be made again.
const SWEPT_MAX: usize = 500;

/// Removes what ended jobs have left, a little at a time.
async fn sweeping(ledger: Ledger, store: ArtifactStore) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let swept = async {
            ledger.doom(SWEPT_MAX).await?;
            ledger.sweep(&store, SWEPT_MAX).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(error = on_one_line(&error), "artifacts that nobody needs stay");
        }
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The longest that a worker's question is kept waiting.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[async_trait]
impl Line for Coordinator {
    async fn hello(&self, hello: Hello) -> Result<Welcome, LineError> {
        let (reply, answer) = oneshot::channel();
        self.say(Message::Hello { hello, reply }).await.map_err(|_| ending())?;
        answer.await.map_err(|_| ending())?
    }

    async fn ask(&self, worker: u64, mut ask: Ask) -> Result<Answer, LineError> {
        self.inner.checker.look_at(&self.inner.ledger, &mut ask.said).await?;
        ask.wait_ms = ask.wait_ms.min(WAIT_MAX.as_millis() as u64);
        let (reply, answer) = oneshot::channel();
        let message = Message::Ask { worker: WorkerId(worker), ask, reply };
        self.say(message).await.map_err(|_| ending())?;
        answer.await.map_err(|_| ending())?
    }

    fn apart(&self) -> Arc<dyn Line> {
        Arc::new(self.clone())
    }
}

fn ending() -> LineError {
    LineError::Unreachable { reason: "the coordinator is shutting down".to_owned() }
}
