// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "./IProverRegistry.sol";
import { IVerifierRouter } from "./IVerifierRouter.sol";

/// @notice A program to be proven under a time limit, and what verifies the proof.
/// @dev `selector` is an entry of the router, `blockLimit` the blocks from the challenge to the proof.
struct Workload {
    bytes32 imageId;
    bytes4 selector;
    uint64 blockLimit;
}

/// @title A recorder of the prover registry that has seen what it records: proofs made in time
/// @notice A prover begins a challenge in block N. Its seed follows from the hash of block N, the prover and the workload, so
///         nobody knows it before block N + 1, and no two provers share one. The prover qualifies by a proof, at most `blockLimit`
///         blocks after N, of the workload's program with a journal that starts with the seed. Anybody may define workloads; a
///         qualification says as much as its workload's program, limit and verifier are worth to the reader.
///
/// What it does not show: that the machine is the prover's own, or that it was made at the first attempt; challenges can be
/// begun again at will.
interface IWorkloadQualifier {
    event ChallengeBegun(address indexed prover, bytes32 indexed workload, Workload definition);
    event SeedFixed(address indexed prover, bytes32 indexed workload, bytes32 seed);

    error UnknownProver(address key);
    error InvalidBlockLimit();
    error NoChallenge(address prover, bytes32 workload);
    /// @dev The block that the seed follows from is this one.
    error SeedNotKnownYet();
    /// @dev The seed was not fixed while the chain still knew the block's hash; the challenge must begin again.
    error SeedLost();
    error TooLate(uint256 lastBlock);
    error SeedMissing(bytes32 seed);
    /// @dev The seal is not for the workload's entry, or the router has no such entry.
    error SelectorMismatch(bytes4 received, bytes4 expected);
    error EntryUnknown(bytes4 selector);

    /// @notice The hash by which a workload is recorded.
    function idOf(Workload calldata workload) external pure returns (bytes32);

    /// @notice Begins a challenge of the caller's prover, in place of an earlier one of the same workload.
    /// @dev Reverts, in this order: UnknownProver, InvalidBlockLimit (zero).
    function begin(Workload calldata workload) external returns (bytes32 id);

    /// @notice The seed of the challenge that a prover has begun.
    /// @dev Reverts, in this order: NoChallenge, SeedNotKnownYet, SeedLost.
    function seedOf(address prover, bytes32 workload) external view returns (bytes32);

    /// @notice Keeps the seed, for workloads that last longer than the 256 blocks whose hashes the chain knows.
    /// @dev Reverts as `seedOf` does.
    function fixSeed(address prover, bytes32 workload) external;

    /// @notice Records the qualification in the registry, with the blocks it took, if `seal` proves that the workload's
    ///         program left `journal`. Anybody may call it; the challenge is over.
    /// @dev Reverts, in this order: as `seedOf` does, TooLate, SeedMissing, SelectorMismatch, EntryUnknown, as the verifier
    ///      does.
    function pass(address prover, Workload calldata workload, bytes calldata journal, bytes calldata seal) external;

    /// @notice Where qualifications are recorded.
    function REGISTRY() external view returns (IProverRegistry);

    /// @notice Whose entries verify the proofs.
    function ROUTER() external view returns (IVerifierRouter);
}
