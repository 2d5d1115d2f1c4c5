//! Provers drawn by lot, several at once or one after the other, and who fails together (E10).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, number_of, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, Effect, Event, JobId, Outcome, Position, Span, Stage, Step};

mod in_turn;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "drawn-provers",
    about: "of k drawn provers all fail in f^k jobs if they fail alone, and in f if they fail together",
    run,
};

/// The share of jobs that may fail to be measured.
const TOLERANCE: f64 = 0.002;
const PROVERS: usize = 20;
/// How many cycles of six seconds a prover has.
const CYCLES: u64 = 10;
const CYCLE: Span = Span::s(6);
const PATIENCE: Span = Span::s(10_000);
/// More than the fees of a job.
const PAY: Amount = Amount::new(1_000_000);

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for drawn in 1..=5 {
        for fault in [0.05, 0.1, 0.2, 0.33] {
            rows.push(all_fail(drawn, fault, effort)?);
        }
    }
    rows.extend(in_turn::rows(effort)?);
    rows.extend(by_rank()?);
    rows.extend(by_capacity(effort)?);
    rows.push(unfit(effort)?);
    Ok(rows)
}

/// How many jobs are run for a share near `chance`: a right one is off by more than the tolerance once in thousands
/// of times.
fn enough(chance: f64, effort: Effort) -> u64 {
    const DEVIATIONS: f64 = 3.5;
    let jobs = chance * (1.0 - chance) * (DEVIATIONS / TOLERANCE).powi(2);
    effort.jobs((jobs as u64).max(10_000))
}

/// Who of the provers of a job fail, alone or together.
struct Faults {
    chance: f64,
    /// How often all provers of a job share one fate.
    together: f64,
    dice: Dice,
}

impl Faults {
    fn new(of: &str, chance: f64, together: f64) -> Self {
        Self { chance, together, dice: Dice::new(1, &format!("{of} {chance} {together}")) }
    }

    /// The fates of a job's provers, in the order in which they are drawn.
    fn of_job(&mut self, provers: usize) -> Vec<bool> {
        if self.dice.chance(self.together) {
            return vec![self.dice.chance(self.chance); provers];
        }
        (0..provers).map(|_| self.dice.chance(self.chance)).collect()
    }
}

/// Version 0 with members of these capacities who have all been measured.
struct Lottery {
    floor: Floor,
    drawn: usize,
}

impl Lottery {
    fn new(drawn: usize, capacities: &[u32]) -> Result<Self, Broken> {
        let rules = format!(
            "provers = {drawn}\ncycle = \"6 s\"\nfee = 1000\nreward = 100000\ntiers = [6000, 2500, 1500]\n\
             stake_for_capacity = 1\nworkload = 60000\nexit = \"7 d\"\nbeacon = {{ lag = \"6 s\", patience = \"1 min\" }}\n"
        );
        let mut lottery = Self { floor: Floor::new("gevulot", &rules)?, drawn };
        for (number, capacity) in capacities.iter().enumerate() {
            lottery.floor.fund(prover(number))?;
            let stake = Amount::new(u128::from(*capacity));
            let position = Position { stake, capacity: *capacity, ..Position::default() };
            lottery.floor.join(prover(number), position)?;
            lottery.measure(number, 1)?;
        }
        Ok(lottery)
    }

    fn measure(&mut self, number: usize, score: u32) -> Result<(), Broken> {
        self.floor.must(Event::Measure { party: prover(number), score }).map(drop)
    }

    /// So many jobs with one seed and the one before it; who has been drawn for each.
    fn draw(&mut self, jobs: u64) -> Result<Vec<(JobId, Vec<usize>)>, Broken> {
        let mut opened = Vec::new();
        for _ in 0..jobs {
            opened.push(self.floor.open(CYCLES, PAY, PATIENCE)?);
        }
        while self.floor.seed()?.is_some() {}
        Ok(opened.into_iter().map(|job| (job, self.drawn_for(job))).collect())
    }

