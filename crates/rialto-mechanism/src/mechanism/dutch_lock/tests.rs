use crate::rulebook::{Rulebook, check};
use crate::{Amount, JobId, Time};
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::lifecycle::{Holder, Movement, RequestEvent, RequestState};
use rialto_protocol::{Collateral, Offer, Timestamp, Wei};

/// From 20 to 200 over 10 s after 5 s, locked until 105, collateral 31.
const RULES: &str = r#"
    start = 1000
    delay = "5 s"
    ramp = "10 s"
    lock = "100 s"
    collateral = 1550
    burned = 5000
    fee = 0
"#;

#[test]
fn the_first_lock_has_the_job_at_the_clocks_price() {
    check(
        "dutch-lock",
        RULES,
        "0 req opens 1 for 200 until 300
         5 ann bids 1 at 20
         10 ann locks 1
         11 bob locks 1
         12 bob delivers 1
         13 ann delivers 1 badly
         105 ann delivers 1
         106 ann delivers 1",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            5 ann bids 1 at 20 | refused: this mechanism does not understand that
            10 ann locks 1 | 31 ann>ann's bond#1 (bond); #1 to ann for 110 until 105, open from 105.001 for 0
            11 bob locks 1 | refused: somebody has the job
            12 bob delivers 1 | refused: reserved for others until 105 s
            13 ann delivers 1 badly | refused: the proof does not verify
            105 ann delivers 1 | 110 escrow#1>ann (price); 31 ann's bond#1>ann (release); 90 escrow#1>req (refund); #1 proven
            106 ann delivers 1 | refused: no such job, or it is over
        "#]],
    );
}

