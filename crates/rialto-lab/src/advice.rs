//! Which mechanism suits a designer, by what matters to them.

use crate::{Better, Estimate, Property};
use serde::Serialize;

/// Something that can matter, and the properties that show it.
#[derive(Clone, Copy, Debug)]
pub struct Aspect {
    /// Its name.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
    properties: &'static [&'static str],
}

/// All aspects.
pub const ASPECTS: &[Aspect] = &[
    Aspect {
        name: "liveness",
        about: "jobs are proven, in time and also when a quarter of the provers fail",
        properties: &["timely", "live(.25)"],
    },
    Aspect {
        name: "price",
        about: "requesters pay about what it costs the cheapest prover",
        properties: &["second_best_gap"],
    },
    Aspect {
        name: "decentralisation",
        about: "payments are spread over owners, not over addresses",
        properties: &["hhi", "top1"],
    },
    Aspect {
        name: "latency",
        about: "proofs are there soon",
        properties: &["latency", "alloc_latency"],
    },
    Aspect {
        name: "efficiency",
        about: "little work is done for nothing and little capital is locked up",
        properties: &["waste", "capital"],
    },
];

/// A candidate and what it is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The candidate's name.
    pub name: String,
    /// From 0 to 1: the mean of its marks, by weight.
    pub score: f64,
    /// For each aspect with a weight, its name and the mark from 0 to 1.
    pub marks: Vec<(&'static str, f64)>,
}

/// So many times the cost is as bad a price as any.
const FAR_OFF: f64 = 5.0;

/// Ranks candidates by what matters, the best first. In each property the best candidate has mark 1, the worst
/// has 0, and the others lie between them by the place of their value; what could not be told has 0.
pub fn rank(candidates: &[(String, Vec<Property>)], weights: &[(&Aspect, f64)]) -> Vec<Ranked> {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut ranked: Vec<Ranked> = candidates
        .iter()
        .map(|(name, own)| {
            let marks: Vec<_> = weights
                .iter()
                .map(|(aspect, _)| (aspect.name, aspect.mark(own, candidates)))
                .collect();
            let weighed = marks.iter().zip(weights).map(|((_, mark), (_, weight))| mark * weight);
            Ranked { name: name.clone(), score: weighed.sum::<f64>() / total.max(1e-12), marks }
        })
        .collect();
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.name.cmp(&other.name)));
    ranked
}

impl Aspect {
    /// The aspect of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ASPECTS.iter().find(|aspect| aspect.name == name)
    }

    fn mark(&self, own: &[Property], candidates: &[(String, Vec<Property>)]) -> f64 {
        let marks = self.properties.iter().map(|key| {
            let all = candidates.iter().filter_map(|(_, of)| find(of, key));
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            all.for_each(|(_, value)| (least, most) = (least.min(value), most.max(value)));
            match find(own, key) {
                None => 0.0,
                Some(_) if most <= least => 1.0,
                Some((Better::More, value)) => (value - least) / (most - least),
                Some((Better::Less, value)) => (most - value) / (most - least),
            }
        });
        marks.sum::<f64>() / self.properties.len() as f64
    }
}

fn find(properties: &[Property], key: &str) -> Option<(Better, f64)> {
    let property = properties.iter().find(|property| property.key == key)?;
    let Estimate { mean, .. } = property.value?;
    let scaled = match key {
        // Less than what it costs is as far off as so many times more; and far off is far off.
        "second_best_gap" => mean.max(1e-9).ln().abs().min(FAR_OFF.ln()),
        // Times spread over decades: a factor counts the same wherever it is.
        "latency" | "alloc_latency" | "capital" => mean.max(0.0).ln_1p(),
        _ => mean,
    };
    Some((property.better?, scaled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, hhi: f64, latency: Option<f64>) -> (String, Vec<Property>) {
        let less = |key, value: Option<f64>| Property {
            key,
            about: "",
            better: Some(Better::Less),
            value: value.map(Estimate::exact),
        };
        let both = vec![
            less("hhi", Some(hhi)),
            less("top1", Some(hhi)),
            less("latency", latency),
            less("alloc_latency", latency),
        ];
        (name.to_owned(), both)
    }

    #[test]
    fn who_is_best_depends_on_what_matters() {
        let all = [candidate("spread", 0.1, Some(100.0)), candidate("fast", 1.0, Some(1.0))];
        let [even, quick] = ["decentralisation", "latency"].map(|name| Aspect::find(name).unwrap());
        let first = |weights: &[(&Aspect, f64)]| rank(&all, weights)[0].name.clone();
        assert_eq!(first(&[(even, 3.0), (quick, 1.0)]), "spread");
        assert_eq!(first(&[(even, 1.0), (quick, 3.0)]), "fast");
        let ranked = rank(&all, &[(even, 3.0), (quick, 1.0)]);
        assert_eq!((ranked[0].score, ranked[1].score), (0.75, 0.25));
        assert_eq!(ranked[0].marks, vec![("decentralisation", 1.0), ("latency", 0.0)]);
    }

    /// Nobody goes on proving for less than it costs.
    #[test]
    fn a_price_below_cost_is_no_better_than_one_above() {
        let paid = |name: &str, gap: f64| {
            let value = Some(Estimate::exact(gap));
            let price =
                Property { key: "second_best_gap", about: "", better: Some(Better::Less), value };
            (name.to_owned(), vec![price])
        };
        let all = [paid("near", 1.1), paid("double", 2.0), paid("half", 0.5), paid("far", 0.01)];
        let price = Aspect::find("price").unwrap();
        let marks: Vec<f64> = rank(&all, &[(price, 1.0)]).iter().map(|it| it.score).collect();
        assert_eq!((marks[0], marks[3]), (1.0, 0.0));
        assert!((marks[1] - marks[2]).abs() < 1e-12 && marks[1] > 0.5, "{marks:?}");
    }

    #[test]
    fn what_cannot_be_told_is_worth_nothing() {
        let all = [candidate("known", 1.0, Some(5.0)), candidate("silent", 1.0, None)];
        let quick = Aspect::find("latency").unwrap();
        let ranked = rank(&all, &[(quick, 1.0)]);
        assert_eq!((ranked[0].name.as_str(), ranked[1].score), ("known", 0.0));
    }
}
