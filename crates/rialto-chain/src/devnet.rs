//! A chain of one's own: anvil with the contracts deployed and accounts funded.
//!
//! The deployment takes one block, so that the chain's clock starts level with the wall clock.

mod anvil;
mod deploy;

pub use anvil::{AnvilError, find_anvil};
pub use deploy::{Contracts, DeployError, deploy};

use crate::network::Attester;
use crate::sender::{SendError, SenderConfig};
use crate::{Endpoint, EndpointError, MarketError, Network, Sender};
use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportResult;
use anvil::Anvil;
use rialto_protocol::{Collateral, Wei};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What to start.
#[derive(Clone, Debug)]
pub struct DevnetConfig {
    /// The network's name.
    pub name: String,
    /// The anvil binary; see [`find_anvil`].
    pub anvil: PathBuf,
    /// Port to listen on; a free one when absent.
    pub port: Option<u16>,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// How blocks are made.
    pub mining: Mining,
    /// Where the chain is kept by [`Devnet::save`] and continued from when it starts.
    pub state: Option<PathBuf>,
    /// Where anvil's own output is appended; nowhere when absent.
    pub log: Option<PathBuf>,
    /// Whose attestations the verifier accepts, by ascending address.
    pub attesters: Vec<Attester>,
    /// How many of them must sign.
    pub threshold: usize,
    /// Who gets what.
    pub funded: Vec<Funding>,
    /// Where the network's artifacts are, for the network file.
    pub artifacts: Option<Url>,
}

/// When a devnet makes a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// Every so many seconds, at least one.
    Interval {
        /// The time between blocks.
        seconds: u64,
    },
    /// For each transaction.
    PerTransaction,
    /// When asked to, by `evm_mine`.
    OnDemand,
}

impl DevnetConfig {
    /// A devnet with a block each second and one attester slot to fill in.
    pub fn new(anvil: PathBuf, attesters: Vec<Attester>, threshold: usize) -> Self {
        Self {
            name: "devnet".to_owned(),
            anvil,
            port: None,
            chain_id: CHAIN_ID,
            mining: Mining::Interval { seconds: 1 },
            state: None,
            log: None,
            attesters,
            threshold,
            funded: Vec::new(),
            artifacts: None,
        }
    }
}

/// The chain id that development chains use.
const CHAIN_ID: u64 = 31_337;

/// Least ETH and collateral tokens in an account's own hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// Whose hands.
    pub account: Address,
    /// ETH.
    pub eth: Wei,
    /// Tokens.
    pub collateral: Collateral,
}

/// Why there is no devnet.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// The chain's process does not start.
    #[error(transparent)]
    Anvil(#[from] AnvilError),
    /// The new chain's endpoint fails.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A contract cannot be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A contract that should be there does not answer.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// Tokens cannot be handed out.
    #[error("cannot hand out collateral tokens")]
    Fund(#[source] SendError),
    /// The kept chain belongs to another devnet.
    #[error("the chain in {path} was made with other {what}; delete the file to begin anew")]
    StateDiffers {
        /// The state file.
        path: PathBuf,
        /// What is different.
        what: &'static str,
    },
    /// The kept chain cannot be read or written.
    #[error("cannot {operation} the kept chain {path}")]
    State {
        /// What failed.
        operation: &'static str,
        /// The state file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A running devnet. Dropping it kills the chain.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    network: Network,
    endpoint: Endpoint,
    state: Option<PathBuf>,
}

impl Devnet {
    /// Starts anvil, deploys what is not deployed yet, and funds.
    pub async fn start(config: DevnetConfig) -> Result<Self, DevnetError> {
        let anvil = Anvil::start(&config).await?;
        let endpoint = Endpoint::connect(anvil.url()).await?;
        if let Some(path) = config.state.as_deref().filter(|path| path.exists()) {
            load(&endpoint, path).await?;
        }
        let deployer = deployer();
        let provider = endpoint.provider();
        done(provider.anvil_set_balance(deployer.address(), ether(1_000_000)).await)?;
        let sender_config = SenderConfig { poll_interval: DEPLOY_POLL, ..SenderConfig::default() };
        let opened = Sender::open(endpoint.clone(), deployer, sender_config, Arc::new(())).await;
        let (sender, task) = opened?;
        let work = prepare(&endpoint, &config, &sender);
        // The task ends only with the last handle, so it is the work that ends first.
        let contracts = tokio::select! {
            contracts = work => contracts?,
            () = task.run() => return Err(DevnetError::Fund(SendError::Stopped)),
        };
        set_mining(&endpoint, config.mining).await?;
        let network = network(&config, anvil.url().clone(), contracts);
        Ok(Self { anvil, network, endpoint, state: config.state })
    }

    /// Where everything is.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The chain.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The chain's process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.anvil.process_id()
    }

    /// Keeps the chain in [`DevnetConfig::state`], if that is set.
    pub async fn save(&self) -> Result<(), DevnetError> {
        let Some(path) = &self.state else { return Ok(()) };
        let state = done(self.endpoint.provider().anvil_dump_state().await)?;
        crate::network::replace(path, &state).map_err(|source| DevnetError::State {
            operation: "write",
            path: path.clone(),
            source,
        })
    }

    /// Keeps the chain and ends it.
    pub async fn stop(self) -> Result<(), DevnetError> {
        self.save().await?;
        Ok(self.anvil.stop().await?)
    }
}

/// How often the deployment is looked at: the chain is local and idle.
const DEPLOY_POLL: Duration = Duration::from_millis(20);
/// Gas of a mint, with room.
const MINT_GAS: u64 = 150_000;

/// A key that everybody can know: it owns nothing but a devnet's registry and token.
fn deployer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256("rialto devnet deployer"))
        .expect("this hash is a valid key")
}

