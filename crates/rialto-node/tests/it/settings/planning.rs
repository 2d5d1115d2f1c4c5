//! What a plan makes of a setting: the file's text becomes a policy, and the policy a plan for orders
//! of a few wei.

use crate::stage::Change;
use crate::town::{Answer, Town, block_on};
use alloy::primitives::Address;
use rialto_node::Settings;
use rialto_node::prices::Prices;
use rialto_node::requestor_lists::{ListKeeper, merge};
use rialto_planner::example::{CLIENT, ME, World, named, proven, run, tried};
use rialto_planner::{Hand, Order, Preflight, ProverHealth, Requestors, Standing, Step, appraise};
use rialto_protocol::{Cycles, Journal, RequestId, Timestamp, Wei, registry};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Amounts as small as the example's, and nothing in the way.
pub(crate) const BASE: &str = r#"
[market]
min_mcycle_price = "10 wei"
min_mcycle_price_collateral_token = "10 raw"
expected_probability_win_secondary_fulfillment = 100
max_collateral = "100 raw"
min_deadline = 20
max_mcycle_limit = 100
max_journal_bytes = 100
max_concurrent_proofs = 2
lockin_gas_estimate = 1
fulfill_gas_estimate = 1
commit_fulfillment_gas_estimate = 1
groth16_verify_gas_estimate = 0
fulfill_journal_gas_per_byte = 0
order_pricing_priority = "observation_time"
order_commitment_priority = "price"
cancel_proving_expired_orders = true
[price_oracle]
eth_usd = "1000"
zkc_usd = "1"
[batcher]
min_batch_size = 9
block_deadline_buffer_secs = 20
"#;

/// The chain of the requests.
pub(crate) const CHAIN: u64 = 1;

/// What the plan for a world becomes with each value.
pub(crate) fn plan(world: impl Fn() -> World) -> impl Fn(&Change) -> String {
    move |change| {
        let settings = change.over(BASE);
        let requestors = merge(&settings.market, &HashMap::new(), CHAIN);
        let prices = Prices::fixed(&settings.price_oracle, Timestamp(0));
        planned(world(), &settings, &prices, requestors)
    }
}

/// The same with what is known of prices and requestors.
pub(crate) fn planned(
    world: World,
    settings: &Settings,
    prices: &Prices,
    requestors: Requestors,
) -> String {
    let world = World { policy: settings.policy(prices, Arc::new(requestors)), ..world };
    let shown = world.show();
    let (steps, _load) = shown.trim_end().rsplit_once('\n').unwrap();
    steps.lines().collect::<Vec<_>>().join("; ")
}

/// What judgement says of a request whose program has run.
pub(crate) fn judged(run: Preflight) -> impl Fn(&Change) -> String {
    move |change| {
        let settings = change.over(BASE);
        let prices = Prices::fixed(&settings.price_oracle, Timestamp(0));
        let policy = settings.policy(&prices, Arc::default());
        let world = World::at(1_000, [named(1, tried())]);
        match appraise(&world.orders[0].request, &run, &policy, &world.market) {
            Ok(worth) => format!("{:?}", worth.lock),
            Err(refusal) => format!("{refusal:?}"),
        }
    }
}

/// The example's run with another journal.
pub(crate) fn telling(bytes: usize) -> Preflight {
    Preflight { journal: Journal(vec![1; bytes].into()), ..run() }
}

/// In which order four requests get the only place that there is. They differ in price, deadline, work
/// and time of sight.
pub(crate) fn ranking(
    standing: fn(u64) -> Standing,
    now: u64,
    got: fn(&Step) -> bool,
) -> impl Fn(&Change) -> String {
    move |change| {
        let settings = change.over(&BASE.replace(
            "max_concurrent_proofs = 2",
            "max_concurrent_proofs = 1\nmax_concurrent_preflights = 1",
        ));
        let prices = Prices::fixed(&settings.price_oracle, Timestamp(0));
        let one = |name: u8, price: u128, lock_timeout: u32, mcycles: u64, seen_at_ms: u64| {
            let mut order = named(name, standing(mcycles));
            order.request.offer.max_price = Wei::from(price);
            order.request.offer.lock_timeout = lock_timeout;
            Order { seen_at_ms, ..order }
        };
        let orders = [
            one(1, 200, 220, 4, 2),
            one(2, 180, 280, 2, 1),
            one(3, 400, 225, 5, 4),
            one(4, 300, 290, 9, 3),
        ];
        let policy = settings.policy(&prices, Arc::default());
        let mut world = World { policy, ..World::at(now, orders) };
        let mut names = String::new();
        while let Some(i) = world.plan().steps.iter().position(got) {
            names += &world.orders.remove(i).digest.0[0].to_string();
        }
        names
    }
}

