use super::{ABOUT, Rules};
use crate::rulebook::{Rulebook, check};
use crate::{Amount, Party};
use alloy_primitives::B256;
use expect_test::expect;
use rialto_protocol::draw::Draws;

/// Two can be chosen and tried, 10 s each, half by stake and half by price; e is worth 10; a record of a half.
const RULES: &str = r#"
    active = 2
    by_chance = 0
    by_stake = 5000
    by_price = 5000
    price_factor = 10
    record = 5000
    memory = 2
    window = "10 s"
    tries = 2
    stake = 100
    exit = "50 s"
    beacon = { lag = "0 s", patience = "5 s" }
"#;

fn rules(preset: &str) -> Rules {
    toml::from_str(ABOUT.preset(preset).unwrap().rules).unwrap()
}

#[test]
fn the_active_set_is_by_stake_and_swaps_are_never_dearer() {
    check(
        "livepeer",
        RULES,
        "0 ann joins stake 99 price 50
         0 req opens 1 for 200 until 300
         0 ann joins stake 200 price 50
         0 bob joins stake 200 price 40
         0 cid joins stake 200 price 10
         1 req opens 2 for 39 until 300
         2 req opens 3 for 200 until 300
         3 ann delivers 3
         3 - seeds 0 with 7
         3 cid delivers 3
         4 ann delivers 3
         13.001 bob delivers 3
         14 req opens 4 for 200 until 300
         15 - seeds 1 with 3
         16 bob delivers 4
         17 req opens 5 for 200 until 300
         23 - ticks
         24 cid joins stake 201 price 10
         24 req opens 6 for 200 until 300
         25 - seeds 3 with 2
         26 cid delivers 6 badly
         26 cid leaves
         76 - ticks",
        expect![[r#"
            0 ann joins stake 99 price 50 | refused: a stake of 100 is needed
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow); 200 escrow#1>req (refund); #1 unproven
            0 ann joins stake 200 price 50 | 200 ann>ann's stake (stake)
            0 bob joins stake 200 price 40 | 200 bob>bob's stake (stake)
            0 cid joins stake 200 price 10 | 200 cid>cid's stake (stake)
            1 req opens 2 for 39 until 300 | 39 req>escrow#2 (escrow); 39 escrow#2>req (refund); #2 unproven
            2 req opens 3 for 200 until 300 | 200 req>escrow#3 (escrow); frozen for seed 0 from 2.001
            3 ann delivers 3 | refused: the job is not allocated yet
            3 - seeds 0 with 7 | #3 to ann for 50 until 13, from 13.001 bob for 40
            3 cid delivers 3 | refused: reserved for others until 13 s
            4 ann delivers 3 | 50 escrow#3>ann (price); 150 escrow#3>req (refund); #3 proven
            13.001 bob delivers 3 | refused: no such job, or it is over
            14 req opens 4 for 200 until 300 | 200 req>escrow#4 (escrow); frozen for seed 1 from 14.001
            15 - seeds 1 with 3 | #4 to bob for 40 until 25
            16 bob delivers 4 | 40 escrow#4>bob (price); 160 escrow#4>req (refund); #4 proven
            17 req opens 5 for 200 until 300 | 200 req>escrow#5 (escrow); frozen for seed 2 from 17.001
            23 - ticks | [22.001] 200 escrow#5>req (refund); [22.001] #5 unproven
            24 cid joins stake 201 price 10 | 1 cid>cid's stake (stake)
            24 req opens 6 for 200 until 300 | 200 req>escrow#6 (escrow); frozen for seed 3 from 24.001
            25 - seeds 3 with 2 | #6 to ann for 50 until 35, from 35.001 cid for 10
            26 cid delivers 6 badly | refused: the proof does not verify
            26 cid leaves |
            76 - ticks | [35.001] #6 lapsed for ann; 201 cid's stake>cid (stake)
        "#]],
    );
}

#[test]
fn whoever_has_broken_too_many_promises_is_passed_over_while_others_are_there() {
    check(
        "livepeer",
        RULES,
        "0 ann joins stake 100 price 50
         1 req opens 1 for 200 until 20
         2 - seeds 0 with 7
         21 req opens 2 for 200 until 300
         22 - seeds 1 with 7
         23 ann delivers 2
         24 req opens 3 for 200 until 40
         25 - seeds 2 with 7
         41 req opens 4 for 200 until 60
         42 - seeds 3 with 7
         61 bob joins stake 100 price 100
         62 req opens 5 for 200 until 300
         63 - seeds 4 with 7
         64 bob delivers 5",
        expect![[r#"
            0 ann joins stake 100 price 50 | 100 ann>ann's stake (stake)
            1 req opens 1 for 200 until 20 | 200 req>escrow#1 (escrow); frozen for seed 0 from 1.001
            2 - seeds 0 with 7 | #1 to ann for 50 until 12
            21 req opens 2 for 200 until 300 | [12.001] #1 lapsed for ann; [20.001] 200 escrow#1>req (refund); [20.001] #1 unproven; 200 req>escrow#2 (escrow); frozen for seed 1 from 21.001
            22 - seeds 1 with 7 | #2 to ann for 50 until 32
            23 ann delivers 2 | 50 escrow#2>ann (price); 150 escrow#2>req (refund); #2 proven
            24 req opens 3 for 200 until 40 | 200 req>escrow#3 (escrow); frozen for seed 2 from 24.001
            25 - seeds 2 with 7 | #3 to ann for 50 until 35
            41 req opens 4 for 200 until 60 | [35.001] #3 lapsed for ann; [40.001] 200 escrow#3>req (refund); [40.001] #3 unproven; 200 req>escrow#4 (escrow); frozen for seed 3 from 41.001
            42 - seeds 3 with 7 | #4 to ann for 50 until 52
            61 bob joins stake 100 price 100 | [52.001] #4 lapsed for ann; [60.001] 200 escrow#4>req (refund); [60.001] #4 unproven; 100 bob>bob's stake (stake)
            62 req opens 5 for 200 until 300 | 200 req>escrow#5 (escrow); frozen for seed 4 from 62.001
            63 - seeds 4 with 7 | #5 to bob for 100 until 73
            64 bob delivers 5 | 100 escrow#5>bob (price); 100 escrow#5>req (refund); #5 proven
        "#]],
    );
}

/// From the formula with real exponentials: prices 100, 150 and 400 at F = 100, stakes 1, 2 and 5.
#[test]
fn chances_are_those_of_the_formula() {
    let members = [(1u32, 100u32), (2, 150), (5, 400)];
    let members =
        members.map(|(stake, price)| (Party::ZERO, Amount::from(stake), Amount::from(price)));
    for (preset, chances) in [
        ("client", [0.1875, 0.275, 0.5375]),
        ("by-stake", [0.125, 0.25, 0.625]),
        ("by-price", [0.480_957_560_637_4, 0.339_667_884_730_6, 0.179_374_554_632_0]),
    ] {
        let weights = rules(preset).weights(&members);
        for (weight, chance) in weights.iter().zip(chances) {
            let measured = weight.get() as f64 / (1u64 << 60) as f64;
            assert!((measured - chance).abs() < 1e-12, "{preset}: {measured} is not {chance}");
        }
    }
    // Pinned, since whoever replays a draw must come to the same weights.
    let pinned = rules("by-price").weights(&members).iter().map(|it| it.get()).collect::<Vec<_>>();
    expect!["[554506314462077050, 391610408730220888, 206804781414549031]"]
        .assert_eq(&format!("{pinned:?}"));
}

/// Prices so far apart, or so far up, that an exponential is nothing.
#[test]
fn the_cheapest_always_has_a_chance() {
    let members = [Amount::MAX, Amount::new(Amount::MAX.get() - 100_000)]
        .map(|price| (Party::ZERO, Amount::from(1), price));
    let weights = rules("by-price").weights(&members);
    // 0.1 by stake and 0.05 by chance for each, 0.7 by price for the cheaper.
    let hundredths = weights.iter().map(|it| (it.get() * 100 + (1 << 59)) >> 60);
    assert_eq!(hundredths.collect::<Vec<_>>(), [15, 85]);
}

/// The first of an order comes as often as its weight says, within five standard deviations.
#[test]
fn draws_follow_the_weights() {
    let party = |name: u8| Party::with_last_byte(name);
    let weight = |weight: u128| weight.try_into().unwrap();
    let fitting = [(party(1), weight(1), Amount::ZERO), (party(2), weight(3), Amount::ZERO)];
    let mut first = 0u32;
    for seed in 0..4_000u64 {
        let draws = Draws::new(B256::left_padding_from(&seed.to_be_bytes()));
        let order = super::Fitting(fitting.to_vec()).draw(draws);
        assert_eq!(order.len(), 2);
        first += u32::from(order[0].0 == party(1));
    }
    assert!(first.abs_diff(1_000) < 137, "{first}");
}

/// What one with two thirds of the stake is drawn, as one name and as many.
#[test]
fn many_names_gain_by_chance_and_nothing_by_stake() {
    let chance = |preset: &str, names: u128| {
        let name = (Party::ZERO, Amount::new(12 / names), Amount::from(7));
        let mut members = vec![name; names as usize];
        members.push((Party::ZERO, Amount::from(6), Amount::from(7)));
        let weights = rules(preset).weights(&members);
        let own: u128 = weights[..names as usize].iter().map(|weight| weight.get()).sum();
        (own as f64 / (1u64 << 60) as f64 * 1e6).round() / 1e6
    };
    assert_eq!((chance("by-stake", 1), chance("by-stake", 4)), (0.666_667, 0.666_667));
    assert_eq!((chance("client", 1), chance("client", 4)), (0.616_667, 0.706_667));
}

/// A client that swapped to a dearer one would pay an owner of both for being late.
#[test]
fn a_dearer_alias_does_not_follow() {
    let mut book = Rulebook::new(
        "livepeer",
        &RULES
            .replace("by_price = 5000", "by_price = 10000")
            .replace("by_stake = 5000", "by_stake = 0"),
    );
    book.play(
        "0 ann joins stake 100 price 10
         0 alias joins stake 100 price 200
         1 req opens 1 for 200 until 300
         2 - seeds 0 with 7
         13 alias delivers 1
         24 alias delivers 1
         400 - ticks",
    );
    assert_eq!(book.gain("alias") + book.gain("ann") + 200, 0);
}
