// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

import { IAttestedVerifier } from "./interfaces/IAttestedVerifier.sol";
import { IClaimVerifier, IERC165, ISetVerifier } from "./interfaces/IVerifier.sol";
import { Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";
import { ClaimTree } from "./verification/ClaimTree.sol";

/// @title Accepts claims that k of n attesters have signed, see IAttestedVerifier for what that means
contract AttestedVerifier is IAttestedVerifier, Eip712Domain {
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256("Attestation(bytes32 root)");

    /// @inheritdoc ISetVerifier
    bytes4 public constant SELECTOR = bytes4(keccak256("rialto.AttestedVerifier.v1"));

    /// @inheritdoc IAttestedVerifier
    uint256 public immutable threshold;
    /// @inheritdoc IAttestedVerifier
    mapping(address => bool) public isAttester;
    address[] private attesterList;
    /// @inheritdoc ISetVerifier
    mapping(bytes32 => bool) public containsRoot;

    constructor(address[] memory attesters_, uint256 threshold_) {
        if (threshold_ == 0 || threshold_ > attesters_.length) revert InvalidAttesterSet();
        address previous = address(0);
        for (uint256 i = 0; i < attesters_.length; ++i) {
            if (attesters_[i] <= previous) revert InvalidAttesterSet();
            previous = attesters_[i];
            isAttester[previous] = true;
        }
        attesterList = attesters_;
        threshold = threshold_;
    }

    /// @inheritdoc IClaimVerifier
    function verify(bytes calldata seal, bytes32 claimDigest) external view {
        _checkSelector(seal);
        (bytes32[] calldata path, bytes calldata signatures) = _decode(seal[4:]);
        bytes32 root = ClaimTree.fold(ClaimTree.leaf(claimDigest), path);
        if (signatures.length != 0) _checkAttestation(root, signatures);
        else if (!containsRoot[root]) revert RootUnknown(root);
    }

    /// @inheritdoc ISetVerifier
    /// @dev `seal` is `SELECTOR` ‖ signatures.
    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        _checkSelector(seal);
        _checkAttestation(root, seal[4:]);
        containsRoot[root] = true;
        emit VerifiedRoot(root, seal);
    }

    /// @inheritdoc IAttestedVerifier
    function attesters() external view returns (address[] memory) {
        return attesterList;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IClaimVerifier.verify.selector;
    }

    function _checkSelector(bytes calldata seal) private pure {
        bytes4 received = bytes4(seal); // a shorter seal is padded with zeroes
        if (seal.length < 4 || received != SELECTOR) revert SelectorMismatch(received, SELECTOR);
    }

    /// @dev Splits the canonical encoding of (bytes32[] path, bytes signatures) and accepts no other.
    function _decode(bytes calldata data) private pure returns (bytes32[] calldata path, bytes calldata signatures) {
        if (data.length < 0x80) revert MalformedSeal();
        uint256 toPath;
        uint256 toSignatures;
        assembly ("memory-safe") {
            toPath := calldataload(data.offset)
            toSignatures := calldataload(add(data.offset, 0x20))
            path.length := calldataload(add(data.offset, 0x40))
            path.offset := add(data.offset, 0x60)
        }
        if (path.length > data.length / 32) revert MalformedSeal();
        unchecked {
            uint256 head = 0x80 + 32 * path.length; // all but the signatures
            if (toPath != 0x40 || toSignatures != head - 0x20 || data.length < head) revert MalformedSeal();
            assembly ("memory-safe") {
                signatures.length := calldataload(add(data.offset, sub(head, 0x20)))
                signatures.offset := add(data.offset, head)
            }
            uint256 room = data.length - head;
            if (signatures.length > room || room != (signatures.length + 31) / 32 * 32) revert MalformedSeal();
        }
    }

    function _checkAttestation(bytes32 root, bytes calldata signatures) private view {
        uint256 count = signatures.length / Signature.LENGTH;
        if (signatures.length % Signature.LENGTH != 0) revert MalformedSeal();
        if (count < threshold) revert TooFewSignatures(count, threshold);
        bytes32 digest = _digest(EfficientHashLib.hash(ATTESTATION_TYPEHASH, root));
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata signature = signatures[i * Signature.LENGTH:(i + 1) * Signature.LENGTH];
            address signer = Signature.tryRecover(digest, signature);
            if (!isAttester[signer]) revert NotAnAttester(signer);
            if (signer <= previous) revert SignersOutOfOrder(previous, signer);
            previous = signer;
        }
    }

    function _domainName() internal pure override returns (string memory) {
        return "AttestedVerifier";
    }
}
