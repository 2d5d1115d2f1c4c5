//! Workers as they announced themselves, and what became of their results.

use super::sql::{self, Columns, Value, int};
use super::{LedgerError, Round};
use crate::wire::Hello;
use rialto_planner::cluster::WorkerId;
use std::collections::{BTreeMap, BTreeSet};

/// What a worker may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It takes tasks.
    Takes,
    /// It ends what it has and takes no more.
    Drains,
    /// Too many of its results were none: it gets no task until somebody releases it.
    Quarantined,
    /// Another has begun under its name.
    Replaced,
}

impl WorkerState {
    pub(super) fn of(code: i64) -> Result<Self, LedgerError> {
        match code {
            0 => Ok(Self::Takes),
            1 => Ok(Self::Drains),
            2 => Ok(Self::Quarantined),
            3 => Ok(Self::Replaced),
            _ => Err(LedgerError::corrupt("a worker in no state")),
        }
    }
}

/// A worker, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enlisted {
    pub(crate) id: WorkerId,
    pub(crate) hello: Hello,
    pub(crate) state: WorkerState,
}

/// What is counted of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) made: u32,
    pub(crate) failed: u32,
    pub(crate) refused: u32,
}

const COLUMNS: &str =
    "name, version, engine, device, slots, memory_mib, gpu_mib, disk_mib, bytes_per_s";

/// A worker's announcement without how it joins, which is its engine's.
pub(super) fn read_hello(it: &mut Columns<'_>) -> Result<Hello, LedgerError> {
    Ok(Hello {
        name: it.text()?,
        version: it.text()?,
        engine: it.text()?,
        device: it.text()?,
        slots: it.small()?,
        memory_mib: it.small()?,
        gpu_memory_mib: it.small()?,
        disk_mib: it.small()?,
        bytes_per_s: it.count()?,
        joins: Vec::new(),
    })
}

impl Round {
    /// Enlists a worker under a number of its own. Whoever had its name before is replaced, and what that one had is
    /// free at once; only a quarantine goes over to it.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn enlist(&mut self, hello: &Hello) -> Result<Enlisted, LedgerError> {
        let sql = "SELECT worker, state FROM workers WHERE name = $1 AND state < 3";
        let mut state = WorkerState::Takes;
        for row in sql::rows(&mut self.on, sql, vec![hello.name.as_str().into()]).await? {
            let mut it = Columns::of(&row);
            let earlier = it.int()?;
            if WorkerState::of(it.int()?)? == WorkerState::Quarantined {
                state = WorkerState::Quarantined;
            }
            let over = "UPDATE leases SET until = 0 WHERE worker = $1";
            sql::run(&mut self.on, over, vec![Value::Int(earlier)]).await?;
            let replace = "UPDATE workers SET state = 3 WHERE worker = $1";
            sql::run(&mut self.on, replace, vec![Value::Int(earlier)]).await?;
        }
        let now = int(self.now().0);
        let row = vec![
            hello.name.as_str().into(),
            hello.version.as_str().into(),
            hello.engine.as_str().into(),
            hello.device.as_str().into(),
            hello.slots.into(),
            hello.memory_mib.into(),
            hello.gpu_memory_mib.into(),
            hello.disk_mib.into(),
            int(hello.bytes_per_s),
            now.clone(),
            now,
            Value::Int(if state == WorkerState::Quarantined { 2 } else { 0 }),
        ];
        let sql = format!(
            "INSERT INTO workers ({COLUMNS}, began, seen, state, made, failed, refused) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0) RETURNING worker"
        );
        let rows = sql::rows(&mut self.on, sql, row).await?;
        let row = rows.first().ok_or_else(|| LedgerError::corrupt("no number for a worker"))?;
        let id = WorkerId(Columns::of(row).count()?);
        Ok(Enlisted { id, hello: hello.clone(), state })
    }

    /// These workers, as far as they are known.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn enlisted(
        &mut self,
        ids: &BTreeSet<WorkerId>,
    ) -> Result<BTreeMap<WorkerId, Enlisted>, LedgerError> {
        let select =
            format!("SELECT worker, state, {COLUMNS} FROM workers WHERE worker IN (VALUES");
        let ids = ids.iter().map(|it| vec![int(it.0)]).collect();
        let rows = sql::rows_of(&mut self.on, &select, ")", ids).await?;
        let read = |row| {
            let mut it = Columns::of(row);
            let (id, state) = (WorkerId(it.count()?), WorkerState::of(it.int()?)?);
            let hello = read_hello(&mut it)?;
            Ok((id, Enlisted { id, hello, state }))
        };
        rows.iter().map(read).collect()
    }

    /// Counts what became of results, and that these workers were heard of. Who has `refused_max` results refused is
    /// quarantined.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn tally(
        &mut self,
        tallies: &BTreeMap<WorkerId, Tally>,
        refused_max: u32,
    ) -> Result<(), LedgerError> {
        let now = self.now().0;
        let row = |(worker, tally): (&WorkerId, &Tally)| {
            let Tally { made, failed, refused } = *tally;
            vec![int(worker.0), made.into(), failed.into(), refused.into()]
        };
        let update = format!(
            "UPDATE workers SET seen = {now}, made = made + v.column2, failed = failed + v.column3, \
            refused = refused + v.column4, \
            state = CASE WHEN state < 2 AND refused + v.column4 >= {refused_max} THEN 2 ELSE state END FROM (VALUES"
        );
        let after = ") AS v WHERE worker = v.column1";
        sql::write(&mut self.on, &update, after, tallies.iter().map(row).collect()).await
    }

    /// Has a worker take no more (`true`), or take tasks again, whatever it was refused. Whether there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_draining(&mut self, name: &str, drains: bool) -> Result<bool, LedgerError> {
        let sql = match drains {
            true => "UPDATE workers SET state = 1 WHERE name = $1 AND state < 2",
            false => "UPDATE workers SET state = 0, refused = 0 WHERE name = $1 AND state < 3",
        };
        Ok(sql::run(&mut self.on, sql, vec![name.into()]).await? > 0)
    }
}
