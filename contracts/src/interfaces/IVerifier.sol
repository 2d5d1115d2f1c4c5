// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../fulfillment/FulfillmentBatch.sol";
import { SlimRequest } from "../request/ProofRequest.sol";

interface IERC165 {
    function supportsInterface(bytes4 interfaceId) external view returns (bool);
}

/// @notice Verifies that a claim was proven. ERC-165 tag 0x6b406341.
/// @dev Assumed of implementations: they read no state that a prover controls and revert on any seal they do not accept.
interface IClaimVerifier is IERC165 {
    /// @notice Returns if `seal` (whose first four bytes are the router entry's selector) proves `claimDigest`; else reverts.
    function verify(bytes calldata seal, bytes32 claimDigest) external view;
}

/// @notice Verifies a delivery and that it answers its request, in one step. ERC-165 tag 0x6ddfd0c6.
interface IJointVerifier is IERC165 {
    function verifyJoint(SlimRequest calldata request, Fulfillment calldata fill, bytes32 requestDigest, address prover)
        external
        view;
}

/// @notice Checks that proven claims answer their requests and that the batch's prover is the one that delivers.
///         ERC-165 tag 0x08060888.
/// @dev Safety rests on this check alone: a verifier knows nothing of requests.
interface IAssessor is IERC165 {
    function verifyAssessor(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests) external view;
}

/// @notice A verifier of claims that are leaves of a Merkle tree whose root was verified once.
interface ISetVerifier {
    event VerifiedRoot(bytes32 indexed root, bytes seal);

    /// @notice Verifies and stores `root`; anybody may call it.
    function submitMerkleRoot(bytes32 root, bytes calldata seal) external;

    function containsRoot(bytes32 root) external view returns (bool);

    /// @notice First four bytes of every seal for this verifier.
    function SELECTOR() external view returns (bytes4);
}
