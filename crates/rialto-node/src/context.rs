//! Wires a node together: first up, last down.

use crate::attesters::{self, Attesters};
use crate::directive::{Directive, DirectiveError};
use crate::event::{Entry, Event};
use crate::lease::{Lease, LeaseError};
use crate::logbook::{Logbook, LogbookError};
use crate::prices::{PriceOracle, Prices};
use crate::settings::Settings;
use crate::transact::IntentLog;
use crate::venue::Venue;
use crate::{directive, monitor, rounds, watch};
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::{ArtifactStore, FetchError, Fetcher, StoreConfig, StoreError};
use rialto_chain::{
    Endpoint, EndpointError, EventFeed, FeedConfig, Market, MarketError, Network, Sender,
    SenderConfig,
};
use rialto_zkvm::{Prover, Zkvm};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Listeners that fall this far behind miss events; history has them all.
const BUS_CAPACITY: usize = 1_024;

/// What a node is given from outside.
pub struct Ports {
    /// Executes and verifies.
    pub zkvm: Arc<dyn Zkvm>,
    /// Makes proofs.
    pub prover: Arc<dyn Prover>,
}

/// Why a node does not start or does not go on.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is its source and what it was needed for")]
pub enum NodeError {
    #[error("cannot create the data directory {path}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error("cannot reach the chain at {url}; is it running?")]
    Endpoint { url: url::Url, source: Box<EndpointError> },
    #[error(
        "the endpoint is on chain {found}, the network file says {expected}; use that chain's endpoint"
    )]
    WrongChain { expected: u64, found: u64 },
    #[error("the market cannot be used")]
    Market(#[source] Box<MarketError>),
    #[error("the attesters of the network file cannot be used")]
    Attesters(#[source] Box<attesters::InvalidAttesters>),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error("the operator's word to this node cannot be used")]
    Directive(#[from] DirectiveError),
    #[error("the record of this node cannot be used")]
    Logbook(#[from] LogbookError),
    #[error("the artifact store cannot be used")]
    Store(#[from] StoreError),
    #[error("the fetch cache cannot be used")]
    Fetcher(#[from] FetchError),
    #[error("the status page cannot be shown")]
    Monitor(#[from] monitor::MonitorError),
}

impl From<MarketError> for NodeError {
    fn from(error: MarketError) -> Self {
        Self::Market(Box::new(error))
    }
}

/// A node that is about to run.
pub struct Node {
    venue: Arc<Venue>,
    feed: EventFeed,
    head: tokio::sync::watch::Sender<crate::venue::Head>,
    directive: tokio::sync::watch::Sender<Directive>,
    data_dir: PathBuf,
    sender: rialto_chain::sender::SenderTask,
    _lease: Lease,
}

impl Node {
    /// Opens everything; nothing is decided or sent before [`Node::run`].
    pub async fn open(
        settings: Settings,
        network: &Network,
        signer: PrivateKeySigner,
        data_dir: &Path,
        ports: Ports,
    ) -> Result<Self, NodeError> {
        let data_error = |source| NodeError::DataDir { path: data_dir.to_owned(), source };
        std::fs::create_dir_all(data_dir).map_err(data_error)?;
        let lease = Lease::take(data_dir)?;
        let (directive, directive_seen) = tokio::sync::watch::channel(Directive::read(data_dir)?);
        let market = connect(network).await?;
        let me = signer.address();
        let logbook = Logbook::open(&data_dir.join("logbook.sqlite"), me).await?;
        let (bus, _) = broadcast::channel(BUS_CAPACITY);
        let log = Arc::new(IntentLog { logbook: logbook.clone(), bus: bus.clone() });
        let (sender, sender_task) =
            Sender::open(market.endpoint().clone(), signer.clone(), SenderConfig::default(), log)
                .await
                .map_err(|source| unreachable(&network.rpc_url, source))?;
        let trail = logbook.trail().await?;
        let read_to = trail.tip().map_or(0, |tip| tip.number.0);
        let feed_config = FeedConfig {
            floor: network.deployed_at_block,
            look_back_blocks: settings.market.lookback_blocks,
            chunk_blocks_max: settings.market.events_poll_blocks,
            ..FeedConfig::default()
        };
        let feed = EventFeed::new(market.endpoint().clone(), market.address(), feed_config, trail);
        let (head, head_seen) =
            tokio::sync::watch::channel(watch::look(&market, me, read_to).await?);
        let prices = prices_now(&settings, network).await;
        let store = settings.artifacts.store.clone();
        let store =
            store.unwrap_or_else(|| StoreConfig::Local { path: data_dir.join("artifacts") });
        let venue = Venue {
            prices,
            domain: market.domain(),
            assessor: network.assessor_domain(),
            attester_domain: network.attester_domain(),
            attesters: attesters_of(network)?,
            market,
            signer,
            sender,
            logbook,
            store: ArtifactStore::open(&store)?,
            fetcher: Fetcher::new(settings.fetch_policy(data_dir.join("fetched")))?,
            zkvm: ports.zkvm,
            prover: ports.prover,
            head: head_seen,
            directive: directive_seen,
            round: tokio::sync::watch::Sender::default(),
            wake: Notify::new(),
            bus,
            settings,
        };
        let data_dir = data_dir.to_owned();
        let venue = Arc::new(venue);
        Ok(Self { venue, feed, head, directive, data_dir, sender: sender_task, _lease: lease })
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Entry> {
        self.venue.bus.subscribe()
    }

    /// Runs until `stop`, or until the record fails. Locked orders are safe in the logbook; the
    /// next start goes on with them.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), NodeError> {
        let venue = self.venue.clone();
        let sender = tokio::spawn(self.sender.run());
        // The past first, so that nothing is decided on an old picture.
        while let Err(reason) = watch::read(&venue, &mut self.feed, &self.head).await? {
            let trouble = Event::Retrying { step: "read the chain".into(), reason, in_s: 1 };
            venue.tell(venue.logbook.note(None, trouble).await?);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
        let started = Event::Started {
            prover: venue.me(),
            market: venue.domain.market,
            chain_id: venue.domain.chain_id,
        };
        venue.tell(venue.logbook.note(None, started).await?);
        let mut parts: JoinSet<Result<(), NodeError>> = JoinSet::new();
        let watching = watch::run(venue.clone(), self.feed, self.head, stop.clone());
        parts.spawn(async { Ok(watching.await?) });
        let working = rounds::run(venue.clone(), stop.clone());
        parts.spawn(async { Ok(working.await?) });
        let following = directive::follow(self.data_dir, self.directive, stop.clone());
        parts.spawn(async {
            following.await;
            Ok(())
        });
        if let Some(listen) = venue.settings.monitor.listen {
            let monitoring = monitor::serve(venue.clone(), listen, stop.clone());
            parts.spawn(async { Ok(monitoring.await?) });
        }
        let mut outcome = Ok(());
        while let Some(ended) = parts.join_next().await {
            let ended = ended.expect("a part of the node panicked");
            stop.cancel();
            if outcome.is_ok() {
                outcome = ended;
            }
        }
        venue.tell(venue.logbook.note(None, Event::Stopping).await?);
        sender.abort();
        outcome
    }
}

/// The prices that amounts in dollars are converted at; nobody is asked if there are none.
async fn prices_now(settings: &Settings, network: &Network) -> Prices {
    let (_, settings) = tokio::sync::watch::channel(Arc::new(settings.clone()));
    let mut oracle = PriceOracle::new(settings, Some(network.rpc_url.clone()));
    for trouble in oracle.refresh().await {
        tracing::warn!(%trouble, "price oracle");
    }
    *oracle.subscribe().borrow()
}

fn unreachable(url: &url::Url, source: EndpointError) -> NodeError {
    NodeError::Endpoint { url: url.clone(), source: Box::new(source) }
}

async fn connect(network: &Network) -> Result<Market, NodeError> {
    let url = &network.rpc_url;
    let endpoint = Endpoint::connect(url).await.map_err(|source| unreachable(url, source))?;
    let found = endpoint.chain_id();
    if found != network.chain_id {
        return Err(NodeError::WrongChain { expected: network.chain_id, found });
    }
    Ok(Market::connect(endpoint, network.market).await?)
}

fn attesters_of(network: &Network) -> Result<Attesters, NodeError> {
    let named = network.attesters.iter().map(|attester| attesters::Attester {
        url: attester.url.clone(),
        address: attester.address,
    });
    Attesters::new(named.collect(), network.threshold, ATTESTER_TIMEOUT)
        .map_err(|error| NodeError::Attesters(Box::new(error)))
}

/// An attester verifies in a fraction of a second; most of this is for its queue.
const ATTESTER_TIMEOUT: Duration = Duration::from_secs(30);
