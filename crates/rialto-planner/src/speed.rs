//! How long a proof takes, learned from the node's own proofs.
//!
//! A proof costs something fixed and something for each cycle, and how much of which differs from
//! program to program: the line with the least squares through the program's own samples. An
//! estimate is what the line says, times the upper quartile of what samples took beyond it, and beside it times
//! the most. While all samples are of one size there is no line: then fewer cycles are taken to last as
//! long, and more to last proportionally longer, which is too long rather than too short.

use rialto_protocol::{Cycles, ImageId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One proof that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Cycles of the run.
    pub cycles: Cycles,
    /// From the prover's start on it to the finished proof.
    pub took: Duration,
}

/// How long a proof takes, as far as one can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// As a rule, and rather more than less.
    pub usual: Duration,
    /// If it takes as long as any lately, but at most twice as long as usual: beyond that lies what
    /// befalls a machine now and then, which would keep a prover idle that prepared for it.
    pub longest: Duration,
}

/// What is known of the prover's speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speeds {
    assumed_khz: u64,
    by_program: BTreeMap<ImageId, Samples>,
    any: Samples,
}

/// The latest samples of one kind of work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Samples(VecDeque<Sample>);

/// Samples kept for a program: old ones tell of a machine that has changed since.
const SAMPLES_MAX: usize = 64;
/// Programs remembered; the busiest market has fewer at a time.
const PROGRAMS_MAX: usize = 4_096;
/// Fewer samples than this of other programs say less than the operator's own figure.
const OTHERS_MIN: usize = 4;

impl Speeds {
    /// Nothing learned yet: `assumed_khz` thousand cycles a second, at least 1.
    pub fn new(assumed_khz: u64) -> Self {
        Self {
            assumed_khz: assumed_khz.max(1),
            by_program: BTreeMap::new(),
            any: Samples::default(),
        }
    }

    /// The same knowledge with another assumption for what is not known.
    pub fn assume(&mut self, khz: u64) {
        self.assumed_khz = khz.max(1);
    }

    /// Learns from a proof.
    pub fn learn(&mut self, program: ImageId, sample: Sample) {
        self.any.push(sample);
        let is_full = self.by_program.len() >= PROGRAMS_MAX;
        if !is_full || self.by_program.contains_key(&program) {
            self.by_program.entry(program).or_default().push(sample);
        }
    }

    /// How long a proof of this much of `program` takes, as far as one can tell, and rather more
    /// than less: from its own proofs, else from all others', else from the assumed speed.
    pub fn estimate_up(&self, program: ImageId, cycles: Cycles) -> Estimate {
        let own = self.by_program.get(&program);
        let others = || Some(&self.any).filter(|samples| samples.len() >= OTHERS_MIN);
        match own.or_else(others) {
            Some(samples) => samples.estimate_up(cycles),
            None => Estimate::steady(self.assumed_up(cycles)),
        }
    }

    /// Cycles a second over the latest proofs of all programs; nothing before the first.
    pub fn learned_hz(&self) -> Option<u64> {
        let cycles: u128 = self.any.0.iter().map(|sample| u128::from(sample.cycles.0)).sum();
        let took: Duration = self.any.0.iter().map(|sample| sample.took).sum();
        let hz = cycles.saturating_mul(1_000).checked_div(took.as_millis())?;
        Some(u64::try_from(hz).unwrap_or(u64::MAX))
    }

    /// What every proof of `program` costs and what each million cycles adds, by the line through its
    /// samples; nothing while they are all of one size.
    pub fn cost(&self, program: ImageId) -> Option<(Duration, Duration)> {
        let line = Line::through(self.by_program.get(&program)?)?;
        let duration = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Some((duration(line.fixed_s), duration(line.per_cycle_s * 1e6)))
    }

    /// At the assumed speed.
    pub fn assumed_up(&self, cycles: Cycles) -> Duration {
        Duration::from_millis(cycles.0.div_ceil(self.assumed_khz))
    }
}

