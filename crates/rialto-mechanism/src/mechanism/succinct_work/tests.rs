use super::*;
use crate::rulebook::{Rulebook, check};
use expect_test::expect;

const SMALL: &str =
    "solutions = 4\nprovers = 6667\nfirst_target = 400\nanchor = \"25 s\"\nhalf_life = \"100 s\"";

#[test]
fn a_block_takes_four_solutions_and_pays_by_their_targets() {
    check(
        "succinct-work",
        SMALL,
        "0 ann opens 1 for 3000 until 100
         1 bob delivers 1
         1 bob delivers 1 part 1 badly
         1 bob delivers 1 part 1
         2 cid delivers 1 part 2
         3 bob delivers 1 part 1
         20 ann cancels 1
         25 dan delivers 1 part 1
         26 ann opens 2 for 3000 until 60
         30 bob delivers 2 part 1
         61 ann opens 3 for 3000 until 161
         62 bob delivers 3 part 1
         63 cid delivers 3 part 1
         162 ann opens 4 for 3000 until 170
         171 - ticks",
        expect![[r#"
            0 ann opens 1 for 3000 until 100 | 3000 ann>escrow#1 (escrow); #1 open from 0 for 0
            1 bob delivers 1 | refused: a job has from 1 to 4294967295 parts here
            1 bob delivers 1 part 1 badly | refused: the proof does not verify
            1 bob delivers 1 part 1 |
            2 cid delivers 1 part 2 |
            3 bob delivers 1 part 1 |
            20 ann cancels 1 | refused: somebody has the job
            25 dan delivers 1 part 1 | 800 escrow#1>bob (price); 800 escrow#1>cid (price); 400 escrow#1>dan (price); 1000 escrow#1>treasury (fee); #1 proven
            26 ann opens 2 for 3000 until 60 | 3000 ann>escrow#2 (escrow); #2 open from 26 for 0
            30 bob delivers 2 part 1 |
            61 ann opens 3 for 3000 until 161 | [60.001] 504 escrow#2>bob (price); [60.001] 253 escrow#2>treasury (fee); [60.001] 2243 escrow#2>ann (refund); [60.001] #2 proven; 3000 ann>escrow#3 (escrow); #3 open from 61 for 0
            62 bob delivers 3 part 1 |
            63 cid delivers 3 part 1 |
            162 ann opens 4 for 3000 until 170 | [161.001] 505 escrow#3>bob (price); [161.001] 505 escrow#3>cid (price); [161.001] 505 escrow#3>treasury (fee); [161.001] 1485 escrow#3>ann (refund); [161.001] #3 proven; 3000 ann>escrow#4 (escrow); #4 open from 162 for 0
            171 - ticks | [170.001] 3000 escrow#4>ann (refund); [170.001] #4 unproven
        "#]],
    );
}

/// On time the target stays; a half-life late it is half, a half-life early twice as high.
#[test]
fn targets_follow_time() {
    let [on_time, late, early] =
        [25, 125, 0].map(|took| retargeted(1 << 40, Span::s(took), Span::s(25), Span::s(100)));
    assert_eq!((on_time, late), (1 << 40, 1 << 39));
    // 2^(1/4) of it, by hand.
    assert_eq!(early, 1_307_547_050_779);
    let (tau, anchor) = (Span::s(4_500), Span::s(25));
    let pinned = [0, 1, 24, 26, 30, 60, 600, 4_500, 86_400]
        .map(|took| retargeted(1_000_000_000, Span::s(took), anchor, tau));
    expect!["[1003858241, 1003703626, 1000154044, 999845979, 999230132, 994623361, 915240134, 501929120, 1666]"].assert_eq(&format!("{pinned:?}"));
    assert_eq!(retargeted(TARGET_MAX, Span::ZERO, anchor, Span::ms(1)), TARGET_MAX);
    assert_eq!(retargeted(TARGET_MAX, Span::MAX, anchor, tau), 0);
}

/// Names change nothing: what a prover's solutions bring depends on their targets alone.
#[test]
fn names_change_nothing() {
    let gain = |second: &str| {
        let mut book = Rulebook::new("succinct-work", SMALL);
        book.play(&format!(
            "0 req opens 1 for 30000 until 100
             1 bob delivers 1 part 1
             1 {second} delivers 1 part 2
             1 cid delivers 1 part 1
             101 - ticks"
        ));
        book.gain("bob") + book.gain("alias")
    };
    assert_eq!(gain("bob"), gain("alias"));
}
