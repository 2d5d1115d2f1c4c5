//! Blocks, mempool and the chain's clock.

use super::faults::{Fate, Faults};
use super::ledger::{Effect, Ledger, Message};
use alloy::consensus::TxEnvelope;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use rialto_protocol::{MarketDomain, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A transaction, whoever made it.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) hash: B256,
    pub(super) from: Address,
    pub(super) nonce: u64,
    pub(super) to: Address,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    pub(super) max_fee: u128,
    pub(super) tip: u128,
    /// As it was signed; absent for those whom the test itself acts for.
    pub(super) signed: Option<TxEnvelope>,
}

/// A transaction that no block includes yet.
#[derive(Clone, Debug)]
pub(super) struct Pooled {
    pub(super) transaction: Transaction,
    arrival: u64,
    /// First block that may include it.
    pub(super) not_before: u64,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub(super) struct Included {
    pub(super) transaction: Transaction,
    pub(super) effect: Effect,
    pub(super) gas_price: u128,
    /// Index of its first log within the block.
    pub(super) first_log: u64,
}

/// One block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) hash: B256,
    pub(super) parent: B256,
    pub(super) timestamp: Timestamp,
    pub(super) base_fee: u128,
    pub(super) included: Vec<Included>,
    /// The state after it, while it can still be asked for.
    ledger: Option<Arc<Ledger>>,
}

/// A chain and what it has not taken up yet.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) domain: MarketDomain,
    pub(super) blocks: Vec<Block>,
    pub(super) pool: BTreeMap<(Address, u64), Pooled>,
    /// Replaced transactions that somebody includes all the same.
    shadows: Vec<Pooled>,
    /// Where each transaction is, by hash: block number and index.
    pub(super) places: HashMap<B256, (u64, usize)>,
    seen: HashMap<B256, u64>,
    pub(super) base_fee: u128,
    pub(super) faults: Faults,
    pub(super) now_ms: u64,
    pub(super) interval_ms: u64,
    next_block_ms: u64,
    serial: u64,
    pub(super) asked: BTreeMap<String, u64>,
    pub(super) reorgs: u64,
}

/// Why the mempool does not take a transaction, in the words of nodes.
pub(super) type Refusal = &'static str;

/// States that are kept: deeper than any reorg or stale answer here.
const STATES: usize = 16;

impl Chain {
    pub(super) fn new(domain: MarketDomain, start_ms: u64, interval_ms: u64) -> Self {
        let genesis = Block {
            number: 0,
            hash: keccak256("genesis"),
            parent: B256::ZERO,
            timestamp: Timestamp(start_ms / 1_000),
            base_fee: 1_000_000_000,
            included: Vec::new(),
            ledger: Some(Arc::new(Ledger::new(domain))),
        };
        Self {
            domain,
            blocks: vec![genesis],
            pool: BTreeMap::new(),
            shadows: Vec::new(),
            places: HashMap::new(),
            seen: HashMap::new(),
            base_fee: 1_000_000_000,
            faults: Faults::default(),
            now_ms: start_ms,
            interval_ms,
            next_block_ms: start_ms + interval_ms,
            serial: 0,
            asked: BTreeMap::new(),
            reorgs: 0,
        }
    }

    pub(super) fn tip(&self) -> &Block {
        self.blocks.last().expect("there is a genesis block")
    }

    /// The state after block `number`, if it is recent enough.
    pub(super) fn state_at(&self, number: u64) -> Option<&Ledger> {
        self.blocks.get(usize::try_from(number).ok()?)?.ledger.as_deref()
    }

    pub(super) fn state(&self) -> &Ledger {
        self.tip().ledger.as_deref().expect("the newest state is kept")
    }

