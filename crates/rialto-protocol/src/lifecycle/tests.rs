use super::*;
use expect_test::expect;
use proptest::prelude::*;

const ANN: Address = Address::repeat_byte(0xaa);
const BOB: Address = Address::repeat_byte(0xbb);

/// Price 100 to 200 over [1000, 1010], lock until 1100, proofs until 1200, collateral 31.
fn offer() -> Offer {
    Offer {
        min_price: Wei::from(100),
        max_price: Wei::from(200),
        ramp_up_start: Timestamp(1000),
        ramp_up_period: 10,
        lock_timeout: 100,
        timeout: 200,
        lock_collateral: Collateral::from(31),
    }
}

fn lock(prover: Address, at: u64) -> RequestEvent {
    RequestEvent::Lock { prover, at: Timestamp(at) }
}

fn deliver(prover: Address, at: u64) -> RequestEvent {
    RequestEvent::Deliver { prover, at: Timestamp(at) }
}

fn slash(at: u64) -> RequestEvent {
    RequestEvent::Slash { at: Timestamp(at) }
}

fn who(holder: Holder) -> String {
    match holder {
        Holder::Prover(ANN) => "ann".into(),
        Holder::Prover(BOB) => "bob".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// One line an event: what moved, or why not.
fn story(events: &[RequestEvent]) -> String {
    let mut state = RequestState::Open;
    let mut lines = String::new();
    for event in events {
        let line = match state.apply(&offer(), *event) {
            Err(rejected) => format!("{rejected:?}"),
            Ok(applied) => {
                state = applied.state;
                let moved = applied.movements.iter().map(|movement| match *movement {
                    Movement::Wei(from, to, n) => format!("{n} wei {}>{}", who(from), who(to)),
                    Movement::Collateral(from, to, n) => {
                        format!("{n} collateral {}>{}", who(from), who(to))
                    }
                });
                format!("ok {}", moved.collect::<Vec<_>>().join(", "))
            }
        };
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

#[test]
fn locked_delivered_paid() {
    let events = [
        lock(ANN, 1005),
        lock(BOB, 1006),
        slash(1100),
        deliver(ANN, 1100),
        deliver(BOB, 1100),
        lock(BOB, 1100),
        slash(1201),
    ];
    expect![[r#"
        ok 150 wei client>escrow, 31 collateral ann>escrow
        RequestIsLocked
        RequestIsNotExpired
        ok 150 wei escrow>ann, 31 collateral escrow>ann
        RequestIsFulfilled
        RequestIsLocked
        RequestIsFulfilled
    "#]]
    .assert_eq(&story(&events));
}

#[test]
fn a_lapsed_lock_is_raced_for_and_slashed() {
    let events = [
        lock(ANN, 1000),
        deliver(BOB, 1101),
        deliver(ANN, 1102),
        slash(1200),
        slash(1201),
        slash(1202),
    ];
    expect![[r#"
        ok 100 wei client>escrow, 31 collateral ann>escrow
        ok 100 wei escrow>client
        RequestIsFulfilled
        RequestIsNotExpired
        ok 15 collateral escrow>burned, 16 collateral escrow>bob
        RequestIsSlashed
    "#]]
    .assert_eq(&story(&events));
}

#[test]
fn a_rival_who_delivers_inside_the_lock_earns_nothing() {
    let events =
        [lock(ANN, 1000), deliver(BOB, 1050), deliver(BOB, 1051), deliver(ANN, 1100), slash(1201)];
    expect![[r#"
        ok 100 wei client>escrow, 31 collateral ann>escrow
        ok
        RequestIsLocked
        ok 100 wei escrow>ann, 31 collateral escrow>ann
        RequestIsFulfilled
    "#]]
    .assert_eq(&story(&events));
}

#[test]
fn a_locker_who_never_delivers_loses_half_to_the_market() {
    let events =
        [lock(ANN, 1100), deliver(BOB, 1060), slash(1201), deliver(ANN, 1201), deliver(ANN, 1150)];
    expect![[r#"
        ok 200 wei client>escrow, 31 collateral ann>escrow
        ok
        ok 15 collateral escrow>burned, 16 collateral escrow>market, 200 wei escrow>client
        RequestIsExpired
        RequestIsExpired
    "#]]
    .assert_eq(&story(&events));
}

#[test]
fn an_open_request_is_paid_by_the_curve_until_it_expires() {
    let paid = [slash(1300), deliver(ANN, 1004), deliver(BOB, 1005), lock(BOB, 1006), slash(1201)];
    expect![[r#"
        RequestIsNotLocked
        ok 140 wei client>ann
        RequestIsFulfilled
        RequestIsFulfilled
        RequestIsNotLocked
    "#]]
    .assert_eq(&story(&paid));
    let late = [lock(ANN, 1101), deliver(ANN, 1201), deliver(ANN, 1200)];
    expect![[r#"
        RequestLockIsExpired
        RequestIsExpired
        ok
    "#]]
    .assert_eq(&story(&late));
}

fn any_event() -> impl Strategy<Value = RequestEvent> {
    let prover = prop_oneof![Just(ANN), Just(BOB)];
    (0..3, prover, 990u64..1210).prop_map(|(kind, prover, at)| match kind {
        0 => lock(prover, at),
        1 => deliver(prover, at),
        _ => slash(at),
    })
}

proptest! {
    /// Whatever happens in whatever order: escrow never goes negative, is empty in every final
    /// state, and a final state moves nothing any more.
    #[test]
    fn escrow_is_conserved(mut events in prop::collection::vec(any_event(), 0..12)) {
        events.sort_by_key(|event| match event {
            RequestEvent::Lock { at, .. } | RequestEvent::Deliver { at, .. } => *at,
            RequestEvent::Slash { at } => *at,
        });
        let (mut state, mut wei, mut collateral) = (RequestState::Open, U256::ZERO, U256::ZERO);
        for event in events {
            let Ok(applied) = state.apply(&offer(), event) else { continue };
            prop_assert!(!state.is_final());
            for movement in applied.movements {
                let (from, to, amount, escrow) = match movement {
                    Movement::Wei(from, to, n) => (from, to, n.0, &mut wei),
                    Movement::Collateral(from, to, n) => (from, to, n.0, &mut collateral),
                };
                prop_assert_ne!(from, to);
                if to == Holder::Escrow { *escrow += amount; }
                if from == Holder::Escrow {
                    prop_assert!(*escrow >= amount);
                    *escrow -= amount;
                }
            }
            state = applied.state;
            if state.is_final() { prop_assert_eq!((wei, collateral), (U256::ZERO, U256::ZERO)); }
        }
    }
}
