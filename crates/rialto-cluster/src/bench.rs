//! Where tasks are computed: in threads of this process, or in processes of their own whose end ends a task and
//! nothing else.

mod children;
mod frame;
mod threads;

use crate::page::Page;
use crate::wire::JoinsOf;
use crate::work::{Failure, Order, Product};
use rialto_zkvm::{Joining, ProofKind, Zkvm};
use serde::{Deserialize, Serialize};
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::mpsc;

pub use children::{ChildCommand, bench_main};

/// A proof system and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Engine {
    /// [`Zkvm::name`].
    pub(crate) name: String,
    /// The kinds of proofs that it makes.
    pub(crate) joins: Vec<JoinsOf>,
}

impl Engine {
    fn of(zkvm: &dyn Zkvm) -> Self {
        let of_kind = |proof| {
            let Joining { leaf_arity, arity, levels_min } = zkvm.joining(proof)?;
            let (leaf_arity, arity) = (leaf_arity.get(), arity.get());
            Some(JoinsOf { proof, leaf_arity, arity, levels_min })
        };
        let kinds = [ProofKind::Composite, ProofKind::Compressed];
        Self {
            name: zkvm.name().to_owned(),
            joins: kinds.into_iter().filter_map(of_kind).collect(),
        }
    }
}

/// Computes tasks, a few at once; those beyond wait for their turn.
pub struct Bench {
    slots: NonZeroUsize,
    place: Place,
}

enum Place {
    Threads(threads::Threads),
    Children(children::Children),
}

impl Bench {
    /// Threads of this process, one for each of `slots`. A panic ends a task; whatever ends a process ends this one.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn threads(zkvm: Arc<dyn Zkvm>, slots: NonZeroUsize) -> io::Result<Self> {
        Ok(Self { slots, place: Place::Threads(threads::Threads::start(zkvm, slots)?) })
    }

    /// Processes of their own, one for each of `slots`, which are kept between tasks and replaced when they end.
    pub fn children(command: ChildCommand, slots: NonZeroUsize) -> Self {
        Self { slots, place: Place::Children(children::Children::new(command, slots)) }
    }

    /// How many tasks it computes at once.
    pub fn slots(&self) -> NonZeroUsize {
        self.slots
    }

    /// Starts what has to be started before the first task, and says what it proves with.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn prepare(&self) -> Result<Engine, Failure> {
        match &self.place {
            Place::Threads(threads) => Ok(threads.engine().clone()),
            Place::Children(children) => children.prepare().await,
        }
    }

    /// Computes a task when it is its turn, and gives the pages of an execution to `found` as they are found. Dropping the
    /// future stops it: a process is killed, a thread's result falls.
    ///
    /// # Errors
    /// If there is no result, whatever happened to whoever computed it.
    pub(crate) async fn compute(
        &self,
        order: Order,
        found: mpsc::Sender<Page>,
    ) -> Result<Product, Failure> {
        match &self.place {
            Place::Threads(threads) => threads.compute(order, found).await,
            Place::Children(children) => children.compute(&order, &found).await,
        }
    }
}
