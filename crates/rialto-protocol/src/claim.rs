//! What a proof says: this program ran to its end and put this into its journal.

use alloy_primitives::{B256, Bytes, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The commitment that names a program under its zkVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub B256);

/// Binds an image id and a journal; what a seal convinces a verifier of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimDigest(pub B256);

/// The public output of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Journal(pub Bytes);

impl Journal {
    /// SHA-256 of the journal's bytes.
    pub fn sha256(&self) -> B256 {
        sha256(&self.0)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ClaimDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> B256 {
    B256::new(Sha256::digest(bytes).into())
}

/// The state digest of a program that has halted: what RISC Zero's claim holds in `post`.
const HALTED_STATE: [u8; 32] =
    hex!("a3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2");

/// The digest of the claim "`image_id` halted successfully with `journal` and no assumptions".
///
/// The formula is RISC Zero's `ReceiptClaim.ok` (tagged struct hashes over SHA-256, child digests
/// first, then exit codes, then the count of digests as a little-endian `u16`). It is used for
/// every zkVM, so that the contracts know one kind of claim.
pub fn claim_digest(image_id: ImageId, journal: &Journal) -> ClaimDigest {
    let no_assumptions = B256::ZERO;
    let output = tagged("risc0.Output", &[journal.sha256(), no_assumptions], &[]);
    let no_input = B256::ZERO;
    let exit_codes = [0u32, 0u32];
    let claim = tagged(
        "risc0.ReceiptClaim",
        &[no_input, image_id.0, B256::new(HALTED_STATE), output],
        &exit_codes,
    );
    ClaimDigest(claim)
}

fn tagged(tag: &str, digests: &[B256], words: &[u32]) -> B256 {
    let mut hasher = Sha256::new();
    hasher.update(sha256(tag.as_bytes()));
    digests.iter().for_each(|digest| hasher.update(digest));
    words.iter().for_each(|word| hasher.update(word.to_le_bytes()));
    let count = u16::try_from(digests.len()).expect("a claim has at most four digests");
    hasher.update(count.to_le_bytes());
    B256::new(hasher.finalize().into())
}
