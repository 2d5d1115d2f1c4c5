//! A laboratory for ways of choosing and paying provers.
//!
//! A [`World`] drives one mechanism of `rialto-mechanism` by the very entries that a live log would
//! have: owners with costs, speeds, faults and strategies answer what it does, jobs come from a
//! workload, time is virtual, and every step is judged by the mechanisms' own auditor. What comes out is
//! measured by owner, since a chain sees addresses and a simulation knows who is behind them.
//!
//! An [`experiment`] runs worlds and compares what they measured with a number that its source
//! states or that follows from a closed form, which is in [`oracle`] and shares no code with
//! the mechanisms. The same seed gives the same run.

mod dice;
mod stats;

mod floor;
mod line;
mod measure;
mod owner;
mod play;
mod world;

mod advice;
mod agent;
mod population;
mod probe;
mod scenario;
pub mod trace;
mod trial;
mod workload;

pub mod experiment;
pub mod oracle;

#[cfg(test)]
mod tests;

pub use advice::{ASPECTS, Aspect, Ranked, rank};
pub use agent::{Agent, FaultKind, Faults};
pub use dice::Dice;
pub use line::{Line, Served, Service};
pub use measure::{Concentration, Measures, OwnerSums};
pub use owner::{Bidding, Cost, Habit, Others, Owner, Region};
pub use population::{POPULATIONS, Population};
pub use probe::{Better, Property, Runs, Variant, properties};
pub use scenario::{Mistake, Scenario};
pub use stats::{Estimate, Mean};
pub use trial::{Jobs, Trial, all_act};
pub use workload::{MOST, WORKLOADS, Workload};
pub use world::{Broken, Job, World};
