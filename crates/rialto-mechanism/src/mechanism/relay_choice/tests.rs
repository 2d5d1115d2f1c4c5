use super::shuffle;
use crate::rulebook::{Rulebook, check};
use alloy_primitives::B256;
use expect_test::expect;
use rialto_protocol::draw::Draws;

/// Three tries of 10 s each; a failure counts for 100 s; an invalid proof costs 101.
const RULES: &str = r#"
    window = "10 s"
    tries = 3
    grace = "100 s"
    stake = 101
    burned = 5000
    exit = "50 s"
    beacon = { lag = "0 s", patience = "5 s" }
"#;

#[test]
fn the_order_is_shuffled_and_never_dearer() {
    check(
        "relay-choice",
        RULES,
        "0 ann joins stake 100 price 50
         0 ann joins stake 101 price 50
         0 bob joins stake 101 price 60
         0 cid joins stake 101 price 40
         0 dan joins stake 101 price 201
         1 req opens 1 for 200 until 300
         2 ann delivers 1
         2 - seeds 0 with 7
         3 dan delivers 1
         4 req opens 2 for 200 until 300
         5 - seeds 1 with 8
         6 req opens 3 for 30 until 300
         7 req cancels 3
         9.1 - ticks",
        expect![[r#"
            0 ann joins stake 100 price 50 | refused: a stake of 101 is needed
            0 ann joins stake 101 price 50 | 101 ann>ann's stake (stake)
            0 bob joins stake 101 price 60 | 101 bob>bob's stake (stake)
            0 cid joins stake 101 price 40 | 101 cid>cid's stake (stake)
            0 dan joins stake 101 price 201 | 101 dan>dan's stake (stake)
            1 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            2 ann delivers 1 | refused: the job is not allocated yet
            2 - seeds 0 with 7 | #1 to cid for 40 until 12
            3 dan delivers 1 | refused: reserved for others until 12 s
            4 req opens 2 for 200 until 300 | 200 req>escrow#2 (escrow); frozen for seed 1 from 4.001
            5 - seeds 1 with 8 | #2 to ann for 50 until 15, from 15.001 cid for 40
            6 req opens 3 for 30 until 300 | 30 req>escrow#3 (escrow)
            7 req cancels 3 | 30 escrow#3>req (refund); #3 cancelled
            9.1 - ticks |
        "#]],
    );
}

#[test]
fn whoever_failed_lately_stands_last() {
    check(
        "relay-choice",
        RULES,
        "0 ann joins stake 101 price 50
         0 bob joins stake 101 price 50
         1 req opens 1 for 200 until 300
         6.002 - ticks
         7 ann delivers 1 badly
         8 ann delivers 1
         16.003 bob delivers 1
         17 req opens 2 for 200 until 300
         23 bob delivers 2
         110 req opens 3 for 200 until 300
         116 ann leaves
         117 ann delivers 3
         170 - ticks",
        expect![[r#"
            0 ann joins stake 101 price 50 | 101 ann>ann's stake (stake)
            0 bob joins stake 101 price 50 | 101 bob>bob's stake (stake)
            1 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            6.002 - ticks | [6.001] #1 to ann for 50 until 16.001, from 16.002 bob for 50
            7 ann delivers 1 badly | #1 lapsed for ann
            8 ann delivers 1 | refused: done before
            16.003 bob delivers 1 | 50 escrow#1>bob (rescue); 50 ann's stake>burned (forfeit#1); 51 ann's stake>bob (forfeit#1); 150 escrow#1>req (refund); #1 proven
            17 req opens 2 for 200 until 300 | 200 req>escrow#2 (escrow); frozen for seed 1 from 17.001
            23 bob delivers 2 | [22.001] #2 to bob for 50 until 32.001, from 32.002 ann for 50; 50 escrow#2>bob (price); 150 escrow#2>req (refund); #2 proven
            110 req opens 3 for 200 until 300 | 200 req>escrow#3 (escrow); frozen for seed 2 from 110.001
            116 ann leaves | [115.001] #3 to bob for 50 until 125.001, from 125.002 ann for 50
            117 ann delivers 3 | refused: reserved for others until 125.001 s
            170 - ticks | [125.002] #3 lapsed for bob
        "#]],
    );
}

#[test]
fn a_missed_window_costs_no_stake() {
    check(
        "relay-choice",
        RULES,
        "0 ann joins stake 101 price 50
         1 req opens 1 for 200 until 100
         20 ann delivers 1
         100.001 ann leaves
         160 - ticks",
        expect![[r#"
            0 ann joins stake 101 price 50 | 101 ann>ann's stake (stake)
            1 req opens 1 for 200 until 100 | 200 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            20 ann delivers 1 | [6.001] #1 to ann for 50 until 16.001; [16.002] #1 lapsed for ann; refused: the right ended at 16.001 s
            100.001 ann leaves | 200 escrow#1>req (refund); #1 unproven
            160 - ticks | [150.001] 101 ann's stake>ann (stake)
        "#]],
    );
}

/// Going on to a dearer relay would pay an owner of both for being late.
#[test]
fn a_dearer_alias_does_not_follow() {
    let mut book = Rulebook::new("relay-choice", RULES);
    book.play(
        "0 ann joins stake 101 price 50
         0 alias joins stake 101 price 150
         1 req opens 1 for 200 until 300
         6.002 - ticks
         16.003 alias delivers 1
         27 alias delivers 1
         400 - ticks",
    );
    assert_eq!(book.gain("alias") + book.gain("ann") + 202, 0);
}

/// All six orders of three come up equally often, within five standard deviations.
#[test]
fn no_order_is_favoured() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..6_000u64 {
        let mut all = [0, 1, 2];
        shuffle(&mut all, Draws::new(B256::left_padding_from(&seed.to_be_bytes())));
        *counts.entry(all).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| count.abs_diff(1_000) < 145), "{counts:?}");
}
