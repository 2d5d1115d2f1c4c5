//! Private lots: ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381. Of its key and a public input each prover makes one output that nobody else can
//! predict and that anybody can check with the proof; so a prover knows that it is elected, and nobody
//! else does until it says so.
//!
//! A key must have been registered before the set froze, or its owner tries keys until one wins;
//! [`Candidate::lot`] holds that. Section numbers below are the RFC's. Decoding is strict: of each key and
//! proof exactly one encoding counts, so bytes of evidence cannot be changed in passing.

use super::{FreezePoint, Rejected};
use crate::{JobId, Party, Time};
use alloy_primitives::{B256, B512, FixedBytes, U256};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use rialto_protocol::draw::Weight;
use sha2::{Digest, Sha512};
use std::fmt;

#[cfg(test)]
mod tests;

/// `Gamma` (32), `c` (16) and `s` (32).
pub type Proof = FixedBytes<80>;

const SUITE: u8 = 3;
const CHALLENGE_BYTES: usize = 16;

/// What a prover makes its lots with.
#[derive(Clone)]
pub struct SecretKey {
    scalar: Scalar,
    nonce_prefix: [u8; 32],
    public: PublicKey,
}

/// What its lots are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    point: EdwardsPoint,
}

/// A prover that may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub party: Party,
    /// Its key.
    pub key: PublicKey,
    /// When the key became known and final.
    pub registered: Time,
}

/// A candidate's number in a draw, uniform over 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lot(pub u128);

impl SecretKey {
    /// The key of 32 secret bytes (section 5.1.5 of RFC 8032).
    pub fn new(secret: &[u8; 32]) -> Self {
        let hash: [u8; 64] = Sha512::digest(secret).into();
        let (mut scalar, mut nonce_prefix) = ([0; 32], [0; 32]);
        scalar.copy_from_slice(&hash[..32]);
        nonce_prefix.copy_from_slice(&hash[32..]);
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(scalar));
        let point = EdwardsPoint::mul_base(&scalar);
        let public = PublicKey { bytes: point.compress().0, point };
        Self { scalar, nonce_prefix, public }
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The proof for `input` (section 5.1). One input has one proof.
    pub fn prove(&self, input: &[u8]) -> Proof {
        let hashed = self.public.encode_to_curve(input);
        let gamma = self.scalar * hashed;
        let nonce = Sha512::new_with_prefix(self.nonce_prefix).chain_update(hashed.compress().0);
        let nonce = Scalar::from_bytes_mod_order_wide(&nonce.finalize().into());
        let commitments = [EdwardsPoint::mul_base(&nonce), nonce * hashed];
        let challenge = self.public.challenge(&hashed, &gamma, &commitments);
        let response = nonce + scalar_of(&challenge) * self.scalar;
        let parts = [&gamma.compress().0[..], &challenge, response.as_bytes()];
        Proof::from_slice(&parts.concat())
    }
}

impl PublicKey {
    /// A key from its bytes (sections 5.4.5 and 5.1.3 of RFC 8032).
    ///
    /// # Errors
    /// They are no point, not its only encoding, or a point of small order, for which every input would give the
    /// same output.
    pub fn parse(bytes: &B256) -> Result<Self, Rejected> {
        let point = decode(&bytes[..]).filter(|point| !point.is_small_order());
        let point = point.ok_or(Rejected::NotAPoint { what: "the key" })?;
        Ok(Self { bytes: bytes.0, point })
    }

    /// Its bytes.
    pub fn bytes(&self) -> B256 {
        B256::new(self.bytes)
    }

