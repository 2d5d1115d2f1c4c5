//! Experiments: each runs worlds and judges itself against numbers that somebody else has stated.
//!
//! A row agrees with its target when the estimate lies within the tolerance of it and is itself
//! sure to within the tolerance. That the 95 % interval covers the target is not asked for on top: of twenty
//! such rows one would fail by chance, however right the mechanism is.

use crate::{Broken, Estimate};
use serde::Serialize;

pub mod continuous_auction;
pub mod dutch_lock;
pub mod pooled_epoch;
pub mod race;
pub mod sealed_second_price;
pub mod snarketplace;
pub mod stake_pool;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_agrees_with_its_targets() {
        for experiment in EXPERIMENTS {
            let rows = (experiment.run)(Effort::Reduced).unwrap();
            assert!(!rows.is_empty());
            for row in rows {
                assert!(row.agrees(), "{}: {row:?}", experiment.name);
            }
        }
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
