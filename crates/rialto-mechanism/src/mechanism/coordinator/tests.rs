use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_oldest_job_goes_to_whoever_polls() {
    check(
        "coordinator",
        "scroll",
        "0 ann polls
         0 ann joins capacity 0
         0 ann joins capacity 2
         0 bob joins
         1 ann polls
         1 req opens 1 for 10 until 1000
         1 req opens 2 for 0 until 1000
         1 req opens 3 for 10 until 1000
         2 ann polls
         2 ann polls
         2 ann polls
         3 bob polls
         4 bob delivers 1
         4 ann delivers 1
         5 ann delivers 2 badly
         182 ann delivers 2
         184 bob delivers 3",
        expect![[r#"
            0 ann polls | refused: not a member
            0 ann joins capacity 0 | refused: a capacity of 1 is needed
            0 ann joins capacity 2 |
            0 bob joins |
            1 ann polls | refused: there is no work
            1 req opens 1 for 10 until 1000 | 10 req>escrow#1 (escrow)
            1 req opens 2 for 0 until 1000 |
            1 req opens 3 for 10 until 1000 | 10 req>escrow#3 (escrow)
            2 ann polls | #1 to ann for 10 until 182
            2 ann polls | #2 to ann for 0 until 182
            2 ann polls | refused: at most 2 fit
            3 bob polls | #3 to bob for 10 until 183
            4 bob delivers 1 | refused: reserved for others until 182 s
            4 ann delivers 1 | 10 escrow#1>ann (price); #1 proven
            5 ann delivers 2 badly | refused: the proof does not verify
            182 ann delivers 2 | #2 proven
            184 bob delivers 3 | [183.001] #3 lapsed for bob; [183.001] #3 to nobody; refused: the job is not allocated yet
        "#]],
    );
}

#[test]
fn a_job_goes_back_to_its_place_until_its_attempts_are_used_up() {
    check(
        "coordinator",
        "attempts = 2\ntimeout = \"3 min\"",
        "0 ann joins
         0 bob joins
         0 req opens 1 for 10 until 1000
         1 ann polls
         2 bob declines 1
         2 ann declines 1
         3 req opens 2 for 10 until 1000
         4 ann polls
         5 bob polls
         186 - ticks
         187 bob polls
         188 req cancels 2
         189 bob leaves
         190 bob polls
         1001 - ticks",
        expect![[r#"
            0 ann joins |
            0 bob joins |
            0 req opens 1 for 10 until 1000 | 10 req>escrow#1 (escrow)
            1 ann polls | #1 to ann for 10 until 181
            2 bob declines 1 | refused: not one of those who have the job
            2 ann declines 1 | #1 lapsed for ann; #1 to nobody
            3 req opens 2 for 10 until 1000 | 10 req>escrow#2 (escrow)
            4 ann polls | #2 to ann for 10 until 184
            5 bob polls | #1 to bob for 10 until 185
            186 - ticks | [184.001] #2 lapsed for ann; [184.001] #2 to nobody; [185.001] #1 lapsed for bob; [185.001] 10 escrow#1>req (refund); [185.001] #1 unproven
            187 bob polls | #2 to bob for 10 until 367
            188 req cancels 2 | refused: somebody has the job
            189 bob leaves |
            190 bob polls | refused: not a member
            1001 - ticks | [367.001] #2 lapsed for bob; [367.001] 10 escrow#2>req (refund); [367.001] #2 unproven
        "#]],
    );
}

/// With a chance f that a prover fails, f^attempts of all jobs fail: here every way of failing or
/// not, for five attempts, of which one fails all.
#[test]
fn one_of_all_ways_to_fail_five_attempts_loses_the_job() {
    let lost = (0..32u32).filter(|ways| {
        let mut book = Rulebook::new("coordinator", "scroll");
        book.play("0 ann joins\n0 req opens 1 for 10 until 9000");
        for attempt in 0..5 {
            let verb = if ways >> attempt & 1 == 1 { "declines" } else { "delivers" };
            book.play(&format!("{attempt} ann polls\n{attempt} ann {verb} 1"));
        }
        book.gain("ann") == 0
    });
    assert_eq!(lost.count(), 1);
}
