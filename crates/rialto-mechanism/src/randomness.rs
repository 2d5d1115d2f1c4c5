//! Where the randomness of a frozen set comes from, and how anybody checks it.
//!
//! What counts follows from the freeze alone: the first beacon round, or the first block, at or after the freeze
//! and the source's lag. Whoever brings the evidence has nothing to choose, so nothing to try again
//! until it pleases. [`Source::verify`] is the one check, of a live exchange and of a replay alike; what it returns
//! goes into [`crate::Event::Seed`].
//!
//! A source that is late costs time and nothing else: the same round counts when it comes. How long a job waits
//! is the patience that its mechanism gave to [`crate::Desk::freeze`]; after that the mechanism goes on without a seed,
//! as its rule says.
//!
//! Never used as a source: the hash of a recent block, which its proposer picks among several, and anything that was
//! known when the set froze.

use crate::{Span, Time};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

pub mod beacon;
pub mod prevrandao;

pub mod reveal;
pub mod vrf;

pub mod bias;

#[cfg(test)]
mod tests;

use beacon::{Beacon, Round};
use prevrandao::{Blocks, FirstBlock};

/// A set that can no longer change: what [`crate::Effect::Frozen`] says, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezePoint {
    /// Commitment to the set.
    pub root: B256,
    /// When nothing of it could change any more.
    pub at: Time,
}

/// Who makes the randomness that an exchange uses.
#[derive(Clone, Debug)]
pub enum Source {
    /// A committee that signs round after round. Nobody biases it; a threshold of the committee can
    /// predict it.
    Beacon(Beacon),
    /// The validators of the chain. Costs nothing, but its last revealers draw again for free; see
    /// [`bias::best_of`].
    Prevrandao(Blocks),
    /// Both together: the beacon's first round a slot and its lag after the block, when the block's revealers
    /// had to have decided. Biased only by revealers who have a threshold of the beacon's committee.
    Mixed(Blocks, Beacon),
}

/// What is brought to show which randomness came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// For [`Source::Beacon`].
    Beacon(Round),
    /// For [`Source::Prevrandao`].
    Prevrandao(FirstBlock),
    /// For [`Source::Mixed`].
    Mixed(FirstBlock, Round),
}

/// Randomness that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness {
    /// `keccak256(root ‖ time of the freeze in 8 bytes ‖ what the source gave ‖ tag of the source)`, so two
    /// sets that wait for one round draw apart.
    pub seed: B256,
    /// The earliest time at which anybody could know it.
    pub published: Time,
}

/// Why evidence does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is about another kind of source.
    #[error("evidence of {given} where {wanted} is the source")]
    OtherSource {
        /// What came.
        given: &'static str,
        /// What counts.
        wanted: &'static str,
    },
    /// A round that does not count.
    #[error(
        "round {given} does not count: round {wanted} is the first after the freeze and the lag"
    )]
    OtherRound {
        /// What came.
        given: u64,
        /// What counts.
        wanted: u64,
    },
    /// Not as long as it has to be.
    #[error("{what} has {given} bytes, {wanted} are needed")]
    WrongLength {
        /// Of what.
        what: &'static str,
        /// As it came.
        given: usize,
        /// As it should be.
        wanted: usize,
    },
    /// Bytes that no point of the right group has.
    #[error("{what} is not the one encoding of a point in the group, or is its zero")]
    NotAPoint {
        /// What it should have been.
        what: &'static str,
    },
    /// A number that should have been reduced.
    #[error("the proof's s is not below the order of the group")]
    NotReduced,
    /// The committee has not signed this.
    #[error("the signature is not the committee's for round {number}")]
    NotSigned {
        /// The round.
        number: u64,
    },
    /// The chain of rounds is broken.
    #[error("round {number} must come {how} its predecessor's signature in this scheme")]
    Predecessor {
        /// The round.
        number: u64,
        /// `with` or `without`.
        how: &'static str,
    },
    /// Bytes that are not what was hashed.
    #[error("the bytes of {what} hash to {given}, {wanted} is wanted")]
    OtherHash {
        /// Of which block.
        what: &'static str,
        /// Their hash.
        given: B256,
        /// What it should be.
        wanted: B256,
    },
    /// No header of a block.
    #[error("the bytes of {what} are no block header of a chain with prevrandao")]
    NotAHeader {
        /// Of which block.
        what: &'static str,
    },
    /// A block before its time.
    #[error("the block is of {given} s, before {from} s")]
    BlockTooEarly {
        /// Its time.
        given: Time,
        /// The earliest that counts.
        from: Time,
    },
    /// Another block before it counts.
    #[error("an earlier block counts: its parent is of {parent} s, at or after {from} s")]
    NotTheFirst {
        /// The parent's time.
        parent: Time,
        /// The earliest that counts.
        from: Time,
    },
    /// The key could have been made to fit.
    #[error("the key was registered at {registered} s, at or after the freeze at {frozen} s")]
    KeyTooYoung {
        /// When it was.
        registered: Time,
        /// By when it had to be.
        frozen: Time,
    },
    /// The prover did not make this of its key and the input.
    #[error("the proof is not for this key and input")]
    NotProven,
}

impl Source {
    /// How long after the freeze the randomness is made at the earliest: what a mechanism gives
    /// [`crate::Desk::freeze`] as its lag.
    pub fn lag(&self) -> Span {
        match self {
            Self::Beacon(beacon) => beacon.lag(),
            Self::Prevrandao(blocks) | Self::Mixed(blocks, _) => blocks.lag(),
        }
    }

    /// Checks evidence for a set, and gives the randomness that follows from it.
    ///
    /// # Errors
    /// The evidence is of another source, of another round or block than the one that counts, or not
    /// authentic.
    pub fn verify(
        &self,
        evidence: &Evidence,
        frozen: &FreezePoint,
    ) -> Result<Randomness, Rejected> {
        let from = (frozen.at + self.lag()).next();
        match (self, evidence) {
            (Self::Beacon(beacon), Evidence::Beacon(round)) => {
                let value = beacon.verify(round, from)?;
                let published = beacon.published(round.number);
                Ok(Randomness { seed: seed(frozen, b"beacon", &[value]), published })
            }
            (Self::Prevrandao(blocks), Evidence::Prevrandao(block)) => {
                let (value, published) = blocks.verify(block, from)?;
                Ok(Randomness { seed: seed(frozen, b"prevrandao", &[value]), published })
            }
            (Self::Mixed(blocks, beacon), Evidence::Mixed(block, round)) => {
                let (revealed, decided) = blocks.verify(block, from)?;
                let late = prevrandao::SLOT + beacon.lag();
                let signed = beacon.verify(round, (decided + late).next())?;
                let seed = seed(frozen, b"mixed", &[revealed, signed]);
                Ok(Randomness { seed, published: beacon.published(round.number) })
            }
            _ => Err(Rejected::OtherSource { given: evidence.kind(), wanted: self.kind() }),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Beacon(_) => "a beacon",
            Self::Prevrandao(_) => "prevrandao",
            Self::Mixed(..) => "prevrandao with a beacon",
        }
    }
}

impl Evidence {
    fn kind(&self) -> &'static str {
        match self {
            Self::Beacon(_) => "a beacon",
            Self::Prevrandao(_) => "prevrandao",
            Self::Mixed(..) => "prevrandao with a beacon",
        }
    }
}

/// Values have one length and tags are shorter, so no two inputs run together.
fn seed(frozen: &FreezePoint, tag: &[u8], values: &[B256]) -> B256 {
    let at = frozen.at.0.to_be_bytes();
    keccak256([&frozen.root[..], &at, values.concat().as_slice(), tag].concat())
}
