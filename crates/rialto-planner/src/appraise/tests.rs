use super::*;
use crate::example::{ME, RIVAL};
use crate::policy::{Floors, GasEstimates, Requestors};
use alloy_primitives::{B256, Bytes};
use expect_test::expect;
use proptest::prelude::*;

const GWEI: u128 = 1_000_000_000;

fn policy() -> Policy {
    Policy {
        floors: Floors::of(Wei::from(100_000 * GWEI)),
        min_mcycle_price_collateral_token: Some(Collateral::from(1_000)),
        max_collateral: Some(Collateral::from(10_000)),
        max_mcycle_limit: 50,
        gas: GasEstimates {
            lock: 150_000,
            fulfill: 250_000,
            commit: 50_000,
            groth16_verify: 20_000,
            journal_byte: 30,
            contract_client: 100_000,
        },
        ..crate::example::policy()
    }
}

fn market() -> Market {
    Market { gas_price: Wei::from(GWEI), ..crate::example::market(1_000) }
}

/// 0 to 1,000,000 gwei over [1000, 1100], lock until 1200, until 1300.
fn request() -> ProofRequest {
    let mut request = crate::example::request();
    request.offer.max_price = Wei::from(1_000_000 * GWEI);
    request.offer.lock_collateral = Collateral::from(5_000);
    request
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
    let client = request().id.client();
    let at = |now| Market { now: Timestamp(now), ..market() };
    let dear_gas = Market { gas_price: Wei::from(10 * GWEI), ..market() };
    let mut big_stake = request();
    big_stake.offer.lock_collateral = Collateral::from(10_001);
    let mut foreign = request();
    foreign.requirements.selector = Selector::repeat_byte(0x73);
    let with = |requestors: Requestors| Policy { requestors: requestors.into(), ..policy() };
    let allowed = with(Requestors { allowed: Some([ME, RIVAL].into()), ..Requestors::default() });
    let may_be = with(Requestors {
        allowed: Some([ME].into()),
        is_list_missing: true,
        ..Requestors::default()
    });
    let denied = with(Requestors { denied: [client].into(), ..Requestors::default() });
    let first = with(Requestors { priority: [(client, 50)].into(), ..Requestors::default() });
    let expiry = Policy { max_order_expiry_s: Some(299), ..policy() };
    let no_rate = Policy { max_collateral: None, ..policy() };
    let no_floor = Policy { floors: Floors::default(), ..policy() };
    let free = Policy { skip_gas_profitability_check: true, ..policy() };
    let small = Policy { max_mcycle_limit: 3, ..policy() };
    let small_first = Policy { max_mcycle_limit: 3, ..first };
    let rows: String = [
        ("too late", request(), policy(), at(1_201)),
        ("hardly any time", request(), policy(), at(1_190)),
        ("open for too long", request(), expiry, market()),
        ("denied", request(), denied, market()),
        ("not allowed", request(), allowed, market()),
        ("not allowed yet", request(), may_be, market()),
        ("another verifier", foreign, policy(), market()),
        ("stake cannot be compared", request(), no_rate, market()),
        ("stake", big_stake, policy(), market()),
        ("gas", request(), policy(), dear_gas),
        ("gas does not count", request(), free, dear_gas),
        ("floor cannot be compared", request(), no_floor, market()),
        ("worth a try", request(), policy(), market()),
        ("worth a short one", request(), small, market()),
        ("priority", request(), small_first, market()),
    ]
    .into_iter()
    .map(|(what, request, policy, market)| {
        format!("{what}: {:?}\n", screen(&request, &policy, &market))
    })
    .collect();
    expect![[r#"
        too late: Err(Skip(Expired { lock_deadline: Timestamp(1200) }))
        hardly any time: Err(Skip(TooLittleTime { left_s: 10, needed_s: 20 }))
        open for too long: Err(Skip(ExpiresTooLate { expires_in_s: 300, limit_s: 299 }))
        denied: Err(Skip(RequestorDenied { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }))
        not allowed: Err(Skip(RequestorNotAllowed { client: 0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1 }))
        not allowed yet: Err(NoList)
        another verifier: Err(Skip(UnsupportedSelector { selector: 0x73737373 }))
        stake cannot be compared: Err(NoRate)
        stake: Err(Skip(CollateralAboveLimit { asked: Collateral(10001), limit: Collateral(10000) }))
        gas: Err(Skip(GasAbovePrice { gas_cost: Wei(4000000000000000), max_price: Wei(1000000000000000) }))
        gas does not count: Ok(Budget { cycles_max: Cycles(10000000), limited_by: Price, journal_bytes_max: 100 })
        floor cannot be compared: Err(NoRate)
        worth a try: Ok(Budget { cycles_max: Cycles(6000000), limited_by: Price, journal_bytes_max: 100 })
        worth a short one: Ok(Budget { cycles_max: Cycles(3000000), limited_by: Setting, journal_bytes_max: 100 })
        priority: Ok(Budget { cycles_max: Cycles(6000000), limited_by: Price, journal_bytes_max: 100 })
    "#]]
    .assert_eq(&rows);
}

#[test]
fn a_race_is_measured_by_its_reward() {
    let at = |now| Market { now: Timestamp(now), ..market() };
    let odds =
        |percent| Policy { expected_probability_win_secondary_fulfillment: percent, ..policy() };
    let no_rate = Policy { min_mcycle_price_collateral_token: None, ..policy() };
    // A token is worth 10^18 wei, so gas of 310,300 gwei eats all of 2,500.
    let rated = Market { token_price: Some(Wei::from(10u128.pow(18))), ..market() };
    let dear = Market { token_price: Some(Wei::from(10u128.pow(36))), ..market() };
    let rows: String = [
        ("half of 5,000", policy(), at(1_210)),
        ("at even odds", odds(50), at(1_210)),
        ("at no odds", odds(0), at(1_210)),
        ("no time", policy(), at(1_281)),
        ("no rate", no_rate, at(1_210)),
        ("gas is more than the reward", policy(), rated),
        ("gas is nothing to the reward", policy(), dear),
    ]
    .into_iter()
    .map(|(what, policy, market)| {
        let budget = screen_race(&request(), &policy, &market);
        let worth = [1, 3]
            .map(|mcycles| race(&request(), Cycles(mcycles * MILLION), 10, (&policy, &market)));
        format!("{what}: {budget:?}\n  {worth:?}\n")
    })
    .collect();
    expect![[r#"
        half of 5,000: Ok(Budget { cycles_max: Cycles(2500000), limited_by: Price, journal_bytes_max: 100 })
          [Ok(Collateral(2500)), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(833), floor: Collateral(1000) }))]
        at even odds: Ok(Budget { cycles_max: Cycles(1250000), limited_by: Price, journal_bytes_max: 100 })
          [Ok(Collateral(1250)), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(416), floor: Collateral(1000) }))]
        at no odds: Ok(Budget { cycles_max: Cycles(0), limited_by: Price, journal_bytes_max: 100 })
          [Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(0), floor: Collateral(1000) })), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(0), floor: Collateral(1000) }))]
        no time: Err(Skip(TooLittleTime { left_s: 19, needed_s: 20 }))
          [Ok(Collateral(2500)), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(833), floor: Collateral(1000) }))]
        no rate: Err(NoRate)
          [Err(NoRate), Err(NoRate)]
        gas is more than the reward: Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(0), floor: Collateral(1000) }))
          [Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(0), floor: Collateral(1000) })), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(0), floor: Collateral(1000) }))]
        gas is nothing to the reward: Ok(Budget { cycles_max: Cycles(2500000), limited_by: Price, journal_bytes_max: 100 })
          [Ok(Collateral(2500)), Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(833), floor: Collateral(1000) }))]
    "#]]
    .assert_eq(&rows);
}

