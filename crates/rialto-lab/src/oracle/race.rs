//! Races whose times are lognormal.

/// The probability that the first of `runners` wins a race in which its time is `1/speedup` of the
/// others' and every time is lognormal with the deviation `jitter` of its logarithm:
/// `∫ φ(z) · (1 − Φ((jitter·z − ln speedup) / jitter))^(runners−1) dz`.
pub fn race_win(speedup: f64, jitter: f64, runners: i32) -> f64 {
    integral(-9.0, 9.0, |z| {
        let behind = 1.0 - normal_below(z - speedup.ln() / jitter);
        density(z) * behind.powi(runners - 1)
    })
}

/// Simpson's rule on 4 000 intervals.
fn integral(from: f64, to: f64, of: impl Fn(f64) -> f64) -> f64 {
    const PAIRS: u32 = 2_000;
    let step = (to - from) / f64::from(2 * PAIRS);
    let at = |index: u32| of(from + step * f64::from(index));
    let pairs = (0..PAIRS).map(|pair| at(2 * pair) + 4.0 * at(2 * pair + 1) + at(2 * pair + 2));
    pairs.sum::<f64>() * step / 3.0
}

/// The density of the normal distribution.
fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

/// The normal distribution's probability below `z`, as an integral of its density.
pub(super) fn normal_below(z: f64) -> f64 {
    // Beyond nine deviations lies less than a double can tell from nothing.
    match z {
        z if z < -9.0 => 0.0,
        z if z > 9.0 => 1.0,
        z => 0.5 + short_integral(z),
    }
}

/// `∫ φ` from 0 to `z` by its power series, which converges for every `z`:
/// `φ(z) · Σ z^(2k+1) / (1·3·…·(2k+1))`.
fn short_integral(z: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    density(z) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (z, below) in
            [(0.0, 0.5), (1.0, 0.841_344_746), (-1.959_964, 0.025), (4.0, 0.999_968_329)]
        {
            assert!((normal_below(z) - below).abs() < 1e-8, "{z}");
        }
        assert!((integral(-9.0, 9.0, density) - 1.0).abs() < 1e-12);
    }

    /// Equal runners win equally often; the two published figures are from another's simulation.
    #[test]
    fn races_are_won_as_often_as_others_found() {
        assert!((race_win(1.0, 0.1, 5) - 0.2).abs() < 1e-9);
        assert!((race_win(1.1, 0.05, 5) - 0.766).abs() < 0.005);
        assert!((race_win(1.1, 0.1, 5) - 0.476).abs() < 0.005);
    }
}