async fn prepare(
    endpoint: &Endpoint,
    config: &DevnetConfig,
    sender: &Sender,
) -> Result<Contracts, DevnetError> {
    let attesters: Vec<Address> = config.attesters.iter().map(|a| a.address).collect();
    let miner = mine_when_asked(endpoint);
    let work = async {
        let contracts = match deploy::find(endpoint, sender.address()).await? {
            Some(contracts) => {
                check_same(endpoint, config, &contracts, &attesters).await?;
                contracts
            }
            None => deploy(sender, &attesters, config.threshold).await?,
        };
        fund(endpoint, config, sender, &contracts).await?;
        Ok(contracts)
    };
    tokio::select! {
        contracts = work => contracts,
        failed = miner => Err(failed.into()),
    }
}

/// Makes a block whenever transactions wait and no more arrive.
async fn mine_when_asked(endpoint: &Endpoint) -> EndpointError {
    let mut waiting = 0;
    loop {
        let status = endpoint.provider().client().request_noparams::<PoolStatus>("txpool_status");
        let pending = match done(status.await) {
            Ok(status) => status.pending.to::<u64>(),
            Err(failed) => return failed,
        };
        if pending > 0
            && pending == waiting
            && let Err(failed) = done(endpoint.provider().evm_mine(None).await)
        {
            return failed;
        }
        waiting = pending;
        tokio::time::sleep(DEPLOY_POLL).await;
    }
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct PoolStatus {
    pending: U256,
}

async fn check_same(
    endpoint: &Endpoint,
    config: &DevnetConfig,
    contracts: &Contracts,
    attesters: &[Address],
) -> Result<(), DevnetError> {
    let (found, threshold) = deploy::attesters(endpoint, contracts).await?;
    let what = match () {
        () if found != attesters => "attesters",
        () if threshold != U256::from(config.threshold) => "thresholds",
        () => return Ok(()),
    };
    Err(DevnetError::StateDiffers { path: config.state.clone().unwrap_or_default(), what })
}

async fn fund(
    endpoint: &Endpoint,
    config: &DevnetConfig,
    sender: &Sender,
    contracts: &Contracts,
) -> Result<(), DevnetError> {
    let mut mints = Vec::new();
    for funding in &config.funded {
        if endpoint.eth_balance(funding.account).await? < funding.eth {
            let provider = endpoint.provider();
            done(provider.anvil_set_balance(funding.account, funding.eth.0).await)?;
        }
        let held = deploy::tokens_of(endpoint, contracts, funding.account).await?;
        let missing = funding.collateral.saturating_sub(held);
        if missing != Collateral::ZERO {
            let options = deploy::options("mint collateral", MINT_GAS);
            let call = deploy::mint(contracts, funding.account, missing);
            mints.push(sender.send(call, options).await.map_err(DevnetError::Fund)?);
        }
    }
    for mint in mints {
        mint.outcome().await.map_err(DevnetError::Fund)?;
    }
    Ok(())
}

async fn set_mining(endpoint: &Endpoint, mining: Mining) -> Result<(), EndpointError> {
    let provider = endpoint.provider();
    match mining {
        Mining::Interval { seconds } => done(provider.anvil_set_interval_mining(seconds).await),
        Mining::PerTransaction => done(provider.anvil_set_auto_mine(true).await),
        Mining::OnDemand => Ok(()),
    }
}

async fn load(endpoint: &Endpoint, path: &Path) -> Result<(), DevnetError> {
    let state = std::fs::read(path).map_err(|source| DevnetError::State {
        operation: "read",
        path: path.to_owned(),
        source,
    })?;
    match done(endpoint.provider().anvil_load_state(Bytes::from(state)).await)? {
        true => Ok(()),
        false => Err(DevnetError::StateDiffers { path: path.to_owned(), what: "tools" }),
    }
}

fn network(config: &DevnetConfig, rpc_url: Url, contracts: Contracts) -> Network {
    Network {
        name: config.name.clone(),
        chain_id: config.chain_id,
        rpc_url,
        market: contracts.market,
        router: contracts.router,
        assessor: contracts.assessor,
        attested_verifier: contracts.attested_verifier,
        collateral_token: contracts.collateral_token,
        attesters: config.attesters.clone(),
        threshold: config.threshold,
        extension: Some(contracts.extension),
        deployed_at_block: contracts.deployed_at_block,
        artifacts: config.artifacts.clone(),
    }
}

fn ether(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

fn done<T>(result: TransportResult<T>) -> Result<T, EndpointError> {
    result.map_err(|source| EndpointError { operation: "set up a devnet", source })
}
