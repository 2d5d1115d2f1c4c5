use super::super::metrics::Metrics;
use super::*;
use crate::logbook::tests::{ME, at, domain, feed, locked, open, request, run};
use crate::logbook::{IntentId, IntentKind, IntentOutcome, Logbook};
use alloy::primitives::{B256, Bytes};
use expect_test::{Expect, expect};
use rialto_chain::{FeedItem, MarketEvent};
use rialto_planner::Proven;
use rialto_protocol::{ClaimDigest, Fulfillment, FulfillmentData, Timestamp, Wei};
use tempfile::TempDir;

struct House {
    logbook: Logbook,
    metrics: Metrics,
    tally: Tally,
    _dir: TempDir,
}

impl House {
    /// Where a request was seen and a transaction made before anybody counted.
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logbook = open(&dir).await;
        submit(&logbook, 1).await;
        let (ids, _) =
            logbook.intend(&[digest(1)], IntentKind::Lock, &Event::Stopping).await.unwrap();
        logbook.settle_intents(&ids, IntentOutcome::Mined(Wei::from(1))).await.unwrap();
        let tally = Tally::begin(logbook.reader().await.unwrap()).await.unwrap();
        Self { logbook, metrics: Metrics::new(), tally, _dir: dir }
    }

    async fn intend(&self, indices: &[u32], kind: IntentKind, tx: Option<u8>) -> Vec<IntentId> {
        let digests: Vec<_> = indices.iter().map(|index| digest(*index)).collect();
        let (ids, _) = self.logbook.intend(&digests, kind, &Event::Stopping).await.unwrap();
        if let Some(byte) = tx {
            self.logbook.signed(&ids, B256::repeat_byte(byte)).await.unwrap();
        }
        ids
    }

    async fn settle(&self, ids: &[IntentId], outcome: IntentOutcome) {
        self.logbook.settle_intents(ids, outcome).await.unwrap();
    }

    /// What has been counted, without what is zero and without times.
    async fn check(&mut self, expected: Expect) {
        for _ in 0..2 {
            self.tally.catch_up(&self.metrics.counts).await.unwrap();
        }
        let text = self.metrics.text().unwrap();
        let counted = |line: &&str| {
            let counter = line.contains("_total") || line.contains("orders_sum");
            counter && !line.starts_with('#') && !line.ends_with(" 0") && !line.ends_with(" 0.0")
        };
        let mut lines: Vec<_> = text.lines().filter(counted).collect();
        lines.sort_unstable();
        expected.assert_eq(&lines.join("\n"));
    }
}

async fn submit(logbook: &Logbook, index: u32) {
    let event = MarketEvent::RequestSubmitted(Box::new(request(index)));
    feed(logbook, vec![FeedItem::Event(at(u64::from(index), 0), event)]).await;
}

fn digest(index: u32) -> RequestDigest {
    domain().request_digest(&request(index).request)
}

#[tokio::test]
async fn everything_is_counted_once_and_nothing_from_before() {
    let mut house = House::open().await;
    house.check(expect![""]).await;

    for index in 2..=4 {
        submit(&house.logbook, index).await;
    }
    let too_long = Skip::AlreadyFulfilled;
    house.logbook.skip(digest(4), &too_long).await.unwrap();
    house.logbook.close(digest(4), Outcome::Refused, 4).await.unwrap();
    house
        .check(expect![[r#"
        rialto_orders_closed_total{outcome="refused"} 1
        rialto_orders_seen_total 3
        rialto_refusals_total{code="already_fulfilled"} 1"#]])
        .await;

    // The second transaction settles before the first; a third is never sent.
    let first = house.intend(&[2], IntentKind::Lock, Some(0xa1)).await;
    let second = house.intend(&[3], IntentKind::Lock, Some(0xa2)).await;
    house.settle(&second, IntentOutcome::Failed(Wei::from(30))).await;
    house
        .check(expect![[r#"
        rialto_gas_spent_wei_total{kind="lock"} 30.0
        rialto_locks_total{result="lost"} 1
        rialto_locks_total{result="sent"} 2
        rialto_orders_closed_total{outcome="refused"} 1
        rialto_orders_seen_total 3
        rialto_refusals_total{code="already_fulfilled"} 1
        rialto_transactions_total{kind="lock",outcome="failed"} 1"#]])
        .await;
    house.settle(&first, IntentOutcome::Mined(Wei::from(70))).await;
    let third = house.intend(&[1], IntentKind::Lock, None).await;
    house.settle(&third, IntentOutcome::Failed(Wei::ZERO)).await;
    feed(&house.logbook, vec![locked(ME, 2, 5)]).await;
    house
        .check(expect![[r#"
        rialto_gas_spent_wei_total{kind="lock"} 100.0
        rialto_locks_total{result="landed"} 1
        rialto_locks_total{result="lost"} 2
        rialto_locks_total{result="sent"} 3
        rialto_orders_closed_total{outcome="refused"} 1
        rialto_orders_seen_total 3
        rialto_refusals_total{code="already_fulfilled"} 1
        rialto_transactions_total{kind="lock",outcome="failed"} 1
        rialto_transactions_total{kind="lock",outcome="mined"} 1
        rialto_transactions_total{kind="lock",outcome="not_sent"} 1"#]])
        .await;

    let claim = ClaimDigest(B256::repeat_byte(5));
    let proven = Proven { proof: B256::repeat_byte(4), claim, at: Timestamp(1_020) };
    house.logbook.proven(digest(2), &run(), proven, 1_234).await.unwrap();
    let together = house.intend(&[2, 3], IntentKind::Deliver, Some(0xa3)).await;
    house.settle(&together, IntentOutcome::Mined(Wei::from(201))).await;
    let fulfillment =
        Fulfillment { claim_digest: claim, data: FulfillmentData::None, seal: Bytes::new() };
    let delivered = MarketEvent::ProofDelivered {
        id: request(2).request.id,
        prover: ME,
        digest: digest(2),
        fulfillment: Box::new(fulfillment),
    };
    feed(&house.logbook, vec![FeedItem::Event(at(6, 0), delivered)]).await;
    let paid = Outcome::Paid { price: Wei::from(15) };
    house.logbook.close(digest(2), paid, 6).await.unwrap();
    house
        .check(expect![[r#"
        rialto_deliveries_total 1
        rialto_delivery_batch_orders_sum 2.0
        rialto_gas_spent_wei_total{kind="deliver"} 201.0
        rialto_gas_spent_wei_total{kind="lock"} 100.0
        rialto_income_wei_total 15.0
        rialto_locks_total{result="landed"} 1
        rialto_locks_total{result="lost"} 2
        rialto_locks_total{result="sent"} 3
        rialto_orders_closed_total{outcome="paid"} 1
        rialto_orders_closed_total{outcome="refused"} 1
        rialto_orders_seen_total 3
        rialto_proofs_total 1
        rialto_refusals_total{code="already_fulfilled"} 1
        rialto_transactions_total{kind="deliver",outcome="mined"} 1
        rialto_transactions_total{kind="lock",outcome="failed"} 1
        rialto_transactions_total{kind="lock",outcome="mined"} 1
        rialto_transactions_total{kind="lock",outcome="not_sent"} 1"#]])
        .await;
}
