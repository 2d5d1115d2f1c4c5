use super::*;
use crate::order::{Delivery, Facts, Proven, Sealed, SlashFact};
use crate::policy::GasEstimates;
use alloy_primitives::{B256, Bytes};
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::{
    Callback, ClaimDigest, Cycles, ImageId, Input, Journal, Offer, Predicate, ProofRequest,
    RequestDigest, RequestId, Requirements, registry,
};

const ME: Address = Address::repeat_byte(0xee);
const RIVAL: Address = Address::repeat_byte(0x11);

fn policy() -> Policy {
    Policy {
        min_mcycle_price: Wei::from(10),
        min_mcycle_price_collateral_token: Collateral::from(10),
        max_collateral: Collateral::from(100),
        min_deadline_s: 20,
        max_mcycle_limit: 100,
        max_journal_bytes: 100,
        peak_prove_khz: 100,
        max_concurrent_proofs: 2,
        gas: GasEstimates { lock: 1, fulfill: 1, journal_byte: 0 },
    }
}

fn market(now: u64) -> Market {
    Market {
        now: Timestamp(now),
        gas_price: Wei::ZERO,
        free_collateral: Collateral::from(100),
        promised: 0,
        promised_cycles: Cycles(0),
    }
}

/// Price 0 to 100 over [1000, 1100], lock until 1200, proofs until 1300, collateral 60.
fn request() -> ProofRequest {
    ProofRequest {
        id: RequestId::new(Address::repeat_byte(0xc1), 1),
        requirements: Requirements {
            callback: Callback::default(),
            predicate: Predicate::PrefixMatch {
                image_id: ImageId(B256::ZERO),
                prefix: Bytes::new(),
            },
            selector: registry::DEFAULT,
        },
        image_url: "file:///p".into(),
        input: Input::Inline(Bytes::from_static(&[0])),
        offer: Offer {
            min_price: Wei::ZERO,
            max_price: Wei::from(100),
            ramp_up_start: Timestamp(1000),
            ramp_up_period: 100,
            lock_timeout: 200,
            timeout: 300,
            lock_collateral: Collateral::from(60),
        },
    }
}

fn order(standing: Standing) -> Order {
    let digest = RequestDigest(B256::repeat_byte(5));
    Order { digest, request: request(), facts: Facts::default(), standing }
}

fn priced(race_worthwhile: bool) -> Standing {
    Standing::Priced(
        Preflight {
            cycles: Cycles(2_000_000),
            image_id: ImageId(B256::ZERO),
            journal: Journal::default(),
        },
        Bid { target_price: Wei::from(20), lock_at: Timestamp(1020), race_worthwhile },
    )
}

fn proven(standing: Standing) -> Standing {
    let Standing::Priced(preflight, bid) = standing else { unreachable!() };
    let proven = Proven { proof: B256::repeat_byte(1), claim: ClaimDigest(B256::repeat_byte(2)) };
    Standing::Proven(preflight, bid, proven)
}

fn sealed(standing: Standing) -> Standing {
    let Standing::Proven(preflight, bid, proven) = proven(standing) else { unreachable!() };
    Standing::Sealed(preflight, bid, Sealed { proven, seal: Bytes::new() })
}

impl Order {
    fn locked(mut self, prover: Address, at: u64) -> Self {
        self.facts.lock = Some(LockFact { prover, digest: self.digest, at: Timestamp(at) });
        self
    }

    fn delivered(mut self, prover: Address, at: u64) -> Self {
        self.facts.deliveries.push(Delivery { prover, at: Timestamp(at) });
        self
    }

    fn slashed(mut self, recipient: Address) -> Self {
        self.facts.slash = Some(SlashFact { recipient, transferred: Collateral::from(30) });
        self
    }
}

fn show(rows: &[(&str, Order, Market)]) -> String {
    rows.iter()
        .map(|(name, order, market)| {
            format!("{name:28} {:?}\n", next_step(order, ME, &policy(), market))
        })
        .collect()
}

