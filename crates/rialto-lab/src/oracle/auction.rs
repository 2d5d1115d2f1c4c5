//! Auctions: equilibria, and where undercutting rests.

/// The mean price in a first-price or Dutch auction among `bidders` whose costs are uniform on
/// [0, 1] and who bid in equilibrium: `2 / (bidders + 1)` (Vickrey 1961).
pub fn first_price_mean(bidders: u32) -> f64 {
    2.0 / f64::from(bidders + 1)
}

/// What a truthful bidder gains per job in a second-price auction against one rival who is there with
/// probability `rival`, both costs uniform on [0, 1], where whoever is alone is paid `alone`:
/// `rival · E[(c₂ − c₁)⁺] + (1 − rival) · (alone − E[c₁]) = rival/6 + (1 − rival) · (alone − 1/2)`.
pub fn second_price_gain(rival: f64, alone: f64) -> f64 {
    rival / 6.0 + (1.0 - rival) * (alone - 0.5)
}

/// The deviation of the second-lowest of as many costs, uniform on [0, 1]: of a beta distribution with parameters 2 and
/// `bidders − 1`, so `√(2(n−1) / ((n+1)²(n+2)))`.
pub fn second_price_deviation(bidders: u32) -> f64 {
    let bidders = f64::from(bidders);
    (2.0 * (bidders - 1.0) / (bidders + 2.0)).sqrt() / (bidders + 1.0)
}

/// What the two cheapest of three bidders, whose costs are uniform on [0, 1], gain in a second-price auction if the second
/// withholds its bid wherever that pays more than the `bond` that it forfeits: the gap `g` between the second and the
/// third has the density `3(1 − g)²`, so `E[(g − bond)⁺] = (1 − bond)⁴ / 4`.
pub fn withholding_gain(bond: f64) -> f64 {
    (1.0 - bond).max(0.0).powi(4) / 4.0
}

/// What whoever chooses a quote and bears the part `share` of its fee is paid beyond its own loss, of the highest fee, where provers
/// compete whose costs are uniform from `from` to `to` of that. A quote of fee f with the kick-back k leaves the chooser
/// `k − s·f` and a prover of cost c at most nothing: `k = f − c`, so `(1 − s)·f − c`, and the fee is the highest. The
/// second-lowest cost decides, which alone would leave `−s·c`: the difference is `(1 − s)(1 − c)`, with the mean
/// `c = from + (to − from) · 2/(provers + 1)`.
pub fn kick_back(share: f64, provers: u32, from: f64, to: f64) -> f64 {
    (1.0 - share) * (1.0 - from - (to - from) * first_price_mean(provers))
}

/// How long nobody has a vacant seat whose cap begins at twice the average fee and doubles every `doubling`, when
/// the cheapest prover costs `1 / average` average fees: `doubling · ⌈log₂(1 / (2 · average))⌉`.
pub fn vacancy_after_predation(average: f64, doubling: f64) -> f64 {
    doubling * (1.0 / (2.0 * average)).log2().ceil().max(0.0)
}

/// Where undercutting comes to rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest {
    /// The mean resting price over the second-lowest cost.
    pub ratio: f64,
    /// How often somebody else than the cheapest holds the right.
    pub dearer: f64,
}

/// Where undercutting rests on average when the costs of `provers` are uniform on [.5, 1.5], the first one to hold the
/// right is any of them, the price begins at `start`, and each next one, any of those who can afford to and do not
/// hold it, asks for `keep` times the price. For given costs the chances of who holds the right are passed
/// on from price to price, exactly; costs are averaged over evenly spread points (Halton 1960).
pub fn undercutting(provers: usize, start: f64, keep: f64) -> Rest {
    const POINTS: u32 = 100_000;
    let mut sum = Rest::default();
    for point in 1..=POINTS {
        let bases = PRIMES.iter().take(provers);
        let mut costs: Vec<f64> = bases.map(|base| 0.5 + radical_inverse(point, *base)).collect();
        costs.sort_by(f64::total_cmp);
        let rest = undercutting_at(&costs, start, keep);
        sum.ratio += rest.ratio / f64::from(POINTS);
        sum.dearer += rest.dearer / f64::from(POINTS);
    }
    sum
}

/// The bases of as many dimensions as there are provers at most.
const PRIMES: [u32; 8] = [2, 3, 5, 7, 11, 13, 17, 19];

/// The digits of `number` in `base`, mirrored at the point.
fn radical_inverse(mut number: u32, base: u32) -> f64 {
    let (mut inverse, mut digit) = (0.0, 1.0);
    while number > 0 {
        digit /= f64::from(base);
        inverse += digit * f64::from(number % base);
        number /= base;
    }
    inverse
}

/// [`undercutting`] at rising `costs`.
fn undercutting_at(costs: &[f64], start: f64, keep: f64) -> Rest {
    let (mut rest, mut price) = (Rest::default(), start);
    let mut holds = vec![1.0 / costs.len() as f64; costs.len()];
    while holds.iter().any(|chance| *chance > 0.0) {
        let willing = costs.iter().filter(|cost| **cost <= price * keep).count();
        let mut next = vec![0.0; costs.len()];
        for (holder, chance) in holds.iter().enumerate() {
            // Rising costs: the willing are the first ones.
            let rivals = willing - usize::from(holder < willing);
            if rivals == 0 {
                rest.ratio += chance * price / costs[1];
                rest.dearer += if holder == 0 { 0.0 } else { *chance };
                continue;
            }
            for rival in (0..willing).filter(|rival| *rival != holder) {
                next[rival] += chance / rivals as f64;
            }
        }
        (holds, price) = (next, price * keep);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures that others found by drawing costs.
    #[test]
    fn undercutting_rests_where_others_found() {
        for (keep, ratio, dearer) in [(0.95, 1.002, 0.045), (0.9, 1.006, 0.086)] {
            let rest = undercutting(5, 10.0, keep);
            assert!((rest.ratio - ratio).abs() < 0.003, "{rest:?}");
            assert!((rest.dearer - dearer).abs() < 0.003, "{rest:?}");
        }
    }

    /// Two provers, and a price that only the cheaper one can go below.
    #[test]
    fn undercutting_rests_with_whoever_cannot_be_undercut() {
        let rest = undercutting_at(&[0.5, 1.0], 1.1, 0.9);
        assert!((rest.ratio - (1.1 + 0.99) / 2.0).abs() < 1e-12, "{rest:?}");
        assert_eq!(rest.dearer, 0.0);
        assert!((undercutting_at(&[0.95, 1.0], 1.05, 0.9).dearer - 0.5).abs() < 1e-12);
    }
}
