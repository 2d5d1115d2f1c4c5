//! Tickets drawn from a seed: uniform below a total, exactly.
//!
//! A seed is a stream of candidates: the n-th is `keccak256(seed ‖ n as 32 bytes)`, cut to the fewest
//! low bits that can hold every ticket. Candidates at or above the total are passed over, which
//! fewer than half are, so no remainder favours the low tickets. Successive draws go on where the last
//! one stopped, each with a total of its own. `contracts/src/registry/Draw.sol` does the same;
//! `vectors/draw.json` holds both to it.

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// A share of a draw: one ticket each unit. At most 96 bits, as the contract keeps them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u128")]
pub struct Weight(u128);

/// A weight that the contract could not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} needs more than 96 bits, which is more than the registry can weigh")]
pub struct WeightTooLarge(u128);

impl Weight {
    /// No ticket.
    pub const ZERO: Self = Self(0);

    /// The largest weight, and the largest sum of weights.
    pub const MAX: Self = Self((1 << 96) - 1);

    /// The number of tickets.
    pub fn get(self) -> u128 {
        self.0
    }

    /// Sum, or `None` above [`Weight::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::try_from(self.0 + other.0).ok()
    }
}

impl TryFrom<u128> for Weight {
    type Error = WeightTooLarge;

    fn try_from(value: u128) -> Result<Self, WeightTooLarge> {
        if value > Self::MAX.0 { Err(WeightTooLarge(value)) } else { Ok(Self(value)) }
    }
}

/// One of the tickets from zero up to a total.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ticket(pub u128);

/// Draws that follow one another from one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draws {
    seed: B256,
    candidate: u64,
}

impl Draws {
    /// The draws of `seed`, from the first on.
    pub fn new(seed: B256) -> Self {
        Self { seed, candidate: 0 }
    }

    /// The next ticket below `total`; nothing if there is nothing to draw.
    pub fn next(&mut self, total: Weight) -> Option<Ticket> {
        let highest = total.0.checked_sub(1)?;
        let mask = u128::MAX.checked_shr(highest.leading_zeros()).unwrap_or(0);
        loop {
            let ticket = self.candidate() & mask;
            if ticket <= highest {
                return Some(Ticket(ticket));
            }
        }
    }

    /// How many candidates were looked at.
    pub fn candidates(&self) -> u64 {
        self.candidate
    }

    fn candidate(&mut self) -> u128 {
        let number = U256::from(self.candidate).to_be_bytes::<32>();
        self.candidate += 1;
        let hash = keccak256([self.seed.0, number].concat());
        hash[16..].iter().fold(0, |low, byte| low << 8 | u128::from(*byte))
    }
}

/// The first ticket of a seed; nothing if there is nothing to draw.
pub fn ticket(seed: B256, total: Weight) -> Option<Ticket> {
    Draws::new(seed).next(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(value: u128) -> Weight {
        Weight::try_from(value).unwrap()
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert_eq!(ticket(B256::ZERO, Weight::ZERO), None);
        assert_eq!(ticket(B256::ZERO, weight(1)), Some(Ticket(0)));
        assert_eq!(Weight::try_from(1 << 96), Err(WeightTooLarge(1 << 96)));
        assert_eq!(Weight::MAX.checked_add(weight(1)), None);
    }

    /// The worst total for a remainder: 3 of 4 candidates count. Each ticket must come up as often as
    /// the others, within five standard deviations.
    #[test]
    fn no_ticket_is_favoured() {
        let mut draws = Draws::new(B256::repeat_byte(1));
        let mut counts = [0u32; 3];
        for _ in 0..30_000 {
            counts[draws.next(weight(3)).unwrap().0 as usize] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 410), "{counts:?}");
        assert!(draws.candidates().abs_diff(40_000) < 580, "{}", draws.candidates());
    }

    proptest! {
        #[test]
        fn tickets_are_below_the_total(seed: [u8; 32], total in 1..=Weight::MAX.get()) {
            let mut draws = Draws::new(B256::new(seed));
            for _ in 0..4 {
                prop_assert!(draws.next(weight(total)).unwrap().0 < total);
            }
        }

        #[test]
        fn draws_that_follow_do_not_repeat_candidates(seed: [u8; 32], total in 2..=Weight::MAX.get()) {
            let mut draws = Draws::new(B256::new(seed));
            let first = draws.next(weight(total));
            let seen = draws.candidates();
            prop_assert!(seen > 0);
            draws.next(weight(total));
            prop_assert!(draws.candidates() > seen);
            prop_assert_eq!(first, ticket(B256::new(seed), weight(total)));
        }
    }
}
