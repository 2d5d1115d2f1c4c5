//! The sender on a simulated chain that drops, reorders, forks and loses answers. Whatever
//! happens: after the chain calms down every call has an outcome, and an auditor that knows only
//! the final chain agrees with it.

use super::super::book::{Millis, Sighting, Watch};
use super::super::fees::{Bidding, FeeLimits, FeeMarket};
use super::*;
use crate::{BlockNumber, BlockRef};
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, U256, keccak256};
use async_trait::async_trait;
use futures::FutureExt;
use proptest::prelude::*;
use rialto_protocol::Timestamp;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A call is sent, to be given up after so many seconds.
    Send { give_up_after_s: Option<u64> },
    /// The sender looks.
    Look,
    /// One of the sender's errands gets on.
    GetOn,
    /// A block is made.
    Mine,
    /// The mempool loses a transaction.
    Drop(usize),
    /// The newest blocks are replaced by empty ones; their transactions go back to the mempool or
    /// are lost.
    Fork { depth: usize, lost: bool },
    /// Others pay that much.
    BaseFee(u128),
    /// The next answer is lost, and maybe the request too.
    LoseAnswer { request_too: bool },
    /// The next broadcast finds no money.
    Poor,
    /// Time passes.
    Wait { ms: u64 },
}

const TO: Address = Address::repeat_byte(0x70);
const CONFIRMATIONS: u64 = 3;
/// Told outcomes are final: no fork is as deep.
const FORK_MAX: usize = 2;

#[derive(Clone, Debug)]
struct SimTx {
    hash: B256,
    envelope: TxEnvelope,
}

#[derive(Clone, Debug)]
struct SimBlock {
    hash: B256,
    txs: Vec<SimTx>,
}

#[derive(Default)]
struct Sim {
    blocks: Vec<SimBlock>,
    mempool: BTreeMap<u64, SimTx>,
    recorded: HashSet<B256>,
    base_wei: u128,
    now_ms: u64,
    made: u64,
    lose_answer: Option<bool>,
    poor: bool,
}

#[derive(Clone, Default)]
struct SimPort(Arc<Mutex<Sim>>);

impl Sim {
    fn count(&self) -> u64 {
        self.blocks.iter().map(|block| block.txs.len() as u64).sum()
    }

    fn push_block(&mut self, txs: Vec<SimTx>) {
        self.made += 1;
        self.blocks.push(SimBlock { hash: keccak256(self.made.to_be_bytes()), txs });
    }

    fn mine(&mut self) {
        let mut txs = Vec::new();
        while let Some(tx) = self.mempool.get(&(self.count() + txs.len() as u64)) {
            if tx.envelope.max_fee_per_gas() < self.base_wei {
                break;
            }
            let tx = self.mempool.remove(&tx.envelope.nonce()).unwrap();
            txs.push(tx);
        }
        self.push_block(txs);
    }

    fn fork(&mut self, depth: usize, lost: bool) {
        let depth = depth.min(self.blocks.len() - 1);
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        for tx in gone.into_iter().flat_map(|block| block.txs) {
            if !lost {
                self.mempool.entry(tx.envelope.nonce()).or_insert(tx);
            }
        }
        (0..depth).for_each(|_| self.push_block(Vec::new()));
    }

    fn pending(&self) -> u64 {
        (self.count()..).find(|nonce| !self.mempool.contains_key(nonce)).unwrap()
    }

    fn head(&self) -> BlockNumber {
        BlockNumber(self.blocks.len() as u64 - 1)
    }

    fn mined(&self, hash: B256) -> Option<Box<Mined>> {
        let number =
            self.blocks.iter().position(|block| block.txs.iter().any(|tx| tx.hash == hash))?;
        let block = BlockRef { number: BlockNumber(number as u64), hash: self.blocks[number].hash };
        let tx = self.blocks[number].txs.iter().find(|tx| tx.hash == hash)?;
        let receipt = Receipt {
            tx_hash: hash,
            nonce: Nonce(tx.envelope.nonce()),
            block,
            gas_used: 21_000,
            gas_price_wei: self.base_wei,
            created: None,
            logs: Vec::new(),
        };
        Some(Box::new(Mined { receipt, succeeded: true }))
    }

    fn sight(&self, watch: &Watch) -> Sighting {
        let stands = |block: BlockRef| {
            self.blocks.get(block.number.0 as usize).is_some_and(|found| found.hash == block.hash)
        };
        if watch.mined_in.is_some_and(stands) {
            return Sighting::Unchanged;
        }
        let found = watch.hashes.iter().find_map(|hash| self.mined(*hash));
        found.map_or(Sighting::Missing, Sighting::Mined)
    }

