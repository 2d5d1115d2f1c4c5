//! One market on one chain with everything that the working parts need of it.

use crate::attesters::Attesters;
use crate::event::{Entry, Event};
use crate::logbook::{Logbook, LogbookError, OpenOrder, entry};
use crate::settings::Settings;
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::{ArtifactStore, Fetcher};
use rialto_chain::{Market, Sender};
use rialto_planner::{LockFact, Policy, Standing, Step, next_step};
use rialto_protocol::attestation::AttesterDomain;
use rialto_protocol::eip712::AssessorDomain;
use rialto_protocol::{Collateral, Cycles, MarketDomain, RequestDigest, Timestamp, Wei};
use rialto_zkvm::{Prover, Zkvm};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, broadcast, watch};

/// What the working parts share. All of it is either immutable or guarded by its own type.
pub(crate) struct Venue {
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    pub(crate) domain: MarketDomain,
    pub(crate) assessor: AssessorDomain,
    pub(crate) market: Market,
    pub(crate) signer: PrivateKeySigner,
    pub(crate) sender: Sender,
    pub(crate) attester_domain: AttesterDomain,
    pub(crate) attesters: Attesters,
    pub(crate) logbook: Logbook,
    pub(crate) store: ArtifactStore,
    pub(crate) fetcher: Fetcher,
    pub(crate) zkvm: Arc<dyn Zkvm>,
    pub(crate) prover: Arc<dyn Prover>,
    pub(crate) preflights: Semaphore,
    pub(crate) head: watch::Receiver<Head>,
    pub(crate) wakes: Wakes,
    pub(crate) bus: broadcast::Sender<Entry>,
}

/// The chain as the watch last saw it. Facts up to `read_to` are in the logbook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) timestamp: Timestamp,
    pub(crate) seen_at: Instant,
    pub(crate) read_to: u64,
    pub(crate) gas_price: Wei,
    pub(crate) free_collateral: Collateral,
}

/// One wake per working part; a wake carries no data.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) bidder: Notify,
    pub(crate) prover: Notify,
}

impl Wakes {
    pub(crate) fn all(&self) {
        self.bidder.notify_one();
        self.prover.notify_one();
    }
}

/// Everything open, and what to do next about each, at one moment.
pub(crate) struct Plan {
    pub(crate) steps: Vec<(OpenOrder, Step)>,
    pub(crate) market: rialto_planner::Market,
}

impl Head {
    /// The chain's time now, as far as one can tell between two blocks.
    pub(crate) fn now(&self) -> Timestamp {
        self.timestamp.saturating_add(self.seen_at.elapsed().as_secs())
    }
}

impl Venue {
    pub(crate) fn me(&self) -> Address {
        self.signer.address()
    }

    /// The next step of every open order. `in_flight` are locks that are on their way.
    pub(crate) async fn plan(&self, in_flight: &[RequestDigest]) -> Result<Plan, LogbookError> {
        let orders = self.logbook.open_orders(&self.domain).await?;
        let head = *self.head.borrow();
        let promises = orders.iter().filter(|open| self.is_promised(open, in_flight));
        let (promised, cycles) = promises.fold((0u32, 0u64), |(count, cycles), open| {
            let own = open.order.cycles().unwrap_or_default().0;
            (count.saturating_add(1), cycles.saturating_add(own))
        });
        let pending = |open: &&OpenOrder| in_flight.contains(&open.order.digest);
        let staked = orders.iter().filter(pending).fold(Collateral::ZERO, |sum, open| {
            let stake = open.order.request.offer.lock_collateral;
            sum.checked_add(stake).unwrap_or(sum)
        });
        let market = rialto_planner::Market {
            now: head.now(),
            gas_price: head.gas_price,
            free_collateral: head.free_collateral.saturating_sub(staked),
            promised,
            promised_cycles: Cycles(cycles),
        };
        let steps = orders
            .into_iter()
            .map(|open| {
                let step = next_step(&open.order, self.me(), &self.policy, &market);
                (open, step)
            })
            .collect();
        Ok(Plan { steps, market })
    }

    /// Locked or about to be, and not proven yet.
    fn is_promised(&self, open: &OpenOrder, in_flight: &[RequestDigest]) -> bool {
        let unproven = !matches!(open.order.standing, Standing::Proven(..) | Standing::Sealed(..));
        let ours = |lock: &LockFact| lock.prover == self.me() && lock.digest == open.order.digest;
        let locked = open.order.facts.lock.as_ref().is_some_and(ours);
        unproven && (locked || in_flight.contains(&open.order.digest))
    }

    /// Tells everybody who listens; nobody listening is fine.
    pub(crate) fn tell(&self, entry: Entry) {
        let _ = self.bus.send(entry);
    }

    /// Tells without recording: for what is worth seeing and not worth keeping.
    pub(crate) fn mention(&self, digest: RequestDigest, event: Event) {
        self.tell(entry(Some(digest), event));
    }

    /// Waits until the logbook has the facts of `block`.
    pub(crate) async fn read_past(&self, block: u64) {
        let mut head = self.head.clone();
        // The watch ends only when the node does; its end is not ours to report.
        let _ = head.wait_for(|head| head.read_to >= block).await;
    }

    /// Waits for the next block.
    pub(crate) async fn next_block(&self) {
        let read_to = self.head.borrow().read_to;
        self.read_past(read_to + 1).await;
    }
}

/// The longest that a working part goes without looking, whatever it was told.
pub(crate) const TICK: Duration = Duration::from_millis(500);
