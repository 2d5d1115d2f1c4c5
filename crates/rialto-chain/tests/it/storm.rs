//! The sender on a simulated chain, in virtual time: what its transactions meet on the way, one
//! kind at a time and then all at once.

use crate::world::{Recorder, address_of, ether, key};
use rialto_chain::simulated::{Dice, Faults, Genesis, SimulatedChain};
use rialto_chain::{Call, EndpointError, PendingTx, SendError, SendOptions, Sender, SenderConfig};
use rialto_protocol::{Timestamp, Wei};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

const BLOCK: Duration = Duration::from_secs(2);
const START: Timestamp = Timestamp(2_000_000_000);

struct Sea {
    chain: SimulatedChain,
    log: Arc<Recorder>,
}

impl Sea {
    /// A chain whose blocks come by themselves, and an account with ETH.
    fn open() -> Self {
        let genesis = Genesis { chain_id: 7, time: START, block_interval: BLOCK };
        let chain = SimulatedChain::start(genesis);
        chain.endow(address_of("prover"), ether(1_000), Default::default());
        let clock = chain.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BLOCK).await;
                clock.advance(BLOCK);
            }
        });
        Self { chain, log: Arc::default() }
    }

    async fn sender(&self) -> Sender {
        self.start().await.0
    }

    /// A sender, however often it takes, and its task.
    async fn start(&self) -> (Sender, JoinHandle<()>) {
        loop {
            let config = SenderConfig::default();
            let log = self.log.clone();
            match Sender::open(self.chain.endpoint(), key("prover"), config, log).await {
                Ok((sender, task)) => {
                    return (sender, tokio::spawn(task.run()));
                }
                Err(EndpointError { .. }) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn blocks(&self, count: u32) {
        tokio::time::sleep(BLOCK * count).await;
    }

    fn executed(&self) -> BTreeMap<Wei, usize> {
        let mut values = BTreeMap::new();
        for mined in self.chain.mined(address_of("prover")) {
            let value = self.log.signed().iter().find(|tx| tx.hash == mined.hash).map(value_of);
            *values.entry(value.unwrap()).or_default() += 1;
        }
        values
    }
}

fn value_of(tx: &rialto_chain::sender::SignedTx) -> Wei {
    use alloy::consensus::{Transaction, TxEnvelope};
    use alloy::eips::eip2718::Decodable2718;
    Wei(TxEnvelope::decode_2718(&mut tx.raw.as_ref()).unwrap().value())
}

fn options() -> SendOptions {
    SendOptions { gas_limit: Some(21_000), ..SendOptions::default() }
}

async fn send(sender: &Sender, wei: u128) -> PendingTx {
    sender.send(Call::transfer(address_of("somebody"), Wei::from(wei)), options()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_with_a_gas_limit_costs_one_question() {
    let sea = Sea::open();
    let sender = sea.sender().await;
    let before = sea.chain.questions();
    let pending: Vec<_> = futures::future::join_all((1..=60).map(|wei| send(&sender, wei))).await;
    let asked = |method: &str| {
        let count = |of: &BTreeMap<String, u64>| of.get(method).copied().unwrap_or_default();
        count(&sea.chain.questions()) - count(&before)
    };
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sea.chain.waiting(None), 60, "all are in flight before the next block");
    assert_eq!((asked("eth_sendRawTransaction"), asked("eth_estimateGas")), (60, 0));
    for tx in pending {
        tx.outcome().await.unwrap();
    }
    assert_eq!(asked("eth_sendRawTransaction"), 60, "none was sent twice");
}

#[tokio::test(start_paused = true)]
async fn a_lost_transaction_is_sent_again_before_two_blocks_have_passed() {
    let sea = Sea::open();
    let sender = sea.sender().await;
    let pending = send(&sender, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    sea.chain.drop_transaction(pending.tx_hash());
    let sent_in = sea.chain.head().number.0;
    let (hash, receipt) = (pending.tx_hash(), pending.outcome().await.unwrap());
    assert_eq!(receipt.tx_hash, hash);
    assert!(receipt.block.number.0 <= sent_in + 2, "{} after {sent_in}", receipt.block.number);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_transaction_is_replaced_within_two_blocks() {
    let sea = Sea::open();
    let sender = sea.sender().await;
    sea.chain.set_base_fee(2_900_000_000);
    let pending = send(&sender, 1).await;
    sea.blocks(2).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(sea.log.signed().len(), 2, "the bid was raised once");
    let receipt = pending.outcome().await.unwrap();
    assert!(sea.log.signed().iter().skip(1).any(|tx| tx.hash == receipt.tx_hash));
    assert_eq!(sea.executed(), BTreeMap::from([(Wei::from(1), 1)]));
}

#[tokio::test(start_paused = true)]
async fn what_a_reorg_takes_out_comes_back() {
    let sea = Sea::open();
    let sender = sea.sender().await;
    let pending = send(&sender, 5).await;
    let first = pending.outcome().await.unwrap();
    sea.blocks(2).await;
    let forgetful = Faults { seed: 1, lost_in_reorg: 1_000, ..Faults::default() };
    sea.chain.set_faults(forgetful);
    sea.chain.reorg(3);
    assert!(sea.executed().is_empty(), "block {} is gone", first.block.number);
    sea.blocks(3).await;
    assert_eq!(sea.executed(), BTreeMap::from([(Wei::from(5), 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_given_up_by_the_clock_of_the_chain() {
    let sea = Sea::open();
    let sender = sea.sender().await;
    let lossy = Faults { seed: 1, dropped: 1_000, ..Faults::default() };
    sea.chain.set_faults(lossy);
    let give_up_at = Some(sea.chain.now().saturating_add(5));
    let call = Call::transfer(address_of("somebody"), Wei::from(9));
    let pending = sender.send(call, SendOptions { give_up_at, ..options() }).await.unwrap();
    sea.blocks(4).await;
    sea.chain.set_faults(Faults::default());
    assert!(matches!(pending.outcome().await, Err(SendError::GaveUp)));
    assert_eq!(sea.executed(), BTreeMap::from([(Wei::ZERO, 1)]));
}

/// Calls of different values under every fault, two lives of the sender of which the first may be
/// cut short, then calm: each call that
/// was told to be in a block is there once, each that was told to be given up is not.
async fn weather(seed: u64) {
    let sea = Sea::open();
    let mut dice = Dice::new(seed, b"calls");
    let mut told = Vec::new();
    for life in 0..2u128 {
        sea.chain.set_faults(Faults::stormy(seed));
        let (sender, task) = sea.start().await;
        let mut pending = Vec::new();
        for nth in 0..10u128 {
            let wei = 1 + 100 * life + nth;
            let give_up_at =
                dice.permille(300).then(|| sea.chain.now().saturating_add(dice.below(30)));
            let call = Call::transfer(address_of("somebody"), Wei::from(wei));
            let sent = sender.send(call, SendOptions { give_up_at, ..options() }).await;
            pending.push((wei, give_up_at, sent.unwrap()));
            tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
        }
        if life == 0 && dice.permille(500) {
            task.abort();
            continue;
        }
        for (wei, give_up_at, tx) in pending {
            told.push((wei, give_up_at, tx.outcome().await));
        }
    }
    sea.chain.set_faults(Faults::default());
    sea.blocks(40).await;
    let executed = sea.executed();
    for (wei, give_up_at, outcome) in told {
        let times = executed.get(&Wei::from(wei)).copied().unwrap_or_default();
        match outcome {
            // A reorg may undo what was told after one block, and then its time may be up.
            Ok(_) if give_up_at.is_some() => {}
            Ok(_) => assert_eq!(times, 1, "seed {seed}: call {wei} was told to be in a block"),
            // What the first life left in the mempool may take a nonce from the second.
            Err(SendError::GaveUp | SendError::NonceTaken { .. }) => {
                assert_eq!(times, 0, "seed {seed}: call {wei} was told to have failed");
            }
            Err(other) => panic!("seed {seed}: call {wei}: {other:?}"),
        }
    }
    assert!(executed.iter().all(|(wei, times)| *wei == Wei::ZERO || *times == 1), "seed {seed}");
    assert_eq!(sea.chain.waiting(Some(address_of("prover"))), 0, "seed {seed}");
    let nonces: Vec<u64> =
        sea.chain.mined(address_of("prover")).iter().map(|mined| mined.nonce).collect();
    let expected: Vec<u64> = (0..nonces.len() as u64).collect();
    assert_eq!(nonces, expected, "seed {seed}");
}

#[test]
fn every_call_has_one_outcome_in_any_weather() {
    for seed in 0..60 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(weather(seed));
    }
}
