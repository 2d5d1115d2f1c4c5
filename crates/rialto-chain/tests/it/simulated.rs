//! The simulated chain against the contracts themselves: whatever is done to both, they agree.

use crate::world::{World, address_of, attesters, batch, ether, key, quick, request, tokens};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use rialto_chain::devnet::Mining;
use rialto_chain::simulated::{Genesis, SimulatedChain};
use rialto_chain::{Call, Market, MarketEvent, Network, Receipt, SendError, SendOptions, Sender};
use rialto_protocol::{SignedRequest, Timestamp, commitment};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PEOPLE: [&str; 3] = ["client", "prover", "rival"];
/// When requests are made; every other second counts from here.
const START: u64 = 4_000_000_000;

/// A chain of either kind.
struct Side {
    network: Network,
    market: Market,
    chain: Chain,
    senders: BTreeMap<&'static str, Sender>,
}

enum Chain {
    Anvil(Box<World>),
    Simulated(SimulatedChain),
}

/// What somebody does, so many seconds after the start.
struct Deed {
    at_s: u64,
    by: &'static str,
    what: &'static str,
    call: fn(&Side) -> Call,
}

impl Side {
    async fn anvil() -> Self {
        let world = World::start(Mining::OnDemand).await;
        let network = world.devnet.network().clone();
        Self::new(network, world.market.clone(), Chain::Anvil(Box::new(world))).await
    }

    async fn simulated() -> Self {
        let chain = SimulatedChain::start(Genesis {
            chain_id: 31_337,
            time: Timestamp(START - 1_000),
            block_interval: Duration::from_secs(1),
        });
        for name in PEOPLE {
            chain.endow(address_of(name), ether(100), Default::default());
            chain.mint_tokens(address_of(name), tokens(100));
        }
        let network = chain.network(Vec::new(), 2);
        let market = Market::connect(chain.endpoint(), network.market).await.unwrap();
        Self::new(network, market, Chain::Simulated(chain)).await
    }

    async fn new(network: Network, market: Market, chain: Chain) -> Self {
        let mut senders = BTreeMap::new();
        for name in PEOPLE {
            let (endpoint, log) = (market.endpoint().clone(), Arc::new(()));
            let opened = Sender::open(endpoint, key(name), quick(), log).await.unwrap();
            tokio::spawn(opened.1.run());
            senders.insert(name, opened.0);
        }
        Self { network, market, chain, senders }
    }

    async fn mine_at(&self, at_s: u64) {
        match &self.chain {
            Chain::Simulated(chain) => chain.mine_at(Timestamp(START + at_s)),
            Chain::Anvil(world) => {
                let provider = world.endpoint().provider();
                provider.anvil_set_next_block_timestamp(START + at_s).await.unwrap();
                world.mine(1).await;
            }
        }
    }

    async fn is_waiting(&self, name: &str) -> bool {
        let provider = self.market.endpoint().provider();
        let mined = provider.get_transaction_count(address_of(name)).await.unwrap();
        provider.get_transaction_count(address_of(name)).pending().await.unwrap() > mined
    }

    /// Does one deed in a block of its own and says what came of it.
    async fn perform(&self, deed: &Deed) -> String {
        let options = SendOptions { gas_limit: Some(1_000_000), ..SendOptions::default() };
        let pending = self.senders[deed.by].send((deed.call)(self), options).await.unwrap();
        crate::world::until(async || self.is_waiting(deed.by).await).await;
        self.mine_at(deed.at_s).await;
        let outcome = match pending.outcome().await {
            Ok(receipt) => events(&receipt),
            Err(SendError::Reverted { reason, .. }) => format!("reverts: {reason}"),
            Err(other) => panic!("{}: {other}", deed.what),
        };
        format!("{:>3} s: {} {}: {outcome}\n{}", deed.at_s, deed.by, deed.what, self.books().await)
    }

    async fn books(&self) -> String {
        let mut lines = String::new();
        for name in PEOPLE {
            let account = address_of(name);
            let wei = self.market.balance_of(account).await.unwrap();
            let collateral = self.market.collateral_of(account).await.unwrap();
            let held = self.market.token_balance_of(account).await.unwrap();
            lines +=
                &format!("    {name:6} {wei} wei, {collateral} at the market, {held} in hand\n");
        }
        let locks = [1, 2, 3].map(|index| self.wanted(index).request().id);
        for id in locks {
            if let Some(lock) = self.market.lock_of(id).await.unwrap() {
                let flags = (lock.paid_in_lock, lock.paid_in_race, lock.slashed);
                let (price, stake) = (lock.price, lock.collateral);
                let delivered = self.market.is_fulfilled(id).await.unwrap();
                lines +=
                    &format!("    {id}: {} {price} {stake} {flags:?} {delivered}\n", lock.prover);
            }
        }
        lines
    }

    /// The price rises from 1 to 2 ETH until 100 s; locks hold until 200 s, requests until 400 s.
    fn wanted(&self, index: u32) -> SignedRequest {
        request(&self.market, Timestamp(START), index)
    }

    fn delivery(&self, index: u32, prover: &str) -> Call {
        let attesters = &attesters()[..2];
        self.market.fulfill(&[batch(&self.network, &self.wanted(index), &key(prover), attesters)])
    }

