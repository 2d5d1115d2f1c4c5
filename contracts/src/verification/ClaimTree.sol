// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice Merkle trees of claim digests: tagged leaves, nodes over pairs in ascending order.
library ClaimTree {
    function leaf(bytes32 claimDigest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claimDigest));
    }

    /// @notice The root above `node` along the siblings of `path`, from the bottom up.
    function fold(bytes32 node, bytes32[] calldata path) internal pure returns (bytes32) {
        for (uint256 i = 0; i < path.length; ++i) {
            bytes32 sibling = path[i];
            node = node < sibling ? EfficientHashLib.hash(node, sibling) : EfficientHashLib.hash(sibling, node);
        }
        return node;
    }
}
