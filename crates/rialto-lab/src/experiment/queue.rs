//! Queues, copies, hedges and deadlines: what a coordinator's retries and a second copy are worth (E12).

use super::{Effort, Experiment, Row};
use crate::{Broken, Dice, Estimate, Line, Mean, Owner, Served, Service, World, oracle};
use rialto_mechanism::{Amount, Span, find};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "queue",
    about: "a hedge is worth nearly a second copy, late work is best dropped, and retries multiply",
    run,
};

/// Proving times as a study of proofs for blocks of 12 s fits them.
const FIT: Service = Service::Lognormal { median_s: 6.70, deviation: 0.301 };
const DEADLINE_S: f64 = 12.0;
const HEDGE_S: f64 = 3.0;
/// So many that nobody waits.
const PLENTY: usize = 10_000;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for (load, servers) in [(8.0, 10), (35.0, 41), (80.0, 95)] {
        rows.extend(waiting(load, servers, effort));
    }
    rows.extend(copies(effort));
    rows.extend(abandoning(effort));
    rows.push(retries(effort)?);
    Ok(rows)
}

/// How often a job finds all servers busy.
fn waiting(load: f64, servers: usize, effort: Effort) -> Vec<Row> {
    let line = Line {
        servers,
        arrivals_per_s: load,
        service: Service::Exponential { mean_s: 1.0 },
        copies: 1,
        hedge_s: None,
        deadline_s: DEADLINE_S,
        abandons: false,
    };
    let share = |served: Served| served.waited as f64 / served.jobs as f64;
    let waited = repeated(&line, (effort.jobs(2_000), 20_000), share);
    let (target, tolerance) = (oracle::erlang_c(load, servers as u32), effort.tolerance(0.003));
    let row = |name: String, target| Row::near(name, target, tolerance, waited);
    let mut rows = vec![row(format!("wait, {servers} servers under a load of {load}"), target)];
    if (load, servers) == (35.0, 41) {
        rows.push(row("the same, as the survey has it".to_owned(), 0.240));
    }
    rows
}

/// How often a proof is there by the deadline where nobody waits for a server: alone, with another from the start,
/// and with another that is begun after a while. First by closed forms, then as the study found.
fn copies(effort: Effort) -> Vec<Row> {
    let alone = Line {
        servers: PLENTY,
        arrivals_per_s: 1.0,
        service: FIT,
        copies: 1,
        hedge_s: None,
        deadline_s: DEADLINE_S,
        abandons: false,
    };
    let late = |within: f64| 1.0 - oracle::lognormal_below(within, 6.70, 0.301);
    let twice = Line { copies: 2, ..alone };
    let hedged = Line { hedge_s: Some(HEDGE_S), ..alone };
    let cases = [
        ("one copy", alone, oracle::copies_on_time(late(DEADLINE_S), 1), 0.973_5),
        ("two copies", twice, oracle::copies_on_time(late(DEADLINE_S), 2), 0.999_1),
        (
            "a second after 3 s",
            hedged,
            oracle::hedge_on_time(late(DEADLINE_S), late(DEADLINE_S - HEDGE_S)),
            0.995_6,
        ),
    ];
    let tolerance = effort.tolerance(0.001);
    let rows = cases.into_iter().flat_map(|(name, line, target, stated)| {
        let on_time = repeated(&line, (effort.jobs(100), 5_000), on_time);
        [(target, "by the fit"), (stated, "as the study found")].map(|(target, source)| {
            Row::near(format!("on time with {name}, {source}"), target, tolerance, on_time)
        })
    });
    rows.collect()
}

/// Near saturation late work holds up what is not late yet.
fn abandoning(effort: Effort) -> Vec<Row> {
    let patient = Line {
        servers: 100,
        arrivals_per_s: 14.0,
        service: FIT,
        copies: 1,
        hedge_s: None,
        deadline_s: DEADLINE_S,
        abandons: false,
    };
    let runs = (effort.jobs(300), 50_000);
    let kept = repeated(&patient, runs, on_time);
    let dropped = repeated(&Line { abandons: true, ..patient }, runs, on_time);
    let gain = Estimate { mean: dropped.mean - kept.mean, half: kept.half + dropped.half };
    vec![
        Row::above("on time near saturation, late work dropped", 0.93, dropped),
        Row::above("how much more that is than if it is kept", 0.02, gain),
    ]
}

/// A coordinator gives a job out again until it has failed five times.
fn retries(effort: Effort) -> Result<Row, Broken> {
    const FAULT: f64 = 0.2;
    const ATTEMPTS: i32 = 5;
    let kind = find("coordinator").expect("it is in the catalogue");
    let rules = format!("attempts = {ATTEMPTS}\ntimeout = \"3 min\"");
    let owner = |nth| Owner { fault: FAULT, ..Owner::new(format!("prover {nth}"), Amount::ZERO) };
    let mut world = World::new(kind, &rules, (0..6).map(owner).collect(), 1)?;
    let jobs = effort.jobs(100_000);
    for _ in 0..jobs {
        world.offer(Span::s(1), Cycles(1_000_000), Amount::from(1), Span::s(10_000));
        world.run()?;
    }
    let lost = Estimate::share(jobs - world.measures().proven, jobs);
    let target = FAULT.powi(ATTEMPTS);
    let name = format!("lost after {ATTEMPTS} attempts of which one in five fails");
    Ok(Row::near(name, target, effort.tolerance(0.001), lost))
}

fn on_time(served: Served) -> f64 {
    served.on_time as f64 / served.jobs as f64
}

/// The mean of a share over runs that know nothing of each other, each of so many jobs.
fn repeated(line: &Line, (runs, jobs): (u64, usize), share: fn(Served) -> f64) -> Estimate {
    let mut mean = Mean::default();
    let mut dice = Dice::new(1, "queue");
    mean.extend((0..runs).map(|_| share(line.serve(jobs / 5, jobs, &mut dice))));
    mean.estimate()
}
