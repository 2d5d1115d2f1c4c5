// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Signature } from "../src/signing/Signature.sol";
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

    /// @dev Whoever it may be of: the highest s that counts as low is taken, the next is not.
    function testFuzz_the_highest_s(uint256 key, bytes32 digest) public view {
        bytes32 half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
        (uint8 v, bytes32 r,) = vm.sign(toKey(key), digest);
        address somebody = ecrecover(digest, v, r, half);
        vm.assume(somebody != address(0));
        assertEq(harness.tryRecover(digest, abi.encodePacked(r, half, v)), somebody, "tried");
        assertEq(harness.recover(digest, abi.encodePacked(r, half, v)), somebody, "recovered");
        bytes32 next = bytes32(uint256(half) + 1);
        assertEq(harness.tryRecover(digest, abi.encodePacked(r, next, v)), address(0), "nobody");
        (bool success, bytes memory reason) =
            address(harness).staticcall(abi.encodeCall(harness.recover, (digest, abi.encodePacked(r, next, v))));
        assertFalse(success, "recovered");
        assertEq(reason, abi.encodeWithSelector(Signature.ECDSAInvalidSignatureS.selector, next), "reason");
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
