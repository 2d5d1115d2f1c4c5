//! Every way of choosing and paying provers that the field has tried, each an exact state machine
//! in one file (`mechanism/`), over one kit that keeps what they have in common.
//!
//! A mechanism is given events ([`Event`]) and answers with effects ([`Effect`]); [`Run`] drives it, and
//! [`Machine`] is the same without its type, made by name from the [`CATALOGUE`]. State follows from the log of
//! events alone: no clock, no entropy, no floating point.
//!
//! What all mechanisms must hold is held in one place, [`Desk`] and [`Case`]: money is conserved, nobody is
//! paid twice, a loss is never above what was at risk, stakes stay while they are counted on, no
//! job hangs, no draw from a set that could still change. [`Auditor`] is a second, simpler account of the same,
//! fed by events and effects only.

mod amount;
mod fraction;

mod allocation;
mod effect;
mod event;
mod job;
mod ledger;

mod active_set;
mod batch;
mod desk;
mod lots;
mod powers;
mod quotes;
mod record;
mod roll;
mod sealed;

mod catalogue;
mod machine;
pub mod mechanism;

mod auditor;

pub mod randomness;

#[cfg(test)]
mod rulebook;
#[cfg(test)]
mod tests;

pub use active_set::ActiveSet;
pub use allocation::{Allocation, Backup, Duty, Forfeit, ForfeitParts, Holder, Risks};
pub use amount::{Amount, Bps};
pub use auditor::{Auditor, Violation};
pub use batch::{Batch, Offer, Terms};
pub use catalogue::{CATALOGUE, Kind, Unstartable, find};
pub use desk::{Case, Desk, Member, Ruling};
pub use effect::{Effect, Happened, Outcome, Refusal, Step, Why};
pub use event::{Entry, Event, JobId, JobSpec, Message, Position, Proof, commitment};
pub use fraction::Fraction;
pub use job::{Job, Stage};
pub use ledger::{Account, Ledger};
pub use lots::{Beacon, Lots};
pub use machine::{JobView, Machine, Run};
pub use mechanism::{About, Confidence, Contradiction, Mechanism, Preset, Rules, SplitGain};
pub use quotes::Quotes;
pub use record::Records;
pub use rialto_protocol::{Span, Time};
pub use roll::{Roll, Seed};
pub use sealed::Sealed;

/// Whoever has money here: requester, prover, proposer. The chain's address, so that a live log
/// needs no table; an owner may have many.
pub use alloy_primitives::Address as Party;
