//! A chain of one's own: anvil with the contracts deployed and accounts funded.

use crate::network::Attester;
use crate::{BlockNumber, Endpoint, EndpointError, Network};
use alloy::primitives::Address;
use rialto_protocol::{Collateral, Wei};
use std::path::PathBuf;
use std::time::Duration;

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
    /// Time between blocks; absent: a block per transaction.
    pub block_time: Option<Duration>,
    /// Where the chain is kept when it stops and continued from when it starts.
    pub state: Option<PathBuf>,
    /// Where anvil's own output goes; nowhere when absent.
    pub log: Option<PathBuf>,
    /// Whose attestations the verifier accepts.
    pub attesters: Vec<Attester>,
    /// How many of them must sign.
    pub threshold: usize,
    /// Who gets what.
    pub funded: Vec<Funding>,
}

/// ETH and collateral tokens for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// For whom.
    pub account: Address,
    /// ETH in its own hands.
    pub eth: Wei,
    /// Tokens in its own hands.
    pub collateral: Collateral,
}

/// Why there is no devnet.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// No anvil.
    #[error("anvil was not found; run tools/setup.sh, or set RIALTO_ANVIL to the binary")]
    NoAnvil,
    /// The endpoint of the new chain fails.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// A running devnet. Dropping it kills the chain; [`Devnet::stop`] lets it save its state.
#[derive(Debug)]
pub struct Devnet {
    network: Network,
    endpoint: Endpoint,
}

impl Devnet {
    /// Starts anvil, deploys what is not deployed yet, and funds.
    pub async fn start(config: DevnetConfig) -> Result<Self, DevnetError> {
        let _ = (config, BlockNumber(0));
        unimplemented!("follows")
    }

    /// Where everything is.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The chain.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ends the chain in good order.
    pub async fn stop(self) -> Result<(), DevnetError> {
        Ok(())
    }
}

/// The anvil binary: `RIALTO_ANVIL`, else the one that `tools/setup.sh` installs, else on `PATH`.
pub fn find_anvil() -> Result<PathBuf, DevnetError> {
    Err(DevnetError::NoAnvil)
}
