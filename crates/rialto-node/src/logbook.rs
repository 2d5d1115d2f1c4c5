//! The node's durable record, in one SQLite file.
//!
//! Invariants: one writer; what is about to be done outside is written before it is done; chain
//! facts and the feed's position change in one transaction, so that a crash between two polls
//! neither loses nor repeats an event; history is never read to decide anything.

pub(crate) mod archive;
mod books;
mod changes;
mod intents;
mod leftover;
mod owner;
mod proving;
mod reader;
mod rows;

pub(crate) use intents::{IntentId, IntentKind, IntentOutcome};
pub(crate) use leftover::Leftover;
pub(crate) use proving::AttemptOutcome;
pub(crate) use reader::IntentRow;
pub use reader::{InvalidName, Numbered, Reader, Record, Sought};
pub(crate) use rows::with_sources;

use changes::Changes;

use crate::crash;
use crate::event::{Entry, Event};
use alloy::primitives::{Address, B256, Bytes};
use rialto_chain::{FeedItem, LogPosition, MarketEvent, feed::Trail};
use rialto_planner::{Appraisal, Order, Outcome, Preflight, Proven, Skip};
use rialto_protocol::{MarketDomain, RequestDigest, SignedRequest};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

/// The record's file in a node's data directory.
pub const LOGBOOK: &str = "logbook.sqlite";

/// Forward only; a reader knows by them whether a file is of its version.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The record.
#[derive(Clone, Debug)]
pub struct Logbook {
    pool: SqlitePool,
    me: Address,
    changes: Arc<Changes>,
    attempts: Arc<AtomicU64>,
}

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogbookError {
    /// The file cannot be opened.
    #[error("cannot open the logbook {path}; check the directory and its permissions")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The file is of another version.
    #[error("the logbook {path} cannot be brought to this version")]
    Migrate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// There is no file.
    #[error("there is no logbook at {path}; name the node's data directory with --data-dir")]
    Absent {
        /// Which file was looked for.
        path: PathBuf,
    },
    /// A reader cannot bring a file to its version.
    #[error(
        "the logbook {path} is of version {found}, this program reads {wanted}; run the node and this command from one version of rialto"
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that is read.
        wanted: i64,
    },
    /// The directory of the logbook cannot be listed.
    #[error("cannot list {path}, where the archives are; check its permissions")]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is another prover's.
    #[error(
        "the logbook belongs to prover {owner}, the key is {me}'s; use that key or another data directory"
    )]
    OtherProver {
        /// Whose it is.
        owner: Address,
        /// Who opened it.
        me: Address,
    },
    /// The file is of another market.
    #[error(
        "the logbook is of market {} on chain {}, the network file names {} on chain {}; use that network or another data directory",
        kept.market, kept.chain_id, asked.market, asked.chain_id
    )]
    OtherMarket {
        /// Of which it is.
        kept: MarketDomain,
        /// For which it was opened.
        asked: MarketDomain,
    },
    /// A statement failed.
    #[error("the logbook failed to {operation}")]
    Statement {
        /// What was asked of it.
        operation: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A row does not say what this version wrote.
    #[error("the logbook holds a malformed {what}")]
    Malformed {
        /// Which value.
        what: &'static str,
    },
}

type Result<T, E = LogbookError> = std::result::Result<T, E>;

trait During<T> {
    fn during(self, operation: &'static str) -> Result<T>;
}

impl<T> During<T> for std::result::Result<T, sqlx::Error> {
    fn during(self, operation: &'static str) -> Result<T> {
        self.map_err(|source| LogbookError::Statement { operation, source })
    }
}

/// Program and input by content, as they were when a request was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Material {
    /// The program.
    pub program: B256,
    /// Its standard input.
    pub stdin: B256,
}

/// An order that is not over, with what is needed to act on it.
#[derive(Clone, Debug)]
pub struct OpenOrder {
    /// What judgement needs.
    pub order: Order,
    /// The request with its signature.
    pub signed: SignedRequest,
}

