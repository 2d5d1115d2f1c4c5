use super::*;
use alloy::primitives::U256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::{BlockNumber, BlockRef};
use rialto_planner::{Bid, Facts, Standing};
use rialto_protocol::{
    ClaimDigest, Collateral, Cycles, ImageId, Journal, Offer, ProofRequest, RequestId, Timestamp,
    Unverified, Wei, example,
};
use tempfile::TempDir;

pub(crate) const ME: Address = Address::repeat_byte(0xee);
const RIVAL: Address = Address::repeat_byte(0x11);

pub(crate) fn domain() -> MarketDomain {
    MarketDomain { chain_id: 31337, market: Address::repeat_byte(0x3a) }
}

pub(crate) fn request(index: u32) -> Unverified {
    let client = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
    let request = example::request(client.address());
    let offer = Offer {
        min_price: Wei::from(10),
        max_price: Wei::from(110),
        lock_collateral: Collateral::from(8),
        ..request.offer
    };
    let request = ProofRequest { id: RequestId::new(client.address(), index), offer, ..request };
    let digest = domain().request_digest(&request);
    let signature = client.sign_hash_sync(&digest.0).unwrap();
    Unverified { request, signature: signature.as_bytes().into() }
}

pub(crate) fn at(block: u64, log_index: u64) -> LogPosition {
    LogPosition {
        block: BlockRef { number: BlockNumber(block), hash: B256::repeat_byte(block as u8) },
        timestamp: Timestamp(1000 + block),
        tx_hash: B256::ZERO,
        log_index,
    }
}

pub(crate) fn locked(prover: Address, index: u32, block: u64) -> FeedItem {
    let event = MarketEvent::RequestLocked { prover, request: Box::new(request(index)) };
    FeedItem::Event(at(block, 0), event)
}

pub(crate) async fn open(dir: &TempDir) -> Logbook {
    Logbook::open(&dir.path().join("logbook.sqlite"), ME).await.unwrap()
}

pub(crate) async fn feed(logbook: &Logbook, items: Vec<FeedItem>) -> Vec<Event> {
    let entries = logbook.record_feed(&domain(), items, &Trail::default()).await.unwrap();
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn only_order(logbook: &Logbook) -> Order {
    let mut orders = logbook.open_orders(&domain()).await.unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0).order
}

pub(crate) fn run() -> Preflight {
    Preflight {
        cycles: Cycles(5),
        image_id: ImageId(B256::repeat_byte(1)),
        journal: Journal(Bytes::from_static(b"journal")),
    }
}

fn worth() -> Appraisal {
    let bid = Bid { target_price: Wei::from(20), lock_at: Timestamp(1010) };
    Appraisal { lock: Ok(bid), race: Ok(Collateral::from(4)) }
}

fn material() -> Material {
    Material { program: B256::repeat_byte(2), stdin: B256::repeat_byte(3) }
}

#[tokio::test]
async fn an_order_grows_and_survives_every_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let submitted = MarketEvent::RequestSubmitted(Box::new(request(1)));
    let logbook = open(&dir).await;
    let seen = feed(&logbook, vec![FeedItem::Event(at(1, 0), submitted.clone())]).await;
    assert!(matches!(seen[..], [Event::Seen { .. }]));
    assert_eq!(feed(&logbook, vec![FeedItem::Event(at(2, 0), submitted)]).await, []);

    let logbook = open(&dir).await;
    let order = only_order(&logbook).await;
    assert_eq!((&order.standing, &order.facts), (&Standing::Seen, &Facts::default()));
    let digest = order.digest;
    logbook.appraised(digest, material(), &run(), &worth()).await.unwrap();

    let logbook = open(&dir).await;
    assert_eq!(only_order(&logbook).await.standing, Standing::Run(run()));
    assert_eq!(logbook.material(digest).await.unwrap(), Some(material()));
    let claim = ClaimDigest(B256::repeat_byte(5));
    let proven = Proven { proof: B256::repeat_byte(4), claim, at: Timestamp(1020) };
    logbook.proven(digest, &run(), proven, 1234).await.unwrap();

    let logbook = open(&dir).await;
    assert_eq!(only_order(&logbook).await.standing, Standing::Proven(run(), proven));
    logbook.sealed(digest, &Bytes::from_static(b"seal"), 2).await.unwrap();
    let standing = only_order(&open(&dir).await).await;
    assert!(
        matches!(standing.standing, Standing::Sealed(_, sealed) if sealed.seal.as_ref() == b"seal")
    );

    let paid = Outcome::Paid { price: Wei::from(20) };
    logbook.close(digest, paid, 9).await.unwrap();
    assert!(logbook.open_orders(&domain()).await.unwrap().is_empty());
    let reader = Reader::open(&dir.path().join("logbook.sqlite")).await.unwrap();
    let id = request(1).request.id;
    let found = reader.records(Sought::Id(id)).await.unwrap();
    assert_eq!(found[0].outcome, Some(paid));
    let timeline = reader.timeline(found[0].digest).await.unwrap();
    let last = &timeline.last().unwrap().event;
    assert_eq!(*last, Event::Closed { outcome: paid, gas_wei: Wei::ZERO });
}

