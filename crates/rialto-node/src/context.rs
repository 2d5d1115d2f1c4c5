//! Wires a node together: first up, last down.

use crate::attesters::{self, Attesters};
use crate::directive::{Directive, DirectiveError};
use crate::event::{Entry, Event};
use crate::lease::{Lease, LeaseError};
use crate::logbook::{LOGBOOK, Logbook, LogbookError};
use crate::prices::{PriceOracle, Trouble};
use crate::promises::Promises;
use crate::requestor_lists::{ListKeeper, ListTrouble};
use crate::settings::{self, Live, Settings};
use crate::transact::IntentLog;
use crate::venue::{Head, Venue};
use crate::watch as chain;
use crate::{directive, monitor, reconcile, rounds};
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::{ArtifactStore, FetchError, Fetcher, StoreConfig, StoreError};
use rialto_chain::{
    Endpoint, EndpointError, EventFeed, FeedConfig, Market, MarketError, Network, Sender,
    SenderConfig,
};
use rialto_zkvm::{Prover, Zkvm};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Listeners that fall this far behind miss events; history has them all.
const BUS_CAPACITY: usize = 1_024;

/// What the venues of a process share.
#[derive(Clone)]
pub struct Ports {
    /// Executes and verifies.
    pub zkvm: Arc<dyn Zkvm>,
    /// Makes proofs.
    pub prover: Arc<dyn Prover>,
    /// What has been promised of it.
    pub promises: Promises,
}

/// Where a node works, and by whose word.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the configuration file says, now and later.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Which `[[venue]]` of it this is, if it is one.
    pub venue: Option<String>,
    /// The market and its chain.
    pub network: Network,
    /// The prover's key.
    pub signer: PrivateKeySigner,
    /// Where everything is kept; no other node works there at the same time.
    pub data_dir: PathBuf,
    /// Where the status page is served, if anywhere.
    pub monitor: Option<SocketAddr>,
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
    Monitor(#[source] monitor::MonitorError),
    #[error("a part of the node has panicked, which is a mistake in it: {0}")]
    Panicked(String),
}

impl NodeError {
    /// Whether another try may go better though nobody has done anything.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Endpoint { .. }
            | Self::Market(_)
            | Self::Logbook(_)
            | Self::Store(_)
            | Self::Panicked(_) => true,
            Self::DataDir { .. }
            | Self::WrongChain { .. }
            | Self::Attesters(_)
            | Self::Lease(_)
            | Self::Directive(_)
            | Self::Fetcher(_)
            | Self::Monitor(_) => false,
        }
    }
}

impl From<monitor::MonitorError> for NodeError {
    fn from(error: monitor::MonitorError) -> Self {
        match error {
            monitor::MonitorError::Logbook(error) => Self::Logbook(error),
            listener => Self::Monitor(listener),
        }
    }
}

impl From<MarketError> for NodeError {
    fn from(error: MarketError) -> Self {
        Self::Market(Box::new(error))
    }
}

/// A node that is about to run.
pub struct Node {
    venue: Arc<Venue>,
    sources: Sources,
    data_dir: PathBuf,
    monitor: Option<SocketAddr>,
    sender: rialto_chain::sender::SenderTask,
    _lease: Lease,
}

/// What tells a node of the world, and where it is put down.
struct Sources {
    feed: EventFeed,
    oracle: PriceOracle,
    lists: ListKeeper,
    head: watch::Sender<Head>,
    directive: watch::Sender<Directive>,
}

