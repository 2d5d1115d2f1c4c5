use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn whoever_asks_for_the_fee_joins_and_whoever_undercuts_is_alone() {
    check(
        "seat-pool",
        "taiko",
        "0 ann bids at 900
         0 ann joins stake 19999
         0 ann joins stake 20000
         0 bob joins stake 20000
         0 cid joins stake 20000
         1 ann bids at 1001
         1 ann bids at 900
         1 ann bids at 900
         2 bob bids at 899
         2 bob bids at 900
         3 req opens 1 for 899 until 9000
         3 req opens 1 for 900 until 7335
         3 req opens 1 for 900 until 9000
         4 cid bids at 855
         5 bob bids at 900
         20 - seeds 0 with 7
         21 req opens 2 for 900 until 9000
         40 - seeds 1 with 7
         41 cid delivers 2",
        expect![[r#"
            0 ann bids at 900 | refused: not a member
            0 ann joins stake 19999 | refused: a stake of 20000 is needed
            0 ann joins stake 20000 | 20000 ann>ann's stake (stake)
            0 bob joins stake 20000 | 20000 bob>bob's stake (stake)
            0 cid joins stake 20000 | 20000 cid>cid's stake (stake)
            1 ann bids at 1001 | refused: the price may be at most 1000
            1 ann bids at 900 |
            1 ann bids at 900 | refused: done before
            2 bob bids at 899 | refused: the price may be at most 855
            2 bob bids at 900 |
            3 req opens 1 for 899 until 9000 | refused: the most that is paid must be 900 or more
            3 req opens 1 for 900 until 7335 | refused: the deadline must be 7335.001 s or later
            3 req opens 1 for 900 until 9000 | 900 req>escrow#1 (escrow); frozen for seed 0 from 15.001
            4 cid bids at 855 |
            5 bob bids at 900 | refused: the price may be at most 812
            20 - seeds 0 with 7 | #1 to bob for 900 until 7220, open from 7220.001 for 900
            21 req opens 2 for 900 until 9000 | 900 req>escrow#2 (escrow); frozen for seed 1 from 33.001
            40 - seeds 1 with 7 | #2 to cid for 855 until 7240, open from 7240.001 for 855
            41 cid delivers 2 | 855 escrow#2>cid (price); 45 escrow#2>req (refund); #2 proven
        "#]],
    );
}

#[test]
fn a_missed_job_is_rescued_and_a_thin_stake_is_out() {
    check(
        "seat-pool",
        "taiko",
        "0 ann joins stake 20000
         0 req opens 1 for 1000 until 9000
         20 - seeds 0 with 7
         21 bob delivers 1
         22 ann bids at 900
         30 req opens 2 for 1000 until 9000
         50 - seeds 1 with 7
         7251 bob delivers 2
         7252 ann leaves
         7253 req opens 3 for 1000 until 20000
         7400 - ticks",
        expect![[r#"
            0 ann joins stake 20000 | 20000 ann>ann's stake (stake)
            0 req opens 1 for 1000 until 9000 | 1000 req>escrow#1 (escrow); frozen for seed 0 from 12.001
            20 - seeds 0 with 7 | #1 open from 20 for 1000
            21 bob delivers 1 | 1000 escrow#1>bob (rescue); #1 proven
            22 ann bids at 900 |
            30 req opens 2 for 1000 until 9000 | 1000 req>escrow#2 (escrow); frozen for seed 1 from 42.001
            50 - seeds 1 with 7 | #2 to ann for 900 until 7250, open from 7250.001 for 900
            7251 bob delivers 2 | [7250.001] #2 lapsed for ann; 900 escrow#2>bob (rescue); 400 ann's stake>burned (forfeit#2); 600 ann's stake>bob (forfeit#2); 100 escrow#2>req (refund); #2 proven
            7252 ann leaves |
            7253 req opens 3 for 1000 until 20000 | 1000 req>escrow#3 (escrow); frozen for seed 2 from 7265.001
            7400 - ticks | [7385.001] #3 open from 7385.001 for 900
        "#]],
    );
}

/// The n-th to come weighs a thousand less than the one before it, from the eleventh on one; when one leaves, those
/// behind it move up.
#[test]
fn who_comes_earlier_weighs_more() {
    let mut book = Rulebook::new("seat-pool", "taiko");
    let names: Vec<String> = (1..=17).map(|nth| format!("p{nth}")).collect();
    for name in &names {
        book.play(&format!("0 {name} joins stake 20000\n0 {name} bids at 900"));
    }
    let weights = |book: &mut Rulebook| -> Vec<u128> {
        let parties: Vec<_> = names.iter().map(|name| book.party(name)).collect();
        parties.into_iter().map(|it| book.machine.tickets(it).unwrap().get()).collect()
    };
    let tail = [1; 6];
    let full: Vec<u128> = (1..=10).rev().map(|step| step * 1_000).chain(tail).chain([0]).collect();
    assert_eq!(weights(&mut book), full);
    book.play("2 p1 leaves");
    assert_eq!(weights(&mut book)[..3], [0, 10_000, 9_000]);
}
