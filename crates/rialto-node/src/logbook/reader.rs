//! Reads a logbook without ever holding up the node that writes it.
//!
//! A reader has connections of its own, which SQLite keeps from writing; it sees what was committed
//! and blocks nobody. Monitor and command line read through it, while the node runs or not.

use super::{During, LogbookError, MIGRATIONS, OpenOrder, Result, archive, rows};
use crate::event::Entry;
use crate::monitor::page::ClosedLine;
use alloy::primitives::Address;
use rialto_planner::Outcome;
use rialto_protocol::{MarketDomain, ProofRequest, RequestDigest, RequestId};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Readers at once: a page and a follower.
const CONNECTIONS_MAX: u32 = 2;

/// A logbook, to be read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) pool: SqlitePool,
    path: PathBuf,
    prover: Address,
}

/// By which name a request is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Its id, under which a client may have signed several requests.
    Id(RequestId),
    /// Its digest.
    Digest(RequestDigest),
}

/// A text that names no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a request's id nor its digest; both are hexadecimal numbers after 0x")]
pub struct InvalidName(String);

impl FromStr for Sought {
    type Err = InvalidName;

    /// A digest has 64 hexadecimal digits; an id with as many would have bits that no id has.
    fn from_str(text: &str) -> std::result::Result<Self, InvalidName> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        match text.parse() {
            Ok(digest) => Ok(Self::Digest(RequestDigest(digest))),
            Err(_) => Err(InvalidName(text.to_owned())),
        }
    }
}

/// One request as the logbook has it.
#[derive(Clone, Debug)]
pub struct Record {
    /// What everything about it is kept under.
    pub digest: RequestDigest,
    /// The request.
    pub request: ProofRequest,
    /// When it was first seen, in milliseconds since the UNIX epoch.
    pub seen_at_ms: u64,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

/// An entry with its place in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number; later entries have larger ones.
    pub seq: i64,
    /// The entry.
    pub entry: Entry,
}

/// A transaction that was intended, for one order.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct IntentRow {
    pub(crate) id: i64,
    pub(crate) kind: String,
    /// `mined` or `failed`, once it is known.
    pub(crate) outcome: Option<String>,
    pub(crate) gas_wei: Option<Vec<u8>>,
    /// Orders whose intents one transaction stands for share it.
    pub(crate) tx_hash: Option<Vec<u8>>,
    pub(crate) at_ms: i64,
    /// When its request was first seen.
    pub(crate) seen_at_ms: i64,
}

