use crate::rulebook::{Rulebook, THREE, check, drawn_of_nine_units};
use expect_test::expect;

/// With three members and a pool.
fn joined() -> Rulebook {
    let mut book = Rulebook::new("gevulot", "version-0");
    book.play(THREE);
    book.play("0 net endows 1000");
    book
}

#[test]
fn the_drawn_are_paid_by_rank_for_the_fastest_answer() {
    joined().check(
            "0 dan joins stake 999 capacity 10
             0 dan joins stake 1000 capacity 10
             0 dan measured as 60001
             0 req opens 1 for 299 until 9000 cycles 100
             0 req opens 1 for 300 until 666 cycles 100
             0 req opens 1 for 300 until 9000 cycles 100
             7 - seeds 0 with 7
             37 bob delivers 1
             38 bob delivers 1
             60 dan delivers 1
             61 ann delivers 1
             606 cid delivers 1",
        expect![[r#"
            0 dan joins stake 999 capacity 10 | refused: a stake of 1000 is needed
            0 dan joins stake 1000 capacity 10 | 1000 dan>dan's stake (stake)
            0 dan measured as 60001 |
            0 req opens 1 for 299 until 9000 cycles 100 | refused: the most that is paid must be 300 or more
            0 req opens 1 for 300 until 666 cycles 100 | refused: the deadline must be 666.001 s or later
            0 req opens 1 for 300 until 9000 cycles 100 | 300 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 100 and ann for 100 and cid for 100 until 607
            37 bob delivers 1 | 5 escrow#1>bob (price); 60 pool>bob (pool)
            38 bob delivers 1 | refused: done before
            60 dan delivers 1 | refused: not a member
            61 ann delivers 1 | 5 escrow#1>ann (price); 25 pool>ann (pool)
            606 cid delivers 1 | 5 escrow#1>cid (price); 15 pool>cid (pool); 285 escrow#1>req (refund); #1 proven
        "#]],
    );
}

#[test]
fn a_declined_slot_is_anybodys_and_the_number_paid_stays() {
    joined().check(
            "0 dan joins stake 1000 capacity 10
             0 req opens 1 for 300 until 9000 cycles 100
             7 - seeds 0 with 7
             8 dan measured as 5
             8 dan declines 1
             9 ann declines 1
             10 dan delivers 1
             11 ann delivers 1
             607.001 - ticks
             608 cid measured as 70000
             608 req opens 2 for 300 until 9000 cycles 100
             615 - seeds 1 with 7",
        expect![[r#"
            0 dan joins stake 1000 capacity 10 | 1000 dan>dan's stake (stake)
            0 req opens 1 for 300 until 9000 cycles 100 | 300 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 100 and ann for 100 and cid for 100 until 607
            8 dan measured as 5 |
            8 dan declines 1 | refused: not one of those who have the job
            9 ann declines 1 | #1 lapsed for ann
            10 dan delivers 1 | 1 escrow#1>dan (price); 60 pool>dan (pool)
            11 ann delivers 1 | refused: reserved for others until 607 s
            607.001 - ticks | #1 lapsed for bob; #1 lapsed for cid; 299 escrow#1>req (refund); #1 proven
            608 cid measured as 70000 |
            608 req opens 2 for 300 until 9000 cycles 100 | 300 req>escrow#2 (escrow); frozen for seed 1 from 614.001
            615 - seeds 1 with 7 | #2 to dan for 100 and ann for 100 until 1215
        "#]],
    );
}

#[test]
fn fees_for_nothing_are_burned() {
    check(
        "gevulot",
        "version-0",
        &format!(
            "0 req opens 1 for 300 until 9000 cycles 10
             7 - seeds 0 with 7
             {}
             8 req opens 2 for 300 until 9000 cycles 10
             80 - ticks
             81 req opens 3 for 300 until 9000 cycles 10
             88 - seeds 2 with 7
             200 ann leaves
             200 - ticks",
            THREE.replace("0 ann", "7 ann").replace("0 bob", "7 bob").replace("0 cid", "7 cid")
        ),
        expect![[r#"
            0 req opens 1 for 300 until 9000 cycles 10 | 300 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | 300 escrow#1>req (refund); #1 unproven
            7 ann joins stake 1000 capacity 10 | 1000 ann>ann's stake (stake)
            7 bob joins stake 1000 capacity 10 | 1000 bob>bob's stake (stake)
            7 cid joins stake 1000 capacity 10 | 1000 cid>cid's stake (stake)
            7 ann measured as 50000 |
            7 bob measured as 60000 |
            7 cid measured as 100 |
            8 req opens 2 for 300 until 9000 cycles 10 | 300 req>escrow#2 (escrow); frozen for seed 1 from 14.001
            80 - ticks | [74.001] 300 escrow#2>req (refund); [74.001] #2 unproven
            81 req opens 3 for 300 until 9000 cycles 10 | 300 req>escrow#3 (escrow); frozen for seed 2 from 87.001
            88 - seeds 2 with 7 | #3 to cid for 10 and ann for 10 and bob for 10 until 148
            200 ann leaves | [148.001] #3 lapsed for cid; [148.001] #3 lapsed for ann; [148.001] #3 lapsed for bob; [148.001] 300 escrow#3>burned (forfeit#3); [148.001] #3 unproven
            200 - ticks |
        "#]],
    );
}

/// With k provers drawn, a job is lost only if all fail: one of 2^k ways to fail or not.
#[test]
fn a_job_is_lost_only_if_all_who_were_drawn_fail() {
    for (provers, lost) in [(1, 1), (2, 1), (3, 1)] {
        let rules = crate::find("gevulot").unwrap().about.presets[0].rules;
        let rules = rules.replace("provers = 3", &format!("provers = {provers}"));
        let failed = (0..1u32 << provers).filter(|ways| {
            let mut book = Rulebook::new("gevulot", &rules);
            for name in ["ann", "bob", "cid"].iter().take(provers) {
                book.play(&format!(
                    "0 {name} joins stake 1000 capacity 10\n0 {name} measured as 1"
                ));
            }
            book.play("0 req opens 1 for 300 until 9000 cycles 10\n7 - seeds 0 with 7");
            for (place, name) in ["ann", "bob", "cid"].iter().take(provers).enumerate() {
                if ways >> place & 1 == 0 {
                    book.play(&format!("8 {name} delivers 1"));
                }
            }
            book.play("9000 - ticks");
            book.machine.ledger().balance(crate::Account::Burned) > crate::Amount::ZERO
        });
        assert_eq!(failed.count(), lost, "{provers} provers");
    }
}

/// Nobody is drawn twice for a job, so one name has one slot at most, however large it is, and many names have several:
/// a farm of small ids takes slots from its rivals. Stake and workload are asked of each.
#[test]
fn many_ids_have_more_slots_than_one() {
    let slots = |names| (0..100).map(|value| drawn_of_nine_units("gevulot", names, value)).sum();
    let (one, many): (usize, usize) = (slots(1), slots(9));
    assert_eq!(one, 100);
    assert!((130..220).contains(&many), "{many}");
}

/// All are paid for the cycles up to the fastest answer, so the fastest raises the fee by waiting, until somebody else is
/// faster: then it loses its rank.
#[test]
fn the_fastest_gains_by_waiting_while_nobody_is_faster() {
    let gain = |own: u32, rival: u32| {
        let mut book = joined();
        book.play("0 req opens 1 for 300 until 9000 cycles 100\n7 - seeds 0 with 7");
        let mut deliveries = [(own, "ann"), (rival, "bob"), (560, "cid")];
        deliveries.sort_unstable();
        for (at, name) in deliveries {
            book.play(&format!("{at} {name} delivers 1"));
        }
        book.gain("ann") + 1_000
    };
    assert_eq!([gain(20, 520), gain(500, 520)], [60 + 3, 60 + 83]);
    assert_eq!([gain(20, 30), gain(500, 30)], [60 + 3, 25 + 4]);
}
