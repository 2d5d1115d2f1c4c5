//! What to do about each nonce: every choice of the sender, as a pure function of its book.

use super::Nonce;
use super::book::{Book, Intent, Millis, Place, Slot};
use super::fees::{FeeLimits, Fees};
use crate::BlockNumber;
use rialto_protocol::Timestamp;

/// The owner's settings, as far as choices depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) limits: FeeLimits,
    pub(super) confirmations: u64,
    pub(super) watch_blocks: u64,
    pub(super) stall_blocks: u64,
    pub(super) rebroadcast_ms: u64,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send the newest attempt, again or for the first time.
    Broadcast(Nonce),
    /// Sign the same intent with a higher bid.
    Replace(Nonce, Fees),
    /// Use the nonce for nothing instead: the call's time is up.
    Cancel(Nonce, Fees),
    /// Use a nonce for nothing that nothing uses, so that later ones can be used.
    Fill(Nonce, Fees),
    /// Find out what the mempool holds at a nonce that this sender has not given out.
    Discover(Nonce),
    /// Tell the outcome of a mined transaction.
    Tell(Nonce),
    /// Tell that somebody else's transaction has used the nonce.
    Taken(Nonce),
    /// Drop a nonce that is settled for good.
    Forget(Nonce),
    /// Go on with this nonce: the chain and the mempool have moved without us.
    Continue(Nonce),
}

/// Looks without a receipt after which a used nonce counts as somebody else's. Endpoints index
/// receipts late, and one behind a load balancer may lag; to wait costs little, to be wrong is to
/// tell of a failure where there was none.
const MISSED_MAX: u32 = 20;
/// After so long without a trace of it in the mempool a transaction is sent again.
const LOST_MS: u64 = 2_000;

/// Everything that is to be done now, lowest nonce first.
pub(super) fn plan(book: &Book, policy: &Policy, now: Millis) -> Vec<Action> {
    let steps = book.slots.iter().filter_map(|(nonce, slot)| match &slot.place {
        Place::Block(mined) => {
            settle(*nonce, slot, depth(book, mined.receipt.block.number), policy)
        }
        Place::Pool { missed, .. } if *nonce < book.latest => vanished(*nonce, slot, *missed),
        Place::Pool { .. } => Flight { nonce: *nonce, slot, book, policy, now }.step(),
    });
    steps.chain(gaps(book, policy)).collect()
}

/// Blocks that include or follow `block`.
fn depth(book: &Book, block: BlockNumber) -> u64 {
    (book.head.0 + 1).saturating_sub(block.0)
}

fn settle(nonce: Nonce, slot: &Slot, depth: u64, policy: &Policy) -> Option<Action> {
    if !slot.told {
        return (depth >= policy.confirmations).then_some(Action::Tell(nonce));
    }
    (depth > policy.watch_blocks).then_some(Action::Forget(nonce))
}

/// A nonce that a block has used, though not for an attempt that we know of.
fn vanished(nonce: Nonce, slot: &Slot, missed: u32) -> Option<Action> {
    match slot.intent {
        Intent::Unknown => Some(Action::Forget(nonce)),
        _ if missed < MISSED_MAX => None,
        _ if slot.told => Some(Action::Forget(nonce)),
        _ => Some(Action::Taken(nonce)),
    }
}

/// A nonce that no block has used.
struct Flight<'a> {
    nonce: Nonce,
    slot: &'a Slot,
    book: &'a Book,
    policy: &'a Policy,
    now: Millis,
}

impl Flight<'_> {
    fn step(&self) -> Option<Action> {
        let Place::Pool { since, since_time, sent_at, outbid, .. } = &self.slot.place else {
            return None;
        };
        let stalled = self.is_stalled(*since, *since_time);
        let raised = || self.raised_fees();
        match self.slot.intent {
            Intent::Unknown if stalled && sent_at.is_some() => {
                raised().map(|fees| Action::Replace(self.nonce, fees))
            }
            Intent::Unknown => None,
            Intent::Call { give_up_at: Some(at), .. } if self.book.clock.at(self.now) >= at => {
                raised().map(|fees| Action::Cancel(self.nonce, fees)).or(self.broadcast(*sent_at))
            }
            _ if *outbid || stalled => {
                raised().map(|fees| Action::Replace(self.nonce, fees)).or(self.broadcast(*sent_at))
            }
            _ => self.broadcast(*sent_at),
        }
    }

    fn broadcast(&self, sent_at: Option<Millis>) -> Option<Action> {
        // A mempool that does not count it has lost it, or the transaction before it.
        let wait_ms = match self.nonce < self.book.pending {
            true => self.policy.rebroadcast_ms,
            false => self.policy.rebroadcast_ms.min(LOST_MS),
        };
        let due = sent_at.is_none_or(|at| self.now.0.saturating_sub(at.0) >= wait_ms);
        due.then_some(Action::Broadcast(self.nonce))
    }

    /// Blocks pass and this one is not among them though nothing else holds it back. Time counts by
    /// the chain's clock alone: while a chain stands still, higher bids would only cost.
    fn is_stalled(&self, since: BlockNumber, since_time: Timestamp) -> bool {
        let waited = self.book.head.0.saturating_sub(since.0) >= self.policy.stall_blocks;
        let patience_s = self.policy.limits.bidding.patience.as_secs();
        let is_late = since_time.seconds_until(self.book.clock.time) >= patience_s;
        let is_first = self.nonce == self.book.latest && is_late;
        let is_cheap = self.slot.fees().is_some_and(|bid| self.book.market.is_above(bid));
        waited && (is_first || is_cheap)
    }

    fn raised_fees(&self) -> Option<Fees> {
        let (market, limits) = (&self.book.market, &self.policy.limits);
        let extra_wei = match self.slot.intent {
            Intent::Call { extra_tip_wei, .. } => extra_tip_wei,
            Intent::Empty | Intent::Unknown => 0,
        };
        match self.slot.fees() {
            Some(old) => market.outbid(old, extra_wei, limits),
            None => Some(market.bid(extra_wei, limits)),
        }
    }
}

/// Nonces that the book has nothing about, although they or later ones are in use: left over from
/// an earlier life, or opened by a reorg.
fn gaps(book: &Book, policy: &Policy) -> Vec<Action> {
    let mempool_end = book.latest.max(book.pending);
    let mut actions = Vec::new();
    if book.next < mempool_end {
        actions.push(Action::Continue(mempool_end));
    }
    let highest = book.slots.keys().next_back().filter(|nonce| **nonce >= book.latest);
    let fees = book.market.bid(0, &policy.limits);
    let end = book.next.max(mempool_end);
    let unused = (book.latest.0..end.0).map(Nonce).filter(|nonce| !book.slots.contains_key(nonce));
    for nonce in unused {
        if nonce < mempool_end {
            actions.push(Action::Discover(nonce));
        } else if highest.is_some_and(|highest| nonce < *highest) {
            actions.push(Action::Fill(nonce, fees));
        } else {
            actions.push(Action::Continue(nonce));
            break;
        }
    }
    actions
}

#[cfg(test)]
mod tests;
