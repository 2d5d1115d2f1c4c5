use crate::Amount;
use crate::rulebook::{Rulebook, check};
use expect_test::{Expect, expect};

/// A window of 10 s; a rescuer has 60 % of a share, a proof that was not needed 40 %; failing costs 30.
const RULES: &str = r#"
    leaves = 8
    window = "10 s"
    rescue = "pair"
    bounty = 6000
    uncle = 4000
    stake = 100
    slash = 30
    exit = "50 s"
    beacon = { lag = "0 s", patience = "5 s" }
"#;

/// Four members, and job 1 of four leaves with 10 for each of its seven nodes. The seed gives the leaves 4 to 7 to
/// bob, ann, cid and dan, the merges 2 and 3 to ann and dan, and the root to dan.
const DRAWN: &str = "0 ann joins stake 100
    0 bob joins stake 100
    0 cid joins stake 100
    0 dan joins stake 100
    1 req opens 1 for 75 until 100 parts 4
    2 - seeds 0 with 7";

#[test]
fn only_a_perfect_tree_is_taken_and_only_in_time() {
    check(
        "proof-tree",
        RULES,
        "0 ann joins stake 99
         0 ann joins stake 100
         1 req opens 1 for 75 until 100 parts 16
         1 req opens 1 for 75 until 100 parts 3
         1 req opens 1 for 75 until 35 parts 4
         1 req opens 1 for 75 until 36 parts 4
         1 ann delivers 1 part 4
         6.001 - ticks
         7 ann leaves
         7 req opens 2 for 75 until 100 parts 1
         8 - seeds 1 with 7",
        expect![[r#"
            0 ann joins stake 99 | refused: a stake of 100 is needed
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            1 req opens 1 for 75 until 100 parts 16 | refused: a job has from 1 to 8 parts here
            1 req opens 1 for 75 until 100 parts 3 | refused: the leaves of a tree are a power of two
            1 req opens 1 for 75 until 35 parts 4 | refused: the deadline must be 36 s or later
            1 req opens 1 for 75 until 36 parts 4 | 75 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            1 ann delivers 1 part 4 | refused: the job is not allocated yet
            6.001 - ticks | 75 escrow#1>req (refund); #1 unproven
            7 ann leaves |
            7 req opens 2 for 75 until 100 parts 1 | 75 req>escrow#2 (escrow); frozen for seed 1 from 7.001
            8 - seeds 1 with 7 | 75 escrow#2>req (refund); #2 unproven
        "#]],
    );
}

#[test]
fn the_root_pays_everybody_for_what_they_were_elected_for() {
    check(
        "proof-tree",
        RULES,
        &format!(
            "{DRAWN}
             3 bob delivers 1
             3 bob delivers 1 part 8
             3 bob delivers 1 part 4 badly
             3 bob delivers 1 part 4
             3 bob delivers 1 part 4
             3 bob delivers 1 part 6
             3 ann delivers 1 part 2
             4 ann delivers 1 part 5
             5 ann delivers 1 part 2
             12 cid delivers 1 part 6
             12 dan delivers 1 part 7
             13 dan delivers 1 part 3
             14 dan delivers 1 part 1"
        ),
        expect![[r#"
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 | 100 bob>bob's stake (stake)
            0 cid joins stake 100 | 100 cid>cid's stake (stake)
            0 dan joins stake 100 | 100 dan>dan's stake (stake)
            1 req opens 1 for 75 until 100 parts 4 | 75 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            2 - seeds 0 with 7 | #1 to bob for 10 and ann for 20 and cid for 10 and dan for 30 until 100.001
            3 bob delivers 1 | refused: a job has from 1 to 7 parts here
            3 bob delivers 1 part 8 | refused: a job has from 1 to 7 parts here
            3 bob delivers 1 part 4 badly | refused: the proof does not verify
            3 bob delivers 1 part 4 |
            3 bob delivers 1 part 4 | refused: done before
            3 bob delivers 1 part 6 | refused: reserved for others until 12 s
            3 ann delivers 1 part 2 | refused: what it is made of is not proven yet
            4 ann delivers 1 part 5 |
            5 ann delivers 1 part 2 |
            12 cid delivers 1 part 6 |
            12 dan delivers 1 part 7 |
            13 dan delivers 1 part 3 |
            14 dan delivers 1 part 1 | 20 escrow#1>ann (price); 10 escrow#1>bob (price); 10 escrow#1>cid (price); 30 escrow#1>dan (price); 5 escrow#1>req (refund); #1 proven
        "#]],
    );
}

/// What comes after the rows of [`DRAWN`].
#[track_caller]
fn check_drawn(script: &str, expected: Expect) {
    let mut book = Rulebook::new("proof-tree", RULES);
    book.play(DRAWN);
    book.check(script, expected);
}

/// Bob's leaf is proven by its sibling, dan's merge by whoever has proven below it; bob is late.
#[test]
fn a_sibling_steps_in_after_the_window_and_both_are_paid() {
    check_drawn(
        "3 ann delivers 1 part 5
         4 cid delivers 1 part 6
         5 dan delivers 1 part 7
         12 ann delivers 1 part 4
         12.001 cid delivers 1 part 4
         12.001 ann delivers 1 part 4
         13 bob delivers 1 part 4
         13 bob delivers 1 part 4
         14 ann delivers 1 part 2
         15.001 ann delivers 1 part 3
         15.001 cid delivers 1 part 3
         16 dan delivers 1 part 1",
        expect![[r#"
            3 ann delivers 1 part 5 |
            4 cid delivers 1 part 6 |
            5 dan delivers 1 part 7 |
            12 ann delivers 1 part 4 | refused: reserved for others until 12 s
            12.001 cid delivers 1 part 4 | refused: not one of those who have the job
            12.001 ann delivers 1 part 4 | #1 lapsed for bob
            13 bob delivers 1 part 4 |
            13 bob delivers 1 part 4 | refused: done before
            14 ann delivers 1 part 2 |
            15.001 ann delivers 1 part 3 | refused: not one of those who have the job
            15.001 cid delivers 1 part 3 | #1 lapsed for dan
            16 dan delivers 1 part 1 | 20 escrow#1>ann (price); 6 escrow#1>ann (rescue); 4 escrow#1>bob (uncle 1); 10 escrow#1>cid (price); 6 escrow#1>cid (rescue); 20 escrow#1>dan (price); 30 bob's stake>burned (forfeit#1); 30 dan's stake>burned (forfeit#1); 9 escrow#1>req (refund); #1 proven
        "#]],
    );
}

#[test]
fn without_a_root_proofs_are_uncles_and_who_was_due_has_failed() {
    check_drawn(
        "3 ann delivers 1 part 5
         12.001 ann delivers 1 part 4
         13 bob delivers 1 part 4
         95 ann delivers 1 part 2
         100.001 - ticks",
        expect![[r#"
            3 ann delivers 1 part 5 |
            12.001 ann delivers 1 part 4 | #1 lapsed for bob
            13 bob delivers 1 part 4 |
            95 ann delivers 1 part 2 |
            100.001 - ticks | #1 lapsed for cid; #1 lapsed for dan; 12 escrow#1>ann (uncle 1); 30 bob's stake>burned (forfeit#1); 30 cid's stake>burned (forfeit#1); 30 dan's stake>burned (forfeit#1); 63 escrow#1>req (refund); #1 unproven
        "#]],
    );
}

/// What ann's side of the tree may do about the other: its leaves' provers are both gone.
fn ann_rescues(rescue: &str) -> String {
    let rules = RULES.replace("\"pair\"", rescue);
    let rules = if rescue == "\"none\"" { rules.replace("6000", "0") } else { rules };
    let mut book = Rulebook::new("proof-tree", &rules);
    book.play(&format!("{DRAWN}\n3 ann delivers 1 part 5\n3 bob delivers 1 part 4"));
    book.play("4 ann delivers 1 part 2");
    let leaf = book.play("13 ann delivers 1 part 6");
    book.play("14 ann delivers 1 part 7");
    book.play("25 ann delivers 1 part 3");
    let root = book.play("36 ann delivers 1 part 1");
    format!("{leaf}{root}")
}

#[test]
fn a_subtree_is_rebuilt_only_where_the_rules_say_so() {
    expect![[r#"
        13 ann delivers 1 part 6 | refused: not one of those who have the job
        36 ann delivers 1 part 1 | refused: what it is made of is not proven yet
        13 ann delivers 1 part 6 | refused: not one of those who have the job
        36 ann delivers 1 part 1 | refused: what it is made of is not proven yet
        13 ann delivers 1 part 6 | #1 lapsed for cid
        36 ann delivers 1 part 1 | 20 escrow#1>ann (price); 24 escrow#1>ann (rescue); 10 escrow#1>bob (price); 30 cid's stake>burned (forfeit#1); 30 dan's stake>burned (forfeit#1); 21 escrow#1>req (refund); #1 proven
    "#]].assert_eq(&["\"none\"", "\"pair\"", "\"subtree\""].map(ann_rescues).concat());
}

/// What ann has of proving bob's leaf beside her own nodes.
fn gain_of_a_rescue(rules: &str) -> i128 {
    let outcome = |script: &str| {
        let mut book = Rulebook::new("proof-tree", rules);
        book.play(DRAWN);
        book.play("3 ann delivers 1 part 5\n3 cid delivers 1 part 6\n3 dan delivers 1 part 7");
        book.play(script);
        book.play("18 ann delivers 1 part 2\n19 dan delivers 1 part 3\n20 dan delivers 1 part 1");
        book.gain("ann")
    };
    outcome("13 ann delivers 1 part 4") - outcome("13 bob delivers 1 part 4")
}

/// In the forum's rule a sibling is paid for what it was elected for, so rescuing is work for nothing. Nor does
/// another's slash pay, or leaving out what another has proven would.
#[test]
fn a_rescue_pays_its_bounty_and_nothing_else() {
    assert_eq!(gain_of_a_rescue(&RULES.replace("bounty = 6000", "bounty = 0")), 0);
    assert_eq!(gain_of_a_rescue(RULES), 6);
    assert_eq!(gain_of_a_rescue(&RULES.replace("slash = 30", "slash = 100")), 6);
}

/// The two who are elected for siblings, once as one owner's: to miss a node, rescue it and prove it late all the
/// same is worth the share at most.
#[test]
fn missing_a_node_for_an_alias_never_pays() {
    let refusal = crate::find("proof-tree").unwrap().start(&RULES.replace("4000", "4001")).err();
    let refusal = std::error::Error::source(refusal.as_ref().unwrap()).unwrap().to_string();
    assert_eq!(refusal, "bounty and uncle must be 10000 together at most");
    let gain = |script: &str| {
        let mut book = Rulebook::new("proof-tree", &RULES.replace("slash = 30", "slash = 0"));
        book.play(&format!("{DRAWN}\n3 ann delivers 1 part 5\n3 cid delivers 1 part 6"));
        book.play(&format!("3 dan delivers 1 part 7\n{script}"));
        book.play("18 ann delivers 1 part 2\n19 dan delivers 1 part 3\n20 dan delivers 1 part 1");
        book.gain("ann") + book.gain("bob")
    };
    let kept = gain("4 bob delivers 1 part 4");
    assert_eq!(gain("13 ann delivers 1 part 4\n14 bob delivers 1 part 4"), kept);
    assert_eq!(gain("13 ann delivers 1 part 4"), kept - 4);
}

/// By the seed's bits each child's prover is elected for their merge as often as the other's.
#[test]
fn neither_side_of_a_merge_is_favoured() {
    let mut left = 0;
    for seed in 0..200 {
        let mut book = Rulebook::new("proof-tree", RULES);
        book.play(&DRAWN.replace("with 7", &format!("with {seed}")));
        let Some(crate::Stage::Allocated(allocation)) =
            book.machine.job(crate::JobId(1)).map(|job| job.stage.clone())
        else {
            unreachable!("it was drawn for")
        };
        // Leaves 4 and 5, in the order of the holders: who has more than a leaf has the merge.
        left += u32::from(allocation.holders[0].price > Amount::from(10));
    }
    assert!(left.abs_diff(100) < 36, "{left} of 200");
}

/// Who is alone is elected for everything; shares are rounded down.
#[test]
fn one_member_proves_the_whole_tree() {
    let mut book = Rulebook::new("proof-tree", RULES);
    book.play("0 ann joins stake 100\n1 req opens 1 for 75 until 100 parts 4\n2 - seeds 0 with 7");
    book.play("3 ann delivers 1 part 4\n3 ann delivers 1 part 5\n3 ann delivers 1 part 6");
    book.play("3 ann delivers 1 part 7\n3 ann delivers 1 part 2\n3 ann delivers 1 part 3");
    book.play("3 ann delivers 1 part 1\n3 ann leaves\n60 - ticks");
    assert_eq!(book.gain("ann"), 70);
    assert_eq!(book.gain("req"), -70);
}
