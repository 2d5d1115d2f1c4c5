//! Workers that speak to the coordinator as real ones do and compute nothing.

use crate::hall::{ENGINE, Hall};
use bytes::Bytes;
use rialto_artifacts::ArtifactStore;
use rialto_cluster::coordinator::Coordinator;
use rialto_cluster::wire::{
    Answer, Ask, Assignment, Hello, JoinsOf, LeaseName, Saying, Stored, TaskSpec, Word,
};
use rialto_cluster::{Line, LineError, PAGE_SEGMENTS_MAX, Page};
use rialto_protocol::Cycles;
use rialto_zkvm::{ProofKind, Segment};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};

/// What the workers of a measurement saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// From a result said to the next task had.
    pub(crate) waits: Vec<Duration>,
    /// When each execution was had.
    pub(crate) executions: Vec<Instant>,
    /// Results that were heard.
    pub(crate) made: u64,
}

/// How long tasks take.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) segment: Duration,
    pub(crate) other: Duration,
}

impl Pace {
    pub(crate) const NONE: Self = Self { segment: Duration::ZERO, other: Duration::ZERO };
}

/// Workers that go on until the value is gone.
pub(crate) struct Hands {
    pub(crate) seen: Arc<Mutex<Seen>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Hands {
    pub(crate) async fn new(hall: &Hall, count: u32, slots: u32, pace: Pace) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut tasks = Vec::new();
        for number in 0..count {
            let hand = Hand::new(hall, &format!("hand {number}"), slots).await;
            tasks.push(tokio::spawn(hand.work(pace, seen.clone())));
        }
        Self { seen, tasks }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(crate) struct Hand {
    pub(crate) line: Coordinator,
    pub(crate) id: u64,
    store: ArtifactStore,
    result: Stored,
    slots: u32,
}

impl Hand {
    pub(crate) async fn new(hall: &Hall, name: &str, slots: u32) -> Self {
        let joins =
            JoinsOf { proof: ProofKind::Compressed, leaf_arity: 4, arity: 4, levels_min: 1 };
        let hello = Hello {
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE.to_owned(),
            device: "none".to_owned(),
            slots,
            memory_mib: 1 << 24,
            gpu_memory_mib: 0,
            disk_mib: 0,
            bytes_per_s: 1 << 30,
            joins: vec![joins],
        };
        let line = hall.coordinator.clone();
        let id = line.hello(hello).await.unwrap().worker;
        Self { line, id, store: hall.store.clone(), result: hall.result, slots }
    }

    pub(crate) async fn ask(
        &self,
        leases: Vec<LeaseName>,
        said: Vec<Word>,
    ) -> Result<Answer, LineError> {
        let ask = Ask { leases, said, takes: true, holds: None, wait_ms: 1_000 };
        self.line.ask(self.id, ask).await
    }

    pub(crate) fn made(&self) -> Saying {
        Saying::Made { output: self.result }
    }

    /// What is said of a task once it is done.
    pub(crate) async fn words(&self, task: &Assignment) -> Vec<Word> {
        let word = |said| Word { lease: task.lease, said };
        let TaskSpec::Execute { input, .. } = &task.task else {
            return vec![word(self.made())];
        };
        let input = self.store.get(input).await.unwrap();
        let segments = u32::from_be_bytes(*input.first_chunk().unwrap());
        let mut words = Vec::new();
        for first in (0..segments).step_by(PAGE_SEGMENTS_MAX) {
            let all = first..segments.min(first + PAGE_SEGMENTS_MAX as u32);
            let segment = |index| Segment { index, cycles: Cycles(1_000), plan: Bytes::new() };
            let page = Page::new(all.map(segment).collect()).unwrap();
            let cycles = vec![1_000; page.segments().len()];
            let bytes = Bytes::from(page.to_bytes());
            let page =
                Stored { bytes: bytes.len() as u64, id: self.store.put(bytes).await.unwrap() };
            words.push(word(Saying::Found { first, cycles, page }));
        }
        words.push(word(Saying::Executed { segments, journal: self.result }));
        words
    }

    async fn work(self, pace: Pace, seen: Arc<Mutex<Seen>>) {
        let mut waiting = VecDeque::new();
        let mut has = BTreeMap::<LeaseName, Assignment>::new();
        let mut computing = JoinSet::new();
        let mut said = Vec::new();
        let mut done = BTreeSet::new();
        loop {
            let asked = Instant::now();
            let leases = has.keys().copied().collect();
            let question = self.ask(leases, said.clone());
            let answer = tokio::select! {
                answer = question => answer.unwrap(),
                // Only a question that says nothing is given up for one that does.
                Some(lease) = computing.join_next(), if said.is_empty() => {
                    done.insert(lease.unwrap());
                    Answer::default()
                }
            };
            let made = std::mem::take(&mut said).into_iter().map(|word: Word| word.lease);
            let made: BTreeSet<_> = made.collect();
            has.retain(|lease, _| !made.contains(lease));
            note(&seen, &answer, made.len(), asked);
            waiting.extend(answer.begin.iter().map(|it| it.lease));
            has.extend(answer.begin.into_iter().map(|it| (it.lease, it)));
            has.retain(|lease, _| !answer.stop.contains(lease));
            while let Some(lease) = computing.try_join_next() {
                done.insert(lease.unwrap());
            }
            while computing.len() < self.slots as usize
                && let Some(lease) = waiting.pop_front()
            {
                let Some(task) = has.get(&lease) else { continue };
                let is_segment = matches!(task.task, TaskSpec::Prove { .. });
                let time = if is_segment { pace.segment } else { pace.other };
                if time.is_zero() {
                    done.insert(lease);
                    continue;
                }
                computing.spawn(async move {
                    tokio::time::sleep(time).await;
                    lease
                });
            }
            for lease in std::mem::take(&mut done) {
                let Some(task) = has.get(&lease) else { continue };
                said.extend(self.words(task).await);
            }
        }
    }
}

fn note(seen: &Mutex<Seen>, answer: &Answer, made: usize, asked: Instant) {
    let mut seen = seen.lock().unwrap();
    seen.made += made as u64;
    if answer.begin.is_empty() {
        return;
    }
    if made > 0 {
        seen.waits.push(asked.elapsed());
    }
    let executions = answer.begin.iter().filter(|it| matches!(it.task, TaskSpec::Execute { .. }));
    seen.executions.extend(executions.map(|_| Instant::now()));
}
