//! The queue in a database does what the rule book says, in both databases.

use crate::databases::Kept;
use alloy_primitives::B256;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreConfig};
use rialto_cluster::ledger::{Chosen, Heard, Joins, Ledger, NewJob, Outcome, Standing};
use rialto_cluster::wire::{Saying, Stored};
use rialto_planner::cluster::{
    Change, Fault, Generation, JobEnd, JobName, JobSpec, Queue, Rejected, Retry, Said, TaskKey,
    Token, Work, WorkerId,
};
use rialto_protocol::{Cycles, Span, Time, Wei};
use rialto_zkvm::{ExecutionLimits, ProofKind};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

const LEASE: Span = Span::s(2);

const RETRY: Retry =
    Retry { attempts_max: 3, blames: 2, pause: Span::ms(100), pause_max: Span::s(1) };

fn some(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("not zero")
}

fn artifact(seed: u32) -> Stored {
    Stored { id: ArtifactId::of(&seed.to_be_bytes()), bytes: 4 }
}

fn job(number: u8) -> (JobName, NewJob, Joins) {
    let limits = ExecutionLimits {
        cycles_max: Cycles(1 << 40),
        memory_max_bytes: 1 << 30,
        journal_max_bytes: 1 << 10,
    };
    let asked = NewJob {
        engine: "test".to_owned(),
        proof: ProofKind::Composite,
        program: artifact(1),
        input: artifact(u32::from(number)),
        limits,
        segments_max: some(6),
        tenant: format!("tenant {}", number % 2),
        due: Time(1_000_000 + u64::from(number)),
        value: Wei::from(u128::from(number)),
    };
    let joins = match number % 2 {
        0 => Joins { leaf_arity: NonZeroU32::MAX, arity: 2, levels_min: 1 },
        _ => Joins { leaf_arity: some(2), arity: 2, levels_min: 2 },
    };
    (JobName(B256::repeat_byte(number)), asked, joins)
}

/// The rule book in memory beside the queue in a database: both are told the same.
struct Pair {
    model: Queue,
    ledger: Ledger,
    ended: BTreeMap<JobName, JobEnd>,
    tokens: Vec<Token>,
    now: Time,
}

impl Pair {
    async fn new(kept: &Kept) -> Self {
        let (model, ledger) = (Queue::new(RETRY), kept.ledger().await.with_retry(RETRY));
        let (ended, tokens) = Default::default();
        Self { model, ledger, ended, tokens, now: Time(1_000) }
    }

    async fn step(&mut self, choice: u16) {
        let (kind, which) = (choice % 16, choice / 16);
        match kind {
            0 => self.submit((which % 3) as u8).await,
            1 if which % 4 == 0 => self.cancel((which / 4 % 3) as u8).await,
            2 => self.pass(Span::ms(u64::from(which % 3_000))).await,
            3..=7 => self.begin(usize::from(which)).await,
            _ => self.hear(usize::from(which), kind).await,
        }
        self.compare().await;
    }

    async fn submit(&mut self, number: u8) {
        let (name, asked, joins) = job(number);
        let shape = joins.shape().expect("it narrows");
        let NewJob { segments_max, due, value, .. } = asked;
        let tenant = rialto_planner::cluster::TenantId(0);
        let changes =
            self.model.submit(name, JobSpec { shape, segments_max, tenant, due, value }, self.now);
        let mut round = self.ledger.round_at(self.now).await.expect("a round begins");
        let is_new = round.submit(name, asked, joins).await.expect("it is taken");
        round.commit().await.expect("it is kept");
        assert_eq!(is_new, !changes.is_empty());
        if is_new {
            self.ended.remove(&name);
        }
    }

    async fn cancel(&mut self, number: u8) {
        let (name, ..) = job(number);
        let changes = self.model.cancel(name);
        let mut round = self.ledger.round_at(self.now).await.expect("a round begins");
        let was = round.cancel(name).await.expect("it is heard");
        round.commit().await.expect("it is kept");
        assert_eq!(was, !changes.is_empty());
        self.note(changes);
    }

