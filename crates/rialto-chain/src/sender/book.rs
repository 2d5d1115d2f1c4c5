//! What a sender knows of its nonces: which are in use, by what, and where that stands.
//!
//! Pure: the chain's facts come in through [`Book::observe`], the choices are made in
//! [`super::plan`].

use super::fees::{FeeMarket, Fees};
use super::{Nonce, Receipt};
use crate::{BlockNumber, BlockRef};
use alloy::primitives::{B256, Bytes};
use rialto_protocol::Timestamp;
use std::collections::BTreeMap;

/// Milliseconds on a clock that only moves forward; where it began does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Millis(pub(super) u64);

/// The chain's time, as far as one can tell between two blocks. What is promised until a second is
/// promised by the chain's clock, so the host's does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainClock {
    /// The newest block's time.
    pub(super) time: Timestamp,
    /// When that block was first seen.
    pub(super) seen_at: Millis,
}

impl ChainClock {
    /// The chain's time now.
    pub(super) fn at(&self, now: Millis) -> Timestamp {
        self.time.saturating_add(now.0.saturating_sub(self.seen_at.0) / 1_000)
    }

    fn observe(&mut self, time: Timestamp, now: Millis) {
        if time > self.time {
            *self = Self { time, seen_at: now };
        }
    }
}

/// One signed transaction of a nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) hash: B256,
    pub(super) fees: Fees,
    pub(super) raw: Bytes,
    /// It does nothing but use the nonce.
    pub(super) empty: bool,
}

/// What a nonce is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// For a call.
    Call { give_up_at: Option<Timestamp>, extra_tip_wei: u128 },
    /// For nothing: so that later nonces can be used.
    Empty,
    /// For something in the mempool that nobody remembers.
    Unknown,
}

/// Where a nonce's transactions are, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not in a block.
    Pool {
        /// The newest block when the newest attempt was signed.
        since: BlockNumber,
        /// That block's time.
        since_time: Timestamp,
        /// When it was last sent to the endpoint, or the endpoint was asked for it if it is unknown;
        /// `None` to send it now, or while it is being asked.
        sent_at: Option<Millis>,
        /// The attempt whose broadcast has not been answered yet.
        sending: Option<B256>,
        /// The endpoint has taken one of the attempts.
        accepted: bool,
        /// A broadcast failed in a way that does not tell whether the endpoint took it.
        uncertain: bool,
        /// The endpoint wants a higher bid.
        outbid: bool,
        /// Looks in a row at which the nonce was used but none of the attempts was found.
        missed: u32,
    },
    /// In a block.
    Block(Box<Mined>),
}

/// An attempt that a block includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mined {
    pub(super) receipt: Receipt,
    pub(super) succeeded: bool,
}

/// One nonce in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) intent: Intent,
    /// Oldest first; empty only for [`Intent::Unknown`].
    pub(super) attempts: Vec<Attempt>,
    pub(super) place: Place,
    /// Whether its outcome has been told.
    pub(super) told: bool,
}

/// A newest block and its time.
pub(super) type Tip = (BlockNumber, Timestamp);

/// What one look at the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The newest block.
    pub(super) head: BlockNumber,
    /// When it was made.
    pub(super) head_time: Timestamp,
    /// What others pay.
    pub(super) market: FeeMarket,
    /// First nonce that no block includes.
    pub(super) latest: Nonce,
    /// First nonce that is neither in a block nor, without gap, in the mempool.
    pub(super) pending: Nonce,
    /// What was found of the nonces that were asked about; without those that could not be told.
    pub(super) sightings: BTreeMap<Nonce, Sighting>,
}

/// What was found of one nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// The block that includes it is still canonical.
    Unchanged,
    /// A block includes one of its attempts.
    Mined(Box<Mined>),
    /// No block includes any of its attempts.
    Missing,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) nonce: Nonce,
    /// Newest first: the newest is the likeliest.
    pub(super) hashes: Vec<B256>,
    /// The block that is believed to include it.
    pub(super) mined_in: Option<BlockRef>,
}

