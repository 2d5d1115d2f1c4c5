//! A coordinator over a database of its own, and jobs for workers that only pretend.

use crate::postgres::Postgres;
use bytes::Bytes;
use rialto_artifacts::{ArtifactStore, StoreConfig};
use rialto_cluster::coordinator::{ClusterConfig, Coordinator, Order};
use rialto_cluster::ledger::{Ledger, Standing};
use rialto_cluster::wire::Stored;
use rialto_protocol::{Cycles, Time, Wei};
use rialto_zkvm::{ExecutionLimits, JobId, ProofKind};
use std::time::Duration;

/// A proof system that nobody else has: the coordinator looks at sizes and pages only.
pub(crate) const ENGINE: &str = "nothing";

pub(crate) struct Hall {
    pub(crate) url: String,
    pub(crate) coordinator: Coordinator,
    pub(crate) store: ArtifactStore,
    /// Whatever is asked for.
    pub(crate) result: Stored,
    jobs: u32,
    _dir: tempfile::TempDir,
    _server: Option<Postgres>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Hall {
    pub(crate) async fn new(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = (kind == Kind::Postgres).then(|| Postgres::start(&dir.path().join("data")));
        let file = || format!("sqlite://{}", dir.path().join("queue.sqlite").display());
        let url = server.as_ref().map_or_else(file, |server| server.url.clone());
        let store = ArtifactStore::open(&StoreConfig::Memory).unwrap();
        let id = store.put(Bytes::from_static(b"nothing")).await.unwrap();
        let result = Stored { id, bytes: 7 };
        let coordinator = start(&url, &store).await;
        Self { url, coordinator, store, result, jobs: 0, _dir: dir, _server: server }
    }

    /// Ends the coordinator and begins another over the same queue.
    pub(crate) async fn restart(&mut self) {
        self.coordinator.ledger().close().await;
        self.coordinator = start(&self.url, &self.store).await;
    }

    /// A job whose execution finds so many segments; a worker has said how they are joined.
    pub(crate) async fn order(&mut self, segments: u32) -> JobId {
        self.jobs += 1;
        let input = [segments.to_be_bytes(), self.jobs.to_be_bytes()].concat();
        let limits = ExecutionLimits {
            cycles_max: Cycles(1 << 40),
            memory_max_bytes: 1 << 30,
            journal_max_bytes: 1 << 10,
        };
        let order = Order {
            engine: ENGINE.to_owned(),
            proof: ProofKind::Compressed,
            program: self.result.id,
            input: self.store.put(input).await.unwrap(),
            limits,
            tenant: "somebody".to_owned(),
            due: Time(u64::MAX >> 2),
            value: Wei::ZERO,
        };
        self.coordinator.submit(order).await.unwrap()
    }

    /// Segments of a job that are proven, and whether it has ended.
    pub(crate) async fn progress(&self, job: JobId) -> (u32, bool) {
        match self.coordinator.job(job).await.unwrap().unwrap().standing {
            Standing::Open { proven, .. } => (proven, false),
            Standing::Ended { segments, .. } => (segments.unwrap(), true),
        }
    }

    pub(crate) async fn ended(&self, job: JobId) {
        while !self.progress(job).await.1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn start(url: &str, store: &ArtifactStore) -> Coordinator {
    let ledger = Ledger::open(url).await.unwrap();
    Coordinator::start(ledger, store.clone(), Vec::new(), ClusterConfig::default()).await.unwrap()
}