#[tokio::test]
async fn it_says_when_it_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    logbook.touch().await.unwrap();
    sqlx::query("PRAGMA query_only = ON").execute(&logbook.pool).await.unwrap();
    let error = logbook.touch().await.unwrap_err();
    assert_eq!(error.to_string(), "the logbook failed to write");
    sqlx::query("PRAGMA query_only = OFF").execute(&logbook.pool).await.unwrap();
    logbook.touch().await.unwrap();
}

#[tokio::test]
async fn a_reorganisation_takes_facts_back_and_opens_orders_again() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    let events = feed(&logbook, vec![locked(RIVAL, 1, 5)]).await;
    assert!(matches!(events[..], [Event::Seen { .. }, Event::LockedByOther { .. }]));
    let order = only_order(&logbook).await;
    assert_eq!(order.facts.lock.unwrap().prover, RIVAL);
    logbook.close(order.digest, Outcome::TakenByOther, 5).await.unwrap();
    let events =
        feed(&logbook, vec![FeedItem::Rewound { to: BlockNumber(4) }, locked(ME, 1, 5)]).await;
    assert!(
        matches!(events[..], [Event::Rewound { to_block: 4 }, Event::Locked { price, .. }] if price == Wei::from(15)),
        "{events:?}"
    );
    assert_eq!(only_order(&logbook).await.facts.lock.unwrap().prover, ME);
}

#[tokio::test]
async fn a_lock_that_lands_after_it_was_given_up_opens_the_order_again() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    let submitted = MarketEvent::RequestSubmitted(Box::new(request(1)));
    feed(&logbook, vec![FeedItem::Event(at(1, 0), submitted)]).await;
    let digest = only_order(&logbook).await.digest;
    logbook.skip(digest, &Skip::LockFailed { what: "given up".into() }).await.unwrap();
    logbook.close(digest, Outcome::Refused, 1).await.unwrap();
    feed(&logbook, vec![locked(ME, 1, 2)]).await;
    let order = only_order(&logbook).await;
    assert_eq!(order.facts.lock.unwrap().prover, ME);
    let unlooked_for =
        Proven { proof: B256::ZERO, claim: ClaimDigest(B256::ZERO), at: Timestamp(1030) };
    logbook.proven(digest, &run(), unlooked_for, 1).await.unwrap();
    assert!(matches!(only_order(&logbook).await.standing, Standing::Proven(..)));
}

#[tokio::test]
async fn a_lock_of_one_request_is_a_fact_of_its_ids_other_requests() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    let mut other = request(1);
    other.request.offer.max_price = Wei(U256::from(500));
    let client = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
    let digest = domain().request_digest(&other.request);
    other.signature = client.sign_hash_sync(&digest.0).unwrap().as_bytes().into();
    let submitted = MarketEvent::RequestSubmitted(Box::new(other));
    feed(&logbook, vec![FeedItem::Event(at(1, 0), submitted), locked(RIVAL, 1, 2)]).await;
    let orders = logbook.open_orders(&domain()).await.unwrap();
    assert_eq!(orders.len(), 2);
    assert!(orders.iter().all(|open| open.order.facts.lock.is_some_and(|l| l.prover == RIVAL)));
}

