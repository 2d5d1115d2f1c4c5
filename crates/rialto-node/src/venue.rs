//! One market on one chain with everything that the working parts need of it.

use crate::attesters::Attesters;
use crate::directive::Directive;
use crate::event::{Entry, Event};
use crate::logbook::{Logbook, OpenOrder, entry};
use crate::prices::Prices;
use crate::promises::Seat;
use crate::settings::{Live, Settings};
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::{ArtifactStore, Fetcher};
use rialto_chain::{BlockRef, Market, Sender};
use rialto_planner::{Intake, Plan, Policy, Requestors};
use rialto_protocol::attestation::AttesterDomain;
use rialto_protocol::eip712::AssessorDomain;
use rialto_protocol::{Collateral, MarketDomain, RequestDigest, Timestamp, Wei};
use rialto_zkvm::{Prover, Zkvm};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;

/// What the working parts share. All of it is either immutable or guarded by its own type.
pub(crate) struct Venue {
    /// The operator's settings, which may change at any time.
    pub(crate) live: Live,
    /// Proofs that the prover makes at once; it is not made anew while the process runs.
    pub(crate) lanes: u32,
    pub(crate) prices: watch::Receiver<Prices>,
    pub(crate) requestors: watch::Receiver<Arc<Requestors>>,
    /// Its place among the venues that share the prover.
    pub(crate) seat: Seat,
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
    /// For requestors whom `max_file_size` does not bind.
    pub(crate) priority_fetcher: Fetcher,
    pub(crate) zkvm: Arc<dyn Zkvm>,
    pub(crate) prover: Arc<dyn Prover>,
    pub(crate) head: watch::Receiver<Head>,
    /// The last round's picture and decisions.
    pub(crate) round: watch::Sender<Arc<Round>>,
    /// What the operator wants done about new work.
    pub(crate) directive: watch::Receiver<Directive>,
    /// Something has changed; it carries no data.
    pub(crate) wake: Notify,
    pub(crate) bus: broadcast::Sender<Entry>,
}

/// The chain as the watch last saw it. Facts up to `read_to` are in the logbook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) timestamp: Timestamp,
    pub(crate) seen_at: Instant,
    pub(crate) read_to: u64,
    /// The endpoint's newest block.
    pub(crate) newest: BlockRef,
    /// The time between two blocks lately.
    pub(crate) block_time: Duration,
    pub(crate) gas_price: Wei,
    pub(crate) free_collateral: Collateral,
}

/// Everything open and what was decided about it, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) orders: Vec<Arc<OpenOrder>>,
    /// None before the first round.
    pub(crate) plan: Option<Plan>,
    /// When it was made.
    pub(crate) at: Option<Instant>,
    /// The prover's speed by its latest proofs, in cycles a second.
    pub(crate) learned_hz: Option<u64>,
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

    /// The operator's settings as judgement needs them, at this moment.
    pub(crate) fn policy(&self) -> Policy {
        let requestors = self.requestors.borrow().clone();
        let policy = self.settings().policy(&self.prices.borrow(), requestors);
        Policy { concurrent_jobs: self.lanes, ..policy }
    }

    /// Fetches within what a client may ask for.
    pub(crate) fn fetcher_for(&self, client: Address) -> &Fetcher {
        match self.requestors.borrow().is_priority(client) {
            true => &self.priority_fetcher,
            false => &self.fetcher,
        }
    }

    /// The operator's settings as they are now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.live.now()
    }

    /// The market as judgement sees it, at this moment.
    pub(crate) fn market_now(&self) -> rialto_planner::Market {
        let head = *self.head.borrow();
        rialto_planner::Market {
            now: head.now(),
            block_time: head.block_time,
            gas_price: head.gas_price,
            free_collateral: head.free_collateral,
            token_price: self.prices.borrow().token_in_wei_up(),
        }
    }

    /// Whether new work is taken.
    pub(crate) fn intake(&self) -> Intake {
        match *self.directive.borrow() {
            Directive::Run if self.settings().market.listen_only => Intake::ListenOnly,
            Directive::Run => Intake::Open,
            Directive::Pause | Directive::Drain | Directive::HandOver => Intake::Closed,
        }
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

/// The longest that a round waits, whatever it was told.
pub(crate) const TICK: Duration = Duration::from_millis(500);
