//! Queries of a logbook that has seen a million requests.
//!
//! One request is recorded as a node records it; the others are copies of its rows under other
//! names, with what a locked, delivered and paid order leaves behind.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other outcome")]

use alloy::primitives::{Address, B256, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::{BlockNumber, BlockRef, FeedItem, LogPosition, MarketEvent, feed::Trail};
use rialto_node::{Logbook, Reader, Sought};
use rialto_protocol::{MarketDomain, RequestDigest, RequestId, Timestamp, Unverified, example};
use sqlx::{Connection, Executor, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};

const REQUESTS: u64 = 1_000_000;
const OPEN: u64 = 100;
const ASKED: u64 = 2_000;
const ME: Address = Address::repeat_byte(0xee);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logbook.sqlite");
    let domain = MarketDomain { chain_id: 31_337, market: Address::repeat_byte(0x3a) };
    let logbook = Logbook::open(&path, ME).await.unwrap();
    let items = vec![locked(&domain)];
    logbook.record_feed(&domain, items, &Trail::default()).await.unwrap();
    let began = Instant::now();
    multiply(&path).await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "a logbook of {REQUESTS} requests, {OPEN} of them open: {} MiB, filled in {:.0?}",
        bytes >> 20,
        began.elapsed()
    );
    let reader = Reader::open(&path).await.unwrap();
    let id = |i: u64| RequestId::try_from(U256::from(i)).unwrap();
    let digest = |i: u64| RequestDigest(B256::from(U256::from(i)));
    measure("a request by id", async |i| reader.records(Sought::Id(id(i))).await.unwrap().len())
        .await;
    measure("a request by digest", async |i| {
        reader.records(Sought::Digest(digest(i))).await.unwrap().len()
    })
    .await;
    measure("what happened with it", async |i| reader.timeline(digest(i)).await.unwrap().len())
        .await;
    measure("what it earned and cost", async |i| {
        reader.postings_of(digest(i)).await.unwrap().len()
    })
    .await;
    measure("the next 100 events", async |i| {
        reader.entries_after(i.cast_signed(), 100).await.unwrap().len()
    })
    .await;
    let began = Instant::now();
    let open = logbook.open_orders(&domain).await.unwrap().len() as u64;
    println!("  {:<26} {:>9.2?} for {open}", "all open orders", began.elapsed());
}

async fn measure(what: &str, query: impl AsyncFn(u64) -> usize) {
    let mut times: Vec<Duration> = Vec::new();
    for i in 0..ASKED {
        // Far apart, so that what was read before is of little help.
        let i = 1 + i * 7_919 * 61 % (REQUESTS - OPEN);
        let began = Instant::now();
        assert!(query(i).await > 0, "{what}: nothing is found of request {i}");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("  {what:<26} p50 {p50:>9.2?}   p99 {p99:>9.2?}");
}

/// Copies the one request's rows.
async fn multiply(path: &Path) {
    let mut file = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let all = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {REQUESTS})"
    );
    let name = "unhex(printf('%064x', i))";
    let me = "(SELECT prover FROM owner)";
    let was = REQUESTS - OPEN;
    let statements = [
        format!(
            "{all} INSERT INTO request SELECT {name}, {name}, request, signature, 1000 * i
             FROM n, (SELECT request, signature FROM request LIMIT 1)"
        ),
        format!(
            "{all} INSERT INTO fact SELECT 10 + i, kind, {name},
             CASE kind WHEN 0 THEN 'locked' ELSE 'delivered' END, {name}, {me}, NULL, i
             FROM n, (SELECT 0 AS kind UNION SELECT 1) WHERE i <= {was}"
        ),
        format!(
            "{all} INSERT INTO intent (digest, kind, gas_wei, outcome, at_ms)
             SELECT {name}, 'lock', x'01', 'mined', 1000 * i FROM n WHERE i <= {was}"
        ),
        format!(
            "{all} INSERT INTO closed SELECT {name}, '{{\"kind\":\"expired\"}}', 10 + i, 1000 * i
             FROM n WHERE i <= {was}"
        ),
        format!(
            "{all} INSERT INTO history (at_ms, digest, event)
             SELECT 1000 * i, {name}, '{{\"event\":\"delivered\"}}' FROM n, (SELECT 0 UNION SELECT 1)"
        ),
    ];
    let mut tx = file.begin().await.unwrap();
    for statement in statements {
        tx.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn locked(domain: &MarketDomain) -> FeedItem {
    let client = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
    let request = example::request(client.address());
    let signature = client.sign_hash_sync(&domain.request_digest(&request).0).unwrap();
    let request = Unverified { request, signature: signature.as_bytes().into() };
    let event = MarketEvent::RequestLocked { prover: ME, request: Box::new(request) };
    let at = LogPosition {
        block: BlockRef { number: BlockNumber(1), hash: B256::repeat_byte(1) },
        timestamp: Timestamp(1001),
        tx_hash: B256::ZERO,
        log_index: 0,
    };
    FeedItem::Event(at, event)
}
