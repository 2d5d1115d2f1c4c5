//! `[market]`

use crate::settings::behaviour::behaviours;
use crate::settings::planning::{
    by_itself, failing, in_vain, judged, judged_with_gas, listed, new, of_mcycles, plan, ranking,
    ready, telling, two_clients, with_gas,
};
use crate::stage::{Line, Script, Stage, acted};
use crate::town::fetched;
use expect_test::expect;
use rialto_planner::example::{RIVAL, World, named, run, tried};
use rialto_planner::{Standing, Step};

/// A limit that priority requestors may exceed.
const SHORT: &[Line] = &[("market", "max_mcycle_limit", "5")];
const PRIVATE: &[Line] = &[("artifacts", "allow_private_hosts", "true")];

/// Whether the program of a request is run, or why not.
fn judgement(stage: &mut Stage) -> String {
    stage.play((600, 900), 15);
    stage.first(&["priced", "skipped"])
}

fn balances(stage: &mut Stage) -> String {
    stage.play((600, 900), 5);
    stage.balances()
}

fn lock_gas_price(stage: &mut Stage) -> String {
    stage.play((600, 900), 20);
    stage.lock_gas_price()
}

behaviours! {
    "market";

    min_mcycle_price ["\"10 wei\"", "\"40 wei\""]
        plan(|| World::at(1_000, [ready()])) => expect![[r#"
            "10 wei": 1: Wait { until: Timestamp(1020), why: Price }
            "40 wei": 1: Wait { until: Timestamp(1080), why: Price }
        "#]];
    min_mcycle_price_collateral_token ["\"15 raw\"", "\"16 raw\""]
        plan(|| World::at(1_210, [ready().locked(RIVAL, 1_030)])) => expect![[r#"
            "15 raw": 1: Prove { deadline: Timestamp(1300) }
            "16 raw": 1: Skip(RaceBelowFloor { reward_per_mcycle: Collateral(15), floor: Collateral(16) })
        "#]];
    pricing_overrides [
        "{}",
        "{ by_requestor = { \"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1\" = \"20 wei\" } }",
        "{ by_proof_type = { \"0x00000000\" = \"30 wei\" } }",
        "{ by_requestor_proof_type = { \"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1:0x00000000\" = \"40 wei\" } }",
    ] plan(|| World::at(1_000, [ready()])) => expect![[r#"
        {}: 1: Wait { until: Timestamp(1020), why: Price }
        { by_requestor = { "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1" = "20 wei" } }: 1: Wait { until: Timestamp(1040), why: Price }
        { by_proof_type = { "0x00000000" = "30 wei" } }: 1: Wait { until: Timestamp(1060), why: Price }
        { by_requestor_proof_type = { "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1:0x00000000" = "40 wei" } }: 1: Wait { until: Timestamp(1080), why: Price }
    "#]];
    expected_probability_win_secondary_fulfillment ["50", "100"]
        plan(|| World::at(1_210, [ready().locked(RIVAL, 1_030)])) => expect![[r#"
            50: 1: Skip(RaceBelowFloor { reward_per_mcycle: Collateral(7), floor: Collateral(10) })
            100: 1: Prove { deadline: Timestamp(1300) }
        "#]];
    max_collateral ["\"59 raw\"", "\"60 raw\""]
        plan(|| World::at(1_000, [new()])) => expect![[r#"
            "59 raw": 1: Skip(CollateralAboveLimit { asked: Collateral(60), limit: Collateral(59) })
            "60 raw": 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        "#]];
    max_stake_at_risk ["\"60 raw\"", "\"120 raw\""]
        plan(|| World::at(1_090, [ready(), named(2, tried())])) => expect![[r#"
            "60 raw": 1: Lock { price: Wei(90) }; 2: Wait { until: Timestamp(1091), why: Risk }
            "120 raw": 1: Lock { price: Wei(90) }; 2: Lock { price: Wei(90) }
        "#]];
    breaker_failures ["2", "3"] plan(|| failing(2)) => expect![[r#"
        2: 1: Wait { until: Timestamp(1140), why: Breaker }
        3: 1: Lock { price: Wei(90) }
    "#]];
    breaker_rest_secs ["10", "60"] plan(|| failing(2)) => expect![[r#"
        10: 1: Lock { price: Wei(90) }
        60: 1: Wait { until: Timestamp(1140), why: Breaker }
    "#]];
    listen_only ["false", "true"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 15);
            stage.first(&["priced", "locking", "held"])
        }) => expect![[r#"
            false: priced, locking
            true: priced, held
        "#]];
    max_mcycle_limit ["5", "100"] plan(|| World::at(1_000, [new()])) => expect![[r#"
        5: 1: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 })
        100: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
    "#]];
    min_mcycle_limit ["2", "3"] judged(run()) => expect![[r#"
        2: Ok(Bid { target_price: Wei(20), lock_at: Timestamp(1020) })
        3: Skip(TooFewCycles { cycles: Cycles(2000000), limit: Cycles(3000000) })
    "#]];
    additional_proof_cycles ["0", "1_000_000"]
        plan(|| World::at(1_000, [ready()])) => expect![[r#"
            0: 1: Wait { until: Timestamp(1020), why: Price }
            1_000_000: 1: Wait { until: Timestamp(1030), why: Price }
        "#]];
    max_journal_bytes ["50", "51"] judged(telling(51)) => expect![[r#"
        50: Skip(JournalTooLong { bytes: 51, limit: 50 })
        51: Ok(Bid { target_price: Wei(20), lock_at: Timestamp(1020) })
    "#]];
    min_deadline ["200", "201"] plan(|| World::at(1_000, [new()])) => expect![[r#"
        200: 1: Preflight(Budget { cycles_max: Cycles(0), limited_by: Deadline, journal_bytes_max: 100 })
        201: 1: Skip(TooLittleTime { left_s: 200, needed_s: 201 })
    "#]];
    max_order_expiry_secs ["299", "300"] plan(|| World::at(1_000, [new()])) => expect![[r#"
        299: 1: Skip(ExpiresTooLate { expires_in_s: 300, limit_s: 299 })
        300: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
    "#]];
    max_commitment_duration_secs ["39", "40"]
        plan(|| World::at(1_090, [ready(), named(2, tried())])) => expect![[r#"
            39: 1: Lock { price: Wei(90) }; 2: Wait { until: Timestamp(1091), why: Capacity }
            40: 1: Lock { price: Wei(90) }; 2: Lock { price: Wei(90) }
        "#]];
    peak_prove_khz ["20", "40"] plan(|| World::at(1_090, [ready()])) => expect![[r#"
        20: 1: Skip(TooLittleTime { left_s: 110, needed_s: 120 })
        40: 1: Lock { price: Wei(90) }
    "#]];
    max_concurrent_proofs ["1", "2"]
        plan(|| World::at(1_090, [ready(), named(2, tried())])) => expect![[r#"
            1: 1: Lock { price: Wei(90) }; 2: Wait { until: Timestamp(1091), why: Capacity }
            2: 1: Lock { price: Wei(90) }; 2: Lock { price: Wei(90) }
        "#]];
    max_concurrent_preflights ["1", "2"]
        plan(|| World::at(1_000, [new(), named(2, Standing::Seen)])) => expect![[r#"
            1: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Wait { until: Timestamp(1001), why: Turn }
            2: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        "#]];
    order_pricing_priority [
        "\"observation_time\"", "\"shortest_expiry\"", "\"cycle_price\"", "\"random\"",
    ] ranking(|_| Standing::Seen, 1_000, |step| matches!(step, Step::Preflight(_))) => expect![[r#"
        "observation_time": 2143
        "shortest_expiry": 1324
        "cycle_price": 3412
        "random": 4213
    "#]];
    order_commitment_priority [
        "\"shortest_expiry\"", "\"price\"", "\"cycle_price\"", "\"tightest_deadline\"", "\"random\"",
    ] ranking(of_mcycles, 1_100, |step| matches!(step, Step::Lock { .. })) => expect![[r#"
        "shortest_expiry": 1324
        "price": 3412
        "cycle_price": 2314
        "tightest_deadline": 3142
        "random": 4213
    "#]];
    cancel_proving_expired_orders ["false", "true"] plan(in_vain) => expect![[r#"
        false: 1: Done(TakenByOther)
        true: 1: Done(TakenByOther); cancel 1
    "#]];
    priority_requestor_addresses ["[]", "[\"0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2\"]"]
        |change: &_| plan(two_clients)(&change.and(SHORT)) => expect![[r#"
            []: 1: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 })
            ["0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"]: 1: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        "#]];
    priority_requestor_lists ["[]", "[\"TOWN/c2\"]"] |change: &_| listed(two_clients)(&change.and(SHORT)) => expect![[r#"
        []: 1: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 })
        ["TOWN/c2"]: 1: Preflight(Budget { cycles_max: Cycles(5000000), limited_by: Setting, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
    "#]];
    allow_client_addresses [
        "[\"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1\"]",
        "[\"0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2\"]",
    ] plan(two_clients) => expect![[r#"
        ["0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"]: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Skip(RequestorNotAllowed { client: 0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2 })
        ["0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"]: 1: Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
    "#]];
    allow_requestor_lists ["[\"TOWN/c1\"]", "[\"TOWN/c2\"]"] listed(two_clients) => expect![[r#"
        ["TOWN/c1"]: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Skip(RequestorNotAllowed { client: 0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2 })
        ["TOWN/c2"]: 1: Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
    "#]];
    deny_requestor_addresses ["[]", "[\"0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2\"]"]
        plan(two_clients) => expect![[r#"
            []: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
            ["0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"]: 1: Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 }); 2: Skip(RequestorDenied { client: 0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2 })
        "#]];
    lookback_blocks ["10", "200"]
        acted(&[], Script::WELL, |stage| {
            stage.submit(3_000, 4_000);
            stage.pass(120);
            stage.start();
            stage.pass(10);
            stage.first(&["seen"])
        }) => expect![[r#"
            10: nothing
            200: seen
        "#]];
    events_poll_blocks ["1", "2_000"]
        acted(&[], Script::WELL, |stage| {
            stage.pass(400);
            stage.start();
            stage.pass(5);
            let questions = stage.chain.questions()["eth_getLogs"];
            (if questions > 150 { "one block at a time" } else { "many blocks at once" }).to_owned()
        }) => expect![[r#"
            1: one block at a time
            2_000: many blocks at once
        "#]];
    events_poll_ms ["500", "3_600_000"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 30);
            stage.first(&["seen"])
        }) => expect![[r#"
            500: seen
            3_600_000: nothing
        "#]];
    max_file_size ["6", "7"]
        acted(&[], Script::WELL, judgement) => expect![[r#"
            6: skipped
            7: priced
        "#]];
    max_fetch_retries ["1", "2"]
        |change: &_| fetched("TOWN/shaky")(&change.and(PRIVATE))
        => expect![[r#"
            1: TOWN/shaky: the server is failing: status 502, 2 times
            2: a program, cached in fetched
        "#]];
    cache_dir ["\"DIR/fetched\"", "\"DIR/elsewhere\""]
        |change: &_| fetched("TOWN/program")(&change.and(PRIVATE))
        => expect![[r#"
            "DIR/fetched": a program, cached in fetched
            "DIR/elsewhere": a program, cached in elsewhere
        "#]];
    gas_priority_mode [
        "\"low\"", "\"medium\"", "\"high\"", "{ custom = { min_priority_fee_wei = 500_000_000 } }",
    ] acted(&[], Script::WELL, lock_gas_price) => expect![[r#"
        "low": 1070000000 wei
        "medium": 1080000000 wei
        "high": 1100000000 wei
        { custom = { min_priority_fee_wei = 500_000_000 } }: 1500000000 wei
    "#]];
    gas_estimation_priority_mode ["\"low\"", "\"high\""]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 15);
            stage.target_price()
        }) => expect![[r#"
            "low": 477110240000001 wei
            "high": 486112320000001 wei
        "#]];
    lockin_priority_gas ["0", "700_000_000"]
        acted(&[], Script::WELL, lock_gas_price) => expect![[r#"
            0: 1080000000 wei
            700_000_000: 1780000000 wei
        "#]];
    lockin_gas_estimate ["1", "11"]
        plan(|| with_gas(World::at(1_000, [ready()]))) => expect![[r#"
            1: 1: Wait { until: Timestamp(1022), why: Price }
            11: 1: Wait { until: Timestamp(1032), why: Price }
        "#]];
    fulfill_gas_estimate ["1", "11"]
        plan(|| with_gas(World::at(1_000, [ready()]))) => expect![[r#"
            1: 1: Wait { until: Timestamp(1022), why: Price }
            11: 1: Wait { until: Timestamp(1032), why: Price }
        "#]];
    commit_fulfillment_gas_estimate ["1", "11"]
        plan(|| {
            let mut world = with_gas(World::at(1_210, [ready().locked(RIVAL, 1_030)]));
            world.market.token_price = Some(rialto_protocol::Wei::from(1_000_000_000_000_000_000));
            world
        }) => expect![[r#"
            1: 1: Prove { deadline: Timestamp(1300) }
            11: 1: Skip(RaceBelowFloor { reward_per_mcycle: Collateral(9), floor: Collateral(10) })
        "#]];
    fulfill_journal_gas_per_byte ["0", "1"]
        judged_with_gas => expect![[r#"
            0: Ok(Bid { target_price: Wei(22), lock_at: Timestamp(1022) })
            1: Ok(Bid { target_price: Wei(72), lock_at: Timestamp(1072) })
        "#]];
    groth16_verify_gas_estimate ["0", "10"]
        plan(|| with_gas(World::at(1_000, [by_itself()]))) => expect![[r#"
            0: 1: Wait { until: Timestamp(1022), why: Price }
            10: 1: Wait { until: Timestamp(1032), why: Price }
        "#]];
    skip_gas_profitability_check ["false", "true"]
        plan(|| with_gas(World::at(1_000, [ready()]))) => expect![[r#"
            false: 1: Wait { until: Timestamp(1022), why: Price }
            true: 1: Wait { until: Timestamp(1020), why: Price }
        "#]];
    balance_warn_threshold ["\"1 ETH\"", "\"2000 ETH\""]
        acted(&[], Script::WELL, balances) => expect![[r#"
            "1 ETH": nothing is told
            "2000 ETH": Native: Warn
        "#]];
    balance_error_threshold ["\"1 ETH\"", "\"2000 ETH\""]
        acted(&[], Script::WELL, balances) => expect![[r#"
            "1 ETH": nothing is told
            "2000 ETH": Native: Error
        "#]];
    collateral_balance_warn_threshold ["\"1 ZKC\"", "\"20000 ZKC\""]
        acted(&[], Script::WELL, balances) => expect![[r#"
            "1 ZKC": nothing is told
            "20000 ZKC": Collateral: Warn
        "#]];
    collateral_balance_error_threshold ["\"1 ZKC\"", "\"20000 ZKC\""]
        acted(&[], Script::WELL, balances) => expect![[r#"
            "1 ZKC": nothing is told
            "20000 ZKC": Collateral: Error
        "#]];
}
