//! One transaction: what was said is heard, what is over is taken back, what can begin begins.

use super::archive::{self, Ending};
use super::garbage;
use super::rows::{Facts, JOB_COLUMNS, JobRow, Joins, NewJob, joins, proof_text, work_code};
use super::sql::{self, Columns, Value, int};
use super::step::{Step, write_jobs};
use super::{Database, LedgerError};
use crate::wire::{Saying, Stored};
use alloy_primitives::B256;
use rialto_planner::cluster::{
    Change, Fault, JobEnd, JobName, Lease, Queue, Rejected, Retry, Said, Task, TaskKey, Token,
    Work, WorkerId,
};
use rialto_protocol::{Span, Time};
use sqlx::{Any, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// A transaction on the queue. Dropped without [`Round::commit`], nothing of it has happened.
pub struct Round {
    pub(super) on: Transaction<'static, Any>,
    pub(super) database: Database,
    retry: Retry,
    now: Time,
    events: Vec<Vec<Value>>,
}

/// What a worker says, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Of which task, under which lease.
    pub token: Token,
    /// What; nothing: that it goes on.
    pub said: Option<Saying>,
}

/// Who is to begin what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// What.
    pub key: TaskKey,
    /// Who.
    pub worker: WorkerId,
}

impl Round {
    pub(super) fn new(
        on: Transaction<'static, Any>,
        database: Database,
        retry: Retry,
        now: Time,
    ) -> Self {
        Self { on, database, retry, now, events: Vec::new() }
    }

