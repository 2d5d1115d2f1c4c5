//! When a chain of proofs keeps up whose provers take turns (X4).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Estimate, oracle};
use rialto_mechanism::{Amount, Effect, JobId, Party, Position, Span, Step, Time};
use std::collections::BTreeMap;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "rota",
    about: "a chain whose provers take turns keeps up while links come more slowly than turns pass, or while a buffer lets others help",
    run,
};

const PROVERS: usize = 50;
/// How long a proof takes.
const PROOF: Span = Span::s(60);
/// How long a link is its holder's alone.
const WINDOW: Span = Span::s(300);
/// What passes between two links.
const APART: Span = Span::s(120);
/// No buffer is ever as full.
const ENDLESS: u32 = 1_000_000;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let (mut rows, links) = (Vec::new(), effort.jobs(40_000));
    let few = effort.jobs(4_000);
    for missed in [0.1, 0.3] {
        let chain = Chain::run(missed, ENDLESS, None, links)?;
        let target = oracle::link_time(PROOF.get() as f64, WINDOW.get() as f64, missed) / 1_000.0;
        let name = format!("seconds for a link when {missed} of turns are missed");
        let tolerance = effort.tolerance(0.02 * target);
        rows.push(Row::near(name, target, tolerance, chain.seconds));
    }
    for missed in [0.1, 0.3] {
        let chain = Chain::run(missed, ENDLESS, Some(APART), few)?;
        let time = oracle::link_time(PROOF.get() as f64, WINDOW.get() as f64, missed);
        let target = (1.0 - APART.get() as f64 / time).max(0.0);
        let name = format!("one every 120 s, {missed} of turns missed: share of links left behind");
        let behind = Estimate { mean: chain.behind, half: chain.seconds.half / chain.seconds.mean };
        rows.push(Row::near(name, target, effort.tolerance(0.06), behind));
    }
    let helped = Chain::run(0.3, 8, Some(APART), few)?;
    rows.push(Row::exactly(
        "the same with a buffer of 8: most links behind at once",
        8.0,
        helped.most,
    ));
    Ok(rows)
}

/// What became of a chain.
struct Chain {
    /// From one proof to the next.
    seconds: Estimate,
    /// Links without a proof when the last one came, of all.
    behind: f64,
    /// The most links without a proof at once.
    most: f64,
}

/// Proofs in the making.
struct Turns {
    proofs: BTreeMap<(Time, JobId), Party>,
    missed: f64,
    dice: Dice,
    proven: Vec<Time>,
}

impl Chain {
    /// So many links, of whose turns a share is missed; one comes with each proof if they are not a while apart.
    fn run(missed: f64, buffer: u32, apart: Option<Span>, links: u64) -> Result<Self, Broken> {
        let mut floor = floor(buffer)?;
        let dice = Dice::new(1, &format!("turns {missed} {buffer} {apart:?}"));
        let mut turns = Turns { proofs: BTreeMap::new(), missed, dice, proven: Vec::new() };
        let (mut came, mut most, mut behind) = (0u64, 0.0f64, 0.0);
        let mut comes = Some(floor.now());
        while (turns.proven.len() as u64) < links {
            let proof = turns.proofs.keys().next().map(|(at, _)| *at);
            let next =
                [comes, floor.seed_from(), proof, floor.next_wake()].into_iter().flatten().min();
            let Some(at) = next else { break };
            let step = floor.pass(at.since(floor.now()))?;
            turns.hear(&step);
            if floor.seed_from().is_some_and(|from| from <= at) {
                let step = floor.seed()?;
                step.iter().for_each(|step| turns.hear(step));
            } else if comes == Some(at) {
                came += 1;
                comes = apart.filter(|_| came < links).map(|apart| at + apart);
                let step = floor.open_step(1_000_000, Amount::new(10), Span::s(1 << 34))?;
                turns.hear(&step);
                let unproven = came as f64 - turns.proven.len() as f64;
                most = most.max(unproven);
                behind = unproven / links as f64;
            } else if proof == Some(at) {
                let Some(((_, job), by)) = turns.proofs.pop_first() else { break };
                let step = floor.deliver_step(job, by)?;
                turns.hear(&step);
                comes = comes.or((apart.is_none() && came < links).then_some(at));
            }
        }
        let times =
            turns.proven.windows(2).map(|pair| pair[1].since(pair[0]).get() as f64 / 1_000.0);
        let mut seconds = crate::Mean::default();
        seconds.extend(times);
        Ok(Self { seconds: seconds.estimate(), behind, most })
    }
}

/// Members whose stakes outlast all that they miss, and a new order of turns at every link.
fn floor(buffer: u32) -> Result<Floor, Broken> {
    let rules = format!(
        "epoch = \"1 s\"\nbeacon = {{ lag = \"1 s\", patience = \"1 min\" }}\nwindow = \"300 s\"\nbuffer = {buffer}\n\
         stake = 1000\nslash = 1\nexit = \"2 h\"\n"
    );
    let mut floor = Floor::new("rota", &rules)?;
    for number in 0..PROVERS {
        floor.fund(prover(number))?;
        let (stake, price) = (Amount::new(1 << 40), Amount::new(10));
        floor.join(prover(number), Position { stake, price, capacity: 1 })?;
    }
    Ok(floor)
}

impl Turns {
    /// Whoever has its turn proves, or misses it; what is open to all, somebody proves.
    fn hear(&mut self, step: &Step) {
        for happened in &step.effects {
            match &happened.effect {
                Effect::Allocated { job, allocation } => {
                    let holder = allocation.holders.first().map(|holder| holder.party);
                    if holder.is_none() || !self.dice.chance(self.missed) {
                        let done = happened.at + PROOF;
                        self.proofs.insert((done, *job), holder.unwrap_or(prover(0)));
                    }
                }
                Effect::Settled { .. } => self.proven.push(happened.at),
                _ => {}
            }
        }
    }
}
