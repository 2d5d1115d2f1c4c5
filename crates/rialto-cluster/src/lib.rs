//! Many workers make one proof.
//!
//! The rules are `rialto_planner::cluster`'s; here is what carries them out. A coordinator keeps jobs and
//! tasks in a database and gives tasks to workers that ask; workers compute and put results into the
//! artifact store; whoever wants a proof has one more `Prover`.
//!
//! Invariants, mostly absences: no rule is here that the pure crate does not have; artifacts do not flow
//! through the coordinator; a result counts only once it was looked at, and only under a lease that
//! stands; what a coordinator has answered is in its database.

pub mod wire;

mod access;
pub mod api;
mod bearer;
mod causes;
mod client;
mod line;
mod problem;

pub mod coordinator;
pub mod ledger;
mod name;

mod desk;
mod prover;

mod bench;
mod machine;
mod page;
mod pager;
mod shelf;
mod work;
mod worker;

mod embedded;

pub use access::{Access, AccessError, Caller, Denied, Scope};
pub use bearer::{Bearer, BearerError};
pub use bench::{Bench, ChildCommand, bench_main};
pub use client::{HttpLine, HttpLineError};
pub use desk::Desk;
pub use embedded::{Embedded, EmbeddedError, QUEUE};
pub use line::{Line, LineError, Remedy};
pub use page::{NotAPage, PAGE_BYTES_MAX, PAGE_SEGMENTS_MAX, Page};
pub use problem::{Code, Problem, ProblemBody};
pub use prover::ClusterProver;
pub use work::{Failure, Order, Product};
pub use worker::{Ending, WorkerConfig, WorkerError, run};