#[test]
fn a_broken_lock_is_raced_for() {
    check(
        "dutch-lock",
        RULES,
        "0 req opens 1 for 200 until 300
         2 ann locks 1
         105 bob delivers 1
         105.001 bob delivers 1
         106 ann delivers 1
         110 req opens 2 for 200 until 400
         110 ann locks 2
         400.001 - ticks",
        expect![[r#"
            0 req opens 1 for 200 until 300 | 200 req>escrow#1 (escrow)
            2 ann locks 1 | 31 ann>ann's bond#1 (bond); #1 to ann for 20 until 105, open from 105.001 for 0
            105 bob delivers 1 | refused: reserved for others until 105 s
            105.001 bob delivers 1 | #1 lapsed for ann; 15 ann's bond#1>burned (forfeit#1); 16 ann's bond#1>bob (forfeit#1); 200 escrow#1>req (refund); #1 proven
            106 ann delivers 1 | refused: no such job, or it is over
            110 req opens 2 for 200 until 400 | 200 req>escrow#2 (escrow)
            110 ann locks 2 | 31 ann>ann's bond#2 (bond); #2 to ann for 20 until 215, open from 215.001 for 0
            400.001 - ticks | [215.001] #2 lapsed for ann; 15 ann's bond#2>burned (forfeit#2); 16 ann's bond#2>treasury (forfeit#2); 200 escrow#2>req (refund); #2 unproven
        "#]],
    );
}

#[test]
fn a_job_can_be_done_without_a_lock_while_the_clock_pays() {
    check(
        "dutch-lock",
        &RULES.replace("fee = 0", "fee = 300"),
        "0 req opens 1 for 200 until 104
         0 req opens 1 for 200 until 105
         7.5 ann delivers 1 badly
         7.5 ann delivers 1
         8 req opens 2 for 2000000 until 300
         8 req opens 2 for 100 until 300
         113 bob locks 2
         113.001 bob locks 2
         113.001 bob delivers 2
         114 req opens 3 for 100 until 300
         115 bob cancels 3
         115 req cancels 3
         116 req opens 4 for 100 until 300
         117 ann locks 4
         117 req cancels 4",
        expect![[r#"
            0 req opens 1 for 200 until 104 | refused: the deadline must be 105 s or later
            0 req opens 1 for 200 until 105 | 200 req>escrow#1 (escrow)
            7.5 ann delivers 1 badly | refused: the proof does not verify
            7.5 ann delivers 1 | 1 escrow#1>treasury (fee); 64 escrow#1>ann (price); 135 escrow#1>req (refund); #1 proven
            8 req opens 2 for 2000000 until 300 | refused: 2000000 is wanted of 999935
            8 req opens 2 for 100 until 300 | 100 req>escrow#2 (escrow)
            113 bob locks 2 | 16 bob>bob's bond#2 (bond); #2 to bob for 100 until 113, open from 113.001 for 0
            113.001 bob locks 2 | #2 lapsed for bob; refused: somebody has the job
            113.001 bob delivers 2 | 8 bob's bond#2>burned (forfeit#2); 8 bob's bond#2>bob (forfeit#2); 100 escrow#2>req (refund); #2 proven
            114 req opens 3 for 100 until 300 | 100 req>escrow#3 (escrow)
            115 bob cancels 3 | refused: not the requester
            115 req cancels 3 | 100 escrow#3>req (refund); #3 cancelled
            116 req opens 4 for 100 until 300 | 100 req>escrow#4 (escrow)
            117 ann locks 4 | 16 ann>ann's bond#4 (bond); #4 to ann for 10 until 221, open from 221.001 for 0
            117 req cancels 4 | refused: somebody has the job
        "#]],
    );
}

/// A collateral that goes to the rescuer whole would let an owner of two addresses lock, wait and
/// still lose nothing; a half burned makes that cost half.
#[test]
fn an_alias_cannot_take_the_collateral_back() {
    let mut book = Rulebook::new("dutch-lock", RULES);
    book.play(
        "0 req opens 1 for 200 until 300
         2 ann locks 1
         106 alias delivers 1",
    );
    assert_eq!((book.gain("ann"), book.gain("alias"), book.gain("req")), (-31, 16, 0));
    let whole = RULES.replace("burned = 5000", "burned = 0");
    let mut historic = Rulebook::new("dutch-lock", &whole);
    historic.play("0 req opens 1 for 200 until 300\n2 ann locks 1\n106 alias delivers 1");
    assert_eq!(historic.gain("ann") + historic.gain("alias"), 0);
}

/// A public clock is no truthful auction: whoever is alone gains by waiting.
#[test]
fn waiting_alone_pays() {
    let paid = |second: u64| {
        let mut book = Rulebook::new("dutch-lock", RULES);
        book.play("0 req opens 1 for 200 until 300");
        assert_eq!(book.machine.price_at(JobId(1), Time(second * 1_000)).unwrap().get() as i128, {
            book.play(&format!("{second} ann locks 1\n{second} ann delivers 1"));
            book.gain("ann")
        });
        book.gain("ann")
    };
    assert_eq!([0, 5, 6, 10, 15, 16, 105].map(paid), [20, 20, 38, 110, 200, 200, 200]);
}

/// The rules of Rialto's own market, as `rialto_protocol::lifecycle` has them, give everybody the same.
#[derive(Clone, Copy, Debug)]
enum Move {
    Lock(u8),
    Deliver(u8),
}

fn moves() -> impl Strategy<Value = Vec<(Move, u64)>> {
    let one = prop_oneof![(0..3u8).prop_map(Move::Lock), (0..3u8).prop_map(Move::Deliver)];
    prop::collection::vec((one, 0..60u64), 0..12)
}

const NAMES: [&str; 3] = ["ann", "bob", "cid"];

proptest! {
    #[test]
    fn the_markets_own_rules_give_the_same(moves in moves(), most in 1..1_000u32, collateral in 0..20_000u32) {
        let rules = RULES.replace("1550", &collateral.to_string());
        let mut book = Rulebook::new("dutch-lock", &rules);
        let parties = NAMES.map(|name| book.party(name));
        book.play(&format!("0 req opens 1 for {most} until 300"));
        let most = Amount::from(most);
        let offer = Offer {
            min_price: Wei::from(most.times_down(crate::Bps(1_000)).get()),
            max_price: Wei::from(most.get()),
            ramp_up_start: Timestamp(5),
            ramp_up_period: 10,
            lock_timeout: 100,
            timeout: 295,
            lock_collateral: Collateral::from(most.times_up(crate::Bps(collateral)).get()),
        };
        let (mut state, mut gains, mut now) = (RequestState::Open, [0i128; 3], 0);
        let mut take = |state: &mut RequestState, event| {
            let Ok(applied) = state.apply(&offer, event) else { return };
            for movement in applied.movements {
                let (from, to, amount) = match movement {
                    Movement::Wei(from, to, amount) => (from, to, amount.0),
                    Movement::Collateral(from, to, amount) => (from, to, amount.0),
                };
                let amount: i128 = amount.to();
                for (place, party) in parties.iter().enumerate() {
                    gains[place] += if to == Holder::Prover(*party) { amount } else { 0 };
                    gains[place] -= if from == Holder::Prover(*party) { amount } else { 0 };
                }
            }
            *state = applied.state;
        };
        for (step, wait) in moves {
            now += wait;
            let at = Timestamp(now);
            let (who, verb, event) = match step {
                Move::Lock(who) => (who, "locks", RequestEvent::Lock { prover: parties[usize::from(who)], at }),
                Move::Deliver(who) => (who, "delivers", RequestEvent::Deliver { prover: parties[usize::from(who)], at }),
            };
            let rival = matches!((&state, step), (RequestState::Locked(lock), Move::Deliver(_))
                if lock.prover != parties[usize::from(who)] && now <= 105);
            // The contract takes a rival's proof within the lock for nothing; here it is refused.
            if !rival {
                take(&mut state, event);
            }
            book.play(&format!("{now} {} {verb} 1", NAMES[usize::from(who)]));
        }
        take(&mut state, RequestEvent::Slash { at: Timestamp(301) });
        book.play("1000 - ticks");
        prop_assert_eq!(NAMES.map(|name| book.gain(name)), gains);
    }
}
