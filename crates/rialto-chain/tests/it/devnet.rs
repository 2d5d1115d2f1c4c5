use crate::world::{World, address_of, config, ether, tokens};
use alloy::providers::Provider;
use rialto_chain::devnet::{Devnet, DevnetError, Mining};
use rialto_chain::{Market, Network};

#[tokio::test]
async fn a_devnet_is_deployed_funded_and_level_with_the_clock() {
    let world = World::start(Mining::OnDemand).await;
    let network = world.devnet.network();
    assert_eq!(world.market.router(), network.router);
    assert_eq!(world.market.collateral_token(), network.collateral_token);
    assert_eq!(world.market.domain(), network.market_domain());
    let head = world.endpoint().head().await.unwrap();
    assert!(head.block.number.0 <= 3, "a block each for deployment and funds: {head:?}");
    assert_eq!(world.endpoint().eth_balance(address_of("prover")).await.unwrap(), ether(100));
    assert_eq!(world.market.token_balance_of(address_of("prover")).await.unwrap(), tokens(100));
}

#[tokio::test]
async fn a_devnet_with_an_interval_makes_blocks_by_itself() {
    let world = World::start(Mining::Interval { seconds: 1 }).await;
    let before = world.endpoint().head().await.unwrap().block.number;
    crate::world::until(async || world.endpoint().head().await.unwrap().block.number > before)
        .await;
}

#[tokio::test]
async fn a_kept_chain_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || {
        let mut config = config(Mining::OnDemand);
        config.state = Some(folder.path().join("state"));
        config.log = Some(folder.path().join("anvil.log"));
        config
    };
    let first = Devnet::start(kept()).await.unwrap();
    let (network, head) = (first.network().clone(), first.endpoint().head().await.unwrap());
    first.stop().await.unwrap();

    let second = Devnet::start(kept()).await.unwrap();
    let moved = Network { rpc_url: network.rpc_url.clone(), ..second.network().clone() };
    assert_eq!(moved, network);
    assert!(second.endpoint().head().await.unwrap().block.number >= head.block.number);
    let market = Market::connect(second.endpoint().clone(), network.market).await.unwrap();
    assert_eq!(market.token_balance_of(address_of("client")).await.unwrap(), tokens(100));
    second.stop().await.unwrap();

    let mut other = kept();
    other.threshold = 1;
    let refused = Devnet::start(other).await.unwrap_err();
    assert!(matches!(refused, DevnetError::StateDiffers { what: "thresholds", .. }), "{refused}");
}

#[tokio::test]
async fn what_is_no_market_is_refused() {
    let world = World::start(Mining::OnDemand).await;
    let refused =
        Market::connect(world.endpoint().clone(), address_of("nobody")).await.unwrap_err();
    assert!(matches!(refused, rialto_chain::MarketError::NotAMarket { .. }), "{refused}");
    let token = world.market.collateral_token();
    let refused = Market::connect(world.endpoint().clone(), token).await.unwrap_err();
    assert!(matches!(refused, rialto_chain::MarketError::Reverted(_)), "{refused}");
    assert_eq!(world.endpoint().provider().get_chain_id().await.unwrap(), 31_337);
}
