//! Old history, out of the way: one file a month, beside the logbook.
//!
//! Only history moves, which nothing is decided by; an open order's history stays. An entry is in
//! the archive, on disk, before it leaves the logbook, so a death in between leaves it in both; it
//! is the same entry under the same number, and the next run removes it.

use super::rows::{HistoryTuple, history_of};
use super::{During, Logbook, LogbookError, Numbered, Reader, Result};
use crate::calendar::Day;
use rialto_protocol::RequestDigest;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is older is archived.
pub(crate) const KEPT_MS: u64 = 30 * 86_400_000;
/// Entries moved by one run: some milliseconds of the writer's time.
pub(crate) const ENTRIES_A_RUN: u32 = 1_000;

const PREFIX: &str = "archive-";
const SUFFIX: &str = ".sqlite";

/// Every statement can be repeated: the file may be from a run that was cut short.
const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS history (
         seq    INTEGER NOT NULL PRIMARY KEY,
         at_ms  INTEGER NOT NULL,
         digest BLOB,
         event  TEXT NOT NULL
     ) STRICT",
    "CREATE INDEX IF NOT EXISTS history_by_digest ON history (digest)",
];

impl Logbook {
    /// Moves at most `limit` entries from before `before_ms` to the archives beside `reader`'s file
    /// and says how many it moved.
    pub async fn archive(&self, reader: &Reader, before_ms: u64, limit: u32) -> Result<usize> {
        let old = old_entries(reader, before_ms, limit).await?;
        let mut by_month: BTreeMap<String, Vec<&HistoryTuple>> = BTreeMap::new();
        for entry in &old {
            by_month.entry(Day::of_ms(entry.1.cast_unsigned()).month()).or_default().push(entry);
        }
        for (month, entries) in by_month {
            let name = format!("{PREFIX}{month}{SUFFIX}");
            copy(&reader.path().with_file_name(name), &entries).await?;
        }
        let moved: Vec<i64> = old.iter().map(|entry| entry.0).collect();
        sqlx::query("DELETE FROM history WHERE seq IN (SELECT value FROM json_each(?))")
            .bind(super::rows::json(&moved)?)
            .execute(&self.pool)
            .await
            .during("remove what was archived")?;
        Ok(moved.len())
    }
}

/// Read beside the writer, so that looking for them holds up nobody.
async fn old_entries(reader: &Reader, before_ms: u64, limit: u32) -> Result<Vec<HistoryTuple>> {
    sqlx::query_as(
        "SELECT seq, at_ms, digest, event FROM history
         WHERE at_ms < ? AND (digest IS NULL OR digest NOT IN (SELECT digest FROM open_order))
         ORDER BY at_ms LIMIT ?",
    )
    .bind(before_ms.cast_signed())
    .bind(limit)
    .fetch_all(&reader.pool)
    .await
    .during("find old history")
}

async fn copy(path: &Path, entries: &[&HistoryTuple]) -> Result<()> {
    let pool = open(path, false).await?;
    let mut tx = pool.begin().await.during("begin a transaction in an archive")?;
    for statement in SCHEMA {
        sqlx::query(*statement).execute(&mut *tx).await.during("make an archive")?;
    }
    for (seq, at_ms, digest, event) in entries {
        sqlx::query(
            "INSERT OR IGNORE INTO history (seq, at_ms, digest, event) VALUES (?, ?, ?, ?)",
        )
        .bind(seq)
        .bind(at_ms)
        .bind(digest)
        .bind(event)
        .execute(&mut *tx)
        .await
        .during("archive an entry")?;
    }
    tx.commit().await.during("commit an archive")?;
    pool.close().await;
    Ok(())
}

/// The archived part of one request's history.
pub(super) async fn timeline(logbook: &Path, digest: RequestDigest) -> Result<Vec<Numbered>> {
    let mut found = Vec::new();
    for path in beside(logbook)? {
        let pool = open(&path, true).await?;
        found.extend(history_of(&pool, digest).await?);
        pool.close().await;
    }
    Ok(found)
}

/// The archives beside a logbook, oldest first.
fn beside(logbook: &Path) -> Result<Vec<PathBuf>> {
    let directory = match logbook.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let unreadable = |source| LogbookError::Directory { path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

async fn open(path: &Path, read_only: bool) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(!read_only)
        .read_only(read_only)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    pool.map_err(|source| LogbookError::Open { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
