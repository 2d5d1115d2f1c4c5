//! A run as somebody writes it down: TOML that says who takes part in which mechanism. What is not
//! understood is an error with its line, its column and what would be right.

use crate::trial::all_act;
use crate::{
    Agent, FaultKind, Faults, Job, Jobs, Owner, POPULATIONS, Population, Trial, WORKLOADS, Workload,
};
use rialto_mechanism::{Bps, CATALOGUE, Kind, Span, Unstartable};
use serde::Deserialize;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// A run that makes sense.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is about, in its author's words.
    pub title: String,
    /// What is run, but for the jobs of a trace.
    pub trial: Trial,
    /// The file that jobs come from, instead of the workload's.
    pub trace: Option<String>,
    /// What chance follows from: one run for each.
    pub seeds: Vec<u64>,
    /// Whether it is also seen what faults, splits, rings and rivals change.
    pub probes: bool,
}

/// Where a text is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From one on.
    pub line: usize,
    /// From one on, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What may be written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    title: String,
    mechanism: Spanned<String>,
    preset: Option<Spanned<String>>,
    rules: Option<Spanned<toml::Table>>,
    population: Spanned<String>,
    workload: Option<Spanned<String>>,
    trace: Option<Spanned<String>>,
    jobs: Option<Spanned<u64>>,
    seeds: Spanned<Seeds>,
    #[serde(default = "yes")]
    probes: bool,
    everybody: Option<Spanned<String>>,
    faults: Option<WrittenFaults>,
    #[serde(default)]
    agents: Vec<Spanned<WrittenAgent>>,
}

/// A number of seeds, from one on, or the seeds themselves.
#[derive(Deserialize)]
#[serde(untagged, expecting = "seeds must be a number from 1 on, or a list of seeds")]
enum Seeds {
    Count(u64),
    These(Vec<u64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFaults {
    kind: FaultKind,
    share: Spanned<f64>,
    rate: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAgent {
    owner: Spanned<String>,
    act: Spanned<String>,
    share: Option<Bps>,
    leaves_after: Option<Span>,
    addresses: Option<u32>,
    ring: Option<u32>,
}

fn yes() -> bool {
    true
}

/// The most seeds and jobs of one scenario: beyond, a mistake is likelier than an intention.
const SEEDS_MAX: u64 = 10_000;
const JOBS_MAX: u64 = 10_000_000;
/// How everybody may act.
const EVERYBODY: &[&str] = &["truthful", "best-response"];
/// How one owner may act.
const ACTS: &[&str] = &[
    "truthful",
    "best-response",
    "predator",
    "sybil",
    "decoys",
    "colludes",
    "withholding",
    "lazy",
];

impl Scenario {
    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, or does not make sense.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        let written: Written = toml::from_str(text).map_err(|error| Mistake::of(text, &error))?;
        let reader = Reader { text };
        let kind = reader.kind(&written.mechanism)?;
        let rules = reader.rules(kind, &written)?;
        let population = reader.population(&written.population)?;
        let jobs = reader.jobs(&written)?;
        let mut owners = population.owners();
        if let Some(act) = &written.everybody {
            all_act(&mut owners, reader.everybody(act)?);
        } else {
            all_act(&mut owners, Agent::BestResponse);
        }
        for agent in &written.agents {
            reader.apply(agent.get_ref(), &mut owners)?;
        }
        let faults = written.faults.as_ref().map(|faults| reader.faults(faults)).transpose()?;
        let seeds = reader.seeds(&written.seeds)?;
        Ok(Self {
            title: written.title,
            trial: Trial { kind, rules, owners, jobs, faults },
            trace: written.trace.map(Spanned::into_inner),
            seeds,
            probes: written.probes,
        })
    }

    /// The same with recorded jobs in place of a workload's.
    pub fn with_jobs(mut self, jobs: Vec<Job>) -> Self {
        self.trial.jobs = Jobs::Recorded(jobs);
        self
    }
}

/// The text that spans point into.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, span: Range<usize>, reason: impl Into<String>) -> Mistake {
        Mistake::at(self.text, span.start, reason)
    }

