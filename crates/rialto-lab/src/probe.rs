//! The same properties of every mechanism, so that they compare: a trial is run as it is, and with some of
//! its owners failing, splitting, colluding or preying, and what that changes is measured.

use crate::{Agent, Estimate, FaultKind, Faults, Mean, Measures, Trial};
use rialto_mechanism::{Bps, Span};
use serde::{Deserialize, Serialize};

/// What is changed in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Variant {
    /// Nothing.
    Asked,
    /// So many hundredths of the owners never deliver.
    Faulty(u32),
    /// The first owner appears under so many addresses.
    Split(u32),
    /// The first owner has a second address that bids the most.
    Decoy,
    /// The first two owners leave each job to the one of them to whom it costs less.
    Ring,
    /// One more owner asks for half of its cost for half of the time, and leaves.
    Rival,
}

/// One number that mechanisms are compared by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Property {
    /// Its name.
    pub key: &'static str,
    /// What it is, with its unit.
    pub about: &'static str,
    /// Whether more of it is better, or less; neither, if that depends.
    pub better: Option<Better>,
    /// What it is, over the seeds; nothing if nothing came of which it could be told.
    pub value: Option<Estimate>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Better {
    /// More.
    More,
    /// Less.
    Less,
}

/// What one variant of a trial came to, seed by seed in the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// Which.
    pub variant: Variant,
    /// What each seed showed.
    pub measures: Vec<Measures>,
}

impl Variant {
    /// All of them, as asked first.
    pub const ALL: &'static [Self] = &[
        Self::Asked,
        Self::Faulty(25),
        Self::Faulty(50),
        Self::Split(2),
        Self::Split(4),
        Self::Decoy,
        Self::Ring,
        Self::Rival,
    ];

    /// A name that can be part of a file's.
    pub fn name(self) -> String {
        match self {
            Self::Asked => "asked".to_owned(),
            Self::Faulty(share) => format!("faulty-{share}"),
            Self::Split(addresses) => format!("split-{addresses}"),
            Self::Decoy => "decoy".to_owned(),
            Self::Ring => "ring".to_owned(),
            Self::Rival => "rival".to_owned(),
        }
    }

    /// A trial with this changed.
    pub fn of(self, trial: &Trial) -> Trial {
        match self {
            Self::Asked => trial.clone(),
            Self::Faulty(share) => {
                let share = f64::from(share) / 100.0;
                let faults = Faults { kind: FaultKind::Independent, share, rate: 1.0 };
                Trial { faults: Some(faults), ..trial.clone() }
            }
            Self::Split(addresses) => trial.with_first(Agent::Sybil { addresses }),
            Self::Decoy => trial.with_first(Agent::Decoys { addresses: 2 }),
            Self::Ring => {
                let mut other = trial.clone();
                let ring = Agent::Colludes { ring: u32::MAX };
                for owner in other.owners.iter_mut().take(2) {
                    ring.applied_to(owner, &trial.owners);
                }
                other
            }
            Self::Rival => trial.with_rival(),
        }
    }
}

impl Trial {
    /// One more owner, like the first, who asks for half of its cost for half of the time and leaves.
    fn with_rival(&self) -> Self {
        let mut other = self.clone();
        let leaves_after = Span::ms(self.jobs.lasts().get() / 2);
        let predator = Agent::Predator { share: Bps(5_000), leaves_after };
        if let Some(mut rival) = self.owners.first().cloned() {
            predator.applied_to(&mut rival, &self.owners);
            other.owners.push(crate::Owner { name: "rival".to_owned(), ..rival });
        }
        other
    }
}

