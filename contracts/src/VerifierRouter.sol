// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "solady/auth/Ownable.sol";

import { Fulfillment, FulfillmentBatch } from "./fulfillment/FulfillmentBatch.sol";
import { IAssessor, IClaimVerifier, IERC165, IJointVerifier } from "./interfaces/IVerifier.sol";
import { ClassMetadata, IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { SlimRequest } from "./request/ProofRequest.sol";

/// @dev One word, all that dispatch reads for a seal: from the low end `address impl`, `bytes4 classId`, `uint24 gasLimit`,
///      `bool inDefaultClass` (eight bits), `bytes4 requiredAssessorClass`. The last two repeat what the class says: a class does
///      not change while it has entries. 24 bits of gas are what chains allow a whole transaction. Zero if there is no entry.
type Entry is uint256;

using EntryLib for Entry global;

library EntryLib {
    function pack(address impl_, bytes4 classId_, uint256 gasLimit_, bool isDefault, bytes4 assessorClass)
        internal
        pure
        returns (Entry)
    {
        return Entry.wrap(
            uint256(uint160(impl_)) | (uint256(uint32(classId_)) << 160) | (gasLimit_ << 192)
                | (isDefault ? 1 << 216 : 0) | (uint256(uint32(assessorClass)) << 224)
        );
    }

    function impl(Entry entry) internal pure returns (address) {
        return address(uint160(Entry.unwrap(entry)));
    }

    function classId(Entry entry) internal pure returns (bytes4) {
        return bytes4(uint32(Entry.unwrap(entry) >> 160));
    }

    function gasLimit(Entry entry) internal pure returns (uint24) {
        return uint24(Entry.unwrap(entry) >> 192);
    }

    function inDefaultClass(Entry entry) internal pure returns (bool) {
        return uint8(Entry.unwrap(entry) >> 216) != 0;
    }

    function requiredAssessorClass(Entry entry) internal pure returns (bytes4) {
        return bytes4(uint32(Entry.unwrap(entry) >> 224));
    }
}

/// @title The registry of verifiers, see IVerifierRouter for what it promises
contract VerifierRouter is IVerifierRouter, Ownable {
    bytes4 private constant VERIFIER_TAG = IClaimVerifier.verify.selector;
    bytes4 private constant JOINT_TAG = IJointVerifier.verifyJoint.selector;
    bytes4 private constant ASSESSOR_TAG = IAssessor.verifyAssessor.selector;
    uint256 private constant ERC165_GAS = 30_000;

    mapping(bytes4 => Entry) private registered;
    /// @inheritdoc IVerifierRouter
    mapping(bytes4 => ClassMetadata) public classes;
    /// @inheritdoc IVerifierRouter
    mapping(bytes4 => bool) public tombstoned;
    /// @inheritdoc IVerifierRouter
    mapping(bytes4 => uint256) public entriesPerClass;
    /// @inheritdoc IVerifierRouter
    bytes4 public defaultClassId;

    constructor(address owner) {
        if (owner == address(0)) revert NewOwnerIsZeroAddress();
        _initializeOwner(owner);
    }

    // ---------------------------------------------------------------------------------------------------------- dispatch

    /// @inheritdoc IVerifierRouter
    function verifyBatch(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests) external view {
        Fulfillment[] calldata fills = batch.fills;
        SlimRequest[] calldata requests = batch.requests;
        if (fills.length == 0) revert EmptyBatch();
        if (requests.length != fills.length || requestDigests.length != fills.length) revert LengthMismatch();

        bytes4 selector = _selectorOf(fills[0].seal);
        Entry entry = _callableEntry(selector);
        bytes4 classId = entry.classId();
        bool isJoint = entry.requiredAssessorClass() == bytes4(0); // or an assessor, which verifies no claims
        if (isJoint && classes[classId].interfaceTag == ASSESSOR_TAG) revert TerminalAssessorAsVerifier(selector);

        for (uint256 i = 0; i < fills.length; ++i) {
            Fulfillment calldata fill = fills[i];
            bytes calldata seal = fill.seal;
            bytes4 current = _selectorOf(seal);
            if (current != selector) {
                selector = current;
                entry = _callableEntry(selector);
                if (entry.classId() != classId) revert MixedClassWithinBatch(classId, entry.classId());
            }
            _checkSignedSelector(requests[i].selector, selector, entry);
            bool success = isJoint
                ? _verifiesJoint(entry, requests[i], fill, requestDigests[i], batch.prover)
                : _verifiesClaim(entry, seal, fill.claimDigest);
            if (!success) revert VerifierFailed(i, selector);
        }

        if (!isJoint) _assess(batch.assessorSeal, entry.requiredAssessorClass());
        else if (batch.assessorSeal.length != 0) revert AssessorMustBeAbsent();
    }

    /// @dev Reverts unless a request that signed `signed` accepts a seal of the entry.
    function _checkSignedSelector(bytes4 signed, bytes4 selector, Entry entry) private view {
        bytes4 classId = entry.classId();
        if (signed == bytes4(0)) {
            if (entry.inDefaultClass()) return;
            bytes4 expected = defaultClassId;
            if (expected == bytes4(0)) revert NoDefaultClass();
            revert SignedDefaultClassMismatch(expected, classId);
        }
        if (signed == selector || signed == classId) return;
        if (tombstoned[signed]) revert SignedSelectorTombstoned(signed);
        if (_isClass(signed)) revert SignedClassMismatch(signed, classId);
        if (_isEntry(signed)) revert SignedEntryMismatch(signed, selector);
        revert SignedSelectorUnknown(signed);
    }

    /// @dev Encodes `verify(seal, claimDigest)` in place and lets the memory go again: there is one call per fill.
    function _verifiesClaim(Entry entry, bytes calldata seal, bytes32 claimDigest) private view returns (bool success) {
        bytes4 tag = VERIFIER_TAG;
        uint256 size;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            mstore(call_, tag)
            mstore(add(call_, 0x04), 0x40)
            mstore(add(call_, 0x24), claimDigest)
            mstore(add(call_, 0x44), seal.length)
            mstore(add(add(call_, 0x64), and(seal.length, not(0x1f))), 0) // the padding, before the bytes
            calldatacopy(add(call_, 0x64), seal.offset, seal.length)
            size := add(0x64, and(add(seal.length, 0x1f), not(0x1f)))
        }
        return _succeeds(entry, size);
    }

    function _verifiesJoint(
        Entry entry,
        SlimRequest calldata request,
        Fulfillment calldata fill,
        bytes32 requestDigest,
        address prover
    ) private view returns (bool) {
        bytes memory call_ = abi.encodeCall(IJointVerifier.verifyJoint, (request, fill, requestDigest, prover));
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, add(call_, 0x20), mload(call_))
        }
        return _succeeds(entry, call_.length);
    }

    /// @dev The arguments of `verifyBatch` and `verifyAssessor` are the same, so the calldata is passed on as it came.
    function _assess(bytes calldata assessorSeal, bytes4 requiredClass) private view {
        if (assessorSeal.length == 0) revert AssessorRequired();
        Entry entry = _callableEntry(_selectorOf(assessorSeal));
        if (entry.classId() != requiredClass) revert AssessorClassMismatch(requiredClass, entry.classId());
        bytes4 tag = ASSESSOR_TAG;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            calldatacopy(call_, 0, calldatasize())
            mstore(call_, or(tag, shr(32, shl(32, mload(call_)))))
        }
        if (_succeeds(entry, msg.data.length)) return;
        assembly ("memory-safe") {
            let free := mload(0x40)
            returndatacopy(free, 0, returndatasize())
            revert(free, returndatasize())
        }
    }

    /// @dev Calls the entry, under its gas limit, with the `size` bytes at the free memory pointer.
    function _succeeds(Entry entry, uint256 size) private view returns (bool success) {
        address impl = entry.impl();
        uint256 gasLimit = entry.gasLimit();
        assembly ("memory-safe") {
            success := staticcall(gasLimit, impl, mload(0x40), size, 0, 0)
        }
    }

    function _selectorOf(bytes calldata seal) private pure returns (bytes4) {
        if (seal.length < 4) revert MalformedSeal();
        return bytes4(seal);
    }

    /// @dev An implementation that lost its code would accept everything, so it counts as removed.
    function _callableEntry(bytes4 selector) private view returns (Entry entry) {
        entry = _liveEntry(selector);
        if (entry.impl().code.length == 0) revert EntryRemoved(selector);
    }

    function _liveEntry(bytes4 selector) private view returns (Entry entry) {
        entry = registered[selector];
        if (Entry.unwrap(entry) != 0) return entry;
        if (tombstoned[selector]) revert EntryRemoved(selector);
        if (_isClass(selector)) revert EntryIsClass(selector);
        revert EntryUnknown(selector);
    }

    // ---------------------------------------------------------------------------------------------------------- registry

    /// @inheritdoc IVerifierRouter
    function addClass(bytes4 classId, ClassMetadata calldata metadata) external onlyOwner {
        if (classId == bytes4(0)) revert ZeroSelectorReserved();
        if (tombstoned[classId]) revert ClassRemoved(classId);
        if (_isClass(classId)) revert ClassInUse(classId);
        if (_isEntry(classId)) revert EntryInUse(classId);
        if (metadata.defaultGasLimit == 0 || metadata.defaultGasLimit > type(uint24).max) revert InvalidGasLimit();
        bytes4 tag = metadata.interfaceTag;
        if (tag == VERIFIER_TAG) _requireAssessorClass(metadata.requiredAssessorClass);
        else if (tag != JOINT_TAG && tag != ASSESSOR_TAG) revert InvalidInterfaceTag(tag);
        else if (metadata.requiredAssessorClass != bytes4(0)) revert AssessorClassMustBeZero();
        if (tag == ASSESSOR_TAG && metadata.permissionlessInstantiate) revert AssessorClassMustBeCurated();
        if (metadata.isDefault) {
            if (tag != VERIFIER_TAG) revert DefaultMustBeVerifier();
            if (defaultClassId != bytes4(0)) revert DefaultClassExists(defaultClassId);
            defaultClassId = classId;
            emit DefaultClassChanged(bytes4(0), classId);
        }
        classes[classId] = metadata;
        emit ClassAdded(classId, metadata);
    }

    /// @inheritdoc IVerifierRouter
    function removeClass(bytes4 classId) external onlyOwner {
        _requireClass(classId);
        uint256 count = entriesPerClass[classId];
        if (count != 0) revert ClassHasEntries(classId, count);
        if (classes[classId].isDefault) {
            defaultClassId = bytes4(0);
            emit DefaultClassChanged(classId, bytes4(0));
        }
        delete classes[classId];
        tombstoned[classId] = true;
        emit ClassTombstoned(classId);
    }

    /// @inheritdoc IVerifierRouter
    function instantiate(bytes4 selector, address impl, bytes4 parentClassId, uint64 gasLimit) external {
        if (selector == bytes4(0)) revert ZeroSelectorReserved();
        _requireClass(parentClassId);
        ClassMetadata storage class = classes[parentClassId];
        if (msg.sender != owner()) {
            if (!class.permissionlessInstantiate) revert Unauthorized();
            if (selector[0] == 0) revert ReservedPrefix(selector);
        }
        if (tombstoned[selector]) revert EntryRemoved(selector);
        if (_isClass(selector)) revert EntryIsClass(selector);
        if (_isEntry(selector)) revert EntryInUse(selector);
        if (gasLimit == 0) gasLimit = class.defaultGasLimit;
        if (gasLimit > type(uint24).max) revert InvalidGasLimit();
        bytes4 tag = class.interfaceTag;
        bool conforms =
            _supports(impl, type(IERC165).interfaceId) && !_supports(impl, 0xffffffff) && _supports(impl, tag);
        if (!conforms) revert Erc165CheckFailed(impl, tag);

        registered[selector] =
            EntryLib.pack(impl, parentClassId, gasLimit, class.isDefault, class.requiredAssessorClass);
        ++entriesPerClass[parentClassId];
        emit EntryAdded(selector, impl, parentClassId, gasLimit);
    }

    /// @inheritdoc IVerifierRouter
    function removeEntry(bytes4 selector) external onlyOwner {
        --entriesPerClass[_liveEntry(selector).classId()];
        registered[selector] = Entry.wrap(0);
        tombstoned[selector] = true;
        emit EntryTombstoned(selector);
    }

    /// @inheritdoc IVerifierRouter
    function entries(bytes4 selector) external view returns (address impl, bytes4 classId, uint64 gasLimit) {
        Entry entry = registered[selector];
        return (entry.impl(), entry.classId(), entry.gasLimit());
    }

    function _isClass(bytes4 id) private view returns (bool) {
        return classes[id].interfaceTag != bytes4(0);
    }

    function _isEntry(bytes4 id) private view returns (bool) {
        return Entry.unwrap(registered[id]) != 0;
    }

    function _requireClass(bytes4 classId) private view {
        if (_isClass(classId)) return;
        if (tombstoned[classId]) revert ClassRemoved(classId);
        revert ClassUnknown(classId);
    }

    function _requireAssessorClass(bytes4 classId) private view {
        if (classId == bytes4(0)) revert AssessorClassRequired();
        _requireClass(classId);
        if (classes[classId].interfaceTag != ASSESSOR_TAG) revert AssessorClassNotAssessor(classId);
    }

    function _supports(address impl, bytes4 interfaceId) private view returns (bool) {
        (bool success, bytes memory answer) =
            impl.staticcall{ gas: ERC165_GAS }(abi.encodeCall(IERC165.supportsInterface, (interfaceId)));
        return success && answer.length == 32 && uint256(bytes32(answer)) == 1;
    }
}