    async fn pass(&mut self, span: Span) {
        self.now = self.now + span;
        let changes = self.model.look(self.now);
        let mut round = self.ledger.round_at(self.now).await.expect("a round begins");
        round.look().await.expect("it looks");
        round.commit().await.expect("it is kept");
        self.note(changes);
    }

    async fn begin(&mut self, which: usize) {
        let worker = WorkerId(1 + which as u64 % 3);
        let ready: Vec<_> = self.model.candidates(self.now, 9).map(|(key, ..)| key).collect();
        let helped = self.tokens.iter().map(|token| token.key);
        let keys: Vec<_> = ready.into_iter().chain(helped).collect();
        let Some(key) = keys.get(which % keys.len().max(1)).copied() else { return };
        let until = self.now + LEASE;
        let lease = self.model.begin(key, worker, self.now, until);
        let mut round = self.ledger.round_at(self.now).await.expect("a round begins");
        let begun = round.begin(&[Chosen { key, worker }], until).await.expect("it begins");
        round.commit().await.expect("it is kept");
        let expected: Vec<_> = lease
            .map(|lease| Token { key, worker, generation: lease.generation })
            .into_iter()
            .collect();
        assert_eq!(begun, expected);
        self.tokens.extend(begun);
    }

    async fn hear(&mut self, which: usize, kind: u16) {
        let Some(token) = self.tokens.get(which % self.tokens.len().max(1)).copied() else {
            return;
        };
        let token = match which % 11 {
            0 => Token { generation: Generation(token.generation.0 + 1), ..token },
            _ => token,
        };
        let until = self.now + LEASE;
        let (said, plain) = self.words(token.key, which, kind, until);
        let expected = self.model.hear(token, plain, self.now);
        let heard = Heard { token, said };
        let mut round = self.ledger.round_at(self.now).await.expect("a round begins");
        let mut answers = round.hear(&[heard], until).await.expect("it is heard");
        round.commit().await.expect("it is kept");
        let answer = answers.pop().expect("an answer each");
        assert_eq!(answer.map(drop), expected.clone().map(drop), "{token:?} {plain:?}");
        self.note(expected.unwrap_or_default());
    }

    /// What is said to the one and to the other.
    fn words(&self, key: TaskKey, which: usize, kind: u16, until: Time) -> (Option<Saying>, Said) {
        let found = self.model.job(key.job).map_or(0, |job| job.found);
        let output = artifact(1_000 + which as u32);
        let digest = B256::new(output.id.0);
        match (kind, key.work) {
            (8, _) => (None, Said::Alive(until)),
            (9, _) => {
                let fault = [Fault::Program, Fault::Worker, Fault::BadResult][which % 3];
                let reason = "it said so".to_owned();
                (Some(Saying::Failed { fault, reason }), Said::Failed(fault))
            }
            (10..=12, Work::Execute) => {
                let first = if which.is_multiple_of(5) { 0 } else { found };
                let cycles = vec![7; 1 + which % 3];
                let count = first + cycles.len() as u32;
                (Some(Saying::Found { first, cycles, page: output }), Said::Found(count))
            }
            (_, Work::Execute) if found > 0 => {
                let segments = found - u32::from(which.is_multiple_of(7) && found > 1);
                let said = Saying::Executed { segments, journal: output };
                (Some(said), Said::Executed(some(segments), digest))
            }
            _ => (Some(Saying::Made { output }), Said::Made(digest)),
        }
    }

    fn note(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Change::Ended(name, end) = change {
                self.ended.insert(name, end);
            }
        }
    }

    async fn compare(&self) {
        for number in 0..3 {
            let (name, ..) = job(number);
            let view = self.ledger.job(name).await.expect("it reads");
            let Some(model) = self.model.job(name) else {
                let end = self.ended.get(&name);
                let standing = view.map(|view| view.standing);
                assert!(fits(end, standing.as_ref()), "{end:?} is not {standing:?}");
                continue;
            };
            let tasks: BTreeMap<_, _> =
                model.tasks().map(|(work, task)| (work, task.clone())).collect();
            assert_eq!(self.ledger.tasks(name).await.expect("they read"), tasks);
            let Some(Standing::Open { found, segments, .. }) = view.map(|view| view.standing)
            else {
                panic!("{name:?} has not ended");
            };
            assert_eq!((found, segments), (model.found, model.segments.map(NonZeroU32::get)));
        }
    }
}

