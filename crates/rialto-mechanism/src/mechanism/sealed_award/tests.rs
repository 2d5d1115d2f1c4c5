use super::*;
use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn parts_go_to_the_lowest_bids_for_the_first_that_won_nothing() {
    check(
        "sealed-award",
        "uniform",
        "0 req opens 1 for 300 until 5400
         0 req opens 1 for 300 until 9000 parts 65
         0 req opens 1 for 300 until 9000 parts 2
         1 ann commits 1 to 80
         1 ann commits 1 to 70
         2 bob commits 1 to 60
         3 cid commits 1 to 90
         4 dan commits 1 to 151
         5 eve commits 1 to 10
         6 req cancels 1
         7 ann reveals 1 as 80
         3601 fay commits 1 to 10
         3602 ann reveals 1 as 70
         3602 ann reveals 1 as 80
         3603 bob reveals 1 as 60
         3604 cid reveals 1 as 90
         3605 dan reveals 1 as 151
         5401 cid delivers 1
         5402 ann delivers 1
         5403 bob delivers 1",
        expect![[r#"
            0 req opens 1 for 300 until 5400 | refused: the deadline must be 5400.001 s or later
            0 req opens 1 for 300 until 9000 parts 65 | refused: a job has from 1 to 64 parts here
            0 req opens 1 for 300 until 9000 parts 2 | 300 req>escrow#1 (escrow)
            1 ann commits 1 to 80 | 1000 ann>ann's bond#1 (bond)
            1 ann commits 1 to 70 | refused: done before
            2 bob commits 1 to 60 | 1000 bob>bob's bond#1 (bond)
            3 cid commits 1 to 90 | 1000 cid>cid's bond#1 (bond)
            4 dan commits 1 to 151 | 1000 dan>dan's bond#1 (bond)
            5 eve commits 1 to 10 | 1000 eve>eve's bond#1 (bond)
            6 req cancels 1 | refused: this mechanism does not understand that
            7 ann reveals 1 as 80 | refused: not before 3600.001 s
            3601 fay commits 1 to 10 | refused: the time for that ended at 3600 s
            3602 ann reveals 1 as 70 | refused: that is not what was committed
            3602 ann reveals 1 as 80 |
            3603 bob reveals 1 as 60 |
            3604 cid reveals 1 as 90 |
            3605 dan reveals 1 as 151 |
            5401 cid delivers 1 | [5400.001] 1000 dan's bond#1>dan (release); [5400.001] 500 eve's bond#1>burned (forfeit#1); [5400.001] 500 eve's bond#1>req (forfeit#1); [5400.001] 1000 cid's bond#1>cid (release); [5400.001] #1 to bob for 90 and ann for 90 until 9000; refused: reserved for others until 9000 s
            5402 ann delivers 1 | 90 escrow#1>ann (price)
            5403 bob delivers 1 | 90 escrow#1>bob (price); 1000 ann's bond#1>ann (release); 1000 bob's bond#1>bob (release); 120 escrow#1>req (refund); #1 proven
        "#]],
    );
}

#[test]
fn a_part_that_is_missing_costs_its_bond() {
    check(
        "sealed-award",
        "posted",
        "0 req opens 1 for 200 until 9000 parts 2
         0 req opens 2 for 200 until 9000 parts 2
         1 ann commits 1 to 80
         1 bob commits 1 to 90
         1 cid commits 1 to 10
         1 bob commits 2 to 10
         3602 ann reveals 1 as 80
         3602 bob reveals 1 as 90
         3602 cid reveals 1 as 10
         3602 bob reveals 2 as 10
         5500 ann delivers 1
         9001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 9000 parts 2 | 200 req>escrow#1 (escrow)
            0 req opens 2 for 200 until 9000 parts 2 | 200 req>escrow#2 (escrow)
            1 ann commits 1 to 80 | 1000 ann>ann's bond#1 (bond)
            1 bob commits 1 to 90 | 1000 bob>bob's bond#1 (bond)
            1 cid commits 1 to 10 | 1000 cid>cid's bond#1 (bond)
            1 bob commits 2 to 10 | 1000 bob>bob's bond#2 (bond)
            3602 ann reveals 1 as 80 |
            3602 bob reveals 1 as 90 |
            3602 cid reveals 1 as 10 |
            3602 bob reveals 2 as 10 |
            5500 ann delivers 1 | [5400.001] 1000 cid's bond#1>cid (release); [5400.001] #1 to ann for 100 and bob for 100 until 9000; [5400.001] 1000 bob's bond#2>bob (release); [5400.001] 200 escrow#2>req (refund); [5400.001] #2 unproven; 100 escrow#1>ann (price)
            9001 - ticks | [9000.001] #1 lapsed for bob; [9000.001] 500 bob's bond#1>burned (forfeit#1); [9000.001] 500 bob's bond#1>req (forfeit#1); [9000.001] 1000 ann's bond#1>ann (release); [9000.001] 100 escrow#1>req (refund); [9000.001] #1 unproven
        "#]],
    );
}

/// Three bids for two parts, by hand.
#[test]
fn each_way_of_pricing_by_hand() {
    let bids = [50, 70, 60].map(Amount::from);
    let of = |pricing| award(&bids, 2, Amount::from(100), pricing);
    let paid = |one: u32, other: u32| vec![(0, Amount::from(one)), (2, Amount::from(other))];
    assert_eq!(of(Pricing::First), paid(50, 60));
    assert_eq!(of(Pricing::Second), paid(60, 70));
    assert_eq!(of(Pricing::Uniform), paid(70, 70));
    assert_eq!(of(Pricing::Posted), [(0, Amount::from(100)), (1, Amount::from(100))]);
    assert_eq!(award(&bids[..1], 2, Amount::from(100), Pricing::First), []);
    assert_eq!(award(&bids[..2], 2, Amount::from(99), Pricing::Uniform)[0].1, Amount::from(99));
}

/// How much the best lie brings more than the truth, over all costs and bids of three up to 6.
fn best_lie(parts: usize, pricing: Pricing) -> i128 {
    let gain = |bids: [u32; 3], cost: u32| {
        let awarded = award(&bids.map(Amount::from), parts, Amount::from(6), pricing);
        let own = awarded.iter().find(|(place, _)| *place == 1);
        own.map_or(0, |(_, price)| price.get() as i128 - i128::from(cost))
    };
    let lies = (0..7u32.pow(4)).map(|case| {
        let [cost, lie, one, other] = [case % 7, case / 7 % 7, case / 49 % 7, case / 343];
        gain([one, lie, other], cost) - gain([one, cost, other], cost)
    });
    lies.max().unwrap()
}

/// Truth is best where nobody's own bid sets its price, and not where it does.
#[test]
fn lies_pay_where_the_own_bid_sets_the_price() {
    assert_eq!(best_lie(1, Pricing::Second), 0);
    assert_eq!(best_lie(1, Pricing::Uniform), 0);
    assert_eq!(best_lie(2, Pricing::Uniform), 0);
    assert!(best_lie(1, Pricing::First) > 0);
    assert!(best_lie(2, Pricing::Second) > 0);
}

/// Idle names that fill the cap keep others out, for a bond each.
#[test]
fn filling_the_cap_costs_bonds() {
    let rules = crate::find("sealed-award").unwrap().about.presets[0].rules;
    let mut book = Rulebook::new("sealed-award", &rules.replace("bidders = 64", "bidders = 2"));
    book.play("0 req opens 1 for 200 until 9000\n1 eve commits 1 to 9\n1 eva commits 1 to 9");
    assert!(book.play("2 ann commits 1 to 50").contains("refused: at most 2 fit"));
    book.play("9001 - ticks");
    assert_eq!([book.gain("eve"), book.gain("eva"), book.gain("req")], [-1_000, -1_000, 1_000]);
}