/// All properties that follow from the runs; what needs a variant that is not among them is left out.
pub fn properties(runs: &[Runs]) -> Vec<Property> {
    let of = |variant| runs.iter().find(|runs| runs.variant == variant).map(|it| &it.measures[..]);
    let Some(asked) = of(Variant::Asked) else { return Vec::new() };
    let mut all = plain(asked);
    for (share, live, delay, about) in [
        (
            25,
            "live(.25)",
            "delay(.25)",
            "share of jobs proven if a quarter of the owners never delivers",
        ),
        (50, "live(.5)", "delay(.5)", "share of jobs proven if half of the owners never deliver"),
    ] {
        let Some(faulty) = of(Variant::Faulty(share)) else { continue };
        all.push(Property::new(live, about, Better::More, mean(faulty, |it| Some(it.live()))));
        let added = pairs(asked, faulty, |asked, faulty| Some(delay_s(faulty)? - delay_s(asked)?));
        let about = "seconds that a proof takes longer then";
        all.push(Property::new(delay, about, Better::Less, added));
    }
    let splits = [Variant::Split(2), Variant::Split(4), Variant::Decoy].map(of);
    let about = "what the first owner gains by the best of splits and a decoy, in all that is paid";
    all.extend(best_gain("sybil_gain", about, asked, &splits, 1));
    let about = "what the first two gain by bidding as one, in all that is paid";
    all.extend(best_gain("collusion_gain", about, asked, &[of(Variant::Ring)], 2));
    if let Some(rival) = of(Variant::Rival) {
        let paid = |it: &Measures| (it.paid.count() > 0).then(|| it.paid.value());
        let change = pairs(asked, rival, |asked, rival| Some(paid(rival)? / paid(asked)? - 1.0));
        let about = "change of what requesters pay when a rival undercuts for a while and leaves";
        all.push(Property {
            better: None,
            ..Property::new("predation", about, Better::Less, change)
        });
        let own = |it: &Measures, of: &Measures| {
            it.owners.iter().take(of.owners.len()).map(|owner| owner.paid).sum::<f64>()
        };
        let lost = pairs(asked, rival, |asked, rival| {
            let before = own(asked, asked);
            (before > 0.0).then(|| own(rival, asked) / before - 1.0)
        });
        let about = "change of what the others are paid then";
        all.push(Property {
            better: None,
            ..Property::new("predation_rivals", about, Better::Less, lost)
        });
    }
    all
}

/// What needs no change to be seen.
fn plain(asked: &[Measures]) -> Vec<Property> {
    let some = |mean: &Mean| (mean.count() > 0).then(|| mean.value());
    let spread =
        |of: fn(crate::Concentration) -> f64| mean(asked, move |it| it.concentration().map(of));
    use Better::{Less, More};
    vec![
        Property::new(
            "alloc_latency",
            "seconds until somebody could be sure enough to begin",
            Less,
            mean(asked, |it| some(&it.alloc_latency_ms).map(|ms| ms / 1_000.0)),
        ),
        Property::new("latency", "seconds until a proof was there", Less, mean(asked, delay_s)),
        Property::new(
            "waste",
            "cycles for nothing, as a share of all that were spent",
            Less,
            mean(asked, |it| (it.cycles_spent > 0.0).then(|| it.waste())),
        ),
        Property::new(
            "markup",
            "paid, over what it cost those who were paid",
            Less,
            mean(asked, |it| some(&it.markup)),
        ),
        Property::new(
            "second_best_gap",
            "paid, over what it would have cost the cheapest",
            Less,
            mean(asked, |it| some(&it.second_best_gap)),
        ),
        Property::new(
            "hhi",
            "concentration of payments by owner: 1 is a monopoly",
            Less,
            spread(|it| it.hhi),
        ),
        Property::new(
            "gini",
            "inequality of payments by owner: 0 is none",
            Less,
            spread(|it| it.gini),
        ),
        Property::new("top1", "the largest owner's share of payments", Less, spread(|it| it.top)),
        Property::new("live(0)", "share of jobs proven", More, mean(asked, |it| Some(it.live()))),
        Property::new(
            "timely",
            "share of jobs proven as early as was wanted",
            More,
            mean(asked, |it| Some(it.timely as f64 / it.jobs.max(1) as f64)),
        ),
        Property::new(
            "capital",
            "seconds for which a job's highest price was locked up for it",
            Less,
            mean(asked, |it| some(&it.capital_s)),
        ),
        Property::new(
            "l1_ops",
            "accepted messages and deliveries for a job",
            Less,
            mean(asked, |it| Some(it.operations_per_job())),
        ),
    ]
}

