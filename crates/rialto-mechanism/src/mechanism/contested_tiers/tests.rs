use crate::rulebook::{Rulebook, check};
use expect_test::expect;

/// Three tiers; ten seconds to choose, twenty to prove, thirty to contest, forty to decide; bonds of 10, 100 and 200.
const RULES: &str = r#"
    claim = "10 s"
    window = "20 s"
    tiers = 3
    cooldown = "30 s"
    reprove = "40 s"
    liveness_bond = 10
    validity_bond = 100
    contest_bond = 200
    winner = 2500
    reprover = 2500
"#;

const CHOSEN: &str = "1 pro opens 1 for 1000 until 400
    2 ann bids 1 at 50
    3 pro chooses ann of 1";

#[test]
fn what_nobody_contests_is_the_result() {
    check(
        "contested-tiers",
        RULES,
        "1 pro opens 1 for 1000 until 101
         1 pro opens 1 for 1000 until 400
         2 ann bids 1 at 1001
         2 ann bids 1 at 50
         2 ann bids 1 at 40
         2 bob bids 1 at 60
         2 cid delivers 1
         3 cid chooses ann of 1
         3 pro chooses cid of 1
         3 pro chooses ann of 1
         4 bob contests 1
         4 bob delivers 1
         4 ann delivers 1 part 3
         4 ann delivers 1 part 2 badly
         5 ann delivers 1
         6 bob delivers 1 part 1
         35.001 bob contests 1
         40 pro opens 2 for 1000 until 200
         51 ann bids 2 at 1
         60 pro opens 3 for 1000 until 400
         61 ann bids 3 at 50
         62 pro chooses ann of 3
         82 bob delivers 3 part 1
         82.001 bob delivers 3 part 2",
        expect![[r#"
            1 pro opens 1 for 1000 until 101 | refused: the deadline must be 101.001 s or later
            1 pro opens 1 for 1000 until 400 | 1000 pro>escrow#1 (escrow)
            2 ann bids 1 at 1001 | refused: the price may be at most 1000
            2 ann bids 1 at 50 | 10 ann>ann's bond#1 (bond)
            2 ann bids 1 at 40 | refused: done before
            2 bob bids 1 at 60 | 10 bob>bob's bond#1 (bond)
            2 cid delivers 1 | refused: the job is not allocated yet
            3 cid chooses ann of 1 | refused: not the requester
            3 pro chooses cid of 1 | refused: bid first
            3 pro chooses ann of 1 | 10 bob's bond#1>bob (release); #1 to ann for 50 until 23, open from 23.001 for 50
            4 bob contests 1 | refused: the job is not allocated yet
            4 bob delivers 1 | refused: reserved for others until 23 s
            4 ann delivers 1 part 3 | refused: a job has from 0 to 2 parts here
            4 ann delivers 1 part 2 badly | refused: the proof does not verify
            5 ann delivers 1 | #1 open from 5 for 50; 10 ann's bond#1>ann (release); 100 ann>ann's bond#1 (bond)
            6 bob delivers 1 part 1 | refused: done before
            35.001 bob contests 1 | 50 escrow#1>ann (price); 100 ann's bond#1>ann (release); 950 escrow#1>pro (refund); #1 proven; refused: no such job, or it is over
            40 pro opens 2 for 1000 until 200 | 1000 pro>escrow#2 (escrow)
            51 ann bids 2 at 1 | [50.001] 1000 escrow#2>pro (refund); [50.001] #2 unproven; refused: no such job, or it is over
            60 pro opens 3 for 1000 until 400 | 1000 pro>escrow#3 (escrow)
            61 ann bids 3 at 50 | 10 ann>ann's bond#3 (bond)
            62 pro chooses ann of 3 | #3 to ann for 50 until 82, open from 82.001 for 50
            82 bob delivers 3 part 1 | refused: reserved for others until 82 s
            82.001 bob delivers 3 part 2 | #3 lapsed for ann; 10 ann's bond#3>burned (forfeit#3); #3 open from 82.001 for 50; 50 escrow#3>bob (price); 950 escrow#3>pro (refund); #3 proven
        "#]],
    );
}

#[test]
fn a_higher_proof_decides_and_can_be_contested_in_its_turn() {
    check(
        "contested-tiers",
        RULES,
        &format!(
            "{CHOSEN}
             4 ann delivers 1 badly
             5 bob contests 1
             6 cid contests 1
             6 cid delivers 1
             7 cid delivers 1 part 1
             8 dan contests 1
             9 eve delivers 1 part 1
             9 eve delivers 1 part 2"
        ),
        expect![[r#"
            1 pro opens 1 for 1000 until 400 | 1000 pro>escrow#1 (escrow)
            2 ann bids 1 at 50 | 10 ann>ann's bond#1 (bond)
            3 pro chooses ann of 1 | #1 to ann for 50 until 23, open from 23.001 for 50
            4 ann delivers 1 badly | #1 open from 4 for 50; 10 ann's bond#1>ann (release); 100 ann>ann's bond#1 (bond)
            5 bob contests 1 | 200 bob>bob's bond#1 (bond)
            6 cid contests 1 | refused: somebody has the job
            6 cid delivers 1 | refused: a job has from 1 to 2 parts here
            7 cid delivers 1 part 1 | 25 ann's bond#1>bob (forfeit#1); 25 ann's bond#1>cid (forfeit#1); 50 ann's bond#1>burned (forfeit#1); 100 cid>cid's bond#1 (bond)
            8 dan contests 1 | 200 dan>dan's bond#1 (bond)
            9 eve delivers 1 part 1 | refused: a job has from 2 to 2 parts here
            9 eve delivers 1 part 2 | 50 dan's bond#1>cid (forfeit#1); 50 dan's bond#1>eve (forfeit#1); 100 dan's bond#1>burned (forfeit#1); 50 escrow#1>cid (price); 200 bob's bond#1>bob (release); 100 cid's bond#1>cid (release); 950 escrow#1>pro (refund); #1 proven
        "#]],
    );
}

#[test]
fn an_undecided_contest_was_wrong_and_late_proofs_are_of_the_highest_tier() {
    check(
        "contested-tiers",
        RULES,
        &format!(
            "{CHOSEN}
             4 ann delivers 1
             34 bob contests 1
             74.001 - ticks
             80 pro opens 2 for 1000 until 200
             81 ann bids 2 at 50
             82 pro chooses ann of 2
             131 bob delivers 2
             200 bob delivers 2 part 2
             210 pro opens 3 for 1000 until 400
             211 ann bids 3 at 50
             212 pro chooses ann of 3
             400.001 - ticks"
        ),
        expect![[r#"
            1 pro opens 1 for 1000 until 400 | 1000 pro>escrow#1 (escrow)
            2 ann bids 1 at 50 | 10 ann>ann's bond#1 (bond)
            3 pro chooses ann of 1 | #1 to ann for 50 until 23, open from 23.001 for 50
            4 ann delivers 1 | #1 open from 4 for 50; 10 ann's bond#1>ann (release); 100 ann>ann's bond#1 (bond)
            34 bob contests 1 | 200 bob>bob's bond#1 (bond)
            74.001 - ticks | 50 bob's bond#1>ann (forfeit#1); 150 bob's bond#1>burned (forfeit#1); 50 escrow#1>ann (price); 100 ann's bond#1>ann (release); 950 escrow#1>pro (refund); #1 proven
            80 pro opens 2 for 1000 until 200 | 1000 pro>escrow#2 (escrow)
            81 ann bids 2 at 50 | 10 ann>ann's bond#2 (bond)
            82 pro chooses ann of 2 | #2 to ann for 50 until 102, open from 102.001 for 50
            131 bob delivers 2 | [102.001] #2 lapsed for ann; refused: the time for that ended at 130 s
            200 bob delivers 2 part 2 | 10 ann's bond#2>burned (forfeit#2); #2 open from 200 for 50; 50 escrow#2>bob (price); 950 escrow#2>pro (refund); #2 proven
            210 pro opens 3 for 1000 until 400 | 1000 pro>escrow#3 (escrow)
            211 ann bids 3 at 50 | 10 ann>ann's bond#3 (bond)
            212 pro chooses ann of 3 | #3 to ann for 50 until 232, open from 232.001 for 50
            400.001 - ticks | [232.001] #3 lapsed for ann; 10 ann's bond#3>burned (forfeit#3); 1000 escrow#3>pro (refund); #3 unproven
        "#]],
    );
}

/// What an owner of all who say something about a block has of it.
fn gain_of_all(script: &str) -> i128 {
    let mut book = Rulebook::new("contested-tiers", RULES);
    book.play(&format!("{CHOSEN}\n{script}\n400.001 - ticks"));
    ["ann", "bob", "cid"].iter().map(|name| book.gain(name)).sum()
}

/// A false proof is paid if nobody looks, and costs its prover more than the fee if somebody does.
#[test]
fn a_false_proof_needs_a_watcher() {
    assert_eq!(gain_of_all("4 ann delivers 1 badly"), 50);
    let mut book = Rulebook::new("contested-tiers", RULES);
    book.play(CHOSEN);
    book.play("4 ann delivers 1 badly\n5 bob contests 1\n6 bob delivers 1 part 2");
    assert_eq!((book.gain("ann"), book.gain("bob")), (-100, 50 + 50));
}

/// Who proves, contests and decides under three names has the fee once, and burns half of a bond each time.
#[test]
fn a_ring_of_contests_burns_half_of_a_bond_each_time() {
    let honest = gain_of_all("4 ann delivers 1");
    assert_eq!(honest, 50);
    let ring = "4 ann delivers 1 badly\n5 bob contests 1\n6 cid delivers 1 part 2";
    assert_eq!(gain_of_all(ring), honest - 50);
    let twice = "4 ann delivers 1 badly\n5 bob contests 1\n6 cid delivers 1 part 1 badly
        7 bob contests 1\n8 cid delivers 1 part 2";
    assert_eq!(gain_of_all(twice), honest - 100 - 50);
    // Nor is a contest for nothing without cost.
    assert_eq!(gain_of_all("4 ann delivers 1\n5 bob contests 1"), honest - 150);
}
