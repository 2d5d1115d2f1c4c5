//! Numbers from closed forms and plain integrals, to compare simulations with. Nothing here uses a
//! mechanism or a world.

/// The probability that the first of `runners` wins a race in which its time is `1/speedup` of the
/// others' and every time is lognormal with the deviation `jitter` of its logarithm:
/// `∫ φ(z) · (1 − Φ((jitter·z − ln speedup) / jitter))^(runners−1) dz`.
pub fn race_win(speedup: f64, jitter: f64, runners: i32) -> f64 {
    integral(-9.0, 9.0, |z| {
        let behind = 1.0 - normal_below(z - speedup.ln() / jitter);
        density(z) * behind.powi(runners - 1)
    })
}

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

/// How an Aztec prover's score and share follow from showing up.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// What it loses with each epoch.
    pub decay: f64,
    /// What it gains by a proof.
    pub increment: f64,
    /// The highest.
    pub max: f64,
    /// The share below the highest falls with the squared distance times this over 10^10.
    pub slope: f64,
    /// The share at the highest score.
    pub best: f64,
    /// The least share.
    pub worst: f64,
    /// A divisor of decay, increment and max: scores are multiples of it.
    pub step: f64,
}

impl Score {
    /// The long-run mean share, as a part of the best, of a prover who shows up in an epoch with
    /// probability `coverage`, of the epochs in which it does. The score is a Markov chain; this iterates its
    /// distribution from the top until it no longer moves.
    pub fn mean_share(self, coverage: f64) -> f64 {
        let places = (self.max / self.step) as usize + 1;
        let score = |place: usize| place as f64 * self.step;
        // After a gap of so many epochs the score has fallen to nothing, wherever it was.
        let gaps = (self.max / self.decay).ceil() as u32 + 1;
        let next: Vec<Vec<(usize, f64)>> = (0..places)
            .map(|place| {
                let to = |gap: u32| {
                    let fallen = (score(place) - self.decay * f64::from(gap)).max(0.0);
                    let raised = (fallen + self.increment).min(self.max);
                    (raised / self.step).round() as usize
                };
                let missed = |gap: u32| (1.0 - coverage).powi(gap as i32 - 1);
                let short = (1..gaps).map(|gap| (to(gap), coverage * missed(gap)));
                short.chain([(to(gaps), missed(gaps))]).collect()
            })
            .collect();
        let mut chances = vec![0.0; places];
        chances[places - 1] = 1.0;
        loop {
            let mut after = vec![0.0; places];
            for (chance, ways) in chances.iter().zip(&next) {
                ways.iter().for_each(|(to, share)| after[*to] += chance * share);
            }
            let moved: f64 = after.iter().zip(&chances).map(|(new, old)| (new - old).abs()).sum();
            chances = after;
            if moved < 1e-9 {
                break;
            }
        }
        let share = |place: usize| {
            let away = self.max - score(place);
            (self.best - self.slope * away * away / 1e10).max(self.worst) / self.best
        };
        chances.iter().enumerate().map(|(place, chance)| chance * share(place)).sum()
    }
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
fn normal_below(z: f64) -> f64 {
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

    /// Equal runners win equally often; the two published figures are from another's simulation.
    #[test]
    fn races_are_won_as_often_as_others_found() {
        assert!((race_win(1.0, 0.1, 5) - 0.2).abs() < 1e-9);
        assert!((race_win(1.1, 0.05, 5) - 0.766).abs() < 0.005);
        assert!((race_win(1.1, 0.1, 5) - 0.476).abs() < 0.005);
    }
}
