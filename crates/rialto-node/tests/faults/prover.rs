//! A prover whose proofs take as long as a script says, in the node's own time.

use async_trait::async_trait;
use bytes::Bytes;
use rialto_chain::simulated::Dice;
use rialto_zkvm::{JobId, JobStatus, Progress, ProofJob, Prover, ProverError, Zkvm};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How long proofs take and how often they fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    /// Every proof takes between one and so many seconds.
    pub(crate) seconds_max: u64,
    /// Attempts that fail, in thousandths.
    pub(crate) failures: u32,
}

/// The way to the prover; clones are one, which outlives the node.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<watch::Sender<Answers>>);

/// What becomes of a question to the prover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// It is answered.
    Well,
    /// It fails, and so does the work in progress.
    WithErrors,
    /// It is not answered before the outage is over, and the work in progress stands still.
    Late,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Answers::Well)))
    }

    pub(crate) fn set(&self, answers: Answers) {
        self.0.send_replace(answers);
    }

    async fn ask(&self) -> Result<(), ProverError> {
        let mut seen = self.0.subscribe();
        let answers = *seen.wait_for(|answers| *answers != Answers::Late).await.unwrap();
        match answers {
            Answers::Well | Answers::Late => Ok(()),
            Answers::WithErrors => {
                Err(ProverError::Unreachable { reason: "outage, says the script".to_owned() })
            }
        }
    }
}

pub(crate) struct ScriptedProver {
    zkvm: Arc<dyn Zkvm>,
    script: Script,
    line: Line,
    jobs: Mutex<HashMap<JobId, Arc<watch::Sender<JobStatus>>>>,
    attempts: AtomicU64,
    proofs: Arc<Mutex<HashMap<JobId, Bytes>>>,
}

impl ScriptedProver {
    pub(crate) fn new(zkvm: Arc<dyn Zkvm>, script: Script, line: Line) -> Self {
        Self {
            zkvm,
            script,
            line,
            jobs: Mutex::default(),
            attempts: AtomicU64::new(0),
            proofs: Arc::default(),
        }
    }

    fn job(&self, id: JobId) -> Result<Arc<watch::Sender<JobStatus>>, ProverError> {
        self.jobs.lock().unwrap().get(&id).cloned().ok_or(ProverError::UnknownJob(id))
    }
}

#[async_trait]
impl Prover for ScriptedProver {
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError> {
        self.line.ask().await?;
        let id = job.id();
        if let Ok(known) = self.job(id)
            && !matches!(*known.borrow(), JobStatus::Failed { .. } | JobStatus::Cancelled)
        {
            return Ok(id);
        }
        let status = Arc::new(watch::Sender::new(JobStatus::Running(Progress::Executing)));
        self.jobs.lock().unwrap().insert(id, status.clone());
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut dice = Dice::new(self.script.seed, &[id.0.as_slice(), &attempt].concat());
        let time = Duration::from_secs(1 + dice.below(self.script.seconds_max));
        let fails = dice.permille(self.script.failures);
        let (zkvm, proofs, line) = (self.zkvm.clone(), self.proofs.clone(), self.line.clone());
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            let cut_off = line.ask().await.is_err();
            if fails || cut_off {
                let reason = "out of memory, says the script".to_owned();
                status.send_replace(JobStatus::Failed { reason, retryable: true });
                return;
            }
            let go_on = &mut |_| ControlFlow::Continue(());
            let proof = zkvm.prove(&job.elf, &job.stdin, &job.limits, job.kind, go_on).unwrap();
            proofs.lock().unwrap().insert(id, proof);
            status.send_replace(JobStatus::Done);
        });
        Ok(id)
    }

    async fn ready(&self) -> Result<(), ProverError> {
        self.line.ask().await
    }

    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError> {
        self.line.ask().await?;
        self.job(id).map(|job| job.borrow().clone())
    }

    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError> {
        self.line.ask().await?;
        self.job(id).map(|job| job.subscribe())
    }

    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError> {
        self.line.ask().await?;
        // What has been fetched is forgotten: the memory that grows all day is to be the node's.
        let proof = self.proofs.lock().unwrap().remove(&id).ok_or(ProverError::NoProof(id))?;
        self.jobs.lock().unwrap().remove(&id);
        Ok(proof)
    }

    async fn cancel(&self, id: JobId) -> Result<(), ProverError> {
        self.job(id)?.send_replace(JobStatus::Cancelled);
        Ok(())
    }
}
