//! A prover in this process: jobs in order of arrival, each in one of its own OS threads.
//!
//! Proving never runs on an async runtime's threads. A panic of the zkVM fails the job and
//! nothing else. Dropping the prover stops running jobs before their next segment and does not
//! wait for them.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::guard::guarded;
use crate::{
    ExecuteError, JobId, JobStatus, Progress, ProofJob, ProveError, Prover, ProverError, Zkvm,
};

/// How much a [`LocalProver`] does at once and remembers.
#[derive(Clone, Copy, Debug)]
pub struct LocalProverConfig {
    /// Jobs proven at the same time. One proof already uses every core and gigabytes of
    /// memory, so more than one rarely pays.
    pub concurrent_jobs: NonZeroUsize,
    /// Jobs that may wait. Their programs and inputs are held in memory.
    pub queued_jobs_max: usize,
    /// Ended jobs, with their proofs, that are remembered; the oldest are forgotten first.
    pub ended_jobs_max: usize,
}

impl Default for LocalProverConfig {
    fn default() -> Self {
        Self { concurrent_jobs: NonZeroUsize::MIN, queued_jobs_max: 256, ended_jobs_max: 64 }
    }
}

/// Proves with a zkVM in threads of this process.
pub struct LocalProver {
    shared: Arc<Shared>,
}

impl LocalProver {
    /// Starts the threads, idle until the first job.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(zkvm: Arc<dyn Zkvm>, config: LocalProverConfig) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            config,
            desk: Mutex::new(Desk::default()),
            work_arrived: Condvar::new(),
        });
        // Made before the threads, so that the threads end if one of them cannot be started.
        let prover = Self { shared };
        for number in 0..config.concurrent_jobs.get() {
            let (shared, zkvm) = (Arc::clone(&prover.shared), Arc::clone(&zkvm));
            thread::Builder::new()
                .name(format!("prove-{number}"))
                .spawn(move || work_until_closed(&shared, zkvm.as_ref()))?;
        }
        Ok(prover)
    }
}

impl Drop for LocalProver {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        desk.closed = true;
        desk.jobs.values_mut().for_each(|job| job.cancel_requested = true);
        drop(desk);
        self.shared.work_arrived.notify_all();
    }
}

#[async_trait]
impl Prover for LocalProver {
    async fn submit(&self, job: ProofJob) -> Result<JobId, ProverError> {
        let id = job.id();
        self.shared.desk().submit(id, job, self.shared.config.queued_jobs_max)?;
        self.shared.work_arrived.notify_one();
        Ok(id)
    }

    async fn status(&self, id: JobId) -> Result<JobStatus, ProverError> {
        self.shared.desk().entry(id).map(|entry| entry.status.borrow().clone())
    }

    async fn watch(&self, id: JobId) -> Result<watch::Receiver<JobStatus>, ProverError> {
        self.shared.desk().entry(id).map(|entry| entry.status.subscribe())
    }

    async fn fetch(&self, id: JobId) -> Result<Bytes, ProverError> {
        self.shared.desk().entry(id)?.proof.clone().ok_or(ProverError::NoProof(id))
    }

    async fn ready(&self) -> Result<(), ProverError> {
        let desk = self.shared.desk();
        if desk.closed {
            return Err(ProverError::ShuttingDown);
        }
        match desk.queue.len() {
            jobs if jobs >= self.shared.config.queued_jobs_max => {
                Err(ProverError::QueueFull { jobs })
            }
            _ => Ok(()),
        }
    }

    async fn cancel(&self, id: JobId) -> Result<(), ProverError> {
        let mut desk = self.shared.desk();
        desk.entry(id)?.cancel_requested = true;
        if let Some(place) = desk.queue.iter().position(|(queued, _)| *queued == id) {
            desk.queue.remove(place);
            desk.end(id, Err(ProveError::Cancelled), self.shared.config.ended_jobs_max);
        }
        Ok(())
    }
}

