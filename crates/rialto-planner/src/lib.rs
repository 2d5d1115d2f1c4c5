//! A prover's judgement: what a request is worth, whether to take it, and what to do next for
//! every order.
//!
//! Invariants, mostly absences: nothing here waits, sends or stores. [`next_step`] derives an
//! order's next step from facts on the chain, from what the node has recorded and from the time,
//! and from nothing else; so start-up, recovery after a crash, a reorganised chain and an ordinary
//! tick are one path. A refusal is a [`Skip`] that names the setting that would have accepted.

mod appraise;
mod order;
mod policy;
mod step;

pub use appraise::{Bid, Budget, Preflight, appraise, screen};
pub use order::{Delivery, Facts, LockFact, Order, Proven, Sealed, SlashFact, Standing};
pub use policy::{CycleLimit, GasEstimates, Market, Policy, Skip};
pub use step::{Delivering, Outcome, Step, Waiting, next_step};
