//! Selectors and classes of the verifier router on Rialto's deployments.
//!
//! The same values stand in `vectors/registry.json`, from which the deployment scripts read them.

use crate::Selector;
use alloy_primitives::fixed_bytes;

/// "Whatever the chain's default class is."
pub const DEFAULT: Selector = Selector::ZERO;

/// Class of verifiers that trust k of n attesters who verified the proof natively.
pub const ATTESTED_CLASS: Selector = fixed_bytes!("aa000010");

/// Class of assessors.
pub const ASSESSOR_CLASS: Selector = fixed_bytes!("aa000002");

/// Entry of the assessor that checks predicates on chain and the prover's signature.
pub const ON_CHAIN_ASSESSOR: Selector = fixed_bytes!("00000022");

/// Entry of the attested verifier: the first bytes of `keccak256("rialto.AttestedVerifier.v1")`.
pub const ATTESTED_VERIFIER: Selector = fixed_bytes!("50f0ccd6");

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn the_attested_selector_is_the_hash_of_its_name() {
        assert_eq!(ATTESTED_VERIFIER.as_slice(), &keccak256("rialto.AttestedVerifier.v1")[..4]);
    }
}