impl Samples {
    /// Takes a sample in; the oldest goes.
    pub(crate) fn push(&mut self, sample: Sample) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How long so many cycles take by these, of which there is one at least.
    pub(crate) fn estimate_up(&self, cycles: Cycles) -> Estimate {
        let Some(line) = Line::through(self) else {
            return Estimate::of(self.0.iter().map(|sample| bound_up(sample, cycles)));
        };
        // As a duration so that it has an order: one second stands for 1.
        let beyond = Estimate::of(self.0.iter().map(|sample| {
            let expected = line.seconds_at(cycles_of(sample)).max(f64::MIN_POSITIVE);
            Duration::try_from_secs_f64(seconds_of(sample) / expected).unwrap_or(Duration::MAX)
        }));
        let times = |factor: Duration| {
            let seconds = line.seconds_at(cycles.0 as f64) * factor.as_secs_f64().max(1.0);
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        };
        Estimate { usual: times(beyond.usual), longest: times(beyond.longest) }
    }
}

/// Seconds for nothing and seconds for each cycle.
#[derive(Clone, Copy, Debug)]
struct Line {
    fixed_s: f64,
    per_cycle_s: f64,
}

impl Line {
    /// Through samples of more than one size; neither part is negative.
    fn through(Samples(samples): &Samples) -> Option<Self> {
        let count = samples.len() as f64;
        let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(&cycles_of), mean(&seconds_of));
        let spread = mean(&|sample| (cycles_of(sample) - x).powi(2));
        if spread <= 0.0 {
            return None;
        }
        let slope = mean(&|sample| (cycles_of(sample) - x) * (seconds_of(sample) - y)) / spread;
        if slope <= 0.0 {
            return Some(Self { fixed_s: y, per_cycle_s: 0.0 });
        }
        if slope * x <= y {
            return Some(Self { fixed_s: y - slope * x, per_cycle_s: slope });
        }
        let through_zero = mean(&|sample| cycles_of(sample) * seconds_of(sample))
            / mean(&|sample| cycles_of(sample).powi(2));
        Some(Self { fixed_s: 0.0, per_cycle_s: through_zero })
    }

    fn seconds_at(self, cycles: f64) -> f64 {
        self.fixed_s + self.per_cycle_s * cycles
    }
}

fn cycles_of(sample: &Sample) -> f64 {
    sample.cycles.0.max(1) as f64
}

fn seconds_of(sample: &Sample) -> f64 {
    sample.took.as_secs_f64()
}

impl Estimate {
    fn steady(time: Duration) -> Self {
        Self { usual: time, longest: time }
    }

    /// The upper quartile, and the most.
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        let usual = times.get(times.len() * 3 / 4).copied().unwrap_or_default();
        let most = times.last().copied().unwrap_or_default();
        Self { usual, longest: most.min(usual.saturating_mul(2)) }
    }
}

