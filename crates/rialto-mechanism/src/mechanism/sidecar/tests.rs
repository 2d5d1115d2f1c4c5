use crate::rulebook::{Rulebook, check};
use expect_test::expect;

/// Ten seconds to name, twenty to prove, a deposit of 50 and a slash of 30.
const RULES: &str = r#"
    name_within = "10 s"
    venues = ["own", "first-party", "third-party"]
    prove = "20 s"
    deposit = 50
    stake = 100
    slash = 30
    exit = "50 s"
"#;

#[test]
fn a_prover_is_named_from_any_venue_within_the_time() {
    check(
        "sidecar",
        RULES,
        "0 ann joins stake 99 price 60
         0 ann joins stake 100 price 60
         0 bob joins stake 100 price 101
         1 seq opens 1 for 100 until 30
         1 seq opens 1 for 100 until 31
         2 cid bids 1 at 101
         2 cid bids 1 at 70
         2 cid bids 1 at 60
         3 cid chooses cid of 1
         3 seq chooses dan of 1
         3 seq chooses bob of 1
         4 seq chooses cid of 1
         5 seq chooses ann of 1
         6 dan delivers 1
         7 cid delivers 1
         8 seq opens 2 for 100 until 100
         9 seq chooses ann of 2
         10 ann delivers 2
         11 seq opens 3 for 100 until 100
         12 seq chooses seq of 3
         13 seq delivers 3
         14 seq opens 4 for 100 until 100
         24 ann delivers 4
         24.001 dan delivers 4",
        expect![[r#"
            0 ann joins stake 99 price 60 | refused: a stake of 100 is needed
            0 ann joins stake 100 price 60 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 price 101 | 100 bob>bob's stake (stake)
            1 seq opens 1 for 100 until 30 | refused: the deadline must be 31 s or later
            1 seq opens 1 for 100 until 31 | 100 seq>escrow#1 (escrow)
            2 cid bids 1 at 101 | refused: the price may be at most 100
            2 cid bids 1 at 70 |
            2 cid bids 1 at 60 | refused: done before
            3 cid chooses cid of 1 | refused: not the requester
            3 seq chooses dan of 1 | refused: bid first
            3 seq chooses bob of 1 | refused: the price may be at most 100
            4 seq chooses cid of 1 | 50 seq>seq's bond#1 (bond); #1 to cid for 70 until 24, open from 24.001 for 70
            5 seq chooses ann of 1 | refused: somebody has the job
            6 dan delivers 1 | refused: reserved for others until 24 s
            7 cid delivers 1 | 70 escrow#1>cid (price); 50 seq's bond#1>seq (release); 30 escrow#1>seq (refund); #1 proven
            8 seq opens 2 for 100 until 100 | 100 seq>escrow#2 (escrow)
            9 seq chooses ann of 2 | 50 seq>seq's bond#2 (bond); #2 to ann for 60 until 29, open from 29.001 for 60
            10 ann delivers 2 | 60 escrow#2>ann (price); 50 seq's bond#2>seq (release); 40 escrow#2>seq (refund); #2 proven
            11 seq opens 3 for 100 until 100 | 100 seq>escrow#3 (escrow)
            12 seq chooses seq of 3 | 50 seq>seq's bond#3 (bond); #3 to seq for 100 until 32, open from 32.001 for 100
            13 seq delivers 3 | 100 escrow#3>seq (price); 50 seq's bond#3>seq (release); #3 proven
            14 seq opens 4 for 100 until 100 | 100 seq>escrow#4 (escrow)
            24 ann delivers 4 | refused: the job is not allocated yet
            24.001 dan delivers 4 | #4 open from 24.001 for 100; 100 escrow#4>dan (rescue); #4 proven
        "#]],
    );
}

#[test]
fn who_is_late_is_raced_and_the_deposit_answers_for_the_block() {
    check(
        "sidecar",
        RULES,
        "0 ann joins stake 100 price 60
         1 seq opens 1 for 100 until 100
         2 seq chooses ann of 1
         22 dan delivers 1
         22.001 dan delivers 1
         30 seq opens 2 for 100 until 100
         31 cid bids 2 at 70
         32 seq chooses cid of 2
         100.001 - ticks
         110 ann leaves
         111 seq opens 3 for 100 until 200
         112 seq chooses ann of 3",
        expect![[r#"
            0 ann joins stake 100 price 60 | 100 ann>ann's stake (stake)
            1 seq opens 1 for 100 until 100 | 100 seq>escrow#1 (escrow)
            2 seq chooses ann of 1 | 50 seq>seq's bond#1 (bond); #1 to ann for 60 until 22, open from 22.001 for 60
            22 dan delivers 1 | refused: reserved for others until 22 s
            22.001 dan delivers 1 | #1 lapsed for ann; 60 escrow#1>dan (rescue); 30 ann's stake>burned (forfeit#1); 50 seq's bond#1>seq (release); 40 escrow#1>seq (refund); #1 proven
            30 seq opens 2 for 100 until 100 | 100 seq>escrow#2 (escrow)
            31 cid bids 2 at 70 |
            32 seq chooses cid of 2 | 50 seq>seq's bond#2 (bond); #2 to cid for 70 until 52, open from 52.001 for 70
            100.001 - ticks | [52.001] #2 lapsed for cid; 50 seq's bond#2>burned (forfeit#2); 100 escrow#2>seq (refund); #2 unproven
            110 ann leaves |
            111 seq opens 3 for 100 until 200 | 100 seq>escrow#3 (escrow)
            112 seq chooses ann of 3 | refused: on its way out until 160 s
        "#]],
    );
}

/// A venue that is not among the rules' is none.
#[test]
fn only_the_venues_of_the_rules_count() {
    let refused = |venues: &str, row: &str| {
        let all = r#"["own", "first-party", "third-party"]"#;
        let mut book = Rulebook::new("sidecar", &RULES.replace(all, venues));
        book.play("0 ann joins stake 100 price 60\n1 seq opens 1 for 100 until 100");
        book.play("2 cid bids 1 at 60");
        book.play(row).contains("refused")
    };
    let rows = ["3 seq chooses seq of 1", "3 seq chooses ann of 1", "3 seq chooses cid of 1"];
    let refusals = [r#"["own"]"#, r#"["first-party"]"#, r#"["third-party"]"#]
        .map(|venues| rows.map(|row| refused(venues, row)));
    assert_eq!(refusals, [[false, true, true], [true, false, true], [true, true, false]]);
}

/// If the deposit were a rescuer's, being late and delivering under another name would pay. It is not, and it does not.
#[test]
fn a_named_prover_gains_nothing_by_an_alias() {
    let gain = |script: &str| {
        let mut book = Rulebook::new("sidecar", RULES);
        book.play("1 seq opens 1 for 100 until 100\n2 cid bids 1 at 70\n3 seq chooses cid of 1");
        book.play(script);
        (book.gain("cid") + book.gain("alias"), book.gain("seq"))
    };
    assert_eq!(gain("4 cid delivers 1"), (70, -70));
    assert_eq!(gain("24 alias delivers 1"), (70, -70));
    // What it would have been, half of the deposit being the rescuer's.
    assert!(70 + 50 / 2 > gain("24 alias delivers 1").0);
}
