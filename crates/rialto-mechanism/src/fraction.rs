//! Fractions in fixed point, for the scores that their sources state with real exponents. The same on every machine: integers
//! only, each step rounded as its name says.

use crate::powers::{BITS, LN_2, exponential_terms};
use serde::{Deserialize, Serialize};

/// A number from 0 on, below 16, in units of 2^-60.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fraction(u64);

/// From here on `e^-x` is less than one unit.
const NOTHING_FROM: u128 = 42;
/// The longest denominator that is taken as it is; of longer ones, and of what they divide, the low bits are cut.
const DENOMINATOR_BITS: u32 = 62;

impl Fraction {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The whole.
    pub const ONE: Self = Self(1 << BITS);

    /// The number of units of 2^-60.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// `floor(numerator / denominator)` in units, at most the largest; one for zero over zero.
    pub fn ratio_down(numerator: u128, denominator: u128) -> Self {
        let (numerator, denominator) = cut(numerator, denominator);
        match (numerator, denominator) {
            (0, 0) => Self::ONE,
            (_, 0) => Self(u64::MAX),
            _ if numerator >> 4 >= denominator => Self(u64::MAX),
            _ => Self(((numerator << BITS) / denominator) as u64),
        }
    }

    /// The product, rounded down.
    pub fn times_down(self, other: Self) -> Self {
        let exact = u128::from(self.0) * u128::from(other.0);
        Self(u64::try_from(exact >> BITS).unwrap_or(u64::MAX))
    }

    /// The power, each product rounded down.
    pub fn power_down(self, exponent: u32) -> Self {
        (0..exponent).fold(Self::ONE, |power, _| power.times_down(self))
    }

    /// The sum, at most the largest.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; nothing when `other` is larger.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `e^-(numerator / denominator)`, to within 32 units; nothing for a denominator of zero.
    ///
    /// With `x = k · ln 2 + r`, `r` below `ln 2`, it is Taylor's series of `e^-r`, halved `k` times.
    pub fn decay(numerator: u128, denominator: u128) -> Self {
        let (numerator, denominator) = cut(numerator, denominator);
        if denominator == 0 || numerator / denominator >= NOTHING_FROM {
            return Self::ZERO;
        }
        let x = (numerator << BITS) / denominator;
        let (halvings, rest) = (x / LN_2, x % LN_2);
        let signed = exponential_terms(rest).zip([true, false].into_iter().cycle());
        let sum = signed.fold(0, |sum, (term, adds)| if adds { sum + term } else { sum - term });
        Self((sum >> halvings) as u64)
    }

    /// `1 / (1 + e^x)` with `x = (value - middle) / scale`, to within 64 units: a half at the middle, less above it.
    pub fn logistic(value: u128, middle: u128, scale: u128) -> Self {
        let decayed = Self::decay(value.abs_diff(middle), scale);
        let over = |numerator: Self| {
            let denominator = Self::ONE.plus(decayed);
            Self::ratio_down(numerator.0.into(), denominator.0.into())
        };
        if value > middle { over(decayed) } else { over(Self::ONE) }
    }
}

/// Both by the same power of two, so that the second has few enough bits to be shifted.
fn cut(numerator: u128, denominator: u128) -> (u128, u128) {
    let excess = (u128::BITS - denominator.leading_zeros()).saturating_sub(DENOMINATOR_BITS);
    (numerator >> excess, denominator >> excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `e` to sixty digits.
    #[test]
    fn exponentials_are_those_of_the_tables() {
        for (numerator, denominator, units) in [
            (1, 1, 424_136_118_829_305_329),
            (1, 1_000_000, 1_152_920_351_685_918_829),
            (693, 1_000, 576_545_602_363_720_523),
            (694, 1_000, 575_969_344_938_091_069),
            (4, 3, 303_906_809_086_442_559),
            (10, 1, 52_342_555_330_809),
            (41, 1, 1),
            (100_000, 62_500, 232_770_837_301_281_468),
        ] {
            let decayed = Fraction::decay(numerator, denominator).get();
            assert!(decayed.abs_diff(units) <= 32, "e^-({numerator}/{denominator}): {decayed}");
        }
        assert_eq!(Fraction::decay(0, 7), Fraction::ONE);
        assert_eq!(Fraction::decay(u128::MAX, 1), Fraction::ZERO);
        assert_eq!(Fraction::decay(1, 0), Fraction::ZERO);
    }

    /// Pinned: whoever replays a log must come to the same units.
    #[test]
    fn results_are_the_same_everywhere() {
        let decays = [(1, 1), (1, 3), (69, 100), (694, 1_000), (41, 1), (1 << 90, 3 << 88)];
        let decays =
            decays.map(|(numerator, denominator)| Fraction::decay(numerator, denominator).get());
        expect_test::expect!["[424136118829305329, 826104356684649064, 578277836222424542, 575969344938091069, 1, 303906809086442559]"].assert_eq(&format!("{decays:?}"));
        let logistics =
            [0, 1, 400, 401, 4_000].map(|value| Fraction::logistic(value, 400, 300).get());
        expect_test::expect!["[912412247408284692, 911777174562789016, 576460752303423488, 575499985272516720, 7083751026952]"].assert_eq(&format!("{logistics:?}"));
    }

    #[test]
    fn the_logistic_function_falls_through_a_half() {
        let half = Fraction::ratio_down(1, 2);
        assert_eq!(Fraction::logistic(400, 400, 300), half);
        let values = (0..2_000).map(|value| Fraction::logistic(value, 400, 300));
        assert!(values.is_sorted_by(|left, right| left > right));
        // `f(-x) + f(x) = 1`, but for what is rounded down.
        let sum = Fraction::logistic(100, 400, 300).plus(Fraction::logistic(700, 400, 300));
        assert!(Fraction::ONE.minus(sum).get() <= 2);
    }

    #[test]
    fn products_and_ratios_are_rounded_down() {
        let third = Fraction::ratio_down(1, 3);
        assert_eq!(third.get(), (1 << 60) / 3);
        let unit = Fraction::ratio_down(1, 1 << 60);
        assert_eq!(unit.times_down(Fraction::ONE.minus(unit)), Fraction::ZERO);
        assert_eq!(third.times_down(Fraction::ratio_down(3, 1)), Fraction::ONE.minus(unit));
        assert_eq!(third.power_down(0), Fraction::ONE);
        assert_eq!(Fraction::ratio_down(1 << 100, 3 << 100), third);
        assert_eq!(Fraction::ratio_down(16, 1).get(), u64::MAX);
        assert_eq!(Fraction::ratio_down(15, 1).get(), 15 << 60);
        assert_eq!(
            (Fraction::ratio_down(0, 0), Fraction::ratio_down(1, 0).get()),
            (Fraction::ONE, u64::MAX)
        );
        assert_eq!(third.minus(Fraction::ONE), Fraction::ZERO);
    }
}
