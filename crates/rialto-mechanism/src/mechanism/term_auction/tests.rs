use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn who_undercuts_has_the_next_jobs() {
    check(
        "term-auction",
        "corrected",
        "0 ann bids at 400
         0 ann joins stake 9999
         0 ann joins stake 30000
         0 bob joins stake 30000
         0 req opens 1 for 999 until 20000
         0 req opens 1 for 1000 until 7199
         0 req opens 1 for 1000 until 7200
         1 ann bids at 5001
         1 ann bids at 5000
         2 bob bids at 4501
         2 bob bids at 4500
         3 ann bids at 4051
         3 bob bids at 4200
         4 req opens 2 for 4199 until 20000
         4 req opens 2 for 4200 until 20000
         5 ann bids at 3781
         5 ann bids at 3780
         6 bob delivers 2
         7 req opens 3 for 5000 until 20000
         8 bob delivers 3
         9 ann delivers 3
         10 cid delivers 1",
        expect![[r#"
            0 ann bids at 400 | refused: not a member
            0 ann joins stake 9999 | refused: a stake of 10000 is needed
            0 ann joins stake 30000 | 30000 ann>ann's stake (stake)
            0 bob joins stake 30000 | 30000 bob>bob's stake (stake)
            0 req opens 1 for 999 until 20000 | refused: the most that is paid must be 1000 or more
            0 req opens 1 for 1000 until 7199 | refused: the deadline must be 7200 s or later
            0 req opens 1 for 1000 until 7200 | 1000 req>escrow#1 (escrow); #1 open from 0 for 1000
            1 ann bids at 5001 | refused: the price may be at most 5000
            1 ann bids at 5000 |
            2 bob bids at 4501 | refused: the price may be at most 4500
            2 bob bids at 4500 |
            3 ann bids at 4051 | refused: the price may be at most 4050
            3 bob bids at 4200 |
            4 req opens 2 for 4199 until 20000 | refused: the most that is paid must be 4200 or more
            4 req opens 2 for 4200 until 20000 | 4200 req>escrow#2 (escrow); #2 to bob for 4200 until 7204, open from 7204.001 for 4200
            5 ann bids at 3781 | refused: the price may be at most 3780
            5 ann bids at 3780 |
            6 bob delivers 2 | 4200 escrow#2>bob (price); #2 proven
            7 req opens 3 for 5000 until 20000 | 5000 req>escrow#3 (escrow); #3 to ann for 3780 until 7207, open from 7207.001 for 3780
            8 bob delivers 3 | refused: reserved for others until 7207 s
            9 ann delivers 3 | 3780 escrow#3>ann (price); 1220 escrow#3>req (refund); #3 proven
            10 cid delivers 1 | 1000 escrow#1>cid (rescue); #1 proven
        "#]],
    );
}

#[test]
fn a_missed_window_is_rescued_and_a_thin_stake_ends_the_term() {
    check(
        "term-auction",
        "corrected",
        "0 ann joins stake 20000
         0 ann bids at 400
         1 req opens 1 for 400 until 20000
         2 req opens 2 for 400 until 20000
         3 req opens 3 for 1001 until 20000
         3 ann leaves
         7201 bob delivers 1
         7201.001 bob delivers 1
         7202 ann delivers 2
         14404 - ticks",
        expect![[r#"
            0 ann joins stake 20000 | 20000 ann>ann's stake (stake)
            0 ann bids at 400 |
            1 req opens 1 for 400 until 20000 | 400 req>escrow#1 (escrow); #1 to ann for 400 until 7201, open from 7201.001 for 400
            2 req opens 2 for 400 until 20000 | 400 req>escrow#2 (escrow); #2 to ann for 400 until 7202, open from 7202.001 for 400
            3 req opens 3 for 1001 until 20000 | 1001 req>escrow#3 (escrow); #3 open from 3 for 996
            3 ann leaves |
            7201 bob delivers 1 | refused: reserved for others until 7201 s
            7201.001 bob delivers 1 | #1 lapsed for ann; 400 escrow#1>bob (rescue); 2000 ann's stake>burned (forfeit#1); 3000 ann's stake>bob (forfeit#1); #1 proven
            7202 ann delivers 2 | 400 escrow#2>ann (price); #2 proven
            14404 - ticks | [14403] 15000 ann's stake>ann (stake)
        "#]],
    );
}

#[test]
fn three_terms_that_leave_jobs_behind_open_the_market() {
    check(
        "term-auction",
        "corrected",
        "0 ann joins stake 90000
         0 bob joins stake 90000
         0 ann bids at 1000
         1 req opens 1 for 5000 until 20000
         1 bob bids at 900
         2 req opens 2 for 5000 until 20000
         2 ann bids at 800
         3 req opens 3 for 5000 until 20000
         3 bob bids at 700
         4 req opens 4 for 5000 until 20000
         4 ann bids at 600
         5 req opens 5 for 5000 until 20000
         6 req opens 6 for 5000 until 20000
         7 ann delivers 1
         8 req opens 7 for 5000 until 20000",
        expect![[r#"
            0 ann joins stake 90000 | 90000 ann>ann's stake (stake)
            0 bob joins stake 90000 | 90000 bob>bob's stake (stake)
            0 ann bids at 1000 |
            1 req opens 1 for 5000 until 20000 | 5000 req>escrow#1 (escrow); #1 to ann for 1000 until 7201, open from 7201.001 for 1000
            1 bob bids at 900 |
            2 req opens 2 for 5000 until 20000 | 5000 req>escrow#2 (escrow); #2 to bob for 900 until 7202, open from 7202.001 for 900
            2 ann bids at 800 |
            3 req opens 3 for 5000 until 20000 | 5000 req>escrow#3 (escrow); #3 to ann for 800 until 7203, open from 7203.001 for 800
            3 bob bids at 700 |
            4 req opens 4 for 5000 until 20000 | 5000 req>escrow#4 (escrow); #4 to bob for 700 until 7204, open from 7204.001 for 700
            4 ann bids at 600 |
            5 req opens 5 for 5000 until 20000 | 5000 req>escrow#5 (escrow); #5 open from 5 for 1000
            6 req opens 6 for 5000 until 20000 | 5000 req>escrow#6 (escrow); #6 open from 6 for 1000
            7 ann delivers 1 | 1000 escrow#1>ann (price); 4000 escrow#1>req (refund); #1 proven
            8 req opens 7 for 5000 until 20000 | 5000 req>escrow#7 (escrow); #7 to ann for 600 until 7208, open from 7208.001 for 600
        "#]],
    );
}

/// What a holder and its second address gain when the holder vanishes, and when the alias rescues.
fn gains(preset: &str, alias_rescues: bool) -> i128 {
    let mut book = Rulebook::new("term-auction", preset);
    book.play(
        "0 holder joins stake 10000
         0 holder bids at 5000
         1 req opens 1 for 5000 until 20000",
    );
    if alias_rescues {
        book.play("7202 alias delivers 1");
    }
    book.play("20001 holder leaves\n90000 - ticks");
    book.gain("holder") + book.gain("alias")
}

/// As shipped the fee was the holder's as soon as a job opened.
fn prepaid_and_vanished(fee: i128, slash: i128) -> i128 {
    fee - slash
}

#[test]
fn vanishing_never_pays() {
    // Ten times the average after a vacancy is above the slash of one job.
    assert!(prepaid_and_vanished(5_001, 5_000) > 0);
    assert_eq!(gains("corrected", false), -5_000);
}

#[test]
fn a_second_address_does_not_take_the_slash_back() {
    let kept = 5_000;
    assert_eq!(gains("taiko", true), kept);
    assert_eq!(gains("corrected", true), kept - 2_000);
}
