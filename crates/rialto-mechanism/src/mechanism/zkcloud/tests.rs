use crate::rulebook::{Rulebook, THREE, drawn_of_nine_units};
use expect_test::expect;

/// With three members and a pool.
fn joined() -> Rulebook {
    let mut book = Rulebook::new("zkcloud", "zkcloud");
    book.play(THREE);
    book.play("0 net endows 70");
    book
}

#[test]
fn one_is_drawn_accepts_and_is_paid() {
    joined().check(
            "0 req opens 1 for 100 until 666
             0 req opens 1 for 100 until 9000
             7 - seeds 0 with 7
             8 ann accepts 1
             9 bob accepts 1
             9 bob accepts 1
             10 bob declines 1
             11 bob delivers 1
             12 req opens 2 for 100 until 9000
             13 req opens 3 for 100 until 9000
             19 - seeds 1 with 7
             26 - seeds 2 with 7",
        expect![[r#"
            0 req opens 1 for 100 until 666 | refused: the deadline must be 666.001 s or later
            0 req opens 1 for 100 until 9000 | 100 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 100 until 607
            8 ann accepts 1 | refused: not one of those who have the job
            9 bob accepts 1 |
            9 bob accepts 1 | refused: done before
            10 bob declines 1 | refused: done before
            11 bob delivers 1 | 100 escrow#1>bob (price); #1 proven
            12 req opens 2 for 100 until 9000 | 100 req>escrow#2 (escrow); frozen for seed 1 from 18.001
            13 req opens 3 for 100 until 9000 | 100 req>escrow#3 (escrow)
            19 - seeds 1 with 7 | #2 to cid for 100 until 619; frozen for seed 2 from 25.001
            26 - seeds 2 with 7 | #3 to ann for 100 until 626
        "#]],
    );
}

#[test]
fn who_does_not_answer_is_out_and_declines_are_rationed() {
    joined().check(
            "0 req opens 1 for 100 until 900000
             7 - seeds 0 with 7
             26 - ticks
             33 - seeds 1 with 7
             34 bob declines 1
             34 cid declines 1
             41 - seeds 2 with 7
             42 - ticks
             50 req opens 2 for 100 until 900000
             57 - seeds 3 with 7
             58 cid declines 2
             58 bob declines 2",
        expect![[r#"
            0 req opens 1 for 100 until 900000 | 100 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 100 until 607
            26 - ticks | [25.001] #1 to nobody; [25.001] frozen for seed 1 from 31.002
            33 - seeds 1 with 7 | #1 to cid for 100 until 633
            34 bob declines 1 | refused: not one of those who have the job
            34 cid declines 1 | #1 to nobody; frozen for seed 2 from 40.001
            41 - seeds 2 with 7 | #1 to ann for 100 until 641
            42 - ticks |
            50 req opens 2 for 100 until 900000 | 100 req>escrow#2 (escrow); frozen for seed 3 from 56.001
            57 - seeds 3 with 7 | #2 to cid for 100 until 657
            58 cid declines 2 | refused: not before 604834 s
            58 bob declines 2 | refused: not one of those who have the job
        "#]],
    );
}

#[test]
fn a_fallback_is_paid_in_full_and_the_requester_refunded_by_half() {
    joined().check(
            "0 req opens 1 for 101 until 9000
             7 - seeds 0 with 7
             8 bob accepts 1
             608 - ticks
             615 - seeds 1 with 7
             616 bob delivers 1
             617 ann delivers 1
             617 cid delivers 1",
        expect![[r#"
            0 req opens 1 for 101 until 9000 | 101 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 101 until 607
            8 bob accepts 1 |
            608 - ticks | [607.001] #1 lapsed for bob; [607.001] #1 to nobody; [607.001] frozen for seed 1 from 613.002
            615 - seeds 1 with 7 | #1 to cid for 50 until 1215
            616 bob delivers 1 | refused: reserved for others until 1215 s
            617 ann delivers 1 | refused: reserved for others until 1215 s
            617 cid delivers 1 | 50 escrow#1>cid (price); 51 escrow#1>req (refund); #1 proven; 51 pool>cid (pool)
        "#]],
    );
}

#[test]
fn when_both_miss_the_fees_are_burned() {
    joined().check(
            "0 req opens 1 for 101 until 9000
             7 - seeds 0 with 7
             8 bob accepts 1
             608 - ticks
             615 - seeds 1 with 7
             616 ann accepts 1
             616 cid accepts 1
             1216 - ticks
             1217 req opens 2 for 101 until 9000
             1224 - seeds 2 with 7",
        expect![[r#"
            0 req opens 1 for 101 until 9000 | 101 req>escrow#1 (escrow); frozen for seed 0 from 6.001
            7 - seeds 0 with 7 | #1 to bob for 101 until 607
            8 bob accepts 1 |
            608 - ticks | [607.001] #1 lapsed for bob; [607.001] #1 to nobody; [607.001] frozen for seed 1 from 613.002
            615 - seeds 1 with 7 | #1 to cid for 50 until 1215
            616 ann accepts 1 | refused: not one of those who have the job
            616 cid accepts 1 |
            1216 - ticks | [1215.001] #1 lapsed for cid; [1215.001] 101 escrow#1>burned (forfeit#1); [1215.001] #1 unproven
            1217 req opens 2 for 101 until 9000 | 101 req>escrow#2 (escrow); frozen for seed 2 from 1223.001
            1224 - seeds 2 with 7 | #2 to ann for 101 until 1824
        "#]],
    );
}

/// At most one decline in seven days and four in thirty.
#[test]
fn the_quotas_are_one_a_week_and_four_a_month() {
    let mut book = Rulebook::new("zkcloud", "zkcloud");
    book.play("0 ann joins stake 1000 capacity 10\n0 ann measured as 1");
    let mut heard = Vec::new();
    for job in 1..=54 {
        // Some 29 days, a job each 13 hours; a fifth decline would be a week after the fourth.
        let at_s = job * 13 * 3_600;
        book.play(&format!("{at_s} req opens {job} for 100 until {}", at_s + 40_000));
        let drawn = (0..200).find(|round| {
            book.play(&format!("{} - seeds {round} with 7", at_s + 10)).contains("to ann")
        });
        if drawn.is_some() {
            let said = book.play(&format!("{} ann declines {job}", at_s + 11));
            heard.push(!said.contains("refused"));
            book.play(&format!("{} ann delivers {job}", at_s + 12));
        }
    }
    let declined = heard.iter().filter(|heard| **heard).count();
    assert!(heard.len() > 20, "ann was drawn {} times", heard.len());
    assert_eq!(declined, 4);
}

/// The second draw's window ends after the deadline: the job ends at the deadline, and nothing later.
#[test]
fn a_window_that_ends_after_the_deadline_rings_no_more() {
    let mut book = joined();
    book.play(
        "0 req opens 1 for 100 until 667
         7 - seeds 0 with 7
         8 bob accepts 1
         650 - seeds 1 with 7
         651 cid accepts 1",
    );
    let expired = book.play("700 req ticks");
    assert!(expired.contains("#1 unproven"), "{expired}");
    assert!(book.play("2000 req ticks").ends_with("ticks |\n"));
}

/// One prover is drawn for a job, so an owner of a third of the capacity has a third of the jobs, be it one id or
/// nine: within five standard deviations of 200 draws.
#[test]
fn many_ids_have_no_more_jobs_than_one() {
    for names in [1, 9] {
        let drawn = (0..200).map(|value| drawn_of_nine_units("zkcloud", names, value));
        let drawn = drawn.sum::<usize>();
        assert!(drawn.abs_diff(67) <= 34, "{drawn} with {names} names");
    }
}
