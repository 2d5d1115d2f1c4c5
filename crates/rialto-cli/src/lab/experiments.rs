//! `rialto lab run`: experiments are run, and what they measure is compared with what it should be.

use super::campaign::write_whole;
use super::report::{self, Head};
use super::results::{Column, Table};
use super::{RunArgs, terminal};
use crate::failure::{Failure, Kind};
use crate::show::Console;
use anyhow::{Context, Result};
use rialto_lab::experiment::{Coverage, EXPERIMENTS, Effort, Experiment, Row, Target};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What an experiment showed.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) experiment: &'static str,
    pub(super) about: &'static str,
    seconds: f64,
    pub(super) rows: Vec<ShownRow>,
}

/// A number, and what is to be said of it.
#[derive(Debug, Serialize)]
pub(super) struct ShownRow {
    #[serde(flatten)]
    pub(super) row: Row,
    pub(super) agrees: bool,
    /// Whether the 95 % interval holds the target; nothing where there is no interval or no such target.
    pub(super) covers: Option<bool>,
}

/// All results, in the experiments' order.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    pub(super) experiments: Vec<Shown>,
    coverage: Coverage,
    miss_too_often: bool,
    /// Where they were put.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &RunArgs, console: Console) -> Result<()> {
    let wanted: Vec<&Experiment> = EXPERIMENTS
        .iter()
        .filter(|experiment| args.experiment == "all" || experiment.name == args.experiment)
        .collect();
    if wanted.is_empty() {
        let names: Vec<_> = EXPERIMENTS.iter().map(|experiment| experiment.name).collect();
        let what = format!("there is no experiment {:?}", args.experiment);
        let next =
            format!("give all, a scenario that ends in .toml, or one of {}", names.join(", "));
        return Err(Failure::usage(what, next).into());
    }
    let effort = if args.reduced { Effort::Reduced } else { Effort::Full };
    let mut results = Results::of(in_parallel(&wanted, effort, console)?);
    if let Some(out) = &args.out {
        results.keep(out, args)?;
    }
    console.report(&results);
    results.verdict()
}

/// As many at a time as there are cores.
fn in_parallel(wanted: &[&Experiment], effort: Effort, console: Console) -> Result<Vec<Shown>> {
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
    let shown = wanted.iter().map(|experiment| {
        let found = done.iter().position(|(name, ..)| *name == experiment.name);
        let (name, seconds, rows) = done.swap_remove(found.context("it was run")?);
        let rows = rows.with_context(|| format!("the experiment {name} broke off"))?;
        let rows = rows.into_iter().map(ShownRow::of).collect();
        Ok(Shown { experiment: name, about: experiment.about, seconds, rows })
    });
    shown.collect()
}

impl ShownRow {
    fn of(row: Row) -> Self {
        Self { agrees: row.agrees(), covers: row.covers(), row }
    }

    /// What it should be, in words.
    pub(super) fn target(&self) -> String {
        match self.row.target {
            Target::Near { value, tolerance } if tolerance < 1e-6 => number(value),
            Target::Near { value, tolerance } => {
                format!("{} ± {}", number(value), number(tolerance))
            }
            Target::Above { value } => format!("> {}", number(value)),
        }
    }

    /// Half of the 95 % interval, in words.
    pub(super) fn interval(&self) -> String {
        match self.row.measured.half {
            0.0 => "exact".to_owned(),
            half => format!("± {}", number(half)),
        }
    }

    /// Whether the interval holds the target, in words.
    pub(super) fn holds(&self) -> &'static str {
        match self.covers {
            Some(true) => "yes",
            Some(false) => "no",
            None => "–",
        }
    }
}

impl Results {
    fn of(experiments: Vec<Shown>) -> Self {
        let coverage = Coverage::of(rows(&experiments).map(|shown| &shown.row));
        Self { experiments, coverage, miss_too_often: coverage.is_too_low(), files: Vec::new() }
    }

    fn agreement(&self) -> String {
        let all = rows(&self.experiments).count();
        let right = rows(&self.experiments).filter(|row| row.agrees).count();
        format!("{right} of {all} numbers are what they should be")
    }

    /// What it all comes to, in two sentences.
    pub(super) fn summary(&self) -> String {
        let Coverage { intervals, hold } = self.coverage;
        format!(
            "{}.\n\
             {hold} of {intervals} 95 % intervals hold their targets; of {intervals}, {:.1} miss by chance.",
            self.agreement(),
            f64::from(intervals) * 0.05
        )
    }

    /// Fails if a number is off, or if the intervals miss too often.
    fn verdict(&self) -> Result<()> {
        let off = rows(&self.experiments).filter(|row| !row.agrees).count();
        let Coverage { intervals, .. } = self.coverage;
        let (what, next) = match (off, self.miss_too_often) {
            (0, false) => return Ok(()),
            (0, true) => (
                format!(
                    "{} of {intervals} 95 % intervals miss their targets, which happens by chance in fewer than one of \
                     a thousand runs",
                    self.coverage.missed()
                ),
                "look for the rows whose interval does not hold the target: intervals are too narrow, or targets are off",
            ),
            _ => (
                format!("{off} numbers are not what they should be"),
                "look for the rows that say NO above",
            ),
        };
        Err(Failure::new(Kind::Refused, what, next).into())
    }

