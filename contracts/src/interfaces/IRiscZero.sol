// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IAssessor, IClaimVerifier, ISetVerifier } from "./IVerifier.sol";

/// @notice A seal and the claim digest that it proves.
struct Receipt {
    bytes seal;
    bytes32 claimDigest;
}

/// @notice A verifier of RISC Zero receipts: Groth16, BLAKE3-Groth16, set inclusion, or a mock on a devnet.
/// @dev Assumed of outsiders: both functions revert unless the seal proves the claim, and what they accept is only ever
///      narrowed, as by an emergency stop. The first four bytes of a seal name the verifier it is for.
interface IRiscZeroVerifier {
    error VerificationFailed();

    /// @notice Returns if `seal` proves that `imageId` halted successfully, without assumptions, and left a journal with this
    ///         SHA-256; else reverts.
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view;

    /// @notice Returns if the receipt's seal proves its claim, whatever that says; else reverts.
    function verifyIntegrity(Receipt calldata receipt) external view;
}

/// @title One RISC Zero verifier, as a verifier that the router can register
/// @notice Seals are passed on unchanged: the router's entry has the selector that the pinned verifier expects. The same adapter
///         serves Groth16, BLAKE3-Groth16 (whose claims are its own, and have no journal on the chain) and mock verifiers.
///
/// Trust: the pinned verifier and whoever can stop it. Pin a verifier, not a router of verifiers, whose owner could add others.
interface IRiscZeroVerifierAdapter is IClaimVerifier {
    /// @dev There is no code at the address of the verifier to pin.
    error NoCode(address account);

    /// @notice The pinned verifier.
    function VERIFIER() external view returns (IRiscZeroVerifier);
}

/// @title Verifier of RISC Zero claims that are leaves of a Merkle tree, whose root the set builder proved
/// @notice Leaves and nodes are those of IAttestedVerifier. The set builder is a guest that verifies a proof of every leaf and
///         commits to `IMAGE_ID ‖ uint256(2^255) ‖ root`; a root is accepted with a receipt of it that the pinned verifier
///         accepts. Accepted roots stay accepted.
///
/// Seals: `SELECTOR` ‖ the ABI encoding of the struct `(bytes32[] path, bytes rootSeal)`, in exactly this encoding; `SELECTOR`
/// alone stands for both empty. An empty `rootSeal` needs a root that was stored before, another is verified on the spot.
///
/// Trust: the pinned verifier, and the program `IMAGE_ID`.
interface IRiscZeroSetVerifier is IClaimVerifier, ISetVerifier, IRiscZeroVerifier {
    error SelectorMismatch(bytes4 received, bytes4 expected);
    /// @dev Not the one encoding of a path and a root's seal.
    error MalformedSeal();
    /// @dev There is no code at the address of the verifier to pin.
    error NoCode(address account);

    /// @notice The pinned verifier of the set builder's receipts.
    function VERIFIER() external view returns (IRiscZeroVerifier);

    /// @notice The set builder's image id, and where its program is found.
    function imageInfo() external view returns (bytes32 imageId, string memory imageUrl);
}

/// @title An assessor whose checks were made by a RISC Zero guest
/// @notice The guest checks requests, clients' signatures and predicates, and commits to an `AssessorJournal`: a Merkle root over
///         what was delivered for which request, the callbacks, the signed selectors and the prover. The journal is rebuilt here
///         from the batch, so a receipt passes for the very batch it was made for and no other.
///
/// `assessorSeal` is the selector of the router's entry, then the seal for the pinned verifier.
///
/// Trust: the pinned verifier, and the program `IMAGE_ID`. Another program is another adapter under another selector; while
/// both are registered, batches of either are accepted.
interface IRiscZeroAssessor is IAssessor {
    error EmptyBatch();
    error LengthMismatch();
    /// @dev Fills are counted by 16 bits.
    error BatchTooLarge(uint256 count);
    /// @dev The seal is too short for two selectors.
    error MalformedSeal();
    /// @dev There is no code at the address of the verifier to pin.
    error NoCode(address account);

    /// @notice The pinned verifier of the assessor's receipts.
    function VERIFIER() external view returns (IRiscZeroVerifier);

    /// @notice The assessor's program.
    function IMAGE_ID() external view returns (bytes32);
}
