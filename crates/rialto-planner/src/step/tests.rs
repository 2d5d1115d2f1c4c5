use super::*;
use crate::example::*;
use crate::policy::{Floors, Requestors};
use alloy_primitives::B256;
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::RequestDigest;

fn show(rows: &[(&str, Order, Market)]) -> String {
    rows.iter()
        .map(|(name, order, market)| {
            format!("{name:28} {:?}\n", next_step(order, ME, &policy(), market))
        })
        .collect()
}

#[test]
fn on_the_way_to_a_lock() {
    let gas_spike = Market { gas_price: Wei::from(60), ..market(1030) };
    expect![[r#"
        new                          Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        new, too late                Skip(Expired { lock_deadline: Timestamp(1200) })
        new, delivered               Skip(AlreadyFulfilled)
        cheap still                  Wait { until: Timestamp(1020), why: Price }
        dear enough                  Lock { price: Wei(30) }
        gas is dear just now         Wait { until: Timestamp(1031), why: Price }
        no time to prove             Skip(TooLittleTime { left_s: 19, needed_s: 20 })
        refused                      Done(Refused)
    "#]]
    .assert_eq(&show(&[
        ("new", order(Standing::Seen), market(1000)),
        ("new, too late", order(Standing::Seen), market(1201)),
        ("new, delivered", order(Standing::Seen).delivered(RIVAL, 1001), market(1002)),
        ("cheap still", order(tried()), market(1019)),
        ("dear enough", order(tried()), market(1030)),
        ("gas is dear just now", order(tried()), gas_spike),
        ("no time to prove", order(tried()), market(1181)),
        (
            "refused",
            order(Standing::Skipped(Skip::Expired { lock_deadline: Timestamp(1) })),
            market(1000),
        ),
    ]));
}

#[test]
fn lists_of_clients_hold_until_the_lock() {
    let with = |requestors: Requestors| Policy { requestors: requestors.into(), ..policy() };
    let nobody = Requestors { allowed: Some([].into()), ..Requestors::default() };
    let missing = Requestors { is_list_missing: true, ..nobody.clone() };
    let denied = Requestors { denied: [CLIENT].into(), ..Requestors::default() };
    let rows: String =
        [("nobody is allowed", nobody), ("a list is missing", missing), ("denied", denied)]
            .map(|(name, requestors)| {
                let policy = with(requestors);
                let steps = [Standing::Seen, tried(), proven()]
                    .map(|standing| next_step(&order(standing), ME, &policy, &market(1030)));
                let ours = next_step(&order(tried()).locked(ME, 1030), ME, &policy, &market(1040));
                format!("{name}: {steps:?}\n  locked: {ours:?}\n")
            })
            .concat();
    expect![[r#"
        nobody is allowed: [Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }), Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }), Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 })]
          locked: Prove { deadline: Timestamp(1200) }
        a list is missing: [Wait { until: Timestamp(1031), why: List }, Wait { until: Timestamp(1031), why: List }, Wait { until: Timestamp(1031), why: List }]
          locked: Prove { deadline: Timestamp(1200) }
        denied: [Skip(RequestorDenied { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }), Skip(RequestorDenied { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }), Skip(RequestorDenied { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 })]
          locked: Prove { deadline: Timestamp(1200) }
    "#]].assert_eq(&rows);
}