    /// The time that all of it happens at.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Takes a job on, whose proofs are joined like that. One that has not ended stays as it is; one that has begins anew.
    /// Whether it is new.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn submit(
        &mut self,
        name: JobName,
        asked: NewJob,
        joins: Joins,
    ) -> Result<bool, LedgerError> {
        if !self.lock([name]).await?.is_empty() {
            return Ok(false);
        }
        let resumes = archive::has_results(&mut self.on, &asked).await?;
        let delete = "DELETE FROM ended WHERE job = $1";
        sql::run(&mut self.on, delete, vec![name.0.as_slice().into()]).await?;
        let row = JobRow {
            name,
            asked,
            joins,
            submitted: self.now,
            resumes,
            found: 0,
            segments: None,
            journal: None,
            cycles: 0,
            proven: 0,
            cycles_proven: 0,
            ready: 0,
        };
        let mut step = Step::of(vec![row.clone()]);
        step.read(&mut self.on, &BTreeSet::new(), &BTreeMap::new(), self.retry).await?;
        step.queue = Queue::new(self.retry);
        step.queue.submit(name, row.spec()?, self.now);
        write_jobs(&mut self.on, vec![row.write()]).await?;
        step.write(&mut self.on).await?;
        self.event(name, "submitted", Happened::default());
        Ok(true)
    }

    /// Ends a job at its owner's wish. Whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel(&mut self, name: JobName) -> Result<bool, LedgerError> {
        let jobs = self.lock([name]).await?;
        let Some(job) = jobs.into_iter().next() else { return Ok(false) };
        self.end(&job, JobEnd::Cancelled, None).await?;
        Ok(true)
    }

    /// Hears workers, one after the other, each until then if its lease stands. For each what the rules say, and how
    /// long it took if it made something.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn hear(
        &mut self,
        heard: &[Heard],
        until: Time,
    ) -> Result<Vec<Result<Option<Took>, Rejected>>, LedgerError> {
        self.hear_how(heard, until, "made").await
    }

    /// Takes results of earlier attempts for what was just begun, as if its worker had made them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn recall(&mut self, made: &[(Token, Stored)]) -> Result<(), LedgerError> {
        let heard = |(token, output): &(Token, Stored)| Heard {
            token: *token,
            said: Some(Saying::Made { output: *output }),
        };
        let heard: Vec<_> = made.iter().map(heard).collect();
        self.hear_how(&heard, self.now, "recalled").await.map(drop)
    }

    async fn hear_how(
        &mut self,
        heard: &[Heard],
        until: Time,
        made: &str,
    ) -> Result<Vec<Result<Option<Took>, Rejected>>, LedgerError> {
        let names: BTreeSet<_> = heard.iter().map(|it| it.token.key.job).collect();
        let mut step = Step::of(self.lock(names).await?);
        let mut keys = BTreeSet::new();
        let mut ends = BTreeMap::new();
        for Heard { token, said } in heard {
            let Some(job) = step.jobs.get(&token.key.job) else { continue };
            keys.insert(token.key);
            let shape = job.spec()?.shape;
            let parent = job.segments.and_then(|it| shape.parent(token.key.work, it));
            keys.extend(parent.map(|work| TaskKey { work, ..token.key }));
            if let Some(Saying::Executed { segments, .. }) = said {
                let end = ends.entry(token.key.job).or_insert(*segments);
                *end = (*end).min(*segments);
            }
        }
        step.read(&mut self.on, &keys, &ends, self.retry).await?;
        let named = heard.iter().filter_map(|it| it.said.as_ref()?.names()).map(|it| it.id.0);
        let late = garbage::named(&mut self.on, named.collect()).await?;
        let mut answers = Vec::with_capacity(heard.len());
        let mut ended = Vec::new();
        for it in heard {
            let named = it.said.as_ref().and_then(Saying::names);
            if named.is_some_and(|it| late.contains(&it.id.0)) {
                answers.push(Err(Rejected::Stale));
                continue;
            }
            let answer = self.hear_one(&mut step, it, until, made);
            answers.push(answer.map(|(changes, took)| {
                ended.extend(ends_of(changes, it));
                took
            }));
        }
        step.write(&mut self.on).await?;
        for (name, end, reason) in ended {
            if let Some(job) = step.jobs.get(&name) {
                self.end(job, end, reason).await?;
            }
        }
        Ok(answers)
    }

    fn hear_one(
        &mut self,
        step: &mut Step,
        heard: &Heard,
        until: Time,
        made: &str,
    ) -> Result<(Vec<Change>, Option<Took>), Rejected> {
        let Heard { token, said } = heard;
        let Some(said) = said else {
            let changes = step.queue.hear(*token, Said::Alive(until), self.now)?;
            return Ok((changes, None));
        };
        let task = step.queue.task(token.key).ok_or(Rejected::Unknown)?;
        let is_theirs =
            |it: &&Lease| (it.worker, it.generation) == (token.worker, token.generation);
        let stands = |task: &Task| task.leases().iter().find(is_theirs).map(|it| it.begun);
        let begun = stands(task).ok_or(Rejected::Stale)?;
        let plain = plain(said, token.key, step)?;
        let known = step.queue.job(token.key.job).map_or(0, |it| it.found);
        let changes = step.queue.hear(*token, plain, self.now)?;
        let (what, happened) = note(step, heard, begun, known, made);
        let (took, cycles) = (self.now.since(begun), happened.cycles);
        let took = Took { worker: token.worker, work: token.key.work, cycles, took };
        self.event(token.key.job, what, happened);
        Ok((changes, (what == "made").then_some(took)))
    }

    /// Takes leases back that are over: at most as many as a round should.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn look(&mut self) -> Result<(), LedgerError> {
        let sql = "SELECT job, work FROM leases WHERE until < $1 ORDER BY until LIMIT 1000";
        let mut keys = BTreeSet::new();
        for row in sql::rows(&mut self.on, sql, vec![int(self.now.0)]).await? {
            let mut it = Columns::of(&row);
            let job = JobName(B256::new(it.digest()?));
            keys.insert(TaskKey { job, work: super::rows::work_of(it.int()?)? });
        }
        if keys.is_empty() {
            return Ok(());
        }
        let names: BTreeSet<_> = keys.iter().map(|key| key.job).collect();
        let mut step = Step::of(self.lock_free(names).await?);
        step.read(&mut self.on, &keys, &BTreeMap::new(), self.retry).await?;
        for key in &keys {
            for lease in step.queue.task(*key).map(Task::leases).unwrap_or_default() {
                if lease.until < self.now {
                    let (worker, begun) = (Some(lease.worker), Some(lease.begun));
                    let happened =
                        Happened { work: Some(key.work), worker, begun, ..Happened::default() };
                    self.event(key.job, "lost", happened);
                }
            }
        }
        let changes = step.queue.look(self.now);
        step.write(&mut self.on).await?;
        for change in changes {
            if let Change::Ended(name, end) = change
                && let Some(job) = step.jobs.get(&name)
            {
                self.end(job, end, None).await?;
            }
        }
        Ok(())
    }

    /// Gives tasks to workers. Those that cannot begin are passed over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin(
        &mut self,
        chosen: &[Chosen],
        until: Time,
    ) -> Result<Vec<Token>, LedgerError> {
        let keys: BTreeSet<_> = chosen.iter().map(|it| it.key).collect();
        let names: BTreeSet<_> = keys.iter().map(|key| key.job).collect();
        let mut step = Step::of(self.lock_free(names).await?);
        step.read(&mut self.on, &keys, &BTreeMap::new(), self.retry).await?;
        let mut begun = Vec::with_capacity(chosen.len());
        for Chosen { key, worker } in chosen {
            if let Ok(lease) = step.queue.begin(*key, *worker, self.now, until) {
                begun.push(Token { key: *key, worker: *worker, generation: lease.generation });
            }
        }
        step.write(&mut self.on).await?;
        Ok(begun)
    }

    /// Makes it all happen. Whether there is something to tell of.
    ///
    /// # Errors
    /// [`LedgerError::Write`]: nothing has happened.
    pub async fn commit(mut self) -> Result<bool, LedgerError> {
        let insert = "INSERT INTO events (at, job, what, work, worker, begun, cycles, note) VALUES";
        let has_changed = !self.events.is_empty();
        sql::write(&mut self.on, insert, "", std::mem::take(&mut self.events)).await?;
        if has_changed && self.database == Database::Postgres {
            sql::run(&mut self.on, format!("NOTIFY {CHANNEL}"), Vec::new()).await?;
        }
        self.on.commit().await.map_err(LedgerError::Write)?;
        Ok(has_changed)
    }

    /// Forgets what became of jobs that ended before then, results that were kept before, and workers that were not
    /// heard of since and have nothing, but those that are quarantined.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget(&mut self, before: Time) -> Result<(), LedgerError> {
        archive::forget(&mut self.on, before).await?;
        let sql = "DELETE FROM workers WHERE seen < $1 AND state <> 2 AND worker NOT IN (SELECT worker FROM leases)";
        sql::run(&mut self.on, sql, vec![int(before.0)]).await.map(drop)
    }

    async fn end(
        &mut self,
        job: &JobRow,
        end: JobEnd,
        reason: Option<String>,
    ) -> Result<(), LedgerError> {
        let ending = Ending::of(end, reason);
        let what = ending.word();
        let note = ending.reason.clone().unwrap_or_default();
        archive::end(&mut self.on, job, ending, self.now).await?;
        self.event(job.name, what, Happened { cycles: job.cycles, note, ..Happened::default() });
        Ok(())
    }

    /// These jobs, as far as they have not ended, for this round alone.
    pub(super) async fn lock(
        &mut self,
        names: impl IntoIterator<Item = JobName>,
    ) -> Result<Vec<JobRow>, LedgerError> {
        self.locked(names, " FOR UPDATE").await
    }

    /// These jobs, but those that another round has at the moment.
    async fn lock_free(
        &mut self,
        names: impl IntoIterator<Item = JobName>,
    ) -> Result<Vec<JobRow>, LedgerError> {
        self.locked(names, " FOR UPDATE SKIP LOCKED").await
    }

    async fn locked(
        &mut self,
        names: impl IntoIterator<Item = JobName>,
        lock: &str,
    ) -> Result<Vec<JobRow>, LedgerError> {
        let lock = if self.database == Database::Postgres { lock } else { "" };
        let names: Vec<Vec<Value>> =
            names.into_iter().map(|name| vec![name.0.as_slice().into()]).collect();
        let select = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE job IN (VALUES");
        let after = format!(") ORDER BY job{lock}");
        let rows = sql::rows_of(&mut self.on, &select, &after, names).await?;
        rows.iter().map(JobRow::read).collect()
    }

    /// Says how a proof system joins proofs; what was said before counts no more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_joins(
        &mut self,
        engine: &str,
        proof: rialto_zkvm::ProofKind,
        joins: Joins,
    ) -> Result<(), LedgerError> {
        let row = vec![
            engine.into(),
            proof_text(proof).into(),
            joins.leaf_arity.get().into(),
            joins.arity.into(),
            u32::from(joins.levels_min).into(),
        ];
        let insert = "INSERT INTO engines (engine, proof, leaf_arity, arity, levels_min) VALUES";
        let update = "ON CONFLICT (engine, proof) DO UPDATE SET leaf_arity = excluded.leaf_arity, \
            arity = excluded.arity, levels_min = excluded.levels_min";
        sql::write(&mut self.on, insert, update, vec![row]).await
    }

    /// How a proof system joins proofs, if it is known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn joins(
        &mut self,
        engine: &str,
        proof: rialto_zkvm::ProofKind,
    ) -> Result<Option<Joins>, LedgerError> {
        let sql =
            "SELECT leaf_arity, arity, levels_min FROM engines WHERE engine = $1 AND proof = $2";
        let values = vec![engine.into(), proof_text(proof).into()];
        let rows = sql::rows(&mut self.on, sql, values).await?;
        rows.first().map(|row| joins(&mut Columns::of(row))).transpose()
    }

    /// The engines whose way to join is known, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn engines(&mut self) -> Result<Vec<String>, LedgerError> {
        let sql = "SELECT DISTINCT engine FROM engines ORDER BY engine";
        let rows = sql::rows(&mut self.on, sql, Vec::new()).await?;
        rows.iter().map(|row| Columns::of(row).text()).collect()
    }

    pub(super) fn event(&mut self, job: JobName, what: &str, happened: Happened) {
        self.events.push(vec![
            int(self.now.0),
            job.0.as_slice().into(),
            what.into(),
            Value::MaybeInt(happened.work.map(work_code)),
            Value::MaybeInt(happened.worker.map(|it| it.0 as i64)),
            Value::MaybeInt(happened.begun.map(|it| it.0 as i64)),
            int(happened.cycles),
            Value::Text(happened.note),
        ]);
    }
}