struct Shared {
    config: LocalProverConfig,
    desk: Mutex<Desk>,
    work_arrived: Condvar,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing that holds the lock runs foreign code, so a poisoned desk is still whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything the prover knows. Held only for moments, never while anything computes.
#[derive(Default)]
struct Desk {
    jobs: HashMap<JobId, Entry>,
    queue: VecDeque<(JobId, ProofJob)>,
    /// Ended jobs, oldest first.
    ended: VecDeque<JobId>,
    closed: bool,
}

struct Entry {
    status: watch::Sender<JobStatus>,
    proof: Option<Bytes>,
    cancel_requested: bool,
}

impl Desk {
    fn entry(&mut self, id: JobId) -> Result<&mut Entry, ProverError> {
        self.jobs.get_mut(&id).ok_or(ProverError::UnknownJob(id))
    }

    fn submit(&mut self, id: JobId, job: ProofJob, jobs_max: usize) -> Result<(), ProverError> {
        if self.closed {
            return Err(ProverError::ShuttingDown);
        }
        if let Ok(entry) = self.entry(id) {
            let again =
                matches!(*entry.status.borrow(), JobStatus::Failed { .. } | JobStatus::Cancelled);
            if !again {
                // Whoever asks for the job takes back that it should stop.
                entry.cancel_requested = false;
                return Ok(());
            }
        }
        if self.queue.len() >= jobs_max {
            return Err(ProverError::QueueFull { jobs: self.queue.len() });
        }
        self.ended.retain(|ended| *ended != id);
        match self.jobs.get_mut(&id) {
            // Whoever watches the job sees its next attempt on the same channel.
            Some(entry) => {
                entry.cancel_requested = false;
                entry.status.send_replace(JobStatus::Queued);
            }
            None => {
                let status = watch::Sender::new(JobStatus::Queued);
                self.jobs.insert(id, Entry { status, proof: None, cancel_requested: false });
            }
        }
        self.queue.push_back((id, job));
        Ok(())
    }

    /// Records how a job ended and forgets the oldest ended ones.
    fn end(&mut self, id: JobId, result: Result<Bytes, ProveError>, ended_max: usize) {
        let Ok(entry) = self.entry(id) else { return };
        let status = match result {
            Ok(proof) => {
                entry.proof = Some(proof);
                JobStatus::Done
            }
            Err(ProveError::Cancelled) => JobStatus::Cancelled,
            Err(error) => {
                JobStatus::Failed { reason: with_sources(&error), retryable: retryable(&error) }
            }
        };
        entry.status.send_replace(status);
        self.ended.push_back(id);
        while self.ended.len() > ended_max {
            if let Some(oldest) = self.ended.pop_front() {
                self.jobs.remove(&oldest);
            }
        }
    }

    /// Tells watchers of `progress`; breaks if the job should stop here.
    fn advance(&mut self, id: JobId, progress: Progress) -> ControlFlow<()> {
        match self.entry(id) {
            Ok(entry) if !entry.cancel_requested => {
                entry.status.send_replace(JobStatus::Running(progress));
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }
}

/// The body of a proving thread.
fn work_until_closed(shared: &Shared, zkvm: &dyn Zkvm) {
    while let Some((id, job)) = next_job(shared) {
        let ProofJob { elf, stdin, limits, kind } = &job;
        let watch = &mut |progress| shared.desk().advance(id, progress);
        let result = guarded(|| zkvm.prove(elf, stdin, limits, *kind, watch));
        let result = result.unwrap_or_else(|reason| Err(ProveError::Internal { reason }));
        shared.desk().end(id, result, shared.config.ended_jobs_max);
    }
}

/// Waits for a job; nothing when the prover closes.
fn next_job(shared: &Shared) -> Option<(JobId, ProofJob)> {
    let mut desk = shared.desk();
    loop {
        if desk.closed {
            return None;
        }
        if let Some(job) = desk.queue.pop_front() {
            return Some(job);
        }
        desk = shared.work_arrived.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

fn retryable(error: &ProveError) -> bool {
    match error {
        ProveError::Execute(fault) => {
            matches!(fault, ExecuteError::Internal { .. } | ExecuteError::Stopped)
        }
        ProveError::NoSuchKind(_) => false,
        _ => true,
    }
}

/// The error and what caused it, on one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
