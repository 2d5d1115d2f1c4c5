//! Processes that compute. Worker and child speak over a socket that is the child's standard input, in both
//! directions: what a guest program prints cannot be taken for a result.

use super::{Engine, frame};
use crate::page::Page;
use crate::work::{Failure, Order, Product};
use rialto_zkvm::Zkvm;
use rialto_zkvm::guard::guarded;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc as line};
use std::thread;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Whose socket is closed has ended, or will at once.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How a process is started that runs [`bench_main`].
#[derive(Clone, Debug)]
pub struct ChildCommand {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; no secrets, everybody on the machine can read them.
    pub args: Vec<OsString>,
    /// Added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// The proof system and its parameters that the process is to have: [`Zkvm::name`].
    pub engine: String,
    /// A process that cannot begin after so long, keys included, is given up.
    pub start_max: Duration,
    /// A task that takes longer than this hangs.
    pub task_max: Duration,
}

/// What a child says.
#[derive(Serialize, Deserialize)]
enum Report {
    /// It can begin.
    Ready(Engine),
    /// A page, as it is stored.
    Found(Vec<u8>),
    /// Its task has ended.
    Ended(Result<Product, Failure>),
}

pub(super) struct Children {
    command: ChildCommand,
    seats: Semaphore,
    idle: Mutex<Vec<Child>>,
}

impl Children {
    pub(super) fn new(command: ChildCommand, slots: NonZeroUsize) -> Self {
        Self { command, seats: Semaphore::new(slots.get()), idle: Mutex::default() }
    }

    /// Starts as many as there are seats, so that the first tasks find them ready.
    pub(super) async fn prepare(&self) -> Result<Engine, Failure> {
        let (first, engine) = Child::start(&self.command).await?;
        // The others find the keys that the first may have had to make.
        let others = (1..self.seats.available_permits()).map(|_| Child::start(&self.command));
        let others = futures::future::try_join_all(others).await?;
        self.idle().extend(others.into_iter().map(|(child, _)| child).chain([first]));
        Ok(engine)
    }

    pub(super) async fn compute(
        &self,
        order: &Order,
        found: &mpsc::Sender<Page>,
    ) -> Result<Product, Failure> {
        let _seat = self.seats.acquire().await.expect("the seats are never taken away");
        let idle = self.idle_child();
        let mut child = match idle {
            Some(child) => child,
            None => Child::start(&self.command).await?.0,
        };
        // A child that is not put back is killed.
        match timeout(self.command.task_max, child.compute(order, found)).await {
            Ok(Ok(ended)) => {
                self.idle().push(child);
                ended
            }
            Ok(Err(error)) => Err(child.obituary(&error).await),
            Err(_) => {
                let limit = self.command.task_max.as_secs_f64();
                Err(Failure::of_worker(format!(
                    "it did not end within {limit} s, and its process was killed"
                )))
            }
        }
    }

    /// One that waits for work and has not ended meanwhile.
    fn idle_child(&self) -> Option<Child> {
        let mut idle = self.idle();
        while let Some(mut child) = idle.pop() {
            match child.process.try_wait() {
                Ok(None) => return Some(child),
                ended => tracing::warn!(?ended, "a process that waited for work has ended"),
            }
        }
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that is killed when this is dropped.
struct Child {
    process: Process,
    socket: UnixStream,
}

impl Child {
    /// A process that is ready, and what it proves with.
    async fn start(command: &ChildCommand) -> Result<(Self, Engine), Failure> {
        let program = command.program.display();
        let failed = |what: String| {
            Failure::of_worker(format!("cannot start {program} to compute tasks: {what}"))
        };
        let mut child = Self::spawn(command).map_err(|error| failed(error.to_string()))?;
        let ready = timeout(command.start_max, frame::read_async(&mut child.socket)).await;
        match ready {
            Ok(Ok(Report::Ready(engine))) if engine.name == command.engine => Ok((child, engine)),
            Ok(Ok(Report::Ready(Engine { name, .. }))) => {
                let expected = &command.engine;
                Err(failed(format!("it proves with `{name}`, not with `{expected}`")))
            }
            Ok(Ok(_)) => Err(failed("it does not say that it is ready".to_owned())),
            Ok(Err(error)) => Err(failed(child.obituary(&error).await.reason)),
            Err(_) => {
                let limit = command.start_max.as_secs();
                Err(failed(format!("it was not ready within {limit} s")))
            }
        }
    }

    fn spawn(command: &ChildCommand) -> io::Result<Self> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let mut process = Command::new(&command.program);
        process.args(&command.args).envs(command.env.iter().map(|(name, value)| (name, value)));
        process.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::inherit());
        // An interrupt at the terminal is for the worker, which lets tasks finish.
        let process = process.process_group(0).kill_on_drop(true).spawn()?;
        Ok(Self { process, socket })
    }