/// At most this long, by what one sample took.
fn bound_up(sample: &Sample, cycles: Cycles) -> Duration {
    let (of, to) = (u128::from(sample.cycles.0.max(1)), u128::from(cycles.0));
    if to <= of {
        return sample.took;
    }
    let ns = sample.took.as_nanos().saturating_mul(to).div_ceil(of);
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use expect_test::expect;
    use proptest::prelude::*;

    fn program(byte: u8) -> ImageId {
        ImageId(B256::repeat_byte(byte))
    }

    fn sample(mcycles: u64, ms: u64) -> Sample {
        Sample { cycles: Cycles(mcycles * 1_000_000), took: Duration::from_millis(ms) }
    }

    #[test]
    fn what_is_known_best_counts() {
        let mut speeds = Speeds::new(100);
        let mut rows = String::new();
        let mut show = |what: &str, speeds: &Speeds, byte, mcycles: u64| {
            let Estimate { usual, longest } =
                speeds.estimate_up(program(byte), Cycles(mcycles * 1_000_000));
            rows.push_str(&format!("{what}: {usual:?}, at most {longest:?}\n"));
        };
        show("nothing is known", &speeds, 1, 3);
        speeds.learn(program(1), sample(2, 9_000));
        show("one of its own, smaller", &speeds, 1, 3);
        show("one of its own, larger", &speeds, 1, 1);
        show("one of another", &speeds, 2, 3);
        for _ in 0..3 {
            speeds.learn(program(1), sample(4, 10_000));
        }
        show("several of another", &speeds, 2, 3);
        show("between two sizes", &speeds, 1, 3);
        speeds.learn(program(1), sample(4, 15_000));
        show("after a slow one", &speeds, 1, 4);
        speeds.learn(program(1), sample(4, 90_000));
        show("after an accident", &speeds, 1, 4);
        expect![[r#"
            nothing is known: 30s, at most 30s
            one of its own, smaller: 13.5s, at most 13.5s
            one of its own, larger: 9s, at most 9s
            one of another: 30s, at most 30s
            several of another: 9.5s, at most 9.5s
            between two sizes: 9.5s, at most 9.5s
            after a slow one: 11.25s, at most 14.999999996s
            after an accident: 26.571428571s, at most 36.000000009s
        "#]]
        .assert_eq(&rows);
    }

    #[test]
    fn the_speed_over_all_is_by_time_and_not_by_proof() {
        let mut speeds = Speeds::new(100);
        assert_eq!(speeds.learned_hz(), None);
        speeds.learn(program(1), sample(1, 10_000));
        speeds.learn(program(2), sample(9, 10_000));
        assert_eq!(speeds.learned_hz(), Some(500_000));
        assert_eq!(speeds.cost(program(1)), None, "one size says nothing of the parts");
        speeds.learn(program(1), sample(3, 14_000));
        let (fixed, per_mcycle) = speeds.cost(program(1)).unwrap();
        assert_eq!((fixed.as_millis(), per_mcycle.as_millis()), (8_000, 2_000));
    }

    proptest! {
        /// For a program that costs `a + b * cycles` and samples without noise, the estimate is
        /// never too short.
        #[test]
        fn steady_programs_are_never_underestimated(
            fixed_ms in 0u64..20_000, per_mcycle_ms in 1u64..5_000,
            sizes in prop::collection::vec(1u64..200, 1..80), asked in 1u64..400,
        ) {
            let true_ms = |mcycles: u64| fixed_ms + per_mcycle_ms * mcycles;
            let mut speeds = Speeds::new(1);
            for mcycles in sizes {
                speeds.learn(program(1), sample(mcycles, true_ms(mcycles)));
            }
            let estimate = speeds.estimate_up(program(1), Cycles(asked * 1_000_000)).usual;
            // Floating point may take a little off.
            prop_assert!(estimate + Duration::from_micros(10) >= Duration::from_millis(true_ms(asked)));
        }

        /// After twenty proofs of the sizes that come again, nine of ten estimates are off by less
        /// than 15 % when the machine itself varies by 5 %.
        #[test]
        fn twenty_orders_teach(seed in 0u64..1_000) {
            let mut state = seed * 2 + 1;
            let mut noisy = |mcycles: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let permille = 975 + (state >> 33) % 51;
                (8_000 + 700 * mcycles) * permille / 1_000
            };
            let sizes = [2u64, 3, 5, 8, 13];
            let mut speeds = Speeds::new(1);
            for i in 0..20 {
                let mcycles = sizes[i % sizes.len()];
                speeds.learn(program(1), sample(mcycles, noisy(mcycles)));
            }
            let off = |i: usize| {
                let truth = 8_000 + 700 * sizes[i % sizes.len()];
                let asked = Cycles(sizes[i % sizes.len()] * 1_000_000);
                let ms = speeds.estimate_up(program(1), asked).usual.as_millis() as u64;
                ms.abs_diff(truth) * 100 / truth
            };
            let well = (0..20).filter(|i| off(*i) < 15).count();
            prop_assert!(well >= 18, "{well} of 20");
        }
    }
}
