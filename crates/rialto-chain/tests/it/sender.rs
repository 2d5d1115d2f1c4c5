use crate::world::{Recorder, World, address_of, ether, key, quick, until};
use alloy::consensus::{SignableTransaction, Transaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::TxKind;
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use async_trait::async_trait;
use rialto_chain::devnet::Mining;
use rialto_chain::sender::{Nonce, SendOptions, SignedTx, TxLog};
use rialto_chain::{Call, MarketRevert, PendingTx, SendError, Sender, SenderConfig};
use rialto_protocol::{Timestamp, Wei};
use std::collections::BTreeSet;
use std::sync::Arc;

fn options() -> SendOptions {
    SendOptions { label: "test".to_owned(), gas_limit: Some(100_000), ..SendOptions::default() }
}

fn gift(wei: u128) -> Call {
    Call::transfer(address_of("somebody"), Wei::from(wei))
}

async fn send(sender: &Sender, wei: u128) -> PendingTx {
    sender.send(gift(wei), options()).await.unwrap()
}

async fn received(world: &World) -> Wei {
    world.endpoint().eth_balance(address_of("somebody")).await.unwrap()
}

/// A base fee that no bid so far covers.
async fn raise_base_fee(world: &World) {
    let provider = world.endpoint().provider();
    provider.anvil_set_next_block_base_fee_per_gas(100_000_000_000).await.unwrap();
}

#[tokio::test]
async fn many_transactions_are_in_flight_at_once() {
    let world = World::start(Mining::OnDemand).await;
    let sender = world.sender("prover").await;
    let mut pending = Vec::new();
    for wei in 0..50 {
        pending.push(send(&sender, 1 << wei).await);
    }
    world.until_waiting(50).await;
    world.mine(1).await;
    let mut blocks = BTreeSet::new();
    for (index, tx) in pending.into_iter().enumerate() {
        assert_eq!(tx.nonce(), Nonce(index as u64));
        let hash = tx.tx_hash();
        let receipt = tx.outcome().await.unwrap();
        assert_eq!(receipt.tx_hash, hash);
        blocks.insert(receipt.block.number);
    }
    assert_eq!(blocks.len(), 1, "all in one block");
    assert_eq!(received(&world).await, Wei::from((1 << 50) - 1));
}

#[tokio::test]
async fn a_dropped_transaction_is_sent_again() {
    let world = World::start(Mining::OnDemand).await;
    let sender = world.sender("prover").await;
    let (first, second) = (send(&sender, 1).await, send(&sender, 2).await);
    world.until_waiting(2).await;
    let provider = world.endpoint().provider();
    provider.anvil_drop_transaction(first.tx_hash()).await.unwrap();
    // Without the first the second waits for a nonce that nobody uses.
    world.until_waiting(2).await;
    world.mine(1).await;
    let hash = first.tx_hash();
    assert_eq!(first.outcome().await.unwrap().tx_hash, hash);
    second.outcome().await.unwrap();
    assert_eq!(received(&world).await, Wei::from(3));
}

#[tokio::test]
async fn a_stalled_transaction_is_replaced_by_a_higher_bid() {
    let world = World::start(Mining::OnDemand).await;
    let log = Arc::new(Recorder::default());
    let sender = world.sender_with("prover", quick(), log.clone()).await;
    let pending = send(&sender, 7).await;
    world.until_waiting(1).await;
    raise_base_fee(&world).await;
    world.mine(3).await;
    until(async || log.signed().len() >= 2).await;
    let signed = log.signed();
    assert_eq!(signed[1].nonce, signed[0].nonce);
    assert_ne!(signed[1].hash, signed[0].hash);
    // Each block is an occasion: the base fee falls and the bid rises until they meet.
    let outcome = tokio::spawn(pending.outcome());
    until(async || {
        world.mine(1).await;
        outcome.is_finished()
    })
    .await;
    let receipt = outcome.await.unwrap().unwrap();
    assert_ne!(receipt.tx_hash, signed[0].hash);
    assert!(log.signed().iter().any(|tx| tx.hash == receipt.tx_hash), "it was in the log before");
    assert_eq!(received(&world).await, Wei::from(7));
}

#[tokio::test]
async fn what_an_earlier_life_left_is_adopted() {
    let world = World::start(Mining::OnDemand).await;
    let earlier = world.sender("prover").await;
    send(&earlier, 1).await;
    send(&earlier, 2).await;
    world.until_waiting(2).await;
    drop(earlier);

    let log = Arc::new(Recorder::default());
    let later = world.sender_with("prover", quick(), log.clone()).await;
    let pending = send(&later, 4).await;
    assert_eq!(pending.nonce(), Nonce(2));
    world.until_waiting(3).await;
    // The leftovers stall too: they are replaced like the new one.
    raise_base_fee(&world).await;
    world.mine(3).await;
    until(async || log.signed().iter().any(|tx| tx.nonce == Nonce(0))).await;
    let outcome = tokio::spawn(pending.outcome());
    until(async || {
        world.mine(1).await;
        outcome.is_finished()
    })
    .await;
    outcome.await.unwrap().unwrap();
    assert_eq!(received(&world).await, Wei::from(7));
}

#[tokio::test]
async fn a_gap_below_what_an_earlier_life_left_is_closed() {
    let world = World::start(Mining::OnDemand).await;
    foreign(&world, "prover", 1).await;
    world.until_waiting(1).await;
    let later = world.sender("prover").await;
    let (first, second) = (send(&later, 1).await, send(&later, 2).await);
    assert_eq!((first.nonce(), second.nonce()), (Nonce(0), Nonce(1)));
    // Nonce 1 was occupied, so the second call has moved on.
    world.until_waiting(3).await;
    world.mine(1).await;
    assert_eq!(first.outcome().await.unwrap().nonce, Nonce(0));
    assert_eq!(second.outcome().await.unwrap().nonce, Nonce(2));
    assert_eq!(received(&world).await, Wei::from(3));
}

#[tokio::test]
async fn a_gap_that_a_reorg_opened_is_filled() {
    let world = World::start(Mining::OnDemand).await;
    let earlier = world.sender("prover").await;
    let pending = send(&earlier, 1).await;
    world.until_waiting(1).await;
    world.mine(1).await;
    pending.outcome().await.unwrap();
    drop(earlier);
    // The later life has never heard of the earlier one's transaction.
    let log = Arc::new(Recorder::default());
    let later = world.sender_with("prover", quick(), log.clone()).await;
    let pending = send(&later, 2).await;
    assert_eq!(pending.nonce(), Nonce(1));
    world.until_waiting(1).await;
    let reorg = ReorgOptions { depth: 1, tx_block_pairs: vec![] };
    world.endpoint().provider().anvil_reorg(reorg).await.unwrap();
    let outcome = tokio::spawn(pending.outcome());
    until(async || {
        world.mine(1).await;
        outcome.is_finished()
    })
    .await;
    outcome.await.unwrap().unwrap();
    assert_eq!(received(&world).await, Wei::from(2));
    assert!(log.signed().iter().any(|tx| tx.nonce == Nonce(0)));
}

#[tokio::test]
async fn a_transaction_that_a_reorg_removed_is_sent_again() {
    let world = World::start(Mining::OnDemand).await;
    let config = SenderConfig { confirmations: 3, ..quick() };
    let sender = world.sender_with("prover", config, Arc::new(())).await;
    let pending = send(&sender, 5).await;
    world.until_waiting(1).await;
    world.mine(1).await;
    assert_eq!(received(&world).await, Wei::from(5));
    let reorg = ReorgOptions { depth: 1, tx_block_pairs: vec![] };
    world.endpoint().provider().anvil_reorg(reorg).await.unwrap();
    assert_eq!(received(&world).await, Wei::ZERO);
    world.until_waiting(1).await;
    world.mine(3).await;
    let receipt = pending.outcome().await.unwrap();
    assert_eq!(received(&world).await, Wei::from(5));
    let head = world.endpoint().head().await.unwrap().block.number;
    assert!(head.0 >= receipt.block.number.0 + 2);
}

#[tokio::test]
async fn a_lost_lock_race_says_who_won() {
    let world = World::start(Mining::OnDemand).await;
    let (prover, rival) = (world.sender("prover").await, world.sender("rival").await);
    let mut setup = Vec::new();
    let client = world.sender("client").await;
    setup.push(client.send(world.market.deposit(ether(10)), options()).await.unwrap());
    for sender in [&prover, &rival] {
        let amount = crate::world::tokens(50);
        let calls = world.market.collateral_deposit_calls(sender.address(), amount).await.unwrap();
        for call in calls {
            let options = SendOptions { gas_limit: Some(200_000), ..options() };
            setup.push(sender.send(call, options).await.unwrap());
        }
    }
    world.until_waiting(5).await;
    world.mine(1).await;
    for tx in setup {
        tx.outcome().await.unwrap();
    }
    let request = world.request(1).await;
    let call = world.market.lock_request(&request);
    let gas = SendOptions { gas_limit: Some(400_000), ..options() };
    let hasty = SendOptions { extra_tip_wei: 1_000_000_000, ..gas.clone() };
    let slow = rival.send(call.clone(), gas).await.unwrap();
    let fast = prover.send(call, hasty).await.unwrap();
    world.until_waiting(2).await;
    world.mine(1).await;
    fast.outcome().await.unwrap();
    let lost = slow.outcome().await.unwrap_err();
    let SendError::Reverted { reason, receipt } = lost else { panic!("{lost}") };
    assert_eq!(*reason, MarketRevert::RequestIsLocked(request.request().id));
    assert!(receipt.gas_used > 21_000);
}

#[tokio::test]
async fn a_call_whose_time_is_up_gives_its_nonce_back() {
    let world = World::start(Mining::OnDemand).await;
    let sender = world.sender("prover").await;
    let late = SendOptions { give_up_at: Some(Timestamp(1)), ..options() };
    let late = sender.send(gift(1), late).await.unwrap();
    let next = send(&sender, 2).await;
    world.until_waiting(2).await;
    let outcome = tokio::spawn(late.outcome());
    // It is included as an empty transaction, unless the call itself was in a block before.
    let provider = world.endpoint().provider();
    until(async || {
        let found = provider.get_transaction_by_sender_nonce(sender.address(), 0).await.unwrap();
        found.is_some_and(|tx| tx.inner.inner().to() == Some(sender.address()))
    })
    .await;
    world.mine(1).await;
    let given_up = outcome.await.unwrap().unwrap_err();
    assert!(matches!(given_up, SendError::GaveUp), "{given_up}");
    next.outcome().await.unwrap();
    assert_eq!(received(&world).await, Wei::from(2));
}

#[tokio::test]
async fn who_cannot_pay_is_told_and_blocks_nothing() {
    let world = World::start(Mining::PerTransaction).await;
    let sender = world.sender("prover").await;
    let dear = Call::transfer(address_of("somebody"), ether(1_000));
    let refused = sender.send_and_wait(dear, options()).await.unwrap_err();
    assert!(matches!(refused, SendError::InsufficientFunds { .. }), "{refused}");
    let next = send(&sender, 1).await;
    assert_eq!(next.nonce(), Nonce(0));
    next.outcome().await.unwrap();
    let endless = SendOptions { gas_limit: Some(u64::MAX / 2), ..options() };
    let refused = sender.send_and_wait(gift(0), endless).await.unwrap_err();
    assert!(
        matches!(refused, SendError::Refused(_) | SendError::InsufficientFunds { .. }),
        "{refused}"
    );
    send(&sender, 1).await.outcome().await.unwrap();
}

/// A transfer of nothing to oneself that bids more than anybody.
async fn foreign(world: &World, name: &str, nonce: u64) {
    let key = key(name);
    let mut tx = TxEip1559 {
        chain_id: world.endpoint().chain_id(),
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 900_000_000_000,
        max_priority_fee_per_gas: 500_000_000_000,
        to: TxKind::Call(key.address()),
        ..TxEip1559::default()
    };
    let signature = key.sign_transaction_sync(&mut tx).unwrap();
    let raw = tx.into_signed(signature).encoded_2718();
    let _ = world.endpoint().provider().send_raw_transaction(&raw).await.unwrap();
}

#[tokio::test]
async fn a_nonce_that_somebody_else_used_is_told() {
    let world = World::start(Mining::OnDemand).await;
    let sender = world.sender("prover").await;
    let pending = send(&sender, 1).await;
    world.until_waiting(1).await;
    foreign(&world, "prover", 0).await;
    world.mine(1).await;
    let taken = pending.outcome().await.unwrap_err();
    let SendError::NonceTaken { nonce, account } = taken else { panic!("{taken}") };
    assert_eq!((nonce, account), (Nonce(0), address_of("prover")));
    let next = send(&sender, 2).await;
    world.until_waiting(1).await;
    world.mine(1).await;
    next.outcome().await.unwrap();
    assert_eq!(received(&world).await, Wei::from(2));
}

#[tokio::test]
async fn a_call_moves_past_a_nonce_that_is_used_unseen() {
    let world = World::start(Mining::OnDemand).await;
    // A sender that looks rarely does not know of the other's transaction.
    let rarely = SenderConfig { poll_interval: std::time::Duration::from_secs(3_600), ..quick() };
    let blind = world.sender_with("prover", rarely, Arc::new(())).await;
    until(async || world.waiting().await == 0).await;
    foreign(&world, "prover", 0).await;
    world.mine(1).await;
    foreign(&world, "prover", 1).await;
    world.until_waiting(1).await;
    send(&blind, 3).await;
    world.until_waiting(2).await;
    world.mine(1).await;
    assert_eq!(received(&world).await, Wei::from(3));
}

/// A logbook whose disk is full.
struct Full;

#[async_trait]
impl TxLog for Full {
    async fn on_signed(
        &self,
        _tx: &SignedTx,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("no space left".into())
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent() {
    let world = World::start(Mining::OnDemand).await;
    let sender = world.sender_with("prover", quick(), Arc::new(Full)).await;
    let refused = sender.send(gift(1), options()).await.unwrap_err();
    assert!(matches!(refused, SendError::NotRecorded(_)), "{refused}");
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn a_sender_ends_with_its_last_handle() {
    let world = World::start(Mining::OnDemand).await;
    let endpoint = world.endpoint().clone();
    let opened = Sender::open(endpoint, key("prover"), quick(), Arc::new(())).await;
    let (sender, task) = opened.unwrap();
    let running = tokio::spawn(task.run());
    let pending = send(&sender, 1).await;
    drop(sender);
    world.until_waiting(1).await;
    assert!(!running.is_finished(), "an outcome is still awaited");
    world.mine(1).await;
    pending.outcome().await.unwrap();
    running.await.unwrap();
}
