//! What is asked of a mechanism: jobs one after the other, by name.

use crate::population::pareto;
use crate::{Agent, Dice, Job, Owner};
use rialto_mechanism::{Amount, Span};
use rialto_protocol::Cycles;

/// Jobs by name.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// How many jobs show what it is about.
    pub length: u64,
    next: fn(&mut Stream) -> Job,
    /// Who takes part beside the population, as an owner like its first one: an agent of this kind.
    pub guest: Option<Agent>,
}

/// Every workload there is.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "w1",
        about: "a block every 12 s, some of them in bursts of large ones; a proof is of use for half an hour",
        length: 600,
        next: blocks,
        guest: None,
    },
    Workload {
        name: "w2",
        about: "an epoch of 32 blocks every 384 s, as one job of 32 parts, of use for two hours",
        length: 200,
        next: epochs,
        guest: None,
    },
    Workload {
        name: "w3",
        about: "proofs of all sizes with a fat tail, one in 20 s on average; one in five must be there soon",
        length: 600,
        next: ad_hoc,
        guest: None,
    },
    Workload {
        name: "w4",
        about: "blocks of one size every 12 s, and from the first hour on five times as many for half an hour",
        length: 1_200,
        next: spike,
        guest: None,
    },
    Workload {
        name: "w5",
        about: "a job every ten minutes for three weeks, of which a rival asks for half of its cost in the first",
        length: 3_024,
        next: steady,
        guest: Some(Agent::Predator { share: rialto_mechanism::Bps(5_000), leaves_after: WEEK }),
    },
];

/// The most that is paid for a million cycles: three times what they go for.
pub const MOST: u32 = 3_000;
const MEGA: f64 = 1e6;
const WEEK: Span = Span::s(7 * 86_400);

/// Jobs in the making, without end.
pub struct Stream {
    next: fn(&mut Stream) -> Job,
    dice: Dice,
    at: Span,
    /// Whether a burst of large jobs is going on.
    bursts: bool,
}

impl Workload {
    /// Its jobs in the order of their times, without end. The seed decides what chance does.
    pub fn jobs(&self, seed: u64) -> Stream {
        Stream { next: self.next, dice: Dice::new(seed, self.name), at: Span::ZERO, bursts: false }
    }

    /// Who takes part beside `owners`.
    pub fn guests(&self, owners: &[Owner]) -> Vec<Owner> {
        let (Some(agent), Some(first)) = (self.guest, owners.first()) else { return Vec::new() };
        let mut guest = Owner { name: "rival".to_owned(), ..first.clone() };
        agent.applied_to(&mut guest, owners);
        vec![guest]
    }
}

impl Iterator for Stream {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        Some((self.next)(self))
    }
}

impl Stream {
    /// A job now, and the next one `after` a while.
    fn job(&mut self, mcycles: f64, parts: u32, patience: Span, after: Span) -> Job {
        let cycles = Cycles((mcycles * MEGA).round().max(1.0) as u64);
        let max_pay = Amount::from(MOST).scaled_down(u128::from(cycles.0), 1_000_000);
        let job = Job { at: self.at, cycles, parts, max_pay, patience };
        self.at = self.at + after;
        job
    }
}

/// A burst begins with one block in twenty, ends with one in ten, and its blocks are four times as large.
fn blocks(stream: &mut Stream) -> Job {
    let turns = if stream.bursts { 0.1 } else { 0.05 };
    stream.bursts ^= stream.dice.chance(turns);
    let size = 0.5 + stream.dice.uniform();
    let size = if stream.bursts { 4.0 * size } else { size };
    stream.job(size, 1, Span::s(1_800), Span::s(12))
}

fn epochs(stream: &mut Stream) -> Job {
    let size = (0..32).map(|_| 0.5 + stream.dice.uniform()).sum::<f64>() / 8.0;
    stream.job(size, 32, Span::s(7_200), Span::s(384))
}

/// Sizes after Pareto, up to fifty million cycles; arrivals after Poisson.
fn ad_hoc(stream: &mut Stream) -> Job {
    let size = (0.3 * pareto(&mut stream.dice, 1.5)).min(50.0);
    let hurries = stream.dice.chance(0.2);
    let patience = if hurries { 300.0 + 90.0 * size } else { 6.0 * 3_600.0 };
    let after = -(1.0 - stream.dice.uniform()).ln() * 20_000.0;
    stream.job(size, 1, Span::s(patience as u64), Span::ms(after as u64))
}

fn spike(stream: &mut Stream) -> Job {
    let spikes = (3_600_000..5_400_000).contains(&stream.at.get());
    stream.job(1.0, 1, Span::s(1_800), Span::ms(if spikes { 2_400 } else { 12_000 }))
}

fn steady(stream: &mut Stream) -> Job {
    stream.job(1.0, 1, Span::s(6 * 3_600), Span::s(600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, count: usize) -> Vec<Job> {
        let workload = WORKLOADS.iter().find(|one| one.name == name).unwrap();
        workload.jobs(1).take(count).collect()
    }

    fn mcycles(job: &Job) -> f64 {
        job.cycles.0 as f64 / MEGA
    }

    #[test]
    fn workloads_are_what_they_say() {
        let sizes: Vec<f64> = of("w1", 10_000).iter().map(mcycles).collect();
        let large = sizes.iter().filter(|size| **size > 2.0).count();
        assert!((2_500..4_200).contains(&large), "a third of the blocks is in bursts: {large}");
        assert!(of("w2", 10).iter().all(|job| job.parts == 32 && job.at.get() % 384_000 == 0));
        let proofs = of("w3", 10_000);
        let mean = proofs[9_999].at.get() as f64 / 9_999.0;
        assert!((19_000.0..21_000.0).contains(&mean), "{mean}");
        let hurry = proofs.iter().filter(|job| job.patience < Span::s(6 * 3_600)).count();
        assert!((1_850..2_150).contains(&hurry), "{hurry}");
        let largest = proofs.iter().map(mcycles).fold(0.0, f64::max);
        assert!(largest > 40.0, "{largest}");
        let in_hour = |from: u64, to: u64| {
            of("w4", 2_000).iter().filter(|job| (from..to).contains(&job.at.get())).count()
        };
        assert_eq!((in_hour(0, 1_800_000), in_hour(3_600_000, 5_400_000)), (150, 750));
        let weeks = of("w5", 3_024);
        assert_eq!(weeks[3_023].at + Span::s(600), Span::s(3 * 7 * 86_400));
    }

    #[test]
    fn jobs_follow_from_the_seed_in_the_order_of_their_times() {
        for workload in WORKLOADS {
            let some = |seed| workload.jobs(seed).take(300).collect::<Vec<_>>();
            assert_eq!(some(1), some(1));
            assert!(some(2).is_sorted_by_key(|job| job.at), "{}", workload.name);
        }
        assert_ne!(of("w3", 5), WORKLOADS[2].jobs(2).take(5).collect::<Vec<_>>());
    }
}
