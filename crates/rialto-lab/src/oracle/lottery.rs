//! Draws by weight.

/// Price over cost in the symmetric equilibrium of `provers` with equal stakes who are drawn by stake over the price to the
/// power of `power` and paid their own price: `k(1 − σ) / (k(1 − σ) − 1)` with `σ = 1/provers`, from the first-order condition.
/// Infinite where that is not positive: then everybody wants to be dearer than the others. For very many, pass
/// [`f64::INFINITY`].
pub fn lottery_markup(power: f64, provers: f64) -> f64 {
    let elasticity = power * (1.0 - 1.0 / provers);
    if elasticity > 1.0 { elasticity / (elasticity - 1.0) } else { f64::INFINITY }
}

/// The share of proofs that are for nothing when each of `workers` proves one of `works`, each as likely as any other:
/// `1 − K(1 − (1 − 1/K)ⁿ)/n`.
pub fn scattered_waste(works: f64, workers: i32) -> f64 {
    1.0 - works * (1.0 - (1.0 - 1.0 / works).powi(workers)) / f64::from(workers)
}

/// How often all of `drawn` provers fail of whom each fails with the chance `fault`: all by one chance in the share
/// `together` of jobs, each by its own in the others: `ρf + (1 − ρ)fᵏ`.
pub fn all_fail(fault: f64, drawn: i32, together: f64) -> f64 {
    together * fault + (1.0 - together) * fault.powi(drawn)
}

/// The chance of `successes` or more of `tries` with this chance each (the binomial distribution's upper tail).
pub fn at_least(successes: u32, tries: u32, chance: f64) -> f64 {
    // From no success on: each term follows from the one before.
    let mut term = (1.0 - chance).powi(tries as i32);
    let mut below = 0.0;
    for count in 0..successes {
        below += term;
        term *= f64::from(tries - count) / f64::from(count + 1) * chance / (1.0 - chance);
    }
    1.0 - below
}

/// The chance of being drawn, of one whose chance is `chance` in each draw and who holds the last `slots` reveals, each of
/// which it gives or keeps back: the best of 2^slots draws, `1 − (1 − p)^(2^m)`.
pub fn last_reveal(chance: f64, slots: i32) -> f64 {
    1.0 - (1.0 - chance).powf(2f64.powi(slots))
}

/// The mean time that a link of a chain takes whose holders miss a share `missed` of their turns, when a proof takes
/// `proof` and a missed turn costs its `window`: `proof + window · x / (1 − x)`. Links must come more slowly.
pub fn link_time(proof: f64, window: f64, missed: f64) -> f64 {
    proof + window * missed / (1.0 - missed)
}

/// How often one of `tries` answers who are each silent with this chance, and how many are silent before the one
/// who does, on average: `1 − xᵗ` and `Σ j·xʲ(1 − x) / (1 − xᵗ)`.
pub fn failover(silent: f64, tries: i32) -> (f64, f64) {
    let answers = 1.0 - silent.powi(tries);
    let before = (0..tries).map(|count| f64::from(count) * silent.powi(count) * (1.0 - silent));
    (answers, before.sum::<f64>() / answers)
}

/// The mean time until one of several answers who are asked at once, where each is silent with the chance `silent`, the others
/// answer after their `latencies` in rising order, and all are asked again after a `window` in which nobody did:
/// `(Σ fⁱ(1 − f)·lᵢ + fᵏ·W) / (1 − fᵏ)`.
pub fn first_answer(silent: f64, latencies: &[f64], window: f64) -> f64 {
    let (mut first, mut none_yet) = (0.0, 1.0);
    for latency in latencies {
        first += none_yet * (1.0 - silent) * latency;
        none_yet *= silent;
    }
    (first + none_yet * window) / (1.0 - none_yet)
}

/// How many of `entries` each of some weights has in a table that stands for a draw: `⌊entries · w / Σw⌋`.
pub fn table_entries(weights: &[u128], entries: u128) -> Vec<u128> {
    let sum: u128 = weights.iter().sum();
    weights.iter().map(|weight| entries * weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markups_are_those_that_others_found() {
        for (provers, markup) in [(3.0, 4.0), (8.0, 2.33), (32.0, 2.07), (f64::INFINITY, 2.0)] {
            assert!((lottery_markup(2.0, provers) - markup).abs() < 0.005, "{provers}");
        }
        assert_eq!(lottery_markup(2.0, 2.0), f64::INFINITY);
    }

    #[test]
    fn scattering_wastes_what_others_found() {
        assert!((scattered_waste(128.0, 64) - 0.2107).abs() < 5e-5);
        assert!(scattered_waste(128.0, 1).abs() < 1e-12);
    }

    #[test]
    fn the_binomial_tail_is_that_of_the_tables() {
        assert!((at_least(3, 4, 0.5) - 0.3125).abs() < 1e-12);
        assert!((at_least(2, 20, 0.05) - 0.264_160).abs() < 1e-6);
        assert_eq!(at_least(0, 7, 0.05), 1.0);
    }

    #[test]
    fn the_last_to_reveal_draw_as_often_as_others_found() {
        for (chance, slots, drawn) in [(0.1, 1, 0.19), (0.05, 1, 0.0975), (0.1, 2, 0.3439)] {
            assert!((last_reveal(chance, slots) - drawn).abs() < 1e-12);
        }
    }

    #[test]
    fn silence_costs_a_turn_at_a_time() {
        assert_eq!(link_time(60.0, 300.0, 0.5), 360.0);
        assert_eq!(failover(0.5, 1), (0.5, 0.0));
        let (answers, before) = failover(0.5, 2);
        assert!((answers - 0.75).abs() < 1e-12 && (before - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_table_gives_the_small_nothing() {
        assert_eq!(table_entries(&[1, 1, 2], 128), [32, 32, 64]);
        assert_eq!(table_entries(&[1, 254, 1], 128), [0, 127, 0]);
    }
}
