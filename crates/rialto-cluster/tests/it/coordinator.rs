//! The coordinator on both databases, with a zkVM that proves nothing and workers that do as they are told, or not.

use crate::databases::Kept;
use bytes::Bytes;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreConfig};
use rialto_cluster::coordinator::{ClusterConfig, Coordinator, Order};
use rialto_cluster::ledger::{Outcome, Standing, WorkerState};
use rialto_cluster::wire::{
    Answer, Ask, Assignment, Hello, LeaseName, Saying, Stored, TaskSpec, Word,
};
use rialto_cluster::{Line, LineError, Page, Remedy};
use rialto_planner::cluster::{Fault, WorkerId};
use rialto_protocol::{Cycles, Span, Time, Wei};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecutionLimits, JobId, JoinPlace, ProofKind, ProofVerifier, Zkvm};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

const ELF: &[u8] = b"a program";

/// A coordinator with everything that it needs.
struct House {
    kept: Kept,
    store: ArtifactStore,
    zkvm: Arc<MockZkvm>,
    coordinator: Coordinator,
    /// What workers put into the store.
    made: RefCell<BTreeSet<ArtifactId>>,
}

impl House {
    async fn new(kept: Kept) -> Self {
        let store = ArtifactStore::open(&StoreConfig::Memory).expect("memory opens");
        let run = |stdin: &[u8]| {
            let segments = vec![Cycles(1_000); usize::from(stdin[0])];
            Ok(MockRun { segments, journal: stdin.to_vec() })
        };
        let zkvm = Arc::new(MockZkvm::new().with_program(ELF, run));
        let coordinator = start(&kept, &store, &zkvm).await;
        Self { kept, store, zkvm, coordinator, made: RefCell::default() }
    }

    async fn restart(&mut self) {
        self.coordinator = start(&self.kept, &self.store, &self.zkvm).await;
    }

    async fn order(&self, segments: u8, proof: ProofKind) -> JobId {
        let put = |bytes: Bytes| async { self.store.put(bytes).await.expect("it is stored") };
        let limits = ExecutionLimits {
            cycles_max: Cycles(1 << 30),
            memory_max_bytes: 1 << 30,
            journal_max_bytes: 1 << 10,
        };
        let order = Order {
            engine: self.zkvm.name().to_owned(),
            proof,
            program: put(Bytes::from_static(ELF)).await,
            input: put(vec![segments].into()).await,
            limits,
            tenant: "somebody".to_owned(),
            due: Time(u64::MAX >> 2),
            value: Wei::ZERO,
        };
        self.coordinator.submit(order).await.expect("it is taken")
    }

    async fn hello(&self, name: &str) -> u64 {
        let hello = Hello {
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: self.zkvm.name().to_owned(),
            device: "test".to_owned(),
            slots: 2,
            memory_mib: 1 << 20,
            gpu_memory_mib: 0,
            disk_mib: 0,
            bytes_per_s: 1 << 30,
            joins: Vec::new(),
        };
        self.coordinator.hello(hello).await.expect("it is taken").worker
    }

    async fn ask(&self, worker: u64, leases: &[LeaseName], said: Vec<Word>) -> Answer {
        let ask = Ask { leases: leases.to_vec(), said, takes: true, holds: None, wait_ms: 0 };
        self.coordinator.ask(worker, ask).await.expect("it is answered")
    }

    async fn put(&self, bytes: Bytes) -> Stored {
        let stored = bytes.len() as u64;
        let id = self.store.put(bytes).await.expect("it is stored");
        self.made.borrow_mut().insert(id);
        Stored { id, bytes: stored }
    }

    async fn get(&self, id: &ArtifactId) -> Bytes {
        self.store.get(id).await.expect("it is there")
    }

