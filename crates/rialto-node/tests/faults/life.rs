//! One life of a node: a runtime of its own, whose clock the driver moves, ended by a kill.

use crate::world::World;
use crate::{prover::ScriptedProver, quiet::until_quiet};
use rialto_node::crash::{self, Blow};
use rialto_node::{Entry, Event, News, Ports, Promises, keep};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as thread;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A node under way.
pub(crate) struct Life {
    advance: Option<mpsc::UnboundedSender<Duration>>,
    advanced: thread::Receiver<usize>,
    tasks: Cell<usize>,
    /// The chain's process, if it has one.
    chain: Option<u32>,
    /// Whether it has read the past.
    works: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Into so many steps a step of the clock is divided while a life begins, which is a matter of many
/// short waits one after the other.
const SLICES: u32 = 10;

impl Life {
    /// Starts a node on what its earlier lives left, and has it end by `blow`.
    pub(crate) fn start(world: &World, blow: Blow) -> Self {
        let (advance, advances) = mpsc::unbounded_channel();
        let (ack, advanced) = thread::channel();
        let (world, chain) = (world.clone(), world.chain.process_id());
        let works = Arc::<AtomicBool>::default();
        let begun = works.clone();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            crash::arm(blow);
            runtime.block_on(live(world, begun, advances, ack));
            runtime.shutdown_background();
        };
        let thread = Some(std::thread::spawn(body));
        until_quiet(chain);
        Self { advance: Some(advance), advanced, tasks: Cell::new(0), chain, works, thread }
    }

    /// Lets time pass for the node. False if it has died.
    pub(crate) fn advance(&self, time: Duration) -> bool {
        let slices = if self.works.load(Ordering::Relaxed) { 1 } else { SLICES };
        (0..slices).all(|_| self.step(time / slices))
    }

    fn step(&self, time: Duration) -> bool {
        let sent = self.advance.as_ref().is_some_and(|clock| clock.send(time).is_ok());
        let Some(tasks) = sent.then(|| self.advanced.recv().ok()).flatten() else { return false };
        self.tasks.set(tasks);
        until_quiet(self.chain);
        crash::fell_at().is_none()
    }
}

impl Life {
    /// Tasks that were alive when the clock was last moved.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.get()
    }
}

impl Drop for Life {
    /// Nothing is finished, nothing said: as if the power had failed.
    fn drop(&mut self) {
        self.advance = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

async fn live(
    world: World,
    works: Arc<AtomicBool>,
    mut advances: mpsc::UnboundedReceiver<Duration>,
    ack: thread::Sender<usize>,
) {
    // While a blocking task runs, the paused clock does not move by itself.
    let (_hold, held) = thread::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv());
    let node = tokio::spawn(run(world, works));
    let aborted = node.abort_handle();
    loop {
        tokio::select! {
            biased;
            () = crash::struck() => break,
            time = advances.recv() => match time {
                Some(time) => {
                    tokio::time::advance(time).await;
                    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
                    let _ = ack.send(tasks);
                }
                None => break,
            },
        }
        assert!(!node.is_finished(), "the node ended by itself: {:?}", node.await);
    }
    aborted.abort();
}

/// A node that a supervisor starts again when it cannot start.
async fn run(world: World, works: Arc<AtomicBool>) {
    let began = Instant::now();
    let slowest = world.slowest_recovery.clone();
    loop {
        let prover = ScriptedProver::new(world.zkvm.clone(), world.script, world.line.clone());
        let ports = Ports {
            zkvm: world.zkvm.clone(),
            prover: Arc::new(prover),
            promises: Promises::default(),
        };
        let told = |news: News<'_>| match news {
            News::Opened(node) => {
                let (events, works) = (node.events(), works.clone());
                tokio::spawn(note_recovery(events, began, slowest.clone(), works));
            }
            News::Failed { error, .. } => tracing::warn!(%error, "the node failed"),
        };
        let ended = keep(world.place(), ports, CancellationToken::new(), told).await;
        assert!(matches!(&ended, Err(error) if error.may_pass()), "{ended:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Measures from the life's beginning until the node has read the past and goes to work.
async fn note_recovery(
    mut events: broadcast::Receiver<Entry>,
    began: Instant,
    slowest: Arc<Mutex<Duration>>,
    works: Arc<AtomicBool>,
) {
    while let Ok(entry) = events.recv().await {
        if matches!(entry.event, Event::Started { .. }) {
            let mut slowest = slowest.lock().unwrap();
            *slowest = began.elapsed().max(*slowest);
            works.store(true, Ordering::Relaxed);
            return;
        }
    }
}