    fn take(&mut self, raw: &Bytes) -> Verdict {
        let envelope = TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap();
        let tx = SimTx { hash: *envelope.tx_hash(), envelope };
        assert!(
            self.recorded.contains(&tx.hash),
            "nothing is broadcast that the log does not have"
        );
        let nonce = tx.envelope.nonce();
        let known = self.mempool.get(&nonce);
        match known {
            Some(known) if known.hash == tx.hash => Verdict::Accepted,
            _ if nonce < self.count() => Verdict::NonceUsed,
            _ if std::mem::take(&mut self.poor) => Verdict::Poor("no money".to_owned()),
            Some(known) if !outbids(&tx.envelope, &known.envelope) => Verdict::Occupied,
            _ if tx.envelope.max_fee_per_gas() < self.base_wei / 4 => Verdict::Underpriced,
            _ => {
                self.mempool.insert(nonce, tx);
                Verdict::Accepted
            }
        }
    }
}

fn outbids(new: &TxEnvelope, old: &TxEnvelope) -> bool {
    let tip = |tx: &TxEnvelope| tx.max_priority_fee_per_gas().unwrap();
    10 * new.max_fee_per_gas() >= 11 * old.max_fee_per_gas() && 10 * tip(new) >= 11 * tip(old)
}

fn lost() -> EndpointError {
    EndpointError::answered(-32603, "the answer was lost")
}

/// Lets something else happen between an answer and its arrival.
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl TxPort for SimPort {
    fn now(&self) -> Millis {
        Millis(self.0.lock().unwrap().now_ms)
    }

    async fn look(&self, watches: Vec<Watch>) -> Result<Facts, EndpointError> {
        let facts = {
            let mut sim = self.0.lock().unwrap();
            if sim.lose_answer.take().is_some() {
                return Err(lost());
            }
            Facts {
                head: sim.head(),
                head_time: Timestamp(sim.now_ms / 1_000),
                market: FeeMarket { base_wei: sim.base_wei, tip_wei: 1 },
                latest: Nonce(sim.count()),
                pending: Nonce(sim.pending()),
                sightings: watches.iter().map(|watch| (watch.nonce, sim.sight(watch))).collect(),
            }
        };
        Pause(false).await;
        Ok(facts)
    }

    async fn broadcast(&self, raw: Bytes) -> Verdict {
        Pause(false).await;
        let verdict = {
            let mut sim = self.0.lock().unwrap();
            match sim.lose_answer.take() {
                Some(true) => return Verdict::Unclear(lost()),
                Some(false) => {
                    sim.take(&raw);
                    return Verdict::Unclear(lost());
                }
                None => sim.take(&raw),
            }
        };
        Pause(false).await;
        verdict
    }

    async fn leftover(&self, _nonce: Nonce) -> Option<(GasCall, Attempt)> {
        None
    }

    async fn explain(&self, _call: GasCall, _mined: &Mined) -> MarketRevert {
        MarketRevert::NoReason
    }
}

#[async_trait]
impl TxLog for SimPort {
    async fn on_signed(&self, tx: &SignedTx) -> Result<(), NotRecorded> {
        self.0.lock().unwrap().recorded.insert(tx.hash);
        Ok(())
    }
}

struct Bench {
    port: SimPort,
    actor: Actor<SimPort>,
    sent: Vec<(U256, oneshot::Receiver<Result<PendingTx, SendError>>)>,
    _mailbox: mpsc::Sender<Request>,
}

const BIDDING: Bidding = Bidding {
    base_fee_percent: 200,
    tip_percentile: 5_000,
    tip_percent: 100,
    waiting_percent: 0,
    tip_min_wei: 1,
    patience: Duration::ZERO,
};

impl Bench {
    fn new() -> Self {
        let port = SimPort::default();
        {
            let mut sim = port.0.lock().unwrap();
            (sim.base_wei, sim.now_ms) = (100, 1_000_000);
            sim.push_block(Vec::new());
        }
        let (_mailbox, mailbox) = mpsc::channel(1);
        let parts = Parts {
            port: Arc::new(port.clone()),
            signer: PrivateKeySigner::from_bytes(&B256::repeat_byte(9)).unwrap(),
            chain_id: 1,
            log: Arc::new(port.clone()),
            policy: Policy {
                limits: FeeLimits { bidding: BIDDING, waiting: 0, max_wei: 1_000_000_000 },
                confirmations: CONFIRMATIONS,
                watch_blocks: 5,
                stall_blocks: 2,
                rebroadcast_ms: 2_000,
            },
            bidding: watch::channel(BIDDING).1,
            poll_interval: Duration::from_secs(1),
            idle_interval: Duration::from_secs(1),
            in_flight_max: 100,
            mailbox,
        };
        let mut starting = Box::pin(Actor::start(parts));
        let actor = loop {
            if let Some(actor) = starting.as_mut().now_or_never() {
                break actor.unwrap();
            }
        };
        Self { port, actor, sent: Vec::new(), _mailbox }
    }

