use crate::rulebook::{Rulebook, check};
use expect_test::expect;
use proptest::prelude::*;

/// Two asks at most; a commission of 5 %, at least 2; a fine of ten of them; records move by half.
const RULES: &str = r#"
    asks = 2
    commission = 500
    commission_least = 2
    fine = 10
    record_first = 8000
    record_least = 3000
    memory = 2
    capped = false
    exit = "100 s"
"#;

#[test]
fn the_lowest_ask_that_fits_has_the_job() {
    check(
        "order-book",
        RULES,
        "0 ann asks at 80 within 60
         0 ann joins stake 60
         1 ann asks at 80 within 60
         1 ann asks at 1 within 60
         1 ann asks at 1 within 60
         2 bob joins stake 1000
         2 bob asks at 70 within 90
         2 bob asks at 80 within 59
         2 bob asks at 1 within 1
         3 cid joins stake 39
         3 cid asks at 80 within 60
         4 req opens 1 for 200 until 93
         5 bob delivers 1
         6 req opens 2 for 90 until 70
         6 req opens 3 for 90 until 70
         7 ann delivers 2
         8 bob delivers 3
         8 bob delivers 2
         9 req opens 4 for 90 until 70
         10 req cancels 4",
        expect![[r#"
            0 ann asks at 80 within 60 | refused: not a member
            0 ann joins stake 60 | 60 ann>ann's stake (stake)
            1 ann asks at 80 within 60 |
            1 ann asks at 1 within 60 |
            1 ann asks at 1 within 60 | refused: at most 2 fit
            2 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            2 bob asks at 70 within 90 |
            2 bob asks at 80 within 59 |
            2 bob asks at 1 within 1 | refused: at most 2 fit
            3 cid joins stake 39 | 39 cid>cid's stake (stake)
            3 cid asks at 80 within 60 | refused: a stake of 40 is needed
            4 req opens 1 for 200 until 93 | 200 req>escrow#1 (escrow); #1 to ann for 1 until 64
            5 bob delivers 1 | refused: reserved for others until 64 s
            6 req opens 2 for 90 until 70 | 90 req>escrow#2 (escrow); #2 to bob for 80 until 65
            6 req opens 3 for 90 until 70 | 90 req>escrow#3 (escrow); #3 to ann for 80 until 66
            7 ann delivers 2 | refused: reserved for others until 65 s
            8 bob delivers 3 | refused: reserved for others until 66 s
            8 bob delivers 2 | 4 escrow#2>treasury (fee); 76 escrow#2>bob (price); 10 escrow#2>req (refund); #2 proven
            9 req opens 4 for 90 until 70 | 90 req>escrow#4 (escrow)
            10 req cancels 4 | 90 escrow#4>req (refund); #4 cancelled
        "#]],
    );
}

#[test]
fn a_job_waits_for_an_ask_that_fits() {
    check(
        "order-book",
        RULES,
        "0 ann joins stake 1000
         0 req opens 1 for 20 until 100
         1 req opens 2 for 90 until 100
         2 req opens 3 for 90 until 200
         3 ann asks at 80 within 98
         4 ann asks at 80 within 60
         5 ann delivers 2
         6 req cancels 3
         7 req cancels 1
         8 ann leaves
         9 ann asks at 20 within 60
         110 - ticks",
        expect![[r#"
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 req opens 1 for 20 until 100 | 20 req>escrow#1 (escrow)
            1 req opens 2 for 90 until 100 | 90 req>escrow#2 (escrow)
            2 req opens 3 for 90 until 200 | 90 req>escrow#3 (escrow)
            3 ann asks at 80 within 98 | #3 to ann for 80 until 101
            4 ann asks at 80 within 60 | #2 to ann for 80 until 64
            5 ann delivers 2 | 4 escrow#2>treasury (fee); 76 escrow#2>ann (price); 10 escrow#2>req (refund); #2 proven
            6 req cancels 3 | refused: somebody has the job
            7 req cancels 1 | 20 escrow#1>req (refund); #1 cancelled
            8 ann leaves |
            9 ann asks at 20 within 60 | refused: on its way out until 108 s
            110 - ticks | [101.001] #3 lapsed for ann; [101.001] #3 to nobody; [108] 1000 ann's stake>ann (stake)
        "#]],
    );
}

#[test]
fn an_invalid_proof_is_fined_and_a_late_one_is_not() {
    check(
        "order-book",
        RULES,
        "0 ann joins stake 100
         0 bob joins stake 100
         0 ann asks at 40 within 50
         0 bob asks at 60 within 50
         0 bob asks at 70 within 50
         1 req opens 1 for 90 until 200
         2 cid delivers 1 badly
         3 ann delivers 1 badly
         4 ann delivers 1
         54 ann delivers 1
         55 ann asks at 10 within 50
         56 bob delivers 1 badly
         57 bob asks at 10 within 50
         58 ann asks at 10 within 50
         59 ann leaves
         200.001 - ticks",
        expect![[r#"
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 | 100 bob>bob's stake (stake)
            0 ann asks at 40 within 50 |
            0 bob asks at 60 within 50 |
            0 bob asks at 70 within 50 |
            1 req opens 1 for 90 until 200 | 90 req>escrow#1 (escrow); #1 to ann for 40 until 51
            2 cid delivers 1 badly | refused: not one of those who have the job
            3 ann delivers 1 badly | #1 lapsed for ann; 20 ann's stake>burned (forfeit#1); #1 to bob for 60 until 53
            4 ann delivers 1 | refused: reserved for others until 53 s
            54 ann delivers 1 | [53.001] #1 lapsed for bob; [53.001] #1 to bob for 70 until 103.001; refused: reserved for others until 103.001 s
            55 ann asks at 10 within 50 |
            56 bob delivers 1 badly | #1 lapsed for bob; 30 bob's stake>burned (forfeit#1); #1 to ann for 10 until 106
            57 bob asks at 10 within 50 | refused: a record of 3000 bps is needed, and it is 2000 bps
            58 ann asks at 10 within 50 |
            59 ann leaves |
            200.001 - ticks | [106.001] #1 lapsed for ann; [106.001] #1 to nobody; [159] 80 ann's stake>ann (stake); 90 escrow#1>req (refund); #1 unproven
        "#]],
    );
}

#[test]
fn a_record_weighs_as_a_price() {
    check(
        "order-book",
        RULES,
        "0 ann joins stake 1000
         0 bob joins stake 1000
         0 bob asks at 10 within 50
         1 req opens 1 for 90 until 200
         2 bob delivers 1
         3 ann asks at 80 within 50
         3 bob asks at 89 within 50
         4 req opens 2 for 90 until 200
         5 ann asks at 80 within 50
         5 bob asks at 91 within 50
         6 req opens 3 for 100 until 200",
        expect![[r#"
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 bob joins stake 1000 | 1000 bob>bob's stake (stake)
            0 bob asks at 10 within 50 |
            1 req opens 1 for 90 until 200 | 90 req>escrow#1 (escrow); #1 to bob for 10 until 51
            2 bob delivers 1 | 2 escrow#1>treasury (fee); 8 escrow#1>bob (price); 80 escrow#1>req (refund); #1 proven
            3 ann asks at 80 within 50 |
            3 bob asks at 89 within 50 |
            4 req opens 2 for 90 until 200 | 90 req>escrow#2 (escrow); #2 to bob for 89 until 54
            5 ann asks at 80 within 50 |
            5 bob asks at 91 within 50 |
            6 req opens 3 for 100 until 200 | 100 req>escrow#3 (escrow); #3 to ann for 80 until 56
        "#]],
    );
}

/// An owner asks little under one name and much under another, lets the first be late for nothing and
/// is paid as the second. A match that may not become dearer leaves nothing to gain.
#[test]
fn being_late_for_a_dearer_alias_does_not_pay() {
    let gain = |rules: &str| {
        let mut book = Rulebook::new("order-book", rules);
        book.play(
            "0 ann joins stake 100
             0 alias joins stake 100
             0 ann asks at 40 within 50
             0 alias asks at 80 within 50
             0 bob joins stake 100
             0 bob asks at 60 within 50
             1 req opens 1 for 90 until 200
             52 bob delivers 1 badly
             53 alias delivers 1
             60 ann asks at 40 within 50
             61 ann delivers 1
             400 - ticks",
        );
        book.gain("ann") + book.gain("alias") + 200
    };
    assert_eq!(gain(RULES), 76);
    assert_eq!(gain(&RULES.replace("capped = false", "capped = true")), 38);
}

/// A blocked account is not heard, but its owner begins again under another name with a new deposit.
#[test]
fn a_new_account_has_a_new_record() {
    check(
        "order-book",
        RULES,
        "0 ann joins stake 100
         0 ann asks at 40 within 50
         0 ann asks at 40 within 50
         1 req opens 1 for 90 until 200
         2 ann delivers 1 badly
         3 ann delivers 1 badly
         4 ann asks at 40 within 50
         5 alias joins stake 20
         6 alias asks at 40 within 50
         7 alias delivers 1",
        expect![[r#"
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 ann asks at 40 within 50 |
            0 ann asks at 40 within 50 |
            1 req opens 1 for 90 until 200 | 90 req>escrow#1 (escrow); #1 to ann for 40 until 51
            2 ann delivers 1 badly | #1 lapsed for ann; 20 ann's stake>burned (forfeit#1); #1 to ann for 40 until 52
            3 ann delivers 1 badly | #1 lapsed for ann; 20 ann's stake>burned (forfeit#1); #1 to nobody
            4 ann asks at 40 within 50 | refused: a record of 3000 bps is needed, and it is 2000 bps
            5 alias joins stake 20 | 20 alias>alias's stake (stake)
            6 alias asks at 40 within 50 | #1 to alias for 40 until 56
            7 alias delivers 1 | 2 escrow#1>treasury (fee); 38 escrow#1>alias (price); 50 escrow#1>req (refund); #1 proven
        "#]],
    );
}

/// Whoever asks for proofs under one name and delivers them under another buys a record for the commissions alone, and is
/// matched before a rival that asks less.
#[test]
fn a_record_is_bought_for_commissions() {
    let mut book = Rulebook::new("order-book", RULES);
    book.play("0 ann joins stake 1000\n0 eve joins stake 1000");
    let rivals = "asks at 80 within 50\n4 eve asks at 95 within 50\n4 req opens";
    let mut before = Rulebook::new("order-book", RULES);
    before.play("0 ann joins stake 1000\n0 eve joins stake 1000");
    assert!(before.play(&format!("4 ann {rivals} 1 for 100 until 200")).contains("to ann for 80"));
    for job in 1..=3 {
        book.play(&format!(
            "{job} eve asks at 10 within 50
             {job} alias opens {job} for 10 until 200
             {job} eve delivers {job}"
        ));
    }
    assert_eq!(book.gain("eve") + book.gain("alias"), -1_000 - 3 * 2);
    assert!(book.play(&format!("4 ann {rivals} 4 for 100 until 200")).contains("to eve for 95"));
}

/// The rules of the book with proofs sold again at 60 % for ten seconds, 30 % of that for whoever was first.
fn reselling() -> String {
    format!("{RULES}\nresale = {{ kept = \"10 s\", price = 6000, first = 3000 }}")
}

#[test]
fn a_proof_is_sold_again_and_the_first_requester_has_its_share() {
    check(
        "order-book",
        &reselling(),
        "0 ann joins stake 1000
         0 ann asks at 81 within 60
         1 req opens 1 for 90 until 200
         1 req2 opens 2 for 48 until 200
         1 req2 takes 1 for 2
         2 ann delivers 1
         3 req takes 1 for 2
         3 req2 takes 7 for 2
         3 req2 takes 1 for 2
         3 req2 takes 1 for 2
         4 req3 opens 3 for 47 until 200
         4 req3 takes 1 for 3
         4 req3 takes 2 for 3
         5 req opens 4 for 60 until 200
         12 req takes 1 for 4
         12.001 req3 opens 5 for 60 until 200
         12.001 req3 takes 1 for 5
         13 ann asks at 60 within 60
         13 req3 takes 1 for 3
         14 ann asks at 47 within 60
         14 req3 takes 1 for 3",
        expect![[r#"
            0 ann joins stake 1000 | 1000 ann>ann's stake (stake)
            0 ann asks at 81 within 60 |
            1 req opens 1 for 90 until 200 | 90 req>escrow#1 (escrow); #1 to ann for 81 until 61
            1 req2 opens 2 for 48 until 200 | 48 req2>escrow#2 (escrow)
            1 req2 takes 1 for 2 | refused: that proof is not for sale
            2 ann delivers 1 | 4 escrow#1>treasury (fee); 77 escrow#1>ann (price); 9 escrow#1>req (refund); #1 proven
            3 req takes 1 for 2 | refused: not the requester
            3 req2 takes 7 for 2 | refused: that proof is not for sale
            3 req2 takes 1 for 2 | 2 escrow#2>treasury (fee); 14 escrow#2>req (resale); 32 escrow#2>ann (price); #2 proven
            3 req2 takes 1 for 2 | refused: no such job, or it is over
            4 req3 opens 3 for 47 until 200 | 47 req3>escrow#3 (escrow)
            4 req3 takes 1 for 3 | refused: the most that is paid must be 48 or more
            4 req3 takes 2 for 3 | refused: that proof is not for sale
            5 req opens 4 for 60 until 200 | 60 req>escrow#4 (escrow)
            12 req takes 1 for 4 | 2 escrow#4>treasury (fee); 14 escrow#4>req (resale); 32 escrow#4>ann (price); 12 escrow#4>req (refund); #4 proven
            12.001 req3 opens 5 for 60 until 200 | 60 req3>escrow#5 (escrow)
            12.001 req3 takes 1 for 5 | refused: that proof is not for sale
            13 ann asks at 60 within 60 | #5 to ann for 60 until 73
            13 req3 takes 1 for 3 | refused: that proof is not for sale
            14 ann asks at 47 within 60 | #3 to ann for 47 until 74
            14 req3 takes 1 for 3 | refused: somebody has the job
        "#]],
    );
    let mut without = Rulebook::new("order-book", RULES);
    without.play("0 req opens 1 for 90 until 200");
    assert!(without.play("1 req takes 1 for 1").contains("does not understand"));
}

#[test]
fn shares_of_resales_that_make_no_sense_are_refused() {
    let kind = crate::find("order-book").unwrap();
    let refusal = |resale: &str| {
        let start = kind.start(&format!("{RULES}\nresale = {{ {resale} }}"));
        std::error::Error::source(&start.err().unwrap()).unwrap().to_string()
    };
    expect!["resale.kept must be more than nothing"]
        .assert_eq(&refusal("kept = \"0 s\", price = 1, first = 0"));
    expect!["resale.price is a share: from 1 to 10000"]
        .assert_eq(&refusal("kept = \"1 s\", price = 0, first = 0"));
    expect!["resale.first and commission must be 10000 together at most"]
        .assert_eq(&refusal("kept = \"1 s\", price = 1, first = 9501"));
}

proptest! {
    /// Whatever the prices and shares: the buyer pays the price's share and no more, all of it arrives, and nobody gains by selling to
    /// itself, as the first requester, as the producer or as both.
    #[test]
    fn a_resale_is_shared_in_full(
        price in 0u32..2_000,
        again in 1u32..=10_000,
        first in 0u32..=9_500,
    ) {
        let rules = format!(
            "{RULES}\nresale = {{ kept = \"10 s\", price = {again}, first = {first} }}"
        );
        let mut book = Rulebook::new("order-book", &rules);
        book.play(&format!(
            "0 ann joins stake 100000
             0 ann asks at {price} within 60
             1 req opens 1 for 2000 until 200
             2 ann delivers 1"
        ));
        let before = ["ann", "req", "eve"].map(|name| book.gain(name));
        book.play("3 eve opens 2 for 2000 until 200\n4 eve takes 1 for 2");
        let after = ["ann", "req", "eve"].map(|name| book.gain(name));
        let [producer, requester, buyer] = [0, 1, 2].map(|at| after[at] - before[at]);
        let paid = i128::from(price) * i128::from(again) / 10_000;
        let fee = (paid * 500 / 10_000).max(2).min(paid);
        prop_assert_eq!(buyer, -paid);
        prop_assert_eq!(producer + requester, paid - fee);
        prop_assert_eq!(requester, (paid * i128::from(first) / 10_000).min(paid - fee));
        prop_assert!(producer >= 0 && requester >= 0);
        prop_assert_eq!(book.machine.jobs(), vec![]);
    }
}

/// What is kept of proofs does not grow with the jobs that are over.
#[test]
fn proofs_that_are_too_old_are_forgotten() {
    let mut book = Rulebook::new("order-book", &reselling());
    book.play("0 ann joins stake 1000");
    let mut size = |jobs: std::ops::Range<u32>| {
        for job in jobs {
            book.play(&format!(
                "{job} ann asks at 80 within 60
                 {job} req opens {job} for 90 until 100000
                 {job} ann delivers {job}"
            ));
        }
        book.machine.encode().len()
    };
    let (few, many) = (size(1..100), size(100..1_000));
    assert!(many < few + 100, "{few} bytes become {many}");
}
