//! How a puzzle's target follows a jump of the provers' power (X8).

use super::{Effort, Experiment, Row};
use crate::floor::{REQUESTER, prover};
use crate::{Broken, Estimate, oracle};
use rialto_mechanism::mechanism::succinct_work::{Rules, SuccinctWork};
use rialto_mechanism::{
    Amount, Auditor, Entry, Event, JobId, JobSpec, Machine, Mechanism, Proof, Run, Span, Time,
};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "succinct-work",
    about: "after a jump of power the time between retargets is off by half as much with every half-life",
    run,
};

/// In milliseconds, as the preset has them.
const ANCHOR: f64 = 25_000.0;
const HALF_LIFE: f64 = 4_500_000.0;
const FUNDS: Amount = Amount::new(1 << 80);
/// Solutions of a block, each at the least target.
const SOLUTIONS: u32 = 4;

fn run(_: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for jump in [0.25, 1.0, 4.0, 16.0] {
        let taken = intervals(jump)?;
        for half_lives in [0u32, 1, 2, 4, 8] {
            let passed = f64::from(half_lives) * HALF_LIFE;
            let sampled = taken.iter().find(|(began, _)| *began >= passed);
            let (began, took) = sampled.copied().unwrap_or((f64::NAN, f64::NAN));
            let name = format!("interval {half_lives} half-lives after power x {jump}, in anchors");
            // As of when it began, for it begins up to one interval later.
            let target = oracle::interval_after(1.0 / jump, began / HALF_LIFE);
            let measured = Estimate::exact(took / ANCHOR);
            rows.push(Row::near(name, target, 0.01 * target, measured));
        }
    }
    Ok(rows)
}

/// Intervals between retargets and when they began, from a jump of power on that makes solutions so many times
/// as frequent as they were when one interval was one anchor.
fn intervals(jump: f64) -> Result<Vec<(f64, f64)>, Broken> {
    let mut puzzle = Puzzle::new()?;
    // Power is targets in a millisecond: a solution takes its target over that.
    let power = puzzle.target() * f64::from(SOLUTIONS) / ANCHOR * jump;
    let begin = puzzle.now;
    let passed = |now: Time| now.since(begin).get() as f64;
    let mut taken = Vec::new();
    while passed(puzzle.now) < 8.5 * HALF_LIFE {
        let began = passed(puzzle.now);
        puzzle.solve_block(power)?;
        taken.push((began, passed(puzzle.now) - began));
    }
    Ok(taken)
}

/// The mechanism with its type, so that its target can be seen.
struct Puzzle {
    run: Run<SuccinctWork>,
    auditor: Auditor,
    now: Time,
    job: JobId,
}

impl Puzzle {
    fn new() -> Result<Self, Broken> {
        let preset = SuccinctWork::ABOUT.preset("aleo").expect("it is one of its presets");
        let rules: Rules = toml::from_str(preset.rules).expect("a preset can be read");
        let (run, auditor) = (Run::new(rules), Auditor::default());
        let mut puzzle = Self { run, auditor, now: Time(1_000_000), job: JobId(0) };
        puzzle.enter(Event::Fund { party: REQUESTER, amount: FUNDS })?;
        Ok(puzzle)
    }

    /// The least target of a solution.
    fn target(&self) -> f64 {
        self.run.mechanism().least() as f64
    }

    /// A block is opened and solved at a power of so many targets in a millisecond.
    fn solve_block(&mut self, power: f64) -> Result<(), Broken> {
        self.job = JobId(self.job.0 + 1);
        let (job, requester, deadline) = (self.job, REQUESTER, self.now + Span::s(1_000_000));
        let max_pay = Amount::from(1_000);
        let spec = JobSpec { requester, cycles: Cycles(1), parts: 1, max_pay, deadline };
        self.enter(Event::Open { job, spec })?;
        for _ in 0..SOLUTIONS {
            self.now = self.now + Span::ms((self.target() / power).round() as u64);
            let proof = Proof { valid: true, part: 1 };
            self.enter(Event::Deliver { job, by: prover(0), proof })?;
        }
        Ok(())
    }

    fn enter(&mut self, event: Event) -> Result<(), Broken> {
        let entry = Entry { at: self.now, event };
        let step = self.run.step(&entry);
        self.auditor.watch(&entry, &step, &self.run)?;
        step.refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }
}
