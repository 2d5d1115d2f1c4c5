//! Runs a request's program within its budget and judges what came out.

use crate::crash;
use crate::logbook::{Material, OpenOrder};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::primitives::B256;
use bytes::Bytes;
use rialto_artifacts::{ArtifactId, FetchError, Fetcher};
use rialto_planner::{Budget, Preflight, Refusal, Skip, Waiting, appraise};
use rialto_protocol::{Input, ProofRequest, guest_env};
use rialto_zkvm::{ExecuteError, ExecutionLimits};
use std::sync::Arc;
use std::time::Duration;

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
    open: Arc<OpenOrder>,
    budget: Budget,
) -> Result<(), StepError> {
    let digest = open.order.digest;
    let verdict = match judge(&venue, &open.order.request, budget).await {
        Ok((material, run)) => {
            let market = venue.market_now();
            match appraise(&open.order.request, &run, &venue.policy(), &market) {
                Ok(worth) => venue.logbook.appraised(digest, material, &run, &worth).await?,
                Err(Refusal::Skip(skip)) => venue.logbook.skip(digest, &skip).await?,
                Err(Refusal::NoRate) => return Err(later(Waiting::Rate)),
                Err(Refusal::NoList) => return Err(later(Waiting::List)),
            }
        }
        Err(LoadError::Skip(skip)) => venue.logbook.skip(digest, &skip).await?,
        Err(LoadError::Step(error)) => return Err(error),
    };
    venue.tell(verdict);
    venue.wake.notify_one();
    Ok(())
}

/// The run is kept, so the next try takes no time.
fn later(missing: Waiting) -> StepError {
    StepError::Again {
        step: "price",
        reason: format!("it waits for {missing}"),
        after: Duration::from_secs(5),
    }
}

async fn judge(
    venue: &Arc<Venue>,
    request: &ProofRequest,
    budget: Budget,
) -> Result<(Material, Preflight), LoadError> {
    let loaded = load(venue, request).await?;
    let material = loaded.material;
    if let Some(run) = venue.logbook.known_run(material).await.map_err(StepError::from)? {
        return within(run, budget).map(|run| (material, run)).map_err(LoadError::Skip);
    }
    let limits = ExecutionLimits {
        cycles_max: budget.cycles_max,
        memory_max_bytes: venue.settings().prover.max_guest_memory_bytes,
        journal_max_bytes: budget.journal_bytes_max,
    };
    let zkvm = venue.zkvm.clone();
    let ran = tokio::task::spawn_blocking(move || {
        let run = zkvm.execute(&loaded.elf, &loaded.stdin, &limits)?;
        let image_id = zkvm.image_id(&loaded.elf)?;
        Ok(Preflight { cycles: run.cycles, image_id, journal: run.journal })
    });
    let run = ran.await.expect("an execution returns its errors");
    let run = run.map_err(|error| refusal(error, budget))?;
    venue.logbook.keep_run(material, &run).await.map_err(StepError::from)?;
    Ok((material, run))
}

/// What a run within the budget would have said.
fn within(run: Preflight, budget: Budget) -> Result<Preflight, Skip> {
    let bytes = run.journal.0.len() as u64;
    if run.cycles > budget.cycles_max {
        return Err(Skip::TooManyCycles { cycles_max: budget.cycles_max, why: budget.limited_by });
    }
    if bytes > budget.journal_bytes_max {
        return Err(Skip::JournalTooLong { bytes, limit: budget.journal_bytes_max });
    }
    Ok(run)
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
    let fetcher = venue.fetcher_for(request.id.client());
    let elf = fetch(fetcher, &request.image_url).await?;
    let encoded = match &request.input {
        Input::Inline(data) => data.clone().into(),
        Input::Url(url) => fetch(fetcher, url).await?,
    };
    let stdin: Bytes = guest_env::decode(&encoded)
        .map_err(|error| LoadError::Skip(Skip::Malformed { what: error.to_string() }))?
        .into();
    let material =
        Material { program: keep(venue, &elf).await?, stdin: keep(venue, &stdin).await? };
    Ok(Loaded { elf, stdin, material })
}

async fn fetch(fetcher: &Fetcher, url: &str) -> Result<Bytes, LoadError> {
    match fetcher.fetch(url).await {
        Ok(fetched) => Ok(fetched.bytes),
        Err(error) => Err(unfetchable(&error)),
    }
}

fn unfetchable(error: &FetchError) -> LoadError {
    // The fetcher has already tried as often as it may.
    LoadError::Skip(Skip::Unfetchable { what: crate::logbook::with_sources(error) })
}

async fn keep(venue: &Venue, bytes: &Bytes) -> Result<B256, StepError> {
    let kept = crash::around("keep an artifact", venue.store.put(bytes.clone())).await;
    let ArtifactId(id) = kept.map_err(|error| StepError::again("keep an artifact", &error))?;
    Ok(B256::new(id))
}
