//! Types generated from the ABIs that the contracts' build writes (`make gen`).
//!
//! They are shapes without rules: what arrives in them becomes a type of `rialto-protocol` at once.

#![expect(clippy::too_many_arguments, reason = "as many as the contracts take")]

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
sol!(
    #[derive(Debug, PartialEq, Eq)]
    Treasury,
    "abi/Treasury.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    ProverRegistry,
    "abi/ProverRegistry.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    WorkloadQualifier,
    "abi/WorkloadQualifier.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    AllocationBook,
    "abi/AllocationBook.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    CommitteeBook,
    "abi/CommitteeBook.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    RequesterAccount,
    "abi/RequesterAccount.json"
);
sol!(
    #[derive(Debug, PartialEq, Eq)]
    RequesterAccounts,
    "abi/RequesterAccounts.json"
);
