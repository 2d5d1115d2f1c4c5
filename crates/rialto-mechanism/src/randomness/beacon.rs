//! Beacons of the drand network: a committee signs the number of each round with one threshold key, and the hash of
//! the signature is the round's randomness. BLS signatures are unique, so neither the committee nor
//! whoever relays a round has a choice.
//!
//! Verified are the schemes of the two public networks: `bls-unchained-g1-rfc9380` (quicknet, a round in 3 s) and
//! `pedersen-bls-chained` (the default network, 30 s; each round signs its predecessor's signature too).
//! Sources: drand's protocol specification; RFC 9380 for hashing to the curve.

use super::Rejected;
use crate::{Span, Time};
use alloy_primitives::{B256, Bytes, b256, bytes};
use bls12_381::hash_to_curve::{ExpandMsgXmd, HashToCurve};
use bls12_381::{
    G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Gt, multi_miller_loop,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

#[cfg(test)]
pub(super) mod tests;

/// The earlier generation of the hash, which the curve's crate is written against.
type CurveHash = ExpandMsgXmd<sha2_0_10::Sha256>;

/// The name of quicknet in the world: what [`Network::hash`] gives for [`Network::quicknet`].
pub const QUICKNET: B256 =
    b256!("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971");

const G1_BYTES: usize = 48;
const G2_BYTES: usize = 96;
const ON_G1: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const ON_G2: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

/// What a network says of itself; a relay serves it under `/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Name, `default` for the oldest.
    pub name: String,
    /// How it signs.
    pub scheme: Scheme,
    /// The committee's key, compressed.
    pub public_key: Bytes,
    /// When round 1 was due, in seconds since the UNIX epoch.
    pub genesis_s: u64,
    /// Seconds from round to round.
    pub period_s: u32,
    /// Hash of the committee that began.
    pub group_hash: B256,
}

/// How a network signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// The round's number, with signatures of 48 bytes.
    #[serde(rename = "bls-unchained-g1-rfc9380")]
    ShortUnchained,
    /// The previous signature and the round's number, with signatures of 96 bytes.
    #[serde(rename = "pedersen-bls-chained")]
    LongChained,
}

/// A network whose description fits its hash, ready to verify rounds.
#[derive(Clone)]
pub struct Beacon {
    network: Network,
    lag: Span,
    key: Key,
}

/// The committee's key, and what pairs with a signature.
#[derive(Clone)]
enum Key {
    OnG1(G1Affine),
    OnG2(Box<G2Prepared>),
}

/// One round as a relay serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Its number, from 1.
    pub number: u64,
    /// The committee's signature, compressed.
    pub signature: Bytes,
    /// The signature of the round before; in a chained scheme only.
    pub previous: Option<Bytes>,
}

/// Why a network cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// It is not the one that was meant, or a part of its description is wrong.
    #[error("the description's hash is {given}, the network's is {wanted}")]
    OtherHash {
        /// What the description hashes to.
        given: B256,
        /// The network that was meant.
        wanted: B256,
    },
    /// Rounds without time between them.
    #[error("the period is 0 s; a network has at least 1 s from round to round")]
    NoPeriod,
    /// No committee has this key.
    #[error("the public key")]
    Key(#[source] Rejected),
}

impl Network {
    /// What quicknet says of itself.
    pub fn quicknet() -> Self {
        Self {
            name: "quicknet".into(),
            scheme: Scheme::ShortUnchained,
            public_key: bytes!(
                "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
                "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
            ),
            genesis_s: 1_692_803_367,
            period_s: 3,
            group_hash: b256!("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
        }
    }

    /// Its name in the world, as drand computes it. Whoever pins it can take the rest from any relay.
    pub fn hash(&self) -> B256 {
        let mut hasher = Sha256::new();
        hasher.update(self.period_s.to_be_bytes());
        hasher.update(self.genesis_s.to_be_bytes());
        hasher.update(&self.public_key);
        hasher.update(self.group_hash);
        if self.name != "default" {
            hasher.update(&self.name);
        }
        B256::new(hasher.finalize().into())
    }
}

impl Beacon {
    /// The network that hashes to `hash`. `lag` is what passes at least between a freeze and the round
    /// that counts: where a freeze has the time of a block, at least until that block can no longer be held back, a
    /// slot of 12 s on Ethereum; its proposer would else see the round before it closes the set.
    ///
    /// # Errors
    /// The description is another's or makes no sense.
    pub fn new(network: Network, hash: B256, lag: Span) -> Result<Self, BadNetwork> {
        let given = network.hash();
        if given != hash {
            return Err(BadNetwork::OtherHash { given, wanted: hash });
        }
        if network.period_s == 0 {
            return Err(BadNetwork::NoPeriod);
        }
        let key = match network.scheme {
            Scheme::ShortUnchained => {
                g2(&network.public_key, "the key").map(|key| Key::OnG2(Box::new(key.into())))
            }
            Scheme::LongChained => g1(&network.public_key, "the key").map(Key::OnG1),
        };
        Ok(Self { network, lag, key: key.map_err(BadNetwork::Key)? })
    }