/// How long somebody took for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Who.
    pub worker: WorkerId,
    /// For what.
    pub work: Work,
    /// Of so many instructions.
    pub cycles: u64,
    /// How long.
    pub took: Span,
}

/// What other coordinators listen to.
pub(super) const CHANNEL: &str = "rialto_cluster";

/// The most characters that are kept of what a worker says for people.
const NOTE_CHARS: usize = 2_000;

/// What is told of an event.
#[derive(Default)]
pub(super) struct Happened {
    pub(super) work: Option<Work>,
    pub(super) worker: Option<WorkerId>,
    pub(super) begun: Option<Time>,
    pub(super) cycles: u64,
    pub(super) note: String,
}

/// What was heard, beside what the rules keep of it, and what is told of it. So many segments were known before.
fn note<'m>(
    step: &mut Step,
    heard: &Heard,
    begun: Time,
    known: u32,
    made: &'m str,
) -> (&'m str, Happened) {
    let Heard { token, said } = heard;
    let key = token.key;
    let mut happened = Happened {
        work: Some(key.work),
        worker: Some(token.worker),
        begun: Some(begun),
        ..Happened::default()
    };
    let what = match said {
        None => "alive",
        Some(Saying::Found { first, cycles, page }) => {
            for (segment, cycles) in (*first..).zip(cycles).filter(|(it, _)| *it >= known) {
                let key = TaskKey { work: Work::Prove { segment }, ..key };
                let (page, cycles) = (Some(*page), *cycles);
                step.facts.insert(key, Facts { page, cycles, output_bytes: 0 });
                happened.cycles += cycles;
            }
            if let Some(job) = step.jobs.get_mut(&key.job) {
                job.cycles += happened.cycles;
            }
            "found"
        }
        Some(Saying::Executed { journal, .. }) => {
            if let Some(job) = step.jobs.get_mut(&key.job) {
                job.journal = Some(journal.id);
                happened.cycles = job.cycles;
            }
            made
        }
        Some(Saying::Made { output }) => {
            let facts = step.facts.entry(key).or_default();
            facts.output_bytes = output.bytes;
            happened.cycles = facts.cycles;
            if let (Work::Prove { .. }, Some(job)) = (key.work, step.jobs.get_mut(&key.job)) {
                job.proven += 1;
                job.cycles_proven += facts.cycles;
            }
            made
        }
        Some(Saying::Failed { reason, .. }) => {
            happened.note = reason.chars().take(NOTE_CHARS).collect();
            "failed"
        }
    };
    (what, happened)
}

