use super::{PooledEpoch, Rules};
use crate::rulebook::{Rulebook, check};
use crate::{Mechanism, Party};
use expect_test::expect;

#[test]
fn the_longest_proofs_share_by_score() {
    check(
        "pooled-epoch",
        "azip-5",
        "0 net opens 1 for 1000 until 100 parts 4
         1 ann delivers 1
         1 ann delivers 1 part 5
         2 ann delivers 1 part 4 badly
         3 ann delivers 1 part 2
         3 ann delivers 1 part 2
         4 bob delivers 1 part 4
         5 cid delivers 1 part 3
         6 ann delivers 1 part 4
         100 dan delivers 1 part 4
         101 eve delivers 1 part 4
         101 net opens 2 for 1000 until 200 parts 4
         102 ann delivers 2 part 3
         103 bob delivers 2 part 3
         201 net opens 3 for 1000 until 300 parts 4
         300.001 - ticks",
        expect![[r#"
            0 net opens 1 for 1000 until 100 parts 4 | 1000 net>escrow#1 (escrow); #1 open from 0 for 0
            1 ann delivers 1 | refused: a job has from 1 to 4 parts here
            1 ann delivers 1 part 5 | refused: a job has from 1 to 4 parts here
            2 ann delivers 1 part 4 badly | refused: the proof does not verify
            3 ann delivers 1 part 2 |
            3 ann delivers 1 part 2 | refused: done before
            4 bob delivers 1 part 4 |
            5 cid delivers 1 part 3 |
            6 ann delivers 1 part 4 |
            100 dan delivers 1 part 4 |
            101 eve delivers 1 part 4 | [100.001] 333 escrow#1>ann (price); [100.001] 333 escrow#1>bob (price); [100.001] 333 escrow#1>dan (price); [100.001] 1 escrow#1>net (refund); [100.001] #1 proven; refused: no such job, or it is over
            101 net opens 2 for 1000 until 200 parts 4 | 1000 net>escrow#2 (escrow); #2 open from 101 for 0
            102 ann delivers 2 part 3 |
            103 bob delivers 2 part 3 |
            201 net opens 3 for 1000 until 300 parts 4 | [200.001] 500 escrow#2>ann (price); [200.001] 500 escrow#2>bob (price); [200.001] #2 unproven; 1000 net>escrow#3 (escrow); #3 open from 201 for 0
            300.001 - ticks | 1000 escrow#3>net (refund); #3 unproven
        "#]],
    );
}

/// A prover's shares as it shows up or not, epoch by epoch.
struct Prover {
    pool: PooledEpoch,
    epoch: u64,
}

impl Prover {
    fn new(preset: &str) -> Self {
        let rules = PooledEpoch::ABOUT.preset(preset).unwrap().rules;
        let rules: Rules = toml::from_str(rules).unwrap();
        Self { pool: PooledEpoch::new(rules), epoch: 0 }
    }

    fn shows_up(&mut self) -> u64 {
        self.epoch += 1;
        let score = self.pool.show_up(Party::ZERO, self.epoch, true);
        self.pool.share(score)
    }

    fn misses(&mut self, epochs: u64) -> &mut Self {
        self.epoch += epochs;
        self
    }

    /// How many epochs in a row until its score is the highest.
    fn epochs_to_the_top(&mut self) -> u32 {
        let at_the_top = |_: &u32| {
            self.shows_up();
            self.pool.scores[&Party::ZERO].value == self.pool.rules.max
        };
        (1..).find(at_the_top).unwrap()
    }
}

#[test]
fn the_published_numbers_of_azip_5() {
    let mut prover = Prover::new("azip-5");
    assert_eq!(prover.epochs_to_the_top(), 192);
    assert_eq!(prover.shows_up(), 1_000_000);
    // One missed epoch: 75.7 %, and 71 epochs to be back.
    assert_eq!(prover.misses(1).shows_up(), 756_951);
    assert_eq!(prover.epochs_to_the_top(), 71);
    // Two: 1.4 %.
    assert_eq!(prover.misses(2).shows_up(), 13_951);
}

/// A score holds up only if increments outweigh the decay: at a coverage of 100000/101400.
#[test]
fn the_score_breaks_even_at_a_coverage_of_98_62_percent() {
    let score_after = |missed_every: u64| {
        let mut prover = Prover::new("azip-5");
        prover.epochs_to_the_top();
        for _ in 0..200 {
            for _ in 1..missed_every {
                prover.shows_up();
            }
            prover.misses(1);
        }
        prover.shows_up()
    };
    // 98.61 % falls slowly out of the top, 98.63 % does not.
    assert!(score_after(72) < score_after(73));
    assert_eq!(score_after(73), 756_951);
}

/// In production, proving the first checkpoint alone kept the score up.
#[test]
fn a_part_of_the_epoch_no_longer_keeps_the_score() {
    let share_of_the_lazy = |full_only: bool| {
        let preset = PooledEpoch::ABOUT.preset("azip-5").unwrap().rules;
        let rules = preset.replace("full_only = true", &format!("full_only = {full_only}"));
        let mut book = Rulebook::new("pooled-epoch", &rules);
        for epoch in 1..=200 {
            let (from, to) = (epoch * 100, epoch * 100 + 99);
            let lazy = if epoch == 200 { 4 } else { 1 };
            book.play(&format!(
                "{from} net opens {epoch} for 2000 until {to} parts 4
                 {from} good delivers {epoch} part 4
                 {from} lazy delivers {epoch} part {lazy}"
            ));
        }
        book.play("90000 - ticks");
        book.gain("lazy")
    };
    assert_eq!(share_of_the_lazy(false), 1_000);
    assert_eq!(share_of_the_lazy(true), 19);
}

/// One proof handed in under two names has two shares if nobody is named in it. Where the prover is bound in the proof,
/// the second name's is invalid.
#[test]
fn a_proof_counts_for_the_name_in_it_alone() {
    let paid = |names_are_bound: bool| {
        let mut book = Rulebook::new("pooled-epoch", "azip-5");
        let verdict = if names_are_bound { "badly" } else { "" };
        book.play(&format!(
            "0 net opens 1 for 1200 until 100 parts 4
             1 bob delivers 1 part 4
             2 ann delivers 1 part 4
             3 alias delivers 1 part 4 {verdict}
             101 - ticks"
        ));
        [book.gain("ann") + book.gain("alias"), book.gain("bob")]
    };
    assert_eq!(paid(false), [800, 400]);
    assert_eq!(paid(true), [600, 600]);
}
