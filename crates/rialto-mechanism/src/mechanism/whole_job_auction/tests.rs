use super::*;
use crate::rulebook::Rulebook;
use expect_test::{Expect, expect};

/// Three provers who can do seven units at once, and a job of three.
const BEGUN: &str = "0 ann joins stake 2000 price 20 capacity 2
    0 bob joins stake 2000 price 10 capacity 2
    0 cid joins stake 3000 price 30 capacity 3
    0 req opens 1 for 300 until 5000 parts 3";

/// What comes after the rows of [`BEGUN`].
#[track_caller]
fn check_begun(script: &str, expected: Expect) {
    let mut book = Rulebook::new("whole-job-auction-reconstruction", "ours");
    book.play(BEGUN);
    book.check(script, expected);
}

#[test]
fn jobs_are_bought_whole_and_provers_filled_in_turn() {
    check_begun(
        "0 one opens 2 for 99 until 5000 parts 1
         0 two opens 3 for 120 until 5000 parts 2
         61 bob delivers 1
         62 cid delivers 1
         62 ann delivers 1 badly
         62 ann delivers 1
         62 bob delivers 1
         70 bob delivers 2
         1262 - ticks
         5001 - ticks",
        expect![[r#"
            0 one opens 2 for 99 until 5000 parts 1 | 99 one>escrow#2 (escrow)
            0 two opens 3 for 120 until 5000 parts 2 | 120 two>escrow#3 (escrow)
            61 bob delivers 1 | [60.001] #1 to ann for 60 and bob for 30 until 1260.001; [60.001] #2 to bob for 30 until 1260.001; 30 escrow#1>bob (price)
            62 cid delivers 1 | refused: reserved for others until 1260.001 s
            62 ann delivers 1 badly | refused: the proof does not verify
            62 ann delivers 1 | 90 escrow#1>burned (fee); 60 escrow#1>ann (price); 120 escrow#1>req (refund); #1 proven
            62 bob delivers 1 | refused: no such job, or it is over
            70 bob delivers 2 | 30 escrow#2>burned (fee); 30 escrow#2>bob (price); 39 escrow#2>one (refund); #2 proven
            1262 - ticks |
            5001 - ticks | [5000.001] 120 escrow#3>two (refund); [5000.001] #3 unproven
        "#]],
    );
}

#[test]
fn whoever_misses_its_window_pays_the_requester() {
    check_begun(
        "0 one opens 2 for 99 until 1000 parts 2
         61 bob delivers 1
         1262 - ticks",
        expect![[r#"
            0 one opens 2 for 99 until 1000 parts 2 | 99 one>escrow#2 (escrow)
            61 bob delivers 1 | [60.001] #1 to ann for 60 and bob for 30 until 1260.001; 30 escrow#1>bob (price)
            1262 - ticks | [1000.001] 99 escrow#2>one (refund); [1000.001] #2 unproven; [1260.002] #1 lapsed for ann; [1260.002] 2000 ann's stake>req (forfeit#1); [1260.002] 270 escrow#1>req (refund); [1260.002] #1 unproven
        "#]],
    );
}

/// Two jobs of two units and one of three, by hand. Bids for a unit are 10, 8 and 5; the seventh
/// unit is the third prover's, so the first two have room for four, which both jobs of two take.
#[test]
fn a_round_by_hand() {
    let (wants, offers) =
        ([want(2, 16), want(3, 15), want(2, 20)], [offer(1, 4, 3), offer(2, 1, 2), offer(3, 5, 9)]);
    let cleared = clear(&wants, &offers).unwrap();
    let winners = vec![(2, Amount::from(10)), (0, Amount::from(10))];
    assert_eq!(cleared, Clearing { winners, sellers_get: Amount::from(5), sellers: vec![0, 1] });
    let filled = fill(&wants, &offers, &cleared, 0);
    assert_eq!(filled, [vec![(0, 2)], vec![(0, 1), (1, 1)]]);
    assert_eq!(fill(&wants, &offers, &cleared, 1), [vec![(1, 2)], vec![(0, 2)]]);
    assert_eq!(clear(&wants[..1], &offers), None);
}

/// The attack that the order of filling answers. A prover that costs 5 competes with one that asks 4 for
/// two of five units at the marginal price of 9. Were the cheapest filled first, asking 3 would bring it
/// all its units; as they are filled, asking less brings nothing.
#[test]
fn asking_less_does_not_bring_more_work() {
    let wants = [want(3, 60), want(4, 40)];
    let gain = |ask: u32, order: fn(&Clearing, &[Offer]) -> Vec<usize>| {
        let offers = [offer(1, 4, 3), offer(2, ask, 3), offer(3, 9, 3)];
        let cleared = clear(&wants[..], &offers).unwrap();
        let cleared = Clearing { sellers: order(&cleared, &offers), ..cleared };
        let filled = fill(&wants, &offers, &cleared, 0);
        let units: u32 =
            filled.iter().flatten().filter(|(place, _)| *place == 1).map(|it| it.1).sum();
        i128::from(units) * (cleared.sellers_get.get() as i128 - 5)
    };
    let cheapest_first = |cleared: &Clearing, offers: &[Offer]| {
        let mut sellers = cleared.sellers.clone();
        sellers.sort_by_key(|place| offers[*place].price);
        sellers
    };
    let ours = |cleared: &Clearing, _: &[Offer]| cleared.sellers.clone();
    assert!(gain(3, cheapest_first) > gain(5, cheapest_first));
    assert_eq!(gain(3, ours), gain(5, ours));
}

fn want(units: u32, value: u32) -> Want {
    Want { units, value: Amount::from(value) }
}

fn offer(name: u8, price: u32, units: u32) -> Offer {
    Offer { party: Party::with_last_byte(name), price: Amount::from(price), units }
}
