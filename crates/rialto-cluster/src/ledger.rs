//! Jobs and tasks in a database, which does what the rule book says.
//!
//! Every change is a [`Round`]: one transaction that locks the jobs it touches, reads those of their tasks
//! that matter, asks [`rialto_planner::cluster::Queue`] what becomes of them, and writes what is different. So no
//! rule is here, memory holds what a round touches and nothing else, and a coordinator that dies has lost
//! nothing that it answered. A job's row is its lock: rounds of several coordinators never wait for each
//! other in a circle, since they lock jobs in order, and what another has is skipped where a choice is left.

mod archive;
mod board;
mod garbage;
mod reader;
mod round;
mod rows;
mod sql;
mod step;
mod workers;

pub use garbage::SweepError;
pub use reader::{EventRow, JobView, Outcome, Standing, WorkerRow};
pub use round::{Chosen, Heard, Round, Took};
pub use rows::{Joins, NewJob};
pub use workers::WorkerState;

pub(crate) use reader::{Machine, PartOf};
pub(crate) use rows::tenant_id;
pub(crate) use workers::{Enlisted, Tally};

use crate::coordinator::ClusterConfig;
use rialto_planner::cluster::Retry;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, Executor};
use std::time::{SystemTime, UNIX_EPOCH};

/// Forward only, and the same tables in both.
static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Connections that only read, beside the one (SQLite) or the few (PostgreSQL) that write.
const READERS: u32 = 4;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file of this machine, with one writer.
    Sqlite,
    /// A server, with as many coordinators as want.
    Postgres,
}

/// The queue's tables.
#[derive(Clone, Debug)]
pub struct Ledger {
    writes: AnyPool,
    reads: AnyPool,
    database: Database,
    retry: Retry,
}

/// Why the queue could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL names no database that is known here.
    #[error("`{0}` is no database URL: sqlite:///path/to/file or postgres://user@host/name is")]
    Url(String),
    /// It cannot be reached or opened.
    #[error("cannot open the queue's database")]
    Open(#[source] sqlx::Error),
    /// It is of another version.
    #[error("the queue's database cannot be brought to this version")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A question failed.
    #[error("cannot read the queue")]
    Ask(#[source] sqlx::Error),
    /// A change failed; nothing of its round has happened.
    #[error("cannot write the queue")]
    Write(#[source] sqlx::Error),
    /// A row does not read.
    #[error("a row of the queue does not read")]
    Decode(#[source] sqlx::Error),
    /// A row says what cannot be.
    #[error("the queue holds {what}; restore the database or remove the job")]
    Corrupt {
        /// What was found.
        what: &'static str,
    },
}

impl LedgerError {
    fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }
}

impl Ledger {
    /// Opens `sqlite:///path/to/file` (made if absent) or `postgres://user@host/name`, and brings it to this version.
    ///
    /// # Errors
    /// [`LedgerError::Url`], [`LedgerError::Open`] or [`LedgerError::Migrate`].
    pub async fn open(url: &str) -> Result<Self, LedgerError> {
        install_default_drivers();
        let (database, migrator, writers) = match url.split_once(':') {
            Some(("sqlite", _)) => (Database::Sqlite, &SQLITE, 1),
            Some(("postgres" | "postgresql", _)) => (Database::Postgres, &POSTGRES, READERS),
            _ => return Err(LedgerError::Url(without_secret(url))),
        };
        let writes = pool(url, database, writers).await?;
        migrator.run(&writes).await.map_err(LedgerError::Migrate)?;
        let reads = pool(url, database, READERS).await?;
        let retry = ClusterConfig::default().retry();
        Ok(Self { writes, reads, database, retry })
    }

    /// The same queue, whose tasks are tried again like that.
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Which database it is.
    pub fn database(&self) -> Database {
        self.database
    }

    /// Begins a round at this machine's time, or at the database's own where several coordinators must agree on it.
    ///
    /// # Errors
    /// [`LedgerError::Write`] or [`LedgerError::Ask`].
    pub async fn round(&self) -> Result<Round, LedgerError> {
        let mut transaction = self.writes.begin().await.map_err(LedgerError::Write)?;
        let now = self.now(&mut transaction).await?;
        Ok(Round::new(transaction, self.database, self.retry, now))
    }

    /// Begins a round at that time: for whoever brings a clock.
    ///
    /// # Errors
    /// [`LedgerError::Write`].
    pub async fn round_at(&self, now: rialto_protocol::Time) -> Result<Round, LedgerError> {
        let transaction = self.writes.begin().await.map_err(LedgerError::Write)?;
        Ok(Round::new(transaction, self.database, self.retry, now))
    }

    async fn now(&self, on: &mut AnyConnection) -> Result<rialto_protocol::Time, LedgerError> {
        if self.database == Database::Sqlite {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(rialto_protocol::Time(since.as_millis() as u64));
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let rows = sql::rows(on, sql, Vec::new()).await?;
        let row = rows.first().ok_or_else(|| LedgerError::corrupt("no time"))?;
        Ok(rialto_protocol::Time(sql::Columns::of(row).count()?))
    }

    /// Ends all connections; what was answered is kept.
    pub async fn close(&self) {
        self.writes.close().await;
        self.reads.close().await;
    }
}

async fn pool(url: &str, database: Database, connections: u32) -> Result<AnyPool, LedgerError> {
    let mut url = url.to_owned();
    if database == Database::Sqlite && !url.contains('?') {
        url.push_str("?mode=rwc");
    }
    let options = AnyPoolOptions::new().max_connections(connections);
    let options = options.after_connect(move |connection, _| {
        Box::pin(async move {
            if database == Database::Sqlite {
                connection.execute(SQLITE_PRAGMAS).await?;
            }
            Ok(())
        })
    });
    options.connect(&url).await.map_err(LedgerError::Open)
}

/// Readers do not wait for the writer. A commit is safe from the end of the process; of power loss the database
/// comes out whole, at worst without its latest rounds, whose work is then done again.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; \
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384";

/// The URL without what stands before its host: that may be a password.
fn without_secret(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{host}")
        }
        None => url.chars().take(80).collect(),
    }
}
