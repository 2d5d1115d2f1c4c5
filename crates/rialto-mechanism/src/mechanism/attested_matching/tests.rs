use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn a_matcher_gives_jobs_to_whoever_has_capacity() {
    check(
        "attested-matching",
        "kalypso",
        "0 req opens 1 for 50 until 9000
         0 req opens 2 for 60 until 9000
         0 ann joins stake 999
         0 ann joins stake 1000 capacity 0
         0 ann joins stake 1000 capacity 2
         0 bob joins stake 3000
         1 mat chooses ann of 1
         1 mat measured as 7
         2 mat chooses cid of 1
         2 mat chooses ann of 1
         3 mat chooses bob of 1
         4 mat chooses ann of 2
         5 mat chooses bob of 2
         6 req opens 3 for 70 until 9000
         7 mat chooses bob of 3
         8 ann delivers 2
         9 ann delivers 1
         10 bob declines 2
         11 bob leaves
         12 mat chooses bob of 3
         13 mat chooses ann of 3
         14 mat measured as 0
         14 mat chooses ann of 2
         1801 - ticks
         3700 - ticks
         700000 - ticks",
        expect![[r#"
            0 req opens 1 for 50 until 9000 | 50 req>escrow#1 (escrow)
            0 req opens 2 for 60 until 9000 | 60 req>escrow#2 (escrow)
            0 ann joins stake 999 | refused: a stake of 1000 is needed
            0 ann joins stake 1000 capacity 0 | refused: a capacity of 1 is needed
            0 ann joins stake 1000 capacity 2 | 1000 ann>ann's stake (stake)
            0 bob joins stake 3000 | 3000 bob>bob's stake (stake)
            1 mat chooses ann of 1 | refused: not a matcher
            1 mat measured as 7 |
            2 mat chooses cid of 1 | refused: not a member
            2 mat chooses ann of 1 | #1 to ann for 50 until 3602
            3 mat chooses bob of 1 | refused: somebody has the job
            4 mat chooses ann of 2 | refused: a stake of 2000 is needed
            5 mat chooses bob of 2 | #2 to bob for 60 until 3605
            6 req opens 3 for 70 until 9000 | 70 req>escrow#3 (escrow)
            7 mat chooses bob of 3 | refused: a capacity of 2 is needed
            8 ann delivers 2 | refused: reserved for others until 3605 s
            9 ann delivers 1 | 50 escrow#1>ann (price); #1 proven
            10 bob declines 2 | #2 lapsed for bob; 1000 bob's stake>treasury (forfeit#2); #2 to nobody
            11 bob leaves |
            12 mat chooses bob of 3 | refused: on its way out until 604811 s
            13 mat chooses ann of 3 | #3 to ann for 70 until 3613
            14 mat measured as 0 |
            14 mat chooses ann of 2 | refused: not a matcher
            1801 - ticks | [1800.001] 60 escrow#2>req (refund); [1800.001] #2 unproven
            3700 - ticks | [3613.001] #3 lapsed for ann; [3613.001] 1000 ann's stake>treasury (forfeit#3); [3613.001] 70 escrow#3>req (refund); [3613.001] #3 unproven
            700000 - ticks | [604811] 2000 bob's stake>bob (stake)
        "#]],
    );
}

/// Whatever a matcher says, a prover has no more jobs than it stated it can do, and nobody but a matcher is
/// heard: neither the requester nor the prover itself.
#[test]
fn nobody_is_overloaded_or_chooses_itself() {
    let mut book = Rulebook::new("attested-matching", "kalypso");
    book.play(
        "0 ann joins stake 9000 capacity 1
         0 mat measured as 1
         0 req opens 1 for 50 until 9000
         0 req opens 2 for 50 until 9000",
    );
    let mut said = |row: &str| book.play(row);
    assert!(said("1 req chooses ann of 1").contains("refused"));
    assert!(said("1 ann chooses ann of 1").contains("refused"));
    assert!(said("1 mat chooses ann of 1").contains("to ann"));
    assert!(said("1 mat chooses ann of 2").contains("refused: a capacity of 2"));
}

/// A matcher that says nothing costs time, not money.
#[test]
fn a_silent_matcher_costs_nothing() {
    let mut book = Rulebook::new("attested-matching", "kalypso");
    book.play("0 mat measured as 1\n0 req opens 1 for 50 until 9000\n1801 - ticks");
    assert_eq!(book.gain("req"), 0);
}