    /// Does a task as it should be done.
    async fn words(&self, Assignment { lease, task }: &Assignment) -> Vec<Word> {
        let word = |said| Word { lease: *lease, said };
        match task {
            TaskSpec::Execute { program, input, limits } => {
                let (elf, stdin) = (self.get(program).await, self.get(input).await);
                let run = self.zkvm.execute(&elf, &stdin, limits).expect("it runs");
                let cycles = run.segments.iter().map(|segment| segment.cycles.0).collect();
                let count = run.segments.len() as u32;
                let page = Page::new(run.segments).expect("few segments").to_bytes();
                let page = self.put(page.into()).await;
                let journal = self.put(run.journal.0.0).await;
                let found = word(Saying::Found { first: 0, cycles, page });
                vec![found, word(Saying::Executed { segments: count, journal })]
            }
            TaskSpec::Prove { program, input, page, segment } => {
                let (elf, stdin) = (self.get(program).await, self.get(input).await);
                let page = Page::from_bytes(&self.get(page).await).expect("a page");
                let segment = page.segment(*segment).expect("its segment");
                let proof = self.zkvm.prove_segment(&elf, &stdin, segment).expect("it is proven");
                vec![word(Saying::Made { output: self.put(proof).await })]
            }
            TaskSpec::Join { proof, level, index, is_top, parts } => {
                let place = JoinPlace { level: *level, index: *index, is_top: *is_top };
                let mut bytes = Vec::new();
                for part in parts {
                    bytes.push(self.get(part).await);
                }
                let joined = self.zkvm.join(*proof, place, &bytes).expect("it is joined");
                vec![word(Saying::Made { output: self.put(joined).await })]
            }
            TaskSpec::Verify { .. } => panic!("the coordinator verifies what it can"),
        }
    }

    /// Works until nothing is left to do.
    async fn work(&self, worker: u64) {
        let mut answer = self.ask(worker, &[], Vec::new()).await;
        while !answer.begin.is_empty() {
            let leases: Vec<_> = answer.begin.iter().map(|it| it.lease).collect();
            let mut said = Vec::new();
            for task in &answer.begin {
                said.extend(self.words(task).await);
            }
            answer = self.ask(worker, &leases, said).await;
            assert_eq!(answer.refused, []);
        }
    }

    /// Removes all that nobody needs.
    async fn sweep(&self) {
        let ledger = self.coordinator.ledger();
        ledger.doom(1_000).await.expect("it is written");
        while ledger.sweep(&self.store, 2).await.expect("it is removed") > 0 {}
    }

    async fn outcome(&self, id: JobId) -> Outcome {
        let view = self.coordinator.job(id).await.expect("it reads").expect("it is known");
        let Standing::Ended { outcome, .. } = view.standing else {
            panic!("it has not ended: {:?}", view.standing);
        };
        outcome
    }

    async fn assert_proven(&self, id: JobId, segments: u8) {
        let Outcome::Proven(proof) = self.outcome(id).await else { panic!("it is not proven") };
        let claim = self.zkvm.verify(&self.get(&proof).await).expect("it verifies");
        assert_eq!(claim.journal.0.as_ref(), [segments]);
    }
}

async fn start(kept: &Kept, store: &ArtifactStore, zkvm: &Arc<MockZkvm>) -> Coordinator {
    let config = ClusterConfig {
        pause: Span::ZERO,
        lease: Span::s(60),
        attempts_max: 9.try_into().expect("not zero"),
        ..ClusterConfig::default()
    };
    let engines: Vec<Arc<dyn Zkvm>> = vec![zkvm.clone()];
    let started = Coordinator::start(kept.ledger().await, store.clone(), engines, config).await;
    started.expect("it starts")
}

fn on_both<F: Future<Output = ()>>(test: impl Fn(Kept) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for kept in [Kept::sqlite(), Kept::postgres()] {
        runtime.block_on(test(kept));
    }
}

#[test]
fn a_job_becomes_a_proof() {
    on_both(async |kept| {
        let house = House::new(kept).await;
        let worker = house.hello("one").await;
        for (segments, kind) in
            [(1, ProofKind::Composite), (5, ProofKind::Composite), (7, ProofKind::Compressed)]
        {
            let job = house.order(segments, kind).await;
            house.work(worker).await;
            house.assert_proven(job, segments).await;
            assert_eq!(house.order(segments, kind).await, job, "it is the same job");
        }
    });
}

