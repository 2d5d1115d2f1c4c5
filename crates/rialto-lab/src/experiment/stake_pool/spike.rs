//! A spike of load on provers who do all they can.

use super::{COST, MOST, Pricing, position, rules};
use crate::Broken;
use crate::experiment::Row;
use crate::floor::{Floor, prover};
use rialto_mechanism::{Amount, Effect, JobId, Outcome, Span, Step, Time};
use std::collections::{BTreeMap, VecDeque};

const PROVERS: usize = 8;
/// How long a proof takes; a prover makes one at a time.
const SERVICE: Span = Span::s(90);
/// What passes between two jobs, usually and in the spike, five times as many.
const USUAL: Span = Span::s(15);
const SPIKE: Span = Span::s(3);
/// When the spike begins and ends, and when the last job comes.
const FROM: Span = Span::s(3_600);
const TO: Span = Span::s(5_400);
const END: Span = Span::s(9_000);
/// Until when a job can be proven.
const PATIENCE: Span = Span::s(86_400);

/// What a spike did.
struct Aftermath {
    /// Windows that honest provers missed.
    missed: f64,
    /// Jobs that were proven, of all.
    proven: f64,
}

/// Who proves what.
struct Provers {
    /// Until when each is busy.
    busy: Vec<Time>,
    /// What each finishes when.
    finishing: BTreeMap<(Time, JobId), usize>,
    /// Jobs that are open to all.
    open: VecDeque<JobId>,
}

/// A least capacity of 128 lets more be drawn for a prover than it can prove within its window.
pub(super) fn cascade() -> Result<Vec<Row>, Broken> {
    let (high, low) = (spike(128)?, spike(32)?);
    let estimate = crate::Estimate::exact;
    Ok(vec![
        Row::above(
            "spike, least capacity 128: windows that honest provers miss",
            0.0,
            estimate(high.missed),
        ),
        Row::exactly("spike, least capacity 32: windows that honest provers miss", 0.0, low.missed),
        Row::exactly("spike, least capacity 32: share of jobs proven", 1.0, low.proven),
    ])
}

/// Provers who promise no more than they must.
fn spike(min_capacity: u32) -> Result<Aftermath, Broken> {
    let mut floor = Floor::new("stake-pool", &rules("stake", &Pricing::FREE, min_capacity))?;
    for number in 0..PROVERS {
        floor.fund(prover(number))?;
        let mut position = position(1_000_000, COST);
        position.capacity = min_capacity;
        floor.join(prover(number), position)?;
    }
    let began = floor.now();
    let mut provers =
        Provers { busy: vec![began; PROVERS], finishing: BTreeMap::new(), open: VecDeque::new() };
    let (mut arrives, mut jobs, mut missed, mut proven) = (Some(began), 0.0, 0.0, 0.0);
    loop {
        let finishes = provers.finishing.keys().next().map(|(at, _)| *at);
        let next = [arrives, floor.seed_from(), finishes].into_iter().flatten().min();
        let Some(at) = next else { break };
        let step = floor.pass(at.since(floor.now()))?;
        missed += provers.hear(&step);
        if floor.seed_from().is_some_and(|from| from <= at)
            && let Some(step) = floor.seed()?
        {
            missed += provers.hear(&step);
        } else if finishes == Some(at) {
            let Some(((_, job), number)) = provers.finishing.pop_first() else { break };
            let step = floor.deliver_step(job, prover(number))?;
            proven += step.effects.iter().filter(|it| is_proven(&it.effect)).count() as f64;
        } else if arrives == Some(at) {
            floor.open(1_000_000, Amount::new(MOST), PATIENCE)?;
            jobs += 1.0;
            let spikes = (FROM..TO).contains(&at.since(began));
            let following = at + if spikes { SPIKE } else { USUAL };
            arrives = Some(following).filter(|at| at.since(began) < END);
        }
        provers.take_open(at);
    }
    Ok(Aftermath { missed, proven: proven / jobs })
}

fn is_proven(effect: &Effect) -> bool {
    matches!(effect, Effect::Settled { outcome: Outcome::Proven, .. })
}

impl Provers {
    /// Whoever is given a job puts it at the end of its queue. Returns how many windows have ended.
    fn hear(&mut self, step: &Step) -> f64 {
        let mut lapsed = 0.0;
        for happened in &step.effects {
            match &happened.effect {
                Effect::Allocated { job, allocation } => match allocation.holders.first() {
                    Some(holder) => {
                        self.queue(crate::floor::number_of(holder.party), *job, happened.at);
                    }
                    None => self.open.push_back(*job),
                },
                Effect::Lapsed { .. } => lapsed += 1.0,
                _ => {}
            }
        }
        lapsed
    }

    fn queue(&mut self, number: usize, job: JobId, now: Time) {
        let done = self.busy[number].max(now) + SERVICE;
        self.busy[number] = done;
        self.finishing.insert((done, job), number);
    }

    /// Whoever is idle proves what is open to all.
    fn take_open(&mut self, now: Time) {
        while let Some(idle) = self.busy.iter().position(|busy| *busy <= now)
            && let Some(job) = self.open.pop_front()
        {
            self.queue(idle, job, now);
        }
    }
}
