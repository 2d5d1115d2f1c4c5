//! One row per case: a book of nonces, and what is done about it.

use super::super::Receipt;
use super::super::book::{Attempt, ChainClock, Mined};
use super::super::fees::{Bidding, FeeMarket};
use super::*;
use crate::BlockRef;
use alloy::primitives::{B256, Bytes};
use expect_test::{Expect, expect};
use rialto_protocol::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

const BIDDING: Bidding = Bidding {
    base_fee_percent: 200,
    tip_percentile: 5_000,
    tip_percent: 100,
    waiting_percent: 0,
    tip_min_wei: 10,
    patience: Duration::from_secs(6),
};
const POLICY: Policy = Policy {
    limits: FeeLimits { bidding: BIDDING, waiting: 0, max_wei: 10_000 },
    confirmations: 2,
    watch_blocks: 8,
    stall_blocks: 3,
    rebroadcast_ms: 5_000,
};
const NOW: Millis = Millis(100_000);
/// A bid that today's blocks take.
const FAIR: Fees = Fees { max_wei: 1_000, tip_wei: 100 };
/// A bid below today's base fee.
const CHEAP: Fees = Fees { max_wei: 90, tip_wei: 10 };

/// Block 50 is the newest, the base fee is 100, and nonces below `latest` are in blocks.
fn book(latest: u64, pending: u64, next: u64, slots: Vec<(u64, Slot)>) -> Book {
    Book {
        head: BlockNumber(50),
        clock: ChainClock { time: Timestamp(NOW.0 / 1_000), seen_at: NOW },
        market: FeeMarket { base_wei: 100, tip_wei: 20 },
        latest: Nonce(latest),
        pending: Nonce(pending),
        next: Nonce(next),
        slots: slots
            .into_iter()
            .map(|(nonce, slot)| (Nonce(nonce), slot))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Blocks come every two seconds.
fn time_of(block: u64) -> Timestamp {
    Timestamp(NOW.0 / 1_000 - 2 * (50 - block))
}

/// A call signed at block `since` and sent `age_ms` ago.
fn call(since: u64, age_ms: Option<u64>, fees: Fees) -> Slot {
    let attempt = Attempt { hash: B256::ZERO, fees, raw: Bytes::new(), empty: false };
    let intent = Intent::Call { give_up_at: None, extra_tip_wei: 0 };
    let mut slot = Slot::new(intent, vec![attempt], (BlockNumber(since), time_of(since)));
    if let Place::Pool { sent_at, accepted, .. } = &mut slot.place {
        (*sent_at, *accepted) = (age_ms.map(|age| Millis(NOW.0 - age)), age_ms.is_some());
    }
    slot
}

fn with(mut slot: Slot, change: impl FnOnce(&mut Slot)) -> Slot {
    change(&mut slot);
    slot
}

/// Its blocks came faster than patience wears out.
fn quick(slot: &mut Slot) {
    if let Place::Pool { since_time, .. } = &mut slot.place {
        *since_time = Timestamp(NOW.0 / 1_000 - 4);
    }
}

fn outbid(slot: &mut Slot) {
    if let Place::Pool { outbid, .. } = &mut slot.place {
        *outbid = true;
    }
}

fn missed(times: u32) -> impl FnOnce(&mut Slot) {
    move |slot| {
        if let Place::Pool { missed, .. } = &mut slot.place {
            *missed = times;
        }
    }
}

fn give_up_at(seconds: u64) -> impl FnOnce(&mut Slot) {
    move |slot| {
        slot.intent = Intent::Call { give_up_at: Some(Timestamp(seconds)), extra_tip_wei: 0 };
    }
}

fn mined_in(block: u64, told: bool) -> Slot {
    let receipt = Receipt {
        tx_hash: B256::ZERO,
        nonce: Nonce(0),
        block: BlockRef { number: BlockNumber(block), hash: B256::ZERO },
        gas_used: 0,
        gas_price_wei: 0,
        created: None,
        logs: Vec::new(),
    };
    let mut slot = call(block, Some(0), FAIR);
    slot.place = Place::Block(Box::new(Mined { receipt, succeeded: true }));
    slot.told = told;
    slot
}

/// Something that the endpoint does not show.
fn unknown(since: u64) -> Slot {
    let slot = Slot::new(Intent::Unknown, Vec::new(), (BlockNumber(since), time_of(since)));
    with(slot, |slot| {
        if let Place::Pool { sent_at, .. } = &mut slot.place {
            *sent_at = Some(NOW);
        }
    })
}

fn check(cases: Vec<(&str, Book)>, expected: Expect) {
    let table: String = cases
        .into_iter()
        .map(|(name, book)| format!("{name}: {:?}\n", plan(&book, &POLICY, NOW)))
        .collect();
    expected.assert_eq(&table);
}

#[test]
fn a_nonce_that_no_block_has() {
    let one = |slot| book(5, 6, 6, vec![(5, slot)]);
    check(
        vec![
            ("just sent", one(call(50, Some(10), FAIR))),
            ("not sent yet", one(call(50, None, FAIR))),
            ("sent a while ago", one(call(49, Some(5_000), FAIR))),
            ("three blocks without it", one(call(47, Some(10), FAIR))),
            ("three blocks in four seconds without it", one(with(call(47, Some(10), FAIR), quick))),
            ("two blocks without it, below the base fee", one(call(48, Some(10), CHEAP))),
            (
                "three blocks without it, bids the limit",
                one(call(47, Some(10), Fees { max_wei: 9_500, tip_wei: 9 })),
            ),
            (
                "three blocks, at the limit, sent a while ago",
                one(call(47, Some(9_000), Fees { max_wei: 9_500, tip_wei: 9 })),
            ),
            ("the endpoint wants more", one(with(call(50, Some(10), FAIR), outbid))),
            ("its time is up", one(with(call(50, Some(10), FAIR), give_up_at(100)))),
            ("its time is not up", one(with(call(50, Some(10), FAIR), give_up_at(101)))),
            ("in the mempool, unknown", one(unknown(49))),
            ("in the mempool, unknown, stalled", one(unknown(47))),
            (
                "in the mempool, being asked for",
                one(Slot::new(Intent::Unknown, Vec::new(), (BlockNumber(47), time_of(47)))),
            ),
            (
                "to be used for nothing, stalled",
                one(with(call(47, Some(10), FAIR), |slot| slot.intent = Intent::Empty)),
            ),
        ],
        expect![[r#"
            just sent: []
            not sent yet: [Broadcast(Nonce(5))]
            sent a while ago: [Broadcast(Nonce(5))]
            three blocks without it: [Replace(Nonce(5), Fees { max_wei: 1125, tip_wei: 113 })]
            three blocks in four seconds without it: []
            two blocks without it, below the base fee: []
            three blocks without it, bids the limit: []
            three blocks, at the limit, sent a while ago: [Broadcast(Nonce(5))]
            the endpoint wants more: [Replace(Nonce(5), Fees { max_wei: 1125, tip_wei: 113 })]
            its time is up: [Cancel(Nonce(5), Fees { max_wei: 1125, tip_wei: 113 })]
            its time is not up: []
            in the mempool, unknown: []
            in the mempool, unknown, stalled: [Replace(Nonce(5), Fees { max_wei: 220, tip_wei: 20 })]
            in the mempool, being asked for: []
            to be used for nothing, stalled: [Replace(Nonce(5), Fees { max_wei: 1125, tip_wei: 113 })]
        "#]],
    );
}

#[test]
fn later_nonces_wait_for_the_first() {
    check(
        vec![
            (
                "the first stalls, the second only waits for it, the third is cheap too",
                book(
                    5,
                    8,
                    8,
                    vec![
                        (5, call(47, Some(10), FAIR)),
                        (6, call(47, Some(10), FAIR)),
                        (7, call(47, Some(10), CHEAP)),
                    ],
                ),
            ),
            (
                "the first was dropped",
                book(
                    5,
                    5,
                    7,
                    vec![(5, call(49, Some(6_000), FAIR)), (6, call(50, Some(10), FAIR))],
                ),
            ),
        ],
        expect![[r#"
            the first stalls, the second only waits for it, the third is cheap too: [Replace(Nonce(5), Fees { max_wei: 1125, tip_wei: 113 }), Replace(Nonce(7), Fees { max_wei: 220, tip_wei: 20 })]
            the first was dropped: [Broadcast(Nonce(5))]
        "#]],
    );
}

#[test]
fn a_nonce_that_a_block_has() {
    let one = |slot| book(6, 6, 6, vec![(5, slot)]);
    check(
        vec![
            ("included, one confirmation of two", one(mined_in(50, false))),
            ("included, two confirmations", one(mined_in(49, false))),
            ("told, still watched", one(mined_in(43, true))),
            ("told, deep enough", one(mined_in(42, true))),
            ("used, receipt not found yet", one(with(call(48, Some(10), FAIR), missed(19)))),
            ("used by somebody else", one(with(call(48, Some(10), FAIR), missed(20)))),
            (
                "used by somebody else, told before a reorg",
                one(with(with(call(48, Some(10), FAIR), missed(20)), |slot| slot.told = true)),
            ),
            ("used by what was unknown", one(unknown(40))),
        ],
        expect![[r#"
            included, one confirmation of two: []
            included, two confirmations: [Tell(Nonce(5))]
            told, still watched: []
            told, deep enough: [Forget(Nonce(5))]
            used, receipt not found yet: []
            used by somebody else: [Taken(Nonce(5))]
            used by somebody else, told before a reorg: [Forget(Nonce(5))]
            used by what was unknown: [Forget(Nonce(5))]
        "#]],
    );
}

#[test]
fn nonces_that_nothing_uses() {
    check(
        vec![
            ("idle", book(5, 5, 5, vec![])),
            ("somebody else has sent", book(5, 7, 5, vec![])),
            ("all was dropped or reorganised away", book(5, 5, 8, vec![])),
            ("an earlier life left some, or a reorg", book(5, 8, 8, vec![])),
            ("left below one in flight", book(5, 7, 8, vec![(7, call(50, Some(10), FAIR))])),
            ("a hole below one in flight", book(5, 5, 8, vec![(7, call(50, Some(10), FAIR))])),
            ("a hole above those in flight", book(5, 6, 8, vec![(5, call(50, Some(10), FAIR))])),
            ("a hole on both sides", book(5, 5, 9, vec![(6, call(50, Some(10), FAIR))])),
            ("only settled ones", book(6, 6, 8, vec![(5, mined_in(49, true))])),
        ],
        expect![[r#"
            idle: []
            somebody else has sent: [Continue(Nonce(7)), Discover(Nonce(5)), Discover(Nonce(6))]
            all was dropped or reorganised away: [Continue(Nonce(5))]
            an earlier life left some, or a reorg: [Discover(Nonce(5)), Discover(Nonce(6)), Discover(Nonce(7))]
            left below one in flight: [Discover(Nonce(5)), Discover(Nonce(6))]
            a hole below one in flight: [Fill(Nonce(5), Fees { max_wei: 220, tip_wei: 20 }), Fill(Nonce(6), Fees { max_wei: 220, tip_wei: 20 })]
            a hole above those in flight: [Continue(Nonce(6))]
            a hole on both sides: [Fill(Nonce(5), Fees { max_wei: 220, tip_wei: 20 }), Continue(Nonce(7))]
            only settled ones: [Continue(Nonce(6))]
        "#]],
    );
}