    fn step(&mut self, step: Step) {
        let port = self.port.clone();
        let sim = || port.0.lock().unwrap();
        match step {
            Step::Send { give_up_after_s } => self.send(give_up_after_s),
            Step::Look if !self.actor.looking => self.actor.look(),
            Step::Look => {}
            Step::GetOn => {
                self.get_on();
            }
            Step::Mine => sim().mine(),
            Step::Drop(which) => {
                let nonces: Vec<u64> = sim().mempool.keys().copied().collect();
                if let Some(nonce) = nonces.get(which % nonces.len().max(1)) {
                    sim().mempool.remove(nonce);
                }
            }
            Step::Fork { depth, lost } => sim().fork(depth, lost),
            Step::BaseFee(wei) => sim().base_wei = wei,
            Step::LoseAnswer { request_too } => sim().lose_answer = Some(request_too),
            Step::Poor => sim().poor = true,
            Step::Wait { ms } => sim().now_ms += ms,
        }
    }

    /// Each call carries another value, by which the auditor knows it.
    fn send(&mut self, give_up_after_s: Option<u64>) {
        let value = U256::from(self.sent.len() + 1);
        let now = Timestamp(self.port.now().0 / 1_000);
        let options = SendOptions {
            label: "call".to_owned(),
            give_up_at: give_up_after_s.map(|seconds| Timestamp(now.0 + seconds)),
            ..SendOptions::default()
        };
        let call = GasCall { call: Call::transfer(TO, Wei(value)), gas_limit: 21_000 };
        let (reply, replied) = oneshot::channel();
        let accepted = self.actor.accept(Request { call, options, reply });
        accepted.now_or_never().expect("the log answers at once");
        self.sent.push((value, replied));
    }

    fn get_on(&mut self) -> bool {
        let done = self.actor.errands.next().now_or_never().flatten();
        if let Some(done) = done {
            self.actor.record(done).now_or_never().expect("the log answers at once");
        }
        !self.actor.errands.is_empty()
    }

    /// The chain calms down and goes on.
    fn calm_down(&mut self) {
        {
            let mut sim = self.port.0.lock().unwrap();
            (sim.base_wei, sim.lose_answer, sim.poor) = (100, None, false);
        }
        for _ in 0..60 {
            self.step(Step::Look);
            while self.get_on() {}
            self.step(Step::Mine);
            self.step(Step::Wait { ms: 3_000 });
        }
    }

    /// The calls in the final chain against what their senders were told.
    fn audit(self) -> Result<(), TestCaseError> {
        let sim = self.port.0.lock().unwrap();
        let executed: Vec<U256> = sim
            .blocks
            .iter()
            .flat_map(|block| &block.txs)
            .filter(|tx| tx.envelope.to() == Some(TO))
            .map(|tx| tx.envelope.value())
            .collect();
        for (value, replied) in self.sent {
            let times = executed.iter().filter(|executed| **executed == value).count();
            let pending = replied.now_or_never().expect("answered at once").unwrap().unwrap();
            let outcome = pending.outcome.now_or_never();
            let Some(Ok(outcome)) = outcome else {
                return Err(TestCaseError::fail(format!("call {value} has no outcome")));
            };
            match outcome {
                Ok(receipt) => {
                    prop_assert_eq!(times, 1, "call {} was told to be in a block", value);
                    let block = &sim.blocks[receipt.block.number.0 as usize];
                    prop_assert_eq!(block.hash, receipt.block.hash);
                    prop_assert!(block.txs.iter().any(|tx| tx.hash == receipt.tx_hash));
                }
                Err(SendError::GaveUp | SendError::InsufficientFunds { .. }) => {
                    prop_assert_eq!(times, 0, "call {} was told to be given up", value);
                }
                Err(other) => return Err(TestCaseError::fail(format!("call {value}: {other}"))),
            }
        }
        prop_assert!(sim.mempool.is_empty(), "nothing is left in the mempool");
        prop_assert!(self.actor.book.slots.is_empty(), "nothing is left to watch");
        prop_assert_eq!(self.actor.book.next, Nonce(sim.count()));
        Ok(())
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::option::weighted(0.3, 0u64..20).prop_map(|give_up_after_s| Step::Send { give_up_after_s }),
        10 => Just(Step::Look),
        20 => Just(Step::GetOn),
        8 => Just(Step::Mine),
        3 => (0usize..8).prop_map(Step::Drop),
        3 => (1..=FORK_MAX, any::<bool>()).prop_map(|(depth, lost)| Step::Fork { depth, lost }),
        2 => prop_oneof![Just(1), Just(100), Just(1_000), Just(50_000)].prop_map(Step::BaseFee),
        3 => any::<bool>().prop_map(|request_too| Step::LoseAnswer { request_too }),
        1 => Just(Step::Poor),
        6 => (0u64..3_000).prop_map(|ms| Step::Wait { ms }),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_call_has_one_outcome_and_the_chain_agrees(steps in steps()) {
        let mut bench = Bench::new();
        for step in steps {
            bench.step(step);
        }
        bench.calm_down();
        bench.audit()?;
    }
}
