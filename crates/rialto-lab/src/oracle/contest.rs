//! Tullock contests: everybody spends, and wins with a probability in proportion to a power of that.

/// How often a contestant wins in equilibrium, and what it spends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contestant {
    /// Its share of wins.
    pub share: f64,
    /// What it spends for a prize of one.
    pub spend: f64,
}

/// The equilibrium of a contest for a prize of one among contestants to each of whom spending one costs its `costs`,
/// with a `power` of at most one. The first-order conditions `power · p(1 − p) = cost · x`, with `p ∝ x^power`, say that
/// `p^(1−power) / (1−p)^power = (power / cost)^power / Σ x^power`: the left side rises with `p`, so each share
/// follows from the sum, and the sum from the shares being one together; both by bisection.
///
/// # Panics
/// If the power is above one, where these conditions need not have one solution.
pub fn contest(costs: &[f64], power: f64) -> Vec<Contestant> {
    assert!(power <= 1.0, "powers above one have no such solution for more than two");
    let share = |cost: f64, sum: f64| {
        let right = (power / cost).powf(power) / sum;
        bisect(0.0, 1.0, |p| p.powf(1.0 - power) / (1.0 - p).powf(power) < right)
    };
    let total = |sum: f64| costs.iter().map(|cost| share(*cost, sum)).sum::<f64>();
    let sum = bisect(1e-9, 1e3, |sum| total(sum) > 1.0);
    let contestant = |cost: &f64| {
        let share = share(*cost, sum);
        Contestant { share, spend: power * share * (1.0 - share) / cost }
    };
    costs.iter().map(contestant).collect()
}

/// How often the first of two wins whose costs are `ratio` to one: `1 / (1 + ratio^power)`, as both lay out the same.
pub fn duel(ratio: f64, power: f64) -> f64 {
    1.0 / (1.0 + ratio.powf(power))
}

/// Where `before` ceases to hold between two bounds.
fn bisect(mut low: f64, mut high: f64, before: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if before(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook's cases: n equal contestants spend `power · (n−1)/n` together, and of two with costs one and two the first wins
    /// two of three.
    #[test]
    fn equilibria_are_those_of_the_textbook() {
        for (count, power) in [(2, 1.0), (5, 1.0), (5, 0.5)] {
            let spent: f64 = contest(&vec![1.0; count], power).iter().map(|it| it.spend).sum();
            let n = count as f64;
            assert!((spent - power * (n - 1.0) / n).abs() < 1e-9, "{count} {power}");
        }
        let pair = contest(&[1.0, 2.0], 1.0);
        assert!((pair[0].share - 2.0 / 3.0).abs() < 1e-9);
        assert!((pair[0].share - duel(0.5, 1.0)).abs() < 1e-9);
        assert!((contest(&[1.0, 2.0], 0.5)[0].share - duel(0.5, 0.5)).abs() < 1e-9);
        // The third is too dear to take part: the other two would spend a half together.
        assert!(contest(&[1.0, 1.0, 2.5], 1.0)[2].share < 1e-9);
    }
}