/// An order whose program ran for so many millions of cycles.
pub(crate) fn of_mcycles(mcycles: u64) -> Standing {
    Standing::Run(Preflight { cycles: Cycles(mcycles * 1_000_000), ..run() })
}

/// A request whose program has not run.
pub(crate) fn new() -> Order {
    named(1, Standing::Seen)
}

/// A request whose program has run.
pub(crate) fn ready() -> Order {
    named(1, tried())
}

/// The same for a verifier that is asked for by name.
pub(crate) fn by_itself() -> Order {
    let mut order = ready();
    order.request.requirements.selector = registry::ATTESTED_VERIFIER;
    order
}

/// The same where gas costs a wei.
pub(crate) fn with_gas(world: World) -> World {
    let mut world = world;
    world.market.gas_price = Wei::from(1);
    world
}

/// A proof in the making of a request that somebody else has delivered.
pub(crate) fn in_vain() -> World {
    let rival = rialto_planner::example::RIVAL;
    let lost = ready().locked(rival, 1_030).delivered(rival, 1_212);
    World::at(1_215, [lost]).hand(1, Hand::Proving { left: None })
}

/// So many failures in a row, the last of them ten seconds ago.
pub(crate) fn failing(failures_in_a_row: u32) -> World {
    let last_failure = Some(Timestamp(1_080));
    let health = ProverHealth { failures_in_a_row, last_failure, is_out: false };
    World { health, ..World::at(1_090, [ready()]) }
}

/// Two proofs under locks of ours, and a third that is being made.
pub(crate) fn waiting_at(now: u64) -> World {
    let done = |name| {
        let mut order = named(name, proven()).locked(ME, 1_040);
        if let Standing::Proven(run, _) = &mut order.standing {
            run.journal = Journal(vec![1; 30].into());
        }
        order
    };
    let coming = named(9, tried()).locked(ME, 1_040);
    World::at(now, [done(1), done(2), coming]).hand(9, Hand::Proving { left: None })
}

/// The second request of another client, besides the example's.
pub(crate) fn two_clients() -> World {
    let mut other = named(2, Standing::Seen);
    other.request.id = RequestId::new(Address::repeat_byte(0xc2), 1);
    assert_ne!(other.request.id.client(), CLIENT);
    World::at(1_000, [new(), other])
}

/// What judgement says of a long journal where gas costs a wei.
pub(crate) fn judged_with_gas(change: &Change) -> String {
    let settings = change.over(BASE);
    let policy =
        settings.policy(&Prices::fixed(&settings.price_oracle, Timestamp(0)), Arc::default());
    let world = with_gas(World::at(1_000, [ready()]));
    format!(
        "{:?}",
        appraise(&world.orders[0].request, &telling(50), &policy, &world.market).unwrap().lock
    )
}

/// The plan for a world with what lists at `TOWN/ADDRESS` say; each names one requestor, by the byte
/// that its address repeats.
pub(crate) fn listed(world: impl Fn() -> World) -> impl Fn(&Change) -> String {
    move |change| {
        let town = Town::open(|question| {
            let byte = u8::from_str_radix(&question.uri[1..], 16).unwrap();
            let address = Address::repeat_byte(byte);
            Answer::Says(
                json!({
                    "name": "A list", "description": "One of them",
                    "schemaVersion": { "major": 1, "minor": 0 },
                    "version": { "major": 1, "minor": 0 },
                    "requestors": [{ "address": address, "chainId": CHAIN, "name": "one" }],
                })
                .to_string(),
            )
        });
        let settings = Arc::new(change.with("TOWN", &town.url).over(BASE));
        let dir = tempfile::tempdir().unwrap();
        let file = watch::channel(settings.clone()).1;
        let mut lists = ListKeeper::new(file, None, CHAIN, dir.path().into()).unwrap();
        assert!(block_on(lists.refresh()).is_empty());
        let requestors = Requestors::clone(&lists.subscribe().borrow());
        planned(
            world(),
            &settings,
            &Prices::fixed(&settings.price_oracle, Timestamp(0)),
            requestors,
        )
    }
}
