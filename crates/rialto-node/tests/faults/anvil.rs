//! A real chain node in the run's time: it makes a block when the run's clock says so, and what
//! befalls transactions is done to its mempool and its blocks.

use crate::chain::{Chain, KnownLock, RICH};
use crate::wire::Wire;
use crate::world::{BLOCK, COLLATERAL, START, attester, key, milliether};
use alloy::consensus::{SignableTransaction, Transaction as _, TxEip1559};
use alloy::eips::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, B256, Bytes, TxKind};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::types::anvil::{MineOptions, ReorgOptions};
use alloy::rpc::types::{Filter, Transaction};
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::devnet::{Devnet, DevnetConfig, Funding, Mining, find_anvil};
use rialto_chain::simulated::{Fate, Faults};
use rialto_chain::{BlockNumber, BlockRef, Call, LogPosition, Market, MarketEvent, Network};
use rialto_protocol::{Collateral, Timestamp, Wei};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;

pub(crate) struct AnvilChain {
    devnet: Devnet,
    network: Network,
    market: Market,
    wire: Arc<Wire>,
    mempool: Mutex<Mempool>,
    /// Reads anvil's output, serves the wire and waits for answers.
    runtime: Runtime,
}

/// What is known of transactions that wait, and what the next block will be like.
#[derive(Default)]
struct Mempool {
    base_fee: u128,
    next_block_ms: u64,
    reorgs: u64,
    /// No reorg goes below this block.
    floor: u64,
    /// How often each transaction has come.
    seen: HashMap<B256, u64>,
    /// What was there after the last block, by account and nonce.
    present: BTreeMap<(Address, u64), Waiting>,
    held: Vec<Held>,
    /// The newest block's locks, once they were asked for.
    locks: Option<Vec<KnownLock>>,
}

/// A signed transaction.
#[derive(Clone)]
struct Waiting {
    hash: B256,
    raw: Bytes,
}

/// A transaction that comes to the mempool again.
struct Held {
    key: (Address, u64),
    waiting: Waiting,
    /// First block that may include it.
    not_before: u64,
    /// Whether it takes the place of its replacement.
    is_stubborn: bool,
}

/// Gas of those for whom the test acts.
const ACTOR_GAS: u64 = 2_000_000;
/// Blocks between the deployment and the first request: more than a reorg takes out.
const CALM_BLOCKS: u64 = 8;

