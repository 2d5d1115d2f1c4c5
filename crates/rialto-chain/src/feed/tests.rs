//! The feed against a simulated chain that grows, forks and fails between any two of its calls.

use super::*;
use crate::bindings::Market as abi;
use alloy::primitives::{U256, keccak256};
use alloy::sol_types::SolEvent;
use async_trait::async_trait;
use futures::FutureExt;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

const MARKET: Address = Address::repeat_byte(0x4d);

/// What the chain does before it answers a call.
#[derive(Clone, Debug)]
enum Act {
    Nothing,
    Grow(usize),
    Fork { depth: usize, growth: usize },
    Fail,
}

#[derive(Clone, Debug)]
struct SimBlock {
    facts: BlockFacts,
    logs: Vec<Log>,
}

#[derive(Default)]
struct Sim {
    canonical: Vec<SimBlock>,
    /// Every block that ever was, so that a trail's tip can be followed back.
    all: HashMap<B256, SimBlock>,
    made: u64,
    script: VecDeque<Act>,
    refuses_above: Option<u64>,
    /// Newest blocks that the node which tells logs does not have.
    lags: usize,
    calls: usize,
}

#[derive(Clone, Default)]
struct SimChain(Arc<Mutex<Sim>>);

impl Sim {
    fn grow(&mut self) {
        self.made += 1;
        let number = BlockNumber(self.canonical.len() as u64);
        let parent = self.canonical.last().map_or(B256::ZERO, |block| block.facts.block.hash);
        let hash = keccak256(self.made.to_be_bytes());
        let block = BlockRef { number, hash };
        let timestamp = Timestamp(1_000 + self.made);
        let facts = BlockFacts { block, parent, timestamp, base_fee_wei: 0 };
        let log_count = if number.0 == 0 { 0 } else { (self.made * 7) % 3 };
        let logs = (0..log_count).map(|index| self.log(block, index)).collect();
        let made = SimBlock { facts, logs };
        self.all.insert(hash, made.clone());
        self.canonical.push(made);
    }

    /// A deposit whose amount no other log has. Every other one lacks the block's time, as with
    /// older endpoints.
    fn log(&self, block: BlockRef, index: u64) -> Log {
        let value = U256::from(self.made * 10 + index);
        let deposit = abi::Deposit { account: MARKET, value };
        Log {
            inner: alloy::primitives::Log { address: MARKET, data: deposit.encode_log_data() },
            block_hash: Some(block.hash),
            block_number: Some(block.number.0),
            block_timestamp: self.made.is_multiple_of(2).then_some(1_000 + self.made),
            log_index: Some(index),
            transaction_hash: Some(block.hash),
            ..Log::default()
        }
    }

    fn act(&mut self) -> Result<(), EndpointError> {
        self.calls += 1;
        match self.script.pop_front().unwrap_or(Act::Nothing) {
            Act::Nothing => {}
            Act::Grow(blocks) => (0..blocks).for_each(|_| self.grow()),
            Act::Fork { depth, growth } => {
                let kept = self.canonical.len().saturating_sub(depth).max(1);
                self.canonical.truncate(kept);
                (0..growth).for_each(|_| self.grow());
            }
            Act::Fail => return Err(error("connection reset")),
        }
        Ok(())
    }

    /// The deposits of the chain that ends in `tip`, oldest first.
    fn deposits_up_to(&self, tip: Option<BlockRef>) -> Vec<U256> {
        let mut values = Vec::new();
        let mut next = tip.map(|tip| tip.hash);
        while let Some(block) = next.and_then(|hash| self.all.get(&hash)) {
            values.extend(block.logs.iter().rev().map(value_of));
            next = Some(block.facts.parent);
        }
        values.reverse();
        values
    }
}

fn error(message: &str) -> EndpointError {
    EndpointError::answered(-32000, message)
}

fn value_of(log: &Log) -> U256 {
    abi::Deposit::decode_log(&log.inner).unwrap().data.value
}

#[async_trait]
impl LogSource for SimChain {
    async fn head(&self) -> Result<BlockFacts, EndpointError> {
        let mut sim = self.0.lock().unwrap();
        sim.act()?;
        Ok(sim.canonical.last().unwrap().facts)
    }

    async fn block_at(&self, number: BlockNumber) -> Result<Option<BlockFacts>, EndpointError> {
        let mut sim = self.0.lock().unwrap();
        sim.act()?;
        Ok(sim.canonical.get(number.0 as usize).map(|block| block.facts))
    }