impl Node {
    /// Opens everything; nothing is decided or sent before [`Node::run`].
    pub async fn open(place: Place, ports: Ports) -> Result<Self, NodeError> {
        let Place { settings: file, venue, network, signer, data_dir, monitor } = place;
        let (network, data_dir) = (&network, data_dir.as_path());
        let live = Live::new(file.clone(), venue.clone());
        let settings = live.now();
        let data_error = |source| NodeError::DataDir { path: data_dir.to_owned(), source };
        std::fs::create_dir_all(data_dir).map_err(data_error)?;
        let lease = Lease::take(data_dir)?;
        let (directive, directive_seen) = watch::channel(standing_directive(data_dir)?);
        let market = connect(network).await?;
        let me = signer.address();
        let logbook = Logbook::open(&data_dir.join(LOGBOOK), me).await?;
        logbook.claim_market(&market.domain()).await?;
        let (bus, _) = broadcast::channel(BUS_CAPACITY);
        let log = Arc::new(IntentLog { logbook: logbook.clone(), bus: bus.clone() });
        let sending = SenderConfig { bidding: settings.bidding(), ..SenderConfig::default() };
        let trail = logbook.trail().await?;
        let read_to = trail.tip().map_or(0, |tip| tip.number.0);
        let assumed = settings.assumed_bidding();
        // A locked order may be waiting: what can be asked at once is.
        let (opened, looked) = tokio::join!(
            Sender::open(market.endpoint().clone(), signer.clone(), sending, log),
            chain::first_look(&market, me, read_to, &assumed),
        );
        let (sender, sender_task) =
            opened.map_err(|source| unreachable(&network.rpc_url, source))?;
        let feed_config = FeedConfig {
            floor: network.deployed_at_block,
            look_back_blocks: settings.market.lookback_blocks,
            chunk_blocks_max: settings.market.events_poll_blocks,
            ..FeedConfig::default()
        };
        let feed = EventFeed::new(market.endpoint().clone(), market.address(), feed_config, trail);
        let (head, head_seen) = watch::channel(looked?);
        let oracle = PriceOracle::new(file.clone(), Some(network.rpc_url.clone()));
        let lists = ListKeeper::new(file, venue, network.chain_id, data_dir.join("lists"))?;
        let store = settings.artifacts.store.clone();
        let store =
            store.unwrap_or_else(|| StoreConfig::Local { path: data_dir.join("artifacts") });
        let fetch_policy = settings.fetch_policy(data_dir.join("fetched"));
        let venue = Venue {
            live,
            lanes: settings.prover.concurrent_jobs,
            prices: oracle.subscribe(),
            requestors: lists.subscribe(),
            seat: ports.promises.join(),
            domain: market.domain(),
            assessor: network.assessor_domain(),
            attester_domain: network.attester_domain(),
            attesters: attesters_of(network)?,
            market,
            signer,
            sender,
            logbook,
            store: ArtifactStore::open(&store)?,
            fetcher: Fetcher::new(fetch_policy.clone())?,
            priority_fetcher: Fetcher::new(settings::for_priority(fetch_policy))?,
            zkvm: ports.zkvm,
            prover: ports.prover,
            head: head_seen,
            directive: directive_seen,
            round: tokio::sync::watch::Sender::default(),
            wake: Notify::new(),
            bus,
        };
        let data_dir = data_dir.to_owned();
        let venue = Arc::new(venue);
        let sources = Sources { feed, oracle, lists, head, directive };
        Ok(Self { venue, sources, data_dir, monitor, sender: sender_task, _lease: lease })
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Entry> {
        self.venue.bus.subscribe()
    }

    /// Runs until `stop`, or until the record fails. Locked orders are safe in the logbook; the
    /// next start goes on with them.
    pub async fn run(self, stop: CancellationToken) -> Result<(), NodeError> {
        let venue = self.venue.clone();
        let Sources { mut feed, oracle, lists, head, directive } = self.sources;
        // A second sender on one account would use the same nonces, so this one ends with the node.
        let _sender = AbortOnDropHandle::new(tokio::spawn(self.sender.run()));
        let mut parts: JoinSet<Result<(), NodeError>> = JoinSet::new();
        let monitoring = monitor::run(venue.clone(), self.monitor, stop.clone());
        parts.spawn(async { Ok(monitoring.await?) });
        // The past first, so that nothing is decided on an old picture.
        while let Err(problem) = chain::read(&venue, &mut feed, &head).await? {
            let again_in = problem.again_in;
            venue.tell(venue.logbook.note(None, problem.event()).await?);
            tokio::select! {
                () = tokio::time::sleep(again_in) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
        let started = Event::Started {
            prover: venue.me(),
            market: venue.domain.market,
            chain_id: venue.domain.chain_id,
        };
        venue.tell(venue.logbook.note(None, started).await?);
        let leftovers = venue.logbook.leftovers().await?;
        let watching = chain::run(venue.clone(), feed, head, stop.clone());
        parts.spawn(async { Ok(watching.await?) });
        let working = rounds::run(venue.clone(), stop.clone());
        parts.spawn(async { Ok(working.await?) });
        let asides = asides(self.data_dir, directive, oracle, lists, stop.clone());
        parts.spawn(async {
            asides.await;
            Ok(())
        });
        let reconciling = reconcile::run(venue.clone(), leftovers, stop.clone());
        parts.spawn(async { Ok(reconciling.await?) });
        let mut outcome = Ok(());
        while let Some(ended) = parts.join_next().await {
            let ended = ended.expect("a part of the node panicked");
            stop.cancel();
            if outcome.is_ok() {
                outcome = ended;
            }
        }
        venue.tell(venue.logbook.note(None, Event::Stopping).await?);
        outcome
    }
}

/// What the operator said last. Whoever asked for a hand-over has gone: the lease is ours.
fn standing_directive(data_dir: &Path) -> Result<Directive, DirectiveError> {
    let directive = Directive::read(data_dir)?;
    if directive != Directive::HandOver {
        return Ok(directive);
    }
    Directive::Run.write(data_dir)?;
    Ok(Directive::Run)
}

/// What goes on beside the work until `stop`: nothing of it can fail for good.
async fn asides(
    data_dir: PathBuf,
    directive: watch::Sender<Directive>,
    oracle: PriceOracle,
    lists: ListKeeper,
    stop: CancellationToken,
) {
    let following = directive::follow(data_dir, directive, stop.clone());
    let asking = oracle.run(stop.clone(), |trouble| warn_of_price(&trouble));
    let listing = lists.run(stop, |trouble| warn_of_list(&trouble));
    tokio::join!(following, asking, listing);
}

fn warn_of_price(trouble: &Trouble) {
    tracing::warn!(%trouble, "price oracle");
}

fn warn_of_list(trouble: &ListTrouble) {
    tracing::warn!(%trouble, "requestor list");
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