    fn kind(&self, name: &Spanned<String>) -> Result<&'static Kind, Mistake> {
        let names = CATALOGUE.iter().map(|kind| kind.about.name);
        let place = self.place("mechanism", name, names)?;
        Ok(&CATALOGUE[place])
    }

    fn population(&self, name: &Spanned<String>) -> Result<&'static Population, Mistake> {
        let place = self.place("population", name, POPULATIONS.iter().map(|one| one.name))?;
        Ok(&POPULATIONS[place])
    }

    fn workload(&self, name: &Spanned<String>) -> Result<&'static Workload, Mistake> {
        let place = self.place("workload", name, WORKLOADS.iter().map(|one| one.name))?;
        Ok(&WORKLOADS[place])
    }

    /// Where a name is among those that there are.
    fn place<'n>(
        &self,
        what: &str,
        name: &Spanned<String>,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<usize, Mistake> {
        let names: Vec<&str> = names.collect();
        let given = name.get_ref();
        names.iter().position(|one| one == given).ok_or_else(|| {
            let hint = match nearest(given, &names) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", names.join(", ")),
            };
            self.wrong(name.span(), format!("there is no {what} {given:?}; {hint}"))
        })
    }

    /// The rules in the text of the scenario, or a preset's; the first preset's if neither is given.
    fn rules(&self, kind: &'static Kind, written: &Written) -> Result<String, Mistake> {
        let about = kind.about;
        match (&written.preset, &written.rules) {
            (Some(preset), Some(_)) => {
                Err(self
                    .wrong(preset.span(), "both a preset and [rules] are given; keep one of them"))
            }
            (Some(preset), None) => {
                let names = about.presets.iter().map(|preset| preset.name);
                let place = self.place("preset", preset, names)?;
                Ok(about.presets[place].rules.to_owned())
            }
            (None, None) => Ok(about.presets[0].rules.to_owned()),
            (None, Some(rules)) => {
                let own = self.only_rules();
                let started = kind.start(&own);
                let refused = started.err().map(|error| self.refused(&own, rules, &error));
                refused.map_or(Ok(own), Err)
            }
        }
    }

    /// The text with everything blank but what stands under `[rules]`, so that lines stay what they are.
    fn only_rules(&self) -> String {
        let mut within = false;
        let mut own = String::new();
        for line in self.text.lines() {
            let header = line.trim_start().starts_with('[') && !line.contains('=');
            if header {
                within = line.trim() == "[rules]";
            } else if within {
                own += line;
            }
            own.push('\n');
        }
        own
    }

    fn refused(&self, own: &str, rules: &Spanned<toml::Table>, error: &Unstartable) -> Mistake {
        match error {
            Unstartable::Unreadable { source, .. } => Mistake::of(own, source),
            Unstartable::Contradiction { source, .. } => {
                let named = |line: &&str| line.trim_start().starts_with(source.parameter);
                let offset = own.lines().find(named).map(|line| line.as_ptr() as usize);
                let at = offset.map_or(rules.span().start, |at| at - own.as_ptr() as usize);
                let text = if offset.is_some() { own } else { self.text };
                Mistake::at(text, at, source.to_string())
            }
            Unstartable::NotAState { .. } => self.wrong(rules.span(), error.to_string()),
        }
    }

    fn jobs(&self, written: &Written) -> Result<Jobs, Mistake> {
        match (&written.workload, &written.trace) {
            (Some(_), Some(trace)) => {
                Err(self
                    .wrong(trace.span(), "both a workload and a trace are given; keep one of them"))
            }
            (None, None) => Err(self.wrong(0..0, "neither a workload nor a trace is given")),
            (None, Some(_)) => match &written.jobs {
                Some(jobs) => Err(self.wrong(jobs.span(), "a trace has its own number of jobs")),
                None => Ok(Jobs::Recorded(Vec::new())),
            },
            (Some(workload), None) => {
                let workload = self.workload(workload)?;
                let count = written.jobs.as_ref().map_or(workload.length, |jobs| *jobs.get_ref());
                let span = written.jobs.as_ref().map_or(0..0, Spanned::span);
                let fits = (1..=JOBS_MAX).contains(&count);
                let wrong = || self.wrong(span, format!("jobs must be from 1 to {JOBS_MAX}"));
                fits.then_some(Jobs::Of(workload, count)).ok_or_else(wrong)
            }
        }
    }

    fn seeds(&self, seeds: &Spanned<Seeds>) -> Result<Vec<u64>, Mistake> {
        let wrong = |reason: &str| self.wrong(seeds.span(), reason);
        match seeds.get_ref() {
            Seeds::Count(0) => Err(wrong("seeds must be one or more")),
            Seeds::Count(count) if *count > SEEDS_MAX => Err(wrong("seeds must be 10000 at most")),
            Seeds::Count(count) => Ok((1..=*count).collect()),
            Seeds::These(seeds) if seeds.is_empty() => Err(wrong("seeds must be one or more")),
            Seeds::These(these) => {
                let mut sorted = these.clone();
                sorted.sort_unstable();
                sorted.dedup();
                let twice = sorted.len() < these.len();
                if twice { Err(wrong("a seed is given twice")) } else { Ok(these.clone()) }
            }
        }
    }

    fn share(&self, share: &Spanned<f64>, what: &str) -> Result<f64, Mistake> {
        let value = *share.get_ref();
        let wrong = || self.wrong(share.span(), format!("{what} must be from 0 to 1"));
        (0.0..=1.0).contains(&value).then_some(value).ok_or_else(wrong)
    }

    fn faults(&self, faults: &WrittenFaults) -> Result<Faults, Mistake> {
        let share = self.share(&faults.share, "share")?;
        let rate = faults.rate.as_ref().map_or(Ok(1.0), |rate| self.share(rate, "rate"))?;
        Ok(Faults { kind: faults.kind, share, rate })
    }

    fn everybody(&self, act: &Spanned<String>) -> Result<Agent, Mistake> {
        match self.place("way for everybody to act", act, EVERYBODY.iter().copied())? {
            0 => Ok(Agent::Truthful),
            _ => Ok(Agent::BestResponse),
        }
    }

    /// One owner, by its name, acts in another way.
    fn apply(&self, agent: &WrittenAgent, owners: &mut [Owner]) -> Result<(), Mistake> {
        let act = self.act(agent)?;
        let among = owners.to_vec();
        let names = among.iter().map(|owner| owner.name.as_str());
        let place = self.place("owner", &agent.owner, names)?;
        act.applied_to(&mut owners[place], &among);
        Ok(())
    }

    fn act(&self, agent: &WrittenAgent) -> Result<Agent, Mistake> {
        let WrittenAgent { act, share, leaves_after, addresses, ring, .. } = agent;
        self.place("way to act", act, ACTS.iter().copied())?;
        let needs = |what: &str| {
            self.wrong(act.span(), format!("{} needs {what}, and nothing else", act.get_ref()))
        };
        match (act.get_ref().as_str(), *share, *leaves_after, *addresses, *ring) {
            ("truthful", None, None, None, None) => Ok(Agent::Truthful),
            ("best-response", None, None, None, None) => Ok(Agent::BestResponse),
            ("withholding", None, None, None, None) => Ok(Agent::Withholding),
            ("lazy", None, None, None, None) => Ok(Agent::Lazy),
            ("predator", Some(share), Some(leaves_after), None, None) => {
                Ok(Agent::Predator { share, leaves_after })
            }
            ("sybil", None, None, Some(addresses), None) => Ok(Agent::Sybil { addresses }),
            ("decoys", None, None, Some(addresses), None) => Ok(Agent::Decoys { addresses }),
            ("colludes", None, None, None, Some(ring)) => Ok(Agent::Colludes { ring }),
            ("predator", ..) => Err(needs("share and leaves_after")),
            ("sybil" | "decoys", ..) => Err(needs("addresses")),
            ("colludes", ..) => Err(needs("ring")),
            _ => Err(needs("nothing more")),
        }
    }
}

