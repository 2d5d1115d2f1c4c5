// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { vm } from "./Vm.sol";

/// @notice Assertions and small conveniences over the cheatcodes.
abstract contract Test {
    uint256 private constant SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function assertTrue(bool condition, string memory message) internal pure {
        vm.assertEq(condition, true, message);
    }

    function assertFalse(bool condition, string memory message) internal pure {
        vm.assertEq(condition, false, message);
    }

    function assertEq(uint256 left, uint256 right, string memory message) internal pure {
        vm.assertEq(left, right, message);
    }

    function assertEq(bytes32 left, bytes32 right, string memory message) internal pure {
        vm.assertEq(left, right, message);
    }

    function assertEq(address left, address right, string memory message) internal pure {
        vm.assertEq(left, right, message);
    }

    function assertEq(bytes memory left, bytes memory right, string memory message) internal pure {
        vm.assertEq(left, right, message);
    }

    /// @notice Maps a fuzzed value into `[low, high]`, keeping values that are already there.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        return size == 0 ? value : low + value % size;
    }

    /// @notice A private key for any fuzzed value.
    function toKey(uint256 value) internal pure returns (uint256) {
        return bound(value, 1, SECP256K1_ORDER - 1);
    }

    function keyOf(string memory name) internal pure returns (uint256) {
        return toKey(uint256(keccak256(bytes(name))));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @notice The other signature for the same digest and signer, with the high s.
    function signHighS(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, SECP256K1_ORDER - uint256(s), v == 27 ? uint8(28) : uint8(27));
    }

    /// @notice Runs a constructor at a chosen address, so that what it fixes is right for that address.
    function deployAt(address target, bytes memory creationCode) internal {
        vm.etch(target, creationCode);
        (bool success, bytes memory runtime) = target.call("");
        require(success, "constructor failed");
        vm.etch(target, runtime);
    }
}
