//! Randomness that bidders make together: each commits to a secret, then all reveal, and the hash of what was
//! revealed is the seed. One honest secret among them makes it unpredictable.
//!
//! The last to reveal knows what follows if it does and if it does not, and so draws twice for the price of what a
//! withheld reveal forfeits; [`super::bias`] says what that is worth. A commitment is bound to exchange, job
//! and bidder: nobody can commit to a copy of another's and open it.

use crate::{JobId, Party};
use alloy_primitives::{B256, keccak256};
use std::collections::BTreeMap;

/// The commitments of one job and what was revealed of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    domain: B256,
    job: JobId,
    places: BTreeMap<Party, Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Committed(B256),
    Revealed(B256),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joint {
    /// The seed of all that was revealed; nothing if nobody has revealed.
    pub seed: Option<B256>,
    /// Who has withheld, and forfeits what it put up for that.
    pub withheld: Vec<Party>,
}

/// Why a commitment or a reveal changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has one already.
    #[error("{0} has committed before")]
    CommittedBefore(Party),
    /// It has none.
    #[error("{0} has not committed")]
    NotCommitted(Party),
    /// It was opened already.
    #[error("{0} has revealed before")]
    RevealedBefore(Party),
    /// Not the secret behind the commitment.
    #[error("{bidder}'s secret makes the commitment {given}, it committed to {wanted}")]
    OtherSecret {
        /// Who.
        bidder: Party,
        /// The commitment of what it revealed.
        given: B256,
        /// The commitment that it made.
        wanted: B256,
    },
}

/// What a bidder commits to: `keccak256(domain ‖ job in 8 bytes ‖ bidder ‖ secret)`. `domain` is the exchange's. The
/// secret's 32 bytes must be random, or the commitment gives it away.
pub fn commitment(domain: B256, job: JobId, bidder: Party, secret: B256) -> B256 {
    keccak256([&domain[..], &job.0.to_be_bytes(), bidder.as_slice(), &secret[..]].concat())
}

impl Secrets {
    /// Nobody has committed. `domain` is the exchange's, so that commitments cannot be carried from one to another.
    pub fn new(domain: B256, job: JobId) -> Self {
        Self { domain, job, places: BTreeMap::new() }
    }

    /// A bidder commits. The caller sees to it that it is before anybody may reveal.
    ///
    /// # Errors
    /// It has committed before.
    pub fn commit(&mut self, bidder: Party, commitment: B256) -> Result<(), Unfit> {
        if self.places.contains_key(&bidder) {
            return Err(Unfit::CommittedBefore(bidder));
        }
        self.places.insert(bidder, Place::Committed(commitment));
        Ok(())
    }

    /// A bidder reveals. The caller sees to it that nobody can commit any more.
    ///
    /// # Errors
    /// It has not committed, not to this, or has revealed before.
    pub fn reveal(&mut self, bidder: Party, secret: B256) -> Result<(), Unfit> {
        let given = commitment(self.domain, self.job, bidder, secret);
        match self.places.get_mut(&bidder) {
            None => Err(Unfit::NotCommitted(bidder)),
            Some(Place::Revealed(_)) => Err(Unfit::RevealedBefore(bidder)),
            Some(Place::Committed(wanted)) if *wanted != given => {
                Err(Unfit::OtherSecret { bidder, given, wanted: *wanted })
            }
            Some(place) => {
                *place = Place::Revealed(secret);
                Ok(())
            }
        }
    }

    /// What follows when the time to reveal is over. The seed hashes domain, job and the secrets in order of their
    /// bidders, with the bidders, so it does not depend on who revealed first.
    pub fn close(&self) -> Joint {
        let mut revealed = [&self.domain[..], &self.job.0.to_be_bytes()].concat();
        let mut withheld = Vec::new();
        for (bidder, place) in &self.places {
            match place {
                Place::Committed(_) => withheld.push(*bidder),
                Place::Revealed(secret) => {
                    revealed.extend([bidder.as_slice(), &secret[..]].concat())
                }
            }
        }
        let seed = (withheld.len() < self.places.len()).then(|| keccak256(&revealed));
        Joint { seed, withheld }
    }
}
