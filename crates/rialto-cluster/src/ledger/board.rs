//! What a decision needs to see: tasks that can begin, tasks that are in hand, and what a task takes.

use super::archive::{child, origin, results};
use super::rows::{
    JOB_COLUMNS, JobRow, LEASE_COLUMNS, TASK_COLUMNS, TaskRow, read_lease, tenant_id, work_code,
    work_of,
};
use super::sql::{self, Columns, Value, int};
use super::step::failures_of;
use super::{Database, LedgerError, Round};
use crate::wire::{Assignment, LeaseName, Stored, TaskSpec, WorkName};
use alloy_primitives::{B256, U256};
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{
    Candidate, InHand, JobName, Resources, Stage, TaskKey, TaskState, Token, Work, WorkerId,
};
use rialto_protocol::{Time, Wei};
use rialto_zkvm::JobId;
use std::collections::{BTreeMap, BTreeSet};

/// Of one tenant so many jobs are looked at, those that are due first.
const JOBS_OF_A_TENANT: usize = 32;

/// What a task takes of a worker.
pub(crate) type Needs<'a> = &'a (dyn Fn(Stage) -> Resources + Sync);

/// Locality is weighed for so many parts of a join: more come from everywhere anyway.
const PARTS_WEIGHED: u32 = 16;

