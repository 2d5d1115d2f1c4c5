// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IEip712Domain } from "./IEip712Domain.sol";
import { IClaimVerifier, ISetVerifier } from "./IVerifier.sol";

/// @title Verifier of claims whose proofs were verified off the chain by attesters
/// @notice Trust: a claim is accepted because at least `threshold` of the attesters signed it, not because a proof was checked
///         here. That many dishonest or hacked attesters can have any claim accepted; if more than `attesters - threshold` are
///         silent, nothing is accepted. The set and the threshold are fixed at deployment.
///
/// Attesters sign the Merkle root of a batch of claims: `Attestation(bytes32 root)` under the domain `AttestedVerifier`,
/// version `1`. A leaf is keccak256("LEAF_TAG" ‖ claim digest), a node keccak256 of its two children in ascending order. A
/// claim alone is its own tree.
///
/// Seals: `SELECTOR` ‖ abi.encode(bytes32[] path, bytes signatures), in exactly this encoding. `signatures` holds 65 bytes
/// r ‖ s ‖ v per attester in strictly ascending order of their addresses, or nothing when the root was stored before.
interface IAttestedVerifier is IClaimVerifier, ISetVerifier, IEip712Domain {
    error SelectorMismatch(bytes4 received, bytes4 expected);
    /// @dev Not the one encoding of a path and signatures.
    error MalformedSeal();
    /// @dev The seal carries no signatures, and its root was not stored.
    error RootUnknown(bytes32 root);
    error TooFewSignatures(uint256 count, uint256 threshold);
    /// @dev A signature is malformed or not by an attester; `signer` is zero if malformed.
    error NotAnAttester(address signer);
    /// @dev Signers are not in strictly ascending order.
    error SignersOutOfOrder(address previous, address signer);
    /// @dev Attesters must be in strictly ascending order without zero, and the threshold between one and their number.
    error InvalidAttesterSet();

    /// @notice All attesters in ascending order.
    function attesters() external view returns (address[] memory);

    function isAttester(address account) external view returns (bool);

    /// @notice How many attesters must sign.
    function threshold() external view returns (uint256);
}
