//! Scores for showing up.

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
        let share = |place: usize| self.share(score(place));
        chances.iter().enumerate().map(|(place, chance)| chance * share(place)).sum()
    }

    /// The share of a score, as a part of the best.
    fn share(self, score: f64) -> f64 {
        let away = self.max - score;
        (self.best - self.slope * away * away / 1e10).max(self.worst) / self.best
    }

    /// The share of a prover's first proof.
    pub fn first_share(self) -> f64 {
        self.share(self.increment.min(self.max))
    }

    /// The mean share of a prover who is away for so many epochs and there for so many, in turn, of those in which it
    /// is there, once that has gone on for long.
    pub fn share_in_turns(self, away: u32, there: u32) -> f64 {
        let mut score = self.max;
        loop {
            let (before, mut sum) = (score, 0.0);
            for epoch in 0..there {
                let gap = if epoch == 0 { f64::from(away) + 1.0 } else { 1.0 };
                score = ((score - self.decay * gap).max(0.0) + self.increment).min(self.max);
                sum += self.share(score);
            }
            if score == before {
                return sum / f64::from(there);
            }
        }
    }
}
