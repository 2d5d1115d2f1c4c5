//! The local prover, with the mock: what happens around proving.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use rialto_protocol::Cycles;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{
    ExecuteError, JobId, JobStatus, LocalProver, LocalProverConfig, Progress, ProofJob, ProofKind,
    ProofVerifier, ProveError, Prover, ProverError,
};

use crate::fixture::LIMITS;

fn job(elf: &'static str, stdin: &'static str) -> ProofJob {
    ProofJob { elf: elf.into(), stdin: stdin.into(), limits: LIMITS, kind: ProofKind::Composite }
}

/// `echo` gives back its input in two segments, `refuse` refuses it.
fn mock() -> MockZkvm {
    let echo = |stdin: &[u8]| {
        Ok(MockRun { segments: vec![Cycles(300), Cycles(100)], journal: stdin.to_vec() })
    };
    let refuse = |_: &[u8]| Err(ExecuteError::GuestPanicked { message: "no".to_owned() });
    MockZkvm::new().with_program("echo", echo).with_program("refuse", refuse)
}

fn start(zkvm: MockZkvm, config: LocalProverConfig) -> LocalProver {
    LocalProver::start(Arc::new(zkvm), config).unwrap()
}

/// A mock that tells of each segment it begins and waits to be told how to end it.
fn gated() -> (MockZkvm, Receiver<u32>, Sender<Result<(), ProveError>>) {
    let (began, begins) = channel();
    let (go, gate) = channel::<Result<(), ProveError>>();
    let gate = Mutex::new(gate);
    let zkvm = mock().with_segment_hook(move |segment| {
        began.send(segment.index).unwrap();
        gate.lock().unwrap().recv().unwrap()
    });
    (zkvm, begins, go)
}

async fn ended(prover: &LocalProver, id: JobId) -> JobStatus {
    let mut watch = prover.watch(id).await.unwrap();
    watch.wait_for(JobStatus::has_ended).await.unwrap().clone()
}

#[tokio::test]
async fn a_job_is_proven_and_fetched() {
    let prover = start(mock(), LocalProverConfig::default());
    let id = prover.submit(job("echo", "hello")).await.unwrap();
    assert_eq!(ended(&prover, id).await, JobStatus::Done);
    let proof = prover.fetch(id).await.unwrap();
    assert_eq!(mock().verify(&proof).unwrap().journal.0.to_vec(), b"hello");
}

#[tokio::test]
async fn a_job_is_named_by_its_content() {
    let id = job("echo", "hello").id();
    let other_limits = ProofJob {
        limits: rialto_zkvm::ExecutionLimits { journal_max_bytes: 1, ..LIMITS },
        ..job("echo", "hello")
    };
    let other_kind = ProofJob { kind: ProofKind::Compressed, ..job("echo", "hello") };
    let others = [job("echo", "hell"), job("refuse", "hello"), job("ech", "ohello")];
    for other in others.iter().chain([&other_limits, &other_kind]) {
        assert_ne!(other.id(), id);
    }
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!("0x12".parse::<JobId>().is_err());
}

#[tokio::test]
async fn progress_is_seen_segment_by_segment() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());
    let id = prover.submit(job("echo", "")).await.unwrap();
    let mut seen = Vec::new();
    for segment in 0..2 {
        assert_eq!(begins.recv().unwrap(), segment);
        let JobStatus::Running(progress) = prover.status(id).await.unwrap() else { panic!() };
        seen.push((progress, progress.permille()));
        assert_eq!(prover.fetch(id).await, Err(ProverError::NoProof(id)));
        go.send(Ok(())).unwrap();
    }
    let proving = |segments_done, cycles_done| Progress::Proving {
        segments_done,
        segments: 2,
        cycles_done: Cycles(cycles_done),
        cycles: Cycles(400),
    };
    assert_eq!(seen, [(proving(0, 0), 0), (proving(1, 300), 750)]);
    assert_eq!(ended(&prover, id).await, JobStatus::Done);
}

#[tokio::test]
async fn submitting_twice_is_submitting_once() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());
    let id = prover.submit(job("echo", "")).await.unwrap();
    begins.recv().unwrap();
    assert_eq!(prover.submit(job("echo", "")).await, Ok(id));
    go.send(Ok(())).unwrap();
    go.send(Ok(())).unwrap();
    assert_eq!(ended(&prover, id).await, JobStatus::Done);
    assert_eq!(prover.submit(job("echo", "")).await, Ok(id));
    assert_eq!(prover.status(id).await, Ok(JobStatus::Done));
    assert_eq!(begins.try_iter().count(), 1, "only the second segment of the first time");
}

