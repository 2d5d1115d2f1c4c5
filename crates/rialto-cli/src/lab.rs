//! `rialto lab`: mechanisms that choose and pay provers, explained and put to the test.

use crate::failure::{Failure, Kind};
use crate::show::{Console, say};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rialto_lab::experiment::{EXPERIMENTS, Effort, Experiment, Row, Target};
use rialto_mechanism::{About, CATALOGUE};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

mod campaign;
mod compare;
mod explain;
mod parquet;
mod plot;
mod replay;
mod report;
mod results;
mod scenario;

/// `rialto lab …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// List the mechanisms and the experiments
    List(ListArgs),
    /// Tell a mechanism's rules, where they come from, and how they have been attacked
    Explain(ExplainArgs),
    /// Run an experiment, or all, and compare what it measures with what it should be; or a scenario file
    Run(RunArgs),
    /// Show mechanisms side by side: the same properties on the same ground, with 95 % intervals
    Compare(compare::CompareArgs),
    /// Rank mechanisms by what matters to you, and say why
    Advise(compare::AdviseArgs),
    /// Go through an exchange's log again: judge every step, measure, and show the state's hash
    Replay(replay::ReplayArgs),
}

/// Options of `rialto lab list`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab list
  rialto lab list --json | jq -r '.mechanisms[].name'")]
pub(crate) struct ListArgs {}

/// Options of `rialto lab explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab explain dutch-lock
  rialto lab explain open-race

The confidence mark says where a rule was read: A in a contract or a node's code, B in a project's
own words, C with third parties, D from memory; R is a reconstruction.")]
pub(crate) struct ExplainArgs {
    /// The mechanism's name, as `rialto lab list` shows it
    #[arg(value_name = "MECHANISM")]
    mechanism: String,
}

/// Options of `rialto lab run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab run race
  rialto lab run all
  rialto lab run all --json | jq '.[].rows[] | select(.agrees | not)'
  rialto lab run examples/lab/lock-under-faults.toml --out results

A scenario's runs are kept as they are done: killed and begun again, it goes on, to the same results.
Exit code 3 means that a number is not what it should be.")]
pub(crate) struct RunArgs {
    /// The experiment's name, or `all`; or a scenario, a file that ends in .toml
    #[arg(value_name = "EXPERIMENT|FILE")]
    experiment: String,

    /// Where a scenario's runs, results and report are kept; FILE.results if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// A tenth of the jobs, at wider tolerances
    #[arg(long)]
    reduced: bool,
}

/// `rialto lab …`
pub(crate) fn run(command: &LabCommand, console: Console) -> Result<()> {
    match command {
        LabCommand::List(_) => {
            console.report(&Listed::all());
            Ok(())
        }
        LabCommand::Explain(args) => explain(args, console),
        LabCommand::Run(args) if args.experiment.ends_with(".toml") => {
            scenario::run(Path::new(&args.experiment), args.out.as_deref(), console)
        }
        LabCommand::Run(args) => run_experiments(args, console),
        LabCommand::Compare(args) => compare::compare(args, console),
        LabCommand::Advise(args) => compare::advise(args, console),
        LabCommand::Replay(args) => replay::run(args, console),
    }
}

/// What there is.
#[derive(Debug, Serialize)]
struct Listed {
    mechanisms: Vec<Named>,
    experiments: Vec<Named>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    about: String,
}

impl Listed {
    fn all() -> Self {
        let mechanisms = CATALOGUE.iter().map(|kind| Named {
            name: kind.about.name,
            family: Some(kind.about.family),
            about: first_sentences(kind.about),
        });
        let experiments = EXPERIMENTS.iter().map(|experiment| Named {
            name: experiment.name,
            family: None,
            about: experiment.about.to_owned(),
        });
        Self { mechanisms: mechanisms.collect(), experiments: experiments.collect() }
    }
}

/// The first paragraph of a rule book, on one line.
fn first_sentences(about: &About) -> String {
    let text = rule_book(about);
    let first = text.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A rule book for a terminal: without the marks of emphasis.
fn rule_book(about: &About) -> String {
    about.explain().replace('*', "")
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Mechanisms (`rialto lab explain <name>`):\n")?;
        let width = |all: &[Named]| all.iter().map(|one| one.name.len()).max().unwrap_or(0);
        let wide = width(&self.mechanisms).max(width(&self.experiments));
        for one in &self.mechanisms {
            writeln!(f, "  {:<wide$}  {}", one.name, one.about)?;
        }
        writeln!(f, "\nExperiments (`rialto lab run <name>`):\n")?;
        for one in &self.experiments {
            writeln!(f, "  {:<wide$}  {}", one.name, one.about)?;
        }
        Ok(())
    }
}

// ------------------------------------------------------------------------------------- explain

