//! Experiments: each runs worlds and judges itself against numbers that somebody else has stated.
//!
//! A row agrees with its target when the estimate lies within the tolerance of it and is itself
//! sure to within the tolerance. That the 95 % interval covers the target is not asked of each row on top: of twenty
//! such rows one fails by chance, however right the mechanism is. It is asked of all together ([`Coverage::is_too_low`]).

use crate::{Broken, Estimate, oracle};
use serde::Serialize;

pub mod candidate_selection;
pub mod continuous_auction;
pub mod double_auction;
pub mod drawn_provers;
pub mod dutch_lock;
pub mod epoch_quotes;
pub mod order_book;
pub mod pooled_epoch;
pub mod proof_contest;
pub mod proof_tree;
pub mod queue;
pub mod race;
pub mod relay_choice;
pub mod rfq_override;
pub mod rota;
pub mod sealed_second_price;
pub mod snarketplace;
pub mod speaking_last;
pub mod stake_pool;
pub mod succinct_work;
pub mod work_pool;

/// An experiment, runnable by name.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(Effort) -> Result<Vec<Row>, Broken>,
}

/// Every experiment there is.
pub const EXPERIMENTS: &[Experiment] = &[
    race::EXPERIMENT,
    dutch_lock::EXPERIMENT,
    sealed_second_price::EXPERIMENT,
    pooled_epoch::EXPERIMENT,
    continuous_auction::EXPERIMENT,
    stake_pool::EXPERIMENT,
    snarketplace::EXPERIMENT,
    drawn_provers::EXPERIMENT,
    double_auction::EXPERIMENT,
    proof_contest::EXPERIMENT,
    work_pool::EXPERIMENT,
    succinct_work::EXPERIMENT,
    speaking_last::EXPERIMENT,
    rfq_override::EXPERIMENT,
    rota::EXPERIMENT,
    order_book::EXPERIMENT,
    epoch_quotes::EXPERIMENT,
    relay_choice::EXPERIMENT,
    candidate_selection::EXPERIMENT,
    proof_tree::EXPERIMENT,
    queue::EXPERIMENT,
];

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Effort {
    /// Enough for the stated tolerances.
    Full,
    /// A tenth of the jobs, and three times the tolerance: for tests.
    Reduced,
}

/// One number and what it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub quantity: String,
    /// What it should be.
    pub target: Target,
    /// What it is.
    pub measured: Estimate,
}

/// What a number should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Target {
    /// This, give or take the tolerance.
    Near {
        /// The number.
        value: f64,
        /// How far off is still right; for what is exact, what floating point takes off.
        tolerance: f64,
    },
    /// More than this, surely.
    Above {
        /// The number.
        value: f64,
    },
}

impl Effort {
    /// How many of `full` jobs.
    pub(crate) fn jobs(self, full: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Reduced => (full / 10).max(1),
        }
    }

    /// How far off is still right where chance is at work.
    pub(crate) fn tolerance(self, full: f64) -> f64 {
        match self {
            Self::Full => full,
            Self::Reduced => 3.2 * full,
        }
    }
}

impl Target {
    /// The number that it says.
    pub fn value(self) -> f64 {
        match self {
            Self::Near { value, .. } | Self::Above { value } => value,
        }
    }

    /// How far off is still right; nothing where only more is.
    pub fn tolerance(self) -> Option<f64> {
        match self {
            Self::Near { tolerance, .. } => Some(tolerance),
            Self::Above { .. } => None,
        }
    }
}

impl Row {
    pub(crate) fn near(
        quantity: impl Into<String>,
        value: f64,
        tolerance: f64,
        measured: Estimate,
    ) -> Self {
        let target = Target::Near { value, tolerance };
        Self { quantity: quantity.into(), target, measured }
    }

    /// A number that chance does not touch.
    pub(crate) fn exactly(quantity: impl Into<String>, value: f64, measured: f64) -> Self {
        Self::near(quantity, value, 1e-9, Estimate::exact(measured))
    }

