//! Runs, attempts at proofs, and what they say of the prover.

use super::{During, Logbook, LogbookError, Material, Result, commit, now_ms, rows};
use alloy::primitives::Bytes;
use rialto_planner::{Preflight, ProverHealth, Sample};
use rialto_protocol::{Cycles, ImageId, Journal, RequestDigest, Timestamp};
use std::path::Path;
use std::time::Duration;

/// Names one attempt at a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttemptId(i64);

/// How an attempt at a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// With a proof that holds.
    Proven,
    /// Without.
    Failed,
    /// It was of no use any more.
    Cancelled,
}

impl AttemptOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What the attempts of the past say of the prover.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProverRecord {
    /// How it has done lately; whether it answers now is not on record.
    pub(crate) health: ProverHealth,
    /// How long proofs took, oldest first.
    pub(crate) samples: Vec<(ImageId, Sample)>,
}

/// Proofs that the prover's speed is learned from.
const SAMPLES: i64 = 512;
/// More failures in a row than any setting counts.
const ATTEMPTS: i64 = 1_000;

impl Logbook {
    /// What the program did with the input, if it has been run before.
    pub(crate) async fn known_run(&self, material: Material) -> Result<Option<Preflight>> {
        let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT cycles, image_id, journal FROM run WHERE program = ? AND stdin = ?",
        )
        .bind(material.program.as_slice())
        .bind(material.stdin.as_slice())
        .fetch_optional(&self.pool)
        .await
        .during("read a run")?;
        row.map(|(cycles, image_id, journal)| {
            Ok(Preflight {
                cycles: Cycles(cycles.cast_unsigned()),
                image_id: ImageId(rows::word(&image_id, "image id")?),
                journal: Journal(Bytes::from(journal)),
            })
        })
        .transpose()
    }

    /// Records what a program did with an input.
    pub(crate) async fn keep_run(&self, material: Material, run: &Preflight) -> Result<()> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        sqlx::query(
            "INSERT INTO run (program, stdin, cycles, image_id, journal)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(material.program.as_slice())
        .bind(material.stdin.as_slice())
        .bind(run.cycles.0.cast_signed())
        .bind(run.image_id.0.as_slice())
        .bind(run.journal.0.as_ref())
        .execute(&mut *tx)
        .await
        .during("record a run")?;
        commit(tx, "record a run").await
    }

    /// Records that an attempt at a proof begins.
    pub(crate) async fn begin_attempt(&self, digest: RequestDigest) -> Result<AttemptId> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let made = sqlx::query("INSERT INTO attempt (digest, began_ms) VALUES (?, ?)")
            .bind(digest.0.as_slice())
            .bind(now_ms().cast_signed())
            .execute(&mut *tx)
            .await
            .during("record an attempt")?;
        commit(tx, "record an attempt").await?;
        Ok(AttemptId(made.last_insert_rowid()))
    }

    /// Records how an attempt ended, when by the chain's clock, and gives the order's failures since
    /// its last proof.
    pub(crate) async fn end_attempt(
        &self,
        id: AttemptId,
        outcome: AttemptOutcome,
        at: Timestamp,
    ) -> Result<u32> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        sqlx::query("UPDATE attempt SET ended_ms = ?, outcome = ? WHERE id = ?")
            .bind(at.0.saturating_mul(1_000).cast_signed())
            .bind(outcome.as_str())
            .bind(id.0)
            .execute(&mut *tx)
            .await
            .during("record an attempt's end")?;
        let (failures,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM attempt
             WHERE outcome = 'failed' AND digest = (SELECT digest FROM attempt WHERE id = ?)",
        )
        .bind(id.0)
        .fetch_one(&mut *tx)
        .await
        .during("count failures")?;
        commit(tx, "record an attempt's end").await?;
        self.attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        u32::try_from(failures).map_err(|_| LogbookError::Malformed { what: "attempts" })
    }

    /// How many attempts have ended in this life: when it grows, the record has changed.
    pub(crate) fn ended_attempts(&self) -> u64 {
        self.attempts.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What the attempts of the past say of the prover.
    pub(crate) async fn prover_record(&self) -> Result<ProverRecord> {
        let ended: Vec<(String, i64)> = sqlx::query_as(
            "SELECT outcome, ended_ms FROM attempt
             WHERE outcome IN ('proven', 'failed') ORDER BY id DESC LIMIT ?",
        )
        .bind(ATTEMPTS)
        .fetch_all(&self.pool)
        .await
        .during("read attempts")?;
        let failures: Vec<_> = ended.iter().take_while(|(word, _)| word == "failed").collect();
        let at = |ms: i64| Timestamp(ms.cast_unsigned() / 1_000);
        let health = ProverHealth {
            failures_in_a_row: u32::try_from(failures.len()).unwrap_or(u32::MAX),
            last_failure: failures.first().map(|(_, ms)| at(*ms)),
            is_out: false,
        };
        Ok(ProverRecord { health, samples: self.samples().await? })
    }

    /// How long the latest proofs took, oldest first: those of orders, and those that were made to
    /// measure the prover.
    async fn samples(&self) -> Result<Vec<(ImageId, Sample)>> {
        type Row = (i64, Vec<u8>, i64, i64);
        let proofs: Vec<Row> = sqlx::query_as(
            "SELECT proof.at, image_id, cycles, proving_ms FROM proof JOIN verdict USING (digest)
             WHERE cycles > 0 ORDER BY proof.rowid DESC LIMIT ?",
        )
        .bind(SAMPLES)
        .fetch_all(&self.pool)
        .await
        .during("read proofs")?;
        let measured: Vec<Row> = sqlx::query_as(
            "SELECT at, image_id, cycles, proving_ms FROM sample ORDER BY id DESC LIMIT ?",
        )
        .bind(SAMPLES)
        .fetch_all(&self.pool)
        .await
        .during("read measurements")?;
        let mut rows: Vec<Row> =
            proofs.into_iter().rev().chain(measured.into_iter().rev()).collect();
        rows.sort_by_key(|(at, ..)| *at);
        let samples = rows.into_iter().map(|(_, image_id, cycles, ms)| {
            let cycles = Cycles(cycles.cast_unsigned());
            let took = Duration::from_millis(ms.cast_unsigned());
            Ok((ImageId(rows::word(&image_id, "image id")?), Sample { cycles, took }))
        });
        samples.collect()
    }

    /// Records proofs that were made to measure the prover. The record need be nobody's yet.
    pub(crate) async fn keep_samples(path: &Path, samples: &[(ImageId, Sample)]) -> Result<()> {
        let pool = super::connect(path).await?;
        let mut tx = pool.begin().await.during("begin a transaction")?;
        for (program, sample) in samples {
            let ms = u64::try_from(sample.took.as_millis()).unwrap_or(u64::MAX);
            sqlx::query(
                "INSERT INTO sample (image_id, cycles, proving_ms, at) VALUES (?, ?, ?, ?)",
            )
            .bind(program.0.as_slice())
            .bind(sample.cycles.0.cast_signed())
            .bind(ms.cast_signed())
            .bind((now_ms() / 1_000).cast_signed())
            .execute(&mut *tx)
            .await
            .during("record a measurement")?;
        }
        commit(tx, "record measurements").await
    }
}
