//! Types generated from the ABIs that the contracts' build writes (`make gen`).
//!
//! They are shapes without rules: what arrives in them becomes a type of `rialto-protocol` at once.

use alloy::sol;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    Market,
    "abi/Market.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    VerifierRouter,
    "abi/VerifierRouter.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    OnChainAssessor,
    "abi/OnChainAssessor.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    AttestedVerifier,
    "abi/AttestedVerifier.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    CollateralToken,
    "abi/CollateralToken.json"
);
