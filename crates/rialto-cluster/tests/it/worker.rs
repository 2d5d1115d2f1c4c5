//! A worker, with the test as its coordinator.

use crate::mock_line::{FarEnd, LONG_MS, MockLine, mock_line};
use bytes::Bytes;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreConfig};
use rialto_cluster::wire::{Answer, Assignment, LeaseName, Saying, TaskSpec, Word, WorkName};
use rialto_cluster::{
    Bench, ChildCommand, Ending, LineError, Page, WorkerConfig, WorkerError, bench_main, run,
};
use rialto_planner::cluster::{Fault, Work};
use rialto_protocol::Cycles;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecuteError, ExecutionLimits, JobId, ProofKind, ProofVerifier, Zkvm};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

pub(crate) const PROGRAM: &[u8] = b"program";
pub(crate) const LIMITS: ExecutionLimits = ExecutionLimits {
    cycles_max: Cycles(1_000_000),
    memory_max_bytes: 1 << 20,
    journal_max_bytes: 1 << 10,
};

/// A program that does what its input says: `segments 70`, `refuse`, `panic`, `abort`, `kill`, or `hang <socket>`.
pub(crate) fn scripted() -> MockZkvm {
    MockZkvm::new().with_program(PROGRAM, |stdin| {
        let text = std::str::from_utf8(stdin).unwrap();
        match text.split_once(' ').unwrap_or((text, "")) {
            ("segments", count) => {
                let segments = vec![Cycles(7); count.parse().unwrap()];
                Ok(MockRun { segments, journal: text.into() })
            }
            ("refuse", _) => Err(ExecuteError::GuestPanicked { message: "no".to_owned() }),
            ("panic", _) => panic!("as the input asked for"),
            ("abort", _) => std::process::abort(),
            ("kill", _) => {
                let own = std::process::id().to_string();
                Command::new("kill").args(["-9", &own]).status().unwrap();
                unreachable!("it is dead")
            }
            ("hang", socket) => {
                let _open = UnixStream::connect(socket).unwrap();
                loop {
                    std::thread::park();
                }
            }
            _ => panic!("unknown: {text}"),
        }
    })
}

pub(crate) fn threads(slots: usize) -> Bench {
    Bench::threads(Arc::new(scripted()), NonZeroUsize::new(slots).unwrap()).unwrap()
}

/// How this test binary computes as a process of its own.
fn child_command(task_max: Duration) -> ChildCommand {
    let args = ["--ignored", "--exact", "worker::child_of_its_own", "--nocapture"];
    ChildCommand {
        program: std::env::current_exe().unwrap(),
        args: args.map(Into::into).into(),
        env: Vec::new(),
        engine: "mock".to_owned(),
        start_max: Duration::from_secs(60),
        task_max,
    }
}

fn children(task_max: Duration) -> Bench {
    Bench::children(child_command(task_max), NonZeroUsize::MIN)
}

#[test]
#[ignore = "run by other tests as a process that may be killed"]
fn child_of_its_own() {
    let _ = bench_main(Arc::new(scripted()));
}

pub(crate) fn config() -> WorkerConfig {
    WorkerConfig {
        name: "w".to_owned(),
        device: "d".to_owned(),
        memory_mib: 1 << 20,
        gpu_memory_mib: 2,
        disk_mib: 3,
        bytes_per_s: 4,
        shelf_bytes: 1 << 20,
        wait: Duration::from_secs(3_600),
    }
}

/// A worker that runs, with everything around it.
struct House {
    far: FarEnd,
    store: ArtifactStore,
    ending: Ending,
    worker: JoinHandle<Result<(), WorkerError>>,
    leases: u32,
}

impl House {
    /// One that was not yet welcomed.
    fn at_the_door(bench: Bench) -> Self {
        let (line, far): (Arc<MockLine>, _) = mock_line();
        let store = ArtifactStore::open(&StoreConfig::Memory).unwrap();
        let ending = Ending::default();
        let worker = tokio::spawn(run(line, store.clone(), bench, config(), ending.clone()));
        Self { far, store, ending, worker, leases: 0 }
    }

    async fn with(bench: Bench) -> Self {
        let mut house = Self::at_the_door(bench);
        house.far.welcome(1, LONG_MS).await;
        house
    }

