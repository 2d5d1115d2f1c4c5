//! How many workers make one proof: what there is to do, who does what when, and what becomes of it.
//!
//! A job is a graph of tasks ([`Shape`]): the program runs once without proving and finds segments as it
//! goes, each is proven on its own, their proofs are joined, and what comes out is verified. A task is
//! leased to a worker ([`Task`]), for a short time that heartbeats prolong; each lease has a generation, and
//! what is said under an older one than the task's is refused. [`Queue`] is the rule book of all
//! jobs and tasks together, and [`dispatch`] says who begins what now.
//!
//! Invariants, mostly absences: nothing here has a clock, a database or a socket; the state is the caller's
//! to keep, and whoever keeps it in a database does what [`Queue`] does. Work is repeatable: a task that ran twice, for
//! whatever reason, has one accepted result. What is done for one task does not grow with its job.

mod dispatch;
mod queue;
mod resources;
mod shape;
mod task;

pub use dispatch::{
    Board, Candidate, Device, Durations, InHand, Start, Weights, Why, WorkerView, dispatch,
};
pub use queue::{Change, Job, JobEnd, JobName, JobSpec, Queue, Said, TaskKey, TenantId, Token};
pub use resources::Resources;
pub use shape::{Shape, Stage, Work};
pub use task::{Event, Fault, Generation, Lease, Rejected, Retry, Task, TaskState, Turn, WorkerId};