    fn announcement(&self, index: u32, prover: &str) -> Call {
        let attesters = &attesters()[..2];
        let batch = batch(&self.network, &self.wanted(index), &key(prover), attesters);
        self.market.commit_fulfillment(commitment(&[batch]))
    }

    fn pricing_delivery(&self, index: u32, prover: &str) -> Call {
        let attesters = &attesters()[..2];
        let wanted = self.wanted(index);
        let batch = batch(&self.network, &wanted, &key(prover), attesters);
        self.market.price_and_fulfill(&[wanted], &[batch])
    }
}

fn events(receipt: &Receipt) -> String {
    let told = receipt.logs.iter().map(|log| match MarketEvent::decode(&log.inner.data) {
        MarketEvent::PaymentFailed(reason) => format!("PaymentFailed({reason})"),
        MarketEvent::ProverSlashed { burned, transferred, .. } => {
            format!("ProverSlashed({burned}, {transferred})")
        }
        other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    });
    let told: Vec<String> = told.filter(|event| event != "Malformed").collect();
    format!("{told:?}")
}

const fn deed(at_s: u64, by: &'static str, what: &'static str, call: fn(&Side) -> Call) -> Deed {
    Deed { at_s, by, what, call }
}

const DEEDS: &[Deed] = &[
    deed(1, "client", "deposits", |side| side.market.deposit(ether(5))),
    deed(2, "client", "submits 1", |side| {
        side.market.submit_request(&side.wanted(1).into_unverified(), ether(1))
    }),
    deed(3, "prover", "locks 1 without collateral", |side| {
        side.market.lock_request(&side.wanted(1))
    }),
    deed(4, "prover", "deposits without allowance", |side| {
        side.market.deposit_collateral(tokens(25))
    }),
    deed(5, "prover", "approves", |side| side.market.approve_collateral(tokens(40))),
    deed(6, "prover", "deposits", |side| side.market.deposit_collateral(tokens(25))),
    deed(33, "prover", "locks 1", |side| side.market.lock_request(&side.wanted(1))),
    deed(34, "rival", "locks 1 too late", |side| side.market.lock_request(&side.wanted(1))),
    deed(35, "prover", "locks 2", |side| side.market.lock_request(&side.wanted(2))),
    deed(36, "prover", "locks 3 with too little", |side| side.market.lock_request(&side.wanted(3))),
    deed(40, "rival", "delivers 1 under the prover's lock", |side| side.delivery(1, "rival")),
    deed(41, "rival", "delivers 1 again", |side| side.delivery(1, "rival")),
    deed(42, "prover", "delivers 1", |side| side.delivery(1, "prover")),
    deed(43, "prover", "delivers 1 again", |side| side.delivery(1, "prover")),
    deed(44, "rival", "slashes what was paid", |side| {
        side.market.slash(side.wanted(1).request().id)
    }),
    deed(45, "rival", "slashes 2 too early", |side| side.market.slash(side.wanted(2).request().id)),
    deed(46, "rival", "slashes 3, never locked", |side| {
        side.market.slash(side.wanted(3).request().id)
    }),
    deed(47, "rival", "delivers 3, never locked", |side| side.delivery(3, "rival")),
    deed(120, "rival", "announces 3", |side| side.announcement(3, "rival")),
    deed(121, "rival", "prices and delivers 3", |side| side.pricing_delivery(3, "rival")),
    deed(122, "prover", "locks 3, delivered", |side| side.market.lock_request(&side.wanted(3))),
    deed(201, "rival", "delivers 2 unannounced", |side| side.delivery(2, "rival")),
    deed(202, "rival", "announces 2", |side| side.announcement(2, "rival")),
    deed(203, "rival", "delivers 2 in the race", |side| side.delivery(2, "rival")),
    deed(204, "prover", "announces 2", |side| side.announcement(2, "prover")),
    deed(205, "prover", "delivers 2 after the rival", |side| side.delivery(2, "prover")),
    deed(400, "rival", "slashes 2 in the last second", |side| {
        side.market.slash(side.wanted(2).request().id)
    }),
    deed(401, "rival", "slashes 2", |side| side.market.slash(side.wanted(2).request().id)),
    deed(402, "rival", "slashes 2 again", |side| side.market.slash(side.wanted(2).request().id)),
    deed(403, "prover", "announces 2 again", |side| side.announcement(2, "prover")),
    deed(404, "prover", "delivers 2, expired", |side| side.delivery(2, "prover")),
    deed(405, "prover", "withdraws ETH", |side| side.market.withdraw(ether(1))),
    deed(406, "prover", "withdraws too much", |side| side.market.withdraw(ether(9))),
    deed(407, "rival", "withdraws its reward", |side| side.market.withdraw_collateral(tokens(5))),
];

#[tokio::test]
async fn the_model_does_what_the_contracts_do() {
    let (anvil, simulated) = (Side::anvil().await, Side::simulated().await);
    for deed in DEEDS {
        let expected = anvil.perform(deed).await;
        assert_eq!(simulated.perform(deed).await, expected, "{}", deed.what);
    }
}