    async fn logs(
        &self,
        _address: Address,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Log>, EndpointError> {
        let mut sim = self.0.lock().unwrap();
        sim.act()?;
        if sim.refuses_above.is_some_and(|most| to.0 - from.0 + 1 > most) {
            return Err(error("block range is too wide"));
        }
        let known = sim.canonical.len() - sim.lags;
        let chunk =
            sim.canonical[..known].iter().skip(from.0 as usize).take((to.0 - from.0 + 1) as usize);
        Ok(chunk.flat_map(|block| block.logs.clone()).collect())
    }

    async fn logs_of(&self, _address: Address, block: BlockRef) -> Result<Vec<Log>, EndpointError> {
        let mut sim = self.0.lock().unwrap();
        sim.act()?;
        let known = sim.canonical.len() - sim.lags;
        let found = sim.canonical[..known].iter().find(|it| it.facts.block == block);
        found.map(|block| block.logs.clone()).ok_or_else(|| error("unknown block"))
    }
}

/// What a consumer makes of the feed.
#[derive(Default)]
struct Consumer {
    held: Vec<(LogPosition, U256)>,
    rewinds: Vec<BlockNumber>,
}

impl Consumer {
    fn take(&mut self, items: Vec<FeedItem>) {
        for item in items {
            match item {
                FeedItem::Event(position, MarketEvent::Deposit { amount, .. }) => {
                    self.held.push((position, amount.0));
                }
                FeedItem::Event(_, other) => panic!("the simulation has deposits only: {other:?}"),
                FeedItem::Rewound { to } => {
                    self.held.retain(|(position, _)| position.block.number <= to);
                    self.rewinds.push(to);
                }
            }
        }
    }