    /// What passes at least between a freeze and the round that counts.
    pub fn lag(&self) -> Span {
        self.lag
    }

    /// When a round is due; it may come later and never before.
    pub fn published(&self, round: u64) -> Time {
        let periods = round.saturating_sub(1).saturating_mul(self.network.period_s.into());
        Time(self.network.genesis_s.saturating_add(periods).saturating_mul(1_000))
    }

    /// The first round that is due at `from` or later: the one that counts.
    pub fn first_round(&self, from: Time) -> u64 {
        let since = from.since(self.published(1)).get();
        1 + since.div_ceil(u64::from(self.network.period_s) * 1_000)
    }

    /// The randomness of the round that counts from `from` on.
    ///
    /// # Errors
    /// It is another round, or the committee has not signed it.
    pub fn verify(&self, round: &Round, from: Time) -> Result<B256, Rejected> {
        let wanted = self.first_round(from);
        if round.number != wanted {
            return Err(Rejected::OtherRound { given: round.number, wanted });
        }
        let message = self.message(round)?;
        let holds = match &self.key {
            Key::OnG2(key) => {
                let signature = g1(&round.signature, "the signature")?;
                let hash =
                    <G1Projective as HashToCurve<CurveHash>>::hash_to_curve([message], ON_G1);
                let generator = G2Prepared::from(-G2Affine::generator());
                pairs(&[(&signature, &generator), (&hash.into(), key)])
            }
            Key::OnG1(key) => {
                let signature = g2(&round.signature, "the signature")?.into();
                let hash =
                    <G2Projective as HashToCurve<CurveHash>>::hash_to_curve([message], ON_G2);
                let hash = G2Affine::from(hash).into();
                pairs(&[(&-G1Affine::generator(), &signature), (key, &hash)])
            }
        };
        let randomness = B256::new(Sha256::digest(&round.signature).into());
        holds.then_some(randomness).ok_or(Rejected::NotSigned { number: round.number })
    }

    fn message(&self, round: &Round) -> Result<[u8; 32], Rejected> {
        let number = round.number;
        let previous = match (&round.previous, self.network.scheme) {
            (Some(previous), Scheme::LongChained) => &previous[..],
            (None, Scheme::ShortUnchained) => &[],
            (None, _) => return Err(Rejected::Predecessor { number, how: "with" }),
            (Some(_), _) => return Err(Rejected::Predecessor { number, how: "without" }),
        };
        let hasher = Sha256::new_with_prefix(previous).chain_update(number.to_be_bytes());
        Ok(hasher.finalize().into())
    }
}

impl fmt::Debug for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beacon").field("network", &self.network).field("lag", &self.lag).finish()
    }
}

/// Whether the product of the pairings is one.
fn pairs(terms: &[(&G1Affine, &G2Prepared)]) -> bool {
    multi_miller_loop(terms).final_exponentiation() == Gt::identity()
}

/// A point other than zero: the zero key would sign everything with the zero signature.
fn g1(bytes: &[u8], what: &'static str) -> Result<G1Affine, Rejected> {
    let bytes: &[u8; G1_BYTES] = sized(bytes, what)?;
    let point = G1Affine::from_compressed(bytes).into_option();
    let point = point.filter(|point| !bool::from(point.is_identity()));
    point.ok_or(Rejected::NotAPoint { what })
}

fn g2(bytes: &[u8], what: &'static str) -> Result<G2Affine, Rejected> {
    let bytes: &[u8; G2_BYTES] = sized(bytes, what)?;
    let point = G2Affine::from_compressed(bytes).into_option();
    let point = point.filter(|point| !bool::from(point.is_identity()));
    point.ok_or(Rejected::NotAPoint { what })
}

fn sized<'a, const N: usize>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8; N], Rejected> {
    let wrong = Rejected::WrongLength { what, given: bytes.len(), wanted: N };
    bytes.try_into().map_err(|_| wrong)
}
