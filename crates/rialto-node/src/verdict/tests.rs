use super::*;
use alloy::primitives::{Address, B256};
use expect_test::{Expect, expect};
use rialto_protocol::{Cycles, RequestDigest, Timestamp, example};

fn record(outcome: Option<Outcome>) -> Record {
    let mut request = example::request(Address::ZERO);
    request.offer.lock_collateral = tokens(5);
    Record { digest: RequestDigest(B256::ZERO), request, seen_at_ms: 0, outcome }
}

fn tokens(whole: u128) -> Collateral {
    Collateral::from(whole * 1_000_000_000_000_000_000)
}

fn gwei(amount: u128) -> Wei {
    Wei::from(amount * 1_000_000_000)
}

fn skipped(skip: Skip) -> Event {
    let (reason, setting) = (skip.to_string(), skip.setting().map(str::to_owned));
    Event::Skipped { skip, reason, setting }
}

fn priced() -> Event {
    Event::Priced {
        cycles: Cycles(1),
        target_price: Some(gwei(7)),
        lock_at: Some(Timestamp(1050)),
        race_reward: None,
    }
}

fn check(cases: Vec<(Option<Outcome>, Vec<Event>, Sums)>, expected: Expect) {
    let line = |(outcome, events, sums): (_, Vec<Event>, Sums)| {
        let entry = |event| Entry { at_ms: 0, digest: None, event };
        let timeline: Vec<_> = events.into_iter().map(entry).collect();
        verdict(&record(outcome), &timeline, &sums).sentence + "\n"
    };
    expected.assert_eq(&cases.into_iter().map(line).collect::<String>());
}

#[test]
fn a_refusal_names_the_setting_and_its_value() {
    let skips = [
        Skip::TooLittleTime { left_s: 40, needed_s: 65 },
        Skip::CollateralAboveLimit { asked: tokens(5), limit: tokens(1) },
        Skip::TooManyCycles { cycles_max: Cycles(8_000_000), why: CycleLimit::Setting },
        Skip::TooManyCycles { cycles_max: Cycles(8_000_000), why: CycleLimit::Price },
        Skip::TooManyCycles { cycles_max: Cycles(8_000_000), why: CycleLimit::Deadline },
        Skip::JournalTooLong { bytes: 12_000, limit: 10_000 },
        Skip::BelowFloor { best_per_mcycle: gwei(3), floor: gwei(20) },
        Skip::RaceBelowFloor { reward_per_mcycle: tokens(1), floor: tokens(2) },
        Skip::GasAbovePrice { gas_cost: gwei(9), max_price: gwei(8) },
        Skip::AlreadyFulfilled,
    ];
    let refused = Some(Outcome::Refused);
    let cases = skips.map(|skip| (refused, vec![skipped(skip)], Sums::default())).into();
    check(
        cases,
        expect![[r#"
        Refused: 40 s are left and 65 s are needed. It would have passed with market.min_deadline lowered by 25 s.
        Refused: it asks for 5 of collateral, the limit is 1. It would have passed with market.max_collateral at least 5 RCT.
        Refused: it runs for more than 8000000 cycles, max_mcycle_limit. It would have passed with market.max_mcycle_limit above 8.
        Refused: it runs for more than 8000000 cycles, what its price pays for at min_mcycle_price. It would have passed with market.min_mcycle_price lower: the run was stopped where its price ends.
        Refused: it runs for more than 8000000 cycles, what peak_prove_khz does before its deadline. It would have passed with market.peak_prove_khz higher, if the prover is faster than that.
        Refused: its journal has 12000 bytes, the limit is 10000. It would have passed with market.max_journal_bytes at least 12000.
        Refused: it pays at most 0.000000003 ETH per Mcycle after gas, the floor is 0.00000002 ETH. It would have passed with market.min_mcycle_price at most 0.000000003 ETH.
        Refused: the lapsed lock pays 1 of collateral per Mcycle, the floor is 2. It would have passed with market.min_mcycle_price_collateral_token at most 1 RCT.
        Refused: gas costs 0.000000009 ETH, it pays at most 0.000000008 ETH. It would have passed with market.skip_gas_profitability_check set to true, at a loss.
        Refused: a proof has been delivered already. No setting would have changed that.
    "#]],
    );
}

#[test]
fn an_end_says_what_it_brought() {
    let retry =
        |reason: &str| Event::Retrying { step: "prove".into(), reason: reason.into(), in_s: 1 };
    let sums =
        |income, gas| Sums { income_wei: gwei(income), gas_wei: gwei(gas), ..Sums::default() };
    let rival = Event::LockedByOther { prover: Address::repeat_byte(0x11) };
    check(
        vec![
            (Some(Outcome::Paid { price: gwei(9) }), vec![priced()], sums(9, 2)),
            (Some(Outcome::Paid { price: gwei(9) }), vec![priced()], sums(9, 11)),
            (Some(Outcome::RaceWon { reward: tokens(2) }), vec![], sums(0, 2)),
            (Some(Outcome::Forfeited), vec![retry("no memory"), retry("no disk")], sums(0, 2)),
            (Some(Outcome::Forfeited), vec![], sums(0, 0)),
            (Some(Outcome::TakenByOther), vec![rival.clone(), priced()], sums(0, 0)),
            (Some(Outcome::TakenByOther), vec![rival.clone()], sums(0, 0)),
            (Some(Outcome::Expired), vec![], sums(0, 0)),
            (None, vec![priced()], sums(0, 0)),
            (None, vec![priced(), rival], sums(0, 0)),
            (None, vec![], sums(0, 0)),
        ],
        expect![[r#"
            Paid 0.000000009 ETH for the proof; its transactions cost 0.000000002 ETH, the profit is 0.000000007 ETH.
            Paid 0.000000009 ETH for the proof; its transactions cost 0.000000011 ETH, the loss is 0.000000002 ETH.
            Won the proof race and 2 RCT; its transactions cost 0.000000002 ETH.
            Lost 5 RCT: the lock lapsed. The last trouble was that it could not prove: no disk; its transactions cost 0.000000002 ETH.
            Lost 5 RCT: the lock lapsed before the proof was delivered.
            Prover 0x1111111111111111111111111111111111111111 was faster: we would have locked at 1050, when it pays 0.000000007 ETH. A lower market.min_mcycle_price locks earlier.
            Prover 0x1111111111111111111111111111111111111111 was faster than our judgement.
            Nobody delivered in time.
            Open: judged, to be locked when it pays enough and there is room.
            Open: locked by another prover, whose lock may lapse.
            Open: seen, to be judged.
        "#]],
    );
}
