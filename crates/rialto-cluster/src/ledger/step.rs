//! One step of a round: some jobs with some of their tasks, given to the rules, and what the rules changed.

use super::LedgerError;
use super::rows::{
    Facts, JOB_COLUMNS, JOINS, JobRow, LEASE_COLUMNS, PROOFS, TASK_COLUMNS, TaskRow, fault_code,
    fault_of, lease_values, read_lease, task_values, work_code, work_of,
};
use super::sql::{self, Columns, Value};
use alloy_primitives::B256;
use rialto_planner::cluster::{
    Fault, Job, JobName, Lease, Queue, Retry, Task, TaskKey, TaskState, Work, WorkerId,
};
use sqlx::AnyConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Jobs and tasks as they were read, and as the rules have them now.
pub(super) struct Step {
    /// The rules, which know what was read and nothing else.
    pub(super) queue: Queue,
    /// What is kept of jobs beside what the rules ask.
    pub(super) jobs: BTreeMap<JobName, JobRow>,
    /// What is kept of tasks beside what the rules ask.
    pub(super) facts: BTreeMap<TaskKey, Facts>,
    jobs_read: BTreeMap<JobName, JobRow>,
    tasks_read: BTreeMap<TaskKey, (Task, Facts)>,
}

impl Step {
    /// Jobs that are locked already, with no task yet.
    pub(super) fn of(jobs: Vec<JobRow>) -> Self {
        let jobs: BTreeMap<_, _> = jobs.into_iter().map(|job| (job.name, job)).collect();
        Self {
            // The rules are not asked before `read` has made them.
            queue: Queue::new(NO_RETRY),
            jobs_read: jobs.clone(),
            jobs,
            facts: BTreeMap::new(),
            tasks_read: BTreeMap::new(),
        }
    }

    /// Reads tasks and gives all to the rules. Where an execution is said to have ended with so many segments, also
    /// what [`Job::kept`] asks for then.
    pub(super) async fn read(
        &mut self,
        on: &mut AnyConnection,
        keys: &BTreeSet<TaskKey>,
        ends: &BTreeMap<JobName, u32>,
        retry: Retry,
    ) -> Result<(), LedgerError> {
        let known = |key: &&TaskKey| self.jobs.contains_key(&key.job);
        let keys: Vec<_> = keys.iter().filter(known).copied().collect();
        let mut tasks = read_tasks(on, &keys).await?;
        for (job, segments) in ends.iter().filter(|(job, _)| self.jobs.contains_key(*job)) {
            add_proofs(on, *job, *segments, &mut tasks).await?;
        }
        read_leases(on, &mut tasks).await?;
        read_failures(on, &mut tasks).await?;
        self.queue = Queue::new(retry);
        let mut by_job = BTreeMap::<JobName, BTreeMap<Work, Task>>::new();
        for (key, row) in tasks {
            by_job.entry(key.job).or_default().insert(key.work, row.task.clone());
            self.facts.insert(key, row.facts);
            self.tasks_read.insert(key, (row.task, row.facts));
        }
        for (name, job) in &self.jobs {
            let tasks = by_job.remove(name).unwrap_or_default();
            self.queue.keep(*name, Job::kept(job.spec()?, job.found, job.segments, tasks));
        }
        Ok(())
    }

    /// Writes what is different. Jobs that have ended are not: see `archive`.
    pub(super) async fn write(&mut self, on: &mut AnyConnection) -> Result<(), LedgerError> {
        let mut change = Difference::default();
        for (name, row) in &mut self.jobs {
            let Some(job) = self.queue.job(*name) else { continue };
            row.found = job.found;
            row.segments = job.segments;
            for (work, task) in job.tasks() {
                let key = TaskKey { job: *name, work };
                let facts = self.facts.get(&key).copied().unwrap_or_default();
                change.task(key, self.tasks_read.get(&key), task, &facts, row);
            }
            for (key, (task, _)) in self.tasks_read.range(tasks_of(*name)) {
                if self.queue.task(*key).is_none() {
                    change.gone(*key, task, row);
                }
            }
        }
        let is_new = |it: &&JobRow| self.jobs_read.get(&it.name) != Some(*it);
        let rows = self.jobs.values().filter(|it| self.queue.job(it.name).is_some());
        let jobs = rows.filter(is_new).map(JobRow::write).collect();
        write_jobs(on, jobs).await?;
        change.write(on).await
    }
}

const NO_RETRY: Retry = Retry {
    attempts_max: 1,
    blames: 1,
    pause: rialto_protocol::Span::ZERO,
    pause_max: rialto_protocol::Span::ZERO,
};

