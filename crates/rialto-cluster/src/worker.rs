//! A worker: asks for tasks, has them computed, and says what came of them.
//!
//! What the worker has in hand is known to its loop alone. Tasks are carried from assignment to result beside it and say
//! what they come to ([`Event`]); what was said is said again until a question that said it was answered. So a lost
//! answer, a coordinator that restarts and an ordinary round are one path.

mod carry;
mod heart;

use crate::bench::{Bench, Engine};
use crate::line::{Line, LineError, Remedy};
use crate::shelf::Shelf;
use crate::wire::{Answer, Ask, Assignment, Hello, LeaseName, Saying, Welcome, Word};
use crate::work::Failure;
use carry::Carrier;
use heart::{Heart, Pulse};
use rialto_artifacts::ArtifactStore;
use rialto_planner::cluster::Fault;
use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Events that wait for the loop; tasks that have more to say pause.
const EVENTS_MAX: usize = 256;
/// The pause after a coordinator could not be reached; it doubles with each, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// What a worker that is stopped waits to be heard.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// What a worker is, beside what its bench says.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What people call it; see [`Hello::name`].
    pub name: String,
    /// Names its hardware; see [`Hello::device`].
    pub device: String,
    /// Memory that its tasks may use together, in MiB.
    pub memory_mib: u32,
    /// Memory of its graphics processors, in MiB.
    pub gpu_memory_mib: u32,
    /// Room for artifacts, in MiB.
    pub disk_mib: u32,
    /// What it fetches artifacts with, in bytes per second, as far as is known.
    pub bytes_per_s: u64,
    /// Memory for artifacts that tasks read, in bytes.
    pub shelf_bytes: usize,
    /// How long it waits for an answer while nothing is to be said.
    pub wait: Duration,
}

/// How a worker is told to end.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Takes no more tasks, and ends once those in hand are done.
    pub drain: CancellationToken,
    /// Ends now. Whoever gave the tasks is told that they will not be done, if it can be reached.
    pub stop: CancellationToken,
}

