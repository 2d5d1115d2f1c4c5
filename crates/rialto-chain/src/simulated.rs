//! A chain in memory, for tests and simulations of what stands on one.
//!
//! Everything above speaks JSON-RPC to it through an ordinary [`Endpoint`], so that the market's
//! client, the feed and the sender run as they are. Blocks, mempool, nonces, fees and reorgs are
//! modelled; the contracts are a model of their rules, built on `rialto-protocol`. Time is the
//! test's: blocks are made when it calls [`SimulatedChain::advance`].
//!
//! Invariants: money is conserved after every call; what goes wrong follows from [`Faults::seed`];
//! the model knows one request under each id and no callbacks.

mod chain;
mod contracts;
mod faults;
mod ledger;
mod rpc;
mod rules;
mod transport;

pub use faults::{Dice, Fate, Faults, Trouble};

use crate::network::Attester;
use crate::{
    BlockNumber, BlockRef, Call, Endpoint, EndpointError, LogPosition, MarketEvent, Network,
};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use chain::{Chain, Transaction};
use rialto_protocol::lifecycle::RequestState;
use rialto_protocol::{Collateral, MarketDomain, RequestDigest, RequestId, Timestamp, Wei};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use url::Url;

/// How a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The time of the first block.
    pub time: Timestamp,
    /// Time between blocks.
    pub block_interval: Duration,
}

/// A chain in memory, cheap to clone; all clones are the same chain.
#[derive(Clone, Debug)]
pub struct SimulatedChain {
    chain: Arc<Mutex<Chain>>,
    name: u64,
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinedCall {
    /// Its hash.
    pub hash: B256,
    /// Its nonce.
    pub nonce: u64,
    /// Its block.
    pub block: u64,
    /// What it called with.
    pub input: Bytes,
    /// Whether it did not revert.
    pub succeeded: bool,
}

/// A request that was locked or delivered, as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRequest {
    /// Its id.
    pub id: RequestId,
    /// Its digest.
    pub digest: RequestDigest,
    /// Who locked it; zero if nobody did.
    pub locker: Address,
    /// Where it stands.
    pub state: RequestState,
    /// Last second at which the locker is paid.
    pub lock_deadline: Timestamp,
    /// Last second at which a delivery counts.
    pub deadline: Timestamp,
}

/// Chains that can be connected to by URL, as a process's other endpoints can.
static CHAINS: LazyLock<Mutex<BTreeMap<u64, Weak<Mutex<Chain>>>>> = LazyLock::new(Mutex::default);

/// The scheme of a simulated chain's URL.
const SCHEME: &str = "simulated";

impl SimulatedChain {
    /// A chain with the contracts and nobody who owns anything.
    pub fn start(genesis: Genesis) -> Self {
        let domain = MarketDomain { chain_id: genesis.chain_id, market: contracts::MARKET };
        let interval_ms = u64::try_from(genesis.block_interval.as_millis()).unwrap_or(u64::MAX);
        let chain = Chain::new(domain, genesis.time.0 * 1_000, interval_ms.max(1));
        let chain = Arc::new(Mutex::new(chain));
        let mut chains = CHAINS.lock().unwrap_or_else(PoisonError::into_inner);
        chains.retain(|_, chain| chain.strong_count() > 0);
        let name = chains.last_key_value().map_or(1, |(name, _)| name + 1);
        chains.insert(name, Arc::downgrade(&chain));
        Self { chain, name }
    }

