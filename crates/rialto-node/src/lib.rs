//! The prover node: it sees requests, judges them, locks, proves, delivers and is paid.
//!
//! Parts joined by typed events: [`context`] wires everything, first up and last down; `watch` brings
//! the chain's facts into the logbook; `rounds` asks the planner what to do about all open orders at
//! once and does it (`preflight`, `lock`, `produce`, `settle`, each a task of the `workshop`);
//! `reconcile` learns what became of the transactions of an earlier life; the *monitor* tells people and
//! machines. Where an order stands is never stored: each round derives it
//! from the chain's facts and the logbook's records, so a restart after `kill -9` is an ordinary round.
//!
//! Invariants: an intent is in the logbook before its transaction is broadcast; facts come from the
//! chain's event feed alone, so a lock that lands late is found like any other; an order locked by
//! us is worked on until its deadline is out of reach, whatever fails in between.

pub mod attesters;
mod calendar;
#[cfg(feature = "fault-injection")]
pub mod crash;
#[cfg(not(feature = "fault-injection"))]
mod crash;
mod decimal;
mod directive;
mod event;
mod handover;
mod keeper;
mod lease;
mod ledger;
mod lock;
mod logbook;
mod monitor;
mod preflight;
pub mod prices;
mod produce;
mod promises;
mod reconcile;
pub mod requestor_lists;
mod rounds;
pub mod settings;
mod settle;
mod story;
mod teach;
mod transact;
mod venue;
mod verdict;
mod watch;
mod workshop;

pub mod context;

pub use calendar::{Day, InvalidDay};
pub use context::{Node, NodeError, Place, Ports};
pub use directive::{Directive, DirectiveError};
pub use event::{Asset, Entry, Event, Level};
pub use handover::{HandOverError, take_over};
pub use keeper::{News, keep};
pub use lease::{LeaseError, holder};
pub use ledger::{
    Account, Amount, Grouping, I256Decimal, InvalidGrouping, Posting, Row, Statement, Sums,
};
pub use logbook::{InvalidName, LOGBOOK, Logbook, LogbookError, Numbered, Reader, Record, Sought};
pub use monitor::{MonitorError, page};
pub use promises::Promises;
pub use rialto_planner::{Delivering, Outcome, Waiting};
pub use settings::{Settings, SettingsError};
pub use story::Story;
pub use teach::{TeachError, teach};
pub use verdict::{Remedy, Verdict, verdict};