#[test]
fn what_is_done_survives_the_coordinator() {
    on_both(async |kept| {
        let mut house = House::new(kept).await;
        let worker = house.hello("one").await;
        let job = house.order(4, ProofKind::Composite).await;
        let execute = house.ask(worker, &[], Vec::new()).await.begin;
        let leases: Vec<_> = execute.iter().map(|it| it.lease).collect();
        let words = house.words(&execute[0]).await;
        let proofs = house.ask(worker, &leases, words).await.begin;
        // The worker computes while the coordinator is replaced, and says the results to its successor.
        house.restart().await;
        let mut said = Vec::new();
        for task in &proofs {
            said.extend(house.words(task).await);
        }
        let leases: Vec<_> = proofs.iter().map(|it| it.lease).collect();
        let answer = house.ask(worker, &leases, said).await;
        assert_eq!((answer.refused, answer.stop), (vec![], leases));
        // An answer that was lost is given again.
        let again = house.ask(worker, &[], Vec::new()).await;
        assert_eq!(again.begin, answer.begin);
        house.work(worker).await;
        house.assert_proven(job, 4).await;
        let made = house.coordinator.events(Some(job), 0, 100).await.expect("they read");
        let made: Vec<_> = made.iter().filter(|it| it.what == "made").map(|it| it.work).collect();
        let distinct: std::collections::BTreeSet<_> = made.iter().collect();
        assert_eq!((made.len(), distinct.len()), (7, 7), "nothing was done twice");
    });
}

#[test]
fn hostile_words() {
    on_both(async |kept| {
        let house = House::new(kept).await;
        let (liar, honest) = (house.hello("liar").await, house.hello("honest").await);
        let job = house.order(3, ProofKind::Composite).await;
        let execute = house.ask(honest, &[], Vec::new()).await.begin.remove(0);
        let words = house.words(&execute).await;
        // Somebody else's lease, and one that never was.
        let answer = house.ask(liar, &[], words.clone()).await;
        assert_eq!(answer.refused.len(), 2);
        let later = LeaseName { generation: 7, ..execute.lease };
        let replayed = words.iter().map(|word| Word { lease: later, ..word.clone() }).collect();
        let answer = house.ask(honest, &[execute.lease], replayed).await;
        assert_eq!(answer.refused.len(), 2);
        // What was heard once is not heard again. The honest one gives back what it got.
        let answer = house.ask(honest, &[execute.lease], words.clone()).await;
        assert_eq!(answer.refused, []);
        let given_back = answer.begin.iter().map(|it| {
            let reason = "given back".to_owned();
            Word { lease: it.lease, said: Saying::Failed { fault: Fault::Worker, reason } }
        });
        let mut said: Vec<_> = given_back.collect();
        said.extend(words);
        let idle = Ask { said, takes: false, ..Ask::default() };
        let answer = house.coordinator.ask(honest, idle).await.expect("it is answered");
        assert_eq!(answer.refused.len(), 2);

        let oversize = ClusterConfig::default().result_max_bytes + 1;
        let garbage = house.put(Bytes::from_static(b"no proof at all")).await;
        let lies = [
            ("no proof", garbage),
            ("not in the store", Stored { id: ArtifactId::of(b"nowhere"), bytes: 7 }),
            ("another size", Stored { bytes: oversize, ..garbage }),
        ];
        for (what, output) in lies {
            let begun = house.ask(liar, &[], Vec::new()).await.begin;
            let lease = begun.first().unwrap_or_else(|| panic!("a task for: {what}")).lease;
            let word = Word { lease, said: Saying::Made { output } };
            let ask = Ask { said: vec![word], ..Ask::default() };
            let _ = house.coordinator.ask(liar, ask).await;
        }
        let refused = house.coordinator.ask(liar, Ask::default()).await;
        assert!(matches!(refused, Err(LineError::NotTaken { .. })), "{refused:?}");
        let workers = house.coordinator.workers(Span::s(3_600)).await.expect("they read");
        let liar = workers.iter().find(|it| it.hello.name == "liar").expect("it is known");
        assert_eq!((liar.state, liar.refused), (WorkerState::Quarantined, 3));
        // Its other tasks come free when its lease ends; here it is told to be another.
        house.hello("liar").await;
        house.work(honest).await;
        house.assert_proven(job, 3).await;
    });
}