#[tokio::test]
async fn strangers_nonsense_is_noted_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    let mut forged = request(1);
    forged.request.offer.max_price = Wei::from(1_000_000);
    let events = feed(
        &logbook,
        vec![FeedItem::Event(at(1, 0), MarketEvent::RequestSubmitted(Box::new(forged)))],
    )
    .await;
    assert!(matches!(&events[..], [Event::Ignored { reason }] if reason.contains("signed by")));
    assert!(logbook.open_orders(&domain()).await.unwrap().is_empty());
}

#[tokio::test]
async fn intents_add_up_and_name_their_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    feed(&logbook, vec![locked(ME, 1, 5)]).await;
    let digest = only_order(&logbook).await.digest;
    for gas in [100u128, 23] {
        let event = Event::Locking { price: Wei::ZERO };
        let (ids, _) = logbook.intend(&[digest], IntentKind::Lock, &event).await.unwrap();
        let signed = logbook.signed(&ids, B256::repeat_byte(6)).await.unwrap().remove(0);
        assert_eq!(signed.digest, Some(digest));
        logbook.settle_intents(&ids, IntentOutcome::Mined(Wei::from(gas))).await.unwrap();
    }
    let closed = logbook.close(digest, Outcome::Forfeited, 9).await.unwrap();
    let expected = Event::Closed { outcome: Outcome::Forfeited, gas_wei: Wei::from(123) };
    assert_eq!(closed.event, expected);
}

#[tokio::test]
async fn a_logbook_of_another_prover_or_market_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir).await);
    let stranger = Logbook::open(&dir.path().join("logbook.sqlite"), RIVAL).await;
    assert!(matches!(stranger, Err(LogbookError::OtherProver { owner: ME, me: RIVAL })));
    let logbook = open(&dir).await;
    let reader = Reader::open(&dir.path().join("logbook.sqlite")).await.unwrap();
    assert_eq!(reader.market().await.unwrap(), None);
    logbook.claim_market(&domain()).await.unwrap();
    logbook.claim_market(&domain()).await.unwrap();
    assert_eq!(reader.market().await.unwrap(), Some(domain()));
    let elsewhere = MarketDomain { chain_id: 1, ..domain() };
    let refused = logbook.claim_market(&elsewhere).await.unwrap_err().to_string();
    assert!(
        refused.contains("on chain 1; use that network or another data directory"),
        "{refused}"
    );
}

async fn open_set(logbook: &Logbook) -> (Vec<(Vec<u8>,)>, Vec<(Vec<u8>,)>) {
    let kept = sqlx::query_as("SELECT digest FROM open_order ORDER BY digest");
    let derived = sqlx::query_as(
        "SELECT digest FROM request WHERE digest NOT IN (SELECT digest FROM closed) ORDER BY digest",
    );
    (kept.fetch_all(&logbook.pool).await.unwrap(), derived.fetch_all(&logbook.pool).await.unwrap())
}

#[tokio::test]
async fn the_set_of_open_orders_is_what_was_seen_and_not_closed() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    let submitted = |index| {
        FeedItem::Event(
            at(u64::from(index), 0),
            MarketEvent::RequestSubmitted(Box::new(request(index))),
        )
    };
    let check = async |open: usize| {
        let (kept, derived) = open_set(&logbook).await;
        assert_eq!(kept, derived);
        assert_eq!(kept.len(), open);
    };
    feed(&logbook, (1..=4).map(submitted).collect()).await;
    check(4).await;
    feed(&logbook, vec![submitted(2)]).await;
    check(4).await;
    let orders = logbook.open_orders(&domain()).await.unwrap();
    for (open, block) in orders.iter().zip(10..) {
        logbook.close(open.order.digest, Outcome::TakenByOther, block).await.unwrap();
        // Closing again is closing once.
        logbook.close(open.order.digest, Outcome::Expired, block).await.unwrap();
    }
    check(0).await;
    feed(&logbook, vec![FeedItem::Rewound { to: BlockNumber(11) }]).await;
    check(2).await;
    // One that is closed and one that is open.
    let ours = [0, 3].map(|i| locked(ME, orders[i].order.request.id.index(), 12 + i as u64));
    feed(&logbook, ours.into()).await;
    check(3).await;
}

