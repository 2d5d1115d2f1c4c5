//! A whole cluster in one process: a coordinator on SQLite, and a worker whose tasks are computed in threads.

use crate::bench::Bench;
use crate::coordinator::{ClusterConfig, Coordinator};
use crate::desk::Desk;
use crate::ledger::{Ledger, LedgerError};
use crate::line::Line;
use crate::prover::ClusterProver;
use crate::worker::{Ending, WorkerConfig, run};
use async_trait::async_trait;
use bytes::Bytes;
use rialto_artifacts::ArtifactStore;
use rialto_zkvm::{JobId, JobStatus, ProofJob, Prover, ProverError, Zkvm};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// The queue's file in the directory of an embedded cluster.
pub const QUEUE: &str = "queue.sqlite";

/// Whose jobs they are: there is nobody else.
const TENANT: &str = "local";

/// What lies on this machine is there at once.
const LOCAL_BYTES_PER_S: u64 = 1 << 30;

/// A cluster that lives and ends with the value. What it has computed is there again at its next start.
pub struct Embedded {
    coordinator: Coordinator,
    prover: ClusterProver,
    ending: Ending,
    _lock: File,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process has the directory.
    #[error("another process proves in {0}; stop it, or name another directory")]
    Held(PathBuf),
    /// The directory cannot be used.
    #[error("cannot use {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The queue cannot be used.
    #[error("the queue in {path} cannot be used")]
    Ledger {
        /// Which.
        path: PathBuf,
        /// Why.
        source: LedgerError,
    },
    /// There are no threads to compute in.
    #[error("cannot start a proving thread")]
    Threads(#[source] io::Error),
}

impl Embedded {
    /// Starts in that directory, made if absent, with artifacts in `store`, and computes `slots` tasks at once. One proof
    /// uses every core already; more than one at once helps where there are many.
    ///
    /// # Errors
    /// Why not.
    pub async fn start(
        zkvm: Arc<dyn Zkvm>,
        directory: &Path,
        store: ArtifactStore,
        slots: NonZeroUsize,
    ) -> Result<Self, EmbeddedError> {
        let lock = lock(directory)?;
        let path = directory.join(QUEUE);
        let failed = |source| EmbeddedError::Ledger { path: path.clone(), source };
        let url = format!("sqlite://{}", path.display());
        let ledger = Ledger::open(&url).await.map_err(failed)?;
        let engine = zkvm.name().to_owned();
        let (engines, config) = (vec![Arc::clone(&zkvm)], ClusterConfig::default());
        let coordinator = Coordinator::start(ledger, store.clone(), engines, config).await;
        let coordinator = coordinator.map_err(failed)?;
        let bench = Bench::threads(zkvm, slots).map_err(EmbeddedError::Threads)?;
        let ending = Ending::default();
        let line: Arc<dyn Line> = Arc::new(coordinator.clone());
        let working = run(line, store, bench, worker(), ending.clone());
        tokio::spawn(async move {
            if let Err(error) = working.await {
                let error = crate::causes::on_one_line(&error);
                tracing::error!(error, "nothing is proven any more");
            }
        });
        let desk: Arc<dyn Desk> = Arc::new(coordinator.clone());
        let prover = ClusterProver::new(desk, engine, TENANT);
        Ok(Self { coordinator, prover, ending, _lock: lock })
    }

    /// The cluster's coordinator.
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.ending.stop.cancel();
    }
}

fn lock(directory: &Path) -> Result<File, EmbeddedError> {
    let failed = |source| EmbeddedError::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(directory.join("lock"));
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::Held(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// This process as a worker: a name of its own, so that nothing of one that died is taken for its. Whether its memory is
/// enough is for whoever chose the number of tasks to know: there is nobody else to do them.
fn worker() -> WorkerConfig {
    let name = format!("process {}", std::process::id());
    WorkerConfig {
        memory_mib: u32::MAX,
        bytes_per_s: LOCAL_BYTES_PER_S,
        ..WorkerConfig::of_this_machine(name)
    }
}

#[async_trait]
impl Prover for Embedded {
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError> {
        self.prover.submit(job).await
    }

    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError> {
        self.prover.status(id).await
    }

    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError> {
        self.prover.watch(id).await
    }

    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError> {
        self.prover.fetch(id).await
    }

    async fn ready(&self) -> Result<(), ProverError> {
        self.prover.ready().await
    }

    async fn cancel(&self, id: JobId) -> Result<(), ProverError> {
        self.prover.cancel(id).await
    }
}
