// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Draw } from "../../src/registry/Draw.sol";
import { LeafProof, Sibling, StakeTree, StakeTreeState } from "../../src/registry/StakeTree.sol";

/// @notice The libraries of the active set, callable, and a tree beside the registry's.
contract TreeHarness {
    StakeTreeState private tree;

    function update(uint32 place, address prover, uint96 weight) external returns (uint32) {
        return StakeTree.update(tree, place, prover, weight);
    }

    function root() external view returns (bytes32) {
        return StakeTree.root(tree);
    }

    function total() external view returns (uint96) {
        return tree.total;
    }

    function depth() external view returns (uint256) {
        return tree.depth;
    }

    function pathOf(uint256 index) external view returns (Sibling[] memory) {
        return StakeTree.pathOf(tree, index);
    }

    function drawAt(uint256 ticket) external view returns (address) {
        return StakeTree.drawAt(tree, ticket);
    }

    function verifyDraw(bytes32 root_, uint96 total_, uint256 ticket, LeafProof calldata proof) external pure {
        StakeTree.verifyDraw(root_, total_, ticket, proof.prover, proof.weight, proof.index, proof.path);
    }

    function verifyDraws(bytes32 root_, uint96 total_, bytes32 seed, LeafProof[] calldata proofs) external pure {
        StakeTree.verifyDraws(root_, total_, seed, proofs);
    }

    function lift(uint256 ticket, uint256[] memory drawn) external pure returns (uint256) {
        return StakeTree.lift(ticket, drawn, drawn.length);
    }

    function ticketOf(bytes32 seed, uint256 total_) external pure returns (uint256) {
        return Draw.ticket(seed, total_);
    }

    function next(bytes32 seed, uint256 from, uint256 total_) external pure returns (uint256, uint256) {
        return Draw.next(seed, from, total_);
    }
}