#[tokio::test]
async fn what_runs_at_every_tick_looks_only_at_open_orders() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    for query in [rows::OPEN_ORDERS, rows::OPEN_FACTS] {
        let sql = format!("EXPLAIN QUERY PLAN {query}");
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&logbook.pool).await.unwrap();
        let scans: Vec<_> =
            plan.iter().map(|(.., line)| line).filter(|line| line.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN open_order"], "{plan:#?}");
    }
}

#[tokio::test]
async fn a_reader_neither_writes_nor_waits_for_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logbook.sqlite");
    assert!(matches!(Reader::open(&path).await, Err(LogbookError::Absent { .. })));
    let logbook = open(&dir).await;
    feed(&logbook, vec![locked(ME, 1, 5)]).await;
    let reader = Reader::open(&path).await.unwrap();
    assert_eq!(reader.prover(), ME);

    let mut writing = logbook.pool.begin().await.unwrap();
    sqlx::query("DELETE FROM history").execute(&mut *writing).await.unwrap();
    assert_eq!(reader.open_orders(&domain()).await.unwrap().len(), 1);
    assert_eq!(reader.entries_after(0, 10).await.unwrap().len(), 2, "nothing is committed yet");
    writing.commit().await.unwrap();
    assert_eq!(reader.entries_after(0, 10).await.unwrap().len(), 0);
    let refused = sqlx::query("DELETE FROM fact").execute(&reader.pool).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");

    // A node that is down leaves a file that can be read all the same.
    logbook.pool.close().await;
    drop(reader);
    let reader = Reader::open(&path).await.unwrap();
    assert_eq!(reader.records(Sought::Id(request(1).request.id)).await.unwrap().len(), 1);
    assert!(reader.records(Sought::Id(request(2).request.id)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reader_refuses_a_file_of_another_version() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version > 1")
        .execute(&logbook.pool)
        .await
        .unwrap();
    let refused = Reader::open(&dir.path().join("logbook.sqlite")).await.unwrap_err();
    assert!(matches!(refused, LogbookError::Version { found: 1, .. }), "{refused}");
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    assert_eq!(logbook.take_changes(), None, "at first everything is new");
    feed(&logbook, vec![locked(RIVAL, 1, 1), locked(RIVAL, 2, 2)]).await;
    let open = logbook.open_orders(&domain()).await.unwrap();
    let digests: HashSet<_> = open.iter().map(|open| open.order.digest).collect();
    assert_eq!(logbook.take_changes(), Some(digests.clone()));
    assert_eq!(logbook.take_changes(), Some(HashSet::new()));
    let first = open[0].order.digest;
    logbook.skip(first, &Skip::AlreadyFulfilled).await.unwrap();
    let changed = logbook.take_changes().unwrap();
    assert_eq!(changed, HashSet::from([first]));
    let again = logbook.open_among(&domain(), &changed).await.unwrap();
    assert_eq!(again[0].order.facts, open[0].order.facts);
    assert!(matches!(again[0].order.standing, Standing::Skipped(_)));
    logbook.close(first, Outcome::Refused, 3).await.unwrap();
    let changed = logbook.take_changes().unwrap();
    assert_eq!(logbook.open_among(&domain(), &changed).await.unwrap().len(), 0);
    feed(&logbook, vec![FeedItem::Rewound { to: BlockNumber(0) }]).await;
    assert_eq!(logbook.take_changes(), None, "a reorganisation may change any order");
}

#[tokio::test]
async fn the_prover_s_record_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    feed(&logbook, vec![locked(ME, 1, 1)]).await;
    let digest = only_order(&logbook).await.digest;
    assert_eq!(logbook.known_run(material()).await.unwrap(), None);
    logbook.keep_run(material(), &run()).await.unwrap();
    logbook.appraised(digest, material(), &run(), &worth()).await.unwrap();
    for failures in 1..=2 {
        let attempt = logbook.begin_attempt(digest).await.unwrap();
        let ended = logbook.end_attempt(attempt, AttemptOutcome::Failed, Timestamp(1_020)).await;
        assert_eq!(ended.unwrap(), failures);
    }
    // Neither an attempt cut short by a crash nor one that was called off says anything.
    logbook.begin_attempt(digest).await.unwrap();
    let called_off = logbook.begin_attempt(digest).await.unwrap();
    logbook.end_attempt(called_off, AttemptOutcome::Cancelled, Timestamp(1_025)).await.unwrap();
    assert_eq!(logbook.ended_attempts(), 3);

    let logbook = open(&dir).await;
    assert_eq!(logbook.known_run(material()).await.unwrap(), Some(run()));
    let record = logbook.prover_record().await.unwrap();
    assert_eq!(record.health.failures_in_a_row, 2);
    assert_eq!((record.health.last_failure, record.samples), (Some(Timestamp(1_020)), vec![]));
    let proven = Proven { proof: B256::ZERO, claim: ClaimDigest(B256::ZERO), at: Timestamp(1030) };
    let attempt = logbook.begin_attempt(digest).await.unwrap();
    logbook.proven(digest, &run(), proven, 1_500).await.unwrap();
    logbook.end_attempt(attempt, AttemptOutcome::Proven, Timestamp(1_030)).await.unwrap();
    let record = logbook.prover_record().await.unwrap();
    assert_eq!(record.health.failures_in_a_row, 0);
    let took = std::time::Duration::from_millis(1_500);
    let sample = rialto_planner::Sample { cycles: Cycles(5), took };
    assert_eq!(record.samples, [(run().image_id, sample)]);
    // What was measured later counts as newer.
    let other = rialto_planner::Sample { cycles: Cycles(9), ..sample };
    let path = dir.path().join(LOGBOOK);
    Logbook::keep_samples(&path, &[(run().image_id, other)]).await.unwrap();
    let record = logbook.prover_record().await.unwrap();
    assert_eq!(record.samples, [(run().image_id, sample), (run().image_id, other)]);
}