fn tasks_of(job: JobName) -> std::ops::RangeInclusive<TaskKey> {
    TaskKey { job, work: Work::Execute }..=TaskKey { job, work: Work::Verify }
}

/// Rows that have to be written and removed.
#[derive(Default)]
struct Difference {
    tasks: Vec<Vec<Value>>,
    tasks_gone: Vec<Vec<Value>>,
    leases: Vec<Vec<Value>>,
    leases_gone: Vec<Vec<Value>>,
    failures: Vec<Vec<Value>>,
}

impl Difference {
    fn task(
        &mut self,
        key: TaskKey,
        read: Option<&(Task, Facts)>,
        task: &Task,
        facts: &Facts,
        job: &mut JobRow,
    ) {
        if read.is_some_and(|(was, were)| was == task && were == facts) {
            return;
        }
        let was = read.map(|(task, _)| task);
        // Renewals touch the lease's row alone.
        let is_leased = |it: &Task| matches!(it.state, TaskState::Leased(_));
        let same = |was: &Task| {
            is_leased(was)
                && is_leased(task)
                && was.generation == task.generation
                && was.failures.len() == task.failures.len()
        };
        if !was.is_some_and(same) {
            self.tasks.push(task_values(key.job, key.work, task, facts));
        }
        let (before, after) = (was.map_or(&[][..], Task::leases), task.leases());
        for lease in after.iter().filter(|lease| !before.contains(lease)) {
            self.leases.push(lease_values(key.job, key.work, lease));
        }
        let stands = |lease: &Lease| after.iter().any(|it| it.generation == lease.generation);
        for lease in before.iter().filter(|lease| !stands(lease)) {
            self.leases_gone.push(vec![
                key.job.0.as_slice().into(),
                Value::Int(work_code(key.work)),
                lease.generation.0.into(),
            ]);
        }
        let known = was.map_or(0, |was| was.failures.len());
        for (place, (worker, fault)) in task.failures.iter().enumerate().skip(known) {
            self.failures.push(failure_values(key, place, *worker, *fault));
        }
        let is_ready = |it: &Task| matches!(it.state, TaskState::Ready { .. });
        job.ready += u32::from(is_ready(task));
        job.ready -= u32::from(was.is_some_and(is_ready));
    }

    fn gone(&mut self, key: TaskKey, task: &Task, job: &mut JobRow) {
        let work = Value::Int(work_code(key.work));
        self.tasks_gone.push(vec![key.job.0.as_slice().into(), work.clone()]);
        for lease in task.leases() {
            let generation = lease.generation.0.into();
            self.leases_gone.push(vec![key.job.0.as_slice().into(), work.clone(), generation]);
        }
        job.ready -= u32::from(matches!(task.state, TaskState::Ready { .. }));
    }

    async fn write(self, on: &mut AnyConnection) -> Result<(), LedgerError> {
        let insert = format!("INSERT INTO tasks ({TASK_COLUMNS}) VALUES");
        sql::write(on, &insert, ON_TASK, self.tasks).await?;
        let delete = "DELETE FROM tasks WHERE (job, work) IN (VALUES";
        sql::write(on, delete, ")", self.tasks_gone).await?;
        let delete = "DELETE FROM leases WHERE (job, work, generation) IN (VALUES";
        sql::write(on, delete, ")", self.leases_gone).await?;
        let insert = format!("INSERT INTO leases ({LEASE_COLUMNS}) VALUES");
        let renew = "ON CONFLICT (job, work, generation) DO UPDATE SET until = excluded.until";
        sql::write(on, &insert, renew, self.leases).await?;
        let insert = "INSERT INTO failures (job, work, place, worker, fault) VALUES";
        sql::write(on, insert, "", self.failures).await
    }
}

const ON_TASK: &str = "ON CONFLICT (job, work) DO UPDATE SET state = excluded.state, missing = excluded.missing, \
    not_before = excluded.not_before, generation = excluded.generation, failures = excluded.failures, \
    cycles = excluded.cycles, page = excluded.page, page_bytes = excluded.page_bytes, output = excluded.output, \
    output_bytes = excluded.output_bytes";

fn failure_values(key: TaskKey, place: usize, worker: WorkerId, fault: Fault) -> Vec<Value> {
    vec![
        key.job.0.as_slice().into(),
        Value::Int(work_code(key.work)),
        sql::int(place as u64),
        sql::int(worker.0),
        fault_code(fault).into(),
    ]
}

