// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { InclusionSeal } from "../src/verification/InclusionSeal.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { Test } from "./base/Test.sol";

/// @notice Trees and the seals of their leaves.
contract InclusionTest is Test {
    LibraryHarness private harness = new LibraryHarness();

    /// @dev What decodes is exactly what encodes to the same bytes: the two readings of canonical agree.
    function accepts(bytes memory data) private view returns (bool) {
        try harness.decodeInclusion(data) returns (bytes32[] memory path, bytes memory rootSeal) {
            assertEq(abi.encode(path, rootSeal), data, "not canonical");
            return true;
        } catch (bytes memory reason) {
            assertEq(reason, abi.encodeWithSelector(InclusionSeal.MalformedSeal.selector), "reason");
            return false;
        }
    }

    function testFuzz_round_trip(bytes32[] memory path, bytes memory rootSeal) public view {
        bytes memory data = abi.encode(path, rootSeal);
        assertTrue(accepts(data), "accepted");
        (bytes32[] memory decodedPath, bytes memory decodedSeal) = harness.decodeInclusion(data);
        assertEq(abi.encode(decodedPath, decodedSeal), data, "decoded");
    }

    function testFuzz_anything(bytes memory data) public view {
        accepts(data);
    }

    /// @dev Four words that look like offsets and lengths, small, huge or right, and something behind them.
    function testFuzz_hostile_structure(uint256[4] memory words, uint256 kinds, bytes memory tail) public view {
        uint256[4] memory right = [uint256(0x40), 0x60, 0, 0];
        for (uint256 i = 0; i < 4; ++i) {
            uint256 kind = kinds >> (8 * i) & 3;
            if (kind == 0) words[i] = right[i];
            if (kind == 1) words[i] = words[i] % 256;
            if (kind == 2) words[i] = type(uint256).max - words[i] % 256;
        }
        accepts(abi.encodePacked(words, tail));
    }

    function testFuzz_one_bit_of_structure_or_padding(bytes32[] memory path, bytes memory rootSeal, uint256 bit)
        public
        view
    {
        bytes memory data = abi.encode(path, rootSeal);
        bit = bound(bit, 0, data.length * 8 - 1);
        uint256 index = bit / 8;
        data[index] ^= bytes1(uint8(1 << (bit % 8)));
        bool accepted = accepts(data);
        uint256 toLength = 0x60 + 32 * path.length;
        if (index >= toLength && index < toLength + 32) return; // another length can be the encoding of another seal
        bool isPath = index >= 0x60 && index < toLength;
        bool isSeal = index >= toLength + 32 && index < toLength + 32 + rootSeal.length;
        assertTrue(accepted == (isPath || isSeal), "accepted");
    }

    // ------------------------------------------------------------------------------------------------------------ trees

    function pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    function test_roots_by_hand() public view {
        bytes32[] memory nodes = new bytes32[](1);
        (bytes32 a, bytes32 b, bytes32 c) = (bytes32(uint256(3)), bytes32(uint256(1)), bytes32(uint256(2)));
        nodes[0] = a;
        assertEq(harness.treeRoot(nodes), a, "one");
        nodes = new bytes32[](3);
        (nodes[0], nodes[1], nodes[2]) = (a, b, c);
        assertEq(harness.treeRoot(nodes), pair(pair(a, b), c), "three");
        nodes = new bytes32[](5);
        (nodes[0], nodes[1], nodes[2], nodes[3], nodes[4]) = (a, b, c, a, b);
        assertEq(harness.treeRoot(nodes), pair(pair(pair(a, b), pair(c, a)), b), "five");
    }

    /// @dev Every leaf climbs along its path to the root that the whole tree has.
    function testFuzz_every_leaf_is_under_the_root(uint256 count, uint256 index) public view {
        count = bound(count, 1, 40);
        index = bound(index, 0, count - 1);
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            level[i] = keccak256(abi.encodePacked("LEAF_TAG", keccak256(abi.encode(i))));
        }
        bytes32 root = harness.treeRoot(level);
        bytes32[] memory found = new bytes32[](6);
        uint256 length;
        uint256 at_ = index;
        while (level.length > 1) {
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < level.length; i += 2) {
                above[i / 2] = i + 1 < level.length ? pair(level[i], level[i + 1]) : level[i];
            }
            if (at_ ^ 1 < level.length) found[length++] = level[at_ ^ 1];
            (level, at_) = (above, at_ / 2);
        }
        assembly {
            mstore(found, length)
        }
        assertEq(harness.foldClaim(keccak256(abi.encode(index)), found), root, "root");
    }
}