/// What the rules are told. What cannot be is refused here as far as it is about what they do not know.
fn plain(said: &Saying, key: TaskKey, step: &Step) -> Result<Said, Rejected> {
    let job = step.jobs.get(&key.job).ok_or(Rejected::Unknown)?;
    let known = step.queue.job(key.job).map_or(0, |it| it.found);
    match said {
        Saying::Found { first, cycles, .. } => {
            let count = u32::try_from(cycles.len()).ok();
            let found = count.and_then(|count| first.checked_add(count));
            let sum = cycles.iter().try_fold(0u64, |sum, it| sum.checked_add(*it));
            let fits = sum.is_some_and(|sum| sum <= job.asked.limits.cycles_max.0);
            // Without a gap, and with something in each.
            let is_sound = *first <= known && cycles.iter().all(|it| *it > 0) && fits;
            found.filter(|_| is_sound).map(Said::Found).ok_or(Rejected::Contradiction)
        }
        Saying::Executed { segments, journal } => {
            let told = NonZeroU32::new(*segments).filter(|it| it.get() <= known);
            let output = B256::new(journal.id.0);
            told.map(|it| Said::Executed(it, output)).ok_or(Rejected::Contradiction)
        }
        Saying::Made { output: Stored { id, .. } } => Ok(Said::Made(B256::new(id.0))),
        // That a worker was lost is nobody's to say.
        Saying::Failed { fault: Fault::Lost, .. } => Err(Rejected::Contradiction),
        Saying::Failed { fault, .. } => Ok(Said::Failed(*fault)),
    }
}

fn ends_of(changes: Vec<Change>, heard: &Heard) -> Option<(JobName, JobEnd, Option<String>)> {
    let reason = match &heard.said {
        Some(Saying::Failed { reason, .. }) => Some(reason.chars().take(NOTE_CHARS).collect()),
        _ => None,
    };
    changes.into_iter().find_map(|change| match change {
        Change::Ended(name, end) => Some((name, end, reason.clone())),
        Change::Ready(..) => None,
    })
}