    /// The chain that a URL names, if it names one that still exists.
    pub(crate) fn at(url: &Url) -> Option<Self> {
        let name: u64 = (url.scheme() == SCHEME).then(|| url.path().parse().ok())??;
        let chains = CHAINS.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self { chain: chains.get(&name)?.upgrade()?, name })
    }

    /// Where [`Endpoint::connect`] finds it in this process.
    pub fn url(&self) -> Url {
        format!("{SCHEME}:{}", self.name).parse().expect("a scheme and a number")
    }

    /// An endpoint of this chain.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::over(transport::Wire::new(self.clone()), self.lock().domain.chain_id)
    }

    /// The deployment on it.
    pub fn network(&self, attesters: Vec<Attester>, threshold: usize) -> Network {
        Network {
            name: "simulated".to_owned(),
            chain_id: self.lock().domain.chain_id,
            rpc_url: self.url(),
            market: contracts::MARKET,
            router: contracts::ROUTER,
            assessor: contracts::ASSESSOR,
            attested_verifier: contracts::ATTESTED_VERIFIER,
            collateral_token: contracts::TOKEN,
            attesters,
            threshold,
            extension: None,
            deployed_at_block: BlockNumber(0),
            artifacts: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Chain> {
        // A failed assertion in the model fails every test that goes on with the chain.
        self.chain.lock().expect("the model's own assertions hold")
    }

    // -------------------------------------------------------------------------------- control

    /// Gives `account` ETH in hand, and a deposit in the market, out of nothing.
    pub fn endow(&self, account: Address, in_hand: Wei, deposit: (Wei, Collateral)) {
        self.lock().amend(|ledger| {
            ledger.mint(account, in_hand.0, U256::ZERO);
            ledger.mint(contracts::MARKET, deposit.0.0, deposit.1.0);
            let held = ledger.deposits.entry(account).or_default();
            held.wei += deposit.0.0;
            held.collateral += deposit.1.0;
        });
    }

    /// Gives `account` collateral tokens in hand, out of nothing.
    pub fn mint_tokens(&self, account: Address, amount: Collateral) {
        self.lock().amend(|ledger| ledger.mint(account, U256::ZERO, amount.0));
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What a unit of gas costs at least from the next block on, in wei.
    pub fn set_base_fee(&self, wei: u128) {
        self.lock().base_fee = wei;
    }

    /// Lets time pass, and makes the blocks that are due.
    pub fn advance(&self, time: Duration) {
        self.lock().advance(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Makes a block now.
    pub fn mine(&self) {
        let mut chain = self.lock();
        let now = Timestamp(chain.now_ms / 1_000);
        chain.mine(now);
    }

    /// Makes one block at `time`, which must not be in the chain's past.
    pub fn mine_at(&self, time: Timestamp) {
        let mut chain = self.lock();
        chain.skip_to(time.0 * 1_000);
        chain.mine(time);
    }

    /// Replaces the newest `depth` blocks by as many others; what they included goes back to the
    /// mempool, or is lost.
    pub fn reorg(&self, depth: u64) {
        self.lock().reorg(depth);
    }

    /// Has the mempool forget a transaction.
    pub fn drop_transaction(&self, hash: B256) {
        self.lock().pool.retain(|_, pooled| pooled.transaction.hash != hash);
    }

    /// Sends `call` in the name of `from`, whose nonce the chain assigns. Gives its hash.
    ///
    /// # Panics
    /// If the mempool does not take it, as when the account has no ETH.
    pub fn act(&self, from: Address, call: &Call, tip_wei: u128) -> B256 {
        let mut chain = self.lock();
        let serial = chain.serial();
        let transaction = Transaction {
            hash: keccak256([b"act".as_slice(), &serial.to_be_bytes()].concat()),
            from,
            nonce: chain.pending_nonce(from),
            to: call.to.unwrap_or_default(),
            value: call.value.0,
            input: call.data.clone(),
            gas_limit: ACTOR_GAS,
            max_fee: chain.base_fee * 2 + tip_wei,
            tip: tip_wei,
            signed: None,
        };
        chain.admit(transaction).unwrap_or_else(|why| panic!("{from} cannot act: {why}"))
    }

    // ---------------------------------------------------------------------------------- facts

    /// The chain's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.lock().now_ms / 1_000)
    }

    /// The newest block.
    pub fn head(&self) -> BlockRef {
        let chain = self.lock();
        let tip = chain.tip();
        BlockRef { number: BlockNumber(tip.number), hash: tip.hash }
    }

    /// How often each method was asked for.
    pub fn questions(&self) -> BTreeMap<String, u64> {
        self.lock().asked.clone()
    }

    /// How often the chain was reorganised.
    pub fn reorgs(&self) -> u64 {
        self.lock().reorgs
    }

    /// Transactions in the mempool: of `account`, or of all.
    pub fn waiting(&self, account: Option<Address>) -> usize {
        let chain = self.lock();
        let of = |from: Address| account.is_none_or(|account| account == from);
        chain.pool.keys().filter(|(from, _)| of(*from)).count()
    }

    /// What the blocks include of `account`, oldest first.
    pub fn mined(&self, account: Address) -> Vec<MinedCall> {
        let chain = self.lock();
        let included = chain
            .blocks
            .iter()
            .flat_map(|block| block.included.iter().map(move |included| (block.number, included)));
        included
            .filter(|(_, included)| included.transaction.from == account)
            .map(|(block, included)| MinedCall {
                hash: included.transaction.hash,
                nonce: included.transaction.nonce,
                block,
                input: included.transaction.input.clone(),
                succeeded: included.effect.result.is_ok(),
            })
            .collect()
    }

    /// The market's events in the canonical blocks, oldest first.
    pub fn events(&self) -> Vec<(LogPosition, MarketEvent)> {
        let chain = self.lock();
        let logs = chain.blocks.iter().flat_map(|block| {
            let of_market = |log: &alloy::rpc::types::Log| log.inner.address == contracts::MARKET;
            rpc::block_logs(block).filter(of_market).map(move |log| (block, log))
        });
        logs.map(|(block, log)| {
            let position = LogPosition {
                block: BlockRef { number: BlockNumber(block.number), hash: block.hash },
                timestamp: block.timestamp,
                tx_hash: log.transaction_hash.unwrap_or_default(),
                log_index: log.log_index.unwrap_or_default(),
            };
            (position, MarketEvent::decode(&log.inner.data))
        })
        .collect()
    }

    /// Every request that was locked or delivered.
    pub fn requests(&self) -> Vec<KnownRequest> {
        let chain = self.lock();
        let entries = chain.state().entries.iter();
        entries
            .map(|(id, entry)| KnownRequest {
                id: *id,
                digest: entry.digest,
                locker: entry.locker,
                state: entry.state.clone(),
                lock_deadline: entry.offer.lock_deadline(),
                deadline: entry.offer.deadline(),
            })
            .collect()
    }

    /// ETH and collateral that `account` has in the market, without what its locks hold.
    pub fn deposit_of(&self, account: Address) -> (Wei, Collateral) {
        let deposit = self.lock().state().deposit_of(account);
        (Wei(deposit.wei), Collateral(deposit.collateral))
    }

    /// ETH in `account`'s own hands.
    pub fn wei_of(&self, account: Address) -> Wei {
        Wei(self.lock().state().wei.get(&account).copied().unwrap_or_default())
    }
}

/// Gas of those for whom the test acts.
const ACTOR_GAS: u64 = 2_000_000;

impl Endpoint {
    /// The simulated chain that `url` names, as an endpoint.
    pub(crate) fn simulated(url: &Url) -> Option<Result<Self, EndpointError>> {
        (url.scheme() == SCHEME).then(|| {
            let missing = || EndpointError {
                operation: "be found",
                source: alloy::transports::TransportErrorKind::custom_str(
                    "no simulated chain of this process has that name",
                ),
            };
            SimulatedChain::at(url).map(|chain| chain.endpoint()).ok_or_else(missing)
        })
    }
}
