//! Threads of this process that compute.

use super::Engine;
use crate::page::Page;
use crate::work::{Failure, Order, Product};
use rialto_zkvm::Zkvm;
use rialto_zkvm::guard::guarded;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc as line;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::{mpsc, oneshot};

pub(super) struct Threads {
    engine: Engine,
    tasks: line::Sender<Task>,
}

struct Task {
    order: Order,
    found: mpsc::Sender<Page>,
    ended: oneshot::Sender<Result<Product, Failure>>,
}

impl Threads {
    pub(super) fn start(zkvm: Arc<dyn Zkvm>, slots: NonZeroUsize) -> io::Result<Self> {
        let (tasks, queue) = line::channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..slots.get() {
            let (queue, zkvm) = (Arc::clone(&queue), Arc::clone(&zkvm));
            let thread = thread::Builder::new().name(format!("bench-{number}"));
            thread.spawn(move || work_until_closed(&queue, zkvm.as_ref()))?;
        }
        Ok(Self { engine: Engine::of(zkvm.as_ref()), tasks })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) async fn compute(
        &self,
        order: Order,
        found: mpsc::Sender<Page>,
    ) -> Result<Product, Failure> {
        let (ended, end) = oneshot::channel();
        let gone = || Failure::of_worker("the threads that compute are gone");
        self.tasks.send(Task { order, found, ended }).map_err(|_| gone())?;
        end.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// The body of a thread: one task after the other until nobody gives any more.
fn work_until_closed(queue: &Mutex<line::Receiver<Task>>, zkvm: &dyn Zkvm) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Task { order, found, ended }) = next() {
        // Nobody wants it any more: its turn came too late.
        if ended.is_closed() {
            continue;
        }
        let computed = guarded(|| {
            order.compute(zkvm, &mut |page| {
                let is_wanted = !ended.is_closed() && found.blocking_send(page).is_ok();
                if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        let panicked = |text| Err(Failure::of_worker(format!("the zkVM panicked: {text}")));
        // The pages' end is the channel's: whoever reads them must see it no later than the result.
        drop(found);
        let _ = ended.send(computed.unwrap_or_else(panicked));
    }
}
