//! The prover node: it sees requests, judges them, locks, proves, delivers and is paid.
//!
//! Four parts, joined by typed events: [`context`] wires everything, first up and last down;
//! the *bidder* takes requests from first sight to a lock; the *prover* takes them from a lock to
//! payment; the *monitor* tells people and machines. Where an order stands is never stored: both
//! working parts derive each order's next step (`rialto_planner::next_step`) from the chain's facts
//! and the logbook's records at every tick, so a restart after `kill -9` is an ordinary tick.
//!
//! Invariants: an intent is in the logbook before its transaction is broadcast; facts come from the
//! chain's event feed alone, so a lock that lands late is found like any other; an order locked by
//! us is worked on until its deadline is out of reach, whatever fails in between.

pub mod attesters;
mod bidder;
mod calendar;
mod decimal;
mod event;
mod ledger;
mod lock;
mod logbook;
mod monitor;
mod preflight;
pub mod prices;
mod produce;
mod prover;
pub mod requestor_lists;
pub mod settings;
mod settle;
mod transact;
mod venue;
mod verdict;
mod watch;
mod workshop;

pub mod context;

pub use calendar::{Day, InvalidDay};
pub use context::{Node, NodeError, Ports};
pub use event::{Entry, Event};
pub use ledger::{
    Account, Amount, Grouping, I256Decimal, InvalidGrouping, Posting, Row, Statement, Sums,
};
pub use logbook::{Logbook, LogbookError, Numbered, Reader, Record, Sought};
pub use monitor::MonitorError;
pub use rialto_planner::{Delivering, Outcome};
pub use settings::{Settings, SettingsError};
pub use verdict::{Remedy, Verdict, verdict};