    /// The output that `proof` shows for `input` (section 5.3).
    ///
    /// # Errors
    /// The proof is malformed, or not this key's for this input.
    pub fn verify(&self, input: &[u8], proof: &Proof) -> Result<B512, Rejected> {
        let (gamma, rest) = proof.split_at(32);
        let (challenge, response) = rest.split_at(CHALLENGE_BYTES);
        let gamma = decode(gamma).ok_or(Rejected::NotAPoint { what: "the proof's Gamma" })?;
        let response = Option::from(Scalar::from_canonical_bytes(fixed(response)));
        let response: Scalar = response.ok_or(Rejected::NotReduced)?;
        let scalar = scalar_of(&fixed(challenge));
        let hashed = self.encode_to_curve(input);
        // The points are negated and not the scalar, which is the same in the group of prime order only.
        let u = EdwardsPoint::vartime_double_scalar_mul_basepoint(&scalar, &-self.point, &response);
        let v = EdwardsPoint::vartime_multiscalar_mul([response, scalar], [hashed, -gamma]);
        if self.challenge(&hashed, &gamma, &[u, v])[..] != *challenge {
            return Err(Rejected::NotProven);
        }
        let cleared = gamma.mul_by_cofactor().compress().0;
        Ok(B512::new(hash(3, &[&cleared])))
    }

    /// Try and increment (section 5.4.1.1). Each try succeeds with a chance of about a half.
    fn encode_to_curve(&self, input: &[u8]) -> EdwardsPoint {
        let attempt = |counter: u8| {
            let candidate = decode(&hash(1, &[&self.bytes, input, &[counter]])[..32])?;
            Some(candidate.mul_by_cofactor()).filter(|point| !point.is_identity())
        };
        (0..=u8::MAX).find_map(attempt).expect("256 tries fail with a chance of 2^-256")
    }

    /// Section 5.4.3.
    fn challenge(
        &self,
        hashed: &EdwardsPoint,
        gamma: &EdwardsPoint,
        commitments: &[EdwardsPoint; 2],
    ) -> [u8; CHALLENGE_BYTES] {
        let [u, v] = commitments;
        let [hashed, gamma, u, v] = [hashed, gamma, u, v].map(|point| point.compress().0);
        fixed(&hash(2, &[&self.bytes, &hashed, &gamma, &u, &v])[..CHALLENGE_BYTES])
    }
}

impl Candidate {
    /// What a candidate proves: the seed of the frozen set and the job, so that one proof serves once.
    pub fn input(seed: &B256, job: JobId) -> [u8; 40] {
        let mut input = [0; 40];
        input[..32].copy_from_slice(&seed[..]);
        input[32..].copy_from_slice(&job.0.to_be_bytes());
        input
    }

    /// The candidate's lot for a job.
    ///
    /// # Errors
    /// Its key is not older than the set, or the proof is not its own for this seed and job.
    pub fn lot(
        &self,
        frozen: &FreezePoint,
        seed: &B256,
        job: JobId,
        proof: &Proof,
    ) -> Result<Lot, Rejected> {
        if self.registered >= frozen.at {
            return Err(Rejected::KeyTooYoung { registered: self.registered, frozen: frozen.at });
        }
        let output = self.key.verify(&Self::input(seed, job), proof)?;
        Ok(Lot(u128::from_be_bytes(fixed(&output[..16]))))
    }
}

impl Lot {
    /// Whether it elects a candidate of `weight` where `seats` are to be filled on average out of `total`: a chance of
    /// `seats · weight / total`, at most one. Splitting a weight changes nothing on average until one
    /// of the chances is one.
    pub fn elects(self, weight: Weight, total: Weight, seats: u32) -> bool {
        let bar = U256::from(weight.get()) * U256::from(seats);
        U256::from(self.0) * U256::from(total.get()) < bar << 128
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.public.bytes())
    }
}

/// The hashes of the suite differ by one byte in front.
fn hash(purpose: u8, parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new_with_prefix([SUITE, purpose]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.chain_update([0]).finalize().into()
}

/// A point by its only encoding.
fn decode(bytes: &[u8]) -> Option<EdwardsPoint> {
    let compressed = CompressedEdwardsY(bytes.try_into().ok()?);
    compressed.decompress().filter(|point| point.compress() == compressed)
}

fn scalar_of(challenge: &[u8; CHALLENGE_BYTES]) -> Scalar {
    Scalar::from(u128::from_le_bytes(*challenge))
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cuts it to length")
}
