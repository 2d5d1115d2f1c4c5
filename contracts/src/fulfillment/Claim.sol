// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice The claim that a program ran to a successful halt, without assumptions, and left a journal.
library Claim {
    /// @dev sha256("risc0.Output")
    bytes32 private constant OUTPUT_TAG = 0x77eafeb366a78b47747de0d7bb176284085ff5564887009a5be63da32d3559d4;
    /// @dev sha256("risc0.ReceiptClaim")
    bytes32 private constant RECEIPT_CLAIM_TAG = 0xcb1fefcd1f2d9a64975cbbbf6e161e2914434b0cbb9960b84df5d717e86b48af;
    /// @dev The machine state after a halt.
    bytes32 private constant HALTED_STATE = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;

    /// @notice Claim digest of `imageId` and the SHA-256 of its journal.
    /// @dev Both preimages are laid out at the free memory pointer, which stays where it is: batches hash many claims.
    ///      output = SHA-256(OUTPUT_TAG ‖ journalDigest ‖ 0 ‖ 0x0200); the claim's tail is two exit codes of zero ‖ 0x0400.
    function digest(bytes32 imageId, bytes32 journalDigest) internal view returns (bytes32 claim) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, OUTPUT_TAG)
            mstore(add(free, 0x20), journalDigest)
            mstore(add(free, 0x40), 0)
            mstore(add(free, 0x60), shl(240, 0x0200))
            let hashed := staticcall(gas(), 2, free, 0x62, add(free, 0x80), 0x20)
            mstore(free, RECEIPT_CLAIM_TAG)
            mstore(add(free, 0x20), 0)
            mstore(add(free, 0x40), imageId)
            mstore(add(free, 0x60), HALTED_STATE)
            mstore(add(free, 0xa0), shl(176, 0x0400))
            hashed := and(hashed, staticcall(gas(), 2, free, 0xaa, free, 0x20))
            if iszero(hashed) { revert(0, 0) } // out of gas
            claim := mload(free)
        }
    }
}