#[test]
fn the_most_particular_floor_counts() {
    let (client, selector) = (request().id.client(), request().requirements.selector);
    let floors = |by: &str| {
        let mut floors = Floors::of(Wei::from(1));
        if by.contains('r') {
            floors.by_requestor.insert(client, Some(Wei::from(2)));
        }
        if by.contains('t') {
            floors.by_proof_type.insert(selector, Some(Wei::from(3)));
        }
        if by.contains('b') {
            floors.by_requestor_proof_type.insert((client, selector), Some(Wei::from(4)));
        }
        floors.of_request(client, selector).unwrap()
    };
    assert_eq!(["", "r", "t", "rt", "rtb"].map(floors), [1, 2, 3, 3, 4].map(Wei::from));
    let other = Floors { by_requestor: [(ME, None)].into(), ..Floors::of(Wei::from(1)) };
    assert_eq!(other.of_request(client, selector), Some(Wei::from(1)));
    assert_eq!(other.of_request(ME, selector), None);
}

#[test]
fn the_bid_waits_for_gas_and_floor() {
    let at = |cycles| appraise(&request(), &preflight(cycles), &policy(), &market());
    let rows: String =
        [0, 1_000_000, 5_000_000, 6_000_000].map(|cycles| format!("{:?}\n", at(cycles))).concat();
    expect![[r#"
        Ok(Appraisal { lock: Ok(Bid { target_price: Wei(400300000000000), lock_at: Timestamp(1041) }), race: Ok(Collateral(2500)) })
        Ok(Appraisal { lock: Ok(Bid { target_price: Wei(500300000000000), lock_at: Timestamp(1051) }), race: Ok(Collateral(2500)) })
        Ok(Appraisal { lock: Ok(Bid { target_price: Wei(900300000000000), lock_at: Timestamp(1091) }), race: Err(Skip(RaceBelowFloor { reward_per_mcycle: Collateral(500), floor: Collateral(1000) })) })
        Err(Skip(BelowFloor { best_per_mcycle: Wei(99950000000000), floor: Wei(100000000000000) }))
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
    assert!(matches!(refusal(other), Refusal::Skip(Skip::CannotBeSatisfied { .. })));
    assert_eq!(refusal(long), Refusal::Skip(Skip::JournalTooLong { bytes: 101, limit: 100 }));
    let policy = Policy { min_mcycle_limit: 2, ..policy() };
    let short = appraise(&request(), &preflight(1_999_999), &policy, &market());
    let expected = Skip::TooFewCycles { cycles: Cycles(1_999_999), limit: Cycles(2_000_000) };
    assert_eq!(short, Err(Refusal::Skip(expected)));
}

proptest! {
    /// Whatever is bid pays gas and floor at the second at which it is bid.
    #[test]
    fn a_bid_never_pays_less_than_the_floor(
        cycles in 0u64..20_000_000, gas_gwei in 0u128..20, floor in 0u128..1_000_000,
        max in 1u128..1 << 70, extra in 0u64..5_000_000,
    ) {
        let mut request = request();
        request.offer.max_price = Wei::from(max);
        let floor = Wei::from(floor * GWEI);
        let additional_proof_cycles = Cycles(extra);
        let policy = Policy { floors: Floors::of(floor), additional_proof_cycles, ..policy() };
        let market = Market { gas_price: Wei::from(gas_gwei * GWEI), ..market() };
        if let Ok(bid) = bid(&request, Cycles(cycles), 10, (&policy, &market)) {
            let offer = &request.offer;
            prop_assert!(bid.lock_at <= offer.lock_deadline());
            let paid = offer.price_at(bid.lock_at.max(market.now));
            prop_assert!(paid >= bid.target_price);
            let gas = gas_cost_up(&request, 10, &policy, &market);
            let rest = paid.0 - gas.0;
            prop_assert!(rest * U256::from(MILLION) >= floor.0 * U256::from(cycles + extra));
        }
    }
}
