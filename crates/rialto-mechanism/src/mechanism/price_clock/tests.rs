use crate::rulebook::{Rulebook, check};
use expect_test::expect;

/// 1000 for a proof after 100 s, from 500 to 2000; a tenth of the relative delay is learnt.
const RULES: &str = r#"
    target = "100 s"
    first = 1000
    lowest = 5000
    highest = 20000
    speed = 1000
    falls = true
    least = 900
    most = 1100
"#;

#[test]
fn the_reward_grows_with_time_and_follows_it() {
    check(
        "price-clock",
        RULES,
        "0 req opens 1 for 5000 until 1000 cycles 1000000
         10 ann delivers 1 badly
         10 ann delivers 1
         10 bob delivers 1
         100 req opens 2 for 5000 until 1000 cycles 1000000
         200 req opens 3 for 5000 until 1000 cycles 1000000
         250 bob delivers 2
         300 bob delivers 3
         1000 req opens 4 for 5000 until 2000 cycles 1000000
         1250 cid delivers 4
         2000 req opens 5 for 5000 until 2100 cycles 1000000
         2100.001 req opens 6 for 700 until 3000 cycles 1000000
         2200.001 cid delivers 6
         3000 req opens 7 for 5000 until 4000 cycles 1000000
         3100 cid delivers 7",
        expect![[r#"
            0 req opens 1 for 5000 until 1000 cycles 1000000 | 5000 req>escrow#1 (escrow); #1 open from 0 for 2000
            10 ann delivers 1 badly | refused: the proof does not verify
            10 ann delivers 1 | 500 escrow#1>ann (rescue); 4500 escrow#1>req (refund); #1 proven
            10 bob delivers 1 | refused: no such job, or it is over
            100 req opens 2 for 5000 until 1000 cycles 1000000 | 5000 req>escrow#2 (escrow); #2 open from 100 for 1820
            200 req opens 3 for 5000 until 1000 cycles 1000000 | 5000 req>escrow#3 (escrow); #3 open from 200 for 1820
            250 bob delivers 2 | 1365 escrow#2>bob (rescue); 3635 escrow#2>req (refund); #2 proven
            300 bob delivers 3 | 910 escrow#3>bob (rescue); 4090 escrow#3>req (refund); #3 proven
            1000 req opens 4 for 5000 until 2000 cycles 1000000 | 5000 req>escrow#4 (escrow); #4 open from 1000 for 1910
            1250 cid delivers 4 | 1910 escrow#4>cid (rescue); 3090 escrow#4>req (refund); #4 proven
            2000 req opens 5 for 5000 until 2100 cycles 1000000 | 5000 req>escrow#5 (escrow); #5 open from 2000 for 2196
            2100.001 req opens 6 for 700 until 3000 cycles 1000000 | 5000 escrow#5>req (refund); #5 unproven; 700 req>escrow#6 (escrow); #6 open from 2100.001 for 700
            2200.001 cid delivers 6 | 700 escrow#6>cid (rescue); #6 proven
            3000 req opens 7 for 5000 until 4000 cycles 1000000 | 5000 req>escrow#7 (escrow); #7 open from 3000 for 2196
            3100 cid delivers 7 | 1098 escrow#7>cid (rescue); 3902 escrow#7>req (refund); #7 proven
        "#]],
    );
}

/// What is paid for a proof after `delay` seconds, once `jobs` were proven after 50 s and one was left for 950 s.
fn paid_after(rules: &str, jobs: u64, delay: u64) -> i128 {
    let mut book = Rulebook::new("price-clock", rules);
    book.play("0 req opens 1 for 5000 until 950 cycles 1000000\n950.001 - ticks");
    for job in 2..2 + jobs {
        let at = job * 1_000;
        book.play(&format!("{at} req opens {job} for 5000 until {} cycles 1000000", at + 900));
        book.play(&format!("{} ann delivers {job}", at + 50));
    }
    let (job, at) = (2 + jobs, (2 + jobs) * 1_000);
    book.play(&format!("{at} req opens {job} for 5000 until {} cycles 1000000", at + 900));
    book.play(&format!("{} bob delivers {job}", at + delay));
    book.gain("bob")
}

/// The network before this one only ever raised its rewards: after one idle spell every proof is dear.
#[test]
fn a_reward_that_never_falls_stays_where_idleness_has_left_it() {
    let wide = RULES.replace("least = 900", "least = 1").replace("most = 1100", "most = 100000");
    let rising = wide.replace("falls = true", "falls = false");
    assert_eq!(paid_after(&rising, 0, 100), 1_850);
    assert_eq!(paid_after(&rising, 20, 100), 1_850);
    assert_eq!(paid_after(&wide, 0, 100), 1_850);
    assert_eq!(paid_after(&wide, 20, 100), 669);
}

/// Whoever is alone gains by waiting, as much as the limits allow and no more.
#[test]
fn waiting_pays_up_to_the_limit() {
    let gains = [10, 100, 200, 800].map(|delay| paid_after(RULES, 0, delay));
    assert_eq!(gains, [550, 1_100, 2_200, 2_200]);
}
