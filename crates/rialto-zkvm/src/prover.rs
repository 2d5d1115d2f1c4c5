//! The port to proving: how to have a proof made, by whomever.
//!
//! A job is named by what it is, so submitting it twice is submitting it once, and a caller
//! that crashed asks again with the same words. Proofs of finished jobs are kept for a while,
//! not for ever: whoever needs one fetches and stores it.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::hex;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::watch;

use crate::{ExecutionLimits, Progress, ProofKind};

/// Makes proofs in the background.
#[async_trait]
pub trait Prover: Send + Sync {
    /// Has `job` proven. A job that is known already is not started again, unless it failed
    /// or was cancelled: then this is its next attempt.
    ///
    /// # Errors
    /// If the prover takes no more work now.
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError>;

    /// How the job stands.
    ///
    /// # Errors
    /// If the job is not known (any more).
    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError>;

    /// The job's status as it changes. A slow receiver sees the latest and misses some in
    /// between. The channel closes when the job is forgotten.
    ///
    /// # Errors
    /// If the job is not known (any more).
    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError>;

    /// The finished proof, in its envelope.
    ///
    /// # Errors
    /// If the job is not known (any more) or has no proof (yet).
    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError>;

    /// Whether a job submitted now would be taken and worked on. Cheap, and asked often: promises
    /// are made on the strength of it.
    ///
    /// # Errors
    /// Why not.
    async fn ready(&self) -> Result<(), ProverError>;

    /// Stops the job before its next step; a job that has ended stays as it is. Returns at
    /// once: [`watch`](Self::watch) says when it has stopped.
    ///
    /// # Errors
    /// If the job is not known (any more).
    async fn cancel(&self, id: JobId) -> Result<(), ProverError>;
}

/// What is to be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofJob {
    /// The program.
    pub elf: Bytes,
    /// Its input.
    pub stdin: Bytes,
    /// What its execution may use.
    pub limits: ExecutionLimits,
    /// The form of the proof.
    pub kind: ProofKind,
}

impl ProofJob {
    /// The job's name: SHA-256 over the digests of program and input, the limits and the kind.
    pub fn id(&self) -> JobId {
        let (program, input) = (Sha256::digest(&self.elf), Sha256::digest(&self.stdin));
        JobId::of(program.into(), input.into(), &self.limits, self.kind)
    }
}

/// Names a job by its content. Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub [u8; 32]);

impl JobId {
    /// The name of the job whose program and input have these SHA-256 digests.
    pub fn of(
        program: [u8; 32],
        input: [u8; 32],
        limits: &ExecutionLimits,
        kind: ProofKind,
    ) -> Self {
        let ExecutionLimits { cycles_max, memory_max_bytes, journal_max_bytes } = *limits;
        let mut hasher = Sha256::new();
        hasher.update(b"rialto.proof-job.v2");
        hasher.update(program);
        hasher.update(input);
        for limit in [cycles_max.0, memory_max_bytes, journal_max_bytes] {
            hasher.update(limit.to_be_bytes());
        }
        hasher.update(match kind {
            ProofKind::Composite => [0],
            ProofKind::Compressed => [1],
        });
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a job id is 64 hexadecimal digits")]
pub struct InvalidJobId;

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        let mut id = [0; 32];
        hex::decode_to_slice(text, &mut id).map_err(|_| InvalidJobId)?;
        Ok(Self(id))
    }
}

/// The life of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStatus {
    /// It waits for its turn.
    Queued,
    /// It is being worked on.
    Running(Progress),
    /// Its proof can be fetched.
    Done,
    /// There will be no proof from this attempt.
    Failed {
        /// Why, for people and the logbook.
        reason: String,
        /// Whether trying again could end differently. A program that refuses its input
        /// will refuse it again; a prover that ran out of memory may not.
        retryable: bool,
    },
    /// It was stopped on request.
    Cancelled,
}

impl JobStatus {
    /// Whether nothing more will happen to this attempt.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Queued | Self::Running(_) => false,
            Self::Done | Self::Failed { .. } | Self::Cancelled => true,
        }
    }
}

/// Why a prover did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProverError {
    /// As many jobs wait as may.
    #[error("the prover's queue is full: {jobs} jobs wait")]
    QueueFull {
        /// How many.
        jobs: usize,
    },
    /// No such job: never submitted, or ended so long ago that it was forgotten.
    #[error("job {0} is not known; submit it (again)")]
    UnknownJob(JobId),
    /// The job has no proof, or none yet.
    #[error("job {0} has no proof to fetch")]
    NoProof(JobId),
    /// The prover is shutting down.
    #[error("the prover is shutting down")]
    ShuttingDown,
    /// The prover is elsewhere and could not be asked.
    #[error("the prover could not be reached: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
}
