//! Powers with real exponents in integers, for rules that are stated with them: `2^x` as Taylor's series of
//! `e^(x · ln 2)` below one, `log₂ x` digit by digit by squaring, both in units of 2^-60 and rounded down at every
//! step. So they are the same on every machine.

use crate::Bps;
use alloy_primitives::U256;

/// Units are 2^-60.
pub(crate) const BITS: u32 = 60;
const ONE: u128 = 1 << BITS;
/// `ln 2` in those units.
pub(crate) const LN_2: u128 = 799_144_290_325_165_979;
/// Where Taylor's series below `ln 2` has no digit left to add.
const TERMS: u128 = 20;

/// `(part / whole)^exponent` in units of 2^-60, to within 2^-50 of itself and two units; nothing for nothing.
///
/// # Panics
/// If the part is larger than the whole.
pub(crate) fn share_to_the(part: u128, whole: u128, exponent: Bps) -> u64 {
    assert!(part <= whole, "{part} is no part of {whole}");
    if part == 0 {
        return 0;
    }
    let halvings = (log2(whole) - log2(part)) * u128::from(exponent.0) / u128::from(Bps::ALL.0);
    halved_by(ONE, halvings) as u64
}

/// `value · 2^-(time / half_life)`, rounded down, to within 2^-56 of itself and two.
///
/// # Panics
/// If the half-life is nothing.
pub(crate) fn halved(value: u128, time: u64, half_life: u64) -> u128 {
    halved_by(value, (u128::from(time) << BITS) / u128::from(half_life))
}

/// `value · 2^(time / doubling)`, to within 2^-56 of itself and two, or the largest number if that is more.
///
/// # Panics
/// If the doubling time is nothing.
pub(crate) fn doubled(value: u128, time: u64, doubling: u64) -> u128 {
    let doublings = (u128::from(time) << BITS) / u128::from(doubling);
    let (whole, rest) = ((doublings >> BITS).min(128) as usize, doublings % ONE);
    let exact = (U256::from(value) * U256::from(exp2(rest))) >> BITS as usize;
    exact.checked_shl(whole).unwrap_or(U256::MAX).saturating_to()
}

/// `value · 2^-halvings`, which are in units of 2^-60.
fn halved_by(value: u128, halvings: u128) -> u128 {
    let whole = halvings.div_ceil(ONE);
    if whole > 128 {
        return 0;
    }
    let risen = U256::from(value) * U256::from(exp2((whole << BITS) - halvings));
    (risen >> (BITS as usize + whole as usize)).saturating_to()
}

/// `log₂ value` of one or more.
fn log2(value: u128) -> u128 {
    let whole = value.ilog2();
    // From one to below two, in units of 2^-63.
    let mut rest = if whole > 63 { value >> (whole - 63) } else { value << (63 - whole) };
    let mut digits = 0;
    for _ in 0..BITS {
        rest = (rest * rest) >> 63;
        let digit = rest >> 64;
        rest >>= digit;
        digits = digits << 1 | digit;
    }
    u128::from(whole) << BITS | digits
}

/// `2^x` of `x` from zero to one.
fn exp2(x: u128) -> u128 {
    exponential_terms((x * LN_2) >> BITS).sum()
}

/// The terms of Taylor's series of `e^x`, the whole first, of `x` from zero to `ln 2`: every second of them
/// less gives `e^-x`.
pub(crate) fn exponential_terms(x: u128) -> impl Iterator<Item = u128> {
    let next = move |term: &mut u128, place: u128| {
        *term = ((*term * x) >> BITS) / place;
        Some(*term)
    };
    std::iter::once(ONE).chain((1..=TERMS).scan(ONE, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// Against floating point, which is another way to the same numbers.
    #[test]
    fn powers_are_what_they_are_called() {
        let near = |is: f64, should: f64| (is - should).abs() <= 1e-12 * should + 4.0;
        for exponent in [1, 2_500, 5_000, 10_000, 15_000, 30_000] {
            for (part, whole) in [(1, 2), (1, 3), (999, 1_000), (7, 1 << 90), (1 << 80, 1 << 81)] {
                let exact = (part as f64 / whole as f64).powf(f64::from(exponent) / 1e4);
                let power = share_to_the(part, whole, Bps(exponent)) as f64;
                assert!(near(power, exact * ONE as f64), "({part}/{whole})^{exponent}: {power}");
            }
        }
        for (time, half_life) in [(0, 7), (7, 7), (1, 3), (100, 7), (25, 36_000)] {
            let times = time as f64 / half_life as f64;
            let value = 1u128 << 70;
            let (down, up) = (halved(value, time, half_life), doubled(value, time, half_life));
            assert!(
                near(down as f64, value as f64 * (-times).exp2()),
                "{time} {half_life}: {down}"
            );
            assert!(near(up as f64, value as f64 * times.exp2()), "{time} {half_life}: {up}");
        }
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!(share_to_the(0, 5, Bps(5_000)), 0);
        assert_eq!(share_to_the(5, 5, Bps(12_345)), ONE as u64);
        assert_eq!(share_to_the(1, 4, Bps(5_000)), ONE as u64 / 2);
        assert_eq!(share_to_the(1, 1 << 100, Bps(10_000)), 0);
        assert_eq!(halved(1_000, 20, 10), 250);
        assert_eq!(doubled(1_000, 20, 10), 4_000);
        assert_eq!(halved(u128::MAX, u64::MAX, 1), 0);
        assert_eq!(doubled(1, u64::MAX, 1), u128::MAX);
        assert_eq!(doubled(u128::MAX, 0, 1), u128::MAX);
    }

    /// Pinned: whoever replays a log must come to the same numbers.
    #[test]
    fn results_are_the_same_everywhere() {
        let shares = [(1, 2, 5_000), (1, 3, 10_000), (2, 3, 7_500), (123, 1 << 96, 2_000)]
            .map(|(part, whole, exponent)| share_to_the(part, whole, Bps(exponent)));
        let moved =
            [1, 10, 25, 100].map(|time| (halved(1 << 64, time, 33), doubled(1 << 64, time, 33)));
        expect!["[815238614083298884, 384307168202282323, 850611589321392381, 5011928253522] [(18063321068637560880, 18838305847962459168), (14951973260177145840, 22758358445386018016), (10911053756954749232, 31186938906248273312), (2257915133579695110, 150706446783699673344)]"].assert_eq(&format!("{shares:?} {moved:?}"));
    }
}
