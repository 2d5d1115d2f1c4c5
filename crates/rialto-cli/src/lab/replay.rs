//! `rialto lab replay`: an exchange's log is gone through again, judged and measured.

use crate::failure::{Failure, Kind};
use crate::show::{Console, Facts};
use anyhow::{Context, Result};
use clap::Args;
use rialto_mechanism::{Account, Auditor, Effect, Entry, Event, Machine, Outcome, Refusal, find};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Options of `rialto lab replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab replay exchange.log

The first line says what the log is of, {\"mechanism\":\"dutch-lock\",\"rules\":\"start = 0 …\"}, where a preset may stand in
place of rules; every other line is one entry. Exit code 3 means that an invariant does not hold.")]
pub(crate) struct ReplayArgs {
    /// The log: JSON, one entry a line
    #[arg(value_name = "LOG")]
    log: PathBuf,
}

/// A log's first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    mechanism: String,
    preset: Option<String>,
    rules: Option<String>,
}

/// What a log came to.
#[derive(Debug, Default, Serialize)]
struct Replayed {
    mechanism: String,
    entries: u64,
    refused: u64,
    opened: u64,
    proven: u64,
    unproven: u64,
    cancelled: u64,
    /// Out of escrows, to hands other than the requester's.
    paid: u128,
    /// To addresses, since a log knows no owners.
    concentration_by_address: Option<f64>,
    /// Seconds from opening to proof, on average.
    latency_s: Option<f64>,
    digest: String,
    state_hash: String,
    #[serde(skip)]
    paid_to: BTreeMap<rialto_mechanism::Party, u128>,
    #[serde(skip)]
    opened_at: BTreeMap<rialto_mechanism::JobId, rialto_mechanism::Time>,
    #[serde(skip)]
    took_ms: u64,
}

pub(super) fn run(args: &ReplayArgs, console: Console) -> Result<()> {
    let file = File::open(&args.log).with_context(|| {
        Failure::usage(format!("cannot read {}", args.log.display()), "name a file that is there")
    })?;
    let mut lines = BufReader::new(file).lines().zip(1..);
    let first = lines.next().map_or(Ok(String::new()), |(line, _)| line)?;
    let mut machine = begin(&args.log, &first)?;
    let mut auditor = Auditor::default();
    let mut replayed =
        Replayed { mechanism: machine.about().name.to_owned(), ..Replayed::default() };
    for (line, number) in lines {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let entry: Entry = serde_json::from_str(&line)
            .map_err(|error| at(&args.log, number, format!("no entry: {error}")))?;
        let step = machine.step(&entry);
        if let Some(Refusal::TimeReversed { now }) = step.refused {
            let what = format!("the log runs backwards: it is {now} s already");
            return Err(at(&args.log, number, what).into());
        }
        auditor
            .watch(&entry, &step, &*machine)
            .map_err(|violation| broken(&args.log, number, &violation))?;
        replayed.take(&entry, &step);
    }
    auditor
        .compare_all(&*machine)
        .map_err(|violation| broken(&args.log, replayed.entries, &violation))?;
    replayed.end(&*machine);
    console.report(&replayed);
    Ok(())
}

fn begin(log: &Path, first: &str) -> Result<Box<dyn Machine>> {
    let heading: Heading = serde_json::from_str(first)
        .map_err(|error| at(log, 1, format!("no mechanism with its rules: {error}")))?;
    let kind = find(&heading.mechanism)
        .with_context(|| at(log, 1, format!("there is no mechanism {:?}", heading.mechanism)))?;
    let rules = match (&heading.rules, &heading.preset) {
        (Some(rules), None) => rules.as_str(),
        (None, Some(name)) => {
            let preset = kind.about.preset(name);
            preset.with_context(|| at(log, 1, format!("there is no preset {name:?}")))?.rules
        }
        _ => return Err(at(log, 1, "either rules or a preset must be given").into()),
    };
    kind.start(rules).with_context(|| at(log, 1, "the rules are refused"))
}

fn at(log: &Path, line: u64, what: impl fmt::Display) -> Failure {
    let what = format!("{}, line {line}: {what}", log.display());
    Failure::usage(what, "correct the line, or get the log again from its exchange")
}

fn broken(log: &Path, line: u64, violation: &rialto_mechanism::Violation) -> Failure {
    let what = format!("{}, line {line}: {violation}", log.display());
    Failure::new(
        Kind::Refused,
        what,
        "whoever wrote the log has broken the rules, or the mechanism is wrong",
    )
}

impl Replayed {
    fn take(&mut self, entry: &Entry, step: &rialto_mechanism::Step) {
        self.entries += 1;
        self.refused += u64::from(step.refused.is_some());
        if let (Event::Open { job, .. }, None) = (&entry.event, step.refused) {
            self.opened += 1;
            self.opened_at.insert(*job, entry.at);
        }
        for happened in &step.effects {
            match &happened.effect {
                Effect::Moved { from: Account::Escrow(_), to: Account::Hand(to), amount, why }
                    if *why != rialto_mechanism::Why::Refund =>
                {
                    self.paid += amount.get();
                    *self.paid_to.entry(*to).or_default() += amount.get();
                }
                Effect::Settled { job, outcome } => {
                    let opened_at = self.opened_at.remove(job).unwrap_or_default();
                    match outcome {
                        Outcome::Proven => {
                            self.proven += 1;
                            self.took_ms += happened.at.since(opened_at).get();
                        }
                        Outcome::Unproven => self.unproven += 1,
                        Outcome::Cancelled => self.cancelled += 1,
                    }
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, machine: &dyn Machine) {
        let share = |paid: &u128| (*paid as f64 / self.paid as f64).powi(2);
        let hhi = self.paid_to.values().map(share).sum();
        self.concentration_by_address = (self.paid > 0).then_some(hhi);
        let mean = self.took_ms as f64 / self.proven.max(1) as f64 / 1_000.0;
        self.latency_s = (self.proven > 0).then_some(mean);
        self.digest = machine.digest().to_string();
        self.state_hash = machine.state_hash().to_string();
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new()
            .with("mechanism", &self.mechanism)
            .with("entries", format!("{}, of which {} were refused", self.entries, self.refused))
            .with(
                "jobs",
                format!(
                    "{} opened: {} proven, {} unproven, {} cancelled",
                    self.opened, self.proven, self.unproven, self.cancelled
                ),
            )
            .with("paid", self.paid)
            .with_some(
                "concentration",
                self.concentration_by_address.map(|hhi| format!("{hhi:.4} by address")),
            )
            .with_some("latency", self.latency_s.map(|mean| format!("{mean:.3} s on average")))
            .with("digest", &self.digest)
            .with("state hash", &self.state_hash);
        write!(f, "Every entry agrees with the auditor.\n\n{facts}")
    }
}