impl Logbook {
    /// Opens or creates the record of prover `me`.
    pub async fn open(path: &Path, me: Address) -> Result<Self> {
        let pool = connect(path).await?;
        let logbook = Self { pool, me, changes: Arc::default(), attempts: Arc::default() };
        logbook.claim_ownership().await?;
        Ok(logbook)
    }

    /// A reader of the same file.
    pub async fn reader(&self) -> Result<Reader> {
        Reader::open(self.pool.connect_options().get_filename()).await
    }

    /// Writes what is there already, to learn whether the file can be written.
    pub(crate) async fn touch(&self) -> Result<()> {
        let touched = sqlx::query("UPDATE owner SET prover = prover").execute(&self.pool).await;
        touched.during("write").map(drop)
    }

    /// The feed's position after the last recorded events.
    pub async fn trail(&self) -> Result<Trail> {
        let row: Option<(String,)> = sqlx::query_as("SELECT cursor FROM feed_cursor")
            .fetch_optional(&self.pool)
            .await
            .during("read the feed's position")?;
        row.map_or(Ok(Trail::default()), |(json,)| {
            serde_json::from_str(&json)
                .map_err(|_| LogbookError::Malformed { what: "feed position" })
        })
    }

    /// Records what the feed told together with its new position, and gives what happened.
    pub async fn record_feed(
        &self,
        domain: &MarketDomain,
        items: Vec<FeedItem>,
        trail: &Trail,
    ) -> Result<Vec<Entry>> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let mut entries = Vec::new();
        let mut ids = HashSet::new();
        let mut is_rewound = false;
        for item in items {
            match item {
                FeedItem::Rewound { to } => {
                    is_rewound = true;
                    forget_above(&mut tx, to.0).await?;
                    entries.push(entry(None, Event::Rewound { to_block: to.0 }));
                }
                FeedItem::Event(at, event) => {
                    ids.extend(event.request_id());
                    self.record_event(&mut tx, domain, (at, event), &mut entries).await?;
                }
            }
        }
        let json = serde_json::to_string(trail)
            .map_err(|_| LogbookError::Malformed { what: "feed position" })?;
        sqlx::query("INSERT INTO feed_cursor (one, cursor) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET cursor = excluded.cursor")
            .bind(json)
            .execute(&mut *tx)
            .await
            .during("record the feed's position")?;
        for entry in &entries {
            rows::insert_history(&mut tx, entry).await?;
        }
        let touched = rows::digests_of(&mut tx, &ids).await?;
        commit(tx, "record the feed's events").await?;
        if is_rewound {
            self.changes.all();
        } else {
            self.changes.of(touched);
        }
        Ok(entries)
    }

    async fn record_event(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        domain: &MarketDomain,
        (at, event): (LogPosition, MarketEvent),
        entries: &mut Vec<Entry>,
    ) -> Result<()> {
        match event {
            MarketEvent::RequestSubmitted(unverified) => {
                rows::see(tx, domain, *unverified, entries).await?;
            }
            MarketEvent::RequestLocked { prover, request } => {
                let offer = request.request.offer.clone();
                let Some((digest, id)) = rows::see(tx, domain, *request, entries).await? else {
                    return Ok(());
                };
                let fact = rows::FactRow {
                    kind: "locked",
                    id,
                    digest: Some(digest),
                    account: prover,
                    transferred: None,
                };
                rows::insert_fact(tx, &at, &fact).await?;
                if prover == self.me {
                    rows::reopen(tx, digest).await?;
                    let price = offer.price_at(at.timestamp);
                    let locked = Event::Locked {
                        price,
                        collateral: offer.lock_collateral,
                        deadline: offer.lock_deadline(),
                    };
                    entries.push(entry(Some(digest), locked));
                } else {
                    entries.push(entry(Some(digest), Event::LockedByOther { prover }));
                }
            }
            MarketEvent::ProofDelivered { id, prover, digest, .. } => {
                let fact = rows::FactRow {
                    kind: "delivered",
                    id,
                    digest: Some(digest),
                    account: prover,
                    transferred: None,
                };
                rows::insert_fact(tx, &at, &fact).await?;
                if prover == self.me {
                    entries.push(entry(Some(digest), Event::Delivered));
                }
            }
            MarketEvent::ProverSlashed { id, transferred, recipient, .. } => {
                let fact = rows::FactRow {
                    kind: "slashed",
                    id,
                    digest: None,
                    account: recipient,
                    transferred: Some(transferred),
                };
                rows::insert_fact(tx, &at, &fact).await?;
            }
            MarketEvent::Malformed { reason, .. } => {
                entries.push(entry(None, Event::Ignored { reason }));
            }
            _ => {}
        }
        Ok(())
    }

    /// Every order that is not over, oldest first.
    pub async fn open_orders(&self, domain: &MarketDomain) -> Result<Vec<OpenOrder>> {
        rows::open_orders(&self.pool, domain, None).await
    }

    /// Those of `digests` that are not over.
    pub(crate) async fn open_among(
        &self,
        domain: &MarketDomain,
        digests: &HashSet<RequestDigest>,
    ) -> Result<Vec<OpenOrder>> {
        rows::open_orders(&self.pool, domain, Some(digests)).await
    }

    /// The orders that have changed since this was last asked; all of them may have when it says
    /// nothing, as it does the first time.
    pub(crate) fn take_changes(&self) -> Option<HashSet<RequestDigest>> {
        self.changes.take()
    }

    /// Records a refusal, for good.
    pub async fn skip(&self, digest: RequestDigest, skip: &Skip) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let json = rows::json(skip)?;
        // A bid that turns into a refusal is replaced: the request was taken by others, or expired.
        sqlx::query("INSERT OR REPLACE INTO verdict (digest, kind, skip) VALUES (?, 'skip', ?)")
            .bind(digest.0.as_slice())
            .bind(json)
            .execute(&mut *tx)
            .await
            .during("record a refusal")?;
        let happened = Event::Skipped {
            skip: skip.clone(),
            reason: skip.to_string(),
            setting: skip.setting().map(str::to_owned),
        };
        self.finish(tx, Some(digest), happened, "record a refusal").await
    }

    /// Records that a request is worth taking, and on what.
    pub async fn appraised(
        &self,
        digest: RequestDigest,
        material: Material,
        run: &Preflight,
        worth: &Appraisal,
    ) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        rows::insert_material(&mut tx, digest, material).await?;
        sqlx::query(
            "INSERT OR REPLACE INTO verdict (digest, kind, cycles, image_id, journal)
             VALUES (?, 'bid', ?, ?, ?)",
        )
        .bind(digest.0.as_slice())
        .bind(run.cycles.0.cast_signed())
        .bind(run.image_id.0.as_slice())
        .bind(run.journal.0.as_ref())
        .execute(&mut *tx)
        .await
        .during("record a verdict")?;
        let bid = worth.lock.as_ref().ok();
        let happened = Event::Priced {
            cycles: run.cycles,
            target_price: bid.map(|bid| bid.target_price),
            lock_at: bid.map(|bid| bid.lock_at),
            race_reward: worth.race.as_ref().ok().copied(),
        };
        self.finish(tx, Some(digest), happened, "record a verdict").await
    }

    /// Records program and input of a request that was locked without a bid.
    pub async fn keep_material(&self, digest: RequestDigest, material: Material) -> Result<()> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        rows::insert_material(&mut tx, digest, material).await?;
        commit(tx, "record program and input").await
    }

    /// Program and input of a request, if they are known.
    pub async fn material(&self, digest: RequestDigest) -> Result<Option<Material>> {
        let row: Option<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT program, stdin FROM material WHERE digest = ?")
                .bind(digest.0.as_slice())
                .fetch_optional(&self.pool)
                .await
                .during("read program and input")?;
        let word = |bytes: Vec<u8>| rows::word(&bytes, "artifact id");
        row.map(|(program, stdin)| Ok(Material { program: word(program)?, stdin: word(stdin)? }))
            .transpose()
    }

    /// Records a proof that lies in the artifact store.
    pub async fn proven(
        &self,
        digest: RequestDigest,
        run: &Preflight,
        proven: Proven,
        proving_ms: u64,
    ) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        rows::ensure_run(&mut tx, digest, run).await?;
        sqlx::query(
            "INSERT OR IGNORE INTO proof (digest, artifact, claim, proving_ms, at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(digest.0.as_slice())
        .bind(proven.proof.as_slice())
        .bind(proven.claim.0.as_slice())
        .bind(proving_ms.cast_signed())
        .bind(proven.at.0.cast_signed())
        .execute(&mut *tx)
        .await
        .during("record a proof")?;
        let happened = Event::Proven { proof: proven.proof, proving_ms };
        self.finish(tx, Some(digest), happened, "record a proof").await
    }

    /// Records a seal.
    pub async fn sealed(
        &self,
        digest: RequestDigest,
        seal: &Bytes,
        attesters: usize,
    ) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        sqlx::query("INSERT OR REPLACE INTO seal (digest, seal) VALUES (?, ?)")
            .bind(digest.0.as_slice())
            .bind(seal.as_ref())
            .execute(&mut *tx)
            .await
            .during("record a seal")?;
        self.finish(tx, Some(digest), Event::Sealed { attesters }, "record a seal").await
    }

    /// Records that an order is over as of `block`.
    pub async fn close(
        &self,
        digest: RequestDigest,
        outcome: Outcome,
        block: u64,
    ) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        sqlx::query(
            "INSERT OR REPLACE INTO closed (digest, outcome, block, at_ms) VALUES (?, ?, ?, ?)",
        )
        .bind(digest.0.as_slice())
        .bind(rows::json(&outcome)?)
        .bind(block.cast_signed())
        .bind(now_ms().cast_signed())
        .execute(&mut *tx)
        .await
        .during("close an order")?;
        let gas_wei = rows::gas_of(&mut tx, digest).await?;
        self.finish(tx, Some(digest), Event::Closed { outcome, gas_wei }, "close an order").await
    }

    async fn finish(
        &self,
        mut tx: Transaction<'_, Sqlite>,
        digest: Option<RequestDigest>,
        event: Event,
        operation: &'static str,
    ) -> Result<Entry> {
        let entry = entry(digest, event);
        rows::insert_history(&mut tx, &entry).await?;
        commit(tx, operation).await?;
        self.changes.of(digest);
        Ok(entry)
    }

    /// Adds to the history.
    pub async fn note(&self, digest: Option<RequestDigest>, event: Event) -> Result<Entry> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let entry = entry(digest, event);
        rows::insert_history(&mut tx, &entry).await?;
        commit(tx, "add to the history").await?;
        Ok(entry)
    }
}

/// The file, in the newest version of its tables.
async fn connect(path: &Path) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    // One connection: SQLite has one writer anyway. Who only reads has a [`Reader`].
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(|source| LogbookError::Open { path: path.to_owned(), source })?;
    let migrated = MIGRATIONS.run(&pool).await;
    migrated.map_err(|source| LogbookError::Migrate { path: path.to_owned(), source })?;
    Ok(pool)
}

/// Every durable step ends here.
async fn commit(tx: Transaction<'_, Sqlite>, operation: &'static str) -> Result<()> {
    crash::around(operation, tx.commit()).await.during(operation)
}

async fn forget_above(tx: &mut Transaction<'_, Sqlite>, block: u64) -> Result<()> {
    for statement in ["DELETE FROM fact WHERE block > ?", "DELETE FROM closed WHERE block > ?"] {
        sqlx::query(statement)
            .bind(block.cast_signed())
            .execute(&mut **tx)
            .await
            .during("forget what a reorganisation undid")?;
    }
    Ok(())
}

pub(crate) fn entry(digest: Option<RequestDigest>, event: Event) -> Entry {
    Entry { at_ms: now_ms(), digest, event }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