    async fn put(&self, bytes: impl Into<Bytes>) -> ArtifactId {
        self.store.put(bytes).await.unwrap()
    }

    fn lease(&mut self, task: TaskSpec) -> Assignment {
        self.leases += 1;
        let work = match &task {
            TaskSpec::Execute { .. } => Work::Execute,
            TaskSpec::Prove { segment, .. } => Work::Prove { segment: *segment },
            TaskSpec::Join { level, index, .. } => Work::Join { level: *level, index: *index },
            TaskSpec::Verify { .. } => Work::Verify,
        };
        let (job, work) = (JobId([7; 32]), WorkName(work));
        Assignment { lease: LeaseName { job, work, generation: self.leases }, task }
    }

    async fn execution(&mut self, input: &str) -> Assignment {
        let (program, input) = (self.put(PROGRAM).await, self.put(input.to_owned()).await);
        self.lease(TaskSpec::Execute { program, input, limits: LIMITS })
    }

    /// Gives the task and hears what comes of it.
    async fn result(&mut self, assignment: Assignment) -> Saying {
        let lease = assignment.lease;
        self.far.give([assignment]).await;
        let word = self.far.said().await;
        assert_eq!(word.lease, lease);
        word.said
    }

    async fn output(&mut self, task: TaskSpec) -> ArtifactId {
        let assignment = self.lease(task);
        match self.result(assignment).await {
            Saying::Made { output } => output.id,
            said => panic!("{said:?}"),
        }
    }

    async fn failure(&mut self, assignment: Assignment) -> (Fault, String) {
        match self.result(assignment).await {
            Saying::Failed { fault, reason } => (fault, reason),
            said => panic!("{said:?}"),
        }
    }

    /// What an execution says until its end: the pages, and the last word.
    async fn executed(&mut self, input: &str) -> (Vec<ArtifactId>, Saying) {
        let execution = self.execution(input).await;
        let mut pages = Vec::new();
        let mut said = self.result(execution).await;
        while let Saying::Found { page, .. } = said {
            pages.push(page.id);
            said = self.far.said().await.said;
        }
        (pages, said)
    }

    /// The worker shows that it goes on.
    async fn goes_on(&mut self) {
        let (_, said) = self.executed("segments 1").await;
        assert!(matches!(said, Saying::Executed { segments: 1, .. }), "{said:?}");
    }

    async fn drained(mut self) {
        self.far.answer(Ok(Answer { drain: true, ..Answer::default() })).await;
        self.worker.await.unwrap().unwrap();
    }
}

/// All kinds of tasks make a proof of an execution of 70 segments.
async fn makes_a_proof(bench: Bench) {
    let mut house = House::with(bench).await;
    let (pages, said) = house.executed("segments 70").await;
    let Saying::Executed { segments: 70, journal } = said else { panic!("{said:?}") };
    let (program, input) = (house.put(PROGRAM).await, house.put("segments 70").await);
    let mut parts = Vec::new();
    for page in pages {
        let read = Page::from_bytes(&house.store.get(&page).await.unwrap()).unwrap();
        for segment in read.segments().iter().map(|segment| segment.index) {
            assert_eq!(segment as usize, parts.len(), "pages follow each other");
            parts.push(house.output(TaskSpec::Prove { program, input, page, segment }).await);
        }
    }
    let kind = ProofKind::Composite;
    let joining = scripted().joining(kind).unwrap();
    let mut level = 0;
    while level == 0 || parts.len() > 1 {
        let arity = joining.arity_at(level).get() as usize;
        let is_top = parts.len() <= arity;
        let mut joined = Vec::new();
        for (index, parts) in (0..).zip(parts.chunks(arity)) {
            let parts = parts.to_vec();
            joined.push(
                house.output(TaskSpec::Join { proof: kind, level, index, is_top, parts }).await,
            );
        }
        (parts, level) = (joined, level + 1);
    }
    let proof = parts[0];
    let verified = house.output(TaskSpec::Verify { program, journal: journal.id, proof }).await;
    assert_eq!(verified, proof);
    let claim = scripted().verify(&house.store.get(&proof).await.unwrap()).unwrap();
    assert_eq!(claim.journal.0, b"segments 70"[..]);
    let wrong = house.put("another journal").await;
    let verify = house.lease(TaskSpec::Verify { program, journal: wrong, proof });
    let (fault, reason) = house.failure(verify).await;
    assert_eq!(fault, Fault::Worker);
    assert_eq!(reason, "the proof is for another journal than the execution gave");
    house.drained().await;
}

