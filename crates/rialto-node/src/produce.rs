//! Makes a proof and has it attested.

use crate::attesters::ProofToAttest;
use crate::event::Event;
use crate::logbook::{Material, OpenOrder};
use crate::preflight::{self, LoadError};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::primitives::B256;
use bytes::Bytes;
use rialto_artifacts::ArtifactId;
use rialto_planner::{Preflight, Proven, Standing};
use rialto_protocol::{Cycles, Timestamp};
use rialto_zkvm::{ExecutionLimits, JobStatus, ProofJob};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Proves, checks the proof natively, and keeps it.
pub(crate) async fn prove(
    venue: Arc<Venue>,
    open: OpenOrder,
    deadline: Timestamp,
) -> Result<(), StepError> {
    let digest = open.order.digest;
    let (elf, stdin) = material(&venue, &open).await?;
    venue.tell(venue.logbook.note(Some(digest), Event::Proving { deadline }).await?);
    let began = Instant::now();
    let limits = ExecutionLimits {
        cycles_max: Cycles(venue.policy.max_mcycle_limit.saturating_mul(1_000_000)),
        memory_max_bytes: venue.settings.prover.max_guest_memory_bytes,
        journal_max_bytes: venue.policy.max_journal_bytes,
    };
    let proof = make(&venue, &open, ProofJob { elf, stdin, limits }).await?;
    let zkvm = venue.zkvm.clone();
    let bytes = proof.clone();
    let verified = tokio::task::spawn_blocking(move || zkvm.verify(&bytes)).await;
    let claim = verified
        .expect("verification returns its errors")
        .map_err(|error| StepError::again("verify our proof", &error))?;
    let predicate = &open.order.request.requirements.predicate;
    predicate
        .check(claim.image_id, &claim.journal)
        .map_err(|error| StepError::again("match our proof to the request", &error))?;
    let kept = venue.store.put(proof).await;
    let ArtifactId(id) = kept.map_err(|error| StepError::again("keep a proof", &error))?;
    let run = Preflight {
        cycles: open.order.cycles().unwrap_or_default(),
        image_id: claim.image_id,
        journal: claim.journal,
    };
    let proven = Proven { proof: B256::new(id), claim: claim.claim_digest };
    let proving_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    venue.tell(venue.logbook.proven(digest, &run, proven, proving_ms).await?);
    venue.wakes.all();
    Ok(())
}

/// Program and input as they were judged; fetched now for a lock that was made without judgement.
async fn material(venue: &Venue, open: &OpenOrder) -> Result<(Bytes, Bytes), StepError> {
    let digest = open.order.digest;
    if let Some(Material { program, stdin }) = venue.logbook.material(digest).await? {
        let kept = async |id: B256| venue.store.get(&ArtifactId(id.0)).await;
        if let (Ok(elf), Ok(stdin)) = (kept(program).await, kept(stdin).await) {
            return Ok((elf, stdin));
        }
    }
    match preflight::load(venue, &open.order.request).await {
        Ok(loaded) => {
            venue.logbook.keep_material(digest, loaded.material).await?;
            Ok((loaded.elf, loaded.stdin))
        }
        Err(LoadError::Step(error)) => Err(error),
        Err(LoadError::Skip(skip)) => Err(StepError::Again {
            step: "get program and input",
            reason: skip.to_string(),
            after: Duration::from_secs(5),
        }),
    }
}

async fn make(venue: &Venue, open: &OpenOrder, job: ProofJob) -> Result<Bytes, StepError> {
    let failed = |error: &dyn std::error::Error| StepError::again("prove", error);
    let id = venue.prover.submit(job).await.map_err(|error| failed(&error))?;
    let mut status = venue.prover.watch(id).await.map_err(|error| failed(&error))?;
    loop {
        let now = status.borrow_and_update().clone();
        match now {
            JobStatus::Done => break,
            JobStatus::Failed { reason, .. } => return Err(prove_again(venue, reason)),
            JobStatus::Cancelled => return Err(prove_again(venue, "it was cancelled".into())),
            JobStatus::Running(progress) => {
                let permille = progress.permille();
                venue.mention(open.order.digest, Event::Progress { permille });
            }
            JobStatus::Queued => {}
        }
        if status.changed().await.is_err() {
            return Err(prove_again(venue, "the prover forgot the job".into()));
        }
    }
    venue.prover.fetch(id).await.map_err(|error| failed(&error))
}

fn prove_again(venue: &Venue, reason: String) -> StepError {
    let after = Duration::from_millis(venue.settings.prover.proof_retry_sleep_ms);
    StepError::Again { step: "prove", reason, after }
}

/// Asks the attesters for their signatures and keeps the seal.
pub(crate) async fn seal(venue: Arc<Venue>, open: OpenOrder) -> Result<(), StepError> {
    let Standing::Proven(run, _, proven) = &open.order.standing else { return Ok(()) };
    let bytes = venue.store.get(&ArtifactId(proven.proof.0)).await;
    let proof = bytes.map_err(|error| StepError::again("read the proof back", &error))?;
    let claimed =
        ProofToAttest { image_id: run.image_id, claim_digest: proven.claim, proof: proof.into() };
    let attested = venue.attesters.attest(venue.attester_domain, &[claimed]).await;
    let attested = attested.map_err(|error| StepError::again("have the proof attested", &error))?;
    let seal = attested.seal(0).expect("one claim was attested");
    let signers = attested.signers.len();
    venue.tell(venue.logbook.sealed(open.order.digest, &seal, signers).await?);
    venue.wakes.all();
    Ok(())
}
