use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_first_proof_takes_all() {
    check(
        "open-race",
        "winner-takes-all",
        "0 req opens 1 for 200 until 300
         5 ann bids 1 at 20
         5 req cancels 1
         10 ann delivers 1 badly
         10 bob delivers 1
         10 ann delivers 1
         11 req opens 2 for 200 until 300
         300.001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            5 ann bids 1 at 20 | refused: this mechanism does not understand that
            5 req cancels 1 | refused: somebody has the job
            10 ann delivers 1 badly | refused: the proof does not verify
            10 bob delivers 1 | 200 escrow#1>bob (price); #1 proven
            10 ann delivers 1 | refused: no such job, or it is over
            11 req opens 2 for 200 until 300 | 200 req>escrow#2 (escrow); #2 open from 11 for 200
            300.001 - ticks | 200 escrow#2>req (refund); #2 unproven
        "#]],
    );
}

#[test]
fn uncles_are_paid_in_their_order() {
    check(
        "open-race",
        "uncles",
        "0 req opens 1 for 201 until 300
         10 bob delivers 1
         10 bob delivers 1
         20 ann delivers 1
         30 cid delivers 1
         30 dan delivers 1
         30 req opens 2 for 200 until 300
         40 ann delivers 2
         300.001 - ticks",
        expect![[r#"
            0 req opens 1 for 201 until 300 | 201 req>escrow#1 (escrow); #1 open from 0 for 120
            10 bob delivers 1 | 120 escrow#1>bob (price)
            10 bob delivers 1 | refused: done before
            20 ann delivers 1 | 50 escrow#1>ann (uncle 1)
            30 cid delivers 1 | 30 escrow#1>cid (uncle 2); 1 escrow#1>req (refund); #1 proven
            30 dan delivers 1 | refused: no such job, or it is over
            30 req opens 2 for 200 until 300 | 200 req>escrow#2 (escrow); #2 open from 30 for 120
            40 ann delivers 2 | 120 escrow#2>ann (price)
            300.001 - ticks | 80 escrow#2>req (refund); #2 proven
        "#]],
    );
}

#[test]
fn within_the_minimum_time_proofs_are_equal() {
    check(
        "open-race",
        "min-time-shared",
        "0 req opens 1 for 200 until 3000
         10 bob delivers 1
         180 ann delivers 1
         180 cid delivers 1
         180.001 - ticks
         200 req opens 2 for 200 until 3000
         400 bob delivers 2
         500 req opens 3 for 200 until 600
         510 bob delivers 3
         511 ann delivers 3
         600.001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 3000 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            10 bob delivers 1 |
            180 ann delivers 1 |
            180 cid delivers 1 |
            180.001 - ticks | 66 escrow#1>bob (price); 66 escrow#1>ann (price); 66 escrow#1>cid (price); 2 escrow#1>req (refund); #1 proven
            200 req opens 2 for 200 until 3000 | 200 req>escrow#2 (escrow); #2 open from 200 for 200
            400 bob delivers 2 | 200 escrow#2>bob (price); #2 proven
            500 req opens 3 for 200 until 600 | 200 req>escrow#3 (escrow); #3 open from 500 for 200
            510 bob delivers 3 |
            511 ann delivers 3 |
            600.001 - ticks | 100 escrow#3>bob (price); 100 escrow#3>ann (price); #3 proven
        "#]],
    );
}

#[test]
fn a_lot_falls_once_the_set_is_frozen() {
    check(
        "open-race",
        "min-time-drawn",
        "0 req opens 1 for 200 until 3000
         10 bob delivers 1
         20 ann delivers 1
         30 - seeds 0 with 7
         180.001 - ticks
         180.001 - seeds 0 with 7
         181 cid delivers 1
         182 - seeds 0 with 7
         182 - seeds 0 with 7
         200 req opens 2 for 201 until 3000
         210 bob delivers 2
         220 ann delivers 2
         500 - ticks
         500 - seeds 1 with 7",
        expect![[r#"
            0 req opens 1 for 200 until 3000 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            10 bob delivers 1 |
            20 ann delivers 1 |
            30 - seeds 0 with 7 | refused: no set waits for round 0
            180.001 - ticks | frozen for seed 0 from 180.002
            180.001 - seeds 0 with 7 | refused: not before 180.002 s
            181 cid delivers 1 | refused: the time for that ended at 180 s
            182 - seeds 0 with 7 | 200 escrow#1>ann (price); #1 proven
            182 - seeds 0 with 7 | refused: no set waits for round 0
            200 req opens 2 for 201 until 3000 | 201 req>escrow#2 (escrow); #2 open from 200 for 201
            210 bob delivers 2 |
            220 ann delivers 2 |
            500 - ticks | [380.001] frozen for seed 1 from 380.002; [440.002] 100 escrow#2>bob (price); [440.002] 100 escrow#2>ann (price); [440.002] 1 escrow#2>req (refund); [440.002] #2 proven
            500 - seeds 1 with 7 | refused: no set waits for round 1
        "#]],
    );
}

#[test]
fn the_cheapest_in_time_wins() {
    check(
        "open-race",
        "cheapest-in-time",
        "0 req opens 1 for 200 until 3000
         1 ann bids 1 at 201
         1 ann bids 1 at 90
         2 bob bids 1 at 80
         3 cid bids 1 at 70
         4 bob delivers 1
         5 bob bids 1 at 60
         6 ann bids 1 at 80
         7 ann delivers 1
         8 dan delivers 1
         601 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 3000 | 200 req>escrow#1 (escrow); #1 open from 0 for 200
            1 ann bids 1 at 201 | refused: the price may be at most 200
            1 ann bids 1 at 90 |
            2 bob bids 1 at 80 |
            3 cid bids 1 at 70 |
            4 bob delivers 1 |
            5 bob bids 1 at 60 | refused: done before
            6 ann bids 1 at 80 |
            7 ann delivers 1 |
            8 dan delivers 1 |
            601 - ticks | [600.001] 80 escrow#1>bob (price); [600.001] 120 escrow#1>req (refund); [600.001] #1 proven
        "#]],
    );
}

/// A race makes the one who is always a little faster the only one who is ever paid; uncles do not.
#[test]
fn the_slower_half_is_paid_with_uncles_only() {
    let earned = |preset: &str| {
        let mut book = Rulebook::new("open-race", preset);
        for job in 1..=20 {
            book.play(&format!(
                "{0} req opens {1} for 200 until 5000\n{0}.1 fast delivers {1}\n{0}.2 slow delivers {1}",
                job * 10,
                job
            ));
        }
        book.play("9000 - ticks");
        (book.gain("fast"), book.gain("slow"))
    };
    assert_eq!(earned("winner-takes-all"), (4_000, 0));
    assert_eq!(earned("uncles"), (2_400, 1_000));
    assert_eq!(earned("min-time-shared"), (2_000, 2_000));
}

/// A proof that does not name its prover is anybody's who sees it on its way and is quicker: a verifier that
/// asks for no name pays the thief. One that binds the name finds a copy under another name invalid.
#[test]
fn a_copied_proof_is_worth_nothing() {
    let paid = |names_are_bound: bool| {
        let mut book = Rulebook::new("open-race", "winner-takes-all");
        book.play("0 req opens 1 for 100 until 900");
        for by in ["thief", "ann"] {
            let verdict = if by == "ann" || !names_are_bound { "" } else { "badly" };
            book.play(&format!("5 {by} delivers 1 {verdict}"));
        }
        [book.gain("ann"), book.gain("thief")]
    };
    assert_eq!(paid(false), [0, 100]);
    assert_eq!(paid(true), [100, 0]);
}

/// Whoever is fastest and holds its proof back to see its rivals give up is paid the same as without waiting in a plain
/// race, so it may; with a minimum time what comes after the others is worth nothing.
#[test]
fn holding_a_proof_back_pays_nothing_under_a_minimum_time() {
    let gain = |preset: &str, at: u32| {
        let mut book = Rulebook::new("open-race", preset);
        book.play("0 req opens 1 for 100 until 9000");
        if preset != "winner-takes-all" {
            book.play("20 slow delivers 1");
        }
        book.play(&format!("{at} fast delivers 1\n9001 - ticks"));
        book.gain("fast")
    };
    assert_eq!([30, 8_000].map(|at| gain("winner-takes-all", at)), [100, 100]);
    assert_eq!([30, 8_000].map(|at| gain("min-time-shared", at)), [50, 0]);
}

/// What the three fastest are paid, and when the first of them is, if some of them are silent.
fn raced(preset: &str, silent: &[&str]) -> ([i128; 3], String) {
    let mut book = Rulebook::new("open-race", preset);
    book.play("0 req opens 1 for 200 until 3000");
    let arrivals = [("10", "fast"), ("20", "next"), ("30", "last")];
    let speak = arrivals.iter().filter(|(_, who)| !silent.contains(who));
    let rows = speak.map(|(at, who)| format!("{at} {who} delivers 1"));
    let rows: Vec<_> = rows.chain(["3001 - ticks".to_owned()]).map(|row| book.play(&row)).collect();
    let first = rows.iter().find(|row| row.contains("(price)")).map_or("", String::as_str);
    let late = first.split_once('[').and_then(|(_, late)| late.split_once(']'));
    let at = late.map_or(first.split(' ').next().unwrap_or_default(), |(at, _)| at).to_owned();
    (["fast", "next", "last"].map(|who| book.gain(who)), at)
}

/// The bribe for which the fastest prover is silent is what it would be paid. In a plain race its rival has as much of
/// that, so the bribe costs it nothing, and the proof is late; uncles make the bribe cheaper and not less of a delay; a
/// window sells no delay, and a rival gets less than it pays.
#[test]
fn a_bribe_of_the_fastest_buys_a_delay_unless_there_is_a_window() {
    let bribed = |preset: &str| {
        let ((honest, in_time), (silent, late)) = (raced(preset, &[]), raced(preset, &["fast"]));
        let (bribe, rival_gains) = (honest[0] - silent[0], silent[1] - honest[1]);
        (bribe, rival_gains, format!("{in_time} to {late}"))
    };
    assert_eq!(bribed("winner-takes-all"), (200, 200, "10 to 20".to_owned()));
    assert_eq!(bribed("uncles"), (120, 70, "10 to 20".to_owned()));
    assert_eq!(bribed("min-time-shared"), (66, 34, "180.001 to 180.001".to_owned()));
}

/// Who wants no proof before the deadline must silence all, each of whom would have what one alone has: with a window all
/// who can prove within it, in a plain race and with uncles all until the one whose delay is enough.
#[test]
fn silencing_everybody_takes_as_many_whole_prizes() {
    let alone = |preset: &str| {
        let names = ["fast", "next", "last"];
        let others = |who| names.into_iter().filter(|name| *name != who).collect::<Vec<_>>();
        let alone = |place: usize| raced(preset, &others(names[place])).0[place];
        [alone(0), alone(1), alone(2)]
    };
    assert_eq!(alone("winner-takes-all"), [200; 3]);
    assert_eq!(alone("uncles"), [120; 3]);
    assert_eq!(alone("min-time-shared"), [200; 3]);
    assert_eq!(raced("min-time-shared", &["fast", "next", "last"]), ([0; 3], String::new()));
}
