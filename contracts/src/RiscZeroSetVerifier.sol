// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Claim } from "./fulfillment/Claim.sol";
import { IRiscZeroSetVerifier, IRiscZeroVerifier, Receipt } from "./interfaces/IRiscZero.sol";
import { IClaimVerifier, IERC165, ISetVerifier } from "./interfaces/IVerifier.sol";
import { ClaimTree } from "./verification/ClaimTree.sol";
import { InclusionSeal } from "./verification/InclusionSeal.sol";

/// @title Accepts claims under a root that the set builder proved, see IRiscZeroSetVerifier
contract RiscZeroSetVerifier is IRiscZeroSetVerifier {
    /// @dev Stands in the set builder's journal between its image id and the root: the tree is complete.
    uint256 private constant COMPLETE = 1 << 255;

    /// @inheritdoc IRiscZeroSetVerifier
    IRiscZeroVerifier public immutable VERIFIER;
    /// @inheritdoc ISetVerifier
    bytes4 public immutable SELECTOR;
    bytes32 private immutable imageId;
    string private imageUrl;
    /// @inheritdoc ISetVerifier
    mapping(bytes32 => bool) public containsRoot;

    constructor(IRiscZeroVerifier verifier, bytes32 imageId_, string memory imageUrl_) {
        if (address(verifier).code.length == 0) revert NoCode(address(verifier));
        VERIFIER = verifier;
        imageId = imageId_;
        imageUrl = imageUrl_;
        bytes32 tag = sha256("risc0.SetInclusionReceiptVerifierParameters");
        SELECTOR = bytes4(sha256(abi.encodePacked(tag, imageId_, bytes2(0x0100))));
    }

    /// @inheritdoc IClaimVerifier
    function verify(bytes calldata seal, bytes32 claimDigest) external view {
        _verify(seal, claimDigest);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verify(bytes calldata seal, bytes32 imageId_, bytes32 journalDigest) external view {
        _verify(seal, Claim.digest(imageId_, journalDigest));
    }

    /// @inheritdoc IRiscZeroVerifier
    function verifyIntegrity(Receipt calldata receipt) external view {
        _verify(receipt.seal, receipt.claimDigest);
    }

    /// @inheritdoc ISetVerifier
    /// @dev `seal` is one for the pinned verifier.
    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        _verifyRoot(root, seal);
        containsRoot[root] = true;
        emit VerifiedRoot(root, seal);
    }

    /// @inheritdoc IRiscZeroSetVerifier
    function imageInfo() external view returns (bytes32, string memory) {
        return (imageId, imageUrl);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IClaimVerifier.verify.selector;
    }

    function _verify(bytes calldata seal, bytes32 claimDigest) private view {
        bytes calldata data = InclusionSeal.strip(seal, SELECTOR);
        bytes32 root = ClaimTree.leaf(claimDigest);
        bytes calldata rootSeal = data;
        if (data.length != 0) {
            bytes32[] calldata path;
            (path, rootSeal) = InclusionSeal.decodeStruct(data);
            root = ClaimTree.fold(root, path);
        }
        if (rootSeal.length != 0) _verifyRoot(root, rootSeal);
        else if (!containsRoot[root]) revert VerificationFailed();
    }

    function _verifyRoot(bytes32 root, bytes calldata seal) private view {
        VERIFIER.verify(seal, imageId, sha256(abi.encodePacked(imageId, COMPLETE, root)));
    }
}