    fn drawn_for(&self, job: JobId) -> Vec<usize> {
        match self.floor.stage(job) {
            Some(Stage::Allocated(allocation)) => {
                allocation.holders.iter().map(|holder| number_of(holder.party)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Jobs that nobody proves, of so many.
    fn failed(&mut self, jobs: u64, faults: &mut Faults) -> Result<u64, Broken> {
        const AT_ONCE: u64 = 100;
        let mut failed = 0;
        for _ in 0..jobs.div_ceil(AT_ONCE) {
            for (job, drawn) in self.draw(AT_ONCE)? {
                let fates = faults.of_job(self.drawn);
                for (number, _) in drawn.iter().zip(fates).filter(|(_, fails)| !fails) {
                    self.floor.deliver(job, prover(*number))?;
                }
            }
            // Where nobody is left who owes a proof, nothing is left to wait for.
            let step = self.floor.pass(CYCLE.times(CYCLES + 30))?;
            failed += unproven(&step);
            for number in 0..PROVERS {
                self.measure(number, 1)?;
            }
        }
        Ok(failed)
    }
}

/// Jobs that ended without a proof.
fn unproven(step: &Step) -> u64 {
    let ended = step.effects.iter().map(|happened| &happened.effect);
    let unproven =
        |effect: &&Effect| matches!(effect, Effect::Settled { outcome: Outcome::Unproven, .. });
    ended.filter(unproven).count() as u64
}

fn all_fail(drawn: usize, fault: f64, effort: Effort) -> Result<Row, Broken> {
    let target = oracle::all_fail(fault, drawn as i32, 0.0);
    let jobs = enough(target, effort).next_multiple_of(100);
    let failed = Lottery::new(drawn, &[10; PROVERS])?
        .failed(jobs, &mut Faults::new(&format!("{drawn} at once"), fault, 0.0))?;
    let name = format!("missed by {drawn} at once who each fail in {fault}");
    Ok(Row::near(name, target, effort.tolerance(TOLERANCE), Estimate::share(failed, jobs)))
}

/// What the first, the second and the third to deliver get of the network's reward, and what a requester pays
/// whose fastest prover took four of ten cycles.
fn by_rank() -> Result<Vec<Row>, Broken> {
    let mut lottery = Lottery::new(3, &[10; PROVERS])?;
    lottery.floor.endow(Amount::new(1 << 40))?;
    let (job, drawn) = lottery.draw(1)?.swap_remove(0);
    lottery.floor.pass(CYCLE.times(4))?;
    let mut paid = Vec::new();
    for number in drawn {
        let before = lottery.floor.gain(prover(number));
        lottery.floor.deliver(job, prover(number))?;
        paid.push(lottery.floor.gain(prover(number)) - before);
    }
    // The fee of a cycle is 1000 and the reward 100 000, as the rules above say.
    let fee = 1_000.0 * 4.0;
    let mut rows = Vec::new();
    for (rank, (paid, tier)) in paid.iter().zip([0.6, 0.25, 0.15]).enumerate() {
        let name = format!("of the reward, for number {} to deliver", rank + 1);
        rows.push(Row::exactly(name, tier, (paid - fee) / 100_000.0));
    }
    let charged = -lottery.floor.gain(crate::floor::REQUESTER) - (1u64 << 40) as f64;
    let all = 1_000.0 * 3.0 * CYCLES as f64;
    rows.push(Row::exactly(
        "of the fees, charged when the fastest took 4 cycles of 10",
        0.4,
        charged / all,
    ));
    Ok(rows)
}

/// Draws by capacity make the concentration of what is paid that of the capacities.
fn by_capacity(effort: Effort) -> Result<Vec<Row>, Broken> {
    // Fat-tailed: the n-th largest has an n-th of the largest.
    let capacities: Vec<u32> = (1..=PROVERS as u32).map(|rank| 2_520 / rank).collect();
    let sum = f64::from(capacities.iter().sum::<u32>());
    let shares: Vec<f64> = capacities.iter().map(|capacity| f64::from(*capacity) / sum).collect();
    let mut lottery = Lottery::new(1, &capacities)?;
    let mut counts = [0u64; PROVERS];
    let jobs = effort.jobs(60_000);
    for _ in 0..jobs / 100 {
        for (job, drawn) in lottery.draw(100)? {
            for number in drawn {
                counts[number] += 1;
                lottery.floor.deliver(job, prover(number))?;
            }
        }
    }
    let hhi = counts.iter().map(|count| (*count as f64 / jobs as f64).powi(2)).sum();
    let sums = |power: i32| shares.iter().map(|share| share.powi(power)).sum::<f64>();
    // The deviation of a sum of squared shares of independent draws, to first order.
    let half = 1.96 * (4.0 * (sums(3) - sums(2).powi(2)) / jobs as f64).sqrt();
    let measured = Estimate { mean: hhi, half };
    let name = "concentration of jobs over capacities that fall as 1/rank";
    Ok(vec![Row::near(name, sums(2), effort.tolerance(TOLERANCE), measured)])
}

/// Who was measured as too slow is not drawn until it has been measured again.
fn unfit(effort: Effort) -> Result<Row, Broken> {
    let mut lottery = Lottery::new(3, &[10; PROVERS])?;
    lottery.measure(0, 60_001)?;
    let mut given = Mean::default();
    for _ in 0..effort.jobs(2_000) / 100 {
        for (job, drawn) in lottery.draw(100)? {
            given.add(f64::from(u8::from(drawn.contains(&0))));
            for number in drawn {
                lottery.floor.deliver(job, prover(number))?;
            }
        }
    }
    Ok(Row::exactly("jobs of one who was too slow when measured", 0.0, given.value()))
}