fn fits(end: Option<&JobEnd>, standing: Option<&Standing>) -> bool {
    match (end, standing) {
        (None, None) => true,
        (Some(end), Some(Standing::Ended { outcome, .. })) => match (end, outcome) {
            (JobEnd::Proven(output), Outcome::Proven(proof)) => output.0 == proof.0,
            (JobEnd::Failed { .. }, Outcome::Failed { .. }) => true,
            (JobEnd::Cancelled, Outcome::Cancelled) => true,
            _ => false,
        },
        _ => false,
    }
}

/// Many runs in one database: what one left is ended by the next's beginning.
fn runs_like_the_rule_book(kept: &Kept, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&vec(any::<u16>(), 1..160), |choices| {
        runtime.block_on(async {
            let mut pair = Pair::new(kept).await;
            let mut round = pair.ledger.round_at(Time(0)).await.expect("a round begins");
            for number in 0..3 {
                round.cancel(job(number).0).await.expect("it is heard");
            }
            // As if the runs before had never been.
            round.forget(Time(u64::MAX >> 1)).await.expect("it forgets");
            round.commit().await.expect("it is kept");
            for choice in choices {
                pair.step(choice).await;
            }
            pair.ledger.close().await;
        });
        Ok(())
    });
    outcome.expect("both do the same");
}

#[test]
fn sqlite_does_what_the_rule_book_says() {
    runs_like_the_rule_book(&Kept::sqlite(), 150);
}

#[test]
fn postgres_does_what_the_rule_book_says() {
    runs_like_the_rule_book(&Kept::postgres(), 25);
}

/// Has one worker do a job of one segment, whose page, journal and results are artifacts 10 to 13. What was heard of each.
async fn do_job(ledger: &Ledger) -> Vec<Result<(), Rejected>> {
    let (name, asked, joins) = job(0);
    let mut round = ledger.round_at(Time(1_000)).await.expect("a round begins");
    round.submit(name, asked, joins).await.expect("it is taken");
    let found = Saying::Found { first: 0, cycles: vec![7], page: artifact(10) };
    let executed = Saying::Executed { segments: 1, journal: artifact(11) };
    let prove = Saying::Made { output: artifact(12) };
    let join = || Saying::Made { output: artifact(13) };
    let mut answers = Vec::new();
    for (work, words) in [
        (Work::Execute, vec![found, executed]),
        (Work::Prove { segment: 0 }, vec![prove]),
        (Work::Join { level: 0, index: 0 }, vec![join()]),
        (Work::Verify, vec![join()]),
    ] {
        let chosen = Chosen { key: TaskKey { job: name, work }, worker: WorkerId(1) };
        let begun = round.begin(&[chosen], Time(9_000)).await.expect("it begins");
        let Some(token) = begun.first().copied() else { break };
        for said in words {
            let heard = Heard { token, said: Some(said) };
            let heard = round.hear(&[heard], Time(9_000)).await.expect("it is heard");
            answers.extend(heard.into_iter().map(|it| it.map(drop)));
        }
    }
    round.commit().await.expect("it is kept");
    answers
}

#[test]
fn what_is_being_removed_is_not_named() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for kept in [Kept::sqlite(), Kept::postgres()] {
        runtime.block_on(async {
            let ledger = kept.ledger().await;
            let store = ArtifactStore::open(&StoreConfig::Memory).expect("memory opens");
            assert_eq!(do_job(&ledger).await, [Ok(()); 5]);
            // What is garbage and named again is garbage no more; what it leaves again is.
            assert_eq!(do_job(&ledger).await, [Ok(()); 5]);
            assert_eq!(ledger.doom(10).await.expect("it is written"), 2, "a page and a proof");
            let refused = do_job(&ledger).await;
            assert_eq!(refused, [Err(Rejected::Stale), Err(Rejected::Contradiction)]);
            let swept = ledger.sweep(&store, 10).await.expect("it is removed");
            assert_eq!(swept, 2);
            assert_eq!(ledger.sweep(&store, 10).await.expect("it is removed"), 0);
        });
    }
}
