use crate::rulebook::{Rulebook, check};
use expect_test::expect;

/// Epochs of 10 s; two bids; a leader has 20 s and the list 100 s; being late costs 100.
const RULES: &str = r#"
    bids = 2
    epoch = "10 s"
    window = "20 s"
    fallback = "100 s"
    bond = 100
    exit = "50 s"
"#;

/// Ann leads with 30 and bob is second with 40 from 20 s on.
const LISTED: &str = "0 ann joins stake 200
    0 bob joins stake 200
    0 ann measured as 1
    0 bob measured as 1
    1 ann bids at 30
    1 bob bids at 40";

#[test]
fn the_two_lowest_of_a_short_list_take_over_two_epochs_later() {
    check(
        "allowlist",
        RULES,
        "0 ann joins stake 99
         0 ann joins stake 200
         1 ann bids at 30
         1 ann measured as 1
         1 ann bids at 30
         2 bob joins stake 200
         2 bob measured as 1
         2 bob bids at 30
         3 cid joins stake 200
         3 cid measured as 1
         3 cid bids at 30
         3 cid bids at 29
         9 req opens 1 for 100 until 28
         9 req opens 1 for 100 until 300
         20 req opens 2 for 28 until 300
         20 req opens 2 for 100 until 300
         21 bob delivers 2
         21 cid delivers 2
         21 ann bids at 50
         21 cid bids at 60
         39 req opens 3 for 100 until 300
         40 req opens 4 for 100 until 300
         41 ann measured as 0
         42 req opens 5 for 100 until 300
         43 cid leaves
         44 req opens 6 for 100 until 300",
        expect![[r#"
            0 ann joins stake 99 | refused: a stake of 100 is needed
            0 ann joins stake 200 | 200 ann>ann's stake (stake)
            1 ann bids at 30 | refused: not a member
            1 ann measured as 1 |
            1 ann bids at 30 |
            2 bob joins stake 200 | 200 bob>bob's stake (stake)
            2 bob measured as 1 |
            2 bob bids at 30 |
            3 cid joins stake 200 | 200 cid>cid's stake (stake)
            3 cid measured as 1 |
            3 cid bids at 30 | refused: the price may be at most 29
            3 cid bids at 29 |
            9 req opens 1 for 100 until 28 | refused: the deadline must be 29 s or later
            9 req opens 1 for 100 until 300 | 100 req>escrow#1 (escrow); #1 to ann for 30 until 29, open from 109 for 30
            20 req opens 2 for 28 until 300 | refused: the most that is paid must be 29 or more
            20 req opens 2 for 100 until 300 | 100 req>escrow#2 (escrow); #2 to cid for 29 until 40, from 40.001 ann for 30, open from 120 for 29
            21 bob delivers 2 | refused: reserved for others until 40 s
            21 cid delivers 2 | 29 escrow#2>cid (price); 71 escrow#2>req (refund); #2 proven
            21 ann bids at 50 |
            21 cid bids at 60 |
            39 req opens 3 for 100 until 300 | [29.001] #1 lapsed for ann; 100 req>escrow#3 (escrow); #3 to cid for 29 until 59, from 59.001 ann for 30, open from 139 for 29
            40 req opens 4 for 100 until 300 | 100 req>escrow#4 (escrow); #4 to ann for 50 until 60, from 60.001 cid for 60, open from 140 for 50
            41 ann measured as 0 |
            42 req opens 5 for 100 until 300 | 100 req>escrow#5 (escrow); #5 to cid for 60 until 62, open from 142 for 60
            43 cid leaves |
            44 req opens 6 for 100 until 300 | 100 req>escrow#6 (escrow); #6 open from 144 for 100
        "#]],
    );
}

#[test]
fn the_second_stands_by_and_after_the_fallback_anybody_may_prove() {
    check(
        "allowlist",
        RULES,
        &format!(
            "{LISTED}
             20 req opens 1 for 100 until 300
             40 bob delivers 1
             40.001 cid delivers 1
             40.001 bob delivers 1
             50 req opens 2 for 100 until 300
             149 cid delivers 2
             150 cid delivers 2
             160 req opens 3 for 100 until 300
             161 ann delivers 3"
        ),
        expect![[r#"
            0 ann joins stake 200 | 200 ann>ann's stake (stake)
            0 bob joins stake 200 | 200 bob>bob's stake (stake)
            0 ann measured as 1 |
            0 bob measured as 1 |
            1 ann bids at 30 |
            1 bob bids at 40 |
            20 req opens 1 for 100 until 300 | 100 req>escrow#1 (escrow); #1 to ann for 30 until 40, from 40.001 bob for 40, open from 120 for 30
            40 bob delivers 1 | refused: reserved for others until 40 s
            40.001 cid delivers 1 | #1 lapsed for ann; refused: reserved for others until 119.999 s
            40.001 bob delivers 1 | 40 escrow#1>bob (rescue); 50 ann's stake>burned (forfeit#1); 50 ann's stake>bob (forfeit#1); 60 escrow#1>req (refund); #1 proven
            50 req opens 2 for 100 until 300 | 100 req>escrow#2 (escrow); #2 to ann for 30 until 70, from 70.001 bob for 40, open from 150 for 30
            149 cid delivers 2 | [70.001] #2 lapsed for ann; refused: reserved for others until 149.999 s
            150 cid delivers 2 | 30 escrow#2>cid (rescue); 50 ann's stake>burned (forfeit#2); 50 ann's stake>cid (forfeit#2); 70 escrow#2>req (refund); #2 proven
            160 req opens 3 for 100 until 300 | 100 req>escrow#3 (escrow); #3 to ann for 30 until 180, from 180.001 bob for 30, open from 260 for 30
            161 ann delivers 3 | 30 escrow#3>ann (price); 70 escrow#3>req (refund); #3 proven
        "#]],
    );
}

/// Five days without anybody on the list: what is left then is for all.
#[test]
fn without_a_list_a_job_waits_for_the_fallback() {
    let mut book = Rulebook::new("allowlist", "taiko");
    book.play("0 req opens 1 for 100 until 999999");
    let early = book.play("431999 cid delivers 1");
    assert!(early.contains("refused: not before 432000 s"), "{early}");
    assert!(book.play("432000 cid delivers 1").contains("#1 proven"));
    assert_eq!(book.gain("cid"), 100);
}

/// The two lowest bids, once as one owner's: to be late and deliver as the second gains it nothing, with a bond
/// and without.
#[test]
fn a_leader_does_not_gain_by_its_second() {
    for bond in ["bond = 0", "bond = 100"] {
        let gain = |script: &str| {
            let mut book = Rulebook::new("allowlist", &RULES.replace("bond = 100", bond));
            book.play(&format!(
                "{LISTED}\n20 req opens 1 for 1000 until 300\n{script}\n400 ann leaves"
            ));
            book.play("400 bob leaves\n500 - ticks");
            book.gain("ann") + book.gain("bob")
        };
        let kept = gain("21 ann delivers 1");
        assert_eq!(kept, 30);
        assert!(gain("41 bob delivers 1") <= kept, "{bond}");
        assert!(gain("121 bob delivers 1") <= kept, "{bond}");
    }
}
