use super::*;
use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn all_bids_are_spent_and_one_bidder_is_drawn() {
    check(
        "proof-contest",
        "proportional",
        "0 req opens 1 for 900 until 18
         0 req opens 1 for 900 until 2000
         0 ann bids 1 at 50
         0 ann joins stake 999
         0 ann joins stake 1000
         0 bob joins stake 1000
         0 cid joins stake 1000
         1 ann bids 1 at 0
         1 ann bids 1 at 50
         1 ann bids 1 at 60
         2 bob bids 1 at 100
         15 cid locks 1
         16 cid bids 1 at 10
         16 req cancels 1
         18 - seeds 0 with 7
         18.1 - seeds 0 with 7
         19 cid delivers 1
         20 req cancels 1
         320 - ticks
         340 - seeds 1 with 8
         341 ann delivers 1 badly
         342 bob delivers 1
         343 ann delivers 1",
        expect![[r#"
            0 req opens 1 for 900 until 18 | refused: the deadline must be 18.002 s or later
            0 req opens 1 for 900 until 2000 | 900 req>escrow#1 (escrow)
            0 ann bids 1 at 50 | refused: not a member
            0 ann joins stake 999 | refused: a stake of 1000 is needed
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            0 cid joins stake 1000 | 1000 cid>cid's stake (stake)
            1 ann bids 1 at 0 | refused: the price must be at least 1
            1 ann bids 1 at 50 | 50 ann>ann's bond#1 (bond)
            1 ann bids 1 at 60 | refused: done before
            2 bob bids 1 at 100 | 100 bob>bob's bond#1 (bond)
            15 cid locks 1 | refused: this mechanism does not understand that
            16 cid bids 1 at 10 | [15.001] 50 ann's bond#1>burned (forfeit#1); [15.001] 100 bob's bond#1>burned (forfeit#1); [15.001] frozen for seed 0 from 18.002; refused: somebody has the job
            16 req cancels 1 | refused: somebody has the job
            18 - seeds 0 with 7 | refused: not before 18.002 s
            18.1 - seeds 0 with 7 | #1 to bob for 900 until 318.1
            19 cid delivers 1 | refused: reserved for others until 318.1 s
            20 req cancels 1 | refused: somebody has the job
            320 - ticks | [318.101] #1 lapsed for bob; [318.101] 100 bob's stake>burned (forfeit#1); [318.101] #1 to nobody; [318.101] frozen for seed 1 from 321.102
            340 - seeds 1 with 8 | #1 to ann for 900 until 640
            341 ann delivers 1 badly | refused: the proof does not verify
            342 bob delivers 1 | refused: reserved for others until 640 s
            343 ann delivers 1 | 900 escrow#1>ann (price); #1 proven
        "#]],
    );
}

#[test]
fn without_bids_or_seeds_it_begins_again() {
    check(
        "proof-contest",
        "proportional",
        "0 req opens 1 for 900 until 2000
         0 ann joins stake 1000
         0 bob joins stake 1000
         20 ann bids 1 at 50
         40 bob leaves
         100 ann leaves
         110 - seeds 1 with 7
         130 bob bids 1 at 5
         150 req cancels 1
         151 - ticks",
        expect![[r#"
            0 req opens 1 for 900 until 2000 | 900 req>escrow#1 (escrow)
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            20 ann bids 1 at 50 | 50 ann>ann's bond#1 (bond)
            40 bob leaves | [30.002] 50 ann's bond#1>burned (forfeit#1); [30.002] frozen for seed 0 from 33.003
            100 ann leaves | [93.003] frozen for seed 1 from 96.004
            110 - seeds 1 with 7 |
            130 bob bids 1 at 5 | refused: on its way out until 1814440 s
            150 req cancels 1 | 900 escrow#1>req (refund); #1 cancelled
            151 - ticks |
        "#]],
    );
}

/// By hand: a bid of a quarter weighs a quarter, a half or an eighth.
#[test]
fn weights_are_powers_of_bids() {
    let bids = [8, 32, 0].map(Amount::from);
    let of =
        |power| weights(&bids, Bps(power)).into_iter().map(|it| it.get() >> 50).collect::<Vec<_>>();
    assert_eq!(of(10_000), [256, 1_024, 0]);
    assert_eq!(of(5_000), [512, 1_024, 0]);
    assert_eq!(of(15_000), [128, 1_024, 0]);
}

/// One bid of 100 against the same in two names, and a rival of 100: the names' chances together.
#[test]
fn names_are_worth_what_the_power_says() {
    let chance = |power: u32| {
        let names = weights(&[50, 50, 100].map(Amount::from), Bps(power));
        let [one, two, rival] = [names[0], names[1], names[2]].map(|weight| weight.get() as f64);
        (one + two) / (one + two + rival)
    };
    assert_eq!(chance(10_000), 0.5);
    assert!(chance(5_000) > 0.58 && chance(15_000) < 0.42);
}

/// What is spent is spent: a requester who bids under another name cannot draw the bids back by
/// taking the job back, and gets none of them.
#[test]
fn a_requester_cannot_take_bids_back() {
    let mut book = Rulebook::new("proof-contest", "proportional");
    book.play(
        "0 ann joins stake 1000
         0 req opens 1 for 900 until 100
         1 ann bids 1 at 70
         16 req cancels 1
         101 - ticks",
    );
    assert_eq!((book.gain("ann"), book.gain("req")), (-1_070, 0));
}