    /// Changes the newest state outside of any transaction.
    pub(super) fn amend(&mut self, change: impl FnOnce(&mut Ledger)) {
        let tip = self.blocks.last_mut().expect("there is a genesis block");
        let ledger = tip.ledger.as_mut().expect("the newest state is kept");
        change(Arc::make_mut(ledger));
        ledger.assert_conserved();
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    // ------------------------------------------------------------------------------- mempool

    /// First nonce that is neither in a block nor, without gap, in the mempool.
    pub(super) fn pending_nonce(&self, account: Address) -> u64 {
        let mined = self.state().nonces.get(&account).copied().unwrap_or_default();
        let mut nonces = mined..;
        nonces.find(|nonce| !self.pool.contains_key(&(account, *nonce))).unwrap_or(mined)
    }

    /// Takes a transaction into the mempool, or says why not.
    pub(super) fn admit(&mut self, transaction: Transaction) -> Result<B256, Refusal> {
        let (hash, key) = (transaction.hash, (transaction.from, transaction.nonce));
        let mined = self.state().nonces.get(&key.0).copied().unwrap_or_default();
        let known = self.pool.get(&key).map(|pooled| pooled.transaction.clone());
        if self.places.contains_key(&hash) || known.as_ref().is_some_and(|it| it.hash == hash) {
            return Err("already known");
        }
        if key.1 < mined {
            return Err("nonce too low");
        }
        let cost = U256::from(transaction.max_fee) * U256::from(transaction.gas_limit);
        let held = self.state().wei.get(&key.0).copied().unwrap_or_default();
        if held < cost + transaction.value {
            return Err("insufficient funds for gas * price + value");
        }
        if let Some(known) = known {
            let outbids = |new: u128, old: u128| 10 * new >= 11 * old;
            if !outbids(transaction.max_fee, known.max_fee) || !outbids(transaction.tip, known.tip)
            {
                return Err("replacement transaction underpriced");
            }
            self.replace(known);
        }
        let times = self.seen.entry(hash).or_default();
        *times += 1;
        let not_before = match self.faults.fate(hash, *times) {
            Fate::Drop => return Ok(hash),
            Fate::Late { blocks } => self.tip().number + 1 + blocks,
            Fate::Land => 0,
        };
        let arrival = self.serial();
        self.pool.insert(key, Pooled { transaction, arrival, not_before });
        Ok(hash)
    }

    fn replace(&mut self, old: Transaction) {
        let Some(wait) = self.faults.stubbornness(old.hash) else { return };
        let (arrival, not_before) = (self.serial(), self.tip().number + 1 + wait);
        self.shadows.push(Pooled { transaction: old, arrival, not_before });
    }

    // -------------------------------------------------------------------------------- blocks

    /// Lets time pass, and makes the blocks that are due.
    pub(super) fn advance(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while self.next_block_ms <= end {
            self.now_ms = self.next_block_ms;
            self.next_block_ms += self.interval_ms;
            let depth = self.faults.reorg(self.tip().number + 1, self.reorgs);
            if depth > 0 {
                self.reorg(depth);
            }
            self.mine(Timestamp(self.now_ms / 1_000));
        }
        self.now_ms = end;
    }

    /// Lets time pass without a block.
    pub(super) fn skip_to(&mut self, ms: u64) {
        assert!(ms >= self.now_ms, "time goes forward");
        self.now_ms = ms;
        self.next_block_ms = ms + self.interval_ms;
    }

    /// Replaces the newest `depth` blocks by as many others.
    pub(super) fn reorg(&mut self, depth: u64) {
        self.reorgs += 1;
        let depth = depth.min(self.tip().number).min(STATES as u64 - 2);
        let kept = self.blocks.len() - usize::try_from(depth).expect("a few blocks");
        let abandoned = self.blocks.split_off(kept);
        let timestamps: Vec<Timestamp> = abandoned.iter().map(|block| block.timestamp).collect();
        for included in abandoned.into_iter().flat_map(|block| block.included) {
            let transaction = included.transaction;
            self.places.remove(&transaction.hash);
            if self.faults.loses(transaction.hash, self.reorgs) {
                continue;
            }
            let key = (transaction.from, transaction.nonce);
            let (arrival, not_before) = (self.serial(), self.tip().number + 1 + self.serial % 3);
            self.pool.entry(key).or_insert(Pooled { transaction, arrival, not_before });
        }
        timestamps.into_iter().for_each(|timestamp| self.mine(timestamp));
    }

    /// Makes a block of what the mempool has for it.
    pub(super) fn mine(&mut self, timestamp: Timestamp) {
        let (number, parent) = (self.tip().number + 1, self.tip().hash);
        let mut ledger = self.tip().ledger.clone().expect("the newest state is kept");
        let mut included: Vec<Included> = Vec::new();
        let mut logs = 0;
        while let Some(transaction) = self.take_next(&ledger, number) {
            let gas_price = transaction.max_fee.min(self.base_fee + transaction.tip);
            let ledger = Arc::make_mut(&mut ledger);
            let effect = execute(ledger, &transaction, (number, timestamp), gas_price);
            self.places.insert(transaction.hash, (number, included.len()));
            let first_log = logs;
            logs += effect.logs.len() as u64;
            included.push(Included { transaction, effect, gas_price, first_log });
        }
        let serial = self.serial();
        let block = Block {
            number,
            hash: keccak256([parent.as_slice(), &serial.to_be_bytes()].concat()),
            parent,
            timestamp,
            base_fee: self.base_fee,
            included,
            ledger: Some(ledger),
        };
        self.blocks.push(block);
        if let Some(old) = self.blocks.len().checked_sub(STATES + 1) {
            self.blocks[old].ledger = None;
        }
    }

    /// The best-paying transaction that a block can take now. What somebody clings to comes first.
    fn take_next(&mut self, ledger: &Ledger, number: u64) -> Option<Transaction> {
        let base_fee = self.base_fee;
        let fits = |pooled: &Pooled| {
            let it = &pooled.transaction;
            let next = ledger.nonces.get(&it.from).copied().unwrap_or_default();
            let cost = U256::from(it.max_fee) * U256::from(it.gas_limit) + it.value;
            let held = ledger.wei.get(&it.from).copied().unwrap_or_default();
            it.nonce == next
                && it.max_fee >= base_fee
                && pooled.not_before <= number
                && cost <= held
        };
        self.shadows.retain(|pooled| {
            let it = &pooled.transaction;
            it.nonce >= ledger.nonces.get(&it.from).copied().unwrap_or_default()
        });
        self.pool.retain(|(from, nonce), _| {
            *nonce >= ledger.nonces.get(from).copied().unwrap_or_default()
        });
        if let Some(index) = self.shadows.iter().position(fits) {
            return Some(self.shadows.remove(index).transaction);
        }
        let rank = |pooled: &Pooled| {
            let it = &pooled.transaction;
            (it.tip.min(it.max_fee - base_fee), std::cmp::Reverse(pooled.arrival))
        };
        let fitting = self.pool.iter().filter(|(_, pooled)| fits(pooled));
        let (key, _) = fitting.max_by_key(|(_, pooled)| rank(pooled))?;
        let key = *key;
        self.pool.remove(&key).map(|pooled| pooled.transaction)
    }

    /// What a call would do in the block after `number`.
    pub(super) fn simulate(&self, number: u64, mut message: Message) -> Option<Effect> {
        let block = self.blocks.get(usize::try_from(number).ok()?)?;
        let mut ledger = block.ledger.as_deref()?.clone();
        let next = block.timestamp.saturating_add(self.interval_ms.div_ceil(1_000));
        (message.now, message.block) = (next, number + 1);
        Some(ledger.execute(&message))
    }
}

fn execute(
    ledger: &mut Ledger,
    transaction: &Transaction,
    (block, now): (u64, Timestamp),
    gas_price: u128,
) -> Effect {
    *ledger.nonces.entry(transaction.from).or_default() += 1;
    let message = Message {
        from: transaction.from,
        to: transaction.to,
        value: transaction.value,
        input: transaction.input.clone(),
        gas_limit: transaction.gas_limit,
        now,
        block,
    };
    let effect = ledger.execute(&message);
    let cost = U256::from(gas_price) * U256::from(effect.gas_used);
    ledger.burn_wei(transaction.from, cost);
    effect
}
