use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_lowest_bid_has_the_job_until_its_deadline() {
    check(
        "prover-auction",
        "with-slashing",
        "0 req opens 1 for 1000 until 15
         0 req opens 1 for 9 until 900
         0 req opens 1 for 1000 until 900 cycles 2000000
         0 ann bids 1 at 100
         0 ann joins stake 999
         0 ann joins stake 1000
         0 bob joins stake 1000
         0 cid joins stake 1000
         1 ann bids 1 at 496
         1 ann bids 1 at 100
         2 bob bids 1 at 90
         3 cid bids 1 at 90
         4 bob bids 1 at 90
         5 ann bids 1 at 400
         15.001 ann bids 1 at 10
         16 bob delivers 1
         17 cid delivers 1
         18 req opens 2 for 1000 until 900 cycles 2000000
         40 ann bids 2 at 100
         41 ann leaves
         901 ann delivers 2
         2000000 - ticks",
        expect![[r#"
            0 req opens 1 for 1000 until 15 | refused: the deadline must be 15.001 s or later
            0 req opens 1 for 9 until 900 | refused: the most that is paid must be 10 or more
            0 req opens 1 for 1000 until 900 cycles 2000000 | 1000 req>escrow#1 (escrow)
            0 ann bids 1 at 100 | refused: not a member
            0 ann joins stake 999 | refused: a stake of 1000 is needed
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            0 cid joins stake 1000 | 1000 cid>cid's stake (stake)
            1 ann bids 1 at 496 | refused: the price may be at most 1000
            1 ann bids 1 at 100 |
            2 bob bids 1 at 90 |
            3 cid bids 1 at 90 |
            4 bob bids 1 at 90 |
            5 ann bids 1 at 400 |
            15.001 ann bids 1 at 10 | #1 to cid for 190 until 900; refused: somebody has the job
            16 bob delivers 1 | refused: reserved for others until 900 s
            17 cid delivers 1 | 5 escrow#1>treasury (fee); 185 escrow#1>cid (price); 810 escrow#1>req (refund); #1 proven
            18 req opens 2 for 1000 until 900 cycles 2000000 | 1000 req>escrow#2 (escrow)
            40 ann bids 2 at 100 | #2 to ann for 210 until 900
            41 ann leaves |
            901 ann delivers 2 | [900.001] #2 lapsed for ann; [900.001] 100 ann's stake>burned (forfeit#2); [900.001] 1000 escrow#2>req (refund); [900.001] #2 unproven; refused: no such job, or it is over
            2000000 - ticks | [1814441] 900 ann's stake>ann (stake)
        "#]],
    );
}

/// What a winner that never delivers loses.
#[test]
fn without_slashing_winning_and_leaving_is_free() {
    let lost = |preset: &str| {
        let mut book = Rulebook::new("prover-auction", preset);
        book.play(
            "0 ann joins stake 1000
             0 req opens 1 for 1000 until 900
             1 ann bids 1 at 1
             901 ann leaves
             2000000 - ticks",
        );
        book.gain("ann")
    };
    assert_eq!(["succinct", "with-slashing"].map(lost), [0, -100]);
}

/// An auctioneer who leaves bids out can make a requester pay more, up to the limit and no further, and nothing of that is its own.
/// Nothing here prevents it: who writes the log must show that it wrote all of it.
#[test]
fn a_censor_moves_the_price_within_the_limit() {
    let pays = |bids: &[(&str, u32)]| {
        let mut book = Rulebook::new("prover-auction", "succinct");
        book.play(
            "0 ann joins stake 1000
             0 bob joins stake 1000
             0 req opens 1 for 1000 until 900 cycles 1000000",
        );
        for (who, price) in bids {
            book.play(&format!("1 {who} bids 1 at {price}"));
        }
        book.play("16 - ticks\n17 ann delivers 1\n17 bob delivers 1\n901 - ticks");
        -book.gain("req")
    };
    assert_eq!(pays(&[("ann", 90), ("bob", 400)]), 100);
    assert_eq!(pays(&[("bob", 400)]), 410);
    assert_eq!(pays(&[("bob", 990)]), 1_000);
    assert_eq!(pays(&[("bob", 991)]), 0);
}
