//! A page that says what was run, what came of it and what that means, for somebody who was not there.

use super::plot::{bars, curve, dots, escaped, shown};
use rialto_lab::{Better, Estimate, Mean, Measures, Owner, Property, Runs, Variant};
use std::fmt::Write;

/// What the head of a page says.
pub(super) struct Head {
    pub(super) title: String,
    /// The command that makes this page again.
    pub(super) command: String,
    /// Names and values: mechanism, rules, population, workload, seeds.
    pub(super) facts: Vec<(&'static str, String)>,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--dim:#5b6575;--paper:#fff;--line:#d9dee6;--bar:#3b6fd4;--mark:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--dim:#9aa5b5;--paper:#14181f;--line:#323a46;--bar:#6f9bf0;--mark:#fb923c}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.15rem;margin:2.2rem 0 .3rem}p{margin:.4rem 0}.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th{font-weight:600}td,th{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.wide{overflow-x:auto}
pre,code{font:.86rem/1.45 ui-monospace,monospace}pre{border:1px solid var(--line);border-radius:6px;padding:.7rem;white-space:pre-wrap;overflow-wrap:anywhere}
svg{width:100%;height:auto;margin:.5rem 0;font:13px system-ui,sans-serif}svg text{fill:var(--ink)}svg .value{fill:var(--dim)}
.bar{fill:var(--bar)}.dot{fill:var(--bar)}.line{fill:none;stroke:var(--bar);stroke-width:2}
.interval{stroke:var(--mark);stroke-width:2}.axis{stroke:var(--dim);stroke-width:1}.even{stroke:var(--dim);stroke-dasharray:4 4}";

/// The report of one scenario.
pub(super) fn of_scenario(
    head: &Head,
    owners: &[Owner],
    runs: &[Runs],
    all: &[Property],
) -> String {
    let mut page = begin(head);
    summary(&mut page, &[(String::new(), all.to_vec())]);
    let Some(asked) = runs.iter().find(|runs| runs.variant == Variant::Asked) else { return page };
    concentration(&mut page, owners, &asked.measures);
    price(&mut page, owners, &asked.measures);
    let of = |key: &str| all.iter().find(|property| property.key == key).and_then(|it| it.value);
    let named = |rows: &[(&str, &str)]| -> Vec<(String, Estimate)> {
        let rows = rows.iter().filter_map(|(name, key)| Some(((*name).to_owned(), of(key)?)));
        rows.collect()
    };
    section(
        &mut page,
        "Latency",
        "Seconds from a job's opening: until somebody could be sure enough to begin, and \
        until its proof was there; below, how much longer it takes when owners fail.",
        &bars(&named(&[
            ("until somebody begins", "alloc_latency"),
            ("until the proof is there", "latency"),
            ("longer if 25 % fail", "delay(.25)"),
            ("longer if 50 % fail", "delay(.5)"),
        ])),
    );
    let live = [(0.0, "live(0)"), (0.25, "live(.25)"), (0.5, "live(.5)")];
    let live: Vec<_> = live.iter().filter_map(|(at, key)| Some((*at, of(key)?))).collect();
    section(
        &mut page,
        "Liveness under faults",
        "The share of jobs that is proven when a share of the owners \
        takes what it is given and never delivers. A mechanism that lives on one prover falls early.",
        &curve(&live, "share of owners who fail", "share of jobs proven"),
    );
    section(
        &mut page,
        "Waste",
        "Cycles that were spent on proofs which nobody took, as a share of all cycles that were \
        spent. A race of n equal provers wastes (n − 1)/n.",
        &bars(&wasted(runs)),
    );
    section(
        &mut page,
        "What splitting and colluding gain",
        "The best that the first owner gains by appearing as several, and the first two \
        by bidding as one, as a share of all that is paid. Nothing to the right of the line means that nobody gains.",
        &bars(&named(&[("several addresses", "sybil_gain"), ("a ring of two", "collusion_gain")])),
    );
    if let Some(predation) = of("predation") {
        let rivals = of("predation_rivals").unwrap_or(Estimate::exact(0.0));
        let rows = [
            ("what requesters pay".to_owned(), predation),
            ("what the others get".to_owned(), rivals),
        ];
        section(
            &mut page,
            "A rival below cost",
            "One more owner asks for half of its cost for half of the time and then leaves: \
            what that changes, as a share of what it was before.",
            &bars(&rows),
        );
    }
    end(page)
}

/// The report of a comparison.
pub(super) fn of_comparison(head: &Head, all: &[(String, Vec<Property>)]) -> String {
    let mut page = begin(head);
    summary(&mut page, all);
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
        let about = format!("{}.{better}", capital(property.about));
        section(&mut page, property.key, &about, &bars(&rows));
    }
    end(page)
}

fn begin(head: &Head) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n<table>",
        escaped(&head.title)
    );
    for (name, value) in &head.facts {
        let value = escaped(value);
        let value = if value.contains('\n') { format!("<pre>{value}</pre>") } else { value };
        let _ = writeln!(page, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    let _ = write!(
        page,
        "<tr><th>made by</th><td>rialto {}</td></tr></table>\n\
         <p>This command makes the same page again, to the last digit:</p><pre>{}</pre>\n",
        env!("CARGO_PKG_VERSION"),
        escaped(&head.command)
    );
    page
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
    // Side by side there is no room for it, and below each has its plot and a sentence.
    let alone = all.len() == 1;
    page.push_str(if alone { "<th>what it is</th></tr>\n" } else { "</tr>\n" });
    let keys = all.first().map(|(_, properties)| properties.as_slice()).unwrap_or_default();
    for property in keys {
        let _ = write!(page, "<tr><td><code>{}</code></td>", property.key);
        for (_, of) in all {
            let found = of.iter().find(|other| other.key == property.key);
            let value = found.and_then(|it| it.value).map_or("–".to_owned(), shown);
            let _ = write!(page, "<td class=\"n\">{value}</td>");
        }
        let about = if alone { property.about } else { "" };
        let _ = writeln!(page, "<td class=\"dim\">{about}</td></tr>");
    }
    page.push_str("</table></div>\n");
}

fn section(page: &mut String, title: &str, about: &str, plot: &str) {
    let _ = write!(page, "<h2>{}</h2>\n<p>{}</p>\n{plot}\n", escaped(title), escaped(about));
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
    let rest = rows.split_off(rows.len().min(SHOWN));
    if !rest.is_empty() {
        let sum = rest.iter().map(|(_, share)| share.mean).sum();
        rows.push((format!("{} others together", rest.len()), Estimate::exact(sum)));
    }
    section(
        page,
        "Concentration",
        "Each owner's share of all that was paid. One long bar is a monopoly; bars of one \
        length are equality.",
        &bars(&rows),
    );
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
    section(
        page,
        "Price against cost",
        "Each dot is an owner: to the right what its machines cost it, upwards what it was paid. \
        Above the dashed line it earns, below it loses.",
        &dots(&points, "what its work cost it", "what it was paid"),
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

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn end(mut page: String) -> String {
    page.push_str("</body></html>\n");
    page
}
