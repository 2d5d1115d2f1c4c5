//! `rialto lab compare` and `rialto lab advise`: mechanisms side by side, and which of them suits whom.

use super::campaign::{Campaign, write_whole};
use super::plot::{number, shown};
use super::report::{self, Head};
use super::terminal;
use crate::failure::Failure;
use crate::show::{self, Console};
use anyhow::{Context, Result};
use clap::Args;
use rialto_lab::{
    ASPECTS, Agent, Aspect, Jobs, POPULATIONS, Property, Ranked, Trial, Variant, WORKLOADS,
    all_act, properties, rank,
};
use rialto_mechanism::{CATALOGUE, Kind};
use serde::Serialize;
use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// What mechanisms are compared on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Ground {
    /// What is asked for, from w1 to w5
    #[arg(long, default_value = "w1")]
    workload: String,

    /// Who takes part, from p1 to p5
    #[arg(long, default_value = "p2")]
    population: String,

    /// How many jobs; the workload's own number if not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    jobs: Option<u64>,

    /// How many seeds, each a run of its own
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,

    /// Where runs are kept; begun again with the same words, what is done is not done again
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Options of `rialto lab compare`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab compare dutch-lock sealed-second-price --workload w1 --population p2
  rialto lab compare open-race pooled-epoch/ignition --seeds 10 --report compare.html")]
pub(crate) struct CompareArgs {
    /// Mechanisms as `rialto lab list` names them, each with a preset after a slash if not its first
    #[arg(value_name = "MECHANISM", required = true, num_args = 2..)]
    mechanisms: Vec<String>,

    #[command(flatten)]
    ground: Ground,

    /// A page with plots, for others
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Options of `rialto lab advise`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto lab advise --weights liveness=3,price=2,decentralisation=1,latency=1
  rialto lab advise --weights price=1 --among dutch-lock,prover-auction --workload w4

Without --weights it asks what matters.")]
pub(crate) struct AdviseArgs {
    /// What matters how much: liveness, price, decentralisation, latency, efficiency
    #[arg(long, value_name = "NAME=NUMBER,…", value_delimiter = ',')]
    weights: Vec<String>,

    /// The candidates; all mechanisms if not given
    #[arg(long, value_name = "MECHANISM,…", value_delimiter = ',')]
    among: Vec<String>,

    #[command(flatten)]
    ground: Ground,
}

/// Mechanisms by name with what was measured.
type Measured = Vec<(String, Vec<Property>)>;

// ------------------------------------------------------------------------------------- compare

#[derive(Serialize)]
struct Compared {
    ground: String,
    mechanisms: Measured,
}

pub(super) fn compare(args: &CompareArgs, console: Console) -> Result<()> {
    let ground = &args.ground;
    let measured = ground.measure(&args.mechanisms, Variant::ALL, console)?;
    if let Some(file) = &args.report {
        let command = format!(
            "rialto lab compare {} {} --report {}",
            args.mechanisms.join(" "),
            ground.words(),
            file.display()
        );
        let title = format!("{} compared", args.mechanisms.join(", "));
        let head = Head { title, command, facts: ground.facts()? };
        write_whole(file, report::of_comparison(&head, &measured).as_bytes())?;
    }
    console.report(&Compared { ground: ground.words(), mechanisms: measured });
    Ok(())
}

impl Ground {
    /// Runs all mechanisms on the same ground.
    fn measure(
        &self,
        names: &[String],
        variants: &[Variant],
        console: Console,
    ) -> Result<Measured> {
        let trials: Vec<(String, Trial)> = names
            .iter()
            .map(|name| Ok((name.replace('/', "-"), self.trial(name)?)))
            .collect::<Result<_>>()?;
        let kept = tempfile_dir(self.out.as_deref())?;
        let campaign = Campaign {
            trials,
            variants: variants.to_vec(),
            seeds: (1..=self.seeds).collect(),
            description: format!("{} on {}", names.join(" "), self.words()),
        };
        let runs = campaign.run(kept.path(), console)?;
        let named = names.iter().cloned().zip(runs);
        Ok(named.map(|(name, runs)| (name, properties(&runs))).collect())
    }

