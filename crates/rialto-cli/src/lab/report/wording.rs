//! What numbers are called, what they count, and what there is to say about them.

use crate::lab::plot::number;
use rialto_lab::{Better, Estimate, Property};

/// What a property is called and what it counts.
pub(super) fn name_and_unit(key: &str) -> (&str, &'static str) {
    match key {
        "alloc_latency" => ("Time until somebody can begin", "seconds"),
        "latency" => ("Time until the proof is there", "seconds"),
        "waste" => ("Work for nothing", "share of all cycles"),
        "markup" => ("Price over the paid owners' cost", "times the cost"),
        "second_best_gap" => ("Price over the cheapest owner's cost", "times the cost"),
        "hhi" => ("Concentration of payments", "index from 0 to 1"),
        "gini" => ("Inequality of payments", "index from 0 to 1"),
        "top1" => ("The largest owner", "share of payments"),
        "live(0)" => ("Jobs proven", "share of jobs"),
        "timely" => ("Jobs proven in time", "share of jobs"),
        "capital" => ("Capital locked up for a job", "seconds of its highest price"),
        "l1_ops" => ("Messages for a job", "messages"),
        "live(.25)" => ("Jobs proven if a quarter of the owners fail", "share of jobs"),
        "live(.5)" => ("Jobs proven if half of the owners fail", "share of jobs"),
        "delay(.25)" => ("Longer proofs if a quarter of the owners fail", "seconds more"),
        "delay(.5)" => ("Longer proofs if half of the owners fail", "seconds more"),
        "sybil_gain" => ("Gain of appearing as several", "share of payments"),
        "collusion_gain" => ("Gain of a ring of two", "share of payments"),
        "predation" => ("What requesters pay if a rival undercuts", "change as a share"),
        "predation_rivals" => ("What the others are paid then", "change as a share"),
        other => (other, "as told above"),
    }
}

/// Which candidate has the most of a property and which the least, best first; or that it cannot be told.
pub(super) fn comparison(property: &Property, rows: &[(String, Estimate)]) -> String {
    let (name, unit) = name_and_unit(property.key);
    let mut sorted: Vec<&(String, Estimate)> = rows.iter().collect();
    sorted.sort_by(|one, other| one.1.mean.total_cmp(&other.1.mean));
    if property.better == Some(Better::More) {
        sorted.reverse();
    }
    let (Some((first, best)), Some((last, worst))) = (sorted.first(), sorted.last()) else {
        return name.to_owned();
    };
    let [low, high] = [best, worst].map(|it| in_words(it.mean, unit));
    if low == high && best.half == 0.0 && worst.half == 0.0 {
        return format!("{name}: {low} with all");
    }
    // Not a number, where one seed leaves open how sure it is, is no difference either.
    if (best.mean - worst.mean).abs() > best.half + worst.half {
        let [one, other] = match property.better {
            Some(_) => ["best with", "worst with"],
            None => ["least with", "most with"],
        };
        return format!("{name}: {one} {first} ({low}), {other} {last} ({high})");
    }
    format!("{name}: no difference beyond chance")
}

/// A number with what it counts, as short as a title needs it.
fn in_words(value: f64, unit: &str) -> String {
    match unit.split_once(' ').map_or(unit, |(first, _)| first) {
        "share" | "change" => percent(value),
        "seconds" => format!("{} s", number(value)),
        "times" => format!("{} times", number(value)),
        _ => number(value),
    }
}

/// A share in hundredths.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", number(100.0 * share))
}

/// Words that a reader who was not there may miss, and what they mean here.
pub(super) const GLOSSARY: &[(&str, &str)] = &[
    ("mechanism", "a way of choosing who proves a job and of paying for it"),
    ("owner", "one company or person with machines; it may appear under several addresses"),
    (
        "job",
        "one proof that a requester asks for, with the most that it pays and the time it allows",
    ),
    ("seed", "the number that all chance of one run follows from; every run has its own"),
    (
        "95 % interval",
        "of twenty such intervals about nineteen hold what the mean over endlessly many seeds would be",
    ),
    ("unit of money", "a thousandth of what a million cycles go for"),
    ("cost", "what an owner's machines cost it, finished proofs or not"),
    (
        "concentration",
        "the sum of the owners' squared shares of payments (HHI): 1 is a monopoly, 1/n are n equal owners",
    ),
    (
        "inequality",
        "the Gini coefficient of payments: 0 if all are paid the same, towards 1 if one gets everything",
    ),
    ("to fail", "to take what one is given and never deliver"),
    (
        "to appear as several",
        "one owner under two or four addresses, or with a decoy that bids the most; the best of these",
    ),
    ("ring", "two owners who leave each job to the one of them to whom it costs less"),
    ("rival", "one more owner who asks for half of its cost for half of the time, and leaves"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(better: Option<Better>, values: [Estimate; 2]) -> String {
        let property = Property { key: "latency", about: "", better, value: None };
        let names = ["a", "b"].map(str::to_owned);
        comparison(&property, &names.into_iter().zip(values).collect::<Vec<_>>())
    }

    #[test]
    fn a_title_says_no_more_than_is_sure() {
        let at = |mean, half| Estimate { mean, half };
        let less = Some(Better::Less);
        assert_eq!(
            told(less, [at(20.0, 1.0), at(10.0, 1.0)]),
            "Time until the proof is there: best with b (10 s), worst with a (20 s)"
        );
        assert_eq!(
            told(Some(Better::More), [at(20.0, 1.0), at(10.0, 1.0)]),
            "Time until the proof is there: best with a (20 s), worst with b (10 s)"
        );
        assert_eq!(
            told(None, [at(20.0, 1.0), at(10.0, 1.0)]),
            "Time until the proof is there: least with b (10 s), most with a (20 s)"
        );
        let unsure = "Time until the proof is there: no difference beyond chance";
        assert_eq!(told(less, [at(12.0, 1.5), at(10.0, 1.0)]), unsure);
        assert_eq!(told(less, [at(12.0, f64::INFINITY), at(10.0, f64::INFINITY)]), unsure);
        let same = [Estimate::exact(1.0), Estimate::exact(1.0)];
        assert_eq!(told(less, same), "Time until the proof is there: 1 s with all");
    }
}
