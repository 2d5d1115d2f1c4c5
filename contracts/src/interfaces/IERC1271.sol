// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice A contract that signs.
interface IERC1271 {
    /// @return magicValue 0x1626ba7e if and only if `signature` is valid for `hash`.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4 magicValue);
}
