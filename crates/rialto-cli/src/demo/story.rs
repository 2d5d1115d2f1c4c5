//! What has happened to each request so far, from the nodes' own events.

use super::cast::News;
use rialto_node::{Event, Outcome};
use rialto_protocol::{Cycles, RequestDigest, Wei};
use std::collections::BTreeMap;
use std::time::Instant;

/// One request of the demo.
pub(crate) struct Chapter {
    /// What the demo calls it.
    pub(crate) title: &'static str,
    pub(crate) digest: RequestDigest,
    pub(crate) submitted: Instant,
    pub(crate) cycles: Option<Cycles>,
    /// Who locked it, and whom it was locked for last.
    pub(crate) locked_by: Option<&'static str>,
    pub(crate) delivered_by: Option<&'static str>,
    /// How it ended for each node, after how many seconds, and what its transactions cost it.
    pub(crate) endings: BTreeMap<&'static str, Ending>,
    /// Gas that each node used for it.
    pub(crate) gas_used: BTreeMap<&'static str, u64>,
    /// Why each node refused it.
    pub(crate) refusals: BTreeMap<&'static str, String>,
}

/// An order's end in one node's eyes.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) how: Outcome,
    pub(crate) after_s: u64,
    pub(crate) gas: Wei,
}

impl Chapter {
    pub(crate) fn new(title: &'static str, digest: RequestDigest) -> Self {
        Self {
            title,
            digest,
            submitted: Instant::now(),
            cycles: None,
            locked_by: None,
            delivered_by: None,
            endings: BTreeMap::new(),
            gas_used: BTreeMap::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// The node that was paid or rewarded for it, with how.
    pub(crate) fn winner(&self) -> Option<(&'static str, Ending)> {
        let earned =
            |ending: &Ending| matches!(ending.how, Outcome::Paid { .. } | Outcome::RaceWon { .. });
        self.endings.iter().find(|(_, ending)| earned(ending)).map(|(name, end)| (*name, *end))
    }

    /// Takes note of an event of `node`.
    pub(crate) fn hear(&mut self, (node, entry): &News) {
        match &entry.event {
            Event::Priced { cycles, .. } => self.cycles = Some(*cycles),
            Event::Locked { .. } => self.locked_by = Some(node),
            Event::Delivered => self.delivered_by = Some(node),
            Event::TxMined { gas_used, .. } => *self.gas_used.entry(node).or_default() += gas_used,
            Event::Skipped { reason, .. } => {
                self.refusals.insert(node, reason.clone());
            }
            Event::Closed { outcome, gas_wei } => {
                let after_s = self.submitted.elapsed().as_secs();
                self.endings.insert(node, Ending { how: *outcome, after_s, gas: *gas_wei });
            }
            _ => {}
        }
    }
}

/// Whether an event is worth a line of its own to somebody who watches.
pub(crate) fn is_worth_telling(event: &Event) -> bool {
    match event {
        Event::Started { .. }
        | Event::Skipped { .. }
        | Event::Priced { .. }
        | Event::Locked { .. }
        | Event::Proving { .. }
        | Event::Proven { .. }
        | Event::Sealed { .. }
        | Event::Committing
        | Event::Delivered
        | Event::Slashing
        | Event::Retrying { .. } => true,
        Event::Closed { outcome, .. } => {
            matches!(outcome, Outcome::Paid { .. } | Outcome::RaceWon { .. } | Outcome::Forfeited)
        }
        _ => false,
    }
}
