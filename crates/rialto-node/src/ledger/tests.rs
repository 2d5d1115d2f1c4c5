use super::*;
use alloy::primitives::{B256, U256};
use rialto_planner::{Delivery, SlashFact};
use rialto_protocol::{Offer, example};

const ME: Address = Address::repeat_byte(0xee);
const RIVAL: Address = Address::repeat_byte(0x11);
const DIGEST: RequestDigest = RequestDigest(B256::repeat_byte(1));

/// Locked at 1050 it costs 60; the lock lapses after 1200, the request after 1300.
fn account(facts: Facts, closed: bool) -> Account {
    let offer = Offer {
        min_price: Wei::from(10),
        max_price: Wei::from(110),
        ramp_up_start: Timestamp(1000),
        ramp_up_period: 100,
        lock_timeout: 200,
        timeout: 300,
        lock_collateral: Collateral::from(8),
    };
    let request = ProofRequest { offer, ..example::request(RIVAL) };
    let gas = vec![(1_050_000, Wei::from(3)), (1_100_000, Wei::from(4))];
    Account { digest: DIGEST, request, facts, closed, gas }
}

fn lock(prover: Address) -> Option<LockFact> {
    Some(LockFact { prover, digest: DIGEST, at: Timestamp(1050) })
}

fn delivery(prover: Address, at: u64) -> Vec<Delivery> {
    vec![Delivery { prover, at: Timestamp(at) }]
}

fn slash(recipient: Address) -> Option<SlashFact> {
    Some(SlashFact { recipient, transferred: Collateral::from(4) })
}

/// Beyond the gas, which every order of these tests has.
fn moved(facts: Facts, closed: bool) -> Vec<(u64, Amount)> {
    let postings = account(facts, closed).postings(ME);
    assert_eq!(
        postings[..2].iter().map(|p| p.amount).collect::<Vec<_>>(),
        [Amount::Gas(Wei::from(3)), Amount::Gas(Wei::from(4)),]
    );
    postings[2..].iter().map(|posting| (posting.at_ms / 1000, posting.amount)).collect()
}

#[test]
fn every_end_of_an_order_posts_what_it_moved() {
    let (price, stake) = (Amount::Price(Wei::from(60)), Amount::Stake(Collateral::from(8)));
    let forfeit = (1200, Amount::Forfeit(Collateral::from(8)));
    let reward = (1300, Amount::Reward(Collateral::from(4)));
    let facts = |lock, deliveries, slash| Facts { lock, deliveries, slash };
    type Case = (&'static str, Facts, bool, Vec<(u64, Amount)>);
    let cases: Vec<Case> = vec![
        ("never locked", Facts::default(), true, vec![]),
        ("locked", facts(lock(ME), vec![], None), false, vec![(1050, stake)]),
        ("delivered", facts(lock(ME), delivery(ME, 1150), None), false, vec![(1150, price)]),
        ("paid", facts(lock(ME), delivery(ME, 1150), None), true, vec![(1150, price)]),
        ("lapsed", facts(lock(ME), vec![], None), true, vec![forfeit]),
        ("lapsed and slashed", facts(lock(ME), vec![], slash(RIVAL)), false, vec![forfeit]),
        (
            "late, half saved",
            facts(lock(ME), delivery(ME, 1250), slash(ME)),
            true,
            vec![forfeit, reward],
        ),
        (
            "a rival's delivery in our lock",
            facts(lock(ME), delivery(RIVAL, 1150), None),
            false,
            vec![(1050, stake)],
        ),
        ("race won", facts(lock(RIVAL), delivery(ME, 1250), slash(ME)), true, vec![reward]),
        ("race lost", facts(lock(RIVAL), delivery(RIVAL, 1250), slash(RIVAL)), true, vec![]),
    ];
    for (name, facts, closed, expected) in cases {
        assert_eq!(moved(facts, closed), expected, "{name}");
    }
    let mut other = lock(ME).unwrap();
    other.digest = RequestDigest(B256::ZERO);
    let of_another = Facts { lock: Some(other), ..Facts::default() };
    assert_eq!(moved(of_another, true), [], "another request of the same id was locked");
}

/// A sequence that repeats nothing for as long as a test looks.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(7_u64), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|n| n >> 33)
}

#[test]
fn lines_add_up_to_the_total_however_they_are_grouped() {
    let mut n = numbers();
    let mut next = || n.next().unwrap();
    let mut postings = |count: usize| -> Vec<Posting> {
        (0..count)
            .map(|_| {
                let (wei, tokens) =
                    (Wei::from(u128::from(next())), Collateral::from(u128::from(next())));
                let amount = match next() % 5 {
                    0 => Amount::Price(wei),
                    1 => Amount::Gas(wei),
                    2 => Amount::Reward(tokens),
                    3 => Amount::Forfeit(tokens),
                    _ => Amount::Stake(tokens),
                };
                let at_ms = 86_400_000 * (next() % 9) + next() % 86_400_000;
                let request = RequestId::new(RIVAL, (next() % 17) as u32);
                Posting { at_ms, digest: DIGEST, request, amount }
            })
            .collect()
    };
    let books = [("a".to_owned(), postings(300)), ("b".to_owned(), postings(200))];
    let statements =
        [Grouping::Request, Grouping::Venue, Grouping::Day].map(|by| Statement::new(by, &books));
    for (statement, lines) in statements.iter().zip([17, 2, 9]) {
        assert_eq!(statement.rows.len(), lines);
        let sum = |of: fn(&Sums) -> U256| -> U256 {
            statement.rows.iter().map(|row| of(&row.sums)).sum()
        };
        let total = &statement.total;
        assert_eq!(sum(|sums| sums.income_wei.0), total.sums.income_wei.0);
        assert_eq!(sum(|sums| sums.gas_wei.0), total.sums.gas_wei.0);
        assert_eq!(sum(|sums| sums.reward.0), total.sums.reward.0);
        assert_eq!(sum(|sums| sums.forfeited.0), total.sums.forfeited.0);
        assert_eq!(sum(|sums| sums.at_stake.0), total.sums.at_stake.0);
        let profits = statement.rows.iter().map(|row| row.profit_wei.0);
        assert_eq!(profits.fold(I256::ZERO, |sum, profit| sum + profit), total.profit_wei.0);
        assert_eq!(statement.total, statements[0].total);
    }
}

#[test]
fn a_loss_is_negative_and_amounts_are_decimal() {
    let gas = Posting {
        at_ms: 0,
        digest: DIGEST,
        request: RequestId::new(RIVAL, 1),
        amount: Amount::Gas(Wei::from(5)),
    };
    let statement = Statement::new(Grouping::Day, &[("a".to_owned(), vec![gas])]);
    let json = serde_json::to_string(&statement.rows[0]).unwrap();
    expect_test::expect![[r#"{"key":"1970-01-01","income_wei":"0","gas_wei":"5","reward":"0","forfeited":"0","at_stake":"0","profit_wei":"-5","profit_collateral":"0"}"#]]
        .assert_eq(&json);
    assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), statement.rows[0]);
}