#[tokio::test]
async fn a_running_job_is_cancelled_before_its_next_segment() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());
    let id = prover.submit(job("echo", "")).await.unwrap();
    begins.recv().unwrap();
    prover.cancel(id).await.unwrap();
    go.send(Ok(())).unwrap();
    assert_eq!(ended(&prover, id).await, JobStatus::Cancelled);
    assert_eq!(begins.try_iter().count(), 0);

    // It can be tried again, watched by whoever watched before.
    let watch = prover.watch(id).await.unwrap();
    prover.submit(job("echo", "")).await.unwrap();
    go.send(Ok(())).unwrap();
    go.send(Ok(())).unwrap();
    assert_eq!(ended(&prover, id).await, JobStatus::Done);
    assert_eq!(*watch.borrow(), JobStatus::Done);
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());
    let first = prover.submit(job("echo", "1")).await.unwrap();
    begins.recv().unwrap();
    let second = prover.submit(job("echo", "2")).await.unwrap();
    assert_eq!(prover.status(second).await, Ok(JobStatus::Queued));
    prover.cancel(second).await.unwrap();
    assert_eq!(prover.status(second).await, Ok(JobStatus::Cancelled));
    go.send(Ok(())).unwrap();
    go.send(Ok(())).unwrap();
    assert_eq!(ended(&prover, first).await, JobStatus::Done);
}

#[tokio::test]
async fn failures_say_whether_trying_again_can_help() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());

    let refused = prover.submit(job("refuse", "")).await.unwrap();
    let reason = "the program refused its input: no".to_owned();
    assert_eq!(ended(&prover, refused).await, JobStatus::Failed { reason, retryable: false });

    let id = prover.submit(job("echo", "")).await.unwrap();
    begins.recv().unwrap();
    go.send(Err(ProveError::Internal { reason: "out of memory".to_owned() })).unwrap();
    let reason = "the zkVM failed to prove: out of memory".to_owned();
    assert_eq!(ended(&prover, id).await, JobStatus::Failed { reason, retryable: true });
}

#[tokio::test]
async fn a_panic_fails_its_job_and_no_other() {
    let zkvm = mock().with_segment_hook(|segment| {
        assert!(segment.index == 0, "the second segment is cursed");
        Ok(())
    });
    let prover = start(zkvm, LocalProverConfig::default());
    for stdin in ["1", "2"] {
        let id = prover.submit(job("echo", stdin)).await.unwrap();
        let reason = "the zkVM failed to prove: the second segment is cursed".to_owned();
        assert_eq!(ended(&prover, id).await, JobStatus::Failed { reason, retryable: true });
    }
}

#[tokio::test]
async fn the_queue_and_the_memory_are_bounded() {
    let (zkvm, begins, go) = gated();
    let config = LocalProverConfig { queued_jobs_max: 1, ended_jobs_max: 1, ..Default::default() };
    let prover = start(zkvm, config);
    let first = prover.submit(job("echo", "1")).await.unwrap();
    begins.recv().unwrap();
    let second = prover.submit(job("echo", "2")).await.unwrap();
    let refused = prover.submit(job("echo", "3")).await;
    assert_eq!(refused, Err(ProverError::QueueFull { jobs: 1 }));
    (0..4).for_each(|_| go.send(Ok(())).unwrap());
    assert_eq!(ended(&prover, second).await, JobStatus::Done);
    assert_eq!(prover.fetch(first).await, Err(ProverError::UnknownJob(first)));
}

#[tokio::test]
async fn as_many_jobs_run_at_once_as_may() {
    let (zkvm, begins, go) = gated();
    let two = NonZeroUsize::new(2).unwrap();
    let prover = start(zkvm, LocalProverConfig { concurrent_jobs: two, ..Default::default() });
    let first = prover.submit(job("echo", "1")).await.unwrap();
    let second = prover.submit(job("echo", "2")).await.unwrap();
    // Both have begun while neither may end.
    assert_eq!([begins.recv().unwrap(), begins.recv().unwrap()], [0, 0]);
    (0..4).for_each(|_| go.send(Ok(())).unwrap());
    assert_eq!(ended(&prover, first).await, JobStatus::Done);
    assert_eq!(ended(&prover, second).await, JobStatus::Done);
}

#[tokio::test]
async fn a_dropped_prover_stops_before_the_next_segment() {
    let (zkvm, begins, go) = gated();
    let prover = start(zkvm, LocalProverConfig::default());
    let id = prover.submit(job("echo", "")).await.unwrap();
    let mut watch = prover.watch(id).await.unwrap();
    begins.recv().unwrap();
    drop(prover);
    go.send(Ok(())).unwrap();
    let end = watch.wait_for(JobStatus::has_ended).await.map(|status| status.clone());
    assert_eq!(end.unwrap(), JobStatus::Cancelled);
    // The prover's thread is gone, and with it the mock and its channel.
    assert!(begins.recv().is_err());
}
