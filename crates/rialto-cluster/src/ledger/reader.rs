//! What people and programs ask of the queue, outside of rounds.

use super::rows::{JOB_COLUMNS, JobRow, work_code, work_of};
use super::sql::{self, Columns, Value, int};
use super::step;
use super::workers::{WorkerState, read_hello};
use super::{Database, Ledger, LedgerError, Took};
use crate::wire::{Hello, WorkName};
use alloy_primitives::B256;
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{JobName, Task, TaskKey, Work, WorkerId};
use rialto_protocol::Time;
use rialto_zkvm::{JoinPlace, ProofKind};
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// A job, ended or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// What is proven, by content.
    pub name: JobName,
    /// The proof system.
    pub engine: String,
    /// The program.
    pub program: ArtifactId,
    /// Its input.
    pub input: ArtifactId,
    /// Whose it is.
    pub tenant: String,
    /// When it was submitted.
    pub submitted: Time,
    /// Where it is.
    pub standing: Standing,
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not ended.
    Open {
        /// When the proof has to be there.
        due: Time,
        /// Segments known so far.
        found: u32,
        /// How many there are, once the execution has ended.
        segments: Option<u32>,
        /// Segments that have a proof.
        proven: u32,
        /// Instructions in those known.
        cycles: u64,
        /// Instructions in those proven.
        cycles_proven: u64,
    },
    /// It has ended.
    Ended {
        /// When.
        at: Time,
        /// How.
        outcome: Outcome,
        /// How many segments there were, if that was known.
        segments: Option<u32>,
        /// Instructions in those known.
        cycles: u64,
    },
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A proof, in the artifact store.
    Proven(ArtifactId),
    /// None.
    Failed {
        /// Why, for people.
        reason: String,
        /// Whether another attempt could end differently.
        retryable: bool,
    },
    /// Nobody wanted it any more.
    Cancelled,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its place among all events: a cursor.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Of which job.
    pub job: JobName,
    /// What: `submitted`, `found`, `made`, `recalled`, `failed`, `lost`, `proven`, `ended`, `cancelled`.
    pub what: String,
    /// Of which task.
    pub work: Option<WorkName>,
    /// By whom.
    pub worker: Option<WorkerId>,
    /// That worker's name.
    pub worker_name: Option<String>,
    /// When that worker began it.
    pub begun: Option<Time>,
    /// Instructions that it is about.
    pub cycles: u64,
    /// For people.
    pub note: String,
}

/// A worker and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its number.
    pub id: WorkerId,
    /// As it announced itself.
    pub hello: Hello,
    /// What it may do.
    pub state: WorkerState,
    /// Since when.
    pub began: Time,
    /// When it was last heard of.
    pub seen: Time,
    /// Results that counted.
    pub made: u64,
    /// Tasks that failed at it.
    pub failed: u64,
    /// Results that were none, and words under leases that do not stand.
    pub refused: u64,
    /// Leases that it has now.
    pub leases: u64,
}

/// What a page of a list has at most.
const PAGE_MAX: usize = 1_000;

const ENDED_COLUMNS: &str = "job, engine, program, input, tenant, submitted, ended, outcome, segments, cycles, output, reason, retryable";

impl Ledger {
    async fn ask(
        &self,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Vec<AnyRow>, LedgerError> {
        let mut connection = self.reads.acquire().await.map_err(LedgerError::Ask)?;
        sql::rows(&mut connection, sql, values).await
    }

    /// A job, if it is known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn job(&self, name: JobName) -> Result<Option<JobView>, LedgerError> {
        let key = || vec![name.0.as_slice().into()];
        let open =
            self.ask(format!("SELECT {JOB_COLUMNS} FROM jobs WHERE job = $1"), key()).await?;
        if let Some(row) = open.first() {
            return Ok(Some(view(JobRow::read(row)?)));
        }
        let sql = format!("SELECT {ENDED_COLUMNS} FROM ended WHERE job = $1");
        let ended = self.ask(sql, key()).await?;
        ended.first().map(ended_view).transpose()
    }

