use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_cheapest_proof_is_bought() {
    check(
        "snarketplace",
        "mina",
        "0 req opens 1 for 200 until 1000 parts 3
         0 req opens 1 for 200 until 1000 parts 2
         1 ann delivers 1
         1 ann bids 1 at 90
         2 req accepts 1
         2 ann delivers 1 badly
         3 ann delivers 1
         4 bob bids 1 at 90
         4 bob delivers 1
         5 bob bids 1 at 89
         5 bob delivers 1
         6 ann accepts 1
         6 req accepts 1
         7 req opens 2 for 50 until 1000
         8 ann bids 2 at 60
         9 ann delivers 2
         10 req accepts 2
         11 bob bids 2 at 50
         12 bob delivers 2
         20 req opens 3 for 50 until 1000
         21 bob bids 3 at 51
         21 bob delivers 3
         1001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 1000 parts 3 | refused: a job has from 1 to 2 parts here
            0 req opens 1 for 200 until 1000 parts 2 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            1 ann delivers 1 | refused: bid first
            1 ann bids 1 at 90 |
            2 req accepts 1 | refused: the job is not allocated yet
            2 ann delivers 1 badly | refused: the proof does not verify
            3 ann delivers 1 |
            4 bob bids 1 at 90 |
            4 bob delivers 1 | refused: the price may be at most 89
            5 bob bids 1 at 89 |
            5 bob delivers 1 |
            6 ann accepts 1 | refused: not the requester
            6 req accepts 1 | 89 escrow#1>bob (price); 111 escrow#1>req (refund); #1 proven
            7 req opens 2 for 50 until 1000 | 50 req>escrow#2 (escrow); #2 open from 7 for 50
            8 ann bids 2 at 60 |
            9 ann delivers 2 |
            10 req accepts 2 | refused: the price may be at most 50
            11 bob bids 2 at 50 |
            12 bob delivers 2 |
            20 req opens 3 for 50 until 1000 | 50 req>escrow#3 (escrow); #3 open from 20 for 50
            21 bob bids 3 at 51 |
            21 bob delivers 3 |
            1001 - ticks | [1000.001] 50 escrow#2>bob (price); [1000.001] #2 proven; [1000.001] 50 escrow#3>req (refund); [1000.001] #3 unproven
        "#]],
    );
}

#[test]
fn a_stranger_pays_for_its_account() {
    check(
        "snarketplace",
        "account_fee = 100\nbundle = 2",
        "0 req opens 1 for 200 until 1000
         1 ann withdraws 1000000
         1 ann bids 1 at 99
         1 ann bids 1 at 100
         2 ann delivers 1
         2 req accepts 1
         3 req opens 2 for 200 until 1000
         3 ann bids 2 at 1",
        expect![[r#"
            0 req opens 1 for 200 until 1000 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            1 ann withdraws 1000000 |
            1 ann bids 1 at 99 | refused: the price must be at least 100
            1 ann bids 1 at 100 |
            2 ann delivers 1 |
            2 req accepts 1 | 100 escrow#1>ann (price); 100 escrow#1>req (refund); #1 proven
            3 req opens 2 for 200 until 1000 | 200 req>escrow#2 (escrow); #2 open from 3 for 200
            3 ann bids 2 at 1 |
        "#]],
    );
}

/// Provers that undercut each other by a tick while it covers the cost end within a tick of the
/// second-lowest cost, and every undercut wastes a proof.
#[test]
fn undercutting_ends_within_a_tick_of_the_second_lowest_cost() {
    let costs = [("ann", 30), ("bob", 40), ("cid", 70)];
    let mut book = Rulebook::new("snarketplace", "mina");
    book.play("0 req opens 1 for 100 until 1000");
    let (mut best, mut holder, mut proofs) = (101, "", 0);
    while let Some((name, _)) =
        costs.iter().rev().find(|(name, cost)| *name != holder && *cost < best)
    {
        best -= 1;
        book.play(&format!("1 {name} bids 1 at {best}\n1 {name} delivers 1"));
        (holder, proofs) = (name, proofs + 1);
    }
    book.play("2 req accepts 1");
    assert_eq!((holder, book.gain("ann"), book.gain("req")), ("ann", 40, -40));
    assert_eq!(proofs, 61);
}

/// Fee and prover are hashed into what is proven, so whoever passes a proof on can change neither: its copy, under its
/// own name for less, does not verify. Were they beside the proof, the copy would be bought.
#[test]
fn a_passed_on_proof_cannot_be_undercut_with_itself() {
    let paid = |names_are_bound: bool| {
        let mut book = Rulebook::new("snarketplace", "mina");
        let verdict = if names_are_bound { "badly" } else { "" };
        book.play(&format!(
            "0 req opens 1 for 90000 until 9000
             1 ann bids 1 at 80000
             1 ann delivers 1
             2 relay bids 1 at 79999
             2 relay delivers 1 {verdict}
             300 req accepts 1"
        ));
        let won = |gain: i128| gain > 0;
        [book.gain("ann"), book.gain("relay")].map(won)
    };
    assert_eq!(paid(false), [false, true]);
    assert_eq!(paid(true), [true, false]);
}

/// A producer who proves itself asks itself nothing, and nobody can ask less: its rivals' proofs are wasted whatever they
/// cost. Nothing prevents it; it pays with its own proof, so only who proves for less than others ask does it.
#[test]
fn a_producer_who_proves_itself_cannot_be_undercut() {
    let mut book = Rulebook::new("snarketplace", "mina");
    book.play(
        "0 req opens 1 for 100 until 1000
         1 ann bids 1 at 1
         1 ann delivers 1
         2 req bids 1 at 0
         2 req delivers 1",
    );
    for ask in [0, 1] {
        let refused = book.play(&format!("3 bob bids 1 at {ask}\n3 bob delivers 1"));
        assert!(refused.contains("the price may be at most 0"), "{refused}");
    }
    book.play("4 req accepts 1");
    assert_eq!(["ann", "bob", "req"].map(|who| book.gain(who)), [0; 3]);
}