/// The best of some ways to gain, by its mean; and never less than not trying.
fn best_gain(
    key: &'static str,
    about: &'static str,
    asked: &[Measures],
    tried: &[Option<&[Measures]>],
    owners: usize,
) -> Option<Property> {
    let profit =
        |it: &Measures| it.owners.iter().take(owners).map(crate::OwnerSums::profit).sum::<f64>();
    let gain = |tried: &[Measures]| {
        pairs(asked, tried, |asked, tried| {
            let paid: f64 = asked.owners.iter().map(|owner| owner.paid).sum();
            (paid > 0.0).then(|| (profit(tried) - profit(asked)) / paid)
        })
    };
    let gains = tried.iter().flatten().filter_map(|tried| gain(tried));
    let best = gains.max_by(|one, other| one.mean.total_cmp(&other.mean))?;
    Some(Property::new(key, about, Better::Less, Some(best)))
}

fn delay_s(measures: &Measures) -> Option<f64> {
    (measures.delay_ms.count() > 0).then(|| measures.delay_ms.value() / 1_000.0)
}

fn mean(runs: &[Measures], of: impl Fn(&Measures) -> Option<f64>) -> Option<Estimate> {
    estimate(runs.iter().filter_map(of))
}

fn pairs(
    one: &[Measures],
    other: &[Measures],
    of: impl Fn(&Measures, &Measures) -> Option<f64>,
) -> Option<Estimate> {
    estimate(one.iter().zip(other).filter_map(|(one, other)| of(one, other)))
}

fn estimate(values: impl Iterator<Item = f64>) -> Option<Estimate> {
    let mut mean = Mean::default();
    mean.extend(values);
    (mean.count() > 0).then(|| mean.estimate())
}

impl Property {
    fn new(
        key: &'static str,
        about: &'static str,
        better: Better,
        value: Option<Estimate>,
    ) -> Self {
        Self { key, about, better: Some(better), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Jobs, POPULATIONS, WORKLOADS};
    use rialto_mechanism::find;

    fn found(mechanism: &str, population: usize, jobs: u64) -> Vec<Property> {
        let kind = find(mechanism).unwrap();
        let trial = Trial {
            kind,
            rules: kind.about.presets[0].rules.to_owned(),
            owners: POPULATIONS[population].owners(),
            jobs: Jobs::Of(&WORKLOADS[4], jobs),
            faults: None,
        };
        let run = |variant: &Variant| Runs {
            variant: *variant,
            measures: (1..=3).map(|seed| variant.of(&trial).run(seed).unwrap()).collect(),
        };
        properties(&Variant::ALL.iter().map(run).collect::<Vec<_>>())
    }

    fn value(found: &[Property], key: &str) -> f64 {
        let property = found.iter().find(|property| property.key == key).unwrap();
        property.value.unwrap().mean
    }

    #[test]
    fn properties_say_what_is_known_of_mechanisms() {
        let race = found("open-race", 0, 60);
        assert!((value(&race, "waste") - 0.8).abs() < 0.1, "five equal ones race");
        assert_eq!(value(&race, "live(.5)"), 1.0);
        assert!(value(&race, "alloc_latency") == 0.0 && value(&race, "capital") == 0.0);
        let lowest = found("prover-auction", 0, 60);
        assert_eq!(value(&lowest, "waste"), 0.0);
        assert!(value(&lowest, "live(.25)") < 0.9, "winners who fail are not replaced");
        assert!(value(&lowest, "predation") < -0.1, "a rival below cost makes it cheaper");
        let drawn = found("relay-choice", 0, 400);
        assert!(value(&drawn, "sybil_gain") >= 0.0 && value(&drawn, "hhi") < 0.25);
    }
}