    /// The tasks of a job that has not ended, as far as they are known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tasks(&self, job: JobName) -> Result<BTreeMap<Work, Task>, LedgerError> {
        let mut connection = self.reads.acquire().await.map_err(LedgerError::Ask)?;
        let sql = "SELECT work FROM tasks WHERE job = $1";
        let rows = sql::rows(&mut connection, sql, vec![job.0.as_slice().into()]).await?;
        let key = |row| Ok(TaskKey { job, work: work_of(Columns::of(row).int()?)? });
        let keys: Result<Vec<_>, LedgerError> = rows.iter().map(key).collect();
        step::tasks(&mut connection, &keys?).await
    }

    /// Jobs that have not ended, the nearest due time first, of all tenants or one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_jobs(&self, tenant: Option<&str>) -> Result<Vec<JobView>, LedgerError> {
        let (filter, values) = match tenant {
            Some(tenant) => ("WHERE tenant = $1", vec![tenant.into()]),
            None => ("", Vec::new()),
        };
        let sql =
            format!("SELECT {JOB_COLUMNS} FROM jobs {filter} ORDER BY due, job LIMIT {PAGE_MAX}");
        let rows = self.ask(sql, values).await?;
        rows.iter().map(|row| JobRow::read(row).map(view)).collect()
    }

    /// Jobs that have ended before then, the latest first, of all tenants or one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ended_jobs(
        &self,
        tenant: Option<&str>,
        before: Time,
        limit: usize,
    ) -> Result<Vec<JobView>, LedgerError> {
        let mut values = vec![int(before.0)];
        values.extend(tenant.map(Value::from));
        let filter = if tenant.is_some() { "AND tenant = $2" } else { "" };
        let limit = limit.min(PAGE_MAX);
        let sql = format!(
            "SELECT {ENDED_COLUMNS} FROM ended WHERE ended < $1 {filter} ORDER BY ended DESC, job LIMIT {limit}"
        );
        self.ask(sql, values).await?.iter().map(ended_view).collect()
    }

    /// What happened after that event, in order, of one job or all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn events(
        &self,
        job: Option<JobName>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, LedgerError> {
        let mut values = vec![int(after)];
        values.extend(job.map(|job| Value::from(job.0.as_slice())));
        let filter = if job.is_some() { "AND e.job = $2" } else { "" };
        let limit = limit.min(PAGE_MAX);
        let sql = format!(
            "SELECT e.seq, e.at, e.job, e.what, e.work, e.worker, w.name, e.begun, e.cycles, e.note \
            FROM events e LEFT JOIN workers w ON w.worker = e.worker WHERE e.seq > $1 {filter} ORDER BY e.seq LIMIT {limit}"
        );
        self.ask(sql, values).await?.iter().map(event).collect()
    }

    /// The latest event's place; 0 without any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_event(&self) -> Result<u64, LedgerError> {
        let rows = self.ask("SELECT MAX(seq) FROM events", Vec::new()).await?;
        let last = rows.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten();
        Ok(last.map_or(0, i64::unsigned_abs))
    }

    /// Workers that nobody has replaced and that were heard of since then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn workers(&self, since: Time) -> Result<Vec<WorkerRow>, LedgerError> {
        let sql = "SELECT w.worker, w.state, w.name, w.version, w.engine, w.device, w.slots, w.memory_mib, w.gpu_mib, \
            w.disk_mib, w.bytes_per_s, w.began, w.seen, w.made, w.failed, w.refused, \
            (SELECT COUNT(*) FROM leases l WHERE l.worker = w.worker) \
            FROM workers w WHERE w.state < 3 AND w.seen >= $1 ORDER BY w.name";
        self.ask(sql, vec![int(since.0)]).await?.iter().map(worker).collect()
    }

    /// How long tasks took lately: engine, kind of task, device, instructions and duration; oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn durations(&self) -> Result<Vec<(Machine, Took)>, LedgerError> {
        let sql = format!(
            "SELECT w.engine, w.device, w.worker, e.work, e.cycles, e.at, e.begun FROM events e JOIN workers w ON w.worker = e.worker \
            WHERE e.what = 'made' ORDER BY e.seq DESC LIMIT {PAGE_MAX}"
        );
        let read = |row: &AnyRow| {
            let mut it = Columns::of(row);
            let machine = Machine { engine: it.text()?, device: it.text()? };
            let worker = WorkerId(it.count()?);
            let work = it.maybe_int()?.map(work_of).transpose()?;
            let (cycles, at, begun) = (it.count()?, Time(it.count()?), it.maybe_int()?);
            let begun = Time(begun.unwrap_or(0).unsigned_abs());
            let took = at.since(begun);
            Ok(work.map(|work| (machine, Took { worker, work, cycles, took })))
        };
        let rows = self.ask(sql, Vec::new()).await?;
        let took: Result<Vec<_>, LedgerError> = rows.iter().rev().map(read).collect();
        Ok(took?.into_iter().flatten().collect())
    }

    /// What the result of a task has to be; nothing if there is no such task, or it is an execution.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn part(
        &self,
        job: JobName,
        work: Work,
    ) -> Result<Option<PartOf>, LedgerError> {
        let sql = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE job = $1");
        let rows = self.ask(sql, vec![job.0.as_slice().into()]).await?;
        let Some(job) = rows.first().map(JobRow::read).transpose()? else { return Ok(None) };
        let kind = job.asked.proof;
        let segments = job.segments.zip(job.joins.shape());
        let parent = |work| segments.and_then(|(segments, shape)| shape.parent(work, segments));
        match work {
            Work::Execute => Ok(None),
            Work::Prove { segment } => {
                let page = self.column_of(&job, work, "page").await?;
                Ok(page.map(|page| PartOf::Segment { page, segment }))
            }
            Work::Join { level, index } if parent(work) != Some(Work::Verify) => {
                let place = JoinPlace { level, index, is_top: false };
                Ok(Some(PartOf::Joined { kind, place }))
            }
            Work::Join { .. } => {
                Ok(job.journal.map(|journal| PartOf::Whole { journal, proof: None }))
            }
            Work::Verify => {
                let top = segments.map(|(segments, shape)| shape.top(segments));
                let top = top.map(|level| Work::Join { level, index: 0 });
                let Some(top) = top else { return Ok(None) };
                let proof = self.column_of(&job, top, "output").await?;
                Ok(job.journal.map(|journal| PartOf::Whole { journal, proof }))
            }
        }
    }

    async fn column_of(
        &self,
        job: &JobRow,
        work: Work,
        column: &str,
    ) -> Result<Option<ArtifactId>, LedgerError> {
        let sql = format!("SELECT {column} FROM tasks WHERE job = $1 AND work = $2");
        let values = vec![job.name.0.as_slice().into(), Value::Int(work_code(work))];
        let rows = self.ask(sql, values).await?;
        let found = rows.first().map(|row| Columns::of(row).maybe_digest()).transpose()?;
        Ok(found.flatten().map(ArtifactId))
    }

    /// How many jobs have not ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn jobs_open(&self) -> Result<u64, LedgerError> {
        let rows = self.ask("SELECT COUNT(*) FROM jobs", Vec::new()).await?;
        rows.first().map_or(Ok(0), |row| Columns::of(row).count())
    }

    /// Whether other coordinators may change the same queue.
    pub fn is_shared(&self) -> bool {
        self.database == Database::Postgres
    }
}

