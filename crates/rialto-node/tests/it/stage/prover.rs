//! A prover that fails as often as a script says, and counts what it is asked.

use async_trait::async_trait;
use bytes::Bytes;
use rialto_zkvm::{JobId, JobStatus, Progress, ProofJob, Prover, ProverError, Zkvm};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// It does what the first one does.
pub(crate) const OTHER_PROGRAM: &[u8] = b"another echo";

/// How long a proof takes, and what fails before anything goes well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) proof_s: u64,
    pub(crate) failing_submissions: u32,
    pub(crate) failing_looks: u32,
    pub(crate) failing_proofs: u32,
    pub(crate) first: FirstReply,
}

/// What is said to be the first proof.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FirstReply {
    Proof,
    Noise,
    /// A proof that breaks off.
    Cut,
    /// More than any proof has.
    Oversize,
    /// A proof of the same program for another input.
    OtherJournal,
    /// A proof of another program for the same input.
    OtherProgram,
}

impl Script {
    pub(crate) const WELL: Self = Self {
        proof_s: 2,
        failing_submissions: 0,
        failing_looks: 0,
        failing_proofs: 0,
        first: FirstReply::Proof,
    };
}

/// What has been asked of it.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) submissions: u32,
    pub(crate) looks: u32,
    pub(crate) proofs: u32,
    running: u32,
    pub(crate) most_at_once: u32,
    jobs: HashMap<JobId, (Arc<watch::Sender<JobStatus>>, Bytes)>,
}

pub(crate) struct CountingProver {
    script: Script,
    zkvm: Arc<dyn Zkvm>,
    asked: Arc<Mutex<Asked>>,
}

impl CountingProver {
    pub(crate) fn new(script: Script, zkvm: Arc<dyn Zkvm>) -> Self {
        Self { script, zkvm, asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap()
    }

    fn reply(&self, job: &ProofJob, reply: FirstReply) -> Bytes {
        let prove = |elf: &[u8], stdin: &[u8]| {
            let go_on = &mut |_| ControlFlow::Continue(());
            self.zkvm.prove(elf, stdin, &job.limits, job.kind, go_on).unwrap()
        };
        let proof = prove(&job.elf, &job.stdin);
        match reply {
            FirstReply::Proof => proof,
            FirstReply::Noise => Bytes::from_static(b"as good as a proof"),
            FirstReply::Cut => proof.slice(..proof.len() - 1),
            FirstReply::Oversize => [proof.as_ref(), &[0; 2 << 20]].concat().into(),
            FirstReply::OtherJournal => prove(&job.elf, b"something else"),
            FirstReply::OtherProgram => prove(OTHER_PROGRAM, &job.stdin),
        }
    }

    fn status_of(&self, id: JobId) -> Result<Arc<watch::Sender<JobStatus>>, ProverError> {
        let asked = self.asked();
        asked.jobs.get(&id).map(|(status, _)| status.clone()).ok_or(ProverError::UnknownJob(id))
    }
}

fn unreachable() -> ProverError {
    ProverError::Unreachable { reason: "so says the script".to_owned() }
}

#[async_trait]
impl Prover for CountingProver {
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError> {
        let id = job.id();
        let mut asked = self.asked();
        asked.submissions += 1;
        if asked.submissions <= self.script.failing_submissions {
            return Err(unreachable());
        }
        asked.proofs += 1;
        asked.running += 1;
        asked.most_at_once = asked.most_at_once.max(asked.running);
        let fails = asked.proofs <= self.script.failing_proofs;
        let status = Arc::new(watch::Sender::new(JobStatus::Running(Progress::Executing)));
        let reply = if asked.proofs == 1 { self.script.first } else { FirstReply::Proof };
        let proof = self.reply(&job, reply);
        asked.jobs.insert(id, (status.clone(), proof));
        let (asked, time) = (self.asked.clone(), Duration::from_secs(self.script.proof_s));
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            asked.lock().unwrap().running -= 1;
            let reason = "out of memory, says the script".to_owned();
            status.send_replace(match fails {
                true => JobStatus::Failed { reason, retryable: true },
                false => JobStatus::Done,
            });
        });
        Ok(id)
    }

    async fn ready(&self) -> Result<(), ProverError> {
        Ok(())
    }

    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError> {
        {
            let mut asked = self.asked();
            asked.looks += 1;
            if asked.looks <= self.script.failing_looks {
                return Err(unreachable());
            }
        }
        Ok(self.status_of(id)?.borrow().clone())
    }

    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError> {
        Ok(self.status_of(id)?.subscribe())
    }

    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError> {
        let asked = self.asked();
        asked.jobs.get(&id).map(|(_, proof)| proof.clone()).ok_or(ProverError::NoProof(id))
    }

    async fn cancel(&self, id: JobId) -> Result<(), ProverError> {
        self.status_of(id)?.send_replace(JobStatus::Cancelled);
        Ok(())
    }
}
