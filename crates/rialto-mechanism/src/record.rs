//! What is known of provers by what they did with what they were given: a moving share of kept promises.

use crate::{Bps, Party};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A share of kept promises for each prover, the latest counting most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Records {
    first: Bps,
    memory: u32,
    shares: BTreeMap<Party, Bps>,
}

impl Records {
    /// A prover of whom nothing is known has `first`; each outcome is one part in `memory` of the next
    /// share, which must be one or more.
    pub fn new(first: Bps, memory: u32) -> Self {
        Self { first, memory, shares: BTreeMap::new() }
    }

    /// A prover's share.
    pub fn of(&self, party: Party) -> Bps {
        self.shares.get(&party).copied().unwrap_or(self.first)
    }

    /// A promise was kept or broken: the share moves one part in `memory` of the way to all or to
    /// nothing, rounded up, so that it gets there.
    pub fn note(&mut self, party: Party, kept: bool) {
        let share = self.of(party).0;
        let next = match kept {
            true => share + (Bps::ALL.0 - share).div_ceil(self.memory),
            false => share - share.div_ceil(self.memory),
        };
        self.shares.insert(party, Bps(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_moves_and_arrives() {
        let mut records = Records::new(Bps(5_000), 4);
        let (ann, bob) = (Party::with_last_byte(1), Party::with_last_byte(2));
        let mut after = |kept| {
            records.note(ann, kept);
            records.of(ann).0
        };
        assert_eq!([true, true, false].map(&mut after), [6_250, 7_188, 5_391]);
        assert_eq!((0..40).map(|_| after(true)).last(), Some(10_000));
        assert_eq!((0..40).map(|_| after(false)).last(), Some(0));
        assert_eq!(records.of(bob), Bps(5_000));
    }
}
