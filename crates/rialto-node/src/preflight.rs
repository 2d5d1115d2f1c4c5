//! Runs a request's program within its budget and judges what came out.

use crate::logbook::{Material, OpenOrder};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::primitives::B256;
use bytes::Bytes;
use rialto_artifacts::{ArtifactId, FetchError};
use rialto_planner::{Budget, Preflight, Skip, appraise};
use rialto_protocol::{Input, ProofRequest, guest_env};
use rialto_zkvm::{ExecuteError, ExecutionLimits};
use std::sync::Arc;

/// Program and input in hand, and kept.
pub(crate) struct Loaded {
    pub(crate) elf: Bytes,
    pub(crate) stdin: Bytes,
    pub(crate) material: Material,
}

/// Why there is nothing to run.
pub(crate) enum LoadError {
    /// For good.
    Skip(Skip),
    /// For now.
    Step(StepError),
}

impl From<StepError> for LoadError {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

pub(crate) async fn run(
    venue: Arc<Venue>,
    open: OpenOrder,
    budget: Budget,
) -> Result<(), StepError> {
    let digest = open.order.digest;
    let verdict = match judge(&venue, &open.order.request, budget).await {
        Ok((material, run)) => {
            let market = venue.plan(&[]).await?.market;
            match appraise(&open.order.request, &run, &venue.policy, &market) {
                Ok(bid) => venue.logbook.bid(digest, material, &run, &bid).await?,
                Err(skip) => venue.logbook.skip(digest, &skip).await?,
            }
        }
        Err(LoadError::Skip(skip)) => venue.logbook.skip(digest, &skip).await?,
        Err(LoadError::Step(error)) => return Err(error),
    };
    venue.tell(verdict);
    venue.wakes.all();
    Ok(())
}

async fn judge(
    venue: &Arc<Venue>,
    request: &ProofRequest,
    budget: Budget,
) -> Result<(Material, Preflight), LoadError> {
    let _place = venue.preflights.acquire().await.expect("the semaphore is never closed");
    let loaded = load(venue, request).await?;
    let limits = ExecutionLimits {
        cycles_max: budget.cycles_max,
        memory_max_bytes: venue.settings.prover.max_guest_memory_bytes,
        journal_max_bytes: budget.journal_bytes_max,
    };
    let zkvm = venue.zkvm.clone();
    let material = loaded.material;
    let ran = tokio::task::spawn_blocking(move || {
        let run = zkvm.execute(&loaded.elf, &loaded.stdin, &limits)?;
        let image_id = zkvm.image_id(&loaded.elf)?;
        Ok(Preflight { cycles: run.cycles, image_id, journal: run.journal })
    });
    match ran.await.expect("an execution returns its errors") {
        Ok(run) => Ok((material, run)),
        Err(error) => Err(refusal(error, budget)),
    }
}

fn refusal(error: ExecuteError, budget: Budget) -> LoadError {
    LoadError::Skip(match error {
        ExecuteError::CycleLimit { limit } => {
            Skip::TooManyCycles { cycles_max: limit, why: budget.limited_by }
        }
        ExecuteError::JournalTooLong { bytes, limit_bytes } => {
            Skip::JournalTooLong { bytes, limit: limit_bytes }
        }
        ExecuteError::Internal { .. } => {
            return LoadError::Step(StepError::again("run the program", &error));
        }
        blame => Skip::CannotBeSatisfied { what: blame.to_string() },
    })
}

/// Fetches program and input and keeps them by content, so that what was judged is what is proven,
/// whatever their URLs say later.
pub(crate) async fn load(venue: &Venue, request: &ProofRequest) -> Result<Loaded, LoadError> {
    let elf = fetch(venue, &request.image_url).await?;
    let encoded = match &request.input {
        Input::Inline(data) => data.clone().into(),
        Input::Url(url) => fetch(venue, url).await?,
    };
    let stdin: Bytes = guest_env::decode(&encoded)
        .map_err(|error| LoadError::Skip(Skip::Malformed { what: error.to_string() }))?
        .into();
    let material =
        Material { program: keep(venue, &elf).await?, stdin: keep(venue, &stdin).await? };
    Ok(Loaded { elf, stdin, material })
}

async fn fetch(venue: &Venue, url: &str) -> Result<Bytes, LoadError> {
    match venue.fetcher.fetch(url).await {
        Ok(fetched) => Ok(fetched.bytes),
        Err(error) => Err(unfetchable(&error)),
    }
}

fn unfetchable(error: &FetchError) -> LoadError {
    // The fetcher has already tried as often as it may.
    LoadError::Skip(Skip::Unfetchable { what: crate::logbook::with_sources(error) })
}

async fn keep(venue: &Venue, bytes: &Bytes) -> Result<B256, StepError> {
    let kept = venue.store.put(bytes.clone()).await;
    let ArtifactId(id) = kept.map_err(|error| StepError::again("keep an artifact", &error))?;
    Ok(B256::new(id))
}
