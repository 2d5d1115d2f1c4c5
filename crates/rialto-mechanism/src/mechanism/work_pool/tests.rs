use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn an_emission_is_shared_by_work_up_to_a_part_of_the_stake() {
    check(
        "work-pool",
        "boundless",
        "0 mint opens 1 for 1000 until 100
         1 ann delivers 1 part 6
         1 ann joins stake 6000
         1 bob joins stake 3000
         1 cid joins stake 1000
         2 ann delivers 1
         2 ann delivers 1 part 6 badly
         2 ann delivers 1 part 5
         3 bob delivers 1 part 3
         4 ann delivers 1 part 1
         5 mint cancels 1
         6 bob leaves
         101 ann delivers 1 part 1
         102 mint opens 2 for 1000 until 200
         201 - ticks
         2600000 - ticks",
        expect![[r#"
            0 mint opens 1 for 1000 until 100 | 1000 mint>escrow#1 (escrow); #1 open from 0 for 0
            1 ann delivers 1 part 6 | refused: not a member
            1 ann joins stake 6000 | 6000 ann>ann's stake (stake)
            1 bob joins stake 3000 | 3000 bob>bob's stake (stake)
            1 cid joins stake 1000 | 1000 cid>cid's stake (stake)
            2 ann delivers 1 | refused: a job has from 1 to 4294967295 parts here
            2 ann delivers 1 part 6 badly | refused: the proof does not verify
            2 ann delivers 1 part 5 |
            3 bob delivers 1 part 3 |
            4 ann delivers 1 part 1 |
            5 mint cancels 1 | refused: somebody has the job
            6 bob leaves |
            101 ann delivers 1 part 1 | [100.001] 400 escrow#1>ann (price); [100.001] 200 escrow#1>bob (price); [100.001] 150 escrow#1>ann (pool); [100.001] 75 escrow#1>bob (pool); [100.001] 25 escrow#1>cid (pool); [100.001] 150 escrow#1>mint (refund); [100.001] #1 proven; refused: no such job, or it is over
            102 mint opens 2 for 1000 until 200 | 1000 mint>escrow#2 (escrow); #2 open from 102 for 0
            201 - ticks | [200.001] 150 escrow#2>ann (pool); [200.001] 75 escrow#2>bob (pool); [200.001] 25 escrow#2>cid (pool); [200.001] 750 escrow#2>mint (refund); [200.001] #2 unproven
            2600000 - ticks | [2592006] 3000 bob's stake>bob (stake)
        "#]],
    );
}

/// The published example (X1): 1000 for work of .6, .3 and .1 at stakes of 6000 each are 400, 300 and 100; 200
/// are not minted.
#[test]
fn what_the_cap_leaves_is_not_minted() {
    let mut book = Rulebook::new("work-pool", "work = 10000\ncap_divisor = 15\nexit = \"30 d\"");
    book.play(
        "0 ann joins stake 6000
         0 bob joins stake 6000
         0 cid joins stake 6000
         0 mint opens 1 for 1000 until 100
         1 ann delivers 1 part 6
         1 bob delivers 1 part 3
         1 cid delivers 1 part 1
         101 - ticks",
    );
    let gains = ["ann", "bob", "cid"].map(|name| book.gain(name) + 6_000);
    assert_eq!(gains, [400, 300, 100]);
    assert_eq!(book.gain("mint"), -800);
}

/// Proving for oneself: nothing but the cap by stake keeps a washer from its part of the emission.
#[test]
fn washing_is_bounded_by_the_stake_alone() {
    let paid = |stake: u32, washed: u32| {
        let mut book =
            Rulebook::new("work-pool", "work = 10000\ncap_divisor = 15\nexit = \"30 d\"");
        book.play(&format!(
            "0 ann joins stake 150000
             0 eve joins stake {stake}
             0 mint opens 1 for 1000 until 100
             1 ann delivers 1 part 100
             1 eve delivers 1 part {washed}
             101 - ticks"
        ));
        book.gain("eve") + i128::from(stake)
    };
    assert_eq!(paid(150_000, 900), 900);
    assert_eq!(paid(1_500, 900), 100);
    // Washing less does not change it: the cap binds.
    assert_eq!(paid(1_500, 450), 100);
}
