// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { LeafProof } from "../../src/registry/StakeTree.sol";
import { Test } from "../base/Test.sol";
import { vm } from "../base/Vm.sol";
import { TreeHarness } from "./TreeHarness.sol";

/// @notice Replays the golden files of draws and trees that the Rust tests write to vectors/.
contract RegistryVectorsTest is Test {
    string private json;

    function each(string memory name, function(string memory) replay) private {
        json = vm.readFile(string.concat("../vectors/", name, ".json"));
        uint256 count = 0;
        for (; vm.keyExistsJson(json, elementOf(".cases", count)); ++count) {
            replay(elementOf(".cases", count));
        }
        assertTrue(count != 0, "no cases");
    }

    function elementOf(string memory path, uint256 index) private pure returns (string memory) {
        return string.concat(path, "[", vm.toString(index), "]");
    }

    function uintOf(string memory path, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, field));
    }

    function wordOf(string memory path, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(path, field));
    }

    function proofsOf(string memory path, string memory field) private view returns (LeafProof[] memory) {
        return abi.decode(vm.parseJsonBytes(json, string.concat(path, field)), (LeafProof[]));
    }

    function test_draw() public {
        each("draw", replayDraw);
    }

    function replayDraw(string memory path) private {
        TreeHarness harness = new TreeHarness();
        bytes32 seed = wordOf(path, ".seed");
        uint256 total = uintOf(path, ".total");
        uint256 candidate = 0;
        for (uint256 i = 0; i < 5; ++i) {
            uint256 ticket;
            (ticket, candidate) = harness.next(seed, candidate, total);
            assertEq(ticket, uintOf(path, elementOf(".tickets", i)), path);
        }
        assertEq(candidate, uintOf(path, ".candidates"), path);
        assertEq(harness.ticketOf(seed, total), uintOf(path, ".tickets[0]"), path);
    }

    function test_stake_tree() public {
        each("stake_tree", replayTree);
    }

    function replayTree(string memory path) private {
        TreeHarness harness = new TreeHarness();
        build(harness, path);
        bytes32 root = wordOf(path, ".root");
        uint96 total = uint96(uintOf(path, ".total"));
        assertEq(harness.root(), root, path);
        assertEq(harness.total(), total, path);
        assertEq(harness.depth(), uintOf(path, ".depth"), path);

        LeafProof[] memory proofs = proofsOf(path, ".encodedProofs");
        for (uint256 i = 0; i < proofs.length; ++i) {
            uint256 ticket = uintOf(path, elementOf(".tickets", i));
            harness.verifyDraw(root, total, ticket, proofs[i]);
            assertEq(harness.drawAt(ticket), proofs[i].prover, path);
            assertEq(
                keccak256(abi.encode(harness.pathOf(proofs[i].index))), keccak256(abi.encode(proofs[i].path)), path
            );
        }
        harness.verifyDraws(root, total, wordOf(path, ".seed"), proofsOf(path, ".encodedDraws"));
    }

    /// @dev Holes are made by giving leaves back.
    function build(TreeHarness harness, string memory path) private {
        address[] memory provers = vm.parseJsonAddressArray(json, string.concat(path, ".provers"));
        for (uint256 i = 0; i < provers.length; ++i) {
            harness.update(0, provers[i], 1);
        }
        for (uint256 i = 0; i < provers.length; ++i) {
            harness.update(uint32(i + 1), provers[i], uint96(uintOf(path, elementOf(".weights", i))));
        }
    }
}