    pub(crate) fn above(quantity: impl Into<String>, value: f64, measured: Estimate) -> Self {
        Self { quantity: quantity.into(), target: Target::Above { value }, measured }
    }

    /// Whether the 95 % interval holds the target; nothing where there is no interval, or no single number to hold.
    pub fn covers(&self) -> Option<bool> {
        match self.target {
            Target::Near { value, .. } if self.measured.half > 0.0 => {
                Some(self.measured.holds(value))
            }
            Target::Near { .. } | Target::Above { .. } => None,
        }
    }

    /// Whether it is what it should be.
    pub fn agrees(&self) -> bool {
        let Estimate { mean, half } = self.measured;
        match self.target {
            Target::Near { value, tolerance } => {
                (mean - value).abs() <= tolerance && half <= tolerance
            }
            Target::Above { value } => mean - half > value,
        }
    }
}

/// How many 95 % intervals hold their targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// How many there are.
    pub intervals: u32,
    /// How many of them hold their targets.
    pub hold: u32,
}

impl Coverage {
    /// Of all rows that have an interval and a number that it should hold.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut coverage = Self { intervals: 0, hold: 0 };
        for covers in rows.into_iter().filter_map(Row::covers) {
            coverage.intervals += 1;
            coverage.hold += u32::from(covers);
        }
        coverage
    }

    /// How many do not.
    pub fn missed(self) -> u32 {
        self.intervals - self.hold
    }

    /// Whether more miss than chance explains: as many or more would in fewer than one of a thousand runs if each
    /// missed in one of twenty, on its own.
    pub fn is_too_low(self) -> bool {
        oracle::at_least(self.missed(), self.intervals, 0.05) < 0.001
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_agrees_with_its_targets() {
        let all: Vec<Vec<Row>> = std::thread::scope(|scope| {
            let start = |one: &'static Experiment| scope.spawn(|| (one.run)(Effort::Reduced));
            let runs: Vec<_> = EXPERIMENTS.iter().map(start).collect();
            runs.into_iter().map(|run| run.join().unwrap().unwrap()).collect()
        });
        for (experiment, rows) in EXPERIMENTS.iter().zip(&all) {
            assert!(!rows.is_empty());
            for row in rows {
                assert!(row.agrees(), "{}: {row:?}", experiment.name);
            }
        }
        assert!(!Coverage::of(all.iter().flatten()).is_too_low());
    }

    #[test]
    fn a_few_intervals_may_miss_and_many_may_not() {
        let row = |mean| Row::near("it", 1.0, 0.1, Estimate { mean, half: 0.05 });
        let too_low = |missed: usize| {
            let mut rows = vec![row(1.0); 60];
            rows[..missed].fill(row(1.06));
            // What has no interval counts for nothing.
            rows.extend(vec![Row::exactly("it", 1.0, 2.0); 40]);
            let coverage = Coverage::of(&rows);
            assert_eq!((coverage.intervals, coverage.missed()), (60, missed as u32));
            coverage.is_too_low()
        };
        // Of 60, three miss on average; ten or more in 0.08 % of runs, nine in 0.3 %.
        assert!(!too_low(0) && !too_low(9));
        assert!(too_low(10) && too_low(60));
        assert!(!Coverage::of(&[]).is_too_low());
    }

    #[test]
    fn what_is_off_or_unsure_does_not_agree() {
        let near = |mean, half| Row::near("it", 1.0, 0.1, Estimate { mean, half }).agrees();
        assert!(near(1.05, 0.1));
        assert!(!near(1.2, 0.1) && !near(1.0, 0.2));
        let above = |mean, half| Row::above("it", 1.0, Estimate { mean, half }).agrees();
        assert!(above(1.3, 0.1));
        assert!(!above(1.05, 0.1) && !above(0.5, 0.1));
    }
}
