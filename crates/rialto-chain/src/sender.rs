//! The one transaction sender of an account.
//!
//! It alone assigns the account's nonces, so that many transactions can be in flight at once. A
//! transaction is signed, shown to the [`TxLog`], and only then broadcast; from there it is
//! rebroadcast when dropped, replaced with higher fees when it stalls, looked at again after a
//! reorg, and its nonce is filled when nothing else can use it. What an earlier life left in the
//! mempool is adopted at the start.
//!
//! Invariants: every nonce below the local one is mined, in flight, or being filled; a broadcast
//! transaction was in the log before; replacements raise both fees by at least an eighth.

mod actor;
mod book;
mod fees;
mod plan;
mod port;
mod verdict;

use crate::{BlockRef, Call, Endpoint, EndpointError, MarketRevert, revert};
use actor::{Actor, Parts, Request};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::Log;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
pub use fees::Bidding;
use fees::FeeLimits;
use plan::Policy;
use port::{Account, GasCall};
use rialto_protocol::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use verdict::Verdict;

/// A transaction's number within its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u64);

/// How an account's transactions are priced, watched and replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderConfig {
    /// How often the chain is looked at while a transaction is on its way or watched for reorgs.
    pub poll_interval: Duration,
    /// How often it is looked at while none is, so that the next bid fits what others pay.
    pub idle_interval: Duration,
    /// Blocks that must include or follow a transaction before its outcome is told; at least 1.
    pub confirmations: u64,
    /// Blocks for which a mined transaction is watched for reorgs, told or not.
    pub watch_blocks: u64,
    /// Blocks after which a transaction that was not included is replaced with higher fees.
    pub stall_blocks: u64,
    /// Time after which a transaction that was not included is sent to the endpoint again, in case
    /// it was dropped.
    pub rebroadcast_after: Duration,
    /// Transactions in flight at once; further ones wait in the mailbox.
    pub in_flight_max: usize,
    /// How bids are made; [`Sender::set_bidding`] changes it later.
    pub bidding: Bidding,
    /// Most that is ever bid in wei per gas, tip included; replacements stop here.
    pub fee_max_wei: u128,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(500),
            idle_interval: Duration::from_secs(4),
            confirmations: 1,
            watch_blocks: 16,
            stall_blocks: 2,
            rebroadcast_after: Duration::from_secs(10),
            in_flight_max: 128,
            bidding: Bidding::default(),
            fee_max_wei: 1_000_000_000_000,
        }
    }
}

/// How one call is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// What it is for, in logs and in the [`TxLog`].
    pub label: String,
    /// Gas to allow; estimated when absent, which costs a round trip and finds reverts early.
    pub gas_limit: Option<u64>,
    /// Tip in wei per gas on top of the usual one, to be included before others.
    pub extra_tip_wei: u128,
    /// When, by the chain's clock, it is no longer worth anything: its nonce is then taken by an empty transaction.
    pub give_up_at: Option<Timestamp>,
}

/// A signed transaction that is about to be broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTx {
    /// Its hash.
    pub hash: B256,
    /// Its nonce; replacements share it.
    pub nonce: Nonce,
    /// What it is for.
    pub label: String,
    /// Its encoding, as `eth_sendRawTransaction` takes it.
    pub raw: Bytes,
}

