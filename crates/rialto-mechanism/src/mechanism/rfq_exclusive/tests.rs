use crate::rulebook::{Rulebook, check};
use crate::{Allocation, Amount, Bps, Forfeit, JobId, Risks, Time};
use expect_test::expect;

/// Quotes for 5 s, alone for 100 s or 10 % better, then up for 50 s.
const RULES: &str = r#"
    quotes = "5 s"
    exclusive = "100 s"
    override_by = 1000
    start = 2000
    ramp = "50 s"
    cooldown = "200 s"
    fee = 0
"#;

#[test]
fn the_best_quote_has_the_job_alone() {
    check(
        "rfq-exclusive",
        RULES,
        "0 req opens 1 for 200 until 104
         0 req opens 1 for 200 until 300
         1 ann locks 1
         1 ann bids 1 at 201
         1 ann bids 1 at 90
         2 ann bids 1 at 20
         3 bob bids 1 at 80
         4 cid bids 1 at 80
         5 req delivers 1
         5.001 dan bids 1 at 10
         6 req cancels 1
         7 bob delivers 1 badly
         105 bob delivers 1
         106 bob delivers 1",
        expect![[r#"
            0 req opens 1 for 200 until 104 | refused: the deadline must be 105 s or later
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            1 ann locks 1 | refused: this mechanism does not understand that
            1 ann bids 1 at 201 | refused: the price may be at most 200
            1 ann bids 1 at 90 | 110 ann>ann's bond#1 (bond)
            2 ann bids 1 at 20 | refused: done before
            3 bob bids 1 at 80 | 120 bob>bob's bond#1 (bond)
            4 cid bids 1 at 80 | 120 cid>cid's bond#1 (bond)
            5 req delivers 1 | refused: the job is not allocated yet
            5.001 dan bids 1 at 10 | 110 ann's bond#1>ann (release); 120 cid's bond#1>cid (release); #1 to bob for 80 until 105 or a rival for 72, open from 105.001 for 200; refused: somebody has the job
            6 req cancels 1 | refused: somebody has the job
            7 bob delivers 1 badly | refused: the proof does not verify
            105 bob delivers 1 | 80 escrow#1>bob (price); 120 bob's bond#1>bob (release); 120 escrow#1>req (refund); #1 proven
            106 bob delivers 1 | refused: no such job, or it is over
        "#]],
    );
}

#[test]
fn a_rival_who_is_better_by_enough_takes_it() {
    check(
        "rfq-exclusive",
        &RULES.replace("fee = 0", "fee = 1000"),
        "0 req opens 1 for 200 until 300
         3 bob bids 1 at 99
         6 ann delivers 1 badly
         7 ann delivers 1",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            3 bob bids 1 at 99 | 101 bob>bob's bond#1 (bond)
            6 ann delivers 1 badly | [5.001] #1 to bob for 99 until 105 or a rival for 89, open from 105.001 for 200; refused: the proof does not verify
            7 ann delivers 1 | 8 escrow#1>treasury (fee); 81 escrow#1>ann (price); 101 bob's bond#1>bob (release); 111 escrow#1>req (refund); #1 proven
        "#]],
    );
    check(
        "rfq-exclusive",
        &RULES.replace("override_by = 1000", ""),
        "0 req opens 1 for 200 until 300
         3 bob bids 1 at 99
         7 ann delivers 1",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            3 bob bids 1 at 99 | 101 bob>bob's bond#1 (bond)
            7 ann delivers 1 | [5.001] #1 to bob for 99 until 105, open from 105.001 for 200; refused: reserved for others until 105 s
        "#]],
    );
}

#[test]
fn a_missed_window_is_paid_for_by_who_missed_it() {
    check(
        "rfq-exclusive",
        RULES,
        "0 req opens 1 for 200 until 300
         3 bob bids 1 at 80
         130.001 cid delivers 1
         131 req opens 2 for 200 until 400
         132 bob bids 2 at 10
         300 req opens 3 for 200 until 600
         305 bob bids 3 at 10
         305.001 bob bids 3 at 10
         306 req opens 4 for 200 until 600
         306.001 bob bids 4 at 200
         700 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            3 bob bids 1 at 80 | 120 bob>bob's bond#1 (bond)
            130.001 cid delivers 1 | [5.001] #1 to bob for 80 until 105 or a rival for 72, open from 105.001 for 200; [105.001] #1 lapsed for bob; 140 escrow#1>cid (rescue); 120 bob's bond#1>req (forfeit#1); 60 escrow#1>req (refund); #1 proven
            131 req opens 2 for 200 until 400 | 200 req>escrow#2 (escrow)
            132 bob bids 2 at 10 | refused: not before 305.002 s
            300 req opens 3 for 200 until 600 | [136.001] #2 open from 136.001 for 200; 200 req>escrow#3 (escrow)
            305 bob bids 3 at 10 | refused: not before 305.002 s
            305.001 bob bids 3 at 10 | #3 open from 305.001 for 200; refused: somebody has the job
            306 req opens 4 for 200 until 600 | 200 req>escrow#4 (escrow)
            306.001 bob bids 4 at 200 |
            700 - ticks | [311.001] #4 to bob for 200 until 411 or a rival for 180, open from 411.001 for 200; [400.001] 200 escrow#2>req (refund); [400.001] #2 unproven; [411.001] #4 lapsed for bob; [600.001] 200 escrow#3>req (refund); [600.001] #3 unproven; [600.001] 200 escrow#4>req (refund); [600.001] #4 unproven
        "#]],
    );
}

#[test]
fn without_a_quote_the_price_rises_for_all() {
    check(
        "rfq-exclusive",
        RULES,
        "0 req opens 1 for 200 until 300
         5 ann delivers 1
         5.001 ann delivers 1
         10 req opens 2 for 200 until 300
         40.001 ann delivers 2
         50 req opens 3 for 200 until 300
         290 ann delivers 3
         290 req opens 4 for 100 until 500
         500.001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            5 ann delivers 1 | refused: the job is not allocated yet
            5.001 ann delivers 1 | #1 open from 5.001 for 200; 40 escrow#1>ann (rescue); 160 escrow#1>req (refund); #1 proven
            10 req opens 2 for 200 until 300 | 200 req>escrow#2 (escrow)
            40.001 ann delivers 2 | [15.001] #2 open from 15.001 for 200; 120 escrow#2>ann (rescue); 80 escrow#2>req (refund); #2 proven
            50 req opens 3 for 200 until 300 | 200 req>escrow#3 (escrow)
            290 ann delivers 3 | [55.001] #3 open from 55.001 for 200; 200 escrow#3>ann (rescue); #3 proven
            290 req opens 4 for 100 until 500 | 100 req>escrow#4 (escrow)
            500.001 - ticks | [295.001] #4 open from 295.001 for 100; 100 escrow#4>req (refund); #4 unproven
        "#]],
    );
}

#[test]
fn the_price_is_public() {
    let mut book = Rulebook::new("rfq-exclusive", RULES);
    book.play("0 req opens 1 for 200 until 300");
    let price = |book: &Rulebook, second: u64| {
        book.machine.price_at(JobId(1), Time(second * 1_000 + 1)).map(Amount::get)
    };
    assert_eq!(price(&book, 1), None);
    book.play("1 bob bids 1 at 80\n6 - ticks");
    assert_eq!([6, 104, 105, 130, 155, 200].map(|at| price(&book, at)), {
        [72, 72, 80, 140, 200, 200].map(Some)
    });
}

/// Without a cover, as there, whoever has the quote waits for the clock and gains by it: the kit refuses
/// such an allocation. With the cover waiting gains nothing, under whatever name.
#[test]
fn the_quote_is_no_free_option() {
    let quoted = Allocation::to(crate::Party::ZERO, Amount::from(80), Time(105_000));
    let to_requester = Forfeit { burned: Bps(0), requester: Bps::ALL };
    let historic = quoted.clone().then_open(Amount::from(200));
    assert!(historic.pays_self_rescue());
    let covered = quoted.at_risk(Amount::from(120), Risks::Bond).forfeiting(to_requester);
    assert!(!covered.then_open(Amount::from(200)).pays_self_rescue());

    let gain = |row: &str| {
        let mut book = Rulebook::new("rfq-exclusive", RULES);
        book.play(&format!("0 req opens 1 for 200 until 300\n3 ann bids 1 at 80\n{row}"));
        book.play("400 - ticks");
        (book.gain("ann") + book.gain("alias"), book.gain("req"))
    };
    assert_eq!(gain("50 ann delivers 1"), (80, -80));
    assert_eq!(gain("50 alias delivers 1"), (72, -72));
    assert_eq!(gain("105.001 ann delivers 1"), (-40, 40));
    assert_eq!(gain("130.001 alias delivers 1"), (20, -20));
    assert_eq!(gain("155.001 alias delivers 1"), (80, -80));
    assert_eq!(gain("200 ann delivers 1"), (80, -80));
}

/// The override goes from strictly exclusive to as good as open.
#[test]
fn the_override_says_how_exclusive_the_window_is() {
    let rival = |share: &str| {
        let rules = RULES.replace("override_by = 1000", share);
        let mut book = Rulebook::new("rfq-exclusive", &rules);
        book.play("0 req opens 1 for 200 until 300\n1 ann bids 1 at 100\n6 bob delivers 1");
        book.gain("bob")
    };
    let shares = ["", "override_by = 1", "override_by = 5000", "override_by = 10000"];
    assert_eq!(shares.map(rival), [0, 99, 50, 0]);
}
