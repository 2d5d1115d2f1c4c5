//! Makes a proof and has it attested.

use crate::attesters::ProofToAttest;
use crate::crash;
use crate::event::Event;
use crate::logbook::{AttemptOutcome, Material, OpenOrder};
use crate::preflight::{self, LoadError};
use crate::rounds::growing_pause;
use crate::venue::Venue;
use crate::workshop::{Bench, StepError};
use alloy::primitives::B256;
use bytes::Bytes;
use rialto_artifacts::ArtifactId;
use rialto_planner::{Preflight, Proven, Standing};
use rialto_protocol::{Cycles, Timestamp};
use rialto_zkvm::{ExecutionLimits, JobId, JobStatus, ProofJob, ProofKind, ProverError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Proves, checks the proof natively, and keeps it. Each attempt is on record before it begins.
pub(crate) async fn prove(
    venue: Arc<Venue>,
    open: Arc<OpenOrder>,
    deadline: Timestamp,
    bench: Bench,
) -> Result<(), StepError> {
    let digest = open.order.digest;
    let (elf, stdin) = material(&venue, &open).await?;
    venue.tell(venue.logbook.note(Some(digest), Event::Proving { deadline }).await?);
    let attempt = venue.logbook.begin_attempt(digest).await?;
    let began = Instant::now();
    // What was judged keeps within the limits of then; what was not, and what the operator has
    // forbidden since, is proven all the same: it is promised.
    let limits = ExecutionLimits {
        cycles_max: open.order.cycles().unwrap_or(Cycles(u64::MAX)),
        memory_max_bytes: u64::MAX,
        journal_max_bytes: u64::MAX,
    };
    let job = ProofJob { elf, stdin, limits, kind: ProofKind::Composite };
    let made = make(&venue, &open, job, &bench).await;
    let kept = match made {
        Ok(Some(proof)) => keep(&venue, &open, proof).await,
        Ok(None) => {
            venue.logbook.end_attempt(attempt, AttemptOutcome::Cancelled, now(&venue)).await?;
            venue.tell(venue.logbook.note(Some(digest), Event::ProofCancelled).await?);
            return Ok(());
        }
        Err(error) => Err(error),
    };
    match kept {
        Ok((run, proven)) => {
            let proving_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            venue.tell(venue.logbook.proven(digest, &run, proven, proving_ms).await?);
            venue.logbook.end_attempt(attempt, AttemptOutcome::Proven, now(&venue)).await?;
            venue.wake.notify_one();
            Ok(())
        }
        Err(error) => {
            let ended = AttemptOutcome::Failed;
            let failures = venue.logbook.end_attempt(attempt, ended, now(&venue)).await?;
            Err(rest(&venue, error, failures, deadline))
        }
    }
}

/// The chain's time, by which everything that the planner compares with deadlines is kept.
fn now(venue: &Venue) -> Timestamp {
    venue.head.borrow().now()
}

/// After more failures than `proof_retry_count` the pause between attempts grows, as long as it takes
/// little of the time that is left; they go on until the deadline is out of reach.
fn rest(venue: &Venue, error: StepError, failures: u32, deadline: Timestamp) -> StepError {
    match error {
        StepError::Again { step, reason, .. } => {
            let settings = venue.settings();
            let settings = &settings.prover;
            let base = Duration::from_millis(settings.proof_retry_sleep_ms);
            let grown = growing_pause(base, failures, settings.proof_retry_count);
            let left = Duration::from_secs(now(venue).seconds_until(deadline));
            let after = grown.min((left / PAUSE_SHARE).max(base));
            StepError::Again { step, reason, after }
        }
        logbook => logbook,
    }
}

/// A pause between two attempts takes at most this part of the time that is left: a prover that comes
/// back late must still find time for all that waits for it.
const PAUSE_SHARE: u32 = 16;

/// Checks a proof natively and puts it into the store.
async fn keep(
    venue: &Venue,
    open: &OpenOrder,
    proof: Bytes,
) -> Result<(Preflight, Proven), StepError> {
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
    let kept = crash::around("keep a proof", venue.store.put(proof)).await;
    let ArtifactId(id) = kept.map_err(|error| StepError::again("keep a proof", &error))?;
    let run = Preflight {
        cycles: open.order.cycles().unwrap_or_default(),
        image_id: claim.image_id,
        journal: claim.journal,
    };
    let at = now(venue);
    Ok((run, Proven { proof: B256::new(id), claim: claim.claim_digest, at }))
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

/// The proof, or nothing if it was cancelled.
async fn make(
    venue: &Venue,
    open: &OpenOrder,
    job: ProofJob,
    bench: &Bench,
) -> Result<Option<Bytes>, StepError> {
    let id = retried(venue, || venue.prover.submit(job.clone())).await?;
    let mut status = retried(venue, || venue.prover.watch(id)).await?;
    let mut running_since = None;
    let poll = Duration::from_millis(venue.settings().prover.status_poll_ms.max(1));
    loop {
        let now = status.borrow_and_update().clone();
        match now {
            JobStatus::Done => break,
            JobStatus::Failed { reason, .. } => return Err(failed(reason)),
            JobStatus::Cancelled if bench.cancelled.is_cancelled() => return Ok(None),
            JobStatus::Cancelled => return Err(failed("it was cancelled".into())),
            JobStatus::Running(progress) => {
                let permille = progress.permille();
                let since = *running_since.get_or_insert_with(Instant::now);
                bench.left.send_replace(left_of(since.elapsed(), permille));
                venue.mention(open.order.digest, Event::Progress { permille });
            }
            JobStatus::Queued => {}
        }
        tokio::select! {
            changed = status.changed() => {
                if changed.is_err() {
                    return Err(failed("the prover forgot the job".into()));
                }
            }
            // A prover elsewhere can fall silent: it is asked, and a job it lost is lost.
            () = tokio::time::sleep(poll) => still_there(venue, id).await?,
            () = bench.cancelled.cancelled() => {
                // The job may have ended meanwhile; either way nobody waits for it.
                let _ = venue.prover.cancel(id).await;
                return Ok(None);
            }
        }
    }
    retried(venue, || venue.prover.fetch(id)).await.map(Some)
}

/// What is left of a proof, by what its part took so far; nothing before a twentieth is done.
fn left_of(elapsed: Duration, permille: u32) -> Option<Duration> {
    let done = permille.min(1_000);
    (done >= 50).then(|| elapsed.saturating_mul(1_000 - done) / done)
}

/// Asks for the status up to `status_poll_retry_count` times more.
async fn still_there(venue: &Venue, id: JobId) -> Result<(), StepError> {
    let settings = venue.settings();
    let settings = &settings.prover;
    let pause = Duration::from_millis(settings.status_poll_ms);
    let asked = tries(settings.status_poll_retry_count, pause, || venue.prover.status(id));
    asked.await.map(drop).map_err(|error| failed(crate::logbook::with_sources(&error)))
}

/// One request to the prover, up to `req_retry_count` times more.
async fn retried<T, F>(venue: &Venue, ask: impl Fn() -> F) -> Result<T, StepError>
where
    F: Future<Output = Result<T, ProverError>>,
{
    let settings = venue.settings();
    let settings = &settings.prover;
    let pause = Duration::from_millis(settings.req_retry_sleep_ms);
    let answer = tries(settings.req_retry_count, pause, ask).await;
    answer.map_err(|error| failed(crate::logbook::with_sources(&error)))
}

async fn tries<T, F>(retries: u32, pause: Duration, ask: impl Fn() -> F) -> Result<T, ProverError>
where
    F: Future<Output = Result<T, ProverError>>,
{
    let mut answer = in_time(ask()).await;
    for _ in 0..retries {
        match &answer {
            // What is not known will not be known next time.
            Ok(_) | Err(ProverError::UnknownJob(_)) => break,
            Err(_) => tokio::time::sleep(pause).await,
        }
        answer = in_time(ask()).await;
    }
    answer
}

/// A prover that says nothing would hold the order until its lock has lapsed.
async fn in_time<T>(asked: impl Future<Output = Result<T, ProverError>>) -> Result<T, ProverError> {
    timeout(ANSWER_LIMIT, asked).await.unwrap_or_else(|_| {
        Err(ProverError::Unreachable { reason: format!("no answer in {ANSWER_LIMIT:?}") })
    })
}

/// Longer than a proof takes to travel, shorter than the time that a lock has to spare.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

fn failed(reason: String) -> StepError {
    StepError::Again { step: "prove", reason, after: Duration::ZERO }
}

/// Asks the attesters for their signatures over all of them at once, and keeps each one's seal.
pub(crate) async fn seal(venue: Arc<Venue>, orders: Vec<Arc<OpenOrder>>) -> Result<(), StepError> {
    let mut claimed = Vec::with_capacity(orders.len());
    for open in &orders {
        let Standing::Proven(run, proven) = &open.order.standing else { return Ok(()) };
        let bytes = venue.store.get(&ArtifactId(proven.proof.0)).await;
        let proof = bytes.map_err(|error| StepError::again("read the proof back", &error))?;
        let (image_id, claim_digest) = (run.image_id, proven.claim);
        claimed.push(ProofToAttest { image_id, claim_digest, proof: proof.into() });
    }
    let attested = venue.attesters.attest(venue.attester_domain, &claimed).await;
    let attested = attested.map_err(|error| StepError::again("have the proof attested", &error))?;
    let signers = attested.signers.len();
    for (i, open) in orders.iter().enumerate() {
        let seal = attested.seal(i).expect("every claim was attested");
        venue.tell(venue.logbook.sealed(open.order.digest, &seal, signers).await?);
    }
    venue.wake.notify_one();
    Ok(())
}
