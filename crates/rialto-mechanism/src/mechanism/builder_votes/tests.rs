use crate::rulebook::{Rulebook, check};
use expect_test::expect;

/// Three tickets, ten seconds to propose and twenty to prove; provers have 60 %, one uncle 10 %.
const RULES: &str = r#"
    tickets = 3
    propose = "10 s"
    accept = "20 s"
    provers = 6000
    uncles = 1
    uncle = 1000
    stake = 100
    exit = "50 s"
    beacon = { lag = "0 s", patience = "5 s" }
"#;

/// Two members; the seed deals one ticket to ann and two to bob.
const DEALT: &str = "0 ann joins stake 100
    0 bob joins stake 100
    1 net opens 1 for 1000 until 200 parts 2
    2 - seeds 0 with 7";

#[test]
fn the_highest_proven_proposal_is_the_block_and_the_next_its_uncle() {
    check(
        "builder-votes",
        RULES,
        &format!(
            "{DEALT}
             3 eve bids 1 at 20
             3 dan bids 1 at 10
             3 dan bids 1 at 11
             4 cid chooses dan of 1
             4 ann chooses cid of 1
             4 ann chooses dan of 1
             5 bob bids 1 at 5
             12 bob chooses eve of 1
             12.001 ann chooses eve of 1
             13 eve delivers 1 part 1
             13 bob delivers 1
             13 bob delivers 1 part 3
             13 bob delivers 1 part 1 badly
             13 bob delivers 1 part 1
             14 bob delivers 1 part 1
             15 ann delivers 1 part 1
             16 ann delivers 1 part 2
             32 bob delivers 1 part 2
             33 - ticks"
        ),
        expect![[r#"
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 | 100 bob>bob's stake (stake)
            1 net opens 1 for 1000 until 200 parts 2 | 1000 net>escrow#1 (escrow); frozen for seed 0 from 1.001
            2 - seeds 0 with 7 |
            3 eve bids 1 at 20 | 20 eve>eve's bond#1 (bond)
            3 dan bids 1 at 10 | 10 dan>dan's bond#1 (bond)
            3 dan bids 1 at 11 | refused: done before
            4 cid chooses dan of 1 | refused: not one of those who have the job
            4 ann chooses cid of 1 | refused: bid first
            4 ann chooses dan of 1 |
            5 bob bids 1 at 5 | 5 bob>bob's bond#1 (bond)
            12 bob chooses eve of 1 |
            12.001 ann chooses eve of 1 | #1 open from 12.001 for 0; refused: somebody has the job
            13 eve delivers 1 part 1 | refused: not one of those who have the job
            13 bob delivers 1 | refused: a job has from 1 to 2 parts here
            13 bob delivers 1 part 3 | refused: a job has from 1 to 2 parts here
            13 bob delivers 1 part 1 badly | refused: the proof does not verify
            13 bob delivers 1 part 1 |
            14 bob delivers 1 part 1 | refused: done before
            15 ann delivers 1 part 1 |
            16 ann delivers 1 part 2 |
            32 bob delivers 1 part 2 |
            33 - ticks | [32.002] 100 escrow#1>ann (uncle 1); [32.002] 600 escrow#1>bob (price); [32.002] 300 escrow#1>eve (price); [32.002] 20 eve's bond#1>burned (forfeit#1); [32.002] 5 bob's bond#1>bob (release); [32.002] 10 dan's bond#1>dan (release); [32.002] #1 proven
        "#]],
    );
}

#[test]
fn what_is_not_proven_in_time_is_no_block() {
    let mut book = Rulebook::new("builder-votes", RULES);
    book.check(
        "0 net opens 1 for 1000 until 35 parts 2
         0 ann joins stake 99",
        expect![[r#"
            0 net opens 1 for 1000 until 35 parts 2 | refused: the deadline must be 35.001 s or later
            0 ann joins stake 99 | refused: a stake of 100 is needed
        "#]],
    );
    book.play(DEALT);
    book.check(
        "3 bob bids 1 at 20
         4 ann bids 1 at 30
         13 ann delivers 1 part 1
         14 ann delivers 1 part 2
         14 bob delivers 1 part 2
         33 - ticks
         40 net opens 2 for 1000 until 200
         41 - seeds 1 with 5
         52 - ticks
         60 net opens 3 for 1000 until 200
         61 ann bids 3 at 20
         66 - ticks",
        expect![[r#"
            3 bob bids 1 at 20 | 20 bob>bob's bond#1 (bond)
            4 ann bids 1 at 30 | 30 ann>ann's bond#1 (bond)
            13 ann delivers 1 part 1 | [12.001] #1 open from 12.001 for 0
            14 ann delivers 1 part 2 |
            14 bob delivers 1 part 2 |
            33 - ticks | [32.002] 1000 escrow#1>ann (price); [32.002] 30 ann's bond#1>burned (forfeit#1); [32.002] 20 bob's bond#1>bob (release); [32.002] #1 proven
            40 net opens 2 for 1000 until 200 | 1000 net>escrow#2 (escrow); frozen for seed 1 from 40.001
            41 - seeds 1 with 5 |
            52 - ticks | [51.001] #2 open from 51.001 for 0
            60 net opens 3 for 1000 until 200 | 1000 net>escrow#3 (escrow); frozen for seed 2 from 60.001
            61 ann bids 3 at 20 | 20 ann>ann's bond#3 (bond)
            66 - ticks | [65.001] 20 ann's bond#3>ann (release); [65.001] 1000 escrow#3>net (refund); [65.001] #3 unproven
        "#]],
    );
}

/// One owner of all tickets: whatever it burns and proves, under one name or as an uncle of itself, what it gets is never more
/// than what the slot pays.
#[test]
fn an_uncle_of_ones_own_is_paid_from_ones_own_part() {
    let gain = |script: &str| {
        let mut book = Rulebook::new("builder-votes", RULES);
        book.play(&format!("{DEALT}\n{script}\n60 ann leaves\n60 bob leaves\n200 - ticks"));
        book.gain("ann") + book.gain("bob")
    };
    let once = "3 bob bids 1 at 0\n4 ann chooses bob of 1\n13 bob delivers 1 part 1\n13 ann delivers 1 part 2";
    let twice =
        "3 bob bids 1 at 0\n3 ann bids 1 at 0\n13 bob delivers 1 part 1\n13 bob delivers 1 part 2
        13 ann delivers 1 part 1\n13 ann delivers 1 part 2";
    assert_eq!((gain(once), gain(twice)), (1_000, 1_000));
}

/// Tickets follow stakes: of two members with stakes of one and three the second is dealt three in four.
#[test]
fn tickets_are_dealt_by_stake() {
    let mut blocks = 0u32;
    let rules = RULES.replace("tickets = 3", "tickets = 1");
    for seed in 0..200 {
        let mut book = Rulebook::new("builder-votes", &rules);
        book.play("0 ann joins stake 100\n0 bob joins stake 300\n1 net opens 1 for 1000 until 200");
        book.play(&format!("2 - seeds 0 with {seed}\n3 ann bids 1 at 0\n3 bob bids 1 at 0"));
        let refused = book.play("4 bob chooses bob of 1").contains("refused");
        blocks += u32::from(!refused);
    }
    assert!(blocks.abs_diff(150) < 31, "{blocks} of 200");
}
