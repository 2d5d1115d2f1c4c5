//! How owners act who are not simply truthful, and how they fail.

use crate::population::highest_cost;
use crate::{Bidding, Dice, Habit, Others, Owner, Region};
use rialto_mechanism::{Bps, Span};
use serde::{Deserialize, Serialize};

/// A way to act, with a name by which scenarios know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Agent {
    /// It asks for its cost.
    Truthful,
    /// It asks for what is best, as far as that is known: its cost where what it is paid does not depend on
    /// that, else as in a first-price auction against as many others with costs spread evenly.
    BestResponse,
    /// It asks for a share of its cost for a while and then leaves.
    Predator {
        /// What it asks for, as a share of its cost.
        share: Bps,
        /// When it leaves.
        leaves_after: Span,
    },
    /// It appears under several addresses, each with its part of the stake.
    Sybil {
        /// How many.
        addresses: u32,
    },
    /// It appears under several addresses, of which all but the first bid the most.
    Decoys {
        /// How many.
        addresses: u32,
    },
    /// It leaves each job to whoever of its ring can do it cheapest.
    Colludes {
        /// Which ring.
        ring: u32,
    },
    /// It takes what it can get at no price, shows no bid and delivers nothing.
    Withholding,
    /// It hands in proofs that do not verify.
    Lazy,
}

/// How some of the owners fail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Each for itself: it does not deliver what it is given.
    Independent,
    /// All of them at the same times: they are in one region, which is out for hours.
    Region,
    /// They act as [`Agent::Withholding`] does.
    Withholding,
}

/// A share of the owners that fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Faults {
    /// In what way.
    pub kind: FaultKind,
    /// Which share of the owners, from 0 to 1; rounded to whole owners, and which ones follows from the seed.
    pub share: f64,
    /// How often they fail, from 0 to 1.
    pub rate: f64,
}

impl Agent {
    /// `owner`, one of `among` or beside them, acts so.
    pub fn applied_to(self, owner: &mut Owner, among: &[Owner]) {
        match self {
            Self::Truthful => owner.bidding = Bidding::Truthful,
            Self::BestResponse => {
                let rivals = (among.len() as u32).saturating_sub(1);
                owner.bidding = Bidding::BestResponse { rivals, to: highest_cost(among) };
            }
            Self::Predator { share, leaves_after } => {
                (owner.bidding, owner.leaves_after) = (Bidding::Share(share), Some(leaves_after));
            }
            Self::Sybil { addresses } => {
                (owner.addresses, owner.others) = (addresses.max(1), Others::Equals);
            }
            Self::Decoys { addresses } => {
                (owner.addresses, owner.others) = (addresses.max(1), Others::Decoys);
            }
            Self::Colludes { ring } => owner.ring = Some(ring),
            Self::Withholding => owner.habit = Habit::Withholding,
            Self::Lazy => owner.habit = Habit::Lazy,
        }
    }
}

impl Faults {
    /// Some of `owners` fail; the seed decides which.
    pub fn apply(&self, owners: &mut [Owner], seed: u64) {
        let mut order: Vec<usize> = (0..owners.len()).collect();
        Dice::new(seed, "faults").shuffle(&mut order);
        let count = (self.share * owners.len() as f64).round() as usize;
        for place in order.into_iter().take(count) {
            let owner = &mut owners[place];
            match self.kind {
                FaultKind::Independent => owner.fault = self.rate,
                FaultKind::Region => {
                    owner.region = Some(Region { number: 0, outage: self.rate });
                }
                FaultKind::Withholding => owner.habit = Habit::Withholding,
            }
        }
    }
}
