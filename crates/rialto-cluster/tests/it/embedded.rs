//! A cluster in one process.

use bytes::Bytes;
use rialto_artifacts::{ArtifactStore, StoreConfig};
use rialto_cluster::{Embedded, EmbeddedError};
use rialto_protocol::Cycles;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{
    ExecuteError, ExecutionLimits, JobId, JobStatus, ProofJob, ProofKind, ProofVerifier, Prover,
    ProverError,
};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

const ELF: &[u8] = b"a program";

fn zkvm() -> MockZkvm {
    MockZkvm::new().with_program(ELF, |stdin| match stdin {
        [0] => Err(ExecuteError::GuestPanicked { message: "nothing to do".to_owned() }),
        _ => {
            let segments = vec![Cycles(1_000); usize::from(stdin[0])];
            Ok(MockRun { segments, journal: stdin.to_vec() })
        }
    })
}

async fn start(directory: &Path) -> Result<Embedded, EmbeddedError> {
    let store = StoreConfig::Local { path: directory.join("artifacts") };
    let store = ArtifactStore::open(&store).expect("a store");
    Embedded::start(Arc::new(zkvm()), directory, store, NonZeroUsize::MIN).await
}

fn job(segments: u8, kind: ProofKind) -> ProofJob {
    let limits = ExecutionLimits {
        cycles_max: Cycles(1 << 30),
        memory_max_bytes: 1 << 30,
        journal_max_bytes: 1 << 10,
    };
    ProofJob { elf: Bytes::from_static(ELF), stdin: vec![segments].into(), limits, kind }
}

async fn ended(prover: &Embedded, id: JobId) -> JobStatus {
    let mut status = prover.watch(id).await.expect("it is known");
    let ended = status.wait_for(JobStatus::has_ended).await.expect("the channel stays open");
    ended.clone()
}

#[tokio::test]
async fn it_is_one_more_prover() {
    let directory = tempfile::tempdir().expect("a directory");
    let prover = start(directory.path()).await.expect("it starts");
    prover.ready().await.expect("it is ready");
    for job in [job(1, ProofKind::Composite), job(9, ProofKind::Compressed)] {
        let id = prover.submit(job.clone()).await.expect("it is taken");
        assert_eq!(id, job.id());
        assert_eq!(ended(&prover, id).await, JobStatus::Done);
        let proof = prover.fetch(id).await.expect("it is there");
        let claim = zkvm().verify(&proof).expect("it verifies");
        assert_eq!(claim.journal.0.as_ref(), job.stdin.as_ref());
    }
    let hopeless = prover.submit(job(0, ProofKind::Composite)).await.expect("it is taken");
    let JobStatus::Failed { reason, retryable } = ended(&prover, hopeless).await else {
        panic!("it cannot be proven");
    };
    assert!(reason.contains("nothing to do") && !retryable, "{reason}");
    assert_eq!(prover.fetch(hopeless).await, Err(ProverError::NoProof(hopeless)));
    let unknown = job(77, ProofKind::Composite).id();
    assert_eq!(prover.status(unknown).await, Err(ProverError::UnknownJob(unknown)));
}

#[tokio::test]
async fn a_directory_belongs_to_one_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = start(directory.path()).await.expect("it starts");
    let second = start(directory.path()).await.err().map(|error| error.to_string());
    assert!(second.is_some_and(|error| error.contains("another process proves in")));
    let id = first.submit(job(3, ProofKind::Composite)).await.expect("it is taken");
    assert_eq!(ended(&first, id).await, JobStatus::Done);
    drop(first);
    let again = start(directory.path()).await.expect("it starts again");
    assert_eq!(again.status(id).await, Ok(JobStatus::Done));
    assert!(again.fetch(id).await.is_ok(), "the proof is still there");
}
