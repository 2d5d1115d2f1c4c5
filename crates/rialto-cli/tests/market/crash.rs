//! Kills the node with `kill -9` at every stage of a request's way and expects it to be paid in the
//! end.

use crate::world::{self, World};
use rialto_node::Event;

#[tokio::test]
async fn a_node_killed_at_every_stage_is_paid_in_the_end_slow() {
    let world = World::start().await;
    let request = world.submit(world.good_request(1).await).await;

    let mut node = world.start_node();
    node.until("the lock is mined", |event| matches!(event, Event::Locked { .. })).await;
    node.kill_9().await;

    let mut node = world.start_node();
    let mid_proof = |event: &Event| matches!(event, Event::Progress { .. });
    node.until("the proof is under way", mid_proof).await;
    node.kill_9().await;

    let mut node = world.start_node();
    node.until("the proof is kept", |event| matches!(event, Event::Proven { .. })).await;
    // No block from here on, so that the delivery stays in the mempool.
    world.stop_mining().await;
    node.kill_9().await;

    let mut node = world.start_node();
    world.until_a_transaction_is_pending().await;
    node.kill_9().await;
    world.resume_mining().await;

    let mut node = world.start_node();
    let closed =
        node.until("the order is closed", |event| matches!(event, Event::Closed { .. })).await;
    node.kill_9().await;

    let lock = world.market.lock_of(request.id).await.unwrap().unwrap();
    assert!(lock.paid_in_lock, "{lock:?}");
    assert_eq!(lock.prover, world.prover());
    let paid = world.market.balance_of(world.prover()).await.unwrap();
    assert!(paid >= request.offer.min_price && paid <= request.offer.max_price, "{paid}");
    assert!(
        matches!(closed, Event::Closed { outcome: rialto_node::Outcome::Paid { price }, .. } if price == paid),
        "{closed:?}"
    );
    let collateral = world.market.collateral_of(world.prover()).await.unwrap();
    assert_eq!(collateral, world::COLLATERAL, "all of it came back, and once only");
}
