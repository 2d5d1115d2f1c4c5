//! The chain of a run: simulated, or anvil with the contracts themselves.

use crate::world::{BLOCK, COLLATERAL, START, attester, block_on, key, milliether};
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::simulated::{Faults, Genesis, SimulatedChain};
use rialto_chain::{Call, LogPosition, Market, MarketEvent, Network};
use rialto_protocol::lifecycle::RequestState;
use rialto_protocol::{Collateral, RequestDigest, RequestId, Timestamp, Wei};
use std::time::Duration;

/// What everybody has in hand, and the client in the market.
pub(crate) const RICH: u64 = 1_000_000;

/// A chain whose clock and faults are the run's. What it says of itself is the truth, which its
/// faults do not touch.
pub(crate) trait Chain: Send + Sync {
    /// The deployment, with the endpoint that a node is given.
    fn network(&self) -> Network;
    /// The market, for those around the node.
    fn market(&self) -> Market;
    /// The process that must sleep too before a clock may move, if there is one.
    fn process_id(&self) -> Option<u32>;
    /// What goes wrong from now on.
    fn set_faults(&self, faults: Faults);
    /// What a unit of gas costs at least from the next block on, in wei.
    fn set_base_fee(&self, wei: u128);
    /// Lets time pass, and makes the blocks that are due.
    fn advance(&self, time: Duration);
    /// Sends `call` in the name of `who`, with the next nonce.
    fn act(&self, who: &PrivateKeySigner, call: &Call, tip_wei: u128);
    /// The chain's clock.
    fn now(&self) -> Timestamp;
    /// The market's events in the canonical blocks, oldest first.
    fn events(&self) -> Vec<(LogPosition, MarketEvent)>;
    /// Every request that was ever locked.
    fn locks(&self) -> Vec<KnownLock>;
    /// ETH and collateral that `account` has in the market, without what its locks hold.
    fn deposit_of(&self, account: Address) -> (Wei, Collateral);
}

/// A request that was locked, as the chain has it.
#[derive(Clone, Debug)]
pub(crate) struct KnownLock {
    pub(crate) id: RequestId,
    pub(crate) digest: RequestDigest,
    pub(crate) locker: Address,
    /// Whether the locker has delivered in time.
    pub(crate) is_paid: bool,
    /// Last second at which the locker is paid.
    pub(crate) lock_deadline: Timestamp,
    /// Last second at which a delivery counts.
    pub(crate) deadline: Timestamp,
}

/// A simulated chain on which client, prover and rival have what they need.
pub(crate) fn simulated() -> SimulatedChain {
    let genesis = Genesis { chain_id: 31_337, time: START, block_interval: BLOCK };
    let chain = SimulatedChain::start(genesis);
    let (rich, none) = (milliether(RICH), Wei::ZERO);
    chain.endow(key("client").address(), rich, (rich, Collateral::ZERO));
    chain.endow(key("prover").address(), rich, (none, COLLATERAL));
    chain.endow(key("rival").address(), rich, (none, COLLATERAL));
    chain
}

impl Chain for SimulatedChain {
    fn network(&self) -> Network {
        self.network(vec![attester()], 1)
    }

    fn market(&self) -> Market {
        let address = self.network(Vec::new(), 1).market;
        block_on(Market::connect(self.endpoint(), address)).unwrap()
    }

    fn process_id(&self) -> Option<u32> {
        None
    }

    fn set_faults(&self, faults: Faults) {
        self.set_faults(faults);
    }

    fn set_base_fee(&self, wei: u128) {
        self.set_base_fee(wei);
    }

    fn advance(&self, time: Duration) {
        self.advance(time);
    }

    fn act(&self, who: &PrivateKeySigner, call: &Call, tip_wei: u128) {
        self.act(who.address(), call, tip_wei);
    }

    fn now(&self) -> Timestamp {
        self.now()
    }

    fn events(&self) -> Vec<(LogPosition, MarketEvent)> {
        self.events()
    }

    fn locks(&self) -> Vec<KnownLock> {
        let requests = self.requests().into_iter();
        let locked = requests.filter(|request| request.locker != Address::ZERO);
        locked
            .map(|request| KnownLock {
                id: request.id,
                digest: request.digest,
                locker: request.locker,
                is_paid: matches!(request.state, RequestState::PaidInLock { .. }),
                lock_deadline: request.lock_deadline,
                deadline: request.deadline,
            })
            .collect()
    }

    fn deposit_of(&self, account: Address) -> (Wei, Collateral) {
        self.deposit_of(account)
    }
}
