// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice Merkle trees: nodes over pairs in ascending order, and tagged leaves where the leaves are claim digests.
library ClaimTree {
    function leaf(bytes32 claimDigest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claimDigest));
    }

    /// @notice The root above `node` along the siblings of `path`, from the bottom up.
    function fold(bytes32 node, bytes32[] calldata path) internal pure returns (bytes32) {
        for (uint256 i = 0; i < path.length; ++i) {
            node = parent(node, path[i]);
        }
        return node;
    }

    /// @notice The root above `nodes`: pairs in the order given, an odd last node going up unchanged. At least one node.
    /// @dev Works in place and leaves `nodes` used up.
    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 count = nodes.length;
        while (count > 1) {
            uint256 pairs = count / 2;
            for (uint256 i = 0; i < pairs; ++i) {
                nodes[i] = parent(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (count % 2 == 1) nodes[pairs] = nodes[count - 1];
            count -= pairs;
        }
        return nodes[0];
    }

    function parent(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? EfficientHashLib.hash(a, b) : EfficientHashLib.hash(b, a);
    }
}
