//! Heartbeats, on a thread and a runtime of their own: neither busy cores nor an upload that is stuck loses leases.

use crate::line::{Line, Remedy};
use crate::wire::{Answer, Ask, LeaseName};
use crate::worker::Event;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What is said with each beat.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    /// Counts the worker's beginnings.
    pub(super) beginning: u64,
    /// Its number.
    pub(super) worker: u64,
    /// How often it beats.
    pub(super) every: Duration,
    /// The leases that are to stand.
    pub(super) leases: Vec<LeaseName>,
}

/// Beats until it is dropped.
pub(super) struct Heart {
    pulse: watch::Sender<Pulse>,
    _ended: DropGuard,
}

impl Heart {
    /// Starts the thread. What is answered goes to `events`.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub(super) fn start(
        line: &Arc<dyn Line>,
        pulse: Pulse,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let (line, ended) = (line.apart(), CancellationToken::new());
        let (pulse, seen) = watch::channel(pulse);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let until = ended.clone();
        thread::Builder::new().name("heartbeats".to_owned()).spawn(move || {
            let beating = beat(line.as_ref(), &seen, &events);
            runtime.block_on(until.run_until_cancelled(beating));
        })?;
        Ok(Self { pulse, _ended: ended.drop_guard() })
    }

    /// Changes what is said with the next beat.
    pub(super) fn set(&self, change: impl FnOnce(&mut Pulse)) {
        self.pulse.send_modify(change);
    }
}

async fn beat(line: &dyn Line, pulse: &watch::Receiver<Pulse>, events: &mpsc::Sender<Event>) {
    loop {
        let every = pulse.borrow().every;
        sleep(every).await;
        let Pulse { beginning, worker, leases, .. } = pulse.borrow().clone();
        if leases.is_empty() {
            continue;
        }
        let ask = Ask { leases, ..Ask::default() };
        // What is to begin is left to the worker's own questions, which know what it has begun. A full queue of events is
        // no loss either: what is not heard is said again.
        match timeout(every, line.ask(worker, ask)).await {
            Ok(Ok(Answer { stop, drain, .. })) if drain || !stop.is_empty() => {
                drop(events.try_send(Event::Beaten { stop, drain }));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.remedy() == Remedy::TryAgain => {
                tracing::warn!(%error, "a heartbeat was not heard");
            }
            Ok(Err(error)) => drop(events.try_send(Event::Refused { beginning, error })),
            Err(_) => tracing::warn!("a heartbeat was not answered in time"),
        }
    }
}