impl Reader {
    /// Opens the record at `path`, which must exist and be of this version.
    ///
    /// # Errors
    /// If it is absent, unreadable or of another version.
    pub async fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(LogbookError::Absent { path: path.to_owned() });
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options);
        let open_error = |source| LogbookError::Open { path: path.to_owned(), source };
        let pool = pool.await.map_err(open_error)?;
        let (found,): (i64,) = sqlx::query_as("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(open_error)?;
        let wanted = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        if found != wanted {
            return Err(LogbookError::Version { path: path.to_owned(), found, wanted });
        }
        let prover = super::owner::owner(&pool).await?;
        Ok(Self { pool, path: path.to_owned(), prover })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose record it is.
    pub fn prover(&self) -> Address {
        self.prover
    }

    /// Every order that is not over, oldest first.
    pub async fn open_orders(&self, domain: &MarketDomain) -> Result<Vec<OpenOrder>> {
        rows::open_orders(&self.pool, domain, None).await
    }

    /// The requests of that name, in the order in which they were seen.
    pub async fn records(&self, sought: Sought) -> Result<Vec<Record>> {
        let select = "SELECT request.digest, request, seen_at_ms, outcome FROM request
                      LEFT JOIN closed ON closed.digest = request.digest";
        let (filter, name) = match sought {
            Sought::Id(id) => ("request.request_id", id.to_u256().to_be_bytes_vec()),
            Sought::Digest(digest) => ("request.digest", digest.0.to_vec()),
        };
        // Both words are our own.
        let sql = format!("{select} WHERE {filter} = ? ORDER BY seen_at_ms, request.digest");
        let found: Vec<(Vec<u8>, String, i64, Option<String>)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(name)
                .fetch_all(&self.pool)
                .await
                .during("look for a request")?;
        found.into_iter().map(record).collect()
    }

    /// How many requests were ever seen.
    pub async fn request_count(&self) -> Result<u64> {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM request")
            .fetch_one(&self.pool)
            .await
            .during("count the requests")?;
        Ok(count.cast_unsigned())
    }

    /// What happened with one request, oldest first, from the archives too.
    pub async fn timeline(&self, digest: RequestDigest) -> Result<Vec<Entry>> {
        let mut entries = archive::timeline(&self.path, digest).await?;
        entries.extend(rows::history_of(&self.pool, digest).await?);
        // A run of the archival that was cut short leaves an entry in both files.
        entries.sort_by_key(|numbered| numbered.seq);
        entries.dedup_by_key(|numbered| numbered.seq);
        Ok(entries.into_iter().map(|numbered| numbered.entry).collect())
    }

    /// The next entries after `seq`, at most `limit`.
    pub async fn entries_after(&self, seq: i64, limit: u32) -> Result<Vec<Numbered>> {
        let rows: Vec<rows::HistoryTuple> = sqlx::query_as(
            "SELECT seq, at_ms, digest, event FROM history WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(seq)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .during("follow the history")?;
        rows.into_iter().map(rows::numbered).collect()
    }

    /// The numbers of the last entry and the last intended transaction, zero where there is none.
    pub(crate) async fn ends(&self) -> Result<(i64, i64)> {
        let ends = "SELECT (SELECT max(seq) FROM history), (SELECT max(id) FROM intent)";
        let (seq, intent): (Option<i64>, Option<i64>) =
            sqlx::query_as(ends).fetch_one(&self.pool).await.during("find the ends")?;
        Ok((seq.unwrap_or_default(), intent.unwrap_or_default()))
    }

    /// Intended transactions after `id`, in order.
    pub(crate) async fn intents_after(&self, id: i64) -> Result<Vec<IntentRow>> {
        sqlx::query_as(
            "SELECT id, kind, outcome, gas_wei, tx_hash, at_ms, seen_at_ms
             FROM intent JOIN request ON request.digest = intent.digest
             WHERE id > ? ORDER BY id",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .during("read intended transactions")
    }

    /// The last entries, newest first.
    pub async fn latest(&self, limit: u32) -> Result<Vec<Entry>> {
        let rows: Vec<rows::HistoryTuple> = sqlx::query_as(
            "SELECT seq, at_ms, digest, event FROM history ORDER BY seq DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .during("read the latest history")?;
        rows.into_iter().map(|row| Ok(rows::numbered(row)?.entry)).collect()
    }

    /// The orders that ended last, newest first.
    pub async fn latest_closed(&self, limit: u32) -> Result<Vec<ClosedLine>> {
        let rows: Vec<(Vec<u8>, Vec<u8>, String, i64)> = sqlx::query_as(
            "SELECT request_id, closed.digest, outcome, at_ms
             FROM closed CROSS JOIN request ON request.digest = closed.digest
             ORDER BY at_ms DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .during("read the latest ends")?;
        let line = |(id, digest, outcome, at_ms): (Vec<u8>, Vec<u8>, String, i64)| {
            Ok(ClosedLine {
                request: RequestId::try_from(rows::number(&id, "request id")?)
                    .map_err(|_| LogbookError::Malformed { what: "request id" })?,
                digest: RequestDigest(rows::word(&digest, "request digest")?),
                outcome: rows::parse(&outcome, "outcome")?,
                at_ms: at_ms.cast_unsigned(),
            })
        };
        rows.into_iter().map(line).collect()
    }
}

fn record(
    (digest, request, seen_at_ms, outcome): (Vec<u8>, String, i64, Option<String>),
) -> Result<Record> {
    Ok(Record {
        digest: RequestDigest(rows::word(&digest, "request digest")?),
        request: rows::parse(&request, "request")?,
        seen_at_ms: seen_at_ms.cast_unsigned(),
        outcome: outcome.map(|json| rows::parse(&json, "outcome")).transpose()?,
    })
}
