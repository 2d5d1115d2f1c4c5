//! A page that says what was run, what came of it and what that means, for somebody who was not there.

use super::experiments::{Results, Shown, ShownRow, number as four_digits};
use super::plot::{bars, curve, deviations, dots, escaped, shown};
use rialto_lab::experiment::Target;
use rialto_lab::{Better, Estimate, Mean, Measures, Owner, Property, Runs, Variant};
use std::fmt::Write;
use wording::{GLOSSARY, comparison, name_and_unit, percent};

mod wording;

/// What the head of a page says.
pub(super) struct Head {
    pub(super) title: String,
    /// The command that makes this page again.
    pub(super) command: String,
    /// Names and values: mechanism, rules, population, workload, seeds.
    pub(super) facts: Vec<(&'static str, String)>,
}

const STYLE: &str = include_str!("report/style.css");

// ------------------------------------------------------------------------------------- scenarios

/// The report of one scenario.
pub(super) fn of_scenario(
    head: &Head,
    owners: &[Owner],
    runs: &[Runs],
    all: &[Property],
) -> String {
    let mut page = begin(head);
    legend(&mut page);
    if let Some(asked) = runs.iter().find(|runs| runs.variant == Variant::Asked) {
        concentration(&mut page, owners, &asked.measures);
        price(&mut page, owners, &asked.measures);
    }
    let found = Found(all);
    latency(&mut page, &found);
    liveness(&mut page, &found);
    waste(&mut page, runs);
    gains(&mut page, &found);
    rival(&mut page, &found);
    summary(&mut page, &[(String::new(), all.to_vec())]);
    end(page)
}

/// Properties by their names.
struct Found<'a>(&'a [Property]);

impl Found<'_> {
    fn of(&self, key: &str) -> Option<Estimate> {
        self.0.iter().find(|property| property.key == key)?.value
    }

    /// Those that are known, under other names.
    fn rows(&self, named: &[(&str, &str)]) -> Vec<(String, Estimate)> {
        let rows = named.iter().filter_map(|(name, key)| Some(((*name).to_owned(), self.of(key)?)));
        rows.collect()
    }
}

/// Shares of all payments, the largest first; owners beyond some twenty in one row.
fn concentration(page: &mut String, owners: &[Owner], asked: &[Measures]) {
    const SHOWN: usize = 20;
    let share = |place: usize| {
        let mut mean = Mean::default();
        for measures in asked {
            let all: f64 = measures.owners.iter().map(|owner| owner.paid).sum();
            mean.extend((all > 0.0).then(|| measures.owners[place].paid / all));
        }
        (mean.count() > 0).then(|| mean.estimate())
    };
    let name = |(place, owner): (usize, &Owner)| Some((owner.name.clone(), share(place)?));
    let mut rows: Vec<_> = owners.iter().enumerate().filter_map(name).collect();
    rows.sort_by(|one, other| other.1.mean.total_cmp(&one.1.mean));
    let title = rows.first().map_or("Nobody is paid".to_owned(), |(owner, share)| {
        format!(
            "The largest of {} owners, {owner}, gets {} of all payments",
            owners.len(),
            percent(share.mean)
        )
    });
    let rest = rows.split_off(rows.len().min(SHOWN));
    if !rest.is_empty() {
        let sum = rest.iter().map(|(_, share)| share.mean).sum();
        rows.push((format!("{} others together", rest.len()), Estimate::exact(sum)));
    }
    let about = "Each owner's share of all that was paid. One long bar is a monopoly; bars of one length are equality.";
    section(page, &title, about, &bars(&rows, "share of payments"));
}

fn price(page: &mut String, owners: &[Owner], asked: &[Measures]) {
    let runs = asked.len().max(1) as f64;
    let sum = |place: usize, of: fn(&rialto_lab::OwnerSums) -> f64| {
        asked.iter().map(|measures| of(&measures.owners[place])).sum::<f64>() / runs
    };
    let dot = |(place, owner): (usize, &Owner)| {
        (owner.name.clone(), sum(place, |it| it.cost), sum(place, |it| it.paid))
    };
    let points: Vec<_> = owners.iter().enumerate().map(dot).collect();
    let earn = points.iter().filter(|(_, cost, paid)| paid > cost).count();
    let lose = points.iter().filter(|(_, cost, paid)| paid < cost).count();
    let idle = points.len() - earn - lose;
    let idle = if idle > 0 { format!(", {idle} do neither") } else { String::new() };
    section(
        page,
        &format!("{earn} of the owners earn, {lose} lose{idle}"),
        "Price against cost. Each dot is an owner: to the right what its machines cost it, upwards what it was paid, \
        both in units of money and as means over the seeds. Above the dashed line it earns, below it loses.",
        &dots(&points, "what its work cost it, units of money", "what it was paid, units of money"),
    );
}