    async fn compute(
        &mut self,
        order: &Order,
        found: &mpsc::Sender<Page>,
    ) -> io::Result<Result<Product, Failure>> {
        self.socket.write_all(&frame::encode(order)?).await?;
        loop {
            match frame::read_async(&mut self.socket).await? {
                Report::Found(page) => {
                    let page = Page::from_bytes(&page).map_err(io::Error::other)?;
                    let gone = |_| io::Error::other("nobody waits for its pages");
                    found.send(page).await.map_err(gone)?;
                }
                Report::Ended(ended) => return Ok(ended),
                Report::Ready(_) => return Err(io::Error::other("it begins twice")),
            }
        }
    }

    /// What became of a child that does not answer.
    async fn obituary(mut self, error: &io::Error) -> Failure {
        match timeout(END_TIMEOUT, self.process.wait()).await {
            Ok(Ok(status)) => Failure::of_worker(in_words(status)),
            _ => Failure::of_worker(format!("the process that computed it broke off: {error}")),
        }
    }
}

/// Signals' numbers are the same on every system that this runs on.
fn in_words(status: ExitStatus) -> String {
    let perhaps = match status.signal() {
        Some(6) => "; it aborted",
        Some(9) => "; it was killed, perhaps because the machine ran out of memory",
        Some(11) => "; it touched memory that is not its own, or its stack was full",
        _ => "",
    };
    format!("the process that computed it ended with {status}{perhaps}")
}

/// The whole of a process that computes for a worker: does what is asked on the socket that is its standard input, until
/// that is closed, and then ends whatever is being computed.
pub fn bench_main(zkvm: Arc<dyn Zkvm>) -> ExitCode {
    die_first();
    match serve(zkvm) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot compute for a worker");
            ExitCode::FAILURE
        }
    }
}

/// When memory runs out, Linux shall end this process rather than the worker or anything else.
fn die_first() {
    if cfg!(target_os = "linux")
        && let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000")
    {
        tracing::debug!(%error, "the system may end others first when memory runs out");
    }
}

fn serve(zkvm: Arc<dyn Zkvm>) -> io::Result<()> {
    let mut requests = Socket::from(io::stdin().as_fd().try_clone_to_owned()?);
    let alone = |_| io::Error::other("it is started by a worker, not by hand");
    requests.peer_addr().map_err(alone)?;
    let mut reports = requests.try_clone()?;
    let (orders, queue) = line::channel();
    thread::Builder::new().name("bench".to_owned()).spawn(move || {
        let reported = report_all(zkvm.as_ref(), &queue, &mut reports);
        // Then nobody listens, and the reader below has seen it too.
        reported.inspect_err(|error| tracing::debug!(%error, "a result cannot be told"))
    })?;
    while let Some(order) = frame::read::<Order>(&mut requests)? {
        if orders.send(order).is_err() {
            return Err(io::Error::other("the thread that computes has ended"));
        }
    }
    Ok(())
}

/// Computes one order after the other.
fn report_all(
    zkvm: &dyn Zkvm,
    queue: &line::Receiver<Order>,
    reports: &mut Socket,
) -> io::Result<()> {
    reports.write_all(&frame::encode(&Report::Ready(Engine::of(zkvm)))?)?;
    while let Ok(order) = queue.recv() {
        let ended = guarded(|| {
            order.compute(zkvm, &mut |page| {
                let told = frame::encode(&Report::Found(page.to_bytes()));
                match told.and_then(|frame| reports.write_all(&frame)) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })
        });
        let panicked = |text| Err(Failure::of_worker(format!("the zkVM panicked: {text}")));
        let ended = Report::Ended(ended.unwrap_or_else(panicked));
        reports.write_all(&frame::encode(&ended)?)?;
    }
    Ok(())
}