impl Mistake {
    /// At a byte of `text`.
    pub(crate) fn at(text: &str, offset: usize, reason: impl Into<String>) -> Self {
        let before = &text[..offset.min(text.len())];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[start..].chars().count() + 1;
        Self { line, column, reason: reason.into() }
    }

    fn of(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self::at(text, offset, with_nearest(error.message()))
    }
}

/// What serde says of a key that it does not know names all that it does; the nearest is worth more.
fn with_nearest(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((unknown, known)) if message.starts_with("unknown ") => {
            let near = nearest(unknown, known).map(|one| format!("; did you mean `{one}`?"));
            format!("{message}{}", near.unwrap_or_default())
        }
        _ => message.to_owned(),
    }
}

/// The name that takes the fewest changes of a letter, if that is not most of them.
fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let best = names.iter().map(|name| (distance(given, name), *name)).min()?;
    (best.0 * 2 <= given.chars().count().max(2)).then_some(best.1)
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, letter) in one.chars().enumerate() {
        let mut left_above = row[0];
        row[0] = nth + 1;
        for (place, against) in other.iter().enumerate() {
            let changed = left_above + usize::from(letter != *against);
            left_above = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(left_above + 1);
        }
    }
    row[other.len()]
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

impl Error for Mistake {}

#[cfg(test)]
mod tests;
