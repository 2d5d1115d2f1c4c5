//! Rows of the logbook and the values they stand for.

use super::{During, LogbookError, Material, Numbered, OpenOrder, Result, entry, now_ms};
use crate::event::{Entry, Event};
use alloy::primitives::{Address, B256, Bytes, U256};
use rialto_chain::LogPosition;
use rialto_planner::{
    Delivery, Facts, LockFact, Order, Preflight, Proven, Sealed, Skip, SlashFact, Standing,
};
use rialto_protocol::{
    ClaimDigest, Collateral, Cycles, ImageId, Journal, MarketDomain, RequestDigest, RequestId,
    Timestamp, Unverified, Wei,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{FromRow, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::collections::{HashMap, HashSet};

pub(super) struct FactRow {
    pub(super) kind: &'static str,
    pub(super) id: RequestId,
    pub(super) digest: Option<RequestDigest>,
    pub(super) account: Address,
    pub(super) transferred: Option<Collateral>,
}

/// Records a request that was seen on the chain, unless it is known or not to be trusted.
pub(super) async fn see(
    tx: &mut Transaction<'_, Sqlite>,
    domain: &MarketDomain,
    unverified: Unverified,
    entries: &mut Vec<Entry>,
) -> Result<Option<(RequestDigest, RequestId)>> {
    let digest = domain.request_digest(&unverified.request);
    let signed = match unverified.verify(domain) {
        Ok(signed) => signed,
        Err(rejected) => {
            let reason = with_sources(&rejected);
            entries.push(entry(Some(digest), Event::Ignored { reason }));
            return Ok(None);
        }
    };
    let (request, signature) = (signed.request(), signed.signature());
    let inserted = sqlx::query(
        "INSERT INTO request (digest, request_id, request, signature, seen_at_ms)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(digest.0.as_slice())
    .bind(request.id.to_u256().to_be_bytes_vec())
    .bind(json(request)?)
    .bind(signature.as_ref())
    .bind(now_ms().cast_signed())
    .execute(&mut **tx)
    .await
    .during("record a request")?;
    if inserted.rows_affected() > 0 {
        let seen = Event::Seen {
            id: request.id,
            max_price: request.offer.max_price,
            lock_deadline: request.offer.lock_deadline(),
        };
        entries.push(entry(Some(digest), seen));
    }
    Ok(Some((digest, request.id)))
}

/// An error with everything below it, for people.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(error.source(), |error| error.source());
    below.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

pub(super) async fn insert_fact(
    tx: &mut Transaction<'_, Sqlite>,
    at: &LogPosition,
    fact: &FactRow,
) -> Result<()> {
    sqlx::query(
        "INSERT OR REPLACE INTO fact (block, log_index, request_id, kind, digest, account, transferred, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(at.block.number.0.cast_signed())
    .bind(at.log_index.cast_signed())
    .bind(fact.id.to_u256().to_be_bytes_vec())
    .bind(fact.kind)
    .bind(fact.digest.map(|digest| digest.0.to_vec()))
    .bind(fact.account.as_slice())
    .bind(fact.transferred.map(|amount| amount.0.to_be_bytes_vec()))
    .bind(at.timestamp.0.cast_signed())
    .execute(&mut **tx)
    .await
    .during("record a fact")?;
    Ok(())
}

pub(super) async fn reopen(tx: &mut Transaction<'_, Sqlite>, digest: RequestDigest) -> Result<()> {
    sqlx::query("DELETE FROM closed WHERE digest = ?")
        .bind(digest.0.as_slice())
        .execute(&mut **tx)
        .await
        .during("open an order again")?;
    Ok(())
}

pub(super) async fn insert_history(tx: &mut Transaction<'_, Sqlite>, entry: &Entry) -> Result<()> {
    sqlx::query("INSERT INTO history (at_ms, digest, event) VALUES (?, ?, ?)")
        .bind(entry.at_ms.cast_signed())
        .bind(entry.digest.map(|digest| digest.0.to_vec()))
        .bind(json(&entry.event)?)
        .execute(&mut **tx)
        .await
        .during("record what happened")?;
    Ok(())
}

pub(super) async fn insert_material(
    tx: &mut Transaction<'_, Sqlite>,
    digest: RequestDigest,
    material: Material,
) -> Result<()> {
    sqlx::query("INSERT OR REPLACE INTO material (digest, program, stdin) VALUES (?, ?, ?)")
        .bind(digest.0.as_slice())
        .bind(material.program.as_slice())
        .bind(material.stdin.as_slice())
        .execute(&mut **tx)
        .await
        .during("record program and input")?;
    Ok(())
}

/// A request that was locked without a bid of ours gets the run that its proof showed.
pub(super) async fn ensure_run(
    tx: &mut Transaction<'_, Sqlite>,
    digest: RequestDigest,
    run: &Preflight,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO verdict (digest, kind, cycles, image_id, journal)
         VALUES (?, 'bid', ?, ?, ?)
         ON CONFLICT (digest) DO UPDATE SET kind = 'bid', skip = NULL, cycles = excluded.cycles,
             image_id = excluded.image_id, journal = excluded.journal
         WHERE kind = 'skip'",
    )
    .bind(digest.0.as_slice())
    .bind(run.cycles.0.cast_signed())
    .bind(run.image_id.0.as_slice())
    .bind(run.journal.0.as_ref())
    .execute(&mut **tx)
    .await
    .during("record a run")?;
    Ok(())
}

/// The requests that have one of these ids.
pub(super) async fn digests_of(
    tx: &mut Transaction<'_, Sqlite>,
    ids: &HashSet<RequestId>,
) -> Result<Vec<RequestDigest>> {
    let mut digests = Vec::new();
    for id in ids {
        let rows: Vec<(Vec<u8>,)> =
            sqlx::query_as("SELECT digest FROM request WHERE request_id = ?")
                .bind(id.to_u256().to_be_bytes_vec())
                .fetch_all(&mut **tx)
                .await
                .during("find the requests of an id")?;
        for (digest,) in rows {
            digests.push(RequestDigest(word(&digest, "request digest")?));
        }
    }
    Ok(digests)
}

pub(super) async fn gas_of(on: &mut SqliteConnection, digest: RequestDigest) -> Result<Wei> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT gas_wei FROM intent WHERE digest = ? AND gas_wei IS NOT NULL")
            .bind(digest.0.as_slice())
            .fetch_all(on)
            .await
            .during("add up gas")?;
    rows.iter().try_fold(Wei::ZERO, |sum, (gas,)| {
        sum.checked_add(Wei(number(gas, "gas cost")?))
            .ok_or(LogbookError::Malformed { what: "gas cost" })
    })
}

pub(super) type HistoryTuple = (i64, i64, Option<Vec<u8>>, String);

/// What happened with one request, oldest first.
pub(super) async fn history_of(pool: &SqlitePool, digest: RequestDigest) -> Result<Vec<Numbered>> {
    let rows: Vec<HistoryTuple> = sqlx::query_as(
        "SELECT seq, at_ms, digest, event FROM history WHERE digest = ? ORDER BY seq",
    )
    .bind(digest.0.as_slice())
    .fetch_all(pool)
    .await
    .during("read a request's history")?;
    rows.into_iter().map(numbered).collect()
}

pub(super) fn numbered((seq, at_ms, digest, event): HistoryTuple) -> Result<Numbered> {
    let digest = digest.map(|bytes| word(&bytes, "request digest")).transpose()?;
    let entry = Entry {
        at_ms: at_ms.cast_unsigned(),
        digest: digest.map(RequestDigest),
        event: parse(&event, "event")?,
    };
    Ok(Numbered { seq, entry })
}

/// Runs at every tick. A cross join is read from the left: from the open orders, which are few.
pub(super) const OPEN_ORDERS: &str = "
    SELECT request.digest, request, signature, kind, skip, cycles, image_id, journal,
           seen_at_ms, artifact, claim, proof.at, seal
    FROM open_order
    CROSS JOIN request ON request.digest = open_order.digest
    LEFT JOIN verdict ON verdict.digest = request.digest
    LEFT JOIN proof ON proof.digest = request.digest
    LEFT JOIN seal ON seal.digest = request.digest
    ORDER BY request.seen_at_ms, request.digest";

/// Runs at every tick, like [`OPEN_ORDERS`].
pub(super) const OPEN_FACTS: &str = "
    SELECT fact.kind, fact.digest, account, transferred, at, request.digest
    FROM open_order
    CROSS JOIN request ON request.digest = open_order.digest
    CROSS JOIN fact ON fact.request_id = request.request_id
    ORDER BY block, log_index";

/// [`OPEN_ORDERS`] for one.
const OPEN_ORDER: &str = "
    SELECT request.digest, request, signature, kind, skip, cycles, image_id, journal,
           seen_at_ms, artifact, claim, proof.at, seal
    FROM open_order
    CROSS JOIN request ON request.digest = open_order.digest
    LEFT JOIN verdict ON verdict.digest = request.digest
    LEFT JOIN proof ON proof.digest = request.digest
    LEFT JOIN seal ON seal.digest = request.digest
    WHERE open_order.digest = ?";

/// [`OPEN_FACTS`] for one.
const OPEN_ORDER_FACTS: &str = "
    SELECT fact.kind, fact.digest, account, transferred, at, request.digest
    FROM open_order
    CROSS JOIN request ON request.digest = open_order.digest
    CROSS JOIN fact ON fact.request_id = request.request_id
    WHERE open_order.digest = ?
    ORDER BY block, log_index";

#[derive(FromRow)]
struct OrderRow {
    digest: Vec<u8>,
    request: String,
    signature: Vec<u8>,
    kind: Option<String>,
    skip: Option<String>,
    cycles: Option<i64>,
    image_id: Option<Vec<u8>>,
    journal: Option<Vec<u8>>,
    seen_at_ms: i64,
    artifact: Option<Vec<u8>>,
    claim: Option<Vec<u8>>,
    at: Option<i64>,
    seal: Option<Vec<u8>>,
}

/// Every order that is not over, or those among `digests`.
pub(super) async fn open_orders(
    pool: &SqlitePool,
    domain: &MarketDomain,
    digests: Option<&HashSet<RequestDigest>>,
) -> Result<Vec<OpenOrder>> {
    let (rows, facts) = match digests {
        None => (
            sqlx::query_as(OPEN_ORDERS).fetch_all(pool).await.during("read the open orders")?,
            sqlx::query_as(OPEN_FACTS)
                .fetch_all(pool)
                .await
                .during("read the open orders' facts")?,
        ),
        Some(digests) => open_among(pool, digests).await?,
    };
    let mut facts = facts_of_tuples(facts)?;
    rows.into_iter()
        .map(|row: OrderRow| {
            let unverified = Unverified {
                request: parse(&row.request, "request")?,
                signature: row.signature.clone().into(),
            };
            let signed = unverified
                .verify(domain)
                .map_err(|_| LogbookError::Malformed { what: "request" })?;
            let digest = RequestDigest(word(&row.digest, "request digest")?);
            let request = signed.request().clone();
            let seen_at_ms = row.seen_at_ms.cast_unsigned();
            let facts = facts.remove(&digest).unwrap_or_default();
            let standing = row.standing()?;
            Ok(OpenOrder { order: Order { digest, request, seen_at_ms, facts, standing }, signed })
        })
        .collect()
}

/// Order by order: a round changes few of them.
async fn open_among(
    pool: &SqlitePool,
    digests: &HashSet<RequestDigest>,
) -> Result<(Vec<OrderRow>, Vec<FactTuple>)> {
    let (mut rows, mut facts) = (Vec::new(), Vec::new());
    for digest in digests {
        let row = sqlx::query_as(OPEN_ORDER).bind(digest.0.as_slice()).fetch_optional(pool).await;
        rows.extend(row.during("read an open order")?);
        let of: Vec<FactTuple> = sqlx::query_as(OPEN_ORDER_FACTS)
            .bind(digest.0.as_slice())
            .fetch_all(pool)
            .await
            .during("read an open order's facts")?;
        facts.extend(of);
    }
    Ok((rows, facts))
}

pub(super) type FactTuple = (String, Option<Vec<u8>>, Vec<u8>, Option<Vec<u8>>, i64, Vec<u8>);

/// Facts by request. Facts of the id's other requests count too: an id is locked once, whichever of
/// its requests it was.
pub(super) fn facts_of_tuples(rows: Vec<FactTuple>) -> Result<HashMap<RequestDigest, Facts>> {
    let mut facts: HashMap<_, Facts> = HashMap::new();
    for (kind, digest, account, transferred, at, of) in rows {
        let of = RequestDigest(word(&of, "request digest")?);
        let account = Address::try_from(account.as_slice())
            .map_err(|_| LogbookError::Malformed { what: "account" })?;
        let at = Timestamp(at.cast_unsigned());
        let known = facts.entry(of).or_default();
        match (kind.as_str(), digest, transferred) {
            ("locked", Some(digest), _) => {
                let digest = RequestDigest(word(&digest, "request digest")?);
                known.lock = Some(LockFact { prover: account, digest, at });
            }
            ("delivered", _, _) => known.deliveries.push(Delivery { prover: account, at }),
            ("slashed", _, Some(amount)) => {
                let transferred = Collateral(number(&amount, "collateral")?);
                known.slash = Some(SlashFact { recipient: account, transferred });
            }
            _ => return Err(LogbookError::Malformed { what: "fact" }),
        }
    }
    Ok(facts)
}

impl OrderRow {
    fn standing(self) -> Result<Standing> {
        let malformed = |what| move || LogbookError::Malformed { what };
        let Some(kind) = self.kind else { return Ok(Standing::Seen) };
        if kind == "skip" {
            let skip: Skip = parse(&self.skip.ok_or_else(malformed("refusal"))?, "refusal")?;
            return Ok(Standing::Skipped(skip));
        }
        let bytes = |value: Option<Vec<u8>>, what| value.ok_or_else(malformed(what));
        let run = Preflight {
            cycles: Cycles(self.cycles.ok_or_else(malformed("cycles"))?.cast_unsigned()),
            image_id: ImageId(word(&bytes(self.image_id, "image id")?, "image id")?),
            journal: Journal(Bytes::from(bytes(self.journal, "journal")?)),
        };
        let (Some(artifact), Some(claim), Some(at)) = (self.artifact, self.claim, self.at) else {
            return Ok(Standing::Run(run));
        };
        let proven = Proven {
            proof: word(&artifact, "artifact id")?,
            claim: ClaimDigest(word(&claim, "claim digest")?),
            at: Timestamp(at.cast_unsigned()),
        };
        Ok(match self.seal {
            None => Standing::Proven(run, proven),
            Some(seal) => Standing::Sealed(run, Sealed { proven, seal: seal.into() }),
        })
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| LogbookError::Malformed { what: "value" })
}

pub(super) fn parse<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| LogbookError::Malformed { what })
}

pub(super) fn word(bytes: &[u8], what: &'static str) -> Result<B256> {
    B256::try_from(bytes).map_err(|_| LogbookError::Malformed { what })
}

pub(super) fn number(bytes: &[u8], what: &'static str) -> Result<U256> {
    U256::try_from_be_slice(bytes).ok_or(LogbookError::Malformed { what })
}
