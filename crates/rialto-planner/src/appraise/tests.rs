use super::*;
use crate::policy::GasEstimates;
use alloy_primitives::{Address, B256, Bytes};
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::{Callback, Input, Predicate, RequestId, Requirements};

const GWEI: u128 = 1_000_000_000;

fn policy() -> Policy {
    Policy {
        min_mcycle_price: Wei::from(100_000 * GWEI),
        min_mcycle_price_collateral_token: Collateral::from(1_000),
        max_collateral: Collateral::from(10_000),
        min_deadline_s: 20,
        max_mcycle_limit: 50,
        max_journal_bytes: 100,
        peak_prove_khz: 100,
        max_concurrent_proofs: 1,
        gas: GasEstimates { lock: 150_000, fulfill: 250_000, journal_byte: 30 },
    }
}

fn market() -> Market {
    Market {
        now: Timestamp(1_000),
        gas_price: Wei::from(GWEI),
        free_collateral: Collateral::from(100_000),
        promised: 0,
        promised_cycles: Cycles(0),
    }
}

/// 0 to 1,000,000 gwei over [1000, 1100], lock until 1200, until 1300.
fn request() -> ProofRequest {
    let predicate = Predicate::PrefixMatch { image_id: ImageId(B256::ZERO), prefix: Bytes::new() };
    ProofRequest {
        id: RequestId::new(Address::repeat_byte(1), 1),
        requirements: Requirements {
            callback: Callback::default(),
            predicate,
            selector: registry::DEFAULT,
        },
        image_url: "file:///p".into(),
        input: Input::Inline(Bytes::from_static(&[0])),
        offer: Offer {
            min_price: Wei::ZERO,
            max_price: Wei::from(1_000_000 * GWEI),
            ramp_up_start: Timestamp(1_000),
            ramp_up_period: 100,
            lock_timeout: 200,
            timeout: 300,
            lock_collateral: Collateral::from(5_000),
        },
    }
}

fn preflight(cycles: u64) -> Preflight {
    Preflight {
        cycles: Cycles(cycles),
        image_id: ImageId(B256::ZERO),
        journal: Journal(Bytes::from(vec![1; 10])),
    }
}

#[test]
fn refusals_before_the_program_runs_come_in_order_of_cost() {
    let late = Market { now: Timestamp(1_201), ..market() };
    let tight = Market { now: Timestamp(1_190), ..market() };
    let dear_gas = Market { gas_price: Wei::from(10 * GWEI), ..market() };
    let mut big_stake = request();
    big_stake.offer.lock_collateral = Collateral::from(10_001);
    let mut foreign = request();
    foreign.requirements.selector = Selector::repeat_byte(0x73);
    let rows: String = [
        (request(), late),
        (request(), tight),
        (big_stake, market()),
        (foreign, market()),
        (request(), dear_gas),
        (request(), market()),
    ]
    .into_iter()
    .map(|(request, market)| format!("{:?}\n", screen(&request, &policy(), &market)))
    .collect();
    expect![[r#"
        Err(Expired { lock_deadline: Timestamp(1200) })
        Err(TooLittleTime { left_s: 10, needed_s: 20 })
        Err(CollateralAboveLimit { asked: Collateral(10001), limit: Collateral(10000) })
        Err(UnsupportedSelector { selector: 0x73737373 })
        Err(GasAbovePrice { gas_cost: Wei(4000000000000000), max_price: Wei(1000000000000000) })
        Ok(Budget { cycles_max: Cycles(6000000), limited_by: Price, journal_bytes_max: 100 })
    "#]]
    .assert_eq(&rows);
}

#[test]
fn the_bid_waits_for_gas_and_floor() {
    let at = |cycles| appraise(&request(), &preflight(cycles), &policy(), &market());
    let rows: String =
        [0, 1_000_000, 5_000_000, 6_000_000].map(|cycles| format!("{:?}\n", at(cycles))).concat();
    expect![[r#"
        Ok(Bid { target_price: Wei(400300000000000), lock_at: Timestamp(1041), race_worthwhile: true })
        Ok(Bid { target_price: Wei(500300000000000), lock_at: Timestamp(1051), race_worthwhile: true })
        Ok(Bid { target_price: Wei(900300000000000), lock_at: Timestamp(1091), race_worthwhile: false })
        Err(BelowFloor { best_per_mcycle: Wei(99950000000000), floor: Wei(100000000000000) })
    "#]]
    .assert_eq(&rows);
}

#[test]
fn a_run_that_misses_the_predicate_or_says_too_much_is_refused() {
    let mut other = preflight(1);
    other.image_id = ImageId(B256::repeat_byte(9));
    let mut long = preflight(1);
    long.journal = Journal(Bytes::from(vec![1; 101]));
    let refusal = |run| appraise(&request(), &run, &policy(), &market()).unwrap_err();
    assert!(matches!(refusal(other), Skip::CannotBeSatisfied { .. }));
    assert_eq!(refusal(long), Skip::JournalTooLong { bytes: 101, limit: 100 });
}

proptest! {
    /// Whatever is bid pays gas and floor at the second at which it is bid.
    #[test]
    fn a_bid_never_pays_less_than_the_floor(
        cycles in 0u64..20_000_000, gas_gwei in 0u128..20, floor in 0u128..1_000_000, max in 1u128..1 << 70,
    ) {
        let mut request = request();
        request.offer.max_price = Wei::from(max);
        let policy = Policy { min_mcycle_price: Wei::from(floor * GWEI), ..policy() };
        let market = Market { gas_price: Wei::from(gas_gwei * GWEI), ..market() };
        if let Ok(bid) = appraise(&request, &preflight(cycles), &policy, &market) {
            let offer = &request.offer;
            prop_assert!(bid.lock_at <= offer.lock_deadline());
            let paid = offer.price_at(bid.lock_at.max(market.now));
            prop_assert!(paid >= bid.target_price);
            let gas = gas_cost_up(&request, 10, &policy, &market);
            let rest = paid.0 - gas.0;
            prop_assert!(rest * U256::from(MILLION) >= policy.min_mcycle_price.0 * U256::from(cycles));
        }
    }
}
