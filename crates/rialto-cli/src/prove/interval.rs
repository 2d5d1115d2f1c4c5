//! How sure a mean of few measurements is.

/// A mean and its 95 % confidence interval, in the unit of the measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) mean: f64,
    /// Half of the interval's width; infinite for a single measurement.
    pub(super) half: f64,
}

impl Interval {
    /// Student's interval: the measurements are taken as independent and normal.
    ///
    /// # Panics
    /// If there is no measurement.
    pub(super) fn of(values: &[f64]) -> Self {
        assert!(!values.is_empty(), "a mean of nothing");
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        if values.len() < 2 {
            return Self { mean, half: f64::INFINITY };
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        Self { mean, half: quantile(values.len() - 1) * deviation / count.sqrt() }
    }

    /// The lower end, if it is above zero.
    pub(super) fn low(self) -> Option<f64> {
        Some(self.mean - self.half).filter(|low| *low > 0.0)
    }

    /// The upper end.
    pub(super) fn high(self) -> f64 {
        self.mean + self.half
    }
}

/// The 97.5 % quantile of Student's distribution with so many degrees of freedom, from the usual
/// table; beyond it, that of the last row, which is larger than the true one.
fn quantile(degrees: usize) -> f64 {
    const TABLE: [f64; 20] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    ];
    TABLE[degrees.clamp(1, TABLE.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_the_table_says() {
        // Mean 10, deviation 1, three measurements: 4.303 / sqrt(3).
        let interval = Interval::of(&[9.0, 10.0, 11.0]);
        assert!((interval.mean - 10.0).abs() < 1e-12);
        assert!((interval.half - 2.484_338).abs() < 1e-5, "{interval:?}");
        assert_eq!(Interval::of(&[1.0, 1.0, 1.0]), Interval { mean: 1.0, half: 0.0 });
        assert_eq!(Interval::of(&[4.0]).low(), None);
        assert_eq!(Interval::of(&[9.0, 9.0]).low(), Some(9.0));
        assert_eq!(Interval::of(&[4.0]).high(), f64::INFINITY);
    }

    /// Nineteen of twenty intervals hold the true mean.
    #[test]
    fn intervals_hold_what_they_promise() {
        let mut state = 7u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        // Twelve uniform ones less six are close to normal around zero.
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let holds = (0..10_000).filter(|_| {
            let interval = Interval::of(&[normal(), normal(), normal(), normal()]);
            interval.mean.abs() <= interval.half
        });
        let share = holds.count() as f64 / 10_000.0;
        assert!((0.94..0.96).contains(&share), "{share}");
    }
}
