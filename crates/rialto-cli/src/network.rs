//! The network that a command works on: its file, its chain, and an account's transactions there.

use crate::failure::Failure;
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use clap::Args;
use rialto_chain::{Call, Endpoint, Market, Network, Receipt, SendOptions, Sender, SenderConfig};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What `rialto devnet` writes unless told otherwise.
pub(crate) const DEFAULT_NETWORK: &str = ".rialto/devnet/network.json";

/// Which network.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkArgs {
    /// The network file: chain, contracts and attesters
    #[arg(long, value_name = "FILE", env = "RIALTO_NETWORK", default_value = DEFAULT_NETWORK)]
    pub(crate) network: PathBuf,
}

impl NetworkArgs {
    /// Reads the file.
    ///
    /// # Errors
    /// If there is none or it is no network file.
    pub(crate) fn load(&self) -> Result<Network> {
        Network::load(&self.network).with_context(|| {
            let what = format!("the network file {} cannot be used", self.network.display());
            let next = "start one with `rialto devnet`, or name another with --network";
            Failure::usage(what, next)
        })
    }

    /// Reads the file and connects to the market that it names.
    ///
    /// # Errors
    /// If the file or its chain cannot be used.
    pub(crate) async fn connect(&self) -> Result<(Network, Market)> {
        let network = self.load()?;
        let market = connect(&network).await?;
        Ok((network, market))
    }
}

/// Connects to the network's market, after a look whether chain and contracts are those of the
/// file: a request signed for another chain would be worth nothing.
///
/// # Errors
/// If the chain does not answer or is another one.
pub(crate) async fn connect(network: &Network) -> Result<Market> {
    let url = &network.rpc_url;
    let endpoint = Endpoint::connect(url).await.with_context(|| {
        let what = format!("the chain at {url} does not answer");
        let next = format!(
            "start it (`rialto devnet`), or correct rpc_url in the file of network {:?}",
            network.name
        );
        Failure::new(crate::failure::Kind::Unreachable, what, next)
    })?;
    let found = endpoint.chain_id();
    if found != network.chain_id {
        let expected = network.chain_id;
        let what = format!("{url} is on chain {found}, the network file says chain {expected}");
        let next = format!("use an endpoint of chain {expected}, or another network file");
        return Err(Failure::usage(what, next).into());
    }
    let market = Market::connect(endpoint, network.market).await?;
    let differs = [
        ("router", network.router, market.router()),
        ("collateral_token", network.collateral_token, market.collateral_token()),
    ];
    match differs.into_iter().find(|(_, file, chain)| file != chain) {
        None => Ok(market),
        Some((name, file, chain)) => {
            let what = format!("the network file's {name} is {file}, the market's is {chain}");
            Err(Failure::usage(what, "take the file from whoever deployed this market").into())
        }
    }
}

/// An account that sends transactions.
pub(crate) struct Wallet {
    sender: Sender,
    task: JoinHandle<()>,
}

impl Wallet {
    /// Begins to send for `key`.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub(crate) async fn open(market: &Market, key: PrivateKeySigner) -> Result<Self> {
        let endpoint = market.endpoint().clone();
        let config = SenderConfig::default();
        let (sender, task) = Sender::open(endpoint, key, config, Arc::new(())).await?;
        Ok(Self { sender, task: tokio::spawn(task.run()) })
    }

    /// Whose it is.
    pub(crate) fn address(&self) -> Address {
        self.sender.address()
    }

    /// Sends `call` and awaits its receipt.
    ///
    /// # Errors
    /// If it would revert, reverts, or cannot be sent.
    pub(crate) async fn send(&self, label: &str, call: Call) -> Result<Receipt> {
        let options = SendOptions { label: label.to_owned(), ..SendOptions::default() };
        let sent = self.sender.send_and_wait(call, options).await;
        sent.with_context(|| format!("cannot {label}"))
    }

    /// Ends the sender.
    pub(crate) async fn close(self) {
        drop(self.sender);
        // A sender that has panicked has told whoever waited for it.
        let _ = self.task.await;
    }
}
