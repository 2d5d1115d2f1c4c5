//! The condition that a requester puts on a claim.

use crate::{ClaimDigest, ImageId, Journal, claim_digest};
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

/// Which claims satisfy a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WirePredicate", into = "WirePredicate")]
pub enum Predicate {
    /// This program with exactly the journal of this SHA-256.
    DigestMatch {
        /// The program.
        image_id: ImageId,
        /// SHA-256 of the journal.
        journal_sha256: B256,
    },
    /// This program with a journal that begins with these bytes.
    PrefixMatch {
        /// The program.
        image_id: ImageId,
        /// The journal's first bytes; empty accepts any journal.
        prefix: Bytes,
    },
    /// Exactly this claim, whatever journal it hides.
    ClaimDigestMatch(ClaimDigest),
}

/// The predicate as the contracts carry it: a number and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WirePredicate {
    pub(crate) predicate_type: PredicateKind,
    pub(crate) data: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
#[expect(clippy::enum_variant_names, reason = "the names are those of the wire format")]
pub(crate) enum PredicateKind {
    DigestMatch = 0,
    PrefixMatch = 1,
    ClaimDigestMatch = 2,
}

/// Why bytes are no predicate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPredicate {
    /// The number names no kind.
    #[error("predicate type {0} is unknown; 0 is DigestMatch, 1 PrefixMatch, 2 ClaimDigestMatch")]
    UnknownKind(u8),
    /// The data has the wrong length.
    #[error("{kind} data is {len} bytes; it must be {wanted}")]
    Length {
        /// The predicate's name.
        kind: &'static str,
        /// The length that came.
        len: usize,
        /// The rule.
        wanted: &'static str,
    },
}

/// Why a claim does not satisfy a predicate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredicateMismatch {
    /// Another program.
    #[error("the request wants program {wanted}, the claim is about {found}")]
    Image {
        /// The request's image id.
        wanted: ImageId,
        /// The claim's image id.
        found: ImageId,
    },
    /// Another journal.
    #[error("the journal's SHA-256 is {found}, the request wants {wanted}")]
    JournalDigest {
        /// The request's digest.
        wanted: B256,
        /// The journal's digest.
        found: B256,
    },
    /// A journal that begins otherwise.
    #[error("the journal begins with {found}, the request wants the prefix {wanted}")]
    JournalPrefix {
        /// The request's prefix.
        wanted: Bytes,
        /// As many bytes of the journal.
        found: Bytes,
    },
    /// Another claim.
    #[error("the claim is {found}, the request wants {wanted}")]
    Claim {
        /// The request's claim digest.
        wanted: ClaimDigest,
        /// The digest that was found.
        found: ClaimDigest,
    },
}

impl Predicate {
    /// Whether the claim that `image_id` produced `journal` satisfies the predicate, and if not, why.
    pub fn check(&self, image_id: ImageId, journal: &Journal) -> Result<(), PredicateMismatch> {
        if let Some(wanted) = self.image_id()
            && wanted != image_id
        {
            return Err(PredicateMismatch::Image { wanted, found: image_id });
        }
        match self {
            Self::DigestMatch { journal_sha256, .. } => {
                let found = journal.sha256();
                (found == *journal_sha256)
                    .then_some(())
                    .ok_or(PredicateMismatch::JournalDigest { wanted: *journal_sha256, found })
            }
            Self::PrefixMatch { prefix, .. } => {
                let found = journal.0.slice(..prefix.len().min(journal.0.len()));
                (found == *prefix).then_some(()).ok_or_else(|| PredicateMismatch::JournalPrefix {
                    wanted: prefix.clone(),
                    found,
                })
            }
            Self::ClaimDigestMatch(wanted) => {
                let found = claim_digest(image_id, journal);
                (found == *wanted)
                    .then_some(())
                    .ok_or(PredicateMismatch::Claim { wanted: *wanted, found })
            }
        }
    }

    /// The program that the predicate names; a bare claim digest hides it.
    pub fn image_id(&self) -> Option<ImageId> {
        match self {
            Self::DigestMatch { image_id, .. } | Self::PrefixMatch { image_id, .. } => {
                Some(*image_id)
            }
            Self::ClaimDigestMatch(_) => None,
        }
    }

    /// Kind and data as the contracts carry them.
    pub(crate) fn to_parts(&self) -> (u8, Bytes) {
        let wire = WirePredicate::from(self.clone());
        (wire.predicate_type as u8, wire.data)
    }

    pub(crate) fn from_parts(kind: u8, data: Bytes) -> Result<Self, InvalidPredicate> {
        let predicate_type = match kind {
            0 => PredicateKind::DigestMatch,
            1 => PredicateKind::PrefixMatch,
            2 => PredicateKind::ClaimDigestMatch,
            unknown => return Err(InvalidPredicate::UnknownKind(unknown)),
        };
        Self::try_from(WirePredicate { predicate_type, data })
    }
}

impl From<Predicate> for WirePredicate {
    fn from(predicate: Predicate) -> Self {
        let (predicate_type, data) = match predicate {
            Predicate::DigestMatch { image_id, journal_sha256 } => {
                let data = [image_id.0.as_slice(), journal_sha256.as_slice()].concat();
                (PredicateKind::DigestMatch, data)
            }
            Predicate::PrefixMatch { image_id, prefix } => {
                (PredicateKind::PrefixMatch, [image_id.0.as_slice(), &prefix].concat())
            }
            Predicate::ClaimDigestMatch(claim) => {
                (PredicateKind::ClaimDigestMatch, claim.0.to_vec())
            }
        };
        Self { predicate_type, data: data.into() }
    }
}

impl TryFrom<WirePredicate> for Predicate {
    type Error = InvalidPredicate;

    fn try_from(wire: WirePredicate) -> Result<Self, InvalidPredicate> {
        let data = wire.data;
        let wrong = |kind, wanted| InvalidPredicate::Length { kind, len: data.len(), wanted };
        let image_id = || ImageId(B256::from_slice(&data[..32]));
        match wire.predicate_type {
            PredicateKind::DigestMatch if data.len() != 64 => {
                Err(wrong("DigestMatch", "64: image id, then SHA-256 of the journal"))
            }
            PredicateKind::DigestMatch => Ok(Self::DigestMatch {
                image_id: image_id(),
                journal_sha256: B256::from_slice(&data[32..]),
            }),
            PredicateKind::PrefixMatch if data.len() < 32 => {
                Err(wrong("PrefixMatch", "at least 32: image id, then the journal's prefix"))
            }
            PredicateKind::PrefixMatch => {
                Ok(Self::PrefixMatch { image_id: image_id(), prefix: data.slice(32..) })
            }
            PredicateKind::ClaimDigestMatch if data.len() != 32 => {
                Err(wrong("ClaimDigestMatch", "32: the claim digest"))
            }
            PredicateKind::ClaimDigestMatch => {
                Ok(Self::ClaimDigestMatch(ClaimDigest(B256::from_slice(&data))))
            }
        }
    }
}
