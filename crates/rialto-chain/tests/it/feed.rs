use crate::world::{World, address_of, until};
use alloy::primitives::hex;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::sol_types::SolValue;
use rialto_chain::devnet::Mining;
use rialto_chain::feed::Trail;
use rialto_chain::sender::SendOptions;
use rialto_chain::{
    BlockNumber, Call, Endpoint, EventFeed, FeedConfig, FeedItem, LogPosition, MarketEvent, Sender,
};
use rialto_protocol::{Wei, abi};

fn feed(world: &World, trail: Trail) -> EventFeed {
    let config = FeedConfig {
        floor: world.devnet.network().deployed_at_block,
        chunk_blocks_max: 3,
        ..FeedConfig::default()
    };
    EventFeed::new(world.endpoint().clone(), world.market.address(), config, trail)
}

async fn catch_up(feed: &mut EventFeed<Endpoint>) -> Vec<FeedItem> {
    let mut items = feed.poll().await.unwrap();
    while feed.is_behind() {
        items.extend(feed.poll().await.unwrap());
    }
    items
}

async fn deposit(world: &World, sender: &Sender, wei: u64) -> LogPosition {
    let call = world.market.deposit(Wei::from(u128::from(wei)));
    let receipt = sender.send_and_wait(call, SendOptions::default()).await.unwrap();
    let log = &receipt.logs[0];
    LogPosition {
        block: receipt.block,
        timestamp: world
            .endpoint()
            .block_at(receipt.block.number)
            .await
            .unwrap()
            .unwrap()
            .timestamp,
        tx_hash: receipt.tx_hash,
        log_index: log.log_index.unwrap(),
    }
}

fn deposited(at: LogPosition, wei: u64) -> FeedItem {
    let amount = Wei::from(u128::from(wei));
    FeedItem::Event(at, MarketEvent::Deposit { account: address_of("client"), amount })
}

#[tokio::test]
async fn a_feed_looks_back_goes_on_and_resumes() {
    let world = World::start(Mining::PerTransaction).await;
    let client = world.sender("client").await;
    let first = deposit(&world, &client, 1).await;
    world.mine(7).await;
    let second = deposit(&world, &client, 2).await;
    let mut reader = feed(&world, Trail::default());
    assert_eq!(catch_up(&mut reader).await, [deposited(first, 1), deposited(second, 2)]);
    assert_eq!(catch_up(&mut reader).await, []);
    let third = deposit(&world, &client, 3).await;
    assert_eq!(catch_up(&mut reader).await, [deposited(third, 3)]);

    let kept = serde_json::to_string(reader.trail()).unwrap();
    let fourth = deposit(&world, &client, 4).await;
    let mut resumed = feed(&world, serde_json::from_str(&kept).unwrap());
    assert_eq!(catch_up(&mut resumed).await, [deposited(fourth, 4)]);
}

#[tokio::test]
async fn a_reorg_rewinds_and_replays() {
    let world = World::start(Mining::PerTransaction).await;
    let client = world.sender("client").await;
    let stays = deposit(&world, &client, 1).await;
    let mut reader = feed(&world, Trail::default());
    assert_eq!(catch_up(&mut reader).await, [deposited(stays, 1)]);
    let goes = deposit(&world, &client, 2).await;
    assert_eq!(catch_up(&mut reader).await, [deposited(goes, 2)]);
    world.mine(1).await;
    assert_eq!(catch_up(&mut reader).await, []);

    let reorg = ReorgOptions { depth: 2, tx_block_pairs: vec![] };
    world.endpoint().provider().anvil_reorg(reorg).await.unwrap();
    let items = catch_up(&mut reader).await;
    assert_eq!(items[0], FeedItem::Rewound { to: stays.block.number });
    // The sender notices that its transaction is gone and sends it again.
    let replayed = replay(&mut reader, items[1..].to_vec()).await;
    let [FeedItem::Event(position, MarketEvent::Deposit { amount, .. })] = &replayed[..] else {
        panic!("{replayed:?}")
    };
    assert_eq!((position.tx_hash, *amount), (goes.tx_hash, Wei::from(2)));
    assert_ne!(position.block, goes.block);
}

/// What comes until there is an event.
async fn replay(reader: &mut EventFeed, mut items: Vec<FeedItem>) -> Vec<FeedItem> {
    let reader = tokio::sync::Mutex::new(reader);
    let new = tokio::sync::Mutex::new(&mut items);
    until(async || {
        let mut new = new.lock().await;
        new.extend(catch_up(*reader.lock().await).await);
        !new.is_empty()
    })
    .await;
    items
}

#[tokio::test]
async fn confirmations_hold_events_back() {
    let world = World::start(Mining::PerTransaction).await;
    let client = world.sender("client").await;
    let config = FeedConfig { confirmations: 2, ..FeedConfig::default() };
    let market = world.market.address();
    let mut reader = EventFeed::new(world.endpoint().clone(), market, config, Trail::default());
    let first = deposit(&world, &client, 1).await;
    assert_eq!(catch_up(&mut reader).await, []);
    world.mine(1).await;
    assert_eq!(catch_up(&mut reader).await, []);
    world.mine(1).await;
    assert_eq!(catch_up(&mut reader).await, [deposited(first, 1)]);
    assert_eq!(reader.trail().tip().map(|tip| tip.number), Some(first.block.number));
}

#[tokio::test]
async fn a_request_that_is_none_is_told_and_stops_nothing() {
    let world = World::start(Mining::PerTransaction).await;
    let client = world.sender("client").await;
    let request = world.request(1).await.into_unverified();
    let mut broken = abi::ProofRequest::from(&request.request);
    broken.requirements.predicate.predicateType = 1;
    broken.requirements.predicate.data = vec![1, 2, 3].into();
    let arguments = (broken, request.signature.clone()).abi_encode_params();
    let call = Call::new(world.market.address(), [&hex!("df2e6706")[..], &arguments].concat());
    client.send_and_wait(call, SendOptions::default()).await.unwrap();
    let good = world.market.submit_request(&request, Wei::ZERO);
    client.send_and_wait(good, SendOptions::default()).await.unwrap();

    let items = catch_up(&mut feed(&world, Trail::default())).await;
    let [FeedItem::Event(_, malformed), FeedItem::Event(_, submitted)] = &items[..] else {
        panic!("{items:?}")
    };
    assert!(
        matches!(malformed, MarketEvent::Malformed { reason, .. } if reason.contains("PrefixMatch"))
    );
    assert_eq!(submitted, &MarketEvent::RequestSubmitted(Box::new(request)));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_fails_a_poll_and_ends_nothing() {
    let world = World::start(Mining::PerTransaction).await;
    let mut reader = feed(&world, Trail::default());
    catch_up(&mut reader).await;
    let trail = reader.trail().clone();
    world.devnet.stop().await.unwrap();
    for failures in 1..3 {
        let failed = reader.poll().await.unwrap_err();
        assert_eq!(failed.failures, failures);
    }
    assert_eq!(reader.trail(), &trail);
    assert!(trail.tip().unwrap().number >= BlockNumber(1));
}