fn latency(page: &mut String, found: &Found<'_>) {
    let Some(whole) = found.of("latency") else { return };
    let rows = found.rows(&[
        ("until somebody can begin", "alloc_latency"),
        ("until the proof is there", "latency"),
        ("longer if 25 % fail", "delay(.25)"),
        ("longer if 50 % fail", "delay(.5)"),
    ]);
    section(
        page,
        &format!("A proof is there after {} seconds", shown(whole)),
        "From a job's opening until somebody can be sure enough to begin, and until its proof is there; below, how much \
        longer it takes when a quarter or half of the owners fail, over the jobs that are proven all the same.",
        &bars(&rows, "seconds"),
    );
}

fn liveness(page: &mut String, found: &Found<'_>) {
    let live = [(0.0, "live(0)"), (0.25, "live(.25)"), (0.5, "live(.5)")];
    let live: Vec<_> = live.iter().filter_map(|(at, key)| Some((*at, found.of(key)?))).collect();
    let (Some((_, all_work)), Some((at, half_work))) = (live.first(), live.last()) else { return };
    let plain = format!("{} of the jobs are proven", percent(all_work.mean));
    if *at == 0.0 {
        // Without the probes one number is known, and no curve.
        return section(page, &plain, "What faults would change was not tried.", "");
    }
    section(
        page,
        &format!("{plain}, and {} if half of the owners fail", percent(half_work.mean)),
        "Liveness under faults: the share of jobs that is proven when a share of the owners takes what it is given and \
        never delivers. A mechanism that lives on one prover falls early.",
        &curve(&live, "share of owners who fail", "share of jobs proven"),
    );
}

fn waste(page: &mut String, runs: &[Runs]) {
    let rows = wasted(runs);
    let Some((_, plain)) = rows.first() else { return };
    section(
        page,
        &format!("{} of the work is done for nothing", percent(plain.mean)),
        "Waste: cycles that were spent on proofs which nobody took, as a share of all cycles that were spent. A race of n \
        equal provers wastes (n − 1)/n.",
        &bars(&rows, "share of all cycles"),
    );
}

fn wasted(runs: &[Runs]) -> Vec<(String, Estimate)> {
    let named = [
        (Variant::Asked, "as asked"),
        (Variant::Faulty(25), "if 25 % fail"),
        (Variant::Faulty(50), "if 50 % fail"),
    ];
    let row = |(variant, name): &(Variant, &str)| {
        let found = runs.iter().find(|runs| runs.variant == *variant)?;
        let mut mean = Mean::default();
        mean.extend(found.measures.iter().map(Measures::waste));
        Some(((*name).to_owned(), mean.estimate()))
    };
    named.iter().filter_map(row).collect()
}

fn gains(page: &mut String, found: &Found<'_>) {
    let rows =
        found.rows(&[("several addresses", "sybil_gain"), ("a ring of two", "collusion_gain")]);
    if rows.is_empty() {
        return;
    }
    let sure: Vec<String> = rows
        .iter()
        .filter(|(_, gain)| gain.mean > gain.half)
        .map(|(who, gain)| format!("{who} {}", percent(gain.mean)))
        .collect();
    let title = match sure.is_empty() {
        true => "Neither splitting nor colluding gains anything that is sure".to_owned(),
        false => format!("What splitting and colluding gain: {}", sure.join(", ")),
    };
    section(
        page,
        &title,
        "The best that the first owner gains by appearing as several, and the first two by bidding as one, as a share of \
        all that is paid. Other ways of either may gain more.",
        &bars(&rows, "share of payments"),
    );
}

fn rival(page: &mut String, found: &Found<'_>) {
    let Some(pay) = found.of("predation") else { return };
    let rows = found
        .rows(&[("what requesters pay", "predation"), ("what the others get", "predation_rivals")]);
    let title = match pay.mean.abs() > pay.half {
        true => format!("A rival below cost changes what requesters pay by {}", percent(pay.mean)),
        false => "A rival below cost changes nothing that is sure for requesters".to_owned(),
    };
    section(
        page,
        &title,
        "One more owner asks for half of its cost for half of the time and then leaves: what that changes, as a share of \
        what it was before.",
        &bars(&rows, "change as a share"),
    );
}

// ----------------------------------------------------------------------------------- comparisons

/// The report of a comparison.
pub(super) fn of_comparison(head: &Head, all: &[(String, Vec<Property>)]) -> String {
    let mut page = begin(head);
    summary(&mut page, all);
    legend(&mut page);
    let keys = all.first().map(|(_, properties)| properties.as_slice()).unwrap_or_default();
    for property in keys {
        let value = |(name, of): &(String, Vec<Property>)| {
            let found = of.iter().find(|other| other.key == property.key)?;
            Some((name.clone(), found.value?))
        };
        let rows: Vec<_> = all.iter().filter_map(value).collect();
        let better = match property.better {
            Some(Better::More) => " More is better.",
            Some(Better::Less) => " Less is better.",
            None => "",
        };
        let about = format!("{} ({}).{better}", capital(property.about), property.key);
        let plot = bars(&rows, name_and_unit(property.key).1);
        section(&mut page, &comparison(property, &rows), &about, &plot);
    }
    end(page)
}

