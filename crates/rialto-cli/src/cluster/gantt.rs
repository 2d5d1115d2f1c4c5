//! `rialto cluster gantt`: who did what of a job, and when, as a picture.

use super::place::DeskArgs;
use crate::failure::Failure;
use crate::show::Console;
use anyhow::{Context, Result};
use clap::Args;
use rialto_cluster::api::EventJson;
use rialto_zkvm::JobId;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// Options of `rialto cluster gantt`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster gantt 3f1c…9a --output job.svg

One row a worker, one bar a task: executions, proofs of segments, joins. A bar begins where the worker's
last one ended at the earliest: what it was given ahead waited until then. A task that was lost with its
worker or failed is striped; somebody else's bar for it follows.")]
pub(crate) struct GanttArgs {
    /// The job: 64 hexadecimal digits
    job: JobId,

    /// Where the picture goes
    #[arg(long, value_name = "FILE", default_value = "gantt.svg")]
    output: PathBuf,

    #[command(flatten)]
    desk: DeskArgs,
}

/// What was drawn.
#[derive(Debug, Serialize)]
struct Drawn {
    output: PathBuf,
    workers: usize,
    tasks: usize,
    seconds: f64,
}

/// `rialto cluster gantt`
pub(super) async fn run(args: &GanttArgs, console: Console) -> Result<()> {
    let events = args.desk.line()?.history(args.job).await?;
    let chart = Chart::of(&events).with_context(|| {
        let next = "wait until a worker has ended a task of it";
        Failure::usage("nothing was done of the job yet", next)
    })?;
    std::fs::write(&args.output, chart.to_string())
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    console.report(&Drawn {
        output: args.output.clone(),
        workers: chart.workers.len(),
        tasks: chart.bars.len(),
        seconds: chart.length_ms as f64 / 1e3,
    });
    Ok(())
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, workers, tasks, seconds } = self;
        write!(f, "{tasks} tasks by {workers} workers in {seconds:.1} s: {}", output.display())
    }
}

/// A picture of a job's history.
struct Chart {
    workers: Vec<String>,
    bars: Vec<Bar>,
    length_ms: u64,
}

struct Bar {
    row: usize,
    from_ms: u64,
    to_ms: u64,
    work: String,
    what: String,
}

const LEFT: u64 = 170;
const WIDTH: u64 = 900;
const TOP: u64 = 30;
const ROW: u64 = 34;

impl Chart {
    /// Of what happened; nothing if no task has ended.
    fn of(events: &[EventJson]) -> Option<Self> {
        let ended = events.iter().filter_map(|event| {
            Some((event, event.begun_ms?, event.worker.clone()?, event.work.clone()?))
        });
        let ended: Vec<_> = ended.filter(|(event, ..)| event.what != "found").collect();
        let begin = events.first()?.at_ms;
        let workers: BTreeSet<_> = ended.iter().map(|(_, _, worker, _)| worker.clone()).collect();
        let workers: Vec<_> = workers.into_iter().collect();
        let bar = |(event, begun, worker, work): (&EventJson, u64, String, String)| Bar {
            row: workers.binary_search(&worker).unwrap_or(0),
            from_ms: begun.saturating_sub(begin),
            to_ms: event.at_ms.saturating_sub(begin),
            work,
            what: event.what.clone(),
        };
        let mut bars: Vec<_> = ended.into_iter().map(bar).collect();
        // What a worker was given ahead waited until the one before was done.
        let mut free_ms = vec![0; workers.len()];
        for bar in &mut bars {
            bar.from_ms = bar.from_ms.max(free_ms[bar.row]).min(bar.to_ms);
            free_ms[bar.row] = bar.to_ms;
        }
        let length_ms = bars.iter().map(|bar| bar.to_ms).max()?.max(1);
        Some(Self { workers, bars, length_ms })
    }

    fn x(&self, ms: u64) -> u64 {
        LEFT + ms * WIDTH / self.length_ms
    }

    fn axis(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bottom = TOP + ROW * self.workers.len() as u64;
        for tenth in 0..=10 {
            let ms = self.length_ms * tenth / 10;
            let (x, seconds) = (self.x(ms), ms as f64 / 1e3);
            writeln!(f, r##"<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#ddd"/>"##)?;
            let y = bottom + 18;
            writeln!(f, r#"<text x="{x}" y="{y}" text-anchor="middle">{seconds:.1} s</text>"#)?;
        }
        Ok(())
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = (LEFT + WIDTH + 40, TOP + ROW * self.workers.len() as u64 + 60);
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">"#
        )?;
        writeln!(f, r#"<rect width="{width}" height="{height}" fill="white"/>"#)?;
        f.write_str(STRIPES)?;
        self.axis(f)?;
        for (row, worker) in self.workers.iter().enumerate() {
            let y = TOP + ROW * row as u64 + 22;
            writeln!(
                f,
                r#"<text x="{}" y="{y}" text-anchor="end">{}</text>"#,
                LEFT - 10,
                escaped(worker)
            )?;
        }
        for bar in &self.bars {
            let (x, y) = (self.x(bar.from_ms), TOP + ROW * bar.row as u64 + 4);
            let wide = self.x(bar.to_ms).saturating_sub(x).max(2);
            let (fill, work) = (bar.fill(), escaped(&bar.work));
            let seconds = bar.to_ms.saturating_sub(bar.from_ms) as f64 / 1e3;
            write!(
                f,
                r##"<rect x="{x}" y="{y}" width="{wide}" height="26" rx="3" fill="{fill}" stroke="#555">"##
            )?;
            writeln!(f, "<title>{work}: {}, {seconds:.3} s</title></rect>", escaped(&bar.what))?;
            if wide > 60 {
                writeln!(f, r#"<text x="{}" y="{}">{work}</text>"#, x + 6, y + 17)?;
            }
        }
        let y = height - 14;
        writeln!(
            f,
            r#"<text x="{LEFT}" y="{y}">blue: execution, green: proof of a segment, orange: join, striped: lost or failed</text>"#
        )?;
        f.write_str("</svg>\n")
    }
}

const STRIPES: &str = r##"<defs>
<pattern id="lost" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="8" height="8" fill="#fff"/><rect width="4" height="8" fill="#d66"/>
</pattern></defs>
"##;

impl Bar {
    fn fill(&self) -> &'static str {
        if self.what == "lost" || self.what == "failed" {
            return "url(#lost)";
        }
        match self.work.split('/').next() {
            Some("execute") => "#9bc4f2",
            Some("prove") => "#a8dca0",
            Some("join") => "#f2c68b",
            _ => "#dddddd",
        }
    }
}

/// A worker's name may have any character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => write!(out, "&#{};", c as u32).unwrap_or_default(),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
