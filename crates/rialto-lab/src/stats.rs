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

/// The 97.5 % quantile of Student's distribution with so many degrees of freedom, at least one: from
/// the usual table, and beyond it by two terms of the expansion around the normal distribution's after
/// Cornish and Fisher, which is off by less than a thousandth there.
fn student(degrees: u64) -> f64 {
    const TABLE: [f64; 20] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    ];
    let row = usize::try_from(degrees.saturating_sub(1)).ok().and_then(|row| TABLE.get(row));
    let (z, degrees) = (NORMAL, degrees as f64);
    let first = (z.powi(3) + z) / (4.0 * degrees);
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * degrees.powi(2));
    row.copied().unwrap_or(z + first + second)
}

impl Estimate {
    /// A value without error.
    pub fn exact(value: f64) -> Self {
        Self { mean: value, half: 0.0 }
    }

    /// How often something happened, of so many independent times. The interval is as wide as if it had happened, and
    /// not happened, twice more (Agresti and Coull 1998), so that it has a width where it hardly ever happened.
    pub fn share(happened: u64, times: u64) -> Self {
        let (more, all) = (happened as f64 + 2.0, times as f64 + 4.0);
        let spread = more / all * (1.0 - more / all) / all;
        Self { mean: happened as f64 / times as f64, half: NORMAL * spread.sqrt() }
    }

    /// The interval's lower end.
    pub fn low(self) -> f64 {
        self.mean - self.half
    }

    /// The interval's upper end.
    pub fn high(self) -> f64 {
        self.mean + self.half
    }

    /// The ratio of two means, from pairs of a part and its whole, with the interval of the parts' deviations from that
    /// share of their wholes.
    pub fn ratio(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let (mut parts, mut wholes, mut off) = (Mean::default(), Mean::default(), Mean::default());
        pairs.clone().for_each(|(part, whole)| {
            parts.add(part);
            wholes.add(whole);
        });
        let mean = parts.value() / wholes.value();
        off.extend(pairs.map(|(part, whole)| part - mean * whole));
        Self { mean, half: off.estimate().half / wholes.value() }
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

    /// Mean and Student's interval, by which the values are independent and normal; without bounds
    /// below two values.
    pub fn estimate(&self) -> Estimate {
        if self.count < 2 {
            return Estimate { mean: self.mean, half: f64::INFINITY };
        }
        let count = self.count as f64;
        let half = student(self.count - 1) * (self.squares / (count - 1.0) / count).sqrt();
        Estimate { mean: self.mean, half }
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

    #[test]
    fn an_interval_is_as_wide_as_the_table_says() {
        let of = |values: &[f64]| {
            let mut mean = Mean::default();
            mean.extend(values.iter().copied());
            mean.estimate()
        };
        // Mean 10, deviation 1, three values: 4.303 / sqrt(3).
        let estimate = of(&[9.0, 10.0, 11.0]);
        assert!((estimate.mean - 10.0).abs() < 1e-12);
        assert!((estimate.half - 2.484_338).abs() < 1e-5, "{estimate:?}");
        assert_eq!(of(&[1.0, 1.0, 1.0]), Estimate::exact(1.0));
        assert_eq!(of(&[4.0]).half, f64::INFINITY);
        // From the usual tables: 2.042 for 30 degrees of freedom, 1.980 for 120.
        assert!((student(30) - 2.042).abs() < 1e-3 && (student(120) - 1.980).abs() < 1e-3);
    }

    /// Nineteen of twenty intervals hold the true mean, of few values and of many.
    #[test]
    fn intervals_hold_what_they_promise() {
        for values in [4, 100] {
            let mut dice = Dice::new(1, "intervals");
            let held = (0..10_000).filter(|_| {
                let mut mean = Mean::default();
                mean.extend((0..values).map(|_| dice.normal()));
                mean.estimate().holds(0.0)
            });
            let share = held.count() as f64 / 10_000.0;
            assert!((0.94..0.96).contains(&share), "{share} of {values}");
        }
    }

    /// Nineteen of twenty intervals hold the true ratio.
    #[test]
    fn ratios_hold_what_they_promise() {
        let mut dice = Dice::new(1, "ratios");
        let held = (0..4_000).filter(|_| {
            let pairs: Vec<_> = (0..100)
                .map(|_| (2.0 + dice.uniform(), dice.normal()))
                .map(|(whole, off)| (0.3 * whole + 0.1 * off, whole))
                .collect();
            Estimate::ratio(pairs.into_iter()).holds(0.3)
        });
        let share = held.count() as f64 / 4_000.0;
        assert!((0.94..0.96).contains(&share), "{share}");
    }
}
