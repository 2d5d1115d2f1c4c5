// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

import { IAttestedVerifier } from "./interfaces/IAttestedVerifier.sol";
import { IClaimVerifier, IERC165, ISetVerifier } from "./interfaces/IVerifier.sol";
import { Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";
import { AttesterSet } from "./verification/AttesterSet.sol";
import { ClaimTree } from "./verification/ClaimTree.sol";
import { InclusionSeal } from "./verification/InclusionSeal.sol";

/// @title Accepts claims that k of n attesters have signed, see IAttestedVerifier for what that means
contract AttestedVerifier is IAttestedVerifier, Eip712Domain {
    /// @dev One slot, all that a verification reads of the set. `activatableAt` is zero if no set is pending.
    struct State {
        uint64 setNumber;
        uint64 threshold;
        uint64 revision;
        uint64 activatableAt;
    }

    bytes32 private constant ATTESTATION_TYPEHASH = keccak256("Attestation(bytes32 root)");

    /// @inheritdoc ISetVerifier
    bytes4 public constant SELECTOR = bytes4(keccak256("rialto.AttestedVerifier.v1"));
    /// @inheritdoc IAttestedVerifier
    uint256 public constant MAX_ATTESTERS = 64;
    /// @inheritdoc IAttestedVerifier
    uint256 public constant MAX_DELAY = 365 days;

    /// @inheritdoc IAttestedVerifier
    uint256 public immutable delay;
    State private state;
    /// @dev The number of the last set with this attester, so that a change of sets need not clear the old one's.
    mapping(address => uint256) private memberOfSet;
    /// @dev The number of the set under which this root was stored last.
    mapping(bytes32 => uint256) private storedUnderSet;
    address[] private present;
    address[] private pending;
    uint256 private pendingThreshold;

    constructor(address[] memory attesters_, uint256 threshold_, uint256 delay_) {
        if (delay_ == 0 || delay_ > MAX_DELAY) revert InvalidDelay();
        _validate(attesters_, threshold_);
        delay = delay_;
        _install(1, threshold_, attesters_);
    }

    // ------------------------------------------------------------------------------------------------------------ claims

    /// @inheritdoc IClaimVerifier
    function verify(bytes calldata seal, bytes32 claimDigest) external view {
        (bytes32[] calldata path, bytes calldata signatures) = InclusionSeal.decode(InclusionSeal.strip(seal, SELECTOR));
        bytes32 root = ClaimTree.fold(ClaimTree.leaf(claimDigest), path);
        if (signatures.length != 0) _checkSignatures(_attestation(root), signatures, state);
        else if (!containsRoot(root)) revert RootUnknown(root);
    }

    /// @inheritdoc ISetVerifier
    /// @dev `seal` is `SELECTOR` ‖ signatures.
    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        State memory state_ = state;
        _checkSignatures(_attestation(root), InclusionSeal.strip(seal, SELECTOR), state_);
        storedUnderSet[root] = state_.setNumber;
        emit VerifiedRoot(root, seal);
    }

    /// @inheritdoc ISetVerifier
    function containsRoot(bytes32 root) public view returns (bool) {
        return storedUnderSet[root] == state.setNumber;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IClaimVerifier.verify.selector;
    }

    // -------------------------------------------------------------------------------------------------------------- sets

    /// @inheritdoc IAttestedVerifier
    function proposeSet(AttesterSet calldata set, bytes calldata signatures) external {
        State memory state_ = state;
        (uint256 number, uint256 revision) = (state_.setNumber + 1, state_.revision + 1);
        if (set.number != number || set.revision != revision) revert StaleProposal(number, revision);
        bool withdrawn = set.isWithdrawal();
        if (!withdrawn) _validate(set.attesters, set.threshold);
        _checkSignatures(_digest(set.hash()), signatures, state_);

        uint256 activatableAt = withdrawn ? 0 : block.timestamp + delay;
        (state.revision, state.activatableAt) = (uint64(revision), uint64(activatableAt));
        (pending, pendingThreshold) = (set.attesters, set.threshold);
        if (withdrawn) emit SetWithdrawn(number, revision);
        else emit SetProposed(number, revision, set.threshold, set.attesters, activatableAt);
    }

    /// @inheritdoc IAttestedVerifier
    function activateSet() external {
        State memory state_ = state;
        if (state_.activatableAt == 0) revert NothingProposed();
        if (block.timestamp < state_.activatableAt) revert TooEarly(state_.activatableAt);
        (address[] memory next, uint256 threshold_) = (pending, pendingThreshold);
        delete pending;
        delete pendingThreshold;
        _install(state_.setNumber + 1, threshold_, next);
    }

    /// @inheritdoc IAttestedVerifier
    function pendingSet() external view returns (AttesterSet memory set, uint256 activatableAt) {
        State memory state_ = state;
        if (state_.activatableAt == 0) return (set, 0);
        set = AttesterSet(state_.setNumber + 1, state_.revision, pendingThreshold, pending);
        return (set, state_.activatableAt);
    }

    /// @inheritdoc IAttestedVerifier
    function nextProposal() external view returns (uint256 number, uint256 revision) {
        State memory state_ = state;
        return (state_.setNumber + 1, state_.revision + 1);
    }

    /// @inheritdoc IAttestedVerifier
    function setNumber() external view returns (uint256) {
        return state.setNumber;
    }

    /// @inheritdoc IAttestedVerifier
    function attesters() external view returns (address[] memory) {
        return present;
    }

    /// @inheritdoc IAttestedVerifier
    function isAttester(address account) external view returns (bool) {
        return memberOfSet[account] == state.setNumber;
    }

    /// @inheritdoc IAttestedVerifier
    function threshold() external view returns (uint256) {
        return state.threshold;
    }

    // ---------------------------------------------------------------------------------------------------------- internal

    function _validate(address[] memory attesters_, uint256 threshold_) private pure {
        if (threshold_ == 0 || threshold_ > attesters_.length) revert InvalidAttesterSet();
        if (attesters_.length > MAX_ATTESTERS) revert InvalidAttesterSet();
        address previous = address(0);
        for (uint256 i = 0; i < attesters_.length; ++i) {
            if (attesters_[i] <= previous) revert InvalidAttesterSet();
            previous = attesters_[i];
        }
    }

    function _install(uint256 number, uint256 threshold_, address[] memory attesters_) private {
        state = State({ setNumber: uint64(number), threshold: uint64(threshold_), revision: 0, activatableAt: 0 });
        present = attesters_;
        for (uint256 i = 0; i < attesters_.length; ++i) {
            memberOfSet[attesters_[i]] = number;
        }
        emit SetActivated(number, threshold_, attesters_);
    }

    function _attestation(bytes32 root) private view returns (bytes32) {
        return _digest(EfficientHashLib.hash(ATTESTATION_TYPEHASH, root));
    }

    /// @dev Reverts unless enough attesters of the set in `state_` signed `digest`.
    function _checkSignatures(bytes32 digest, bytes calldata signatures, State memory state_) private view {
        uint256 count = signatures.length / Signature.LENGTH;
        if (signatures.length % Signature.LENGTH != 0) revert MalformedSeal();
        if (count < state_.threshold) revert TooFewSignatures(count, state_.threshold);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata signature = signatures[i * Signature.LENGTH:(i + 1) * Signature.LENGTH];
            address signer = Signature.tryRecover(digest, signature);
            if (memberOfSet[signer] != state_.setNumber) revert NotAnAttester(signer);
            if (signer <= previous) revert SignersOutOfOrder(previous, signer);
            previous = signer;
        }
    }

    function _domainName() internal pure override returns (string memory) {
        return "AttestedVerifier";
    }
}
