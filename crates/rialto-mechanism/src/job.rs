//! A live job. When it is over it leaves the state, so a run's memory does not grow with the jobs
//! that it has settled.

use crate::{Allocation, Duty, Holder, JobId, JobSpec, Outcome, Party, Time, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A job that is not over. `T` is what the mechanism remembers of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job<T> {
    /// Its number.
    pub id: JobId,
    /// What was asked for.
    pub spec: JobSpec,
    /// When.
    pub opened_at: Time,
    /// Where it stands.
    pub stage: Stage,
    /// What the mechanism remembers.
    pub mark: T,
    /// Who was paid out of the escrow, and for what.
    pub(crate) paid: BTreeSet<(Party, Why)>,
    /// When the mechanism wants to be woken for it.
    pub(crate) alarm: Option<Time>,
    /// When the window of its holders ends.
    pub(crate) lapse: Option<Time>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Nobody has been chosen.
    Collecting,
    /// Some, or all, may deliver.
    Allocated(Allocation),
    /// Nothing can happen to it any more.
    Over {
        /// How it ended.
        outcome: Outcome,
        /// The last allocation, with what became of its holders.
        allocation: Option<Allocation>,
    },
}

impl<T: Default> Job<T> {
    pub(crate) fn new(id: JobId, spec: JobSpec, opened_at: Time) -> Self {
        let (stage, mark) = (Stage::Collecting, T::default());
        Self { id, spec, opened_at, stage, mark, paid: BTreeSet::new(), alarm: None, lapse: None }
    }
}

impl<T> Job<T> {
    /// The allocation, if there is one; of a job that is over, the last.
    pub fn allocation(&self) -> Option<&Allocation> {
        match &self.stage {
            Stage::Collecting => None,
            Stage::Allocated(allocation) => Some(allocation),
            Stage::Over { allocation, .. } => allocation.as_ref(),
        }
    }

    /// Those who were chosen last.
    pub fn holders(&self) -> &[Holder] {
        self.allocation().map_or(&[], |allocation| &allocation.holders)
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Over { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    /// Whether some holder has delivered in time.
    pub fn has_delivery(&self) -> bool {
        self.holders().iter().any(|holder| holder.duty == Duty::Delivered)
    }
}
