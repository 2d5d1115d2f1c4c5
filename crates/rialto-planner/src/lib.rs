//! A prover's judgement: what a request is worth, whether to take it, and what to do next for
//! every order.
//!
//! Invariants, mostly absences: nothing here waits, sends or stores. [`plan`] derives what to do
//! next for every order from facts on the chain, from what the node has recorded, from what its
//! tasks have in hand and from the time, and from nothing else; so start-up, recovery after a crash,
//! a reorganised chain and an ordinary tick are one path. A refusal is a [`Skip`] that names the
//! setting that would have accepted. Promises and the order of work come from one model
//! ([`Schedule`]): what is admitted under it can be done under it.

mod appraise;
mod batch;
mod breaker;
mod capacity;
pub mod cluster;
#[cfg(any(test, feature = "example"))]
pub mod example;
mod order;
mod plan;
mod policy;
mod priority;
mod skip;
mod speed;
mod step;

pub use appraise::{
    Appraisal, Bid, Budget, Market, Preflight, Refusal, appraise, bid, race, screen, screen_race,
};
pub use batch::{BATCH_MAX, BatchPolicy, Closing, Finished, ROOT_FROM, closing};
pub use breaker::{Breaker, BreakerPolicy, ProverHealth};
pub use capacity::{Job, NoRoom, Schedule, Slot};
pub use order::{Delivery, Facts, LockFact, Order, Proven, Sealed, SlashFact, Standing};
pub use plan::{Batch, Hand, Intake, Load, Plan, Snapshot, plan};
pub use policy::{Floors, GasEstimates, Policy, Requestors, Setting};
pub use priority::{CommitmentPriority, PricingPriority};
pub use skip::{CycleLimit, Skip};
pub use speed::{Estimate, Sample, Speeds};
pub use step::{Delivering, Outcome, Step, Waiting, next_step};
