// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { AttesterSet } from "../verification/AttesterSet.sol";
import { IEip712Domain } from "./IEip712Domain.sol";
import { IClaimVerifier, ISetVerifier } from "./IVerifier.sol";

/// @title Verifier of claims whose proofs were verified off the chain by attesters
/// @notice Trust: a claim is accepted because at least `threshold` of the present attesters signed it, not because a proof was
///         checked here. That many dishonest or hacked attesters can have any claim accepted; if more than `attesters -
///         threshold` are silent, nothing is accepted.
///
/// Attesters sign the Merkle root of a batch of claims: `Attestation(bytes32 root)` under the domain `AttestedVerifier`,
/// version `1`. A leaf is keccak256("LEAF_TAG" ‖ claim digest), a node keccak256 of its two children in ascending order. A
/// claim alone is its own tree.
///
/// Seals: `SELECTOR` ‖ abi.encode(bytes32[] path, bytes signatures), in exactly this encoding. `signatures` holds 65 bytes
/// r ‖ s ‖ v per attester in strictly ascending order of their addresses, or nothing when the root was stored before.
///
/// The set changes without an owner. `threshold` of the present attesters sign an `AttesterSet`; after `delay` seconds, in
/// which operators and clients who do not want the new set can leave, anybody makes it the present one. At any time a claim is
/// accepted on the word of `threshold` of the attesters of that time alone:
/// - A signature counts while its signer is an attester. It names no set: the word of an attester who stays needs no repeating,
///   and who leaves takes its word along. An attester whose key was in other hands must leave, not just be outvoted.
/// - A stored root counts until the set changes, because its signers are not remembered. A bad set can therefore store nothing
///   for the time after it. Whoever still needs a root submits it again with signatures of the present attesters.
///
/// A request that only attesters known at its signing should judge has its deadline within `delay` of that time.
interface IAttestedVerifier is IClaimVerifier, ISetVerifier, IEip712Domain {
    /// @dev Emitted at least `delay` seconds before the set can come into force.
    event SetProposed(
        uint256 indexed number, uint256 indexed revision, uint256 threshold, address[] attesters, uint256 activatableAt
    );
    event SetWithdrawn(uint256 indexed number, uint256 indexed revision);
    /// @dev Also emitted by the constructor, with number one.
    event SetActivated(uint256 indexed number, uint256 threshold, address[] attesters);

    error SelectorMismatch(bytes4 received, bytes4 expected);
    /// @dev Not the one encoding of a path and signatures.
    error MalformedSeal();
    /// @dev The seal carries no signatures, and its root was not stored under the present set.
    error RootUnknown(bytes32 root);
    error TooFewSignatures(uint256 count, uint256 threshold);
    /// @dev A signature is malformed or not by a present attester; `signer` is zero if malformed.
    error NotAnAttester(address signer);
    /// @dev Signers are not in strictly ascending order.
    error SignersOutOfOrder(address previous, address signer);
    /// @dev Attesters must be in strictly ascending order without zero, at most `MAX_ATTESTERS`, and the threshold between one
    ///      and their number.
    error InvalidAttesterSet();
    /// @dev The delay must be between one second and `MAX_DELAY`.
    error InvalidDelay();
    /// @dev A proposal must be for the next number and carry the next revision, which are the arguments.
    error StaleProposal(uint256 number, uint256 revision);
    error NothingProposed();
    error TooEarly(uint256 activatableAt);

    /// @notice Proposes the next set, in place of the one that is pending, if any; the delay begins again. Anybody may bring the
    ///         signatures, which are made over the `AttesterSet` like those of an attestation.
    /// @dev Of two proposals signed for the same revision the first to be included wins, and the other can never be used: its
    ///      signers look at what is pending and sign the following revision if they still want theirs. Until a pending set is
    ///      activated, also after its delay, a further revision replaces it. Two disjoint groups of `threshold` attesters that
    ///      want different sets can so keep each other from any change for ever, but neither can hurry the other's delay.
    function proposeSet(AttesterSet calldata set, bytes calldata signatures) external;

    /// @notice Puts the pending set in force once its delay is over. Anybody may call it.
    function activateSet() external;

    /// @notice The pending set and when it can be activated; zeroes if none is pending.
    function pendingSet() external view returns (AttesterSet memory set, uint256 activatableAt);

    /// @notice The number and the revision that the next proposal must carry.
    function nextProposal() external view returns (uint256 number, uint256 revision);

    /// @notice Which set is in force, counted from one.
    function setNumber() external view returns (uint256);

    /// @notice All present attesters in ascending order.
    function attesters() external view returns (address[] memory);

    /// @notice True if `account` is an attester of the present set.
    function isAttester(address account) external view returns (bool);

    /// @notice How many attesters must sign.
    function threshold() external view returns (uint256);

    /// @notice Seconds between the proposal of a set and the first moment it can be in force.
    function delay() external view returns (uint256);

    /// @notice How many attesters a set can have: that many signatures fit into the gas that a router grants one claim.
    function MAX_ATTESTERS() external view returns (uint256);

    /// @notice How long the delay can be, in seconds.
    function MAX_DELAY() external view returns (uint256);
}
