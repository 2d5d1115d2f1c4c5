//! What is measured of every mechanism in the same way, by owner.

use crate::Mean;
use rialto_mechanism::Amount;
use serde::{Deserialize, Serialize};

/// What a world showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Jobs that came.
    pub jobs: u64,
    /// Jobs that were proven.
    pub proven: u64,
    /// Of them, those that were proven as early as their requester wanted, where a mechanism makes it
    /// allow for more time than that.
    pub timely: u64,
    /// Milliseconds from a job's opening until somebody could be sure enough to begin.
    pub alloc_latency_ms: Mean,
    /// Milliseconds from a job's opening until its end, of those that were proven.
    pub delay_ms: Mean,
    /// What was paid for a proven job, by its requester.
    pub paid: Mean,
    /// What was paid, over what the paid owners' runs cost.
    pub markup: Mean,
    /// What was paid, over what the job would have cost whoever could do it cheapest.
    pub second_best_gap: Mean,
    /// Seconds for which as much as a job may cost at most was locked up as bond or stake for it.
    pub capital_s: Mean,
    /// What was said and delivered and was not refused: each would be a transaction where the mechanism
    /// is a contract.
    pub operations: u64,
    /// Cycles that all owners spent.
    pub cycles_spent: f64,
    /// Cycles of the proofs that were accepted.
    pub cycles_useful: f64,
    /// What each owner came to, in the order of the population.
    pub owners: Vec<OwnerSums>,
    /// What was burned.
    pub burned: Amount,
}

/// What one owner came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnerSums {
    /// Jobs that it was given to do.
    pub given: u64,
    /// Times that it was paid.
    pub won: u64,
    /// What it was paid.
    pub paid: f64,
    /// What its machines cost it, finished proofs or not.
    pub cost: f64,
    /// What it lost of what it had at stake.
    pub forfeited: f64,
}

/// How unevenly payments are spread over owners.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Concentration {
    /// The sum of the squared shares: 1 for a monopoly, 1/n for n equal ones (Herfindahl and Hirschman).
    pub hhi: f64,
    /// Half of the mean difference between two shares, over the mean share: 0 for equal ones (Gini).
    pub gini: f64,
    /// The largest share.
    pub top: f64,
}

impl OwnerSums {
    /// What is left to it.
    pub fn profit(&self) -> f64 {
        self.paid - self.cost - self.forfeited
    }
}

impl Measures {
    /// Cycles for nothing, as a share of all that were spent; zero if none were.
    pub fn waste(&self) -> f64 {
        match self.cycles_spent {
            0.0 => 0.0,
            spent => (spent - self.cycles_useful) / spent,
        }
    }

    /// The share of jobs that were proven in time.
    pub fn live(&self) -> f64 {
        self.proven as f64 / self.jobs.max(1) as f64
    }

    /// Accepted messages and deliveries for a job.
    pub fn operations_per_job(&self) -> f64 {
        self.operations as f64 / self.jobs.max(1) as f64
    }

    /// How payments are spread over owners; nothing if nobody was paid.
    pub fn concentration(&self) -> Option<Concentration> {
        let total: f64 = self.owners.iter().map(|owner| owner.paid).sum();
        if total <= 0.0 {
            return None;
        }
        let mut shares: Vec<f64> = self.owners.iter().map(|owner| owner.paid / total).collect();
        shares.sort_by(f64::total_cmp);
        let count = shares.len() as f64;
        let ranked: f64 =
            shares.iter().zip(1u32..).map(|(share, rank)| f64::from(rank) * share).sum();
        Some(Concentration {
            hhi: shares.iter().map(|share| share * share).sum(),
            gini: 2.0 * ranked / count - (count + 1.0) / count,
            top: shares.last().copied().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(amounts: &[f64]) -> Option<Concentration> {
        let owners = amounts.iter().map(|paid| OwnerSums { paid: *paid, ..OwnerSums::default() });
        Measures { owners: owners.collect(), ..Measures::default() }.concentration()
    }

    #[test]
    fn concentration_is_by_the_book() {
        assert_eq!(paid(&[0.0, 0.0]), None);
        let equal = paid(&[3.0; 4]).unwrap();
        assert_eq!((equal.hhi, equal.top), (0.25, 0.25));
        assert!(equal.gini.abs() < 1e-12);
        let single = paid(&[0.0, 0.0, 0.0, 5.0]).unwrap();
        assert_eq!((single.hhi, single.gini, single.top), (1.0, 0.75, 1.0));
        // Shares .1, .2, .3, .4: the mean difference of two is .5/3·…, by hand .25.
        let rising = paid(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((rising.gini - 0.25).abs() < 1e-12 && (rising.hhi - 0.3).abs() < 1e-12);
    }
}
