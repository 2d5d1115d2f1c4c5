//! Artifacts that nobody needs any more, from the end of their job to their removal.
//!
//! The transaction that ends a job lists what it leaves. A sweep dooms some of that in one transaction, from
//! which on no result may name it; then sees whether anything still does, removes from the store what nothing
//! names, and only then forgets it. So whatever dies in between, the next sweep goes on from there, and what
//! counts as a result is in the store.

use super::rows::{JobRow, NewJob, PROOFS};
use super::sql::{self, Columns, Value, tuples};
use super::{Database, Ledger, LedgerError};
use futures::stream::{StreamExt, TryStreamExt};
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use sqlx::{Any, AnyConnection, Transaction};
use std::collections::BTreeSet;

/// Why a sweep ended early. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The queue failed.
    #[error("the queue failed")]
    Ledger(#[from] LedgerError),
    /// The artifact store failed.
    #[error("the artifact store failed")]
    Store(#[from] StoreError),
}

/// Artifacts that are removed at the same time.
const REMOVED_AT_ONCE: usize = 8;

/// Lists what a job leaves: pages, and all proofs unless some serve the next attempt.
pub(super) async fn leave(
    on: &mut AnyConnection,
    job: &JobRow,
    proof: Option<&[u8; 32]>,
) -> Result<(), LedgerError> {
    let NewJob { engine, program, input, .. } = &job.asked;
    let values = |last: &[u8]| {
        vec![
            engine.as_str().into(),
            program.id.0.as_slice().into(),
            input.id.0.as_slice().into(),
            Value::from(last),
        ]
    };
    let from_tasks = |column: &str, and: &str| {
        format!(
            "INSERT INTO garbage (artifact, engine, program, input, doomed) \
            SELECT DISTINCT {column}, $1, $2, $3, 0 FROM tasks WHERE job = $4 AND {column} IS NOT NULL {and} \
            ON CONFLICT (artifact) DO NOTHING"
        )
    };
    sql::run(on, from_tasks("page", ""), values(job.name.0.as_slice())).await?;
    let Some(proof) = proof else { return Ok(()) };
    let only_proofs = format!("AND work >= {PROOFS}");
    sql::run(on, from_tasks("output", &only_proofs), values(job.name.0.as_slice())).await?;
    let results = "INSERT INTO garbage (artifact, engine, program, input, doomed) \
        SELECT DISTINCT output, engine, program, input, 0 FROM results WHERE engine = $1 AND program = $2 AND input = $3 \
        AND output <> $4 ON CONFLICT (artifact) DO NOTHING";
    sql::run(on, results, values(proof)).await?;
    let needed = [Some(*proof), job.journal.map(|it| it.0), Some(program.id.0), Some(input.id.0)];
    let needed = needed.into_iter().flatten().map(|it| vec![it.as_slice().into()]).collect();
    sql::write(on, "DELETE FROM garbage WHERE doomed = 0 AND artifact IN (VALUES", ")", needed)
        .await
}

/// These artifacts are named by a result again. Those that it is too late for.
pub(super) async fn named(
    on: &mut AnyConnection,
    artifacts: BTreeSet<[u8; 32]>,
) -> Result<BTreeSet<[u8; 32]>, LedgerError> {
    let keys = |ids: &BTreeSet<[u8; 32]>| ids.iter().map(|it| vec![it.as_slice().into()]).collect();
    let select = "SELECT artifact, doomed FROM garbage WHERE artifact IN (VALUES";
    let (mut late, mut early) = (BTreeSet::new(), BTreeSet::new());
    for row in sql::rows_of(on, select, ")", keys(&artifacts)).await? {
        let mut it = Columns::of(&row);
        let id = it.digest()?;
        let is_doomed = it.int()? == 1;
        let those = if is_doomed { &mut late } else { &mut early };
        those.insert(id);
    }
    let delete = "DELETE FROM garbage WHERE doomed = 0 AND artifact IN (VALUES";
    sql::write(on, delete, ")", keys(&early)).await?;
    Ok(late)
}

impl Ledger {
    /// Begins the removal of at most so many artifacts, whose origin has no open job. How many it has begun.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn doom(&self, limit: usize) -> Result<u64, LedgerError> {
        let skip = self.skip_locked();
        let sql = format!(
            "UPDATE garbage SET doomed = 1 WHERE artifact IN (SELECT artifact FROM garbage g WHERE doomed = 0 AND NOT EXISTS \
            (SELECT 1 FROM jobs j WHERE j.engine = g.engine AND j.program = g.program AND j.input = g.input) \
            LIMIT {limit}{skip})"
        );
        let mut transaction = self.writes.begin().await.map_err(LedgerError::Write)?;
        let doomed = sql::run(&mut transaction, sql, Vec::new()).await?;
        transaction.commit().await.map_err(LedgerError::Write)?;
        Ok(doomed)
    }

    /// Removes what is doomed and named by nothing, at most so many artifacts. How many were doomed.
    ///
    /// # Errors
    /// If the database or the store fails; what was removed until then is doomed still.
    pub async fn sweep(&self, store: &ArtifactStore, limit: usize) -> Result<usize, SweepError> {
        let mut holding = self.hold_doomed().await?;
        let select = format!(
            "SELECT artifact FROM garbage WHERE doomed = 1 LIMIT {limit}{}",
            self.skip_locked()
        );
        let doomed = match &mut holding {
            Some(transaction) => digests(transaction, select, Vec::new()).await?,
            None => {
                let mut connection = self.reads.acquire().await.map_err(LedgerError::Ask)?;
                digests(&mut connection, select, Vec::new()).await?
            }
        };
        if doomed.is_empty() {
            return Ok(0);
        }
        let needed = self.still_named(&doomed).await?;
        let gone: Vec<_> = doomed.difference(&needed).map(|id| ArtifactId(*id)).collect();
        let removals = futures::stream::iter(gone).map(|id| async move { store.remove(&id).await });
        removals.buffer_unordered(REMOVED_AT_ONCE).try_collect::<Vec<()>>().await?;
        let mut transaction = match holding {
            Some(transaction) => transaction,
            None => self.writes.begin().await.map_err(LedgerError::Write)?,
        };
        let rows = doomed.iter().map(|it| vec![it.as_slice().into()]).collect();
        let delete = "DELETE FROM garbage WHERE artifact IN (VALUES";
        sql::write(&mut transaction, delete, ")", rows).await?;
        transaction.commit().await.map_err(LedgerError::Write)?;
        Ok(doomed.len())
    }

    /// A transaction that keeps doomed rows from other coordinators' sweeps. In SQLite there are no others, and the one
    /// writer is not to wait for the store.
    async fn hold_doomed(&self) -> Result<Option<Transaction<'static, Any>>, LedgerError> {
        match self.database {
            Database::Sqlite => Ok(None),
            Database::Postgres => self.writes.begin().await.map(Some).map_err(LedgerError::Write),
        }
    }

    fn skip_locked(&self) -> &'static str {
        match self.database {
            Database::Sqlite => "",
            Database::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Those of these artifacts that an open job, a result that is kept, or an ended job's row names.
    async fn still_named(
        &self,
        artifacts: &BTreeSet<[u8; 32]>,
    ) -> Result<BTreeSet<[u8; 32]>, LedgerError> {
        let mut connection = self.reads.acquire().await.map_err(LedgerError::Ask)?;
        let values = || artifacts.iter().map(|it| it.as_slice().into()).collect();
        let list = tuples(&connection, artifacts.len(), 1);
        let mut found = BTreeSet::new();
        for (table, columns) in NAMING {
            for column in *columns {
                let sql = format!("SELECT {column} FROM {table} WHERE {column} IN (VALUES {list})");
                found.extend(digests(&mut connection, sql, values()).await?);
            }
        }
        Ok(found)
    }
}

/// Where artifacts are named that must not go.
const NAMING: &[(&str, &[&str])] = &[
    ("tasks", &["page", "output"]),
    ("jobs", &["program", "input", "journal"]),
    ("results", &["output"]),
    ("ended", &["program", "input", "output"]),
];

async fn digests(
    on: &mut AnyConnection,
    sql: String,
    values: Vec<Value>,
) -> Result<BTreeSet<[u8; 32]>, LedgerError> {
    let rows = sql::rows(on, sql, values).await?;
    rows.iter().map(|row| Columns::of(row).digest()).collect()
}
