//! Looks at results before they count, so that a worker which is broken or lies costs one task and not a job.

use crate::causes::on_one_line;
use crate::ledger::{JobView, Ledger, PartOf};
use crate::line::LineError;
use crate::page::Page;
use crate::wire::{LeaseName, Saying, Stored, Word};
use alloy_primitives::B256;
use bytes::Bytes;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use rialto_planner::cluster::{Fault, JobName};
use rialto_zkvm::{Part, Zkvm};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Programs that stay at hand.
const PROGRAMS: usize = 4;

/// Judges results of the engines that it knows; of others, that they are whole and not too large.
pub(super) struct Checker {
    engines: Vec<Arc<dyn Zkvm>>,
    store: ArtifactStore,
    result_max_bytes: u64,
    programs: Mutex<VecDeque<(ArtifactId, Bytes)>>,
}

/// Why a result is none.
struct Bad(String);

enum Trouble {
    Bad(Bad),
    Line(LineError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } | StoreError::Corrupt { .. } => {
                Self::Bad(Bad(error.to_string()))
            }
            error => Self::Line(LineError::Busy { reason: on_one_line(&error) }),
        }
    }
}

impl Checker {
    pub(super) fn new(
        engines: Vec<Arc<dyn Zkvm>>,
        store: ArtifactStore,
        result_max_bytes: u64,
    ) -> Self {
        Self { engines, store, result_max_bytes, programs: Mutex::new(VecDeque::new()) }
    }

    pub(super) fn engines(&self) -> &[Arc<dyn Zkvm>] {
        &self.engines
    }

    /// Turns what a worker says into failures of its own where the result that it names is none.
    pub(super) async fn look_at(
        &self,
        ledger: &Ledger,
        words: &mut [Word],
    ) -> Result<(), LineError> {
        let mut jobs = BTreeMap::new();
        for word in words.iter_mut().filter(|word| word.said.names().is_some()) {
            let name = JobName(B256::new(word.lease.job.0));
            if let Entry::Vacant(place) = jobs.entry(name) {
                let job = ledger.job(name).await;
                place.insert(job.map_err(|e| LineError::Busy { reason: on_one_line(&e) })?);
            }
            match self.judge(ledger, jobs.get(&name).and_then(Option::as_ref), word).await {
                Ok(()) => {}
                Err(Trouble::Bad(Bad(reason))) => {
                    word.said = Saying::Failed { fault: Fault::BadResult, reason };
                }
                Err(Trouble::Line(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn judge(
        &self,
        ledger: &Ledger,
        job: Option<&JobView>,
        word: &Word,
    ) -> Result<(), Trouble> {
        let Some(stored) = word.said.names() else { return Ok(()) };
        self.size_is(stored).await?;
        // What is said of a job that is not known is refused in any case.
        let Some(job) = job else { return Ok(()) };
        let engine = self.engines.iter().find(|it| it.name() == job.engine);
        match (&word.said, engine) {
            (Saying::Found { first, cycles, page }, _) => {
                self.page_says(page, *first, cycles).await
            }
            (Saying::Made { output }, Some(engine)) => {
                self.proof_holds(ledger, engine, job, &word.lease, output).await
            }
            _ => Ok(()),
        }
    }

    async fn size_is(&self, stored: &Stored) -> Result<(), Trouble> {
        let bytes = self.store.size(&stored.id).await?;
        if bytes > self.result_max_bytes {
            let limit = self.result_max_bytes;
            return bad(format!("the result has {bytes} bytes, at most {limit} are taken"));
        }
        match bytes == stored.bytes {
            true => Ok(()),
            false => bad(format!("the result has {bytes} bytes and not {}", stored.bytes)),
        }
    }

    async fn page_says(&self, page: &Stored, first: u32, cycles: &[u64]) -> Result<(), Trouble> {
        let bytes = self.store.get(&page.id).await?;
        let page = match Page::from_bytes(&bytes) {
            Ok(page) => page,
            Err(error) => return bad(error.to_string()),
        };
        let says = page.segments().iter().map(|segment| segment.cycles.0);
        match page.first() == first && says.eq(cycles.iter().copied()) {
            true => Ok(()),
            false => bad("the page has other segments than was said".to_owned()),
        }
    }

    async fn proof_holds(
        &self,
        ledger: &Ledger,
        engine: &Arc<dyn Zkvm>,
        job: &JobView,
        lease: &LeaseName,
        output: &Stored,
    ) -> Result<(), Trouble> {
        let proof = self.store.get(&output.id).await?;
        let program = self.program(&job.program).await?;
        let engine = Arc::clone(engine);
        let of = ledger.part(job.name, lease.work.0).await;
        let of =
            of.map_err(|error| Trouble::Line(LineError::Busy { reason: on_one_line(&error) }))?;
        // The task is gone: what is said of it is refused in any case.
        let Some(of) = of else { return Ok(()) };
        let verdict = match of {
            PartOf::Segment { page, segment } => {
                let page = Page::from_bytes(&self.store.get(&page).await?);
                let segment = page.ok().and_then(|page| page.segment(segment).cloned());
                // A page was looked at before it counted.
                let Some(segment) = segment else { return Ok(()) };
                blocking(move || {
                    let part = Part::Segment(&segment);
                    engine.check(&program, part, &proof).map_err(|error| error.to_string())
                })
                .await
            }
            PartOf::Joined { kind, place } => {
                blocking(move || {
                    let part = Part::Joined { kind, place };
                    engine.check(&program, part, &proof).map_err(|error| error.to_string())
                })
                .await
            }
            PartOf::Whole { proof: Some(expected), .. } if expected != output.id => {
                return bad("another proof was verified than the one that there is".to_owned());
            }
            PartOf::Whole { journal, .. } => {
                let journal = self.store.get(&journal).await?;
                blocking(move || says(engine.as_ref(), &program, &journal, &proof)).await
            }
        };
        verdict.map_err(|reason| Trouble::Bad(Bad(reason)))
    }

    async fn program(&self, id: &ArtifactId) -> Result<Bytes, Trouble> {
        let programs = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = programs().iter().find(|(known, _)| known == id).map(|(_, elf)| elf.clone());
        if let Some(elf) = known {
            return Ok(elf);
        }
        let elf = self.store.get(id).await?;
        let mut programs = programs();
        programs.push_front((*id, elf.clone()));
        programs.truncate(PROGRAMS);
        Ok(elf)
    }
}

/// Whether a finished proof is of the program and says what the execution said.
fn says(engine: &dyn Zkvm, program: &[u8], journal: &[u8], proof: &[u8]) -> Result<(), String> {
    let claim = engine.verify(proof).map_err(|error| error.to_string())?;
    let image_id = engine.image_id(program).map_err(|error| error.to_string())?;
    if claim.image_id != image_id {
        return Err("the proof is of another program".to_owned());
    }
    match *claim.journal.0 == *journal {
        true => Ok(()),
        false => Err("the proof has another journal than the execution".to_owned()),
    }
}

/// Computes in a thread of its own; a panic over a stranger's bytes is their fault.
async fn blocking(
    judge: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<(), String> {
    let verdict = tokio::task::spawn_blocking(judge).await;
    verdict.unwrap_or_else(|_| Err("the verifier broke down over it".to_owned()))
}

fn bad(reason: String) -> Result<(), Trouble> {
    Err(Trouble::Bad(Bad(reason)))
}
