use super::{ABOUT, Candidate, Rules, together};
use crate::rulebook::{Rulebook, check};
use crate::{Amount, Fraction, Party, Span};
use expect_test::expect;

/// Two at most, for 10 s.
const RULES: &str = r#"
    limit = 2
    window = "10 s"
    latency_mid = "4 s"
    latency_scale = "3 s"
    silence_mid = "30 s"
    stake_scale = 100
    stake = 100
    memory = 2
    exit = "50 s"
"#;

fn gateway() -> Rules {
    toml::from_str(ABOUT.preset("gateway").unwrap().rules).unwrap()
}

fn real(fraction: Fraction) -> f64 {
    fraction.get() as f64 / (1u64 << 60) as f64
}

#[test]
fn the_best_few_are_asked_at_once_and_each_has_its_fee() {
    check(
        "candidate-selection",
        RULES,
        "0 req opens 1 for 100 until 300
         0 ann joins stake 99 price 20
         0 ann joins stake 300 price 20 capacity 2
         0 bob joins stake 300 price 20 capacity 2
         0 cid joins stake 300 price 101 capacity 2
         0 req opens 2 for 100 until 9
         0 req opens 2 for 100 until 300
         2 bob delivers 2
         3 ann delivers 2 badly
         11 req opens 3 for 100 until 300
         12 ann delivers 3
         13 bob delivers 3
         22 req opens 4 for 19 until 300
         23 ann polls
         23 eve polls
         24 eve measured as 1
         24 bob measured as 20000
         25 req opens 5 for 100 until 300
         36 bob leaves
         36 req opens 6 for 100 until 300
         86 - ticks",
        expect![[r#"
            0 req opens 1 for 100 until 300 | 100 req>escrow#1 (escrow); 100 escrow#1>req (refund); #1 unproven
            0 ann joins stake 99 price 20 | refused: a stake of 100 is needed
            0 ann joins stake 300 price 20 capacity 2 | 300 ann>ann's stake (stake)
            0 bob joins stake 300 price 20 capacity 2 | 300 bob>bob's stake (stake)
            0 cid joins stake 300 price 101 capacity 2 | 300 cid>cid's stake (stake)
            0 req opens 2 for 100 until 9 | refused: the deadline must be 10 s or later
            0 req opens 2 for 100 until 300 | 100 req>escrow#2 (escrow); #2 to ann for 20 until 10
            2 bob delivers 2 | refused: reserved for others until 10 s
            3 ann delivers 2 badly | refused: the proof does not verify
            11 req opens 3 for 100 until 300 | [10.001] #2 lapsed for ann; [10.001] 100 escrow#2>req (refund); [10.001] #2 unproven; 100 req>escrow#3 (escrow); #3 to bob for 20 until 21
            12 ann delivers 3 | refused: reserved for others until 21 s
            13 bob delivers 3 | 20 escrow#3>bob (price); 80 escrow#3>req (refund); #3 proven
            22 req opens 4 for 19 until 300 | 19 req>escrow#4 (escrow); 19 escrow#4>req (refund); #4 unproven
            23 ann polls |
            23 eve polls | refused: not a member
            24 eve measured as 1 | refused: not a member
            24 bob measured as 20000 |
            25 req opens 5 for 100 until 300 | 100 req>escrow#5 (escrow); #5 to bob for 20 and ann for 20 until 35
            36 bob leaves | [35.001] #5 lapsed for bob; [35.001] #5 lapsed for ann; [35.001] 100 escrow#5>req (refund); [35.001] #5 unproven
            36 req opens 6 for 100 until 300 | 100 req>escrow#6 (escrow); #6 to ann for 20 until 46
            86 - ticks | [46.001] #6 lapsed for ann; [46.001] 100 escrow#6>req (refund); [46.001] #6 unproven; 300 bob's stake>bob (stake)
        "#]],
    );
}

/// Values of the formulas with real exponentials, at The Graph's constants.
#[test]
fn scores_are_those_of_the_formulas() {
    let rules = gateway();
    let near = |measured: Fraction, value: f64| {
        assert!((real(measured) - value).abs() < 1e-14, "{} is not {value}", real(measured));
    };
    for (latency, score) in [
        (0, 1.0),
        (100, 0.923_763_527_751_825_1),
        (400, 0.631_798_569_057_863_4),
        (1_000, 0.150_624_471_122_179_9),
        (4_000, 0.000_007_763_761_443_4),
    ] {
        near(rules.fast(latency), score);
    }
    for (silence, score) in [
        (0, 0.999_691_359_149_486_9),
        (30, 0.800_001_000_000_000_1),
        (120, 0.284_790_897_257_994_3),
        (600, 0.000_100_032_916_990_2),
    ] {
        near(rules.fresh(Span::s(silence)), score);
    }
    for (stake, score) in [
        (100_000, 0.798_103_482_005_344_5),
        (200_000, 0.959_237_796_021_633_7),
        (10_000, 0.147_856_211_033_788_7),
    ] {
        near(rules.staked(Amount::from(stake)), score);
    }
}

fn candidate(success: u128, latency: u64, fee: u32) -> Candidate {
    Candidate {
        party: Party::with_last_byte(latency as u8),
        fee: Amount::from(fee),
        success: Fraction::ratio_down(success, 100),
        latency,
        fresh: Fraction::ONE,
        staked: Fraction::ONE,
        has_capacity: true,
    }
}

/// The faster of two answers with 80 %, the other with 90 %: 0.8 at 100 ms, 0.18 at 300 ms, so 0.98 at 1 / (0.8 / 100 + 0.18 / 300) ms.
#[test]
fn of_a_set_the_fastest_answer_counts() {
    let (success, latency) = together(&[candidate(90, 300, 1), candidate(80, 100, 1)]);
    assert!((real(success) - 0.98).abs() < 1e-15);
    assert_eq!(latency, 116);
    let (success, latency) = together(&[candidate(0, 300, 1)]);
    assert_eq!((success, latency), (Fraction::ZERO, u64::MAX));
}

/// Pinned, since whoever replays a log must come to the same choice.
#[test]
fn scores_of_sets_are_pinned() {
    let rules = gateway();
    let sets = [
        vec![candidate(100, 1, 1)],
        vec![candidate(90, 300, 1)],
        vec![candidate(90, 300, 1), candidate(80, 100, 1)],
        vec![Candidate {
            has_capacity: false,
            staked: rules.staked(Amount::from(100_000)),
            ..candidate(99, 50, 1)
        }],
    ];
    let scores = sets.map(|set| rules.score(&set).get());
    expect!["[1152119028376783628, 387141799298032970, 911153037659618691, 661100797732354634]"]
        .assert_eq(&format!("{scores:?}"));
}

/// Nobody is asked for nothing: another is worth half of what it adds to the score, in parts of the budget.
#[test]
fn another_is_asked_only_if_it_is_worth_its_fee() {
    let rules = gateway();
    let first = candidate(80, 200, 10);
    let score = real(rules.score(&[first]));
    let both = real(rules.score(&[first, candidate(80, 200, 10)]));
    let worth = (both - score) / score / 2.0;
    let most = Amount::from(1_000_000);
    let names = |fee: f64| rules.choose(&[first, candidate(80, 200, fee as u32)], most).len();
    assert_eq!(names((worth * 1e6).floor().min(990_000.0)), 2);
    // Cheap ones are worth asking, sure ones are enough alone.
    assert_eq!(rules.choose(&[candidate(100, 100, 10), candidate(100, 100, 10)], most).len(), 1);
    assert_eq!(rules.choose(&[], most).len(), 0);
    // Of equal ones the first, for less the cheaper, together never above what is paid.
    let chosen = |all: &[Candidate], most: u32| {
        let chosen = rules.choose(all, Amount::from(most));
        chosen.iter().map(|it| it.fee.get()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[candidate(80, 200, 11), candidate(80, 200, 10)], 1_000), [10, 11]);
    assert_eq!(chosen(&[candidate(80, 200, 11), candidate(80, 200, 10)], 20), [10]);
    assert_eq!(chosen(&[candidate(80, 200, 0), candidate(80, 200, 1)], 1_000_000), [0, 1]);
}

/// One owner's stake as one name and as three: a set has room for all of them, and each is paid.
#[test]
fn many_names_are_chosen_more_often() {
    let rules = gateway();
    let named = |stake: u32| Candidate {
        staked: rules.staked(Amount::from(stake)),
        ..candidate(70, 100, 1)
    };
    let most = Amount::from(1_000);
    assert_eq!(rules.choose(&[named(300_000)], most).len(), 1);
    assert_eq!(rules.choose(&[named(100_000); 3], most).len(), 3);
}

/// A prover that breaks its promises is not asked while others are there; a fault costs no stake.
#[test]
fn a_record_is_what_a_fault_costs() {
    let mut book = Rulebook::new("candidate-selection", &RULES.replace("limit = 2", "limit = 1"));
    book.play(
        "0 ann joins stake 300 price 10 capacity 1\n0 bob joins stake 300 price 10 capacity 1",
    );
    for job in 1..=4u64 {
        let at = 20 * job;
        book.play(&format!(
            "{at} ann polls\n{at} bob polls\n{at} req opens {job} for 100 until 200"
        ));
        book.play(&format!("{at}.5 bob delivers {job}"));
    }
    book.play("300 - ticks");
    assert_eq!((book.gain("ann"), book.gain("bob")), (-300, 3 * 10 - 300));
}
