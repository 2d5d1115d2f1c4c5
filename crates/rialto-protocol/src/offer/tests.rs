use super::*;
use expect_test::expect;
use proptest::prelude::*;

fn offer() -> Offer {
    Offer {
        min_price: Wei::from(1_000_000_000_000),
        max_price: Wei::from(2_000_000_000_000),
        ramp_up_start: Timestamp(1_800_000_000),
        ramp_up_period: 60,
        lock_timeout: 600,
        timeout: 1200,
        lock_collateral: Collateral::from(5_000_000_000_000_000_000),
    }
}

#[test]
fn the_curve_at_its_corners() {
    let offer = offer();
    let rows: String = [0i64, 1, 30, 59, 60, 61, 600, 601, 1200]
        .iter()
        .map(|at| {
            let now = Timestamp((1_800_000_000 + at) as u64);
            format!("{at} s: {}\n", offer.price_at(now))
        })
        .collect();
    expect![[r#"
        0 s: 1000000000000
        1 s: 1016666666666
        30 s: 1500000000000
        59 s: 1983333333333
        60 s: 2000000000000
        61 s: 2000000000000
        600 s: 2000000000000
        601 s: 0
        1200 s: 0
    "#]]
    .assert_eq(&rows);
}

#[test]
fn a_ramp_of_no_length_jumps_one_second_after_its_start() {
    let offer = Offer { ramp_up_period: 0, ..offer() };
    assert_eq!(offer.price_at(Timestamp(1_800_000_000)), offer.min_price);
    assert_eq!(offer.price_at(Timestamp(1_800_000_001)), offer.max_price);
    assert_eq!(offer.earliest_time_for(offer.max_price), Ok(Timestamp(1_800_000_001)));
}

#[test]
fn every_contradiction_has_its_own_refusal() {
    let cases = [
        Offer { min_price: Wei::from(3_000_000_000_000), ..offer() },
        Offer { ramp_up_period: 601, ..offer() },
        Offer { lock_timeout: 1201, ..offer() },
        Offer { timeout: u32::MAX, ..offer() },
        Offer { ramp_up_start: Timestamp(u64::MAX), ..offer() },
        Offer { max_price: Wei(U256::from(1) << 96), ..offer() },
        Offer { lock_collateral: Collateral(U256::MAX), ..offer() },
        Offer { ramp_up_start: Timestamp(0), ..offer() },
        Offer { ramp_up_period: 0, lock_timeout: 0, ..offer() },
        Offer { ramp_up_period: 0, lock_timeout: 0, timeout: 0, ..offer() },
        Offer { min_price: Wei::ZERO, max_price: Wei::ZERO, ..offer() },
    ];
    let refusals: String =
        cases.iter().map(|offer| format!("{}\n", offer.check().unwrap_err())).collect();
    expect![[r#"
        the minimum price 3000000000000 wei is above the maximum price 2000000000000 wei; raise maxPrice or lower minPrice
        the ramp lasts 601 s but a lock only 600 s; rampUpPeriod must be at most lockTimeout
        a lock lasts 1201 s but the request only 1200 s; lockTimeout must be at most timeout
        timeout is 4294966695 s past lockTimeout; at most 16777215 s fit
        rampUpStart 18446744073709551615 plus the timeouts is past the largest time; give UNIX seconds
        maxPrice needs more than 96 bits, which is more than the market can hold
        lockCollateral needs more than 96 bits, which is more than the market can hold
        rampUpStart is zero; give the UNIX second at which bidding starts
        lockTimeout is zero; give the prover seconds to prove in
        lockTimeout is zero; give the prover seconds to prove in
        maxPrice is zero; nobody proves for nothing
    "#]]
    .assert_eq(&refusals);
}

prop_compose! {
    fn any_offer()(
        min in 0u128..1 << 96, rise in 0u128..1 << 95, start in 1u64..1 << 40,
        ramp in 0u32..100_000, hold in 0u32..100_000, race in 0u32..Offer::RACE_MAX_S,
    ) -> Offer {
        Offer {
            min_price: Wei::from(min),
            max_price: Wei::from(min + rise),
            ramp_up_start: Timestamp(start),
            ramp_up_period: ramp,
            lock_timeout: ramp + hold,
            timeout: ramp + hold + race,
            lock_collateral: Collateral::ZERO,
        }
    }
}

proptest! {
    /// The inverse is the first second at which the curve is high enough, and not one later.
    #[test]
    fn inverse_is_earliest(offer in any_offer(), share in 0u64..=1_000_000) {
        let rise = offer.max_price.0 - offer.min_price.0;
        let price = Wei(offer.min_price.0 + rise * U256::from(share) / U256::from(1_000_000));
        let at = offer.earliest_time_for(price).unwrap();
        if at <= offer.lock_deadline() {
            prop_assert!(offer.price_at(at) >= price);
        }
        if at > offer.ramp_up_start {
            prop_assert!(offer.price_at(Timestamp(at.0 - 1)) < price);
        }
    }

    /// Until the lock deadline the price never falls and stays between its bounds.
    #[test]
    fn curve_is_monotonic(offer in any_offer(), a in 0u64..300_000, b in 0u64..300_000) {
        let (early, late) = (a.min(b), a.max(b));
        let at = |s| offer.price_at(offer.ramp_up_start.saturating_add(s));
        if late <= u64::from(offer.lock_timeout) {
            prop_assert!(offer.min_price <= at(early));
            prop_assert!(at(early) <= at(late));
            prop_assert!(at(late) <= offer.max_price);
        } else {
            prop_assert_eq!(at(late), Wei::ZERO);
        }
    }
}