/// Why a worker ended other than as it was told to.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The coordinator does not take it, and will not without somebody's doing.
    #[error("the worker cannot work")]
    Line(#[source] LineError),
    /// Its processes do not start.
    #[error("the worker cannot compute: {0}")]
    Bench(String),
    /// The operating system gives no thread for heartbeats.
    #[error("the worker's heartbeats do not start")]
    Heart(#[source] io::Error),
}

/// Something that the loop did not do itself.
#[derive(Debug)]
enum Event {
    /// A task is computed; its result is on its way to the store.
    Computed(LeaseName),
    /// Something is to be said of a task.
    Said(Word),
    /// What came of a heartbeat.
    Beaten { stop: Vec<LeaseName>, drain: bool },
    /// A heartbeat was refused; which beginning it was of.
    Refused { beginning: u64, error: LineError },
}

/// Works for the coordinator at the other end of `line` until it is told to end, by it or by `ending`.
///
/// # Errors
/// If the coordinator does not take it, or nothing can be computed here. A coordinator that cannot be reached is asked
/// again and again.
pub async fn run(
    line: Arc<dyn Line>,
    store: ArtifactStore,
    bench: Bench,
    config: WorkerConfig,
    ending: Ending,
) -> Result<(), WorkerError> {
    let begun = async {
        let failed = |failure: Failure| WorkerError::Bench(failure.reason);
        let engine = bench.prepare().await.map_err(failed)?;
        let hello = hello(&config, &bench, engine);
        greet(line.as_ref(), &hello).await.map(|welcome| (hello, welcome))
    };
    let (hello, welcome) = tokio::select! {
        begun = begun => begun?,
        () = ending.drain.cancelled() => return Ok(()),
        () = ending.stop.cancelled() => return Ok(()),
    };
    tracing::info!(worker = welcome.worker, name = config.name, "the worker begins");
    let (events, seen) = mpsc::channel(EVENTS_MAX);
    let pulse = pulse(1, &welcome);
    let heart = Heart::start(&line, pulse, events.clone()).map_err(WorkerError::Heart)?;
    let shelf = Arc::new(Shelf::new(store.clone(), config.shelf_bytes));
    let slots = bench.slots().get();
    let carrier = Arc::new(Carrier { store, shelf, bench, events });
    let worker = Worker {
        line,
        hello,
        welcome,
        beginning: 1,
        slots,
        wait: config.wait,
        carrier,
        heart,
        events: seen,
        tasks: JoinSet::new(),
        held: BTreeMap::new(),
        words: Vec::new(),
        told: None,
        drains: false,
        trouble: None,
        pause: PAUSE,
    };
    worker.work(ending).await
}

fn hello(config: &WorkerConfig, bench: &Bench, engine: Engine) -> Hello {
    Hello {
        name: config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.name,
        joins: engine.joins,
        device: config.device.clone(),
        slots: u32::try_from(bench.slots().get()).unwrap_or(u32::MAX),
        memory_mib: config.memory_mib,
        gpu_memory_mib: config.gpu_memory_mib,
        disk_mib: config.disk_mib,
        bytes_per_s: config.bytes_per_s,
    }
}

/// Says hello until somebody answers.
async fn greet(line: &dyn Line, hello: &Hello) -> Result<Welcome, WorkerError> {
    let mut pause = PAUSE;
    loop {
        match line.hello(hello.clone()).await {
            Ok(welcome) => return Ok(welcome),
            Err(error) if error.remedy() == Remedy::GiveUp => return Err(WorkerError::Line(error)),
            Err(error) => tracing::warn!(%error, "the worker cannot begin yet"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Three heartbeats in the time of a lease: one may get lost.
fn pulse(beginning: u64, welcome: &Welcome) -> Pulse {
    let every = Duration::from_millis((welcome.lease_ms / 3).max(1));
    Pulse { beginning, worker: welcome.worker, every, leases: Vec::new() }
}

struct Worker {
    line: Arc<dyn Line>,
    hello: Hello,
    welcome: Welcome,
    beginning: u64,
    slots: usize,
    wait: Duration,
    carrier: Arc<Carrier>,
    heart: Heart,
    events: mpsc::Receiver<Event>,
    tasks: JoinSet<()>,
    held: BTreeMap<LeaseName, Held>,
    /// What was said and not heard yet, in order.
    words: Vec<Word>,
    /// Which version of the shelf the coordinator knows.
    told: Option<u64>,
    drains: bool,
    /// Why a question was not answered, until something is done about it.
    trouble: Option<LineError>,
    pause: Duration,
}

/// A task in hand, until its end was heard.
struct Held {
    task: AbortHandle,
    is_computed: bool,
}

/// A question, with what has to be known when it is answered.
struct Question {
    ask: Ask,
    told: Option<u64>,
}

/// What became of a question.
enum Outcome {
    Answered(Answer),
    Failed(LineError),
    /// There is more to say, or less to ask for.
    Overtaken,
    /// The worker is to end now.
    Stopped,
}

impl Worker {
    async fn work(mut self, ending: Ending) -> Result<(), WorkerError> {
        loop {
            while let Ok(event) = self.events.try_recv() {
                self.take(event);
            }
            if let Some(error) = self.trouble.take() {
                self.mend(error, &ending).await?;
            }
            self.drains |= ending.drain.is_cancelled();
            if self.drains && self.held.is_empty() && self.words.is_empty() {
                tracing::info!(name = self.hello.name, "the worker ends");
                return Ok(());
            }
            let question = self.question();
            let leases = question.ask.leases.clone();
            self.heart.set(|pulse| pulse.leases = leases);
            match self.ask(&question, &ending).await {
                Outcome::Answered(answer) => {
                    self.pause = PAUSE;
                    self.told = question.told;
                    self.hear(&question.ask, answer);
                }
                Outcome::Failed(error) => self.trouble = Some(error),
                Outcome::Overtaken => {}
                Outcome::Stopped => {
                    self.give_up().await;
                    return Ok(());
                }
            }
        }
    }

    /// What is to be asked now.
    fn question(&self) -> Question {
        let to_compute = self.held.values().filter(|held| !held.is_computed).count();
        // One more than is computed, to fetch what it reads; and no more results than tasks wait for their upload.
        let has_room = to_compute <= self.slots && self.held.len() <= 2 * self.slots;
        let takes = has_room && !self.drains;
        let wait = if takes && self.words.is_empty() { self.wait } else { Duration::ZERO };
        let holds = self.carrier.shelf.told(self.told);
        let (told, holds) = match holds {
            Some((version, holds)) => (Some(version), Some(holds)),
            None => (self.told, None),
        };
        let leases = self.held.keys().copied().collect();
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Question { ask: Ask { leases, said: self.words.clone(), takes, holds, wait_ms }, told }
    }

    /// Asks, unless there is nothing to ask for. A question that only waits is given up for whatever happens here.
    async fn ask(&mut self, question: &Question, ending: &Ending) -> Outcome {
        let Ask { said, takes, .. } = &question.ask;
        let (line, worker) = (Arc::clone(&self.line), self.welcome.worker);
        let asks = *takes || !said.is_empty();
        let mut answered = pin!(async {
            match asks {
                true => line.ask(worker, question.ask.clone()).await,
                false => std::future::pending().await,
            }
        });
        loop {
            tokio::select! {
                answer = &mut answered => {
                    return answer.map_or_else(Outcome::Failed, Outcome::Answered);
                }
                event = self.events.recv(), if said.is_empty() => {
                    let event = event.expect("the carrier, which sends, is held here");
                    // What is still being asked for is no other because a task is computed.
                    let is_overtaken = !(*takes && matches!(event, Event::Computed(_)));
                    self.take(event);
                    if is_overtaken {
                        return Outcome::Overtaken;
                    }
                }
                Some(ended) = self.tasks.join_next() => {
                    // A task that is stopped has ended, too; one that panics would keep its lease for ever.
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
                () = ending.drain.cancelled(), if !self.drains && said.is_empty() => {
                    return Outcome::Overtaken;
                }
                () = ending.stop.cancelled() => return Outcome::Stopped,
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Computed(lease) => {
                if let Some(held) = self.held.get_mut(&lease) {
                    held.is_computed = true;
                }
            }
            Event::Said(word) if self.held.contains_key(&word.lease) => self.words.push(word),
            Event::Said(_) => {}
            Event::Beaten { stop, drain } => {
                stop.iter().for_each(|lease| self.stop(lease));
                self.drains |= drain;
            }
            Event::Refused { beginning, error } if beginning == self.beginning => {
                self.trouble = Some(error);
            }
            Event::Refused { .. } => {}
        }
    }

    fn hear(&mut self, asked: &Ask, answer: Answer) {
        self.words.drain(..asked.said.len());
        for word in asked.said.iter().filter(|word| word.said.is_last()) {
            self.held.remove(&word.lease);
        }
        for refused in answer.refused {
            let (lease, reason) = (refused.lease, refused.reason);
            tracing::warn!(?lease, reason, "what was said of a task counts for nothing");
            self.stop(&lease);
        }
        answer.stop.iter().for_each(|lease| self.stop(lease));
        answer.begin.into_iter().for_each(|assignment| self.begin(assignment));
        self.drains |= answer.drain;
    }

    fn begin(&mut self, assignment: Assignment) {
        let lease = assignment.lease;
        if self.held.contains_key(&lease) {
            return;
        }
        let carried = Arc::clone(&self.carrier).carry(assignment, self.welcome.result_max_bytes);
        let task = self.tasks.spawn(carried);
        self.held.insert(lease, Held { task, is_computed: false });
    }

    /// The task is nobody's here any more, nor is anything to be said of it.
    fn stop(&mut self, lease: &LeaseName) {
        if let Some(held) = self.held.remove(lease) {
            held.task.abort();
        }
        self.words.retain(|word| word.lease != *lease);
    }

    /// Does what can help so that the next question is answered, unless there is to be none.
    async fn mend(&mut self, error: LineError, ending: &Ending) -> Result<(), WorkerError> {
        let is_free = self.held.is_empty() && self.words.is_empty();
        tokio::select! {
            mended = self.remedy(error) => mended,
            () = ending.stop.cancelled() => Ok(()),
            () = ending.drain.cancelled(), if is_free => Ok(()),
        }
    }

    async fn remedy(&mut self, error: LineError) -> Result<(), WorkerError> {
        tracing::warn!(%error, "a question was not answered");
        match error.remedy() {
            Remedy::GiveUp => Err(WorkerError::Line(error)),
            Remedy::TryAgain => {
                sleep(self.pause).await;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                Ok(())
            }
            Remedy::SayHello => {
                self.welcome = greet(self.line.as_ref(), &self.hello).await?;
                self.beginning += 1;
                self.told = None;
                let pulse = pulse(self.beginning, &self.welcome);
                self.heart.set(|it| *it = pulse);
                Ok(())
            }
        }
    }

    /// Says once that nothing more will come.
    async fn give_up(mut self) {
        self.tasks.abort_all();
        let ended: Vec<_> = self.words.iter().filter(|word| word.said.is_last()).collect();
        let is_ended = |lease: &LeaseName| ended.iter().any(|word| word.lease == *lease);
        let failed = self.held.keys().filter(|lease| !is_ended(lease)).map(|lease| Word {
            lease: *lease,
            said: Saying::Failed {
                fault: Fault::Worker,
                reason: "the worker is stopped".to_owned(),
            },
        });
        let said: Vec<_> = self.words.iter().cloned().chain(failed).collect();
        if said.is_empty() {
            return;
        }
        let farewell = self.line.ask(self.welcome.worker, Ask { said, ..Ask::default() });
        if !matches!(timeout(FAREWELL_TIMEOUT, farewell).await, Ok(Ok(_))) {
            tracing::warn!("the coordinator was not told that the worker ends");
        }
    }
}

impl Saying {
    /// Whether nothing follows it.
    fn is_last(&self) -> bool {
        match self {
            Self::Found { .. } => false,
            Self::Executed { .. } | Self::Made { .. } | Self::Failed { .. } => true,
        }
    }
}
