//! `rialto lab`: mechanisms that choose and pay provers, explained and put to the test.

use crate::failure::Failure;
use crate::show::{Console, say};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rialto_lab::experiment::EXPERIMENTS;
use rialto_mechanism::{About, CATALOGUE};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

mod campaign;
mod compare;
mod experiments;
mod explain;
mod parquet;
mod plot;
mod replay;
mod report;
mod results;
mod scenario;
mod terminal;

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
  rialto lab run all --out results
  rialto lab run all --json | jq '.experiments[].rows[] | select(.agrees | not)'
  rialto lab run examples/lab/lock-under-faults.toml --out results

A scenario's jobs are a workload's, or those of a trace: a CSV or Parquet file.
A scenario's runs are kept as they are done: killed and begun again, it goes on, to the same results.
Exit code 3 means that a number is not what it should be, or that more of the 95 % intervals miss
their targets than chance explains.")]
pub(crate) struct RunArgs {
    /// The experiment's name, or `all`; or a scenario, a file that ends in .toml
    #[arg(value_name = "EXPERIMENT|FILE")]
    experiment: String,

    /// Where results as CSV and Parquet, a report and a scenario's runs are kept; for a scenario,
    /// FILE.results if not given
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
        LabCommand::Run(args) => experiments::run(args, console),
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
        let list =
            |all: &[Named]| terminal::names(all.iter().map(|it| (it.name, it.about.as_str())));
        writeln!(f, "Mechanisms (`rialto lab explain <name>`):\n\n{}", list(&self.mechanisms))?;
        write!(f, "Experiments (`rialto lab run <name>`):\n\n{}", list(&self.experiments))
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
