use crate::rulebook::{Rulebook, check};
use crate::{Amount, Effect, Entry, Event, Party, Position, Time};
use alloy_primitives::B256;
use expect_test::expect;

/// Windows of 50 s, three unproven links at most, epochs of 300 s.
const RULES: &str = r#"
    epoch = "300 s"
    beacon = { lag = "2 s", patience = "10 s" }
    window = "50 s"
    buffer = 3
    stake = 100
    slash = 40
    exit = "100 s"
"#;

#[test]
fn members_take_turns_on_the_chain() {
    check(
        "rota",
        RULES,
        "0 ann joins stake 99
         0 ann joins stake 100 price 70
         0 bob joins stake 100 price 300
         1 req opens 1 for 200 until 900
         2 ann delivers 1
         3 - seeds 0 with 7
         4 - seeds 0 with 7
         5 req opens 2 for 200 until 900
         6 ann delivers 2
         7 ann delivers 1
         7 bob delivers 1
         8 ann delivers 2 badly
         8 ann delivers 2
         9 req opens 3 for 200 until 900
         10 bob delivers 3
         11 req cancels 3",
        expect![[r#"
            0 ann joins stake 99 | refused: a stake of 100 is needed
            0 ann joins stake 100 price 70 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 price 300 | 100 bob>bob's stake (stake)
            1 req opens 1 for 200 until 900 | 200 req>escrow#1 (escrow); frozen for seed 0 from 3.001
            2 ann delivers 1 | refused: the job is not allocated yet
            3 - seeds 0 with 7 | refused: not before 3.001 s
            4 - seeds 0 with 7 | #1 to ann for 70 until 54
            5 req opens 2 for 200 until 900 | 200 req>escrow#2 (escrow)
            6 ann delivers 2 | refused: the job is not allocated yet
            7 ann delivers 1 | 70 escrow#1>ann (price); 130 escrow#1>req (refund); #1 proven; #2 to bob for 200 until 57
            7 bob delivers 1 | refused: no such job, or it is over
            8 ann delivers 2 badly | refused: the proof does not verify
            8 ann delivers 2 | refused: reserved for others until 57 s
            9 req opens 3 for 200 until 900 | 200 req>escrow#3 (escrow)
            10 bob delivers 3 | refused: the job is not allocated yet
            11 req cancels 3 | 200 escrow#3>req (refund); #3 cancelled
        "#]],
    );
}

#[test]
fn a_missed_turn_costs_stake_and_turns() {
    check(
        "rota",
        RULES,
        "0 ann joins stake 100 price 70
         0 bob joins stake 100 price 90
         1 req opens 1 for 200 until 900
         4 - seeds 0 with 7
         54.001 bob delivers 1
         55 ann delivers 1
         56 req opens 2 for 200 until 900
         57 ann leaves
         107 ann delivers 2
         108 bob delivers 2
         210 - ticks",
        expect![[r#"
            0 ann joins stake 100 price 70 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 price 90 | 100 bob>bob's stake (stake)
            1 req opens 1 for 200 until 900 | 200 req>escrow#1 (escrow); frozen for seed 0 from 3.001
            4 - seeds 0 with 7 | #1 to ann for 70 until 54
            54.001 bob delivers 1 | #1 lapsed for ann; 40 ann's stake>burned (forfeit#1); #1 to nobody; #1 to bob for 70 until 104.001; 70 escrow#1>bob (price); 130 escrow#1>req (refund); #1 proven
            55 ann delivers 1 | refused: no such job, or it is over
            56 req opens 2 for 200 until 900 | 200 req>escrow#2 (escrow); #2 to bob for 90 until 106
            57 ann leaves |
            107 ann delivers 2 | [106.001] #2 lapsed for bob; [106.001] 40 bob's stake>burned (forfeit#2); [106.001] #2 to nobody; [106.001] #2 open from 106.001 for 90; 90 escrow#2>ann (rescue); 110 escrow#2>req (refund); #2 proven
            108 bob delivers 2 | refused: no such job, or it is over
            210 - ticks | [157] 60 ann's stake>ann (stake)
        "#]],
    );
}

#[test]
fn an_epoch_ends_and_an_order_is_drawn_anew() {
    check(
        "rota",
        RULES,
        "0 ann joins stake 100 price 70
         1 req opens 1 for 200 until 900
         4 - seeds 0 with 7
         5 ann delivers 1
         6 bob joins stake 1000 price 90
         304 req opens 2 for 200 until 900
         304 ann delivers 2
         304.001 req opens 3 for 200 until 900
         305 cid joins stake 100 price 1
         305 ann delivers 3
         330 req opens 4 for 200 until 900
         331 ann delivers 4",
        expect![[r#"
            0 ann joins stake 100 price 70 | 100 ann>ann's stake (stake)
            1 req opens 1 for 200 until 900 | 200 req>escrow#1 (escrow); frozen for seed 0 from 3.001
            4 - seeds 0 with 7 | #1 to ann for 70 until 54
            5 ann delivers 1 | 70 escrow#1>ann (price); 130 escrow#1>req (refund); #1 proven
            6 bob joins stake 1000 price 90 | 1000 bob>bob's stake (stake)
            304 req opens 2 for 200 until 900 | 200 req>escrow#2 (escrow); #2 to ann for 70 until 354
            304 ann delivers 2 | 70 escrow#2>ann (price); 130 escrow#2>req (refund); #2 proven
            304.001 req opens 3 for 200 until 900 | 200 req>escrow#3 (escrow); frozen for seed 1 from 306.002; #3 to ann for 70 until 354.001
            305 cid joins stake 100 price 1 | 100 cid>cid's stake (stake)
            305 ann delivers 3 | 70 escrow#3>ann (price); 130 escrow#3>req (refund); #3 proven
            330 req opens 4 for 200 until 900 | 200 req>escrow#4 (escrow); #4 to ann for 70 until 380
            331 ann delivers 4 | 70 escrow#4>ann (price); 130 escrow#4>req (refund); #4 proven
        "#]],
    );
}

#[test]
fn a_chain_without_members_is_open_to_all() {
    check(
        "rota",
        RULES,
        "1 req opens 1 for 200 until 100
         2 cid delivers 1
         3 req opens 2 for 200 until 100
         101 req opens 3 for 200 until 300
         101 cid delivers 3",
        expect![[r#"
            1 req opens 1 for 200 until 100 | 200 req>escrow#1 (escrow); #1 open from 1 for 200
            2 cid delivers 1 | 200 escrow#1>cid (rescue); #1 proven
            3 req opens 2 for 200 until 100 | 200 req>escrow#2 (escrow); #2 open from 3 for 200
            101 req opens 3 for 200 until 300 | [100.001] 200 escrow#2>req (refund); [100.001] #2 unproven; 200 req>escrow#3 (escrow); #3 open from 101 for 200
            101 cid delivers 3 | 200 escrow#3>cid (rescue); #3 proven
        "#]],
    );
}

/// A holder who stalls lets the chain trail until the link is open to all; it pays then what it
/// would have paid before, so an alias gains nothing.
#[test]
fn stalling_the_chain_does_not_raise_its_price() {
    let mut book = Rulebook::new("rota", RULES);
    book.play(
        "0 ann joins stake 100 price 70
         1 req opens 1 for 200 until 900
         4 - seeds 0 with 7
         5 req opens 2 for 200 until 900
         6 bob delivers 1
         7 req opens 3 for 200 until 900
         8 alias delivers 1",
    );
    assert_eq!(book.gain("alias"), 70);
    // The next link is within the buffer and ann's again.
    book.play("9 alias delivers 2\n10 ann delivers 2\n11 ann delivers 3");
    assert_eq!((book.gain("alias"), book.gain("ann") + 100), (70, 140));
}

/// With holders that never deliver the chain still keeps up, by rescue at the buffer: it never has
/// more than that many unproven links.
#[test]
fn a_rescued_chain_trails_by_its_buffer_at_most() {
    let mut book = Rulebook::new("rota", RULES);
    book.play(
        "0 ann joins stake 1000 price 70\n1 req opens 1 for 200 until 9000\n4 - seeds 0 with 7",
    );
    let mut next = 1;
    for second in 5..40 {
        book.play(&format!("{second} req opens {} for 200 until 9000", second - 3));
        let before = book.machine.jobs().len();
        book.play(&format!("{second} bob delivers {next}"));
        let after = book.machine.jobs().len();
        assert!(before <= 3, "{before} links are unproven");
        assert_eq!(after, if before == 3 { 2 } else { before });
        next += u32::from(before == 3);
    }
    assert_eq!(book.gain("bob"), i128::from(next - 1) * 70);
}

/// Whoever has three quarters of the stake is first in three quarters of the orders, within five
/// standard deviations.
#[test]
fn turns_are_drawn_by_stake() {
    let first = |seed: u64| {
        let mut machine = crate::find("rota").unwrap().start(RULES).unwrap();
        let (ann, bob) = (Party::with_last_byte(1), Party::with_last_byte(2));
        let mut enter = |second: u64, event| {
            let step = machine.step(&Entry { at: Time(second * 1_000), event });
            assert_eq!(step.refused, None);
            step.effects
        };
        for (party, stake) in [(ann, 300), (bob, 100)] {
            enter(0, Event::Fund { party, amount: Amount::from(500) });
            let stake = Amount::from(stake);
            enter(0, Event::Join { party, position: Position { stake, ..Position::default() } });
        }
        let spec = crate::JobSpec {
            requester: ann,
            cycles: rialto_protocol::Cycles(1),
            parts: 1,
            max_pay: Amount::from(10),
            deadline: Time(900_000),
        };
        enter(1, Event::Open { job: crate::JobId(1), spec });
        let seed = B256::left_padding_from(&seed.to_be_bytes());
        let effects = enter(4, Event::Seed { round: 0, seed, published: Time(4_000) });
        effects.iter().any(|happened| match &happened.effect {
            Effect::Allocated { allocation, .. } => allocation.holders[0].party == ann,
            _ => false,
        })
    };
    let count = (0..2_000).filter(|seed| first(*seed)).count();
    assert!(count.abs_diff(1_500) < 97, "{count}");
}
