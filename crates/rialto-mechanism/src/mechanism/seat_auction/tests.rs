use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_seat_is_always_for_sale() {
    check(
        "seat-auction",
        "taiko",
        "0 ann bids at 100
         0 ann joins stake 19999
         0 ann joins stake 20000
         0 bob joins stake 20000
         1 ann bids at 256001
         1 ann bids at 1000
         2 bob bids at 951
         2 ann bids at 999
         3 req opens 1 for 999 until 20000
         3 req opens 1 for 1000 until 20000
         4 bob bids at 950
         5 req opens 2 for 1000 until 20000
         6 ann delivers 1
         6 bob delivers 2
         130 bob bids at 951
         130 bob bids at 949",
        expect![[r#"
            0 ann bids at 100 | refused: not a member
            0 ann joins stake 19999 | refused: a stake of 20000 is needed
            0 ann joins stake 20000 | 20000 ann>ann's stake (stake)
            0 bob joins stake 20000 | 20000 bob>bob's stake (stake)
            1 ann bids at 256001 | refused: the price may be at most 1000
            1 ann bids at 1000 |
            2 bob bids at 951 | refused: the price may be at most 950
            2 ann bids at 999 | refused: not before 121 s
            3 req opens 1 for 999 until 20000 | refused: the most that is paid must be 1000 or more
            3 req opens 1 for 1000 until 20000 | 1000 req>escrow#1 (escrow); #1 to ann for 1000 until 7203, open from 7203.001 for 1000
            4 bob bids at 950 |
            5 req opens 2 for 1000 until 20000 | 1000 req>escrow#2 (escrow); #2 to bob for 950 until 7205, open from 7205.001 for 950
            6 ann delivers 1 | 1000 escrow#1>ann (price); #1 proven
            6 bob delivers 2 | 950 escrow#2>bob (price); 50 escrow#2>req (refund); #2 proven
            130 bob bids at 951 | refused: the price may be at most 950
            130 bob bids at 949 |
        "#]],
    );
}

#[test]
fn a_missed_job_is_rescued_and_a_thin_stake_loses_the_seat() {
    let script: String = (1..=11)
        .map(|job| format!("{job} req opens {job} for 1000 until 8000\n"))
        .chain((1..=10).map(|job| format!("7300 bob delivers {job}\n")))
        .collect();
    check(
        "seat-auction",
        "taiko",
        &format!(
            "0 ann joins stake 20000
             0 ann bids at 900
             {script}
             7301 req opens 12 for 1000 until 20000
             8000.001 - ticks
             8000.001 req opens 13 for 5000 until 20000
             8002 ann bids at 900"
        ),
        expect![[r#"
            0 ann joins stake 20000 | 20000 ann>ann's stake (stake)
            0 ann bids at 900 |
            1 req opens 1 for 1000 until 8000 | 1000 req>escrow#1 (escrow); #1 to ann for 900 until 7201, open from 7201.001 for 900
            2 req opens 2 for 1000 until 8000 | 1000 req>escrow#2 (escrow); #2 to ann for 900 until 7202, open from 7202.001 for 900
            3 req opens 3 for 1000 until 8000 | 1000 req>escrow#3 (escrow); #3 to ann for 900 until 7203, open from 7203.001 for 900
            4 req opens 4 for 1000 until 8000 | 1000 req>escrow#4 (escrow); #4 to ann for 900 until 7204, open from 7204.001 for 900
            5 req opens 5 for 1000 until 8000 | 1000 req>escrow#5 (escrow); #5 to ann for 900 until 7205, open from 7205.001 for 900
            6 req opens 6 for 1000 until 8000 | 1000 req>escrow#6 (escrow); #6 to ann for 900 until 7206, open from 7206.001 for 900
            7 req opens 7 for 1000 until 8000 | 1000 req>escrow#7 (escrow); #7 to ann for 900 until 7207, open from 7207.001 for 900
            8 req opens 8 for 1000 until 8000 | 1000 req>escrow#8 (escrow); #8 to ann for 900 until 7208, open from 7208.001 for 900
            9 req opens 9 for 1000 until 8000 | 1000 req>escrow#9 (escrow); #9 to ann for 900 until 7209, open from 7209.001 for 900
            10 req opens 10 for 1000 until 8000 | 1000 req>escrow#10 (escrow); #10 to ann for 900 until 7210, open from 7210.001 for 900
            11 req opens 11 for 1000 until 8000 | 1000 req>escrow#11 (escrow); #11 to ann for 900 until 7211, open from 7211.001 for 900
            7300 bob delivers 1 | [7201.001] #1 lapsed for ann; [7202.001] #2 lapsed for ann; [7203.001] #3 lapsed for ann; [7204.001] #4 lapsed for ann; [7205.001] #5 lapsed for ann; [7206.001] #6 lapsed for ann; [7207.001] #7 lapsed for ann; [7208.001] #8 lapsed for ann; [7209.001] #9 lapsed for ann; [7210.001] #10 lapsed for ann; [7211.001] #11 lapsed for ann; 900 escrow#1>bob (rescue); 400 ann's stake>burned (forfeit#1); 600 ann's stake>bob (forfeit#1); 100 escrow#1>req (refund); #1 proven
            7300 bob delivers 2 | 900 escrow#2>bob (rescue); 400 ann's stake>burned (forfeit#2); 600 ann's stake>bob (forfeit#2); 100 escrow#2>req (refund); #2 proven
            7300 bob delivers 3 | 900 escrow#3>bob (rescue); 400 ann's stake>burned (forfeit#3); 600 ann's stake>bob (forfeit#3); 100 escrow#3>req (refund); #3 proven
            7300 bob delivers 4 | 900 escrow#4>bob (rescue); 400 ann's stake>burned (forfeit#4); 600 ann's stake>bob (forfeit#4); 100 escrow#4>req (refund); #4 proven
            7300 bob delivers 5 | 900 escrow#5>bob (rescue); 400 ann's stake>burned (forfeit#5); 600 ann's stake>bob (forfeit#5); 100 escrow#5>req (refund); #5 proven
            7300 bob delivers 6 | 900 escrow#6>bob (rescue); 400 ann's stake>burned (forfeit#6); 600 ann's stake>bob (forfeit#6); 100 escrow#6>req (refund); #6 proven
            7300 bob delivers 7 | 900 escrow#7>bob (rescue); 400 ann's stake>burned (forfeit#7); 600 ann's stake>bob (forfeit#7); 100 escrow#7>req (refund); #7 proven
            7300 bob delivers 8 | 900 escrow#8>bob (rescue); 400 ann's stake>burned (forfeit#8); 600 ann's stake>bob (forfeit#8); 100 escrow#8>req (refund); #8 proven
            7300 bob delivers 9 | 900 escrow#9>bob (rescue); 400 ann's stake>burned (forfeit#9); 600 ann's stake>bob (forfeit#9); 100 escrow#9>req (refund); #9 proven
            7300 bob delivers 10 | 900 escrow#10>bob (rescue); 400 ann's stake>burned (forfeit#10); 600 ann's stake>bob (forfeit#10); 100 escrow#10>req (refund); #10 proven
            7301 req opens 12 for 1000 until 20000 | 1000 req>escrow#12 (escrow); #12 to ann for 900 until 14501, open from 14501.001 for 900
            8000.001 - ticks | 400 ann's stake>burned (forfeit#11); 600 ann's stake>treasury (forfeit#11); 1000 escrow#11>req (refund); #11 unproven
            8000.001 req opens 13 for 5000 until 20000 | 5000 req>escrow#13 (escrow); #13 open from 8000.001 for 1286
            8002 ann bids at 900 | refused: a stake of 20000 is needed
        "#]],
    );
}

/// The cap after a vacancy of so many minutes.
fn cap_after(book: &mut Rulebook, left_at_s: u64, minutes: u64) -> u64 {
    let at_s = left_at_s + minutes * 60;
    let job = minutes + 1;
    let shown = book.play(&format!("{at_s} req opens {job} for 900000 until {}", at_s + 7_200));
    book.play(&format!("{at_s} req delivers {job}"));
    shown.trim_end().rsplit_once("for ").unwrap().1.parse().unwrap()
}

#[test]
fn a_vacant_seat_gets_dearer() {
    let mut book = Rulebook::new("seat-auction", "taiko");
    book.play("0 ann joins stake 20000\n0 ann bids at 500\n1000 ann leaves");
    let caps = [0, 14, 15, 30, 45, 60, 75, 90, 105, 120, 600]
        .map(|minutes| cap_after(&mut book, 1_000, minutes) / 1_000);
    assert_eq!(caps, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 256]);
}

/// A predator has every job below cost and leaves: nobody whose cost is ten times the sunken
/// average comes back for 15 · ⌈log₂(cost / (2 · average))⌉ minutes.
#[test]
fn after_a_predator_the_seat_is_empty_for_long() {
    let rules = "undercut = 500\nlower_every = \"0 s\"\nfirst_cap = 1000\ndoubling = \"15 min\"
        doublings = 8\nejection = 10000\nliveness_bond = 1000\nrescuer = 6000\nwindow = \"2 h\"\nexit = \"2 d\"";
    let (cost, predatory) = (10_000u64, 1_000u64);
    let mut book = Rulebook::new("seat-auction", rules);
    book.play("0 predator joins stake 20000\n0 honest joins stake 20000");
    // A long reign, so that the average is the fee.
    book.play("120000 predator bids at 1000");
    for job in 1..=200 {
        book.play(&format!(
            "{} req opens {job} for 1000 until 900000\n{0} predator delivers {job}",
            120_000 + job
        ));
    }
    book.play("121000 predator leaves");
    let minutes = (0..300).find(|minutes| {
        let at_s = 121_000 + minutes * 60;
        !book.play(&format!("{at_s} honest bids at {cost}")).contains("refused")
    });
    let doublings = f64::from(u32::try_from(cost / (2 * predatory)).unwrap()).log2().ceil();
    assert_eq!(minutes, Some(15 * doublings as u64));
}

/// With no exit delay a holder could miss its jobs and be gone with its stake before they lapse.
#[test]
fn who_leaves_still_pays_for_what_it_missed() {
    for exit in ["0 s", "2 d"] {
        let rules =
            crate::find("seat-auction").unwrap().about.presets[0].rules.replace("2 d", exit);
        let mut book = Rulebook::new("seat-auction", &rules);
        book.play(
            "0 ann joins stake 20000
             0 ann bids at 900
             1 req opens 1 for 900 until 20000
             2 ann leaves
             7300 bob delivers 1
             900000 - ticks",
        );
        assert_eq!((book.gain("ann"), book.gain("bob")), (-1_000, 900 + 600), "exit {exit}");
    }
}