/// What a result has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartOf {
    /// The proof of a segment, which stands in that page.
    Segment {
        /// The page.
        page: ArtifactId,
        /// The segment.
        segment: u32,
    },
    /// A join that is not the last.
    Joined {
        /// What it shall become.
        kind: ProofKind,
        /// Where it is.
        place: JoinPlace,
    },
    /// The proof of the whole.
    Whole {
        /// What the program said.
        journal: ArtifactId,
        /// The proof, if it is there already and the task was to verify it.
        proof: Option<ArtifactId>,
    },
}

/// What a duration is typical of.
pub(crate) struct Machine {
    pub(crate) engine: String,
    pub(crate) device: String,
}

fn view(row: JobRow) -> JobView {
    let standing = Standing::Open {
        due: row.asked.due,
        found: row.found,
        segments: row.segments.map(std::num::NonZeroU32::get),
        proven: row.proven,
        cycles: row.cycles,
        cycles_proven: row.cycles_proven,
    };
    JobView {
        name: row.name,
        engine: row.asked.engine,
        program: row.asked.program.id,
        input: row.asked.input.id,
        tenant: row.asked.tenant,
        submitted: row.submitted,
        standing,
    }
}

fn ended_view(row: &AnyRow) -> Result<JobView, LedgerError> {
    let mut it = Columns::of(row);
    let (name, engine) = (JobName(B256::new(it.digest()?)), it.text()?);
    let (program, input) = (ArtifactId(it.digest()?), ArtifactId(it.digest()?));
    let (tenant, submitted, at) = (it.text()?, Time(it.count()?), Time(it.count()?));
    let (outcome, segments, cycles) = (it.int()?, it.maybe_int()?, it.count()?);
    let (output, reason, retryable) = (it.maybe_digest()?, it.maybe_text()?, it.int()? != 0);
    let outcome = match (outcome, output) {
        (0, Some(output)) => Outcome::Proven(ArtifactId(output)),
        (1, _) => Outcome::Failed { reason: reason.unwrap_or_default(), retryable },
        (2, _) => Outcome::Cancelled,
        _ => return Err(LedgerError::corrupt("a job that ended in no way")),
    };
    let segments = segments.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let standing = Standing::Ended { at, outcome, segments, cycles };
    Ok(JobView { name, engine, program, input, tenant, submitted, standing })
}

fn event(row: &AnyRow) -> Result<EventRow, LedgerError> {
    let mut it = Columns::of(row);
    Ok(EventRow {
        seq: it.count()?,
        at: Time(it.count()?),
        job: JobName(B256::new(it.digest()?)),
        what: it.text()?,
        work: it.maybe_int()?.map(work_of).transpose()?.map(WorkName),
        worker: it.maybe_int()?.map(|it| WorkerId(it.unsigned_abs())),
        worker_name: it.maybe_text()?,
        begun: it.maybe_int()?.map(|it| Time(it.unsigned_abs())),
        cycles: it.count()?,
        note: it.text()?,
    })
}

fn worker(row: &AnyRow) -> Result<WorkerRow, LedgerError> {
    let mut it = Columns::of(row);
    let (id, state) = (WorkerId(it.count()?), WorkerState::of(it.int()?)?);
    let hello = read_hello(&mut it)?;
    Ok(WorkerRow {
        id,
        hello,
        state,
        began: Time(it.count()?),
        seen: Time(it.count()?),
        made: it.count()?,
        failed: it.count()?,
        refused: it.count()?,
        leases: it.count()?,
    })
}
