//! `[price_oracle]` and its sources.

use crate::settings::behaviour::behaviours;
use crate::settings::planning::{new, plan, ready};
use crate::stage::{Change, Clock};
use crate::town::{Answer, Town, oracle, priced, prices};
use expect_test::expect;
use rialto_planner::example::World;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often sources are asked in five hundred seconds.
fn asked(change: &Change) -> String {
    let town = Arc::new(Town::open(prices));
    let (asked, change) = (town.clone(), change.clone());
    let clock = Clock::start(move || async move {
        let (_file, oracle) = oracle(&town, &change);
        oracle.run(CancellationToken::new(), drop).await;
    });
    (0..50).for_each(|_| clock.advance(Duration::from_secs(10)));
    (if asked.asked("simple/price") > 3 { "again and again" } else { "once" }).to_owned()
}

/// What is said of silent sources within ten seconds.
fn patience(change: &Change) -> String {
    let town = Town::open(|_| Answer::Silence);
    let troubles = Arc::<Mutex<Vec<String>>>::default();
    let (told, change) = (troubles.clone(), change.clone());
    let clock = Clock::start(move || async move {
        let report = move |trouble: rialto_node::prices::Trouble| {
            told.lock().unwrap().push(trouble.error.to_string());
        };
        let (_file, oracle) = oracle(&town, &change);
        oracle.run(CancellationToken::new(), report).await;
    });
    (0..10).for_each(|_| clock.advance(Duration::from_secs(1)));
    let troubles = troubles.lock().unwrap();
    troubles.first().cloned().unwrap_or("they are waited for".to_owned())
}

/// Only the source of the row is asked.
fn alone(change: &Change) -> String {
    let off = |section| (section, "enabled", "false");
    priced(&change.and(&[
        off("price_oracle.onchain.chainlink"),
        off("price_oracle.offchain.coingecko"),
        off("price_oracle.offchain.cmc"),
        off("price_oracle.offchain.coinbase"),
    ]))
}

behaviours! {
    "price_oracle";

    eth_usd ["\"1000\"", "\"500\""]
        |change: &_| plan(|| World::at(1_000, [ready()]))(&change.and(&[
            ("market", "min_mcycle_price", "\"0.00000000000001 USD\""),
        ])) => expect![[r#"
            "1000": 1: Wait { until: Timestamp(1020), why: Price }
            "500": 1: Wait { until: Timestamp(1040), why: Price }
        "#]];
    zkc_usd ["\"1\"", "\"2\""]
        |change: &_| plan(|| World::at(1_000, [new()]))(&change.and(&[
            ("market", "max_collateral", "\"0.00000000000000006 USD\""),
        ])) => expect![[r#"
            "1": 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
            "2": 1: Skip(CollateralAboveLimit { asked: Collateral(60), limit: Collateral(30) })
        "#]];
    refresh_interval_secs ["10", "3_600"] asked => expect![[r#"
        10: again and again
        3_600: once
    "#]];
    timeout_secs ["3", "60"] patience => expect![[r#"
        3: no complete answer within 3s
        60: they are waited for
    "#]];
    aggregation_mode ["\"median\"", "\"priority\"", "\"average\""] priced => expect![[r#"
        "median": ETH 20, ZKC 4
        "priority": ETH 10, ZKC 2
        "average": ETH 30, ZKC 4
    "#]];
    min_sources ["3", "4"] priced => expect![[r#"
        3: ETH 20, ZKC unknown
        4: ETH unknown, ZKC unknown
    "#]];
    max_secs_without_price_update ["50", "1_000"]
        |change: &_| alone(&change.and(&[("price_oracle.onchain.chainlink", "enabled", "true")]))
        => expect![[r#"
            50: ETH unknown, ZKC unknown
            1_000: ETH 10, ZKC unknown
        "#]];
}

pub(crate) mod chainlink {
    use super::*;

    behaviours! {
        "price_oracle.onchain.chainlink";

        enabled ["false", "true"] alone => expect![[r#"
            false: ETH unknown, ZKC unknown
            true: ETH 10, ZKC unknown
        "#]];
        rpc_url ["\"TOWN/here\"", "\"TOWN/elsewhere\""]
            |change: &_| alone(&change.and(&[("price_oracle.onchain.chainlink", "enabled", "true")]))
            => expect![[r#"
                "TOWN/here": ETH 10, ZKC unknown
                "TOWN/elsewhere": ETH 11, ZKC unknown
            "#]];
    }
}

pub(crate) mod coingecko {
    use super::*;

    behaviours! {
        "price_oracle.offchain.coingecko";

        enabled ["false", "true"] alone => expect![[r#"
            false: ETH unknown, ZKC unknown
            true: ETH 20, ZKC 2
        "#]];
        api_key ["\"usual\"", "\"better\""]
            |change: &_| alone(&change.and(&[("price_oracle.offchain.coingecko", "enabled", "true")]))
            => expect![[r#"
                "usual": ETH 20, ZKC 2
                "better": ETH 21, ZKC 2
            "#]];
    }
}

pub(crate) mod cmc {
    use super::*;

    behaviours! {
        "price_oracle.offchain.cmc";

        enabled ["false", "true"]
            |change: &_| alone(&change.and(&[("price_oracle.offchain.cmc", "api_key", "\"k3y\"")]))
            => expect![[r#"
                false: ETH unknown, ZKC unknown
                true: ETH 40, ZKC 4
            "#]];
        api_key ["\"wrong\"", "\"k3y\""]
            |change: &_| alone(&change.and(&[("price_oracle.offchain.cmc", "enabled", "true")]))
            => expect![[r#"
                "wrong": ETH unknown, ZKC unknown
                "k3y": ETH 40, ZKC 4
            "#]];
    }
}

pub(crate) mod coinbase {
    use super::*;

    behaviours! {
        "price_oracle.offchain.coinbase";

        enabled ["false", "true"] alone => expect![[r#"
            false: ETH unknown, ZKC unknown
            true: ETH 60, ZKC 6
        "#]];
    }
}
