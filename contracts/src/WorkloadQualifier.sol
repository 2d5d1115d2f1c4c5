// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Claim } from "./fulfillment/Claim.sol";
import { IProverRegistry } from "./interfaces/IProverRegistry.sol";
import { IClaimVerifier } from "./interfaces/IVerifier.sol";
import { IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { IWorkloadQualifier, Workload } from "./interfaces/IWorkloadQualifier.sol";

/// @title Records proofs made in time, see IWorkloadQualifier for what that means
contract WorkloadQualifier is IWorkloadQualifier {
    /// @dev `seed` is zero until it is fixed.
    struct Challenge {
        uint64 startBlock;
        bytes32 seed;
    }

    IProverRegistry public immutable REGISTRY;
    IVerifierRouter public immutable ROUTER;

    mapping(address prover => mapping(bytes32 workload => Challenge)) private challenges;

    constructor(IProverRegistry registry, IVerifierRouter router) {
        (REGISTRY, ROUTER) = (registry, router);
    }

    /// @inheritdoc IWorkloadQualifier
    function begin(Workload calldata workload) external returns (bytes32 id) {
        address prover = REGISTRY.proverOf(msg.sender);
        if (prover == address(0)) revert UnknownProver(msg.sender);
        if (workload.blockLimit == 0) revert InvalidBlockLimit();
        id = idOf(workload);
        challenges[prover][id] = Challenge(uint64(block.number), 0);
        emit ChallengeBegun(prover, id, workload);
    }

    /// @inheritdoc IWorkloadQualifier
    function fixSeed(address prover, bytes32 workload) external {
        bytes32 seed = seedOf(prover, workload);
        challenges[prover][workload].seed = seed;
        emit SeedFixed(prover, workload, seed);
    }

    /// @inheritdoc IWorkloadQualifier
    function pass(address prover, Workload calldata workload, bytes calldata journal, bytes calldata seal) external {
        bytes32 id = idOf(workload);
        bytes32 seed = seedOf(prover, id);
        uint256 startBlock = challenges[prover][id].startBlock;
        uint256 lastBlock = startBlock + workload.blockLimit;
        if (block.number > lastBlock) revert TooLate(lastBlock);
        if (journal.length < 32 || bytes32(journal) != seed) revert SeedMissing(seed);
        if (bytes4(seal) != workload.selector) revert SelectorMismatch(bytes4(seal), workload.selector);
        (address verifier,,) = ROUTER.entries(workload.selector);
        if (verifier == address(0)) revert EntryUnknown(workload.selector);
        IClaimVerifier(verifier).verify(seal, Claim.digest(workload.imageId, sha256(journal)));

        delete challenges[prover][id];
        REGISTRY.recordQualification(prover, id, uint64(block.number - startBlock));
    }

    /// @inheritdoc IWorkloadQualifier
    function idOf(Workload calldata workload) public pure returns (bytes32) {
        return keccak256(abi.encode(workload));
    }

    /// @inheritdoc IWorkloadQualifier
    function seedOf(address prover, bytes32 workload) public view returns (bytes32 seed) {
        Challenge storage challenge = challenges[prover][workload];
        uint64 startBlock = challenge.startBlock;
        if (startBlock == 0) revert NoChallenge(prover, workload);
        seed = challenge.seed;
        if (seed != 0) return seed;
        if (startBlock == block.number) revert SeedNotKnownYet();
        bytes32 blockHash = blockhash(startBlock);
        if (blockHash == 0) revert SeedLost();
        return keccak256(abi.encode(blockHash, prover, workload));
    }
}