impl AnvilChain {
    /// A chain with the contracts, on which client, prover and rival have what they need.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let start_ms = START.0 * 1_000;
        let begun = runtime.block_on(async {
            let funded = |name| {
                let (account, eth) = (key(name).address(), milliether(2 * RICH));
                Funding { account, eth, collateral: COLLATERAL }
            };
            let devnet = Devnet::start(DevnetConfig {
                mining: Mining::OnDemand,
                funded: ["client", "prover", "rival"].map(funded).into(),
                ..DevnetConfig::new(find_anvil().unwrap(), vec![attester()], 1)
            });
            let devnet = devnet.await.unwrap();
            let market = Market::connect(devnet.endpoint().clone(), devnet.network().market);
            let market = market.await.unwrap();
            let (wire, url) = Wire::lay(devnet.network().rpc_url.clone(), start_ms).await;
            let network = Network { rpc_url: url, ..devnet.network().clone() };
            (devnet, market, network, wire)
        });
        let (devnet, market, network, wire) = begun;
        let mempool = Mutex::new(Mempool { base_fee: 1_000_000_000, ..Mempool::default() });
        let chain = Self { devnet, network, market, wire, mempool, runtime };
        chain.act(&key("client"), &chain.market.deposit(milliether(RICH)), 0);
        for name in ["prover", "rival"] {
            chain.act(&key(name), &chain.market.approve_collateral(COLLATERAL), 0);
            chain.act(&key(name), &chain.market.deposit_collateral(COLLATERAL), 0);
        }
        chain.settle_down();
        chain
    }

    /// Makes enough blocks that no reorg touches what was set up, up to the run's beginning.
    fn settle_down(&self) {
        let mempool = &mut *self.mempool.lock().unwrap();
        mempool.floor = self.runtime.block_on(async {
            for before in (0..CALM_BLOCKS).rev() {
                self.mine(mempool, Timestamp(START.0 - before)).await;
            }
            self.newest().await
        });
        mempool.next_block_ms = self.wire.now_ms() + block_ms();
    }

    fn provider(&self) -> &RootProvider {
        self.devnet.endpoint().provider()
    }

    async fn newest(&self) -> u64 {
        self.provider().get_block_number().await.unwrap()
    }

    /// One block, and everything that befalls transactions before it.
    async fn block(&self, mempool: &mut Mempool, at: Timestamp) {
        let faults = self.wire.faults();
        let next = self.newest().await + 1;
        let depth = faults.reorg(next, mempool.reorgs).min(next - 1 - mempool.floor);
        if depth > 0 {
            self.reorg(mempool, &faults, depth).await;
        }
        self.meet_fates(mempool, &faults, next).await;
        self.release(mempool, next).await;
        self.mine(mempool, at).await;
    }

    async fn mine(&self, mempool: &mut Mempool, at: Timestamp) {
        let options = MineOptions::Timestamp(Some(at.0));
        self.provider().evm_mine(Some(options)).await.unwrap();
        self.price_gas(mempool.base_fee).await;
        (mempool.present, mempool.locks) = (self.waiting().await, None);
    }

    async fn price_gas(&self, base_fee: u128) {
        self.provider().anvil_set_next_block_base_fee_per_gas(base_fee).await.unwrap();
    }

    /// What is in anvil's mempool, by account and nonce.
    async fn waiting(&self) -> BTreeMap<(Address, u64), Waiting> {
        type Content = BTreeMap<String, BTreeMap<Address, BTreeMap<String, Transaction>>>;
        let client = self.provider().client();
        let content: Content = client.request_noparams("txpool_content").await.unwrap();
        let accounts = content.into_values().flatten();
        let all = accounts.flat_map(|(_, transactions)| transactions.into_values());
        all.map(|it| entry(&it)).collect()
    }

    /// Loses, delays and replaces what has come since the last block.
    async fn meet_fates(&self, mempool: &mut Mempool, faults: &Faults, next: u64) {
        for (key, waiting) in self.waiting().await {
            let known = mempool.present.get(&key).cloned();
            if known.as_ref().is_some_and(|known| known.hash == waiting.hash) {
                continue;
            }
            if let Some(replaced) = known
                && let Some(wait) = faults.stubbornness(replaced.hash)
            {
                let not_before = next + wait;
                mempool.held.push(Held { key, waiting: replaced, not_before, is_stubborn: true });
            }
            let times = mempool.seen.entry(waiting.hash).or_default();
            *times += 1;
            match faults.fate(waiting.hash, *times) {
                Fate::Land => {}
                Fate::Drop => self.drop_transaction(waiting.hash).await,
                Fate::Late { blocks } => {
                    self.drop_transaction(waiting.hash).await;
                    let not_before = next + blocks;
                    mempool.held.push(Held { key, waiting, not_before, is_stubborn: false });
                }
            }
        }
    }

    async fn drop_transaction(&self, hash: B256) {
        self.provider().anvil_drop_transaction(hash).await.unwrap();
    }

    /// Hands in again what the next block may include. Some of it has become impossible meanwhile.
    async fn release(&self, mempool: &mut Mempool, next: u64) {
        let (due, later) = mempool.held.drain(..).partition(|held| held.not_before <= next);
        mempool.held = later;
        let due: Vec<Held> = due;
        for held in due {
            if held.is_stubborn
                && let Some(replacement) = self.waiting().await.get(&held.key)
            {
                self.drop_transaction(replacement.hash).await;
            }
            let _ = self.provider().send_raw_transaction(&held.waiting.raw).await;
        }
    }

    /// Replaces the newest `depth` blocks by empty ones. What they included comes back within two
    /// blocks, or is lost.
    async fn reorg(&self, mempool: &mut Mempool, faults: &Faults, depth: u64) {
        mempool.reorgs += 1;
        let newest = self.newest().await;
        for number in newest + 1 - depth..=newest {
            let block = self.provider().get_block_by_number(number.into()).full().await;
            for transaction in block.unwrap().unwrap().transactions.into_transactions() {
                let (key, waiting) = entry(&transaction);
                if faults.loses(waiting.hash, mempool.reorgs) {
                    continue;
                }
                let not_before = newest + 1 + mempool.held.len() as u64 % 3;
                mempool.held.push(Held { key, waiting, not_before, is_stubborn: false });
            }
        }
        let options = ReorgOptions { depth, tx_block_pairs: vec![] };
        self.provider().anvil_reorg(options).await.unwrap();
    }

    async fn known_locks(&self) -> Vec<KnownLock> {
        let mut locks = Vec::new();
        for (_, event) in self.logs().await {
            let MarketEvent::RequestLocked { prover, request } = event else { continue };
            let id = request.request.id;
            let lock = self.market.lock_of(id).await.unwrap().expect("it says so itself");
            locks.push(KnownLock {
                id,
                digest: lock.digest,
                // The contract keeps who was paid, which after a race is somebody else.
                locker: prover,
                is_paid: lock.paid_in_lock,
                lock_deadline: lock.lock_deadline,
                deadline: lock.deadline,
            });
        }
        locks
    }

    async fn logs(&self) -> Vec<(LogPosition, MarketEvent)> {
        let filter = Filter::new().address(self.network.market).from_block(0);
        let logs = self.provider().get_logs(&filter).await.unwrap();
        let entries = logs.into_iter().map(|log| {
            let number = BlockNumber(log.block_number.unwrap());
            let position = LogPosition {
                block: BlockRef { number, hash: log.block_hash.unwrap() },
                timestamp: Timestamp(log.block_timestamp.unwrap()),
                tx_hash: log.transaction_hash.unwrap(),
                log_index: log.log_index.unwrap(),
            };
            (position, MarketEvent::decode(&log.inner.data))
        });
        entries.collect()
    }
}