fn explain(args: &ExplainArgs, console: Console) -> Result<()> {
    let kind = rialto_mechanism::find(&args.mechanism).with_context(|| {
        let names: Vec<_> = CATALOGUE.iter().map(|kind| kind.about.name).collect();
        let what = format!("there is no mechanism {:?}", args.mechanism);
        Failure::usage(what, format!("give one of {}", names.join(", ")))
    })?;
    let about = kind.about;
    if console.is_json() {
        let presets = about.presets.iter().map(|preset| (preset.name, preset.rules));
        console.object(&serde_json::json!({
            "name": about.name,
            "family": about.family,
            "confidence": about.confidence.to_string(),
            "rule_book": about.explain(),
            "presets": presets.collect::<std::collections::BTreeMap<_, _>>(),
        }));
        return Ok(());
    }
    let name = about.name;
    say(&format!("{name} ({}, confidence {})\n", about.family, about.confidence));
    say(&explain::prose(&about.explain()));
    for preset in about.presets {
        say(&format!("\nPreset {}:\n", preset.name));
        let lines = preset.rules.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.for_each(|line| say(&format!("  {line}")));
    }
    Ok(())
}

// ----------------------------------------------------------------------------------------- run

/// What an experiment showed.
#[derive(Debug, Serialize)]
struct Shown {
    experiment: &'static str,
    about: &'static str,
    seconds: f64,
    rows: Vec<ShownRow>,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    #[serde(flatten)]
    row: Row,
    agrees: bool,
}

/// All results, in the experiments' order.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Results(Vec<Shown>);

fn run_experiments(args: &RunArgs, console: Console) -> Result<()> {
    let wanted: Vec<&Experiment> = EXPERIMENTS
        .iter()
        .filter(|experiment| args.experiment == "all" || experiment.name == args.experiment)
        .collect();
    if wanted.is_empty() {
        let names: Vec<_> = EXPERIMENTS.iter().map(|experiment| experiment.name).collect();
        let what = format!("there is no experiment {:?}", args.experiment);
        return Err(
            Failure::usage(what, format!("give all, or one of {}", names.join(", "))).into()
        );
    }
    let effort = if args.reduced { Effort::Reduced } else { Effort::Full };
    let results = in_parallel(&wanted, effort, console)?;
    let off = results.0.iter().flat_map(|shown| &shown.rows).filter(|row| !row.agrees).count();
    console.report(&results);
    if off == 0 {
        return Ok(());
    }
    let what = format!("{off} numbers are not what they should be");
    Err(Failure::new(Kind::Refused, what, "look for the rows that say no above").into())
}

/// As many at a time as there are cores.
fn in_parallel(wanted: &[&Experiment], effort: Effort, console: Console) -> Result<Results> {
    let bar = console.progress(wanted.len() as u64);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        while let Some(experiment) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            bar.set_message(experiment.name);
            let began = std::time::Instant::now();
            let rows = (experiment.run)(effort);
            let seconds = began.elapsed().as_secs_f64();
            let mut done = done.lock().expect("an experiment panicked");
            done.push((experiment.name, seconds, rows));
            bar.inc(1);
        }
    };
    let cores = thread::available_parallelism().map_or(1, Into::into);
    thread::scope(|scope| (0..cores.min(wanted.len())).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let mut done = done.into_inner().expect("an experiment panicked");
    let mut results = Vec::new();
    for experiment in wanted {
        let found = done.iter().position(|(name, ..)| *name == experiment.name);
        let (experiment_name, seconds, rows) = done.swap_remove(found.context("it was run")?);
        let rows = rows.with_context(|| format!("the experiment {experiment_name} broke off"))?;
        let rows = rows.into_iter().map(|row| ShownRow { agrees: row.agrees(), row });
        results.push(Shown {
            experiment: experiment.name,
            about: experiment.about,
            seconds,
            rows: rows.collect(),
        });
    }
    Ok(Results(results))
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.0 {
            writeln!(
                f,
                "{}: {} ({:.1} s)\n{}\n",
                shown.experiment,
                shown.about,
                shown.seconds,
                shown.table()
            )?;
        }
        let rows = self.0.iter().flat_map(|shown| &shown.rows);
        let (all, right) = (rows.clone().count(), rows.filter(|row| row.agrees).count());
        write!(f, "{right} of {all} numbers are what they should be.")
    }
}

impl Shown {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["measured", "target", "is", "95 %", "agrees"]);
        for index in 1..4 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for ShownRow { row, agrees } in &self.rows {
            let target = match row.target {
                Target::Near { value, tolerance } if tolerance < 1e-6 => number(value),
                Target::Near { value, tolerance } => {
                    format!("{} ± {}", number(value), number(tolerance))
                }
                Target::Above { value } => format!("> {}", number(value)),
            };
            let half = row.measured.half;
            table.add_row([
                row.quantity.clone(),
                target,
                number(row.measured.mean),
                if half == 0.0 { "exact".to_owned() } else { format!("± {}", number(half)) },
                if *agrees { "yes" } else { "NO" }.to_owned(),
            ]);
        }
        table
    }
}

/// Four digits after the point, without zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
