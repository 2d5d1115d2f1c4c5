// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "solady/auth/Ownable.sol";

import { Fulfillment, FulfillmentBatch } from "./fulfillment/FulfillmentBatch.sol";
import { IAssessor, IClaimVerifier, IERC165, IJointVerifier } from "./interfaces/IVerifier.sol";
import { ClassMetadata, IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { SlimRequest } from "./request/ProofRequest.sol";

/// @dev One slot: dispatch reads it for every seal.
struct Entry {
    address impl;
    bytes4 classId;
    uint64 gasLimit;
}

/// @title The registry of verifiers, see IVerifierRouter for what it promises
contract VerifierRouter is IVerifierRouter, Ownable {
    bytes4 private constant VERIFIER_TAG = IClaimVerifier.verify.selector;
    bytes4 private constant JOINT_TAG = IJointVerifier.verifyJoint.selector;
    bytes4 private constant ASSESSOR_TAG = IAssessor.verifyAssessor.selector;
    uint256 private constant ERC165_GAS = 30_000;

    /// @inheritdoc IVerifierRouter
    mapping(bytes4 => Entry) public entries;
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
        Entry memory entry = _liveEntry(selector);
        bytes4 classId = entry.classId;
        ClassMetadata storage class = classes[classId];
        bytes4 tag = class.interfaceTag;
        if (tag == ASSESSOR_TAG) revert TerminalAssessorAsVerifier(selector);

        for (uint256 i = 0; i < fills.length; ++i) {
            bytes4 current = _selectorOf(fills[i].seal);
            if (current != selector) {
                selector = current;
                entry = _liveEntry(selector);
                if (entry.classId != classId) revert MixedClassWithinBatch(classId, entry.classId);
            }
            _checkSignedSelector(requests[i].selector, selector, classId, class.isDefault);
            bytes memory call_ = tag == VERIFIER_TAG
                ? abi.encodeCall(IClaimVerifier.verify, (fills[i].seal, fills[i].claimDigest))
                : abi.encodeCall(IJointVerifier.verifyJoint, (requests[i], fills[i], requestDigests[i], batch.prover));
            if (!_verifies(entry, call_)) revert VerifierFailed(i, selector);
        }

        if (tag == VERIFIER_TAG) _assess(batch.assessorSeal, class.requiredAssessorClass);
        else if (batch.assessorSeal.length != 0) revert AssessorMustBeAbsent();
    }

    /// @dev Reverts unless a request that signed `signed` accepts a seal of entry `selector` in class `classId`.
    function _checkSignedSelector(bytes4 signed, bytes4 selector, bytes4 classId, bool isDefault) private view {
        if (signed == bytes4(0)) {
            if (isDefault) return;
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

    /// @dev An implementation without code would accept everything, so it accepts nothing.
    function _verifies(Entry memory entry, bytes memory call_) private view returns (bool success) {
        address impl = entry.impl;
        uint256 gasLimit = entry.gasLimit;
        assembly ("memory-safe") {
            success := staticcall(gasLimit, impl, add(call_, 0x20), mload(call_), 0, 0)
            if iszero(extcodesize(impl)) { success := 0 }
        }
    }

    /// @dev The arguments of `verifyBatch` and `verifyAssessor` are the same, so the calldata is passed on as it came.
    function _assess(bytes calldata assessorSeal, bytes4 requiredClass) private view {
        if (assessorSeal.length == 0) revert AssessorRequired();
        Entry memory entry = _liveEntry(_selectorOf(assessorSeal));
        if (entry.classId != requiredClass) revert AssessorClassMismatch(requiredClass, entry.classId);
        bytes memory call_ = abi.encodePacked(ASSESSOR_TAG, msg.data[4:]);
        if (_verifies(entry, call_)) return;
        assembly ("memory-safe") {
            let free := mload(0x40)
            returndatacopy(free, 0, returndatasize())
            revert(free, returndatasize())
        }
    }

    function _selectorOf(bytes calldata seal) private pure returns (bytes4) {
        if (seal.length < 4) revert MalformedSeal();
        return bytes4(seal[:4]);
    }

    function _liveEntry(bytes4 selector) private view returns (Entry memory entry) {
        entry = entries[selector];
        if (entry.impl != address(0)) return entry;
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
        if (metadata.defaultGasLimit == 0) revert InvalidGasLimit();
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
        bytes4 tag = class.interfaceTag;
        bool conforms =
            _supports(impl, type(IERC165).interfaceId) && !_supports(impl, 0xffffffff) && _supports(impl, tag);
        if (!conforms) revert Erc165CheckFailed(impl, tag);

        if (gasLimit == 0) gasLimit = class.defaultGasLimit;
        entries[selector] = Entry(impl, parentClassId, gasLimit);
        ++entriesPerClass[parentClassId];
        emit EntryAdded(selector, impl, parentClassId, gasLimit);
    }

    /// @inheritdoc IVerifierRouter
    function removeEntry(bytes4 selector) external onlyOwner {
        --entriesPerClass[_liveEntry(selector).classId];
        delete entries[selector];
        tombstoned[selector] = true;
        emit EntryTombstoned(selector);
    }

    function _isClass(bytes4 id) private view returns (bool) {
        return classes[id].interfaceTag != bytes4(0);
    }

    function _isEntry(bytes4 id) private view returns (bool) {
        return entries[id].impl != address(0);
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