    fn trial(&self, name: &str) -> Result<Trial> {
        let (mechanism, preset) =
            name.split_once('/').map_or((name, None), |(it, of)| (it, Some(of)));
        let kind = one_of("mechanism", mechanism, CATALOGUE, |kind: &Kind| kind.about.name)?;
        let presets = kind.about.presets;
        let preset = match preset {
            Some(preset) => one_of("preset", preset, presets, |preset| preset.name)?,
            None => &presets[0],
        };
        let population = one_of("population", &self.population, POPULATIONS, |one| one.name)?;
        let workload = one_of("workload", &self.workload, WORKLOADS, |one| one.name)?;
        let mut owners = population.owners();
        all_act(&mut owners, Agent::BestResponse);
        owners.extend(workload.guests(&owners));
        let jobs = Jobs::Of(workload, self.jobs.unwrap_or(workload.length));
        Ok(Trial { kind, rules: preset.rules.to_owned(), owners, jobs, faults: None })
    }

    /// The arguments that say the same.
    fn words(&self) -> String {
        let jobs = self.jobs.map(|jobs| format!(" --jobs {jobs}")).unwrap_or_default();
        let Self { workload, population, seeds, .. } = self;
        format!("--workload {workload} --population {population}{jobs} --seeds {seeds}")
    }

    fn facts(&self) -> Result<Vec<(&'static str, String)>> {
        let population = one_of("population", &self.population, POPULATIONS, |one| one.name)?;
        let workload = one_of("workload", &self.workload, WORKLOADS, |one| one.name)?;
        let jobs = self.jobs.unwrap_or(workload.length);
        Ok(vec![
            ("owners", format!("{}: {}", population.name, population.about)),
            ("jobs", format!("{jobs} of {}: {}", workload.name, workload.about)),
            ("seeds", format!("from 1 to {}", self.seeds)),
        ])
    }
}

/// A directory that stays if it was named, and else goes when its owner does.
struct Kept {
    path: PathBuf,
    goes: bool,
}

fn tempfile_dir(named: Option<&Path>) -> Result<Kept> {
    let path = named.map_or_else(
        || std::env::temp_dir().join(format!("rialto-lab-{}", std::process::id())),
        Path::to_path_buf,
    );
    Ok(Kept { path, goes: named.is_none() })
}

impl Kept {
    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.goes {
            // What is left of it is the system's to remove.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn one_of<'a, T>(
    what: &str,
    name: &str,
    all: &'a [T],
    named: impl Fn(&T) -> &'static str,
) -> Result<&'a T> {
    all.iter().find(|one| named(one) == name).with_context(|| {
        let names: Vec<_> = all.iter().map(&named).collect();
        let next = format!("give one of {}", names.join(", "));
        Failure::usage(format!("there is no {what} {name:?}"), next)
    })
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.mechanisms.iter().map(|(name, _)| name.clone());
        let header = std::iter::once("property".to_owned()).chain(names);
        let keys = self.mechanisms.first().map(|(_, of)| of.as_slice()).unwrap_or_default();
        let row = |property: &Property| {
            let value = |(_, of): &(String, Vec<Property>)| {
                let found = of.iter().find(|other| other.key == property.key);
                found.and_then(|it| it.value).map_or("–".to_owned(), shown)
            };
            let values = self.mechanisms.iter().map(value);
            std::iter::once(property.key.to_owned()).chain(values).collect()
        };
        let table = terminal::table(header.collect(), 1, keys.iter().map(row).collect());
        let about = terminal::names(keys.iter().map(|property| (property.key, property.about)));
        writeln!(f, "{table}\n\n{about}")?;
        write!(f, "Means over seeds ± half of the 95 % interval ({}).", self.ground)
    }
}

// -------------------------------------------------------------------------------------- advise