    /// Leaves them in a directory as tables and as a page.
    fn keep(&mut self, out: &Path, args: &RunArgs) -> Result<()> {
        fs::create_dir_all(out).with_context(|| {
            Failure::usage(
                format!("cannot write {}", out.display()),
                "name a directory that you own",
            )
        })?;
        let reduced = if args.reduced { " --reduced" } else { "" };
        let head = Head {
            title: format!("{}: {}", args.experiment, self.agreement()),
            command: format!("rialto lab run {}{reduced} --out {}", args.experiment, out.display()),
            facts: Vec::new(),
        };
        let table = self.table();
        let written = [
            ("report.html", report::of_experiments(&head, self).into_bytes()),
            ("experiments.csv", table.csv()),
            ("experiments.parquet", table.parquet()),
        ];
        for (name, content) in written {
            write_whole(&out.join(name), &content)?;
            self.files.push(out.join(name));
        }
        Ok(())
    }

    /// One row for each number.
    fn table(&self) -> Table {
        let named: Vec<(&str, &ShownRow)> = self
            .experiments
            .iter()
            .flat_map(|shown| shown.rows.iter().map(|row| (shown.experiment, row)))
            .collect();
        let real =
            |of: fn(&Row) -> f64| Column::Real(named.iter().map(|(_, it)| of(&it.row)).collect());
        let text =
            |of: fn(&(&str, &ShownRow)) -> String| Column::Text(named.iter().map(of).collect());
        let flag = |of: fn(&ShownRow) -> Option<bool>| {
            Column::Flag(named.iter().map(|(_, it)| of(it)).collect())
        };
        Table::of(vec![
            ("experiment", text(|(name, _)| (*name).to_owned())),
            ("quantity", text(|(_, it)| it.row.quantity.clone())),
            ("target", real(|row| row.target.value())),
            ("tolerance", real(|row| row.target.tolerance().unwrap_or(f64::NAN))),
            ("measured", real(|row| row.measured.mean)),
            ("half", real(|row| row.measured.half)),
            ("covers", flag(|it| it.covers)),
            ("agrees", flag(|it| Some(it.agrees))),
        ])
    }
}

fn rows(experiments: &[Shown]) -> impl Iterator<Item = &ShownRow> {
    experiments.iter().flat_map(|shown| &shown.rows)
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.experiments {
            let heading = format!("{}: {} ({:.1} s)", shown.experiment, shown.about, shown.seconds);
            write!(f, "{}", terminal::lines(&heading, terminal::width(), "", "  "))?;
            writeln!(f, "{}\n", shown.table())?;
        }
        write!(f, "{}", self.summary())?;
        self.files.iter().try_for_each(|file| write!(f, "\n  {}", file.display()))
    }
}

impl Shown {
    fn table(&self) -> comfy_table::Table {
        let header = ["measured", "target", "is", "95 %", "holds it", "agrees"];
        let row = |shown: &ShownRow| {
            vec![
                shown.row.quantity.clone(),
                shown.target(),
                number(shown.row.measured.mean),
                shown.interval(),
                shown.holds().to_owned(),
                if shown.agrees { "yes" } else { "NO" }.to_owned(),
            ]
        };
        terminal::table(header.map(str::to_owned).to_vec(), 1, self.rows.iter().map(row).collect())
    }
}

/// Four digits after the point, without zeros at the end.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_lab::Estimate;

    fn results(missed: usize, off: usize) -> Results {
        let row = |mean: f64| {
            let target = Target::Near { value: 1.0, tolerance: 0.1 };
            ShownRow::of(Row {
                quantity: "it".to_owned(),
                target,
                measured: Estimate { mean, half: 0.05 },
            })
        };
        let mut rows: Vec<_> =
            (0..60).map(|nth| row(if nth < missed { 1.06 } else { 1.0 })).collect();
        rows.extend((0..off).map(|_| row(1.2)));
        Results::of(vec![Shown { experiment: "one", about: "it is so", seconds: 1.0, rows }])
    }

    #[test]
    fn intervals_that_miss_too_often_fail_although_every_number_agrees() {
        assert!(results(9, 0).verdict().is_ok());
        let many = results(10, 0);
        let said = format!("{:#}", many.verdict().unwrap_err());
        assert!(said.contains("10 of 60 95 % intervals miss their targets"), "{said}");
        assert_eq!(
            many.summary(),
            "60 of 60 numbers are what they should be.\n\
             50 of 60 95 % intervals hold their targets; of 60, 3.0 miss by chance."
        );
        let said = format!("{:#}", results(0, 2).verdict().unwrap_err());
        assert!(said.contains("2 numbers are not what they should be"), "{said}");
    }

    #[test]
    fn each_number_says_whether_its_interval_holds() {
        let results = results(1, 1);
        let csv = String::from_utf8(results.table().csv()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "experiment,quantity,target,tolerance,measured,half,covers,agrees");
        assert_eq!(lines[1], "one,it,1,0.1,1.06,0.05,false,true");
        assert_eq!(lines[2], "one,it,1,0.1,1,0.05,true,true");
        assert_eq!(lines[61], "one,it,1,0.1,1.2,0.05,false,false");
        let json = serde_json::to_value(&results).unwrap();
        assert_eq!(json["experiments"][0]["rows"][0]["covers"], false);
        assert_eq!(json["coverage"], serde_json::json!({ "intervals": 61, "hold": 59 }));
    }
}
