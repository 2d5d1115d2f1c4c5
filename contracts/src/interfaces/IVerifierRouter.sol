// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch } from "../fulfillment/FulfillmentBatch.sol";

/// @notice What a class of verifiers is.
/// @dev `interfaceTag` is the ERC-165 id its entries implement: verifier 0x6b406341, joint 0x6ddfd0c6, assessor 0x08060888.
///      `schemaArtifact` and its URL describe the seal for readers; the router does not use them.
struct ClassMetadata {
    bytes4 interfaceTag;
    bool permissionlessInstantiate;
    bool isDefault;
    bytes4 requiredAssessorClass;
    bytes32 schemaArtifact;
    string schemaArtifactUrl;
    uint64 defaultGasLimit;
    string label;
}

/// @title The registry of verifiers, and the one call by which a market has a batch verified
/// @notice *Entries* map a seal's first four bytes to a contract; *classes* group entries that prove to the same standard. A
///         requester signs an entry, a class, or zero for the default class. Entries and classes share one namespace; a value that
///         was removed is never used again. 0x00000000 is reserved; values starting with 0x00 are the owner's to register.
/// Trust: the owner can add an entry to a class, and whoever signed that class or the default trusts it; a request that names
/// an entry trusts that entry alone, and the assessors of its class. What is registered under a value never changes.
interface IVerifierRouter {
    event ClassAdded(bytes4 indexed classId, ClassMetadata metadata);
    event ClassTombstoned(bytes4 indexed classId);
    event EntryAdded(bytes4 indexed selector, address indexed impl, bytes4 indexed classId, uint64 gasLimit);
    event EntryTombstoned(bytes4 indexed selector);
    event DefaultClassChanged(bytes4 indexed previousClassId, bytes4 indexed newClassId);

    // Registry.
    error ZeroSelectorReserved();
    error ReservedPrefix(bytes4 selector);
    error ClassUnknown(bytes4 classId);
    error ClassInUse(bytes4 classId);
    error ClassRemoved(bytes4 classId);
    error ClassHasEntries(bytes4 classId, uint256 count);
    error EntryUnknown(bytes4 selector);
    error EntryIsClass(bytes4 selector);
    error EntryInUse(bytes4 selector);
    error EntryRemoved(bytes4 selector);
    error InvalidInterfaceTag(bytes4 interfaceTag);
    error AssessorClassRequired();
    error AssessorClassMustBeZero();
    error AssessorClassNotAssessor(bytes4 classId);
    error AssessorClassMustBeCurated();
    error DefaultClassExists(bytes4 classId);
    error DefaultMustBeVerifier();
    error Erc165CheckFailed(address impl, bytes4 interfaceTag);
    /// @dev A limit is between 1 and 2^24 - 1.
    error InvalidGasLimit();

    // Dispatch.
    error EmptyBatch();
    error LengthMismatch();
    error MalformedSeal();
    error MixedClassWithinBatch(bytes4 expected, bytes4 actual);
    error NoDefaultClass();
    error SignedDefaultClassMismatch(bytes4 defaultClassId, bytes4 actual);
    error SignedClassMismatch(bytes4 signed, bytes4 actual);
    error SignedEntryMismatch(bytes4 signed, bytes4 actual);
    error SignedSelectorUnknown(bytes4 signed);
    error SignedSelectorTombstoned(bytes4 signed);
    error VerifierFailed(uint256 index, bytes4 selector);
    error AssessorClassMismatch(bytes4 expected, bytes4 actual);
    error TerminalAssessorAsVerifier(bytes4 selector);
    error AssessorRequired();
    error AssessorMustBeAbsent();

    /// @notice Verifies every fill of `batch` and that the fills answer their requests, or reverts.
    ///
    /// The first seal's entry fixes the class; all seals are of it. The selector each request signed must be the seal's entry,
    /// its class, or zero when the class is the default. Each fill is verified under its entry's gas limit. A verifier class then
    /// needs an `assessorSeal` of the assessor class it requires; a joint class needs it empty.
    /// @param requestDigests the domain-bound digest of each request, as the calling market knows them to be authentic
    function verifyBatch(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests) external view;

    /// @notice Registers a class. Owner only.
    function addClass(bytes4 classId, ClassMetadata calldata metadata) external;

    /// @notice Retires a class that has no entries; if it was the default there is none until another is added. Owner only.
    function removeClass(bytes4 classId) external;

    /// @notice Registers `impl` under `selector` after an ERC-165 check. Owner only unless the class is permissionless.
    /// @param gasLimit gas of one call, or zero for the class's default
    function instantiate(bytes4 selector, address impl, bytes4 parentClassId, uint64 gasLimit) external;

    /// @notice Retires an entry, forever. Owner only.
    function removeEntry(bytes4 selector) external;

    /// @notice The entry under `selector`; zeroes if there is none.
    function entries(bytes4 selector) external view returns (address impl, bytes4 classId, uint64 gasLimit);

    /// @notice The class `classId`; zeroes if there is none.
    function classes(bytes4 classId)
        external
        view
        returns (
            bytes4 interfaceTag,
            bool permissionlessInstantiate,
            bool isDefault,
            bytes4 requiredAssessorClass,
            bytes32 schemaArtifact,
            string memory schemaArtifactUrl,
            uint64 defaultGasLimit,
            string memory label
        );

    /// @notice True if `id` was an entry or class and was removed.
    function tombstoned(bytes4 id) external view returns (bool);

    /// @notice The class that a request signing zero accepts, or zero.
    function defaultClassId() external view returns (bytes4);

    /// @notice Number of live entries of a class.
    function entriesPerClass(bytes4 classId) external view returns (uint256);
}