#[test]
fn a_cancelled_job_is_stopped_and_its_results_serve_the_next() {
    on_both(async |kept| {
        let house = House::new(kept).await;
        let worker = house.hello("one").await;
        let job = house.order(6, ProofKind::Composite).await;
        let execute = house.ask(worker, &[], Vec::new()).await.begin;
        let words = house.words(&execute[0]).await;
        let proofs = house.ask(worker, &[execute[0].lease], words).await.begin;
        let words = house.words(&proofs[0]).await;
        let leases: Vec<_> = proofs.iter().map(|it| it.lease).collect();
        let answer = house.ask(worker, &leases, words).await;
        assert!(house.coordinator.cancel(job).await.expect("it is heard"));
        let all: Vec<_> =
            leases.into_iter().chain(answer.begin.iter().map(|it| it.lease)).collect();
        let answer = house.ask(worker, &all, Vec::new()).await;
        assert_eq!((answer.stop, answer.begin), (all, vec![]));
        assert_eq!(house.outcome(job).await, Outcome::Cancelled);
        // The next attempt executes again and finds the proof that was made.
        assert_eq!(house.order(6, ProofKind::Composite).await, job);
        let before = house.coordinator.ledger().last_event().await.expect("it reads");
        house.work(worker).await;
        house.assert_proven(job, 6).await;
        let events = house.coordinator.events(Some(job), before, 100).await.expect("they read");
        let again =
            events.iter().filter(|it| it.what == "made" && it.worker == Some(WorkerId(worker)));
        let works: Vec<_> = again.filter_map(|it| it.work).map(|work| work.to_string()).collect();
        assert!(!works.contains(&"prove/0".to_owned()), "{works:?}");
        assert_eq!(works.len(), 7, "an execution, five proofs and a join: {works:?}");
    });
}

#[test]
fn what_a_job_leaves_is_removed() {
    on_both(async |kept| {
        let mut house = House::new(kept).await;
        let worker = house.hello("one").await;
        let job = house.order(7, ProofKind::Compressed).await;
        house.work(worker).await;
        let Outcome::Proven(proof) = house.outcome(job).await else { panic!("it is not proven") };
        let made = house.made.take();
        let stay = async |house: &House| {
            let mut stay = BTreeSet::new();
            for id in &made {
                let is_there = house.store.contains(id).await.expect("the store answers");
                stay.extend(is_there.then_some(*id));
            }
            stay
        };
        // Another job of the same program and input has not ended: it may make the same.
        let other = house.order(7, ProofKind::Composite).await;
        house.sweep().await;
        assert_eq!(stay(&house).await, made);
        assert!(house.coordinator.cancel(other).await.expect("it is heard"));
        // The coordinator dies between its decision and the deed, and another after the first of the deeds.
        house.coordinator.ledger().doom(1_000).await.expect("it is written");
        house.restart().await;
        let first = made.iter().find(|id| **id != proof && **id != ArtifactId::of(&[7]));
        let first = first.expect("a job makes more than its proof");
        house.store.remove(first).await.expect("it is removed");
        house.restart().await;
        house.sweep().await;
        assert_eq!(stay(&house).await, BTreeSet::from([proof, ArtifactId::of(&[7])]));
        house.assert_proven(job, 7).await;
        house.get(&ArtifactId::of(ELF)).await;
        // The same again finds nothing and makes all of it.
        let again = house.order(7, ProofKind::Compressed).await;
        house.work(worker).await;
        house.assert_proven(again, 7).await;
    });
}

#[test]
fn workers_are_forgotten_once_they_have_nothing() {
    on_both(async |kept| {
        let house = House::new(kept).await;
        let (busy, _idle) = (house.hello("busy").await, house.hello("idle").await);
        house.order(1, ProofKind::Composite).await;
        assert_eq!(house.ask(busy, &[], Vec::new()).await.begin.len(), 1);
        let mut round = house.coordinator.ledger().round().await.expect("a round begins");
        round.forget(Time(u64::MAX >> 2)).await.expect("it forgets");
        round.commit().await.expect("it is kept");
        let left = house.coordinator.workers(Span::s(3_600)).await.expect("they read");
        let left: Vec<_> = left.iter().map(|it| it.id).collect();
        assert_eq!(left, [WorkerId(busy)]);
    });
}

#[test]
fn what_is_done_survives_the_database() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut house = House::new(Kept::postgres()).await;
        let worker = house.hello("one").await;
        let job = house.order(2, ProofKind::Composite).await;
        let execute = house.ask(worker, &[], Vec::new()).await.begin;
        let words = house.words(&execute[0]).await;
        house.kept.crash();
        // The coordinator finds its database again by itself.
        let leases = vec![execute[0].lease];
        let ask =
            || Ask { leases: leases.clone(), said: words.clone(), takes: true, ..Ask::default() };
        let answer = loop {
            match house.coordinator.ask(worker, ask()).await {
                Ok(answer) => break answer,
                Err(error) => assert_eq!(error.remedy(), Remedy::TryAgain, "{error}"),
            }
        };
        assert_eq!((answer.refused, answer.begin.len()), (vec![], 2));
        house.work(worker).await;
        house.assert_proven(job, 2).await;
    });
}