fn block_ms() -> u64 {
    u64::try_from(BLOCK.as_millis()).unwrap()
}

fn entry(transaction: &Transaction) -> ((Address, u64), Waiting) {
    let signed = transaction.inner.inner();
    let waiting = Waiting { hash: *signed.tx_hash(), raw: signed.encoded_2718().into() };
    ((transaction.inner.signer(), signed.nonce()), waiting)
}

impl Chain for AnvilChain {
    fn network(&self) -> Network {
        self.network.clone()
    }

    fn market(&self) -> Market {
        self.market.clone()
    }

    fn process_id(&self) -> Option<u32> {
        self.devnet.process_id()
    }

    fn set_faults(&self, faults: Faults) {
        self.wire.set_faults(faults);
    }

    fn set_base_fee(&self, wei: u128) {
        let mut mempool = self.mempool.lock().unwrap();
        if std::mem::replace(&mut mempool.base_fee, wei) != wei {
            self.runtime.block_on(self.price_gas(wei));
        }
    }

    fn advance(&self, time: Duration) {
        let mempool = &mut *self.mempool.lock().unwrap();
        let end = self.wire.now_ms() + u64::try_from(time.as_millis()).unwrap();
        while mempool.next_block_ms <= end {
            self.wire.set_now_ms(mempool.next_block_ms);
            self.runtime.block_on(self.block(mempool, self.now()));
            mempool.next_block_ms += block_ms();
        }
        self.wire.set_now_ms(end);
    }

    fn act(&self, who: &PrivateKeySigner, call: &Call, tip_wei: u128) {
        let base_fee = self.mempool.lock().unwrap().base_fee;
        self.runtime.block_on(async {
            let nonce = self.provider().get_transaction_count(who.address()).pending();
            let mut transaction = TxEip1559 {
                chain_id: self.network.chain_id,
                nonce: nonce.await.unwrap(),
                gas_limit: ACTOR_GAS,
                max_fee_per_gas: base_fee * 2 + tip_wei,
                max_priority_fee_per_gas: tip_wei,
                to: TxKind::Call(call.to.unwrap()),
                value: call.value.0,
                access_list: Default::default(),
                input: call.data.clone(),
            };
            let signature = who.sign_transaction_sync(&mut transaction).unwrap();
            let raw = transaction.into_signed(signature).encoded_2718();
            let _ = self.provider().send_raw_transaction(&raw).await.unwrap();
        });
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.wire.now_ms() / 1_000)
    }

    fn events(&self) -> Vec<(LogPosition, MarketEvent)> {
        self.runtime.block_on(self.logs())
    }

    fn locks(&self) -> Vec<KnownLock> {
        let locks = &mut self.mempool.lock().unwrap().locks;
        locks.get_or_insert_with(|| self.runtime.block_on(self.known_locks())).clone()
    }

    fn deposit_of(&self, account: Address) -> (Wei, Collateral) {
        let (wei, collateral) = self.runtime.block_on(async {
            (self.market.balance_of(account).await, self.market.collateral_of(account).await)
        });
        (wei.unwrap(), collateral.unwrap())
    }
}
