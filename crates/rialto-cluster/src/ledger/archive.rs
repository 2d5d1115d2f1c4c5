//! The end of jobs: one row stays of each, and of those without a proof the results that another attempt can use.

use super::rows::{JobRow, NewJob, PROOFS, proof_text, work_of};
use super::sql::{self, Columns, Value, int};
use super::{LedgerError, garbage};
use crate::name::Origin;
use crate::wire::Stored;
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{Fault, JobEnd, Stage, Work};
use rialto_protocol::Time;
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// How a job ended, as it is kept.
pub(super) struct Ending {
    outcome: u32,
    output: Option<[u8; 32]>,
    pub(super) reason: Option<String>,
    retryable: bool,
}

impl Ending {
    /// `reason`: what the last worker said.
    pub(super) fn of(end: JobEnd, reason: Option<String>) -> Self {
        match end {
            JobEnd::Proven(output) => {
                Self { outcome: 0, output: Some(output.0), reason: None, retryable: false }
            }
            JobEnd::Failed { work, failures } => {
                let is_hopeless = failures.iter().any(|(_, fault)| *fault == Fault::Program);
                let name = crate::wire::WorkName(work);
                let said = reason.unwrap_or_else(|| "its workers were lost".to_owned());
                let reason = match is_hopeless {
                    true => said,
                    false => format!("{name} failed {} times, last: {said}", failures.len()),
                };
                Self { outcome: 1, output: None, reason: Some(reason), retryable: !is_hopeless }
            }
            JobEnd::Cancelled => Self { outcome: 2, output: None, reason: None, retryable: true },
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self.outcome {
            0 => "proven",
            1 => "ended",
            _ => "cancelled",
        }
    }
}

/// Moves a job to those that have ended.
pub(super) async fn end(
    on: &mut AnyConnection,
    job: &JobRow,
    ending: Ending,
    now: Time,
) -> Result<(), LedgerError> {
    garbage::leave(on, job, ending.output.as_ref()).await?;
    if ending.output.is_none() {
        keep_results(on, job, now).await?;
    } else {
        let NewJob { engine, program, input, .. } = &job.asked;
        let sql = "DELETE FROM results WHERE engine = $1 AND program = $2 AND input = $3";
        let values = vec![
            engine.as_str().into(),
            program.id.0.as_slice().into(),
            input.id.0.as_slice().into(),
        ];
        sql::run(on, sql, values).await?;
    }
    let name = || vec![job.name.0.as_slice().into()];
    for table in ["tasks", "leases", "failures", "jobs"] {
        sql::run(on, format!("DELETE FROM {table} WHERE job = $1"), name()).await?;
    }
    let NewJob { engine, proof, program, input, tenant, .. } = &job.asked;
    let row = vec![
        job.name.0.as_slice().into(),
        engine.as_str().into(),
        proof_text(*proof).into(),
        program.id.0.as_slice().into(),
        input.id.0.as_slice().into(),
        tenant.as_str().into(),
        int(job.submitted.0),
        int(now.0),
        ending.outcome.into(),
        Value::MaybeInt(job.segments.map(|it| i64::from(it.get()))),
        int(job.cycles),
        Value::MaybeBytes(ending.output.map(|it| it.to_vec())),
        Value::MaybeText(ending.reason),
        u32::from(ending.retryable).into(),
    ];
    let insert = "INSERT INTO ended (job, engine, proof, program, input, tenant, submitted, ended, outcome, \
        segments, cycles, output, reason, retryable) VALUES";
    sql::write(on, insert, "", vec![row]).await
}

/// Whether an earlier attempt at this left results.
pub(super) async fn has_results(
    on: &mut AnyConnection,
    asked: &NewJob,
) -> Result<bool, LedgerError> {
    let sql = "SELECT 1 FROM results WHERE engine = $1 AND program = $2 AND input = $3 LIMIT 1";
    let values = vec![
        asked.engine.as_str().into(),
        asked.program.id.0.as_slice().into(),
        asked.input.id.0.as_slice().into(),
    ];
    Ok(!sql::rows(on, sql, values).await?.is_empty())
}

/// The results of these names that are kept.
pub(super) async fn results(
    on: &mut AnyConnection,
    names: Vec<[u8; 32]>,
) -> Result<BTreeMap<[u8; 32], Stored>, LedgerError> {
    let select = "SELECT name, output, output_bytes FROM results WHERE name IN (VALUES";
    let names = names.into_iter().map(|name| vec![name.as_slice().into()]).collect();
    let rows = sql::rows_of(on, select, ")", names).await?;
    let read = |row| {
        let mut it = Columns::of(row);
        let (name, id) = (it.digest()?, ArtifactId(it.digest()?));
        Ok((name, Stored { id, bytes: it.count()? }))
    };
    rows.iter().map(read).collect()
}

struct Made {
    page: Option<ArtifactId>,
    output: Stored,
}

async fn keep_results(on: &mut AnyConnection, job: &JobRow, now: Time) -> Result<(), LedgerError> {
    let sql = "SELECT work, page, output, output_bytes FROM tasks WHERE job = $1 AND state = 3 AND work >= $2";
    let values = vec![job.name.0.as_slice().into(), Value::Int(PROOFS)];
    let mut made = BTreeMap::new();
    for row in sql::rows(on, sql, values).await? {
        let mut it = Columns::of(&row);
        let work = work_of(it.int()?)?;
        let page = it.maybe_digest()?.map(ArtifactId);
        let Some(id) = it.maybe_digest()?.map(ArtifactId) else { continue };
        made.insert(work, Made { page, output: Stored { id, bytes: it.count()? } });
    }
    let NewJob { engine, program, input, .. } = &job.asked;
    let named =
        made.iter().filter_map(|(work, it)| Some((name_of(job, *work, it, &made)?, it.output)));
    let row = |(name, output): ([u8; 32], Stored)| {
        vec![
            name.as_slice().into(),
            engine.as_str().into(),
            program.id.0.as_slice().into(),
            input.id.0.as_slice().into(),
            output.id.0.as_slice().into(),
            int(output.bytes),
            int(now.0),
        ]
    };
    let insert =
        "INSERT INTO results (name, engine, program, input, output, output_bytes, kept) VALUES";
    sql::write(on, insert, "ON CONFLICT (name) DO NOTHING", named.map(row).collect()).await
}

fn name_of(job: &JobRow, work: Work, task: &Made, made: &BTreeMap<Work, Made>) -> Option<[u8; 32]> {
    let origin = origin(&job.asked);
    if let Work::Prove { segment } = work {
        return Some(origin.proof(&task.page?, segment).0);
    }
    let (shape, segments) = (job.joins.shape()?, job.segments?);
    let (stage, places) = shape.children(work, segments)?;
    let part = |place| made.get(&child(stage, place)).map(|it| &it.output.id);
    let parts: Option<Vec<_>> = places.map(part).collect();
    let is_top = shape.parent(work, segments) == Some(Work::Verify);
    Some(origin.join(job.asked.proof, work, is_top, parts?.into_iter())?.0)
}

/// What the tasks of a job follow from.
pub(super) fn origin(asked: &NewJob) -> Origin<'_> {
    Origin { engine: &asked.engine, program: &asked.program.id, input: &asked.input.id }
}

/// The task of that stage in that place; there are children of proofs and joins only.
pub(super) fn child(stage: Stage, place: u32) -> Work {
    match stage {
        Stage::Join(level) => Work::Join { level, index: place },
        _ => Work::Prove { segment: place },
    }
}

/// Results that are older than that, which are garbage then, and what is known of jobs that ended before.
pub(super) async fn forget(on: &mut AnyConnection, before: Time) -> Result<(), LedgerError> {
    for sql in [
        "INSERT INTO garbage (artifact, engine, program, input, doomed) \
        SELECT output, engine, program, input, 0 FROM results WHERE kept < $1 ON CONFLICT (artifact) DO NOTHING",
        "DELETE FROM results WHERE kept < $1",
        "DELETE FROM events WHERE job IN (SELECT job FROM ended WHERE ended < $1)",
        "DELETE FROM ended WHERE ended < $1",
    ] {
        sql::run(on, sql, vec![int(before.0)]).await?;
    }
    Ok(())
}