#[tokio::test]
async fn threads_make_a_proof() {
    makes_a_proof(threads(2)).await;
}

#[tokio::test]
async fn children_make_a_proof() {
    makes_a_proof(children(Duration::from_secs(60))).await;
}

#[tokio::test]
async fn what_a_worker_says_of_itself() {
    let mut house = House::at_the_door(threads(3));
    let hello = house.far.welcome(1, LONG_MS).await;
    assert_eq!((hello.name.as_str(), hello.engine.as_str(), hello.slots), ("w", "mock", 3));
    let of_config = (hello.memory_mib, hello.gpu_memory_mib, hello.disk_mib, hello.bytes_per_s);
    assert_eq!(of_config, (1 << 20, 2, 3, 4));
    let joins = hello.joins.iter().find(|joins| joins.proof == ProofKind::Composite).unwrap();
    let joining = scripted().joining(ProofKind::Composite).unwrap();
    assert_eq!((joins.arity, joins.levels_min), (joining.arity.get(), joining.levels_min));
    house.drained().await;
}

#[tokio::test]
async fn a_program_that_fails_is_blamed_and_a_panic_is_not() {
    let mut house = House::with(threads(1)).await;
    let refusing = house.execution("refuse").await;
    let refused = house.failure(refusing).await;
    assert_eq!(refused, (Fault::Program, "the program refused its input: no".to_owned()));
    let panicking = house.execution("panic").await;
    let panicked = house.failure(panicking).await;
    assert_eq!(panicked, (Fault::Worker, "the zkVM panicked: as the input asked for".to_owned()));
    house.goes_on().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_what_it_should_be_is_named() {
    let mut house = House::with(threads(1)).await;
    let (program, none) = (house.put(PROGRAM).await, ArtifactId::of(b"none"));
    let missing = house.lease(TaskSpec::Execute { program, input: none, limits: LIMITS });
    let (fault, reason) = house.failure(missing).await;
    assert_eq!(fault, Fault::Worker);
    assert!(reason.starts_with(&format!("cannot read an input: artifact {none}")), "{reason}");

    let garbage = house.put("no page").await;
    let task = TaskSpec::Prove { program, input: program, page: garbage, segment: 0 };
    let assignment = house.lease(task);
    let (fault, reason) = house.failure(assignment).await;
    assert_eq!(fault, Fault::Worker);
    let expected = format!("page {garbage}: the page does not decode");
    assert!(reason.starts_with(&expected), "{reason}");

    let (pages, _) = house.executed("segments 2").await;
    let task = TaskSpec::Prove { program, input: program, page: pages[0], segment: 2 };
    let assignment = house.lease(task);
    let (_, reason) = house.failure(assignment).await;
    assert_eq!(reason, format!("page {}: segment 2 is not in it", pages[0]));
}

#[tokio::test]
async fn a_child_that_dies_takes_its_task_alone() {
    let mut house = House::with(children(Duration::from_secs(60))).await;
    for (input, signal) in [("abort", "SIGABRT"), ("kill", "SIGKILL")] {
        let deadly = house.execution(input).await;
        let (fault, reason) = house.failure(deadly).await;
        assert_eq!(fault, Fault::Worker);
        assert!(reason.contains(signal), "{reason}");
        house.goes_on().await;
    }
    let panicking = house.execution("panic").await;
    let panicked = house.failure(panicking).await;
    assert_eq!(panicked, (Fault::Worker, "the zkVM panicked: as the input asked for".to_owned()));
    house.goes_on().await;
}

/// A place where a child that hangs is seen to begin and to end.
fn watched() -> (tempfile::TempDir, UnixListener, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    (dir, listener, format!("hang {}", path.display()))
}

async fn ends(mut child: tokio::net::UnixStream) {
    assert_eq!(child.read(&mut [0]).await.unwrap(), 0, "its end closes what it had open");
}

#[tokio::test]
async fn a_child_that_hangs_is_killed() {
    let mut house = House::with(children(Duration::from_millis(1))).await;
    let (_dir, listener, input) = watched();
    let hanging = house.execution(&input).await;
    let (fault, reason) = house.failure(hanging).await;
    assert_eq!(fault, Fault::Worker);
    assert_eq!(reason, "it did not end within 0.001 s, and its process was killed");
    drop(listener);
}

#[tokio::test]
async fn a_task_that_is_stopped_is_stopped() {
    let mut house = House::at_the_door(children(Duration::from_secs(3_600)));
    house.far.welcome(1, 30).await;
    let (_dir, listener, input) = watched();
    let hanging = house.execution(&input).await;
    let lease = hanging.lease;
    house.far.give([hanging]).await;
    let (child, _) = listener.accept().await.unwrap();
    house.far.beat(lease, Answer { stop: vec![lease], ..Answer::default() }).await;
    ends(child).await;
    house.goes_on().await;
    let ask = house.far.answer(Ok(Answer::default())).await;
    assert_eq!((ask.leases, ask.said), (vec![], vec![]));
}

#[tokio::test]
async fn a_worker_that_is_stopped_says_so() {
    let mut house = House::with(children(Duration::from_secs(3_600))).await;
    let (_dir, listener, input) = watched();
    let hanging = house.execution(&input).await;
    let lease = hanging.lease;
    house.far.give([hanging]).await;
    let (child, _) = listener.accept().await.unwrap();
    house.ending.stop.cancel();
    let reason = "the worker is stopped".to_owned();
    let said = Saying::Failed { fault: Fault::Worker, reason };
    assert_eq!(house.far.said().await, Word { lease, said });
    house.worker.await.unwrap().unwrap();
    ends(child).await;
}

/// A zkVM whose segments are proven when the test says so: it hears which began, and lets each go.
fn gated() -> (MockZkvm, mpsc::Receiver<u32>, mpsc::Sender<()>) {
    let (began, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let zkvm = scripted().with_segment_hook(move |segment| {
        began.send(segment.index).unwrap();
        gate.lock().unwrap().recv().unwrap();
        Ok(())
    });
    (zkvm, begun, go)
}

async fn begun(receiver: mpsc::Receiver<u32>) -> (u32, mpsc::Receiver<u32>) {
    tokio::task::spawn_blocking(|| (receiver.recv().unwrap(), receiver)).await.unwrap()
}

/// A worker with one slot and tasks to prove the first segments of an execution.
async fn proving(segments: u32) -> (House, Vec<Assignment>, mpsc::Receiver<u32>, mpsc::Sender<()>) {
    let (zkvm, begun, go) = gated();
    let bench = Bench::threads(Arc::new(zkvm), NonZeroUsize::MIN).unwrap();
    let mut house = House::with(bench).await;
    let input = format!("segments {segments}");
    let (pages, _) = house.executed(&input).await;
    let (program, input) = (house.put(PROGRAM).await, house.put(input).await);
    // Pages have 1, 2, 4, … segments.
    let page = |segment: u32| pages[(segment + 1).ilog2() as usize];
    let task = |segment| TaskSpec::Prove { program, input, page: page(segment), segment };
    let tasks: Vec<_> = (0..segments).map(|segment| house.lease(task(segment))).collect();
    (house, tasks, begun, go)
}

#[tokio::test]
async fn one_more_than_can_be_computed_is_taken() {
    let (mut house, tasks, begins, go) = proving(3).await;
    let [first, second, third] = tasks.try_into().unwrap();
    let leases = [first.lease, second.lease];
    house.far.give([first]).await;
    let (index, begins) = begun(begins).await;
    assert_eq!(index, 0);
    let ask = house.far.answer(Ok(Answer { begin: vec![second], ..Answer::default() })).await;
    assert_eq!((ask.takes, ask.leases), (true, vec![leases[0]]));
    assert!(house.far.asks.is_empty(), "two are in hand, and there is nothing to ask for");
    go.send(()).unwrap();
    let ask = house.far.answer(Ok(Answer::default())).await;
    assert_eq!((ask.takes, ask.leases), (true, leases.to_vec()), "there is room for the next");
    assert_eq!(begun(begins).await.0, 1);
    drop(third);
}

#[tokio::test]
async fn what_was_not_answered_is_said_again() {
    let (mut house, tasks, begins, go) = proving(1).await;
    let lost = || Err(LineError::Unreachable { reason: "lost".to_owned() });
    let lease = tasks[0].lease;
    let begin = || Answer { begin: vec![tasks[0].clone()], ..Answer::default() };
    // The answer that gave the task is lost, and then comes twice.
    house.far.answer(lost()).await;
    let ask = house.far.answer(Ok(begin())).await;
    assert_eq!(ask.leases, []);
    let ask = house.far.answer(Ok(begin())).await;
    assert_eq!(ask.leases, [lease]);
    let (_, begins) = begun(begins).await;
    go.send(()).unwrap();
    // So is the answer to its result.
    let mut ask = house.far.answer(lost()).await;
    while ask.said.is_empty() {
        ask = house.far.answer(lost()).await;
    }
    let again = house.far.answer(Ok(Answer::default())).await;
    assert_eq!((again.said, again.leases), (ask.said, vec![lease]));
    let after = house.far.answer(Ok(Answer::default())).await;
    assert_eq!((after.said, after.leases), (vec![], vec![]));
    assert!(begins.try_recv().is_err(), "it was computed once");
}

#[tokio::test]
async fn a_worker_that_drains_finishes_what_it_has() {
    let (mut house, tasks, begins, go) = proving(2).await;
    house.far.give(tasks.clone()).await;
    let (_, begins) = begun(begins).await;
    house.ending.drain.cancel();
    go.send(()).unwrap();
    go.send(()).unwrap();
    for task in &tasks {
        loop {
            let ask = house.far.answer(Ok(Answer::default())).await;
            assert!(!ask.takes || ask.said.is_empty(), "a question from before may still wait");
            if ask.said.iter().any(|word| word.lease == task.lease) {
                break;
            }
        }
    }
    house.worker.await.unwrap().unwrap();
    assert_eq!(begins.try_iter().count(), 1);
}

#[tokio::test]
async fn a_worker_that_is_forgotten_says_hello_again() {
    let (mut house, tasks, begins, go) = proving(1).await;
    let lease = tasks[0].lease;
    house.far.give(tasks).await;
    let (_, _begins) = begun(begins).await;
    house.far.answer(Err(LineError::UnknownWorker)).await;
    house.far.welcome(2, LONG_MS).await;
    let (worker, ask, _reply) = house.far.asked().await;
    assert_eq!((worker, ask.leases), (2, vec![lease]), "what it has in hand it still has");
    assert!(ask.holds.is_some(), "all is told again");
    go.send(()).unwrap();
    assert_eq!(house.far.said().await.lease, lease);
}

#[tokio::test]
async fn who_is_not_taken_ends() {
    let not_taken = LineError::NotTaken { reason: "version 0.0".to_owned() };
    let mut house = House::at_the_door(threads(1));
    let (_, reply) = house.far.hellos.recv().await.unwrap();
    reply.send(Err(LineError::Unreachable { reason: "not yet".to_owned() })).unwrap();
    let (_, reply) = house.far.hellos.recv().await.unwrap();
    reply.send(Err(not_taken.clone())).unwrap();
    let error = house.worker.await.unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Line(error) if error == not_taken));

    let expired = LineError::Credentials { reason: "expired".to_owned() };
    let mut house = House::with(threads(1)).await;
    house.far.answer(Err(expired.clone())).await;
    let error = house.worker.await.unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Line(error) if error == expired));
}

#[tokio::test]
async fn a_bench_that_does_not_start_ends_the_worker() {
    let command_of = |program: &Path, engine: &str| ChildCommand {
        program: program.to_owned(),
        engine: engine.to_owned(),
        ..child_command(Duration::from_secs(60))
    };
    let own = std::env::current_exe().unwrap();
    let rows = [
        (command_of(Path::new("/nowhere"), "mock"), "cannot start /nowhere to compute tasks"),
        (command_of(&own, "other"), "it proves with `mock`, not with `other`"),
        (command_of(Path::new("/bin/true"), "mock"), "ended with exit status: 0"),
    ];
    for (command, expected) in rows {
        let house = House::at_the_door(Bench::children(command, NonZeroUsize::MIN));
        let error = house.worker.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
