//! `rialto lab run scenario.toml`: what somebody has written down is run, kept and reported.

use super::campaign::{Campaign, write_whole};
use super::plot::shown;
use super::report::{self, Head};
use super::{parquet, results, terminal};
use crate::failure::Failure;
use crate::show::Console;
use anyhow::{Context, Result};
use rialto_lab::{Jobs, Property, Scenario, Trial, Variant, properties, trace};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What a scenario came to.
#[derive(Debug, Serialize)]
struct Outcome {
    scenario: String,
    properties: Vec<Property>,
    files: Vec<PathBuf>,
}

/// Reads a scenario, runs it, and leaves results and a report in `out`.
pub(super) fn run(file: &Path, out: Option<&Path>, console: Console) -> Result<()> {
    let text = read(file)?;
    let scenario = Scenario::read(&text).map_err(|mistake| wrong(file, mistake))?;
    let (scenario, recorded) = match scenario.trace.clone() {
        Some(name) => with_trace(scenario, &file.with_file_name(name))?,
        None => (scenario, String::new()),
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let out = out.map_or_else(|| PathBuf::from(format!("{stem}.results")), Path::to_path_buf);
    let variants = if scenario.probes { Variant::ALL } else { &Variant::ALL[..1] };
    let campaign = Campaign {
        trials: vec![("run".to_owned(), scenario.trial.clone())],
        variants: variants.to_vec(),
        seeds: scenario.seeds.clone(),
        description: format!("{text}\n{recorded}"),
    };
    let runs = campaign.run(&out, console)?.swap_remove(0);
    let all = properties(&runs);
    let head = Head {
        title: if scenario.title.is_empty() { stem } else { scenario.title.clone() },
        command: format!("rialto lab run {} --out {}", file.display(), out.display()),
        facts: facts(&scenario, &text),
    };
    let page = report::of_scenario(&head, &scenario.trial.owners, &runs, &all);
    let by_seed = results::by_seed(&scenario.seeds, &runs);
    let by_owner = results::by_owner(&scenario.trial.owners, &scenario.seeds, &runs);
    let written = [
        ("report.html", page.into_bytes()),
        ("by-seed.csv", by_seed.csv()),
        ("by-seed.parquet", by_seed.parquet()),
        ("by-owner.csv", by_owner.csv()),
        ("by-owner.parquet", by_owner.parquet()),
    ];
    let mut files = Vec::new();
    for (name, content) in written {
        write_whole(&out.join(name), &content)?;
        files.push(out.join(name));
    }
    console.report(&Outcome { scenario: file.display().to_string(), properties: all, files });
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| unreadable(file))
}

fn unreadable(file: &Path) -> Failure {
    Failure::usage(format!("cannot read {}", file.display()), "name a file that is there")
}

fn wrong(file: &Path, mistake: impl fmt::Display) -> Failure {
    let what = format!("{}, {mistake}", file.display());
    Failure::usage(what, "correct the file; docs/laboratory.md tells what may be in it")
}

/// With the jobs of a trace, and these in words.
fn with_trace(scenario: Scenario, file: &Path) -> Result<(Scenario, String)> {
    let jobs = match file.extension().is_some_and(|kind| kind == "parquet") {
        true => {
            let opened = fs::File::open(file).with_context(|| unreadable(file))?;
            parquet::jobs(opened).map_err(|reason| wrong(file, reason))?
        }
        false => trace::read_csv(&read(file)?).map_err(|mistake| wrong(file, mistake))?,
    };
    let recorded = format!("{jobs:?}");
    Ok((scenario.with_jobs(jobs), recorded))
}

/// What a reader must know to judge the numbers.
fn facts(scenario: &Scenario, text: &str) -> Vec<(&'static str, String)> {
    let Trial { kind, owners, jobs, .. } = &scenario.trial;
    let jobs = match jobs {
        Jobs::Of(workload, count) => format!("{count} of {}: {}", workload.name, workload.about),
        Jobs::Recorded(jobs) => format!("{} of a trace", jobs.len()),
    };
    let seeds: Vec<String> = scenario.seeds.iter().map(ToString::to_string).collect();
    vec![
        ("mechanism", kind.about.name.to_owned()),
        ("owners", owners.len().to_string()),
        ("jobs", jobs),
        ("seeds", seeds.join(", ")),
        ("scenario", text.to_owned()),
    ]
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["property", "is", "what it is"].map(str::to_owned);
        let row = |property: &Property| {
            let value = property.value.map_or("–".to_owned(), shown);
            vec![property.key.to_owned(), value, property.about.to_owned()]
        };
        let rows = self.properties.iter().map(row).collect();
        let table = terminal::table(header.to_vec(), 3, rows);
        writeln!(f, "{table}\n")?;
        for file in &self.files {
            writeln!(f, "  {}", file.display())?;
        }
        Ok(())
    }
}