/// Who must know of a transaction before the network does.
#[async_trait]
pub trait TxLog: Send + Sync + 'static {
    /// Called before each first broadcast and each replacement. On an error nothing is broadcast.
    async fn on_signed(
        &self,
        tx: &SignedTx,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// No log: for tools whose transactions nobody has to reconcile.
#[async_trait]
impl TxLog for () {
    async fn on_signed(
        &self,
        _tx: &SignedTx,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

/// A mined transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its hash: of the attempt that was included.
    pub tx_hash: B256,
    /// Its nonce.
    pub nonce: Nonce,
    /// The block that includes it.
    pub block: BlockRef,
    /// Gas it used.
    pub gas_used: u64,
    /// What each gas cost, in wei.
    pub gas_price_wei: u128,
    /// The contract it created, if it did.
    pub created: Option<Address>,
    /// What it logged; [`crate::MarketEvent::decode`] reads the market's.
    pub logs: Vec<Log>,
}

/// Why a call had no effect.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It would revert; nothing was sent.
    #[error("the call would revert, so it was not sent")]
    WouldRevert(#[source] Box<MarketRevert>),
    /// It was included and reverted.
    #[error("transaction {} reverted in block {}", receipt.tx_hash, receipt.block.number)]
    Reverted {
        /// Why, as replaying it tells.
        #[source]
        reason: Box<MarketRevert>,
        /// What it cost.
        receipt: Box<Receipt>,
    },
    /// The account cannot pay.
    #[error("account {account} cannot pay for the transaction; send it ETH")]
    InsufficientFunds {
        /// Whose.
        account: Address,
        /// The endpoint's words.
        detail: String,
    },
    /// Somebody else uses the account's key.
    #[error(
        "nonce {} of {account} was used by a transaction that is not ours; let one process use one key, and send again",
        nonce.0
    )]
    NonceTaken {
        /// Whose.
        account: Address,
        /// Which.
        nonce: Nonce,
    },
    /// Its time was up and its nonce has been used for nothing.
    #[error("not included in time; given up")]
    GaveUp,
    /// No node will ever accept it.
    #[error("the endpoint refuses the transaction: {0}")]
    Refused(String),
    /// The log could not take it, so it was not broadcast.
    #[error("the transaction could not be recorded, so it was not sent")]
    NotRecorded(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The endpoint's fault, before anything was sent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The sender has ended.
    #[error("the transaction sender has stopped")]
    Stopped,
}

/// Calls that wait for a nonce beyond those in flight; whoever sends more waits in `send`.
const MAILBOX: usize = 64;
/// What an estimate is multiplied by: state changes between estimate and inclusion.
const GAS_MARGIN_PERCENT: u64 = 125;

/// The handle to an account's sender, cheap to clone. The sender ends when the last handle is
/// gone and nothing is awaited any more.
#[derive(Clone, Debug)]
pub struct Sender {
    address: Address,
    endpoint: Endpoint,
    mailbox: mpsc::Sender<Request>,
    bidding: watch::Sender<Bidding>,
}

/// The sender itself, to be run as a task.
pub struct SenderTask {
    actor: Actor<Account>,
}

/// A call on its way.
#[derive(Debug)]
pub struct PendingTx {
    nonce: Nonce,
    tx_hash: B256,
    outcome: oneshot::Receiver<Result<Receipt, SendError>>,
}

impl Sender {
    /// Reconciles with the chain and the mempool, and gives the handle and the task to run. There
    /// must be one sender per account: two would use the same nonces.
    pub async fn open(
        endpoint: Endpoint,
        signer: PrivateKeySigner,
        config: SenderConfig,
        log: Arc<dyn TxLog>,
    ) -> Result<(Self, SenderTask), EndpointError> {
        let address = signer.address();
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        let (bidding, followed) = watch::channel(config.bidding);
        let since = Instant::now();
        let port =
            Account { endpoint: endpoint.clone(), address, since, bidding: followed.clone() };
        let parts = Parts {
            port: Arc::new(port),
            signer,
            chain_id: endpoint.chain_id(),
            log,
            policy: config.policy(),
            bidding: followed,
            poll_interval: config.poll_interval,
            idle_interval: config.idle_interval,
            in_flight_max: config.in_flight_max,
            mailbox: requests,
        };
        let actor = Actor::start(parts).await?;
        Ok((Self { address, endpoint, mailbox, bidding }, SenderTask { actor }))
    }

    /// Whose transactions it sends.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Changes how bids are made from now on.
    pub fn set_bidding(&self, bidding: Bidding) {
        self.bidding.send_if_modified(|old| std::mem::replace(old, bidding) != bidding);
    }

    /// Signs `call` and begins to send it. Returns once it has a nonce and is in the log; waits
    /// while [`SenderConfig::in_flight_max`] is reached.
    pub async fn send(&self, call: Call, options: SendOptions) -> Result<PendingTx, SendError> {
        let gas_limit = match options.gas_limit {
            Some(gas_limit) => gas_limit,
            None => self.estimate(&call).await?,
        };
        let (reply, replied) = oneshot::channel();
        let request = Request { call: GasCall { call, gas_limit }, options, reply };
        self.mailbox.send(request).await.map_err(|_| SendError::Stopped)?;
        replied.await.map_err(|_| SendError::Stopped)?
    }

    /// [`Sender::send`], then awaits the outcome.
    pub async fn send_and_wait(
        &self,
        call: Call,
        options: SendOptions,
    ) -> Result<Receipt, SendError> {
        self.send(call, options).await?.outcome().await
    }

    async fn estimate(&self, call: &Call) -> Result<u64, SendError> {
        let request = call.request(self.address);
        let estimate = self.endpoint.provider().estimate_gas(request).block(BlockId::pending());
        match estimate.await {
            Ok(gas) => Ok(gas.saturating_mul(GAS_MARGIN_PERCENT) / 100),
            Err(source) => {
                let failed = EndpointError { operation: "estimate a call's gas", source };
                if let Some(revert) = revert::revert_of(&failed) {
                    return Err(SendError::WouldRevert(Box::new(revert)));
                }
                Err(match Verdict::of(Err(failed)) {
                    Verdict::Poor(detail) => {
                        SendError::InsufficientFunds { account: self.address, detail }
                    }
                    Verdict::Unclear(failed) => SendError::Endpoint(failed),
                    other => SendError::Refused(format!("{other:?}")),
                })
            }
        }
    }
}

impl SenderTask {
    /// Runs until the last [`Sender`] is gone and nothing is awaited.
    pub async fn run(self) {
        self.actor.run().await;
    }
}

impl fmt::Debug for SenderTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderTask").finish_non_exhaustive()
    }
}

impl PendingTx {
    /// The nonce it was given at first.
    pub fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// The hash of its first attempt; the receipt names the one that was included.
    pub fn tx_hash(&self) -> B256 {
        self.tx_hash
    }

    /// What became of it. Dropping the future changes nothing: the transaction goes on.
    pub async fn outcome(self) -> Result<Receipt, SendError> {
        self.outcome.await.map_err(|_| SendError::Stopped)?
    }
}

impl SenderConfig {
    fn policy(&self) -> Policy {
        let limits = FeeLimits { bidding: self.bidding, waiting: 0, max_wei: self.fee_max_wei };
        Policy {
            limits,
            confirmations: self.confirmations.max(1),
            watch_blocks: self.watch_blocks.max(self.confirmations),
            stall_blocks: self.stall_blocks.max(1),
            rebroadcast_ms: u64::try_from(self.rebroadcast_after.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
