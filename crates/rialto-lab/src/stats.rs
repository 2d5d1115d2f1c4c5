//! Means and how sure they are.

use serde::{Deserialize, Serialize};

/// A mean with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half of the interval's width; zero for what is known exactly.
    pub half: f64,
}

/// A mean in the making, after Welford: in one pass and without loss of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    count: u64,
    mean: f64,
    squares: f64,
}

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;

impl Estimate {
    /// A value without error.
    pub fn exact(value: f64) -> Self {
        Self { mean: value, half: 0.0 }
    }

    /// How often something happened, of so many independent times.
    pub fn share(happened: u64, times: u64) -> Self {
        let mean = happened as f64 / times as f64;
        Self { mean, half: NORMAL * (mean * (1.0 - mean) / times as f64).sqrt() }
    }

    /// Whether the interval holds `value`.
    pub fn holds(self, value: f64) -> bool {
        (self.mean - value).abs() <= self.half
    }
}

impl Mean {
    /// Takes one more value in.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
    }

    /// Takes all values of another in.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let off = other.mean - self.mean;
        self.mean += off * others / (own + others);
        self.squares += other.squares + off * off * own * others / (own + others);
        self.count += other.count;
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; zero before the first.
    pub fn value(&self) -> f64 {
        self.mean
    }

    /// Mean and interval by the normal distribution, which is close from some 30 values on; without
    /// bounds below two.
    pub fn estimate(&self) -> Estimate {
        if self.count < 2 {
            return Estimate { mean: self.mean, half: f64::INFINITY };
        }
        let count = self.count as f64;
        let half = NORMAL * (self.squares / (count - 1.0) / count).sqrt();
        Estimate { mean: self.mean, half }
    }
}

/// The 97.5 % quantiles of Student's distribution with from 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

impl Mean {
    /// Mean and interval by Student's distribution, which is right for few values that are normal
    /// themselves, as means over whole runs nearly are; without bounds below two.
    pub fn estimate_of_few(&self) -> Estimate {
        let normal = self.estimate();
        let freedom = self.count.saturating_sub(2) as usize;
        let wider = STUDENT.get(freedom).map_or(1.0, |quantile| quantile / NORMAL);
        Estimate { half: normal.half * wider, ..normal }
    }
}

impl Extend<f64> for Mean {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dice;

    #[test]
    fn parts_make_the_whole() {
        let values: Vec<f64> = (0..100u32).map(|i| f64::from(i * i % 17)).collect();
        let (mut whole, mut left, mut right) = (Mean::default(), Mean::default(), Mean::default());
        whole.extend(values.iter().copied());
        left.extend(values[..30].iter().copied());
        right.extend(values[30..].iter().copied());
        left.merge(&right);
        assert!((whole.value() - left.value()).abs() < 1e-12);
        assert!((whole.estimate().half - left.estimate().half).abs() < 1e-12);
        left.merge(&Mean::default());
        assert_eq!(left.count(), 100);
    }

    /// The same with five values each.
    #[test]
    fn intervals_of_few_hold_what_they_promise() {
        let mut dice = Dice::new(2, "few");
        let held = (0..4_000).filter(|_| {
            let mut mean = Mean::default();
            mean.extend((0..5).map(|_| dice.normal()));
            mean.estimate_of_few().holds(0.0)
        });
        let share = held.count() as f64 / 4_000.0;
        assert!((0.94..0.96).contains(&share), "{share}");
    }

    /// Nineteen of twenty intervals hold the true mean.
    #[test]
    fn intervals_hold_what_they_promise() {
        let mut dice = Dice::new(1, "intervals");
        let held = (0..4_000).filter(|_| {
            let mut mean = Mean::default();
            mean.extend((0..100).map(|_| dice.normal()));
            mean.estimate().holds(0.0)
        });
        let share = held.count() as f64 / 4_000.0;
        assert!((0.94..0.96).contains(&share), "{share}");
    }
}