#[test]
fn under_our_lock() {
    let refused = Standing::Skipped(Skip::LockFailed { what: "given up".into() });
    let ours = |standing| order(standing).locked(ME, 1030);
    expect![[r#"
        locked                       Prove { deadline: Timestamp(1200) }
        landed after giving up       Prove { deadline: Timestamp(1200) }
        proven                       Seal
        sealed                       Deliver(UnderLock)
        a rival was first            Deliver(UnderLock)
        paid                         Done(Paid { price: Wei(30) })
        lapsed                       Deliver(InRace)
        lapsed, rival won            Done(Forfeited)
        lapsed, we won               Wait { until: Timestamp(1301), why: Deadline }
        lapsed, we won, over         Slash
        slashed in our favour        Done(RaceWon { reward: Collateral(30) })
        slashed                      Done(Forfeited)
        lapsed for good              Done(Forfeited)
    "#]]
    .assert_eq(&show(&[
        ("locked", ours(tried()), market(1040)),
        ("landed after giving up", ours(refused), market(1040)),
        ("proven", ours(proven()), market(1040)),
        ("sealed", ours(sealed()), market(1200)),
        ("a rival was first", ours(sealed()).delivered(RIVAL, 1050), market(1060)),
        ("paid", ours(sealed()).delivered(ME, 1050), market(1060)),
        ("lapsed", ours(sealed()), market(1201)),
        ("lapsed, rival won", ours(sealed()).delivered(RIVAL, 1202), market(1203)),
        ("lapsed, we won", ours(sealed()).delivered(ME, 1202), market(1203)),
        ("lapsed, we won, over", ours(sealed()).delivered(ME, 1202), market(1301)),
        ("slashed in our favour", ours(tried()).delivered(ME, 1202).slashed(ME), market(1302)),
        ("slashed", ours(tried()).slashed(RIVAL), market(1302)),
        ("lapsed for good", ours(tried()), market(1301)),
    ]));
}

#[test]
fn behind_somebody_elses_lock() {
    let theirs = |standing| order(standing).locked(RIVAL, 1030);
    let poor = |mut order: Order| {
        order.request.offer.lock_collateral = Collateral::from(39);
        order
    };
    let mut other_digest = theirs(tried());
    other_digest.digest = RequestDigest(B256::repeat_byte(6));
    expect![[r#"
        seen locked                  Preflight(Budget { cycles_max: Cycles(3000000), limited_by: Price, journal_bytes_max: 100 })
        worth racing for             Wait { until: Timestamp(1201), why: LockToLapse }
        not worth it                 Wait { until: Timestamp(1201), why: LockToLapse }
        lapsed                       Prove { deadline: Timestamp(1300) }
        sealed                       Deliver(InRace)
        we won                       Wait { until: Timestamp(1301), why: Deadline }
        we won, over                 Slash
        reward is ours               Done(RaceWon { reward: Collateral(30) })
        they delivered               Done(TakenByOther)
        a third won                  Done(TakenByOther)
        another request of the id    Done(TakenByOther)
    "#]]
    .assert_eq(&show(&[
        ("seen locked", theirs(Standing::Seen), market(1040)),
        ("worth racing for", theirs(tried()), market(1040)),
        ("not worth it", poor(theirs(tried())), market(1040)),
        ("lapsed", theirs(tried()), market(1201)),
        ("sealed", theirs(sealed()), market(1210)),
        ("we won", theirs(sealed()).delivered(ME, 1211), market(1212)),
        ("we won, over", theirs(sealed()).delivered(ME, 1211), market(1301)),
        ("reward is ours", theirs(sealed()).delivered(ME, 1211).slashed(ME), market(1302)),
        ("they delivered", theirs(tried()).delivered(RIVAL, 1100), market(1110)),
        (
            "a third won",
            theirs(tried()).delivered(Address::repeat_byte(0x33), 1210),
            market(1211),
        ),
        ("another request of the id", other_digest, market(1040)),
    ]));
}

proptest! {
    /// Under a lock of ours that has not been paid and has not lapsed, the answer is always the
    /// next piece of work, whatever else was recorded: a locked order is never dropped.
    #[test]
    fn a_locked_order_is_never_dropped(
        at in 1000u64..=1200, stage in 0..5, rival in prop::option::of(1000u64..1200),
        gas in 0u128..100, floor in prop::option::of(0u128..100), free in 0u128..100,
    ) {
        let standing = match stage {
            0 => Standing::Seen,
            1 => Standing::Skipped(Skip::AlreadyFulfilled),
            2 => tried(),
            3 => proven(),
            _ => sealed(),
        };
        let mut order = order(standing).locked(ME, 1000);
        if let Some(at) = rival { order = order.delivered(RIVAL, at); }
        let free_collateral = Collateral::from(free);
        let market = Market { gas_price: Wei::from(gas), free_collateral, ..market(at) };
        let floors = Floors { all: floor.map(Wei::from), ..Floors::default() };
        let step = next_step(&order, ME, &Policy { floors, ..policy() }, &market);
        prop_assert!(
            matches!(step, Step::Prove { .. } | Step::Seal | Step::Deliver(Delivering::UnderLock)),
            "{step:?}"
        );
    }
}
