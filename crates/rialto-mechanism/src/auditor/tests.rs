use super::*;
use crate::{Forfeit, Outcome};
use alloy_primitives::B256;

const ANN: Party = Party::with_last_byte(1);
const BOB: Party = Party::repeat_byte(0xff);
const JOB: JobId = JobId(7);
const OTHER: JobId = JobId(8);

/// Which invariant effects break. Two jobs are live with 40 each in escrow, and two parties have
/// 100 in hand and 50 at stake.
fn broken(effects: &[Effect]) -> Option<&'static str> {
    let mut auditor = Auditor::default();
    for job in [JOB, OTHER] {
        auditor.live.insert(job, Watched::default());
        auditor.balances.insert(Account::Escrow(job), 40);
    }
    for party in [ANN, BOB] {
        auditor.balances.insert(Account::Hand(party), 100);
        auditor.balances.insert(Account::Stake(party), 50);
    }
    let mut touched = BTreeSet::new();
    let happened = |effect: &Effect| Happened { at: Time(1), effect: effect.clone() };
    let effects: Vec<Happened> = effects.iter().map(happened).collect();
    auditor.take_effects(&effects, &mut touched).err().map(|(invariant, _)| invariant)
}

fn moved(from: Account, to: Account, amount: u32, why: Why) -> Effect {
    Effect::Moved { from, to, amount: Amount::from(amount), why }
}

fn bonds(party: Party, job: JobId) -> Effect {
    moved(Account::Hand(party), Account::Bond(job, party), 10, Why::Bond)
}

fn pays(party: Party, amount: u32, why: Why) -> Effect {
    moved(Account::Escrow(JOB), Account::Hand(party), amount, why)
}

fn loses(party: Party, amount: u32) -> Effect {
    moved(Account::Stake(party), Account::Burned, amount, Why::Forfeit(JOB))
}

fn has_stake_back(party: Party) -> Effect {
    moved(Account::Stake(party), Account::Hand(party), 50, Why::Stake)
}

/// The job is `party`'s, who risks 20 of its stake.
fn allocated(party: Party) -> Effect {
    let to_party = Allocation::to(party, Amount::from(30), Time(9));
    let allocation = to_party.at_risk(Amount::from(20), Risks::Stake);
    Effect::Allocated { job: JOB, allocation }
}

const PROVEN: Effect = Effect::Settled { job: JOB, outcome: Outcome::Proven };
const REOPENED: Effect = Effect::Reopened { job: JOB };

#[test]
fn a_job_that_is_over_leaves_nothing_behind() {
    let refund = || pays(ANN, 40, Why::Refund);
    assert_eq!(broken(&[refund(), PROVEN]), None);
    assert_eq!(broken(&[PROVEN]), Some("I1"));
    for party in [Party::ZERO, ANN, BOB] {
        let fund = moved(Account::Hand(ANN), Account::Hand(party), 10, Why::Pool);
        assert_eq!(broken(&[fund.clone(), bonds(party, JOB), refund(), PROVEN]), Some("I1"));
        assert_eq!(broken(&[fund, bonds(party, OTHER), refund(), PROVEN]), None);
    }
    assert_eq!(broken(&[pays(ANN, 41, Why::Price)]), Some("I1"));
}

#[test]
fn nothing_is_paid_twice_nor_after_the_end() {
    let price = || pays(ANN, 10, Why::Price);
    assert_eq!(broken(&[price(), pays(BOB, 10, Why::Price), pays(ANN, 10, Why::Rescue)]), None);
    assert_eq!(broken(&[price(), price()]), Some("I2"));
    let over = || [pays(ANN, 40, Why::Refund), PROVEN];
    for late in [price(), bonds(ANN, JOB), allocated(ANN), REOPENED, PROVEN] {
        let effects = over().into_iter().chain([late.clone()]).collect::<Vec<_>>();
        assert_eq!(broken(&effects), Some("I3"), "{late:?}");
    }
    let lapsed = |party| Effect::Lapsed { job: JOB, party };
    assert_eq!(broken(&[allocated(ANN), lapsed(ANN)]), None);
    assert_eq!(broken(&[allocated(ANN), lapsed(BOB)]), Some("I3"));
    assert_eq!(broken(&[allocated(ANN), REOPENED, lapsed(ANN)]), Some("I3"));
}

#[test]
fn nobody_loses_more_than_it_risks() {
    assert_eq!(broken(&[allocated(ANN), loses(ANN, 12), loses(ANN, 8)]), None);
    assert_eq!(broken(&[allocated(ANN), loses(ANN, 12), loses(ANN, 9)]), Some("I4"));
    assert_eq!(broken(&[allocated(ANN), loses(BOB, 1)]), Some("I4"));
    assert_eq!(broken(&[allocated(ANN), REOPENED, loses(ANN, 1)]), Some("I4"));
}

#[test]
fn a_stake_stays_exactly_as_long_as_a_job_counts_on_it() {
    let refund = || pays(BOB, 40, Why::Refund);
    assert_eq!(broken(&[has_stake_back(ANN)]), None);
    assert_eq!(broken(&[allocated(ANN), has_stake_back(ANN)]), Some("I8"));
    assert_eq!(broken(&[allocated(ANN), has_stake_back(BOB)]), None);
    assert_eq!(broken(&[allocated(ANN), REOPENED, has_stake_back(ANN)]), None);
    assert_eq!(broken(&[allocated(ANN), refund(), PROVEN, has_stake_back(ANN)]), None);
    assert_eq!(broken(&[allocated(ANN), allocated(BOB), has_stake_back(ANN)]), None);
    assert_eq!(broken(&[allocated(ANN), allocated(BOB), has_stake_back(BOB)]), Some("I8"));
    let on_a_bond = Allocation::to(ANN, Amount::from(30), Time(9));
    let on_a_bond = Effect::Allocated { job: JOB, allocation: on_a_bond };
    assert_eq!(broken(&[allocated(ANN), on_a_bond, has_stake_back(ANN)]), None);
}

#[test]
fn seeds_come_after_their_sets_and_missing_a_window_never_pays() {
    let frozen = |not_before| Effect::Frozen { round: 1, root: B256::ZERO, not_before };
    assert_eq!([1, 2].map(|at| broken(&[frozen(Time(at))])), [Some("I5"), None]);
    // What is not burned of 20 is the rescuer's, and so an alias', beside what it is paid for the rescue.
    let rescue = |pay: u32| {
        let to_ann = Allocation::to(ANN, Amount::from(30), Time(9)).then_open(Amount::from(pay));
        let keeps = Forfeit { burned: crate::Bps(5_000), requester: crate::Bps(0) };
        let allocation = to_ann.at_risk(Amount::from(20), Risks::Stake).forfeiting(keeps);
        broken(&[Effect::Allocated { job: JOB, allocation }])
    };
    assert_eq!([40, 41].map(rescue), [None, Some("I11")]);
}
