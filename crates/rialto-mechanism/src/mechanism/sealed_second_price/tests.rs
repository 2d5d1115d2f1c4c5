use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_lowest_bid_is_paid_the_second_lowest() {
    check(
        "sealed-second-price",
        "corrected",
        "0 req opens 1 for 900 until 5400
         0 req opens 1 for 900 until 9000
         0 ann commits 1 to 50
         0 ann joins stake 9999
         0 ann joins stake 10000
         0 bob joins stake 10000
         0 cid joins stake 10000
         1 ann commits 1 to 50 nonce 4
         1 ann commits 1 to 50 nonce 5
         2 bob commits 1 to 70
         3 cid commits 1 to 50
         4 req cancels 1
         5 ann reveals 1 as 50 nonce 4
         3601 ann reveals 1 as 51 nonce 4
         3601 ann reveals 1 as 50 nonce 4
         3602 ann reveals 1 as 50 nonce 4
         3602 cid reveals 1 as 50
         3603 bob reveals 1 as 70
         3604 dan reveals 1 as 10
         5401 bob delivers 1
         6000 ann delivers 1",
        expect![[r#"
            0 req opens 1 for 900 until 5400 | refused: the deadline must be 5400.001 s or later
            0 req opens 1 for 900 until 9000 | 900 req>escrow#1 (escrow)
            0 ann commits 1 to 50 | refused: not a member
            0 ann joins stake 9999 | refused: a stake of 10000 is needed
            0 ann joins stake 10000 | 10000 ann>ann's stake (stake)
            0 bob joins stake 10000 | 10000 bob>bob's stake (stake)
            0 cid joins stake 10000 | 10000 cid>cid's stake (stake)
            1 ann commits 1 to 50 nonce 4 | 1000 ann>ann's bond#1 (bond)
            1 ann commits 1 to 50 nonce 5 | refused: done before
            2 bob commits 1 to 70 | 1000 bob>bob's bond#1 (bond)
            3 cid commits 1 to 50 | 1000 cid>cid's bond#1 (bond)
            4 req cancels 1 | refused: this mechanism does not understand that
            5 ann reveals 1 as 50 nonce 4 | refused: not before 3600.001 s
            3601 ann reveals 1 as 51 nonce 4 | refused: that is not what was committed
            3601 ann reveals 1 as 50 nonce 4 |
            3602 ann reveals 1 as 50 nonce 4 | refused: done before
            3602 cid reveals 1 as 50 |
            3603 bob reveals 1 as 70 |
            3604 dan reveals 1 as 10 | refused: not a member
            5401 bob delivers 1 | [5400.001] 1000 ann's bond#1>ann (release); [5400.001] 1000 bob's bond#1>bob (release); [5400.001] 1000 cid's bond#1>cid (release); [5400.001] #1 to ann for 50 until 9000; refused: reserved for others until 9000 s
            6000 ann delivers 1 | 50 escrow#1>ann (price); 850 escrow#1>req (refund); #1 proven
        "#]],
    );
}

#[test]
fn nobody_steps_in_for_a_winner_who_fails() {
    check(
        "sealed-second-price",
        "corrected",
        "0 req opens 1 for 900 until 9000
         0 ann joins stake 10000
         0 bob joins stake 10000
         1 ann commits 1 to 50
         1 bob commits 1 to 901
         3601 ann reveals 1 as 50
         3601 bob reveals 1 as 901
         5401 ann leaves
         5401 bob delivers 1
         9001 ann delivers 1
         700000 - ticks
         700000 ann joins stake 10000",
        expect![[r#"
            0 req opens 1 for 900 until 9000 | 900 req>escrow#1 (escrow)
            0 ann joins stake 10000 | 10000 ann>ann's stake (stake)
            0 bob joins stake 10000 | 10000 bob>bob's stake (stake)
            1 ann commits 1 to 50 | 1000 ann>ann's bond#1 (bond)
            1 bob commits 1 to 901 | 1000 bob>bob's bond#1 (bond)
            3601 ann reveals 1 as 50 |
            3601 bob reveals 1 as 901 | refused: the price may be at most 900
            5401 ann leaves | [5400.001] 1000 ann's bond#1>ann (release); [5400.001] 500 bob's bond#1>burned (forfeit#1); [5400.001] 500 bob's bond#1>req (forfeit#1); [5400.001] #1 to ann for 900 until 9000
            5401 bob delivers 1 | refused: reserved for others until 9000 s
            9001 ann delivers 1 | [9000.001] #1 lapsed for ann; [9000.001] 1000 ann's stake>burned (forfeit#1); [9000.001] 900 escrow#1>req (refund); [9000.001] #1 unproven; refused: no such job, or it is over
            700000 - ticks | [610201] 9000 ann's stake>ann (stake)
            700000 ann joins stake 10000 | 10000 ann>ann's stake (stake)
        "#]],
    );
}

#[test]
fn a_bid_above_the_reserve_is_none() {
    let reserve = crate::find("sealed-second-price").unwrap().about.presets[0].rules;
    check(
        "sealed-second-price",
        &reserve.replace("reserve = 10000", "reserve = 5000"),
        "0 req opens 1 for 900 until 9000
         0 req opens 2 for 900 until 9000
         0 req opens 3 for 900 until 3000000
         0 ann joins stake 10000
         0 bob joins stake 10000
         1 ann commits 1 to 50
         1 ann commits 2 to 451
         1 bob commits 1 to 451
         3601 ann reveals 1 as 50
         3601 ann reveals 2 as 451
         3601 bob reveals 1 as 451
         5400 - ticks
         5400.001 - ticks",
        expect![[r#"
            0 req opens 1 for 900 until 9000 | 900 req>escrow#1 (escrow)
            0 req opens 2 for 900 until 9000 | 900 req>escrow#2 (escrow)
            0 req opens 3 for 900 until 3000000 | refused: the deadline must be 2592000 s or earlier
            0 ann joins stake 10000 | 10000 ann>ann's stake (stake)
            0 bob joins stake 10000 | 10000 bob>bob's stake (stake)
            1 ann commits 1 to 50 | 1000 ann>ann's bond#1 (bond)
            1 ann commits 2 to 451 | 1000 ann>ann's bond#2 (bond)
            1 bob commits 1 to 451 | 1000 bob>bob's bond#1 (bond)
            3601 ann reveals 1 as 50 |
            3601 ann reveals 2 as 451 |
            3601 bob reveals 1 as 451 |
            5400 - ticks |
            5400.001 - ticks | 1000 ann's bond#1>ann (release); 1000 bob's bond#1>bob (release); #1 to ann for 450 until 9000; 1000 ann's bond#2>ann (release); 900 escrow#2>req (refund); #2 unproven
        "#]],
    );
}

/// What `alice` and her second address gain by a job that costs 100, alone, when she bids truly and
/// the second address bids `decoy`.
fn alone_with_decoy(preset: &str, decoy: Option<u32>) -> i128 {
    let mut book = Rulebook::new("sealed-second-price", preset);
    book.play(
        "0 req opens 1 for 900 until 9000
         0 alice joins stake 10000
         0 alias joins stake 10000
         1 alice commits 1 to 100",
    );
    if let Some(decoy) = decoy {
        book.play(&format!("1 alias commits 1 to {decoy}\n3601 alias reveals 1 as {decoy}"));
    }
    book.play("3601 alice reveals 1 as 100\n5401 alice delivers 1");
    book.gain("alice") + book.gain("alias") + 20_000 - 100
}

/// Hole (i): as shipped, a sole bidder gains by bidding the most under a second name; with the
/// reserve as second bid it has that already.
#[test]
fn a_decoy_gains_nothing() {
    assert_eq!(alone_with_decoy("brevis", None), 0);
    assert_eq!(alone_with_decoy("brevis", Some(900)), 800);
    assert_eq!(alone_with_decoy("corrected", None), 800);
    assert_eq!(alone_with_decoy("corrected", Some(900)), 800);
}

/// Hole (ii): commit low under one name and high under another; once the rival has shown 300,
/// reveal what pays more. Free as shipped; with bonds each name left silent costs one.
#[test]
fn withholding_a_reveal_costs_the_bond() {
    let gain = |preset: &str| {
        let mut book = Rulebook::new("sealed-second-price", preset);
        book.play(
            "0 req opens 1 for 900 until 9000
             0 low joins stake 10000
             0 high joins stake 10000
             0 rival joins stake 10000
             1 low commits 1 to 100
             1 high commits 1 to 800
             1 rival commits 1 to 300
             3601 rival reveals 1 as 300
             3602 low reveals 1 as 100
             5401 low delivers 1",
        );
        (book.gain("low") + book.gain("high") + 20_000, book.gain("req"))
    };
    assert_eq!(gain("brevis"), (300, -300));
    assert_eq!(gain("corrected"), (300 - 1_000, -300 + 500));
}

/// Vickrey: with rivals, no price other than the own cost does better, whatever the others bid.
#[test]
fn no_lie_pays() {
    let gain = |bid: u32, cost: u32, others: [u32; 2]| {
        let mut book = Rulebook::new("sealed-second-price", "corrected");
        let script =
            ["ann", "bob", "cid"].iter().zip([bid, others[0], others[1]]).map(|(who, bid)| {
                (
                    format!("0 {who} joins stake 10000\n1 {who} commits 1 to {bid}\n"),
                    format!("3601 {who} reveals 1 as {bid}\n"),
                )
            });
        let (commits, reveals): (Vec<_>, Vec<_>) = script.unzip();
        book.play("0 req opens 1 for 5 until 9000");
        book.play(&commits.concat());
        book.play(&reveals.concat());
        let won = !book.play("5401 ann delivers 1").contains("refused");
        book.gain("ann") + 10_000 - if won { i128::from(cost) } else { 0 }
    };
    for (cost, one, two) in (0..64).map(|case| (1 + case % 4, 1 + case / 4 % 4, 1 + case / 16)) {
        let truth = gain(cost, cost, [one, two]);
        assert!(truth >= 0, "truth loses at cost {cost} against {one} and {two}");
        for lie in 0..=5 {
            let lied = gain(lie, cost, [one, two]);
            assert!(lied <= truth, "{lie} for {cost} against {one} and {two}: {lied} > {truth}");
        }
    }
}