/// Writes jobs, new ones and known ones.
pub(super) async fn write_jobs(
    on: &mut AnyConnection,
    rows: Vec<Vec<Value>>,
) -> Result<(), LedgerError> {
    let insert = format!("INSERT INTO jobs ({JOB_COLUMNS}) VALUES");
    let update = "ON CONFLICT (job) DO UPDATE SET found = excluded.found, segments = excluded.segments, \
        journal = excluded.journal, cycles = excluded.cycles, proven = excluded.proven, \
        cycles_proven = excluded.cycles_proven, ready = excluded.ready";
    sql::write(on, &insert, update, rows).await
}

type Rows = BTreeMap<TaskKey, TaskRow>;

fn key_values(key: &TaskKey) -> Vec<Value> {
    vec![key.job.0.as_slice().into(), Value::Int(work_code(key.work))]
}

/// These tasks of one job, with their leases and failures.
pub(super) async fn tasks(
    on: &mut AnyConnection,
    keys: &[TaskKey],
) -> Result<BTreeMap<Work, Task>, LedgerError> {
    let mut tasks = read_tasks(on, keys).await?;
    read_leases(on, &mut tasks).await?;
    read_failures(on, &mut tasks).await?;
    Ok(tasks.into_iter().map(|(key, row)| (key.work, row.task)).collect())
}

async fn read_tasks(on: &mut AnyConnection, keys: &[TaskKey]) -> Result<Rows, LedgerError> {
    let select = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE (job, work) IN (VALUES");
    let rows = sql::rows_of(on, &select, ")", keys.iter().map(key_values).collect()).await?;
    let rows = rows.iter().map(TaskRow::read);
    rows.map(|row| row.map(|row| (TaskKey { job: row.job, work: row.work }, row))).collect()
}

/// Proofs of segments that have their result, and segments beyond the last.
async fn add_proofs(
    on: &mut AnyConnection,
    job: JobName,
    segments: u32,
    tasks: &mut Rows,
) -> Result<(), LedgerError> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM tasks WHERE job = $1 AND work >= $2 AND work < $3 AND (state = 3 OR work >= $4)"
    );
    let values = vec![
        job.0.as_slice().into(),
        Value::Int(PROOFS),
        Value::Int(JOINS),
        Value::Int(PROOFS + i64::from(segments)),
    ];
    for row in sql::rows(on, sql, values).await? {
        let row = TaskRow::read(&row)?;
        tasks.insert(TaskKey { job: row.job, work: row.work }, row);
    }
    Ok(())
}

async fn read_leases(on: &mut AnyConnection, tasks: &mut Rows) -> Result<(), LedgerError> {
    let leased = tasks.iter().filter(|(_, row)| matches!(row.task.state, TaskState::Leased(_)));
    let keys = leased.map(|(key, _)| key_values(key)).collect();
    let select = format!("SELECT {LEASE_COLUMNS} FROM leases WHERE (job, work) IN (VALUES");
    for row in sql::rows_of(on, &select, ") ORDER BY job, work, generation", keys).await? {
        let (job, work, lease) = read_lease(&row)?;
        let row = tasks.get_mut(&TaskKey { job, work });
        if let Some(TaskState::Leased(leases)) = row.map(|row| &mut row.task.state) {
            leases.push(lease);
        }
    }
    Ok(())
}

async fn read_failures(on: &mut AnyConnection, tasks: &mut Rows) -> Result<(), LedgerError> {
    let failed = tasks.iter().filter(|(_, row)| row.failures > 0);
    let keys: Vec<_> = failed.map(|(key, _)| *key).collect();
    for (key, failures) in failures_of(on, &keys).await? {
        if let Some(row) = tasks.get_mut(&key) {
            row.task.failures = failures;
        }
    }
    Ok(())
}

/// Who failed at these tasks, in order.
pub(super) async fn failures_of(
    on: &mut AnyConnection,
    keys: &[TaskKey],
) -> Result<BTreeMap<TaskKey, Vec<(WorkerId, Fault)>>, LedgerError> {
    let select = "SELECT job, work, worker, fault FROM failures WHERE (job, work) IN (VALUES";
    let keys = keys.iter().map(key_values).collect();
    let mut found = BTreeMap::<TaskKey, Vec<_>>::new();
    for row in sql::rows_of(on, select, ") ORDER BY job, work, place", keys).await? {
        let mut it = Columns::of(&row);
        let key = TaskKey { job: JobName(B256::new(it.digest()?)), work: work_of(it.int()?)? };
        found.entry(key).or_default().push((WorkerId(it.count()?), fault_of(it.int()?)?));
    }
    Ok(found)
}
