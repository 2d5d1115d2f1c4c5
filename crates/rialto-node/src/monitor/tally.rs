//! Keeps the counters in step with the logbook, entry by entry from the start of the process on.
//!
//! Counters begin at zero with each process, as Prometheus expects of them; what the node has earned
//! in its whole life is in `/api/v1/pnl`.

use super::metrics::{Counts, by, by_two};
use crate::event::Event;
use crate::ledger::{Amount, Posting};
use crate::logbook::{IntentRow, LogbookError, Reader};
use alloy::primitives::U256;
use rialto_chain::Traffic;
use rialto_planner::{Outcome, Skip};
use rialto_protocol::RequestDigest;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Entries read at once.
const ENTRIES: u32 = 1_000;

/// How far the counters have come.
pub(super) struct Tally {
    reader: Reader,
    seq: i64,
    /// Of every transaction up to here the end is known and counted.
    settled: i64,
    /// Transactions up to here are counted as made.
    made: i64,
    /// Settled ones after `settled`, counted already.
    early: BTreeSet<i64>,
}

impl Tally {
    /// Counts nothing of what the logbook has already.
    pub(super) async fn begin(reader: Reader) -> Result<Self, LogbookError> {
        let (seq, intent) = reader.ends().await?;
        Ok(Self { reader, seq, settled: intent, made: intent, early: BTreeSet::new() })
    }

    /// Counts what was added since.
    pub(super) async fn catch_up(&mut self, counts: &Counts) -> Result<(), LogbookError> {
        loop {
            let entries = self.reader.entries_after(self.seq, ENTRIES).await?;
            let Some(last) = entries.last() else { break };
            self.seq = last.seq;
            for numbered in &entries {
                self.count(&numbered.entry.event, numbered.entry.digest, counts).await?;
            }
        }
        self.count_intents(counts).await
    }

    async fn count(
        &self,
        event: &Event,
        digest: Option<RequestDigest>,
        counts: &Counts,
    ) -> Result<(), LogbookError> {
        match event {
            Event::Seen { .. } => _ = counts.seen.inc(),
            Event::Skipped { skip, .. } => {
                counts.refused.get_or_create(&by("code", word_of_skip(skip))).inc();
            }
            Event::Locked { .. } => _ = counts.locks.get_or_create(&by("result", "landed")).inc(),
            Event::Proven { proving_ms, .. } => {
                counts.proofs.inc();
                counts.proving.0.observe(seconds(*proving_ms));
            }
            Event::Delivered => _ = counts.deliveries.inc(),
            Event::Retrying { step, .. } => {
                counts.retries.get_or_create(&by("step", step.clone())).inc();
            }
            Event::Rewound { .. } => _ = counts.reorgs.inc(),
            Event::Closed { outcome, .. } => {
                counts.closed.get_or_create(&by("outcome", word_of_outcome(outcome))).inc();
                if let Some(digest) = digest {
                    add_postings(&self.reader.postings_of(digest).await?, counts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Transactions settle out of order, so those after the first open one are looked at again.
    async fn count_intents(&mut self, counts: &Counts) -> Result<(), LogbookError> {
        let rows = self.reader.intents_after(self.settled).await?;
        let made = rows.iter().filter(|row| row.id > self.made);
        made.for_each(|row| count_made(row, counts));
        let settled = rows.iter().filter(|row| row.outcome.is_some());
        let fresh: Vec<_> = settled.filter(|row| !self.early.contains(&row.id)).collect();
        // Intents that one transaction stands for are neighbours and settle at once.
        for together in fresh.chunk_by(|a, b| a.tx_hash.is_some() && a.tx_hash == b.tx_hash) {
            count_settled(together, counts);
        }
        let open = rows.iter().position(|row| row.outcome.is_none()).unwrap_or(rows.len());
        let (before, after) = rows.split_at(open);
        self.settled = before.last().map_or(self.settled, |row| row.id);
        self.made = rows.last().map_or(self.made, |row| row.id);
        self.early = after.iter().filter(|row| row.outcome.is_some()).map(|row| row.id).collect();
        Ok(())
    }
}

/// Takes over what the endpoint's connection has counted.
pub(super) fn count_traffic(traffic: &Traffic, counts: &Counts) {
    counts.rpc_requests.inc_by(traffic.asked().saturating_sub(counts.rpc_requests.get()));
    counts.rpc_errors.inc_by(traffic.failed().saturating_sub(counts.rpc_errors.get()));
}

fn word_of_skip(skip: &Skip) -> String {
    tag(skip, "code")
}

fn word_of_outcome(outcome: &Outcome) -> String {
    tag(outcome, "kind")
}

/// The word by which JSON tells the variant.
fn tag(value: &impl Serialize, name: &str) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned()
}

fn count_made(row: &IntentRow, counts: &Counts) {
    if row.kind != "lock" {
        return;
    }
    counts.locks.get_or_create(&by("result", "sent")).inc();
    let waited_ms = row.at_ms.saturating_sub(row.seen_at_ms).max(0);
    counts.seen_to_lock.0.observe(seconds(waited_ms.cast_unsigned()));
}

/// Counts one transaction, by the intents that it stands for.
fn count_settled(together: &[&IntentRow], counts: &Counts) {
    let Some(first) = together.first() else { return };
    let outcome = match (&first.tx_hash, &first.outcome) {
        (Some(_), Some(outcome)) => outcome.as_str(),
        // What would have been refused is not sent.
        _ => "not_sent",
    };
    let kind = first.kind.as_str();
    counts.transactions.get_or_create(&by_two(("kind", kind), ("outcome", outcome))).inc();
    for gas in together.iter().filter_map(|row| row.gas_wei.as_deref()) {
        let wei = U256::try_from_be_slice(gas).unwrap_or_default();
        counts.gas.get_or_create(&by("kind", kind)).inc_by(f64::from(wei));
    }
    match (kind, outcome) {
        ("lock", "failed" | "not_sent") => {
            counts.locks.get_or_create(&by("result", "lost")).inc();
        }
        ("deliver", "mined") => {
            let orders = u32::try_from(together.len()).unwrap_or(u32::MAX);
            counts.batch.0.observe(f64::from(orders));
        }
        _ => {}
    }
}

/// Gas is counted with its transaction, a stake is a level.
fn add_postings(postings: &[Posting], counts: &Counts) {
    for posting in postings {
        match posting.amount {
            Amount::Price(wei) => _ = counts.income.inc_by(f64::from(wei.0)),
            Amount::Reward(part) => _ = counts.rewards.inc_by(f64::from(part.0)),
            Amount::Forfeit(lost) => _ = counts.forfeits.inc_by(f64::from(lost.0)),
            Amount::Gas(_) | Amount::Stake(_) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration of 2^53 ms is longer than any proof")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests;
