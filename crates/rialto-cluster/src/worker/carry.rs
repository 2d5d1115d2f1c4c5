//! One task from its assignment to its result: fetch what it reads, compute, store what it made, say so. While one is
//! computed, others are fetched and stored.

use crate::bench::Bench;
use crate::causes::on_one_line;
use crate::page::Page;
use crate::shelf::Shelf;
use crate::wire::{Assignment, LeaseName, Saying, Stored, TaskSpec, Word};
use crate::work::{Failure, Order, Product};
use crate::worker::Event;
use bytes::Bytes;
use rialto_artifacts::{ArtifactStore, StoreError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Pages that wait for their upload. An execution that is further ahead pauses.
const PAGES_AHEAD: usize = 4;
/// A result took minutes to make: its upload is worth several tries, beside those of the store itself.
const STORE_TRIES: u32 = 5;
/// The pause after the first; it doubles with each.
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// What every task is done with.
pub(super) struct Carrier {
    pub(super) store: ArtifactStore,
    pub(super) shelf: Arc<Shelf>,
    pub(super) bench: Bench,
    pub(super) events: mpsc::Sender<Event>,
}

impl Carrier {
    /// Does the task and says what came of it. Dropping the future stops it.
    pub(super) async fn carry(self: Arc<Self>, assignment: Assignment, result_max_bytes: u64) {
        let Assignment { lease, task } = assignment;
        let said = match self.result_of(lease, &task, result_max_bytes).await {
            Ok(said) => said,
            Err(Failure { fault, reason }) => Saying::Failed { fault, reason },
        };
        self.say(lease, said).await;
    }

    async fn result_of(
        &self,
        lease: LeaseName,
        task: &TaskSpec,
        result_max_bytes: u64,
    ) -> Result<Saying, Failure> {
        let fetched = self.shelf.fetch(&task.inputs()).await;
        let (inputs, held) = fetched.map_err(|error| failed("cannot read an input", &error))?;
        let order = Order::of(task, &inputs)?;
        drop(inputs);
        let (found, pages) = mpsc::channel(PAGES_AHEAD);
        let computed = async {
            let product = self.bench.compute(order, found).await;
            drop(held);
            self.tell(Event::Computed(lease)).await;
            product
        };
        let (product, ()) = tokio::try_join!(computed, self.deliver(lease, pages))?;
        match (product, task) {
            (Product::Executed { segments, journal }, _) => {
                let journal = self.put(journal, result_max_bytes).await?;
                Ok(Saying::Executed { segments, journal })
            }
            (Product::Made(proof), _) => {
                Ok(Saying::Made { output: self.put(proof, result_max_bytes).await? })
            }
            (Product::Verified { bytes }, TaskSpec::Verify { proof, .. }) => {
                Ok(Saying::Made { output: Stored { id: *proof, bytes } })
            }
            (Product::Verified { .. }, _) => {
                Err(Failure::of_worker("a verification came of another task"))
            }
        }
    }

    /// Stores pages as they are found, and tells of each once it is there.
    async fn deliver(
        &self,
        lease: LeaseName,
        mut pages: mpsc::Receiver<Page>,
    ) -> Result<(), Failure> {
        while let Some(page) = pages.recv().await {
            let first = page.first();
            let cycles = page.segments().iter().map(|segment| segment.cycles.0).collect();
            let page = self.put(page.to_bytes().into(), u64::MAX).await?;
            self.say(lease, Saying::Found { first, cycles, page }).await;
        }
        Ok(())
    }

    /// Stores it and keeps it at hand.
    async fn put(&self, bytes: Bytes, max_bytes: u64) -> Result<Stored, Failure> {
        let length = bytes.len() as u64;
        if length > max_bytes {
            return Err(Failure::of_worker(format!(
                "the result has {length} bytes, the coordinator takes {max_bytes} at most"
            )));
        }
        let (mut tries, mut pause) = (1, STORE_PAUSE);
        let id = loop {
            match self.store.put(bytes.clone()).await {
                Ok(id) => break id,
                Err(error) if tries == STORE_TRIES => {
                    return Err(failed("cannot store a result", &error));
                }
                Err(error) => {
                    let error: &dyn Error = &error;
                    tracing::warn!(error, "a result cannot be stored yet");
                }
            }
            sleep(pause).await;
            (tries, pause) = (tries + 1, pause * 2);
        };
        self.shelf.keep(id, bytes);
        Ok(Stored { id, bytes: length })
    }

    async fn say(&self, lease: LeaseName, said: Saying) {
        self.tell(Event::Said(Word { lease, said })).await;
    }

    async fn tell(&self, event: Event) {
        // Whoever is not listened to any more is stopped at once.
        let _ = self.events.send(event).await;
    }
}

fn failed(what: &str, error: &StoreError) -> Failure {
    Failure::of_worker(format!("{what}: {}", on_one_line(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::WorkName;
    use rialto_artifacts::{ArtifactId, StoreConfig};
    use rialto_planner::cluster::Work;
    use rialto_protocol::Cycles;
    use rialto_zkvm::mock::{MockRun, MockZkvm};
    use rialto_zkvm::{JobId, Segment};
    use std::num::NonZeroUsize;
    use std::path::Path;
    use std::sync::{Mutex, mpsc as line};

    fn prove(segment: u32, program: ArtifactId, input: ArtifactId, page: ArtifactId) -> Assignment {
        let work = WorkName(Work::Prove { segment });
        let lease = LeaseName { job: JobId([0; 32]), work, generation: 1 };
        Assignment { lease, task: TaskSpec::Prove { program, input, page, segment } }
    }

    /// A store that is out of reach until this is dropped.
    struct Unreachable<'a>(&'a Path);

    impl<'a> Unreachable<'a> {
        fn new(store: &'a Path) -> Self {
            std::fs::rename(store, store.with_extension("away")).unwrap();
            std::fs::write(store, "no directory").unwrap();
            Self(store)
        }
    }

    impl Drop for Unreachable<'_> {
        fn drop(&mut self) {
            std::fs::remove_file(self.0).unwrap();
            std::fs::rename(self.0.with_extension("away"), self.0).unwrap();
        }
    }

    #[tokio::test]
    async fn while_one_is_computed_the_next_is_fetched_and_the_last_is_stored() {
        let (began, begun) = line::channel();
        let (go, gate) = line::channel::<()>();
        let gate = Mutex::new(gate);
        let run = |_: &[u8]| Ok(MockRun { segments: vec![Cycles(1); 2], journal: vec![] });
        let zkvm = MockZkvm::new().with_program("program", run).with_segment_hook(move |segment| {
            began.send(segment.index).unwrap();
            gate.lock().unwrap().recv().unwrap();
            Ok(())
        });
        let begun = Arc::new(Mutex::new(begun));
        let next_begun = || {
            let begun = Arc::clone(&begun);
            tokio::task::spawn_blocking(move || begun.lock().unwrap().recv().unwrap())
        };

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = ArtifactStore::open(&StoreConfig::Local { path: path.clone() }).unwrap();
        let program = store.put("program").await.unwrap();
        let inputs = [store.put("a").await.unwrap(), store.put(vec![0; 100_000]).await.unwrap()];
        let segment = |index| Segment { index, cycles: Cycles(1), plan: Bytes::new() };
        let page = Page::new(vec![segment(0), segment(1)]).unwrap();
        let page = store.put(page.to_bytes()).await.unwrap();

        let shelf = Arc::new(Shelf::new(store.clone(), 1 << 20));
        let bench = Bench::threads(Arc::new(zkvm), NonZeroUsize::MIN).unwrap();
        let (events, mut seen) = mpsc::channel(9);
        let carrier = Arc::new(Carrier { store, shelf, bench, events });
        let first = prove(0, program, inputs[0], page);
        let first = tokio::spawn(Arc::clone(&carrier).carry(first, 1 << 20));
        assert_eq!(next_begun().await.unwrap(), 0);
        let second = prove(1, program, inputs[1], page);
        let second = tokio::spawn(Arc::clone(&carrier).carry(second, 1 << 20));
        // The first is still computed; the second's input, the only large one, is there.
        while carrier.shelf.told(None).is_none_or(|(_, told)| !told.contains(&inputs[1])) {
            tokio::task::yield_now().await;
        }
        let unreachable = Unreachable::new(&path);
        go.send(()).unwrap();
        assert_eq!(next_begun().await.unwrap(), 1, "it begins though the first is not stored");
        assert!(matches!(seen.recv().await, Some(Event::Computed(_))));
        assert!(seen.try_recv().is_err(), "what is not stored is not told");
        drop(unreachable);
        let Some(Event::Said(word)) = seen.recv().await else { panic!("the first is told") };
        let Saying::Made { output } = word.said else { panic!("{word:?}") };
        assert!(carrier.store.contains(&output.id).await.unwrap());
        go.send(()).unwrap();
        first.await.unwrap();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_result_that_the_coordinator_does_not_take_is_not_stored() {
        let script = |_: &[u8]| Ok(MockRun { segments: vec![Cycles(1)], journal: vec![1; 100] });
        let zkvm = MockZkvm::new().with_program("program", script);
        let store = ArtifactStore::open(&StoreConfig::Memory).unwrap();
        let program = store.put("program").await.unwrap();
        let segment = Segment { index: 0, cycles: Cycles(1), plan: Bytes::new() };
        let page = store.put(Page::new(vec![segment]).unwrap().to_bytes()).await.unwrap();
        let shelf = Arc::new(Shelf::new(store.clone(), 1 << 20));
        let bench = Bench::threads(Arc::new(zkvm), NonZeroUsize::MIN).unwrap();
        let (events, mut seen) = mpsc::channel(9);
        let carrier = Arc::new(Carrier { store, shelf, bench, events });
        Arc::clone(&carrier).carry(prove(0, program, program, page), 9).await;
        assert!(matches!(seen.recv().await, Some(Event::Computed(_))));
        let Some(Event::Said(Word { said: Saying::Failed { reason, .. }, .. })) = seen.recv().await
        else {
            panic!("it fails")
        };
        assert!(reason.ends_with("the coordinator takes 9 at most"), "{reason}");
    }
}
