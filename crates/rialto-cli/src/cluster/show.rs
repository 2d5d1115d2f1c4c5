//! `rialto cluster status`, `top` and `drain`.

use super::place::DeskArgs;
use crate::interrupt::Interrupt;
use crate::show::{Console, Facts};
use anyhow::Result;
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rialto_cluster::HttpLine;
use rialto_cluster::api::{JobJson, StandingJson, StatusJson, WorkerJson};
use serde::Serialize;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Options of `rialto cluster status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster status
  rialto cluster status --ended
  rialto cluster status --coordinator https://cluster.example:7070 --token-file reader.token --json")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    desk: DeskArgs,

    /// Show the latest jobs that have ended instead of those that have not
    #[arg(long)]
    ended: bool,
}

/// Options of `rialto cluster top`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster top
  rialto cluster top --every 5")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    status: StatusArgs,

    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

/// Options of `rialto cluster drain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster drain worker-3
  rialto cluster drain worker-3 --release     # take it back, or let one out of quarantine")]
pub(crate) struct DrainArgs {
    /// The worker's name
    name: String,

    /// Have it take tasks again
    #[arg(long)]
    release: bool,

    #[command(flatten)]
    desk: DeskArgs,
}

/// What `status` shows.
#[derive(Clone, Debug, Serialize)]
struct Report {
    status: StatusJson,
    workers: Vec<WorkerJson>,
    jobs: Vec<JobJson>,
}

/// What `drain` has done.
#[derive(Clone, Debug, Serialize)]
struct Told {
    worker: String,
    drains: bool,
}

/// `rialto cluster status`
pub(super) async fn status(args: &StatusArgs, console: Console) -> Result<()> {
    console.report(&look(&args.desk.line()?, args.ended).await?);
    Ok(())
}

/// `rialto cluster top`
pub(super) async fn top(args: &TopArgs) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let line = args.status.desk.line()?;
    let mut out = std::io::stdout();
    loop {
        let report = look(&line, args.status.ended).await?;
        if out.is_terminal() {
            // From the upper left corner on, over what was there.
            write!(out, "\x1b[H\x1b[2J")?;
        }
        writeln!(out, "{report}")?;
        out.flush()?;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(args.every)) => {}
            () = interrupt.arrived() => return Ok(()),
        }
    }
}

/// `rialto cluster drain`
pub(super) async fn drain(args: &DrainArgs, console: Console) -> Result<()> {
    let drains = !args.release;
    args.desk.line()?.set_draining(&args.name, drains).await?;
    console.report(&Told { worker: args.name.clone(), drains });
    Ok(())
}

async fn look(line: &HttpLine, ended: bool) -> Result<Report> {
    let (status, workers) = (line.status().await?, line.workers().await?);
    Ok(Report { status, workers, jobs: line.jobs(ended).await?.jobs })
}

/// Who was not heard of for so long is gone.
const GONE_MS: u64 = 10_000;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StatusJson { version, jobs_open, jobs_max, tasks_in_hand, .. } = &self.status;
        let facts = Facts::new()
            .with("version", version)
            .with("jobs open", format!("{jobs_open} of {jobs_max}"))
            .with("tasks in hand", tasks_in_hand);
        writeln!(f, "{facts}")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        if self.workers.is_empty() {
            writeln!(f, "No worker has come yet: `rialto cluster worker`.")?;
        } else {
            writeln!(f, "{}", workers(&self.workers, now))?;
        }
        match self.jobs.is_empty() {
            true => write!(f, "No jobs."),
            false => write!(f, "{}", jobs(&self.jobs, now)),
        }
    }
}

fn workers(workers: &[WorkerJson], now: u64) -> Table {
    let mut table =
        table(["worker", "state", "heard of", "in hand", "made", "failed", "refused", "machine"]);
    for it in workers {
        let silent = now.saturating_sub(it.seen_ms);
        let state = if silent > GONE_MS { "silent" } else { it.state.as_str() };
        table.add_row([
            it.name.clone(),
            state.to_owned(),
            format!("{} s ago", silent / 1_000),
            format!("{} ({} at once)", it.leases, it.slots),
            it.made.to_string(),
            it.failed.to_string(),
            it.refused.to_string(),
            it.device.clone(),
        ]);
    }
    table
}

fn jobs(jobs: &[JobJson], now: u64) -> Table {
    let mut table = table(["job", "tenant", "age", "state", "segments", "Mcycles"]);
    for job in jobs {
        let age = format!("{} s", now.saturating_sub(job.submitted_ms) / 1_000);
        let (state, segments, cycles) = standing(&job.standing);
        table.add_row([short(&job.job), job.tenant.clone(), age, state, segments, cycles]);
    }
    table
}

fn standing(standing: &StandingJson) -> (String, String, String) {
    let mcycles = |cycles: u64| format!("{:.3}", cycles as f64 / 1e6);
    match standing {
        StandingJson::Open { found, segments, proven, cycles, .. } => {
            let state = match segments {
                None => "executing",
                Some(all) if proven == all => "joining",
                Some(_) => "proving",
            };
            (state.to_owned(), format!("{proven} of {found}"), mcycles(*cycles))
        }
        StandingJson::Proven { segments, cycles, .. } => {
            let segments = segments.map(|it| it.to_string()).unwrap_or_default();
            ("proven".to_owned(), segments, mcycles(*cycles))
        }
        StandingJson::Failed { reason, .. } => {
            (format!("failed: {reason}"), String::new(), String::new())
        }
        StandingJson::Cancelled { .. } => ("cancelled".to_owned(), String::new(), String::new()),
    }
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    table
}

/// Enough of a name to tell it from others.
fn short(name: &str) -> String {
    name.chars().take(12).collect()
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.drains {
            true => write!(f, "{} finishes what it has, and ends.", self.worker),
            false => write!(f, "{} takes tasks again.", self.worker),
        }
    }
}