#[test]
fn on_the_way_to_a_lock() {
    let full = Market { promised: 2, ..market(1030) };
    let behind = Market { promised: 1, promised_cycles: Cycles(14_000_000), ..market(1030) };
    let poor = Market { free_collateral: Collateral::from(59), ..market(1030) };
    expect![[r#"
        new                          Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        new, too late                Skip(Expired { lock_deadline: Timestamp(1200) })
        new, delivered               Skip(AlreadyFulfilled)
        cheap still                  Wait { until: Timestamp(1020), why: Price }
        dear enough                  Lock { price: Wei(30) }
        as many as allowed           Wait { until: Timestamp(1031), why: Capacity }
        queue too long               Wait { until: Timestamp(1031), why: Capacity }
        stake is out                 Wait { until: Timestamp(1031), why: Collateral }
        no time to prove             Skip(TooLittleTime { left_s: 39, needed_s: 40 })
        refused                      Done(Refused)
    "#]]
    .assert_eq(&show(&[
        ("new", order(Standing::Seen), market(1000)),
        ("new, too late", order(Standing::Seen), market(1201)),
        ("new, delivered", order(Standing::Seen).delivered(RIVAL, 1001), market(1002)),
        ("cheap still", order(priced(true)), market(1019)),
        ("dear enough", order(priced(true)), market(1030)),
        ("as many as allowed", order(priced(true)), full),
        ("queue too long", order(priced(true)), behind),
        ("stake is out", order(priced(true)), poor),
        ("no time to prove", order(priced(true)), market(1161)),
        (
            "refused",
            order(Standing::Skipped(Skip::Expired { lock_deadline: Timestamp(1) })),
            market(1000),
        ),
    ]));
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
        ("locked", ours(priced(true)), market(1040)),
        ("landed after giving up", ours(refused), market(1040)),
        ("proven", ours(proven(priced(true))), market(1040)),
        ("sealed", ours(sealed(priced(true))), market(1200)),
        ("a rival was first", ours(sealed(priced(true))).delivered(RIVAL, 1050), market(1060)),
        ("paid", ours(sealed(priced(true))).delivered(ME, 1050), market(1060)),
        ("lapsed", ours(sealed(priced(true))), market(1201)),
        ("lapsed, rival won", ours(sealed(priced(true))).delivered(RIVAL, 1202), market(1203)),
        ("lapsed, we won", ours(sealed(priced(true))).delivered(ME, 1202), market(1203)),
        ("lapsed, we won, over", ours(sealed(priced(true))).delivered(ME, 1202), market(1301)),
        ("slashed in our favour", ours(priced(true)).delivered(ME, 1202).slashed(ME), market(1302)),
        ("slashed", ours(priced(true)).slashed(RIVAL), market(1302)),
        ("lapsed for good", ours(priced(true)), market(1301)),
    ]));
}

#[test]
fn behind_somebody_elses_lock() {
    let theirs = |standing| order(standing).locked(RIVAL, 1030);
    let mut other_digest = theirs(priced(true));
    other_digest.digest = RequestDigest(B256::repeat_byte(6));
    expect![[r#"
        seen locked                  Preflight(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        worth racing for             Wait { until: Timestamp(1201), why: LockToLapse }
        not worth it                 Skip(TakenByOther { prover: 0x1111111111111111111111111111111111111111 })
        lapsed                       Prove { deadline: Timestamp(1300) }
        lapsed, no time left         Skip(TooLittleTime { left_s: 19, needed_s: 20 })
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
        ("worth racing for", theirs(priced(true)), market(1040)),
        ("not worth it", theirs(priced(false)), market(1040)),
        ("lapsed", theirs(priced(true)), market(1201)),
        ("lapsed, no time left", theirs(priced(true)), market(1281)),
        ("sealed", theirs(sealed(priced(true))), market(1210)),
        ("we won", theirs(sealed(priced(true))).delivered(ME, 1211), market(1212)),
        ("we won, over", theirs(sealed(priced(true))).delivered(ME, 1211), market(1301)),
        ("reward is ours", theirs(sealed(priced(true))).delivered(ME, 1211).slashed(ME), market(1302)),
        ("they delivered", theirs(priced(true)).delivered(RIVAL, 1100), market(1110)),
        (
            "a third won",
            theirs(priced(true)).delivered(Address::repeat_byte(0x33), 1210),
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
        promised in 0u32..9, free in 0u128..100,
    ) {
        let standing = match stage {
            0 => Standing::Seen,
            1 => Standing::Skipped(Skip::AlreadyFulfilled),
            2 => priced(false),
            3 => proven(priced(false)),
            _ => sealed(priced(true)),
        };
        let mut order = order(standing).locked(ME, 1000);
        if let Some(at) = rival { order = order.delivered(RIVAL, at); }
        let market =
            Market { promised, free_collateral: Collateral::from(free), ..market(at) };
        let step = next_step(&order, ME, &policy(), &market);
        prop_assert!(
            matches!(step, Step::Prove { .. } | Step::Seal | Step::Deliver(Delivering::UnderLock)),
            "{step:?}"
        );
    }
}