#[derive(Serialize)]
struct Advice {
    ground: String,
    weights: Vec<(&'static str, f64)>,
    ranked: Vec<Ranked>,
    measured: Measured,
}

pub(super) fn advise(args: &AdviseArgs, console: Console) -> Result<()> {
    let weights = match args.weights.is_empty() {
        false => args.weights.iter().map(|text| weight(text)).collect::<Result<_>>()?,
        true if !console.is_json() => interview()?,
        true => {
            let next = "give --weights liveness=3,price=2,decentralisation=1,latency=1";
            return Err(Failure::usage("nothing was said about what matters", next).into());
        }
    };
    if weights.iter().map(|(_, weight)| weight).sum::<f64>() <= 0.0 {
        let next = "give at least one aspect a weight above zero";
        return Err(Failure::usage("nothing matters", next).into());
    }
    let names: Vec<String> = match args.among.is_empty() {
        true => CATALOGUE.iter().map(|kind| kind.about.name.to_owned()).collect(),
        false => args.among.clone(),
    };
    let variants = [Variant::Asked, Variant::Faulty(25)];
    let measured = args.ground.measure(&names, &variants, console)?;
    let ranked = rank(&measured, &weights);
    let weights = weights.iter().map(|(aspect, weight)| (aspect.name, *weight)).collect();
    console.report(&Advice { ground: args.ground.words(), weights, ranked, measured });
    Ok(())
}

fn weight(text: &str) -> Result<(&'static Aspect, f64)> {
    let wrong = || {
        let names: Vec<_> = ASPECTS.iter().map(|aspect| aspect.name).collect();
        let next = format!("write it as price=2, with one of {}", names.join(", "));
        Failure::usage(format!("{text:?} is no weight"), next)
    };
    let (name, number) = text.split_once('=').with_context(wrong)?;
    let aspect = Aspect::find(name.trim()).with_context(wrong)?;
    let number: f64 = number.trim().parse().ok().with_context(wrong)?;
    let fits = number.is_finite() && number >= 0.0;
    fits.then_some((aspect, number)).with_context(wrong)
}

/// The most that an aspect can matter in an interview.
const MOST: f64 = 5.0;

/// Asks what matters, one aspect after the other; an answer that is no weight is asked for again.
fn interview() -> Result<Vec<(&'static Aspect, f64)>> {
    show::tell(&format!("How much does it matter, from 0 (not at all) to {MOST}, that …\n"));
    let mut lines = std::io::stdin().lock().lines();
    let ask = |aspect: &'static Aspect| loop {
        let next = "answer each, or give --weights liveness=3,price=2";
        let answer = show::ask(&format!("… {}? [1]: ", aspect.about), &mut lines, next)?;
        let answer = answer.trim();
        let number = if answer.is_empty() { Ok(1.0) } else { answer.parse() };
        match number {
            Ok(number) if (0.0..=MOST).contains(&number) => break Ok((aspect, number)),
            _ => show::tell(&format!("{answer:?} is no number from 0 to {MOST}\n")),
        }
    };
    ASPECTS.iter().map(ask).collect()
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aspects = self.weights.iter().map(|(name, weight)| format!("{name} × {weight}"));
        let header = ["", "mechanism", "score"].map(str::to_owned);
        let row = |(ranked, place): (&Ranked, u32)| {
            let head = [place.to_string(), ranked.name.clone(), number(ranked.score)];
            head.into_iter().chain(ranked.marks.iter().map(|(_, mark)| number(*mark))).collect()
        };
        let rows = self.ranked.iter().zip(1..).map(row).collect();
        let table = terminal::table(header.into_iter().chain(aspects).collect(), 2, rows);
        writeln!(f, "{table}\n")?;
        let prose = |text: &str| terminal::lines(text, terminal::width(), "", "  ");
        let marks = "A mark is 1 for the best candidate and 0 for the worst; the score is their mean by weight.";
        writeln!(f, "{}", prose(marks))?;
        for ranked in self.ranked.iter().take(3) {
            writeln!(f, "{}", prose(&self.why(ranked)))?;
        }
        let ground =
            format!("Measured with {}; `rialto lab compare` shows all properties.", self.ground);
        write!(f, "{}", prose(&ground))
    }
}

impl Advice {
    /// What speaks for a candidate and what against it.
    fn why(&self, ranked: &Ranked) -> String {
        let of = self.measured.iter().find(|(name, _)| *name == ranked.name);
        let value = |key: &str| {
            let found = of.and_then(|(_, of)| of.iter().find(|property| property.key == key));
            found.and_then(|property| property.value).map_or("–".to_owned(), shown)
        };
        format!(
            "{}: {} of the jobs proven in time, {} if a quarter of the owners fail; paid {} times the \
             cheapest's cost; concentration {} by owner; proofs after {} s; waste {}.",
            ranked.name,
            value("timely"),
            value("live(.25)"),
            value("second_best_gap"),
            value("hhi"),
            value("latency"),
            value("waste")
        )
    }
}
