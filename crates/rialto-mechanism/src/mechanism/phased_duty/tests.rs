use super::*;
use crate::rulebook::{Rulebook, check};
use expect_test::expect;

const THREE: &str = "provers = 2\ngroup = 1\nphase = \"10 s\"\ntiers = [9000, 5000]\ngrace = \"10 s\"\nlate = 100\nmissed = 300\n\
                     min_stake = 1000\nexit = \"7 d\"\nbeacon = { lag = \"3 s\", patience = \"9 s\" }";

#[test]
fn rewards_fall_by_phase_and_turn_into_penalties() {
    check(
        "phased-duty",
        THREE,
        "0 ann joins stake 999
         0 ann joins stake 1000
         0 req opens 1 for 200 until 42
         0 req opens 1 for 200 until 900
         4 - seeds 0 with 7
         5 bob joins stake 1000
         6 req opens 2 for 200 until 900
         10 - seeds 1 with 7
         11 cid delivers 2
         11 ann delivers 2 badly
         20 ann delivers 2
         35 bob delivers 2
         36 ann delivers 2
         50 req opens 3 for 200 until 900
         55 - seeds 2 with 7
         70 ann delivers 3
         90 - ticks
         100 ann leaves
         101 req opens 4 for 200 until 900
         900 - ticks",
        expect![[r#"
            0 ann joins stake 999 | refused: a stake of 1000 is needed
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 req opens 1 for 200 until 42 | refused: the deadline must be 42.001 s or later
            0 req opens 1 for 200 until 900 | 200 req>escrow#1 (escrow); frozen for seed 0 from 3.001
            4 - seeds 0 with 7 | 200 escrow#1>req (refund); #1 unproven
            5 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            6 req opens 2 for 200 until 900 | 200 req>escrow#2 (escrow); frozen for seed 1 from 9.001
            10 - seeds 1 with 7 | #2 to ann for 100 and bob for 100 until 40
            11 cid delivers 2 | refused: reserved for others until 40 s
            11 ann delivers 2 badly | refused: the proof does not verify
            20 ann delivers 2 | 90 escrow#2>ann (price)
            35 bob delivers 2 | #2 lapsed for bob; 100 bob's stake>burned (forfeit#2); 110 escrow#2>req (refund); #2 proven
            36 ann delivers 2 | refused: no such job, or it is over
            50 req opens 3 for 200 until 900 | 200 req>escrow#3 (escrow); frozen for seed 2 from 53.001
            55 - seeds 2 with 7 | 200 escrow#3>req (refund); #3 unproven
            70 ann delivers 3 | refused: no such job, or it is over
            90 - ticks |
            100 ann leaves |
            101 req opens 4 for 200 until 900 | 200 req>escrow#4 (escrow); frozen for seed 3 from 104.001
            900 - ticks | [113.001] 200 escrow#4>req (refund); [113.001] #4 unproven
        "#]],
    );
}

/// A prover that comes late loses less than one that does not come, and one in time nothing.
#[test]
fn coming_late_is_better_than_not_at_all() {
    let gain = |at: Option<u32>| {
        let mut book = Rulebook::new("phased-duty", THREE);
        book.play(
            "0 ann joins stake 1000
             0 bob joins stake 1000
             0 req opens 1 for 200 until 900
             4 - seeds 0 with 7
             5 bob delivers 1",
        );
        if let Some(at) = at {
            book.play(&format!("{at} ann delivers 1"));
        }
        book.play("950 ann leaves\n700000 - ticks");
        book.gain("ann")
    };
    assert_eq!([Some(14), Some(15), Some(24), Some(34), None].map(gain), [90, 50, 50, -100, -300]);
}

/// In pairs, one of the two is enough; alone in its group, each can stop the proof, for its penalty.
#[test]
fn a_whole_group_stops_a_proof() {
    let outcome = |group: u32| {
        let rules = THREE.replace("group = 1", &format!("group = {group}"));
        let mut book = Rulebook::new("phased-duty", &rules);
        book.play(
            "0 ann joins stake 1000
             0 bob joins stake 1000
             0 req opens 1 for 200 until 900
             4 - seeds 0 with 7
             5 bob delivers 1",
        );
        let end = book.play("40 - ticks");
        (end.contains("#1 proven"), end.contains("300 ann's stake>burned"))
    };
    assert_eq!([outcome(1), outcome(2)], [(false, true), (true, true)]);
}

/// The post's own size: 200 provers, 5 for a part.
#[test]
fn two_hundred_provers_prove_together() {
    let mut book = Rulebook::new("phased-duty", LARGE);
    let names: Vec<String> = (0..200).map(|nth| format!("prover{nth:03}")).collect();
    for name in &names {
        book.play(&format!("0 {name} joins stake 1000"));
    }
    book.play("0 req opens 1 for 20000 until 9000\n13 - seeds 0 with 7");
    let last = names.iter().map(|name| book.play(&format!("14 {name} delivers 1"))).last();
    assert!(last.unwrap().contains("#1 proven"));
    assert_eq!((book.gain("prover000"), book.gain("req")), (90 - 1_000, -200 * 90));
}
