// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { LibraryHarness } from "./base/LibraryHarness.sol";
import { Test } from "./base/Test.sol";
import { vm } from "./base/Vm.sol";

/// @notice Recovery of signers that does not revert: what is malformed is nobody's.
contract SignatureTest is Test {
    LibraryHarness private harness = new LibraryHarness();

    function testFuzz_a_signature(uint256 key, bytes32 digest) public view {
        key = toKey(key);
        assertEq(harness.tryRecover(digest, sign(key, digest)), vm.addr(key), "signer");
        assertEq(harness.tryRecover(digest, signHighS(key, digest)), address(0), "high s");
    }

    function testFuzz_another_length(uint256 key, bytes32 digest, uint256 length) public view {
        bytes memory signature = sign(toKey(key), digest);
        length = bound(length, 0, 130);
        if (length == 65) ++length;
        bytes memory other = new bytes(length);
        for (uint256 i = 0; i < length && i < 65; ++i) {
            other[i] = signature[i];
        }
        assertEq(harness.tryRecover(digest, other), address(0), "nobody");
    }

    function testFuzz_another_v(uint256 key, bytes32 digest, uint8 v) public view {
        bytes memory signature = sign(toKey(key), digest);
        vm.assume(v != 27 && v != 28);
        signature[64] = bytes1(v);
        assertEq(harness.tryRecover(digest, signature), address(0), "nobody");
    }
}