/// All nonces that are not settled for good, and the newest facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) head: BlockNumber,
    pub(super) clock: ChainClock,
    pub(super) market: FeeMarket,
    pub(super) latest: Nonce,
    pub(super) pending: Nonce,
    /// The nonce to assign next.
    pub(super) next: Nonce,
    pub(super) slots: BTreeMap<Nonce, Slot>,
}

impl Book {
    /// A book at the start. What the mempool holds already, the first plan discovers.
    pub(super) fn new(facts: &Facts, now: Millis) -> Self {
        Self {
            head: facts.head,
            clock: ChainClock { time: facts.head_time, seen_at: now },
            market: facts.market,
            latest: facts.latest,
            pending: facts.pending,
            next: facts.latest.max(facts.pending),
            slots: BTreeMap::new(),
        }
    }

    /// Takes the next nonce.
    pub(super) fn assign(&mut self, slot: Slot) -> Nonce {
        let nonce = self.next;
        self.next = Nonce(nonce.0 + 1);
        self.slots.insert(nonce, slot);
        nonce
    }

    /// What the next look at the chain should look for.
    pub(super) fn watches(&self) -> Vec<Watch> {
        let watch = |(nonce, slot): (&Nonce, &Slot)| Watch {
            nonce: *nonce,
            hashes: slot.attempts.iter().rev().map(|attempt| attempt.hash).collect(),
            mined_in: match &slot.place {
                Place::Pool { .. } => None,
                Place::Block(mined) => Some(mined.receipt.block),
            },
        };
        self.slots.iter().map(watch).collect()
    }

    /// Learns what a look found. Nonces that were assigned since are left alone.
    pub(super) fn observe(&mut self, facts: Facts, now: Millis) {
        self.clock.observe(facts.head_time, now);
        (self.head, self.market) = (facts.head, facts.market);
        (self.latest, self.pending) = (facts.latest, facts.pending);
        let tip = self.tip();
        for (nonce, sighting) in facts.sightings {
            if let Some(slot) = self.slots.get_mut(&nonce) {
                slot.observe(sighting, nonce < self.latest, tip);
            }
        }
    }

    /// The newest block and its time.
    pub(super) fn tip(&self) -> Tip {
        (self.head, self.clock.time)
    }

    /// How many calls are not in a block.
    pub(super) fn in_flight(&self) -> usize {
        let flying = |slot: &&Slot| {
            matches!((&slot.intent, &slot.place), (Intent::Call { .. }, Place::Pool { .. }))
        };
        self.slots.values().filter(flying).count()
    }
}

impl Slot {
    /// A slot whose newest attempt has not been sent yet.
    pub(super) fn new(intent: Intent, attempts: Vec<Attempt>, tip: Tip) -> Self {
        Self { intent, attempts, place: Place::unsent(tip), told: false }
    }

    /// The newest attempt's bid.
    pub(super) fn fees(&self) -> Option<Fees> {
        self.attempts.last().map(|attempt| attempt.fees)
    }

    /// Adds a replacement that has not been sent yet.
    pub(super) fn replace(&mut self, attempt: Attempt, tip: Tip) {
        self.attempts.push(attempt);
        if let Place::Pool { since, since_time, sent_at, outbid, .. } = &mut self.place {
            ((*since, *since_time), *sent_at, *outbid) = (tip, None, false);
        }
    }

    fn observe(&mut self, sighting: Sighting, nonce_is_used: bool, tip: Tip) {
        match (sighting, &mut self.place) {
            (Sighting::Unchanged, _) => {}
            (Sighting::Mined(mined), place) => *place = Place::Block(mined),
            (Sighting::Missing, Place::Pool { missed, .. }) => {
                *missed = if nonce_is_used { missed.saturating_add(1) } else { 0 };
            }
            // A reorg took it out. The network has seen it, so it can come back by itself.
            (Sighting::Missing, place) => {
                *place = Place::unsent(tip);
                if let Place::Pool { accepted, .. } = place {
                    *accepted = true;
                }
            }
        }
    }
}

impl Place {
    fn unsent((since, since_time): Tip) -> Self {
        Self::Pool {
            since,
            since_time,
            sent_at: None,
            sending: None,
            accepted: false,
            uncertain: false,
            outbid: false,
            missed: 0,
        }
    }
}
