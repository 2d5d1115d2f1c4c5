use super::*;
use crate::Party;
use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_marginal_prover_and_the_first_bid_that_buys_nothing_set_the_prices() {
    check(
        "double-auction-reconstruction",
        "ours",
        "0 ann joins stake 1999 price 10 capacity 2
         0 ann joins stake 2000 price 10 capacity 2
         0 ann joins stake 3000 price 10 capacity 3
         0 bob joins stake 1000 price 30 capacity 0
         0 bob joins stake 1000 price 30
         0 cid joins stake 2000 price 20 capacity 2
         0 req opens 1 for 100 until 60
         0 req opens 1 for 50 until 5000
         1 one opens 2 for 90 until 5000
         2 two opens 3 for 80 until 5000
         3 six opens 4 for 15 until 5000
         61 bob delivers 2
         62 ann delivers 2 badly
         62 ann delivers 2
         1262 ann delivers 3
         1400 req cancels 1
         1400 one opens 5 for 40 until 5000
         1460 six opens 6 for 40 until 5000
         5001 - ticks",
        expect![[r#"
            0 ann joins stake 1999 price 10 capacity 2 | refused: a stake of 2000 is needed
            0 ann joins stake 2000 price 10 capacity 2 | 2000 ann>ann's stake (stake)
            0 ann joins stake 3000 price 10 capacity 3 | refused: the capacity is 2 and cannot change
            0 bob joins stake 1000 price 30 capacity 0 | refused: a capacity of 1 is needed
            0 bob joins stake 1000 price 30 | 1000 bob>bob's stake (stake)
            0 cid joins stake 2000 price 20 capacity 2 | 2000 cid>cid's stake (stake)
            0 req opens 1 for 100 until 60 | refused: the deadline must be 60.002 s or later
            0 req opens 1 for 50 until 5000 | 50 req>escrow#1 (escrow)
            1 one opens 2 for 90 until 5000 | 90 one>escrow#2 (escrow)
            2 two opens 3 for 80 until 5000 | 80 two>escrow#3 (escrow)
            3 six opens 4 for 15 until 5000 | 15 six>escrow#4 (escrow)
            61 bob delivers 2 | [60.001] #2 to ann for 20 until 1260.001; [60.001] #3 to ann for 20 until 1260.001; refused: reserved for others until 1260.001 s
            62 ann delivers 2 badly | refused: the proof does not verify
            62 ann delivers 2 | 30 escrow#2>burned (fee); 20 escrow#2>ann (price); 40 escrow#2>one (refund); #2 proven
            1262 ann delivers 3 | [1260.002] #3 lapsed for ann; [1260.002] 1000 ann's stake>burned (forfeit#3); [1260.002] #3 to nobody; [1260.021] #3 to ann for 20 until 2460.021; 30 escrow#3>burned (fee); 20 escrow#3>ann (price); 30 escrow#3>two (refund); #3 proven
            1400 req cancels 1 | 50 escrow#1>req (refund); #1 cancelled
            1400 one opens 5 for 40 until 5000 | 40 one>escrow#5 (escrow)
            1460 six opens 6 for 40 until 5000 | 40 six>escrow#6 (escrow)
            5001 - ticks | [1500.025] #5 to ann for 20 until 2700.025; [2700.026] #5 lapsed for ann; [2700.026] 1000 ann's stake>burned (forfeit#5); [2700.026] #5 to nobody; [5000.001] 15 escrow#4>six (refund); [5000.001] #4 unproven; [5000.001] 40 escrow#5>one (refund); [5000.001] #5 unproven; [5000.001] 40 escrow#6>six (refund); [5000.001] #6 unproven
        "#]],
    );
}

/// Four bids of one unit and three provers with two units each, by hand: the fourth unit costs 3 and its
/// bid is 5, so the second prover is at the margin and the first sells its two.
#[test]
fn a_round_by_hand() {
    let cleared = clear(&amounts(&[5, 9, 7, 8]), &offers(&[(3, 2), (1, 2), (6, 2)])).unwrap();
    let (buyers_pay, sellers_get) = (Amount::from(7), Amount::from(3));
    assert_eq!(
        cleared,
        Clearing { buyers_pay, sellers_get, winners: vec![1, 3], sellers: vec![1] }
    );
    assert_eq!(clear(&amounts(&[9]), &offers(&[(1, 5)])), None);
    assert_eq!(clear(&amounts(&[1, 2]), &offers(&[(3, 1), (4, 1)])), None);
    assert_eq!(clear(&[], &[]), None);
}

/// With a unit each, McAfee's bound: at most one trade fewer than could be.
#[test]
fn one_trade_at_most_is_lost_of_single_units() {
    for round in 0..500u32 {
        let bid = |place: u32| 1 + (round * 7_919 + place * 104_729) % 97;
        let (bids, asks): (Vec<u32>, Vec<u32>) =
            ((0..8).map(bid).collect(), (8..16).map(bid).collect());
        let cleared =
            clear(&amounts(&bids), &offers(&asks.iter().map(|ask| (*ask, 1)).collect::<Vec<_>>()));
        let traded = cleared.map_or(0, |cleared| cleared.winners.len());
        let (mut bids, mut asks) = (bids, asks);
        bids.sort_unstable_by_key(|bid| Reverse(*bid));
        asks.sort_unstable();
        let best = bids.iter().zip(&asks).filter(|(bid, ask)| bid >= ask).count();
        assert_eq!(traded, best.saturating_sub(1), "{bids:?} {asks:?}");
    }
}

/// The break that is outside what is claimed: whoever sells fewer units than it has is before a dearer
/// margin. So capacity is fixed for members: the lie is refused once the owner is known.
#[test]
fn understating_a_capacity_can_pay_and_cannot_be_taken_back() {
    let sold = |capacity: u32| {
        let mut book = Rulebook::new("double-auction-reconstruction", "ours");
        book.play(&format!(
            "0 ann joins stake 2000 price 10 capacity {capacity}
             0 bob joins stake 2000 price 60 capacity 2
             0 req opens 1 for 90 until 5000
             0 req opens 2 for 80 until 5000
             61 ann delivers 1"
        ));
        let gain = book.gain("ann") + 2_000;
        let changed = book.play("62 ann joins stake 2000 price 10 capacity 2");
        (gain, changed.contains("refused: the capacity is"))
    };
    assert_eq!(sold(2), (0, false));
    assert_eq!(sold(1), (60, true));
}

/// The other break: an owner's second name at the margin sets the price of the first.
#[test]
fn a_second_name_at_the_margin_can_pay() {
    let gain = |script: &str| {
        let mut book = Rulebook::new("double-auction-reconstruction", "ours");
        book.play(script);
        book.play(
            "0 bob joins stake 1000 price 15
             0 req opens 1 for 90 until 5000
             0 req opens 2 for 80 until 5000
             0 req opens 3 for 70 until 5000
             61 ann delivers 1",
        );
        book.gain("ann") + book.gain("alias")
    };
    let whole = gain("0 ann joins stake 2000 price 10 capacity 2");
    let split = gain(
        "0 ann joins stake 1000 price 10
         0 alias joins stake 1000 price 69",
    );
    assert_eq!((whole + 2_000, split + 2_000), (15, 69));
}

pub(super) fn amounts(values: &[u32]) -> Vec<Amount> {
    values.iter().map(|value| Amount::from(*value)).collect()
}

fn offers(offers: &[(u32, u32)]) -> Vec<Offer> {
    let offer = |(place, (price, units)): (usize, &(u32, u32))| Offer {
        party: Party::with_last_byte(place as u8),
        price: Amount::from(*price),
        units: *units,
    };
    offers.iter().enumerate().map(offer).collect()
}