    fn values(&self) -> Vec<U256> {
        self.held.iter().map(|(_, value)| *value).collect()
    }
}

fn chain(blocks: usize) -> SimChain {
    let chain = SimChain::default();
    (0..blocks).for_each(|_| chain.0.lock().unwrap().grow());
    chain
}

fn feed(chain: &SimChain, config: FeedConfig, trail: Trail) -> EventFeed<SimChain> {
    EventFeed::new(chain.clone(), MARKET, config, trail)
}

fn poll(feed: &mut EventFeed<SimChain>) -> Result<Vec<FeedItem>, FeedError> {
    feed.poll().now_or_never().expect("the simulation answers at once")
}

/// Polls until the feed has read everything.
fn catch_up(feed: &mut EventFeed<SimChain>, consumer: &mut Consumer) {
    for _ in 0..1_000 {
        consumer.take(poll(feed).unwrap());
        if !feed.is_behind() {
            return;
        }
    }
    panic!("the feed never catches up");
}

fn whole_chain() -> FeedConfig {
    FeedConfig {
        look_back_blocks: u64::MAX,
        chunk_blocks_max: 5,
        lag_blocks: 3,
        trail_blocks: 4,
        ..FeedConfig::default()
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let quiet = prop_oneof![
        6 => Just(Act::Nothing),
        3 => (1usize..4).prop_map(Act::Grow),
        1 => Just(Act::Fail),
    ];
    let fork = (0usize..9, 0usize..9).prop_map(|(depth, growth)| Act::Fork { depth, growth });
    // One poll sees at most one fork; see the module's invariants.
    (prop::collection::vec(quiet, 0..7), prop::option::of((0usize..7, fork))).prop_map(
        |(mut acts, fork)| {
            if let Some((at, fork)) = fork {
                acts.insert(at.min(acts.len()), fork);
            }
            acts
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_the_chain_does_the_consumer_holds_one_chains_events(
        polls in prop::collection::vec((acts(), any::<bool>()), 1..40),
        confirmations in 0u64..3,
        refuses_above in prop::option::of(1u64..5),
    ) {
        let chain = chain(12);
        chain.0.lock().unwrap().refuses_above = refuses_above;
        let config = FeedConfig { confirmations, ..whole_chain() };
        let mut feed = feed(&chain, config.clone(), Trail::default());
        let mut consumer = Consumer::default();
        for (acts, restart) in polls {
            chain.0.lock().unwrap().script = acts.into();
            if let Ok(items) = poll(&mut feed) {
                consumer.take(items);
            }
            chain.0.lock().unwrap().script.clear();
            let tip = feed.trail().tip();
            if tip.is_some() {
                prop_assert_eq!(consumer.values(), chain.0.lock().unwrap().deposits_up_to(tip));
            }
            if restart {
                let kept = serde_json::to_string(feed.trail()).unwrap();
                feed = EventFeed::new(chain.clone(), MARKET, config.clone(), serde_json::from_str(&kept).unwrap());
            }
        }
        // The chain calms down and outgrows whatever it was: the feed ends up with all of it.
        let tallest = feed.trail().tip().map_or(0, |tip| tip.number.0) as usize;
        while chain.0.lock().unwrap().canonical.len() < tallest + 12 {
            chain.0.lock().unwrap().grow();
        }
        catch_up(&mut feed, &mut consumer);
        let sim = chain.0.lock().unwrap();
        let newest = sim.canonical.len() - 1 - confirmations as usize;
        prop_assert_eq!(feed.trail().tip(), Some(sim.canonical[newest].facts.block));
        prop_assert_eq!(consumer.values(), sim.deposits_up_to(feed.trail().tip()));
        for (position, _) in &consumer.held {
            let block = &sim.all[&position.block.hash];
            prop_assert_eq!(position.timestamp, block.facts.timestamp);
        }
    }
}

#[test]
fn a_feed_without_trail_looks_back_but_not_below_the_floor() {
    let chain = chain(30);
    for (look_back_blocks, floor, first) in [(5, 0, 24), (100, 0, 0), (100, 20, 20), (5, 28, 28)] {
        let config =
            FeedConfig { look_back_blocks, floor: BlockNumber(floor), ..FeedConfig::default() };
        let mut consumer = Consumer::default();
        catch_up(&mut feed(&chain, config, Trail::default()), &mut consumer);
        let sim = chain.0.lock().unwrap();
        let expected: Vec<U256> = sim.canonical[first..]
            .iter()
            .flat_map(|block| block.logs.iter().map(value_of))
            .collect();
        assert_eq!(consumer.values(), expected);
    }
}

#[test]
fn a_reorg_deeper_than_the_trail_starts_over() {
    let chain = chain(40);
    let config = FeedConfig {
        look_back_blocks: 10,
        chunk_blocks_max: 1,
        trail_blocks: 3,
        ..FeedConfig::default()
    };
    let mut consumer = Consumer::default();
    let mut feed = feed(&chain, config, Trail::default());
    catch_up(&mut feed, &mut consumer);
    chain.0.lock().unwrap().script = [Act::Fork { depth: 8, growth: 12 }].into();
    catch_up(&mut feed, &mut consumer);
    // The trail was 37, 38, 39.
    assert_eq!(consumer.rewinds, [BlockNumber(27)]);
    let sim = chain.0.lock().unwrap();
    let expected: Vec<U256> =
        sim.canonical[28..].iter().flat_map(|block| block.logs.iter().map(value_of)).collect();
    assert_eq!(consumer.values(), expected);
}

#[test]
fn an_endpoint_that_lags_behind_rewinds_nothing() {
    let chain = chain(20);
    let mut consumer = Consumer::default();
    let mut feed = feed(&chain, FeedConfig::default(), Trail::default());
    catch_up(&mut feed, &mut consumer);
    let lagging = chain.0.lock().unwrap().canonical.split_off(15);
    catch_up(&mut feed, &mut consumer);
    assert_eq!(consumer.rewinds, []);
    chain.0.lock().unwrap().canonical.extend(lagging);
    catch_up(&mut feed, &mut consumer);
    assert_eq!(consumer.rewinds, []);
    let sim = chain.0.lock().unwrap();
    assert_eq!(consumer.values(), sim.deposits_up_to(feed.trail().tip()));
}

#[test]
fn logs_of_a_node_that_lags_are_not_taken_for_all() {
    let chain = chain(40);
    let mut consumer = Consumer::default();
    let mut feed = feed(&chain, FeedConfig::default(), Trail::default());
    chain.0.lock().unwrap().lags = 10;
    for _ in 0..20 {
        consumer.take(poll(&mut feed).unwrap_or_default());
    }
    assert_eq!(feed.trail().tip().unwrap().number, BlockNumber(29));
    chain.0.lock().unwrap().lags = 0;
    catch_up(&mut feed, &mut consumer);
    assert_eq!(consumer.values(), chain.0.lock().unwrap().deposits_up_to(feed.trail().tip()));
}

#[test]
fn failures_change_nothing_and_ask_for_patience() {
    let chain = chain(20);
    let mut feed = feed(&chain, FeedConfig::default(), Trail::default());
    let waits: Vec<u128> = (0..9)
        .map(|_| {
            chain.0.lock().unwrap().script = [Act::Fail].into();
            poll(&mut feed).unwrap_err().retry_after.as_millis()
        })
        .collect();
    assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000]);
    assert_eq!(feed.trail(), &Trail::default());
    let mut consumer = Consumer::default();
    catch_up(&mut feed, &mut consumer);
    assert_eq!(consumer.values(), chain.0.lock().unwrap().deposits_up_to(feed.trail().tip()));
}

#[test]
fn a_new_block_costs_two_calls_and_none_costs_one() {
    let chain = chain(20);
    let mut feed = feed(&chain, FeedConfig::default(), Trail::default());
    catch_up(&mut feed, &mut Consumer::default());
    let mut calls = |grow: usize| {
        let before = chain.0.lock().unwrap().calls;
        (0..grow).for_each(|_| chain.0.lock().unwrap().grow());
        chain.0.lock().unwrap().canonical.last_mut().unwrap().logs.clear();
        poll(&mut feed).unwrap();
        chain.0.lock().unwrap().calls - before
    };
    assert_eq!(calls(1), 2);
    assert_eq!(calls(0), 1);
}