#[tokio::test]
async fn a_record_can_be_taught_before_it_is_anybody_s_but_not_beside_its_node() {
    let dir = tempfile::tempdir().unwrap();
    let took = std::time::Duration::from_millis(1_500);
    let samples = [(run().image_id, rialto_planner::Sample { cycles: Cycles(5), took })];
    crate::teach(dir.path(), &samples).await.unwrap();
    let logbook = open(&dir).await;
    assert_eq!(logbook.prover_record().await.unwrap().samples, samples);
    let _node = crate::lease::Lease::take(dir.path()).unwrap();
    let refused = crate::teach(dir.path(), &samples).await.unwrap_err();
    assert!(refused.to_string().contains("another node, process"), "{refused}");
    assert_eq!(logbook.prover_record().await.unwrap().samples, samples);
}

#[tokio::test]
async fn one_transaction_s_gas_is_shared_out_whole() {
    let dir = tempfile::tempdir().unwrap();
    let logbook = open(&dir).await;
    feed(&logbook, vec![locked(ME, 1, 1), locked(ME, 2, 2), locked(ME, 3, 3)]).await;
    let open = logbook.open_orders(&domain()).await.unwrap();
    let digests: Vec<_> = open.iter().map(|open| open.order.digest).collect();
    let (ids, entries) =
        logbook.intend(&digests, IntentKind::Deliver, &Event::Committing).await.unwrap();
    assert_eq!((ids.len(), entries.len()), (3, 3));
    assert_eq!(logbook.signed(&ids, B256::repeat_byte(6)).await.unwrap().len(), 3);
    logbook.settle_intents(&ids, IntentOutcome::Mined(Wei::from(100))).await.unwrap();
    let mut gas = Vec::new();
    for digest in digests {
        match logbook.close(digest, Outcome::Expired, 4).await.unwrap().event {
            Event::Closed { gas_wei, .. } => gas.push(gas_wei),
            other => panic!("{other:?}"),
        }
    }
    gas.sort();
    assert_eq!(gas, [33, 33, 34].map(Wei::from));
}