impl Round {
    /// Tasks of an engine that can begin, of each job at most `window`, of each tenant those jobs that are due first. Their
    /// jobs are this round's, and those of other rounds are passed over.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn candidates(
        &mut self,
        engine: &str,
        window: usize,
        needs: Needs<'_>,
    ) -> Result<Vec<Candidate<TaskKey>>, LedgerError> {
        let jobs = self.jobs_waiting(engine).await?;
        let mut found = Vec::new();
        for job in &jobs {
            for row in self.ready(job.name, window).await? {
                found.push((job, row));
            }
        }
        let failed = found.iter().filter(|(_, row)| row.failures > 0);
        let keys: Vec<_> =
            failed.map(|(_, row)| TaskKey { job: row.job, work: row.work }).collect();
        let failures = failures_of(&mut self.on, &keys).await?;
        let mut candidates = Vec::with_capacity(found.len());
        for (job, row) in found {
            let key = TaskKey { job: row.job, work: row.work };
            let failed_on = failures.get(&key).into_iter().flatten().map(|(worker, _)| *worker);
            let inputs = self.inputs(job, &row).await?;
            candidates.push(Candidate {
                key,
                stage: row.work.stage(),
                size: size(job, &row),
                needs: needs(row.work.stage()),
                tenant: tenant_id(&job.asked.tenant),
                due: job.asked.due,
                value: job.asked.value,
                inputs: inputs.iter().map(|it| (B256::new(it.id.0), it.bytes)).collect(),
                failed_on: failed_on.collect(),
            });
        }
        Ok(candidates)
    }

    async fn jobs_waiting(&mut self, engine: &str) -> Result<Vec<JobRow>, LedgerError> {
        let skip = match self.database {
            Database::Sqlite => "",
            Database::Postgres => " FOR UPDATE SKIP LOCKED",
        };
        let tenants = "SELECT DISTINCT tenant FROM jobs WHERE engine = $1 AND ready > 0";
        let tenants = sql::rows(&mut self.on, tenants, vec![engine.into()]).await?;
        let mut jobs = Vec::new();
        for tenant in &tenants {
            let tenant = Columns::of(tenant).text()?;
            let sql = format!(
                "SELECT {JOB_COLUMNS} FROM jobs WHERE engine = $1 AND tenant = $2 AND ready > 0 \
                ORDER BY due, job LIMIT {JOBS_OF_A_TENANT}{skip}"
            );
            let values = vec![engine.into(), tenant.as_str().into()];
            for row in sql::rows(&mut self.on, sql, values).await? {
                jobs.push(JobRow::read(&row)?);
            }
        }
        Ok(jobs)
    }

    /// A job's tasks that can begin, joins before proofs.
    async fn ready(&mut self, job: JobName, window: usize) -> Result<Vec<TaskRow>, LedgerError> {
        let sql = format!(
            "SELECT {TASK_COLUMNS} FROM tasks WHERE job = $1 AND state = 1 AND not_before <= $2 \
            ORDER BY turn, work LIMIT {window}"
        );
        let values = vec![job.0.as_slice().into(), int(self.now().0)];
        let rows = sql::rows(&mut self.on, sql, values).await?;
        rows.iter().map(TaskRow::read).collect()
    }

    /// What a task reads.
    async fn inputs(&mut self, job: &JobRow, row: &TaskRow) -> Result<Vec<Stored>, LedgerError> {
        let own = [job.asked.program, job.asked.input];
        match row.work {
            Work::Execute => Ok(own.to_vec()),
            Work::Prove { .. } => Ok(own.into_iter().chain(row.facts.page).collect()),
            work => {
                let few =
                    job.joins.leaf_arity.get() <= PARTS_WEIGHED && job.joins.arity <= PARTS_WEIGHED;
                if few { self.parts(job, work).await } else { Ok(Vec::new()) }
            }
        }
    }

    /// The results that a join or the verification reads, in order.
    async fn parts(&mut self, job: &JobRow, work: Work) -> Result<Vec<Stored>, LedgerError> {
        let shape = job.spec()?.shape;
        let children = job.segments.and_then(|segments| shape.children(work, segments));
        let Some((stage, places)) = children.filter(|(_, places)| !places.is_empty()) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT output, output_bytes FROM tasks WHERE job = $1 AND work >= $2 AND work <= $3 ORDER BY work";
        let values = vec![
            job.name.0.as_slice().into(),
            Value::Int(work_code(child(stage, places.start))),
            Value::Int(work_code(child(stage, places.end - 1))),
        ];
        let mut parts = Vec::new();
        for row in sql::rows(&mut self.on, sql, values).await? {
            let mut it = Columns::of(&row);
            let id = it.maybe_digest()?.map(ArtifactId);
            let id = id.ok_or_else(|| LedgerError::corrupt("a join whose parts are not there"))?;
            parts.push(Stored { id, bytes: it.count()? });
        }
        Ok(parts)
    }

    /// Tasks of an engine that somebody has, with when each lease began.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn in_hand(
        &mut self,
        engine: &str,
        needs: Needs<'_>,
    ) -> Result<Vec<InHand<TaskKey>>, LedgerError> {
        let sql = "SELECT l.job, l.work, l.worker, l.begun, t.cycles, j.cycles, j.tenant, j.due, j.value \
            FROM leases l JOIN tasks t ON t.job = l.job AND t.work = l.work JOIN jobs j ON j.job = l.job \
            WHERE j.engine = $1 ORDER BY l.job, l.work, l.generation";
        let mut hands: Vec<InHand<TaskKey>> = Vec::new();
        for row in sql::rows(&mut self.on, sql, vec![engine.into()]).await? {
            let mut it = Columns::of(&row);
            let key = TaskKey { job: JobName(B256::new(it.digest()?)), work: work_of(it.int()?)? };
            let (worker, begun) = (WorkerId(it.count()?), Time(it.count()?));
            let (own, whole) = (it.count()?, it.count()?);
            let stage = key.work.stage();
            let task = Candidate {
                key,
                stage,
                size: if stage == Stage::Prove { own } else { whole },
                needs: needs(stage),
                tenant: tenant_id(&it.text()?),
                due: Time(it.count()?),
                value: Wei(U256::from_be_bytes(it.digest()?)),
                inputs: Vec::new(),
                failed_on: Vec::new(),
            };
            let is_twice = hands.last().is_some_and(|last| last.task.key == key);
            if let Some(last) = hands.last_mut().filter(|_| is_twice) {
                last.is_twice = true;
            }
            hands.push(InHand { task, worker, begun, is_twice });
        }
        Ok(hands)
    }

    /// What these workers are to do.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn leases(
        &mut self,
        workers: &BTreeSet<WorkerId>,
    ) -> Result<BTreeMap<WorkerId, Vec<Token>>, LedgerError> {
        let select = format!("SELECT {LEASE_COLUMNS} FROM leases WHERE worker IN (VALUES");
        let ids = workers.iter().map(|it| vec![int(it.0)]).collect();
        let after = ") ORDER BY worker, begun, job, work";
        let mut leases = BTreeMap::<WorkerId, Vec<Token>>::new();
        for row in sql::rows_of(&mut self.on, &select, after, ids).await? {
            let (job, work, lease) = read_lease(&row)?;
            let key = TaskKey { job, work };
            let token = Token { key, worker: lease.worker, generation: lease.generation };
            leases.entry(lease.worker).or_default().push(token);
        }
        Ok(leases)
    }

    /// What these leases are about. One whose task is gone has no answer.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn assignments(
        &mut self,
        tokens: &[Token],
    ) -> Result<Vec<(WorkerId, Assignment)>, LedgerError> {
        let jobs: BTreeSet<_> = tokens.iter().map(|it| it.key.job).collect();
        let select = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE job IN (VALUES");
        let names = jobs.into_iter().map(|job| vec![job.0.as_slice().into()]).collect();
        let rows = sql::rows_of(&mut self.on, &select, ")", names).await?;
        let jobs: Result<BTreeMap<_, _>, _> =
            rows.iter().map(|row| JobRow::read(row).map(|job| (job.name, job))).collect();
        let jobs = jobs?;
        let pages = self.pages(tokens).await?;
        let mut assignments = Vec::with_capacity(tokens.len());
        for token in tokens {
            let Some(job) = jobs.get(&token.key.job) else { continue };
            let Some(task) = self.task_spec(job, token.key, &pages).await? else { continue };
            let lease = LeaseName {
                job: JobId(token.key.job.0.0),
                work: WorkName(token.key.work),
                generation: token.generation.0,
            };
            assignments.push((token.worker, Assignment { lease, task }));
        }
        Ok(assignments)
    }

    async fn pages(
        &mut self,
        tokens: &[Token],
    ) -> Result<BTreeMap<TaskKey, ArtifactId>, LedgerError> {
        let proofs = tokens.iter().filter(|it| matches!(it.key.work, Work::Prove { .. }));
        let key =
            |it: &Token| vec![it.key.job.0.as_slice().into(), Value::Int(work_code(it.key.work))];
        let select = "SELECT job, work, page FROM tasks WHERE (job, work) IN (VALUES";
        let rows = sql::rows_of(&mut self.on, select, ")", proofs.map(key).collect()).await?;
        let mut pages = BTreeMap::new();
        for row in &rows {
            let mut it = Columns::of(row);
            let key = TaskKey { job: JobName(B256::new(it.digest()?)), work: work_of(it.int()?)? };
            pages.extend(it.maybe_digest()?.map(|page| (key, ArtifactId(page))));
        }
        Ok(pages)
    }

    async fn task_spec(
        &mut self,
        job: &JobRow,
        key: TaskKey,
        pages: &BTreeMap<TaskKey, ArtifactId>,
    ) -> Result<Option<TaskSpec>, LedgerError> {
        let (program, input) = (job.asked.program.id, job.asked.input.id);
        Ok(match key.work {
            Work::Execute => Some(TaskSpec::Execute { program, input, limits: job.asked.limits }),
            Work::Prove { segment } => {
                pages.get(&key).map(|page| TaskSpec::Prove { program, input, page: *page, segment })
            }
            Work::Join { level, index } => {
                let parts = self.parts(job, key.work).await?;
                let parent = job.segments.and_then(|it| job.joins.shape()?.parent(key.work, it));
                let is_top = parent == Some(Work::Verify);
                let parts = parts.into_iter().map(|it| it.id).collect();
                Some(TaskSpec::Join { proof: job.asked.proof, level, index, is_top, parts })
            }
            Work::Verify => {
                let proof = self.parts(job, Work::Verify).await?.first().map(|it| it.id);
                let both = job.journal.zip(proof);
                both.map(|(journal, proof)| TaskSpec::Verify { program, journal, proof })
            }
        })
    }

    /// Results of earlier attempts for these tasks, as far as there are any.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn earlier(
        &mut self,
        tokens: &[Token],
    ) -> Result<Vec<(Token, Stored)>, LedgerError> {
        let jobs: BTreeSet<_> = tokens.iter().map(|it| it.key.job).collect();
        let jobs: BTreeMap<_, _> =
            self.lock(jobs).await?.into_iter().map(|it| (it.name, it)).collect();
        let resumes = |it: &&Token| jobs.get(&it.key.job).is_some_and(|job| job.resumes);
        let tokens: Vec<_> = tokens.iter().filter(resumes).copied().collect();
        let pages = self.pages(&tokens).await?;
        let mut named = BTreeMap::new();
        for token in &tokens {
            let Some(job) = jobs.get(&token.key.job) else { continue };
            let name = match token.key.work {
                Work::Prove { segment } => {
                    pages.get(&token.key).map(|page| origin(&job.asked).proof(page, segment))
                }
                work @ Work::Join { .. } => {
                    let parts = self.parts(job, work).await?;
                    let parent = job.segments.and_then(|it| job.joins.shape()?.parent(work, it));
                    let is_top = parent == Some(Work::Verify);
                    origin(&job.asked).join(
                        job.asked.proof,
                        work,
                        is_top,
                        parts.iter().map(|it| &it.id),
                    )
                }
                Work::Execute | Work::Verify => None,
            };
            named.extend(name.map(|name| (name.0, *token)));
        }
        let found = results(&mut self.on, named.keys().copied().collect()).await?;
        Ok(found.into_iter().filter_map(|(name, it)| Some((*named.get(&name)?, it))).collect())
    }

    /// When a task that waits for its next attempt can begin, or a lease is over: the soonest.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn next_look(&mut self) -> Result<Option<Time>, LedgerError> {
        let sql = "SELECT MIN(until) FROM leases";
        let rows = sql::rows(&mut self.on, sql, Vec::new()).await?;
        let lease = rows.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten();
        let sql = "SELECT MIN(not_before) FROM tasks WHERE state = 1 AND failures > 0 AND not_before > $1";
        let now = int(self.now().0);
        let rows = sql::rows(&mut self.on, sql, vec![now]).await?;
        let task = rows.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten();
        let soonest = lease.map(|it| it + 1).into_iter().chain(task).min();
        Ok(soonest.map(|it| Time(it.unsigned_abs())))
    }
}

/// What its duration follows: a segment's instructions, for everything else those of the whole.
fn size(job: &JobRow, row: &TaskRow) -> u64 {
    match (row.work, &row.task.state) {
        (Work::Execute, TaskState::Ready { .. }) => job.asked.limits.cycles_max.0,
        (Work::Prove { .. }, _) => row.facts.cycles,
        _ => job.cycles,
    }
}