// ----------------------------------------------------------------------------------- experiments

/// The report of experiments.
pub(super) fn of_experiments(head: &Head, results: &Results) -> String {
    let mut page = begin(head);
    for sentence in results.summary().lines() {
        let _ = writeln!(page, "<p>{}</p>", escaped(sentence));
    }
    page.push_str(
        "<p class=\"dim\">A number agrees when it lies within the tolerance of its target and its 95 % interval is no wider \
         than that. Each interval holds its target or not; of twenty one misses by chance, however right everything is. \
         In the plots the dot is what was measured, the line its 95 % interval, 0 the target and the band its tolerance.</p>\n",
    );
    for shown in &results.experiments {
        let plot = format!("{}{}", off_by(shown), numbers(shown));
        section(&mut page, &format!("{}: {}", capital(shown.experiment), shown.about), "", &plot);
    }
    end(page)
}

/// Where each number that chance touches lies within its tolerance.
fn off_by(shown: &Shown) -> String {
    let row = |it: &ShownRow| match it.row.target {
        Target::Near { value, tolerance } if tolerance >= 1e-6 => {
            let off = (it.row.measured.mean - value) / tolerance;
            let half = it.row.measured.half / tolerance;
            Some((it.row.quantity.clone(), Estimate { mean: off, half }))
        }
        Target::Near { .. } | Target::Above { .. } => None,
    };
    let rows: Vec<_> = shown.rows.iter().filter_map(row).collect();
    if rows.is_empty() { String::new() } else { deviations(&rows) }
}

fn numbers(shown: &Shown) -> String {
    let mut table = "<div class=\"wide\"><table><tr><th>measured</th><th class=\"n\">target</th><th class=\"n\">is</th>\
         <th class=\"n\">95 %</th><th>holds it</th><th>agrees</th></tr>\n"
        .to_owned();
    for it in &shown.rows {
        let agrees = if it.agrees { "yes" } else { "<span class=\"off\">NO</span>" };
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{agrees}</td></tr>",
            escaped(&it.row.quantity),
            escaped(&it.target()),
            four_digits(it.row.measured.mean),
            it.interval(),
            it.holds()
        );
    }
    table + "</table></div>"
}

// ----------------------------------------------------------------------------------------- pages

fn begin(head: &Head) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n<table>",
        escaped(&head.title)
    );
    for (name, value) in &head.facts {
        let value = escaped(value);
        let value = match value.contains('\n') {
            true => format!("<details><summary>the file</summary><pre>{value}</pre></details>"),
            false => value,
        };
        let _ = writeln!(page, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    let _ = writeln!(
        page,
        "<tr><th>made by</th><td>rialto {}; this command makes the same numbers again:<pre>{}</pre></td></tr></table>",
        env!("CARGO_PKG_VERSION"),
        escaped(&head.command)
    );
    page
}

/// What the marks of all plots mean.
fn legend(page: &mut String) {
    page.push_str(
        "<p class=\"dim\"><span class=\"key track\"><i class=\"bar\" style=\"left:0;width:70%\"></i>\
         <i class=\"interval\" style=\"left:45%;width:50%\"></i></span>a mean over the seeds, with its 95 % interval</p>\n",
    );
}

/// A table with a column for each candidate.
fn summary(page: &mut String, all: &[(String, Vec<Property>)]) {
    page.push_str(
        "<h2>In numbers</h2>\n<p class=\"dim\">Each number is a mean over the seeds, ± half of its 95 % interval. Owners are counted, \
         not addresses: a chain could not see that.</p>\n<div class=\"wide\"><table><tr><th>property</th>",
    );
    for (name, _) in all {
        let _ = write!(page, "<th class=\"n\">{}</th>", escaped(name));
    }
    page.push_str("</tr>\n");
    let keys = all.first().map(|(_, properties)| properties.as_slice()).unwrap_or_default();
    for property in keys {
        let (name, unit) = name_and_unit(property.key);
        let _ = write!(
            page,
            "<tr><td>{name} <span class=\"dim\">({unit}; <code>{}</code>)</span></td>",
            property.key
        );
        for (_, of) in all {
            let found = of.iter().find(|other| other.key == property.key);
            let value = found.and_then(|it| it.value).map_or("–".to_owned(), shown);
            let _ = write!(page, "<td class=\"n\">{value}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn section(page: &mut String, title: &str, about: &str, plot: &str) {
    let _ = write!(page, "<h2>{}</h2>\n<p>{}</p>\n{plot}\n", escaped(title), escaped(about));
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn end(mut page: String) -> String {
    page.push_str("<h2>Words</h2>\n<table>\n");
    for (word, meaning) in GLOSSARY {
        let _ = writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", escaped(word), escaped(meaning));
    }
    page.push_str("</table>\n</body></html>\n");
    page
}
